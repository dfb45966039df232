"""`acksm explain`, `acksm config show`, `acksm version`: what needs no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run_resolved, run_without_settings
from acksm.cli.shape import OPERATE, OTHER, App
from acksm.ui import Ui
from acksm.words import duration

if TYPE_CHECKING:
    from acksm.config import Resolved

app = App()
config_app = App(name="config", panel=OTHER, help="Show settings and where they come from.", no_args_is_help=True)
app.add_typer(config_app)


@app.command(
    "explain",
    panel=OPERATE,
    examples=(
        "acksm explain pod-failing",
        "acksm explain --list",
    ),
)
def explain(
    ctx: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Id of an error, a check or a change, or words of a title.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List all ids with their titles.")] = False,
    output: options.Output = None,
) -> None:
    """Explain the id of an error, a check or a change: cause and remedy."""

    def work(ui: Ui) -> int:
        from acksm.explain import explain as described

        data, text = described(id, ui.table, list_all=list_all)
        ui.result("explain", data, text)
        return 0

    run_without_settings(ctx, work)


@config_app.command("show")
def show(
    ctx: typer.Context,
    changed: Annotated[bool, typer.Option("--changed", help="Leave out settings that have their default.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    version: options.Version = None,
    scope: options.Scope = None,
    watch_namespace: options.WatchNamespace = None,
    create_namespace: options.CreateWatched = None,
    values: options.Values = None,
    set: options.Set = None,
    reset_values: options.ResetValues = None,
    chart: options.Chart = None,
    registry: options.Registry = None,
    adopt_release: options.AdoptRelease = None,
    role_arn: options.RoleArn = None,
    role_name: options.RoleName = None,
    role_path: options.RolePath = None,
    permissions_boundary: options.PermissionsBoundary = None,
    tag: options.Tag = None,
    policy: options.Policy = None,
    policy_arn: options.PolicyArn = None,
    execution_role: options.ExecutionRole = None,
    adopt_role: options.AdoptRole = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    wait: options.WaitForControllers = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show every setting with its value and origin."""

    def work(resolved: Resolved, ui: Ui) -> int:
        values = resolved.settings.flat()
        if changed:
            values = {key: value for key, value in values.items() if resolved.origins[key] != "default"}
        rows = [(key.replace("_", "-"), shown(value), resolved.origins[key]) for key, value in values.items()]
        text = ui.table(("SETTING", "VALUE", "ORIGIN"), rows)
        ui.result("config show", {"settings": values, "origins": {key: resolved.origins[key] for key in values}}, text)
        return 0

    run_resolved(ctx, work)


@app.command("version", panel=OTHER)
def version(ctx: typer.Context, output: options.Output = None) -> None:
    """Print the version of acksm."""

    def work(ui: Ui) -> int:
        from acksm import __version__

        ui.result("version", {"version": __version__}, __version__)
        return 0

    run_without_settings(ctx, work)


def shown(value: object) -> str:
    """A setting as it is written on the command line."""
    if isinstance(value, Mapping):
        return ", ".join(str(key) if isinstance(item, Mapping) else f"{key}={item}" for key, item in value.items())
    if isinstance(value, float):  # --timeout, --lock-timeout
        return duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"{len(value)} declared" if value and isinstance(value[0], Mapping) else ", ".join(map(str, value))
    return "" if value is None else str(value)
