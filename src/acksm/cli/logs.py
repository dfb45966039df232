"""`acksm logs`, `acksm history`, `acksm versions`: what a controller writes, what was changed, which versions exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run, run_resolved
from acksm.cli.shape import OPERATE, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved
    from acksm.settings import Settings

app = App()


@app.command(
    "logs",
    panel=OPERATE,
    examples=(
        "acksm logs sagemaker -f",
        "acksm logs sagemaker --since 10m --tail 100",
        "acksm logs sagemaker --previous",
    ),
)
def logs(
    ctx: typer.Context,
    of_service: Annotated[str, typer.Argument(metavar="SERVICE", help="The controller's service.")] = "sagemaker",
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Continue until Ctrl-C, also with pods that replace others; --timeout is of each reading.",
        ),
    ] = False,
    since: Annotated[
        str,
        typer.Option("--since", metavar="DURATION", help="Lines of this time only, such as 10m.", show_default=False),
    ] = "",
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="LINES", min=0, help="Number of lines from the end [all].")
    ] = None,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="The run of the container before this one, which ended.")
    ] = False,
    show_accounts: Annotated[bool, typer.Option("--show-accounts", help="Do not redact account ids.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.LongFile = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Print a controller's log, without secrets."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.ack.names import SERVICES
        from acksm.errors import AcksmError
        from acksm.guide.doctor import following, logs as section
        from acksm.settings import seconds
        from acksm.ui import clean
        from acksm.words import did_you_mean

        if of_service not in SERVICES:
            message = f'unknown service "{of_service}"{did_you_mean(SERVICES)}'
            raise AcksmError("config-invalid", message, where="SERVICE", remedy=f"acksm logs {SERVICES[0]}")
        request = following.Request(
            of_service,
            seconds(since, "--since") if since else None,
            tail,
            follow,
            previous,
            show_accounts,
            resolved.origins["controller_namespace"] != "default",
            clean,
        )
        return section.run(resolved.settings.target, resolved.settings.run, ui, request)

    run_resolved(ctx, work)


@app.command("history", panel=OPERATE, examples=("acksm history",))
def history(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    role_name: options.RoleName = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show what was changed, when and by which tool, as far as it is recorded."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import history as section

        return section.run(settings.target, settings.role, settings.run, ui)

    run(ctx, work)


@app.command("versions", panel=OPERATE, examples=("acksm versions", "acksm versions --service sagemaker --all"))
def versions(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="List all versions, not only the newest.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    registry: options.Registry = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """List the chart versions of the registry: installed, tested, latest."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import versions as section

        return section.run(settings.target, settings.controllers, settings.run, ui, every=every)

    run(ctx, work)
