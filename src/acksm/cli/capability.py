"""`acksm capability`: EKS's own ACK controllers beside acksm's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OPERATE, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App(
    name="capability",
    panel=OPERATE,
    help="Show what an EKS capability of type ACK reconciles, and take services out of it.",
    no_args_is_help=True,
)


@app.command("status", examples=("acksm capability status --cluster demo",))
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
    """Show the capability, the controllers beside it, and who holds the Leases; exit 3 when both reconcile."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.capability import status as section

        return section.run(settings.target, settings.run, ui)

    run(ctx, work)


@app.command(
    "share",
    examples=("acksm capability share --service sagemaker --dry-run", "acksm capability share"),
)
def share(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    service: options.Service = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Take services out of the EKS capability, so that acksm's controllers can reconcile them."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.capability import share as section

        return section.run(settings.target, settings.controllers.service, settings.run, ui)

    run(ctx, work)
