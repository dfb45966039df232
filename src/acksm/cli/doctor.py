"""`acksm doctor`, `acksm report`: finding out what is wrong, and telling others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli.options import (
    Account,
    Chart,
    Cluster,
    Context,
    ControllerNamespace,
    DryRun,
    ExecutionRole,
    File,
    Format,
    FullChecks,
    Kubeconfig,
    LockTimeout,
    LongControllerNamespace,
    ObjectNamespace,
    Output,
    Policy,
    Profile,
    Region,
    Registry,
    RoleArn,
    RoleName,
    Service,
    TargetAccount,
    TargetProfile,
    TargetRoleArn,
    TargetRoleName,
    Timeout,
    Yes,
)
from acksm.cli.run import run, run_resolved
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved
    from acksm.settings import Settings

app = typer.Typer(rich_markup_mode=None)


@app.command("doctor")
def doctor(
    ctx: typer.Context,
    thing: Annotated[
        str | None, typer.Argument(metavar="KIND/NAME", help="An object to follow from the cluster to AWS.")
    ] = None,
    namespace: ObjectNamespace = "default",
    fix: Annotated[bool, typer.Option("--fix", help="Carry out the remedies that are safe, as a plan.")] = False,
    print_policy: Annotated[
        str,
        typer.Option(
            "--print-policy",
            metavar="COMMAND",
            help="The IAM policy that a command's caller needs, and no more.",
            show_default=False,
        ),
    ] = "",
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    account: Account = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: LongControllerNamespace = None,
    file: File = None,
    service: Service = None,
    registry: Registry = None,
    chart: Chart = None,
    role_name: RoleName = None,
    role_arn: RoleArn = None,
    policy: Policy = None,
    execution_role: ExecutionRole = None,
    target_profile: TargetProfile = None,
    target_role_arn: TargetRoleArn = None,
    target_role_name: TargetRoleName = None,
    target_account: TargetAccount = None,
    dry_run: DryRun = None,
    full: FullChecks = None,
    yes: Yes = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Everything that can be wrong, each with its remedy; exit 3 when an error is found."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.doctor import command as section

        if print_policy:
            return section.run_policy(settings, ui, print_policy)
        if thing:
            return section.run_object(settings.target, settings.other_account, settings.run, ui, thing, namespace)
        return section.run(settings, ui, fix=fix)

    run(ctx, work)


@app.command("report")
def report(
    ctx: typer.Context,
    bundle: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="A .tar.gz or .zip to write.", show_default=False),
    ] = "acksm-report.tar.gz",
    show_accounts: Annotated[bool, typer.Option("--show-accounts", help="Leave account ids as they are.")] = False,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    account: Account = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    service: Service = None,
    registry: Registry = None,
    chart: Chart = None,
    role_name: RoleName = None,
    role_arn: RoleArn = None,
    policy: Policy = None,
    execution_role: ExecutionRole = None,
    target_profile: TargetProfile = None,
    target_role_arn: TargetRoleArn = None,
    target_role_name: TargetRoleName = None,
    target_account: TargetAccount = None,
    timeout: Timeout = None,
    output: Format = None,
) -> None:
    """Write a support bundle without secrets: state, checks, values, conditions, events, logs."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.guide.doctor import support_bundle
        from acksm.ui import clean

        return support_bundle.run(resolved, ui, bundle, accounts=show_accounts, clean=clean)

    run_resolved(ctx, work)
