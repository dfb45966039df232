"""`acksm oidc`, `acksm iam-role`, `acksm token`: the guide's §2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from acksm.cli.options import (
    Account,
    AdoptRole,
    Cluster,
    Context,
    ControllerNamespace,
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
    RoleName,
    RolePath,
    Service,
    Tag,
    Timeout,
    Yes,
)
from acksm.cli.run import run
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = typer.Typer(rich_markup_mode=None)


@app.command("oidc")
def oidc(
    ctx: typer.Context,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    account: Account = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    tag: Tag = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Ensure the cluster's IAM OIDC provider (guide 2.1.1)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as install

        return install.run(
            settings.target, settings.controllers, settings.role, settings.run, ui, command="oidc", sections=("oidc",)
        )

    run(ctx, work)


@app.command("iam-role")
def iam_role(
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
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Ensure the controllers' IAM role; prints its ARN (guide 2.1.2)."""

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


@app.command("token")
def token(
    ctx: typer.Context,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    output: Output = None,
) -> None:
    """Print an EKS token as kubectl's ExecCredential (what `aws eks get-token` does)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.connect.target import exec_credential

        ui.verbatim(exec_credential(settings.target))
        return 0

    run(ctx, work)
