"""`acksm connect`, `acksm oidc`, `acksm iam-role`, `acksm token`: the guide's §2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OTHER, SETUP, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App()


@app.command(
    "connect",
    panel=SETUP,
    examples=(
        "acksm connect --cluster demo --region us-west-2",
        "acksm connect --cluster demo --alias demo --profile team-a",
    ),
)
def connect(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            "--kubeconfig",
            metavar="FILE",
            help="File to write [the one of KUBECONFIG, or ~/.kube/config].",
            rich_help_panel="Target",
        ),
    ] = None,
    alias: Annotated[
        str,
        typer.Option("--alias", metavar="NAME", help="Name of the context [ARN of the cluster].", show_default=False),
    ] = "",
    user_alias: Annotated[
        str,
        typer.Option(
            "--user-alias", metavar="NAME", help="Name of the user entry [ARN of the cluster].", show_default=False
        ),
    ] = "",
    role: options.SignInRole = "",
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Write a kubeconfig context of the cluster, and show who signs in by it."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.connect import command as section

        return section.run(settings.target, settings.run, ui, alias=alias, user_alias=user_alias, role_arn=role)

    run(ctx, work)


@app.command("oidc", panel=SETUP, examples=("acksm oidc --cluster demo --region us-west-2",))
def oidc(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    tag: options.Tag = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Create or update the cluster's OIDC provider in IAM."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as install

        return install.run(
            settings.target, settings.controllers, settings.role, settings.run, ui, command="oidc", sections=("oidc",)
        )

    run(ctx, work)


@app.command(
    "iam-role",
    panel=SETUP,
    examples=("acksm iam-role --cluster demo --policy least --execution-role arn:aws:iam::111122223333:role/training",),
)
def iam_role(
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
    identity: options.Identity = None,
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
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Create or update the controllers' IAM role, and print its ARN."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as install

        return install.run(
            settings.target,
            settings.controllers,
            settings.role,
            settings.run,
            ui,
            command="iam-role",
            sections=("iam-role",),
        )

    run(ctx, work)


@app.command("token", panel=OTHER, examples=("acksm token --cluster demo --region us-west-2",))
def token(
    ctx: typer.Context,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    role: options.SignInRole = "",
    output: options.Output = None,
) -> None:
    """Print an EKS token as an ExecCredential for kubectl, as `aws eks get-token` does."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.connect.target import exec_credential

        ui.verbatim(exec_credential(settings.target, role))
        return 0

    run(ctx, work)
