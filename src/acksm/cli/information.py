"""`acksm explain`, `acksm config show`, `acksm version`: what needs no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli.options import (
    Account,
    AdoptRelease,
    AdoptRole,
    Chart,
    Cluster,
    Context,
    ControllerNamespace,
    CreateWatched,
    DryRun,
    ExecutionRole,
    File,
    Full,
    Kubeconfig,
    LockTimeout,
    Output,
    PermissionsBoundary,
    Policy,
    PolicyArn,
    Profile,
    Region,
    Registry,
    ResetValues,
    RoleArn,
    RoleName,
    RolePath,
    Scope,
    Service,
    Set,
    Tag,
    Timeout,
    Values,
    Version,
    WaitForControllers,
    WatchNamespace,
    Yes,
)
from acksm.cli.run import run_resolved, run_without_settings
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved

app = typer.Typer(rich_markup_mode=None)
config_app = typer.Typer(name="config", help="Where settings come from.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app)


@app.command("explain")
def explain(
    ctx: typer.Context,
    id: Annotated[str | None, typer.Argument(help="An id from error[…], a check or a change.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="All ids with their titles.")] = False,
    output: Output = None,
) -> None:
    """What an id means, why it happens and what puts it right; offline."""

    def work(ui: Ui) -> int:
        from acksm.explain import explain as described

        data, text = described(id, list_all)
        ui.result("explain", data, text)
        return 0

    run_without_settings(ctx, work)


@config_app.command("show")
def show(
    ctx: typer.Context,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    account: Account = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    service: Service = None,
    version: Version = None,
    scope: Scope = None,
    watch_namespace: WatchNamespace = None,
    create_namespace: CreateWatched = None,
    values: Values = None,
    set: Set = None,
    reset_values: ResetValues = None,
    chart: Chart = None,
    registry: Registry = None,
    adopt_release: AdoptRelease = None,
    role_arn: RoleArn = None,
    role_name: RoleName = None,
    role_path: RolePath = None,
    permissions_boundary: PermissionsBoundary = None,
    tag: Tag = None,
    policy: Policy = None,
    policy_arn: PolicyArn = None,
    execution_role: ExecutionRole = None,
    adopt_role: AdoptRole = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    wait: WaitForControllers = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Every setting, its value and its origin."""

    def work(resolved: Resolved, ui: Ui) -> int:
        values = resolved.settings.flat()
        rows = [(key.replace("_", "-"), shown(value), resolved.origins[key]) for key, value in values.items()]
        text = ui.table(("SETTING", "VALUE", "ORIGIN"), rows)
        ui.result("config show", {"settings": values, "origins": dict(resolved.origins)}, text)
        return 0

    run_resolved(ctx, work)


@app.command("version")
def version(ctx: typer.Context, output: Output = None) -> None:
    """The version of acksm."""

    def work(ui: Ui) -> int:
        from acksm import __version__

        ui.result("version", {"version": __version__}, __version__)
        return 0

    run_without_settings(ctx, work)


def shown(value: object) -> str:
    """A setting as it is written on the command line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"{len(value)} declared" if value and isinstance(value[0], Mapping) else ", ".join(map(str, value))
    return "" if value is None else str(value)
