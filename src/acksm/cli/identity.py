"""`acksm identity`: how the controllers' pods get their role, and the way from IRSA to EKS Pod Identity and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OPERATE, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App(
    name="identity",
    panel=OPERATE,
    help="Show how pods get their role; move them from IAM roles for service accounts (IRSA) to Pod Identity, or back.",
    no_args_is_help=True,
)


@app.command("status", examples=("acksm identity status", "acksm identity status -o wide"))
def status(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show by which way each pod has its role, and what shows it; exit 3 with a problem."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.migrate import status as section

        return section.run(settings.target, settings.run, ui)

    run(ctx, work)


@app.command(
    "migrate",
    examples=(
        "acksm identity migrate --to pod-identity --dry-run",
        "acksm identity migrate --to pod-identity --finish",
        "acksm identity migrate --to irsa",
    ),
)
def migrate(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="pod-identity|irsa", help="How the pods get their role afterwards.", show_default=False
        ),
    ] = "",
    finish: Annotated[
        bool, typer.Option("--finish", help="Remove the other way, once every pod has its role by this one.")
    ] = False,
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
    tag: options.Tag = None,
    install_agent: options.InstallAgent = None,
    adopt_role: options.AdoptRole = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    adopt_target_role: options.AdoptTargetRole = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Move the controllers to EKS Pod Identity or back to IAM roles for service accounts (IRSA), uninterrupted."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.migrate import command as section

        groups = section.Settings(
            settings.target, settings.controllers, settings.role, settings.other_account, settings.run
        )
        return section.run(groups, ui, to=to, finish=finish)

    run(ctx, work)
