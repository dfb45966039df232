"""`acksm carm`: the guide's §6, objects in other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli.options import (
    Account,
    AdoptRole,
    AdoptTargetRole,
    Cluster,
    Context,
    ControllerNamespace,
    ControllerRoleArn,
    CreateNamespace,
    DryRun,
    ExpectedMode,
    File,
    Full,
    Kubeconfig,
    LockTimeout,
    Output,
    Profile,
    Region,
    TargetAccount,
    TargetExecutionRole,
    TargetPermissionsBoundary,
    TargetPolicy,
    TargetPolicyArn,
    TargetProfile,
    TargetRoleArn,
    TargetRoleName,
    TargetRolePath,
    TargetTag,
    Timeout,
    Yes,
)
from acksm.cli.run import run
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = typer.Typer(
    name="carm",
    help="Namespaces whose objects are made in other accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
# --account is the other account here; the pin of one's own is ACKSM_ACCOUNT or the file's.
ToAccount = Annotated[
    str, typer.Option("--account", help="The account whose objects are made there.", show_default=False)
]
Live = Annotated[bool, typer.Option("--live", help="Assume each role once, with the controllers' own identity.")]


@app.command("setup")
def setup(
    ctx: typer.Context,
    print_only: Annotated[
        bool, typer.Option("--print", help="A template and commands for the other account's administrator.")
    ] = False,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    account: Account = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    target_profile: TargetProfile = None,
    target_role_arn: TargetRoleArn = None,
    target_role_name: TargetRoleName = None,
    target_role_path: TargetRolePath = None,
    target_account: TargetAccount = None,
    controller_role_arn: ControllerRoleArn = None,
    target_policy: TargetPolicy = None,
    target_policy_arn: TargetPolicyArn = None,
    target_execution_role: TargetExecutionRole = None,
    target_permissions_boundary: TargetPermissionsBoundary = None,
    target_tag: TargetTag = None,
    adopt_target_role: AdoptTargetRole = None,
    adopt_role: AdoptRole = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Let the controllers' role assume a role in another account, on both sides (guide 6.1)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import accounts

        return accounts.run(
            settings.target,
            settings.controllers.service,
            settings.role,
            settings.other_account,
            settings.run,
            ui,
            print_only=print_only,
        )

    run(ctx, work)


@app.command("bind")
def bind(
    ctx: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces [all of the settings file].")
    ] = None,
    to_account: ToAccount = "",
    team: Annotated[
        str,
        typer.Option("--team", help="A team in the place of an account (gate TeamLevelCARM).", show_default=False),
    ] = "",
    to_role_arn: Annotated[
        str,
        typer.Option("--role-arn", help="Role in that account [the map's, or the default name].", show_default=False),
    ] = "",
    for_service: Annotated[
        list[str] | None,
        typer.Option("--for-service", help="The role is for this service only, repeatable (gate ServiceLevelCARM)."),
    ] = None,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    create_namespace: CreateNamespace = None,
    target_role_name: TargetRoleName = None,
    mode: ExpectedMode = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Bind namespaces to an account: map entry and annotation (guide 6.2, 6.3)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import bind as carm_bind

        asked = carm_bind.Asked(tuple(namespaces or ()), to_account, team, to_role_arn, tuple(for_service or ()))
        return carm_bind.run_bind(
            settings.target,
            settings.declared,
            settings.run,
            ui,
            asked,
            mode=settings.controllers.mode or "",
            default_role=settings.other_account.target_role_name,
            create=settings.controllers.create_namespace,
        )

    run(ctx, work)


@app.command("unbind")
def unbind(
    ctx: typer.Context,
    namespaces: Annotated[list[str], typer.Argument(metavar="NAMESPACE", help="The namespaces.")],
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    mode: ExpectedMode = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Take the binding away, and the map's entry when no namespace uses it."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import bind as carm_bind

        mode = settings.controllers.mode or ""
        return carm_bind.run_unbind(settings.target, settings.run, ui, namespaces, mode=mode)

    run(ctx, work)


@app.command("list")
def list_(
    ctx: typer.Context,
    live: Live = False,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    target_profile: TargetProfile = None,
    target_role_arn: TargetRoleArn = None,
    target_role_name: TargetRoleName = None,
    target_role_path: TargetRolePath = None,
    target_account: TargetAccount = None,
    mode: ExpectedMode = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Namespaces, their accounts and roles, and whether the roles can be assumed; exit 3 when one cannot."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import verify as carm_verify

        return carm_verify.run(
            settings.target,
            settings.other_account,
            settings.run,
            ui,
            (),
            mode=settings.controllers.mode or "",
            live=live,
            command="carm list",
        )

    run(ctx, work)


@app.command("verify")
def verify(
    ctx: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces [all that are bound].")
    ] = None,
    live: Live = False,
    cluster: Cluster = None,
    region: Region = None,
    profile: Profile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    controller_namespace: ControllerNamespace = None,
    file: File = None,
    target_profile: TargetProfile = None,
    target_role_arn: TargetRoleArn = None,
    target_role_name: TargetRoleName = None,
    target_role_path: TargetRolePath = None,
    target_account: TargetAccount = None,
    mode: ExpectedMode = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """Each link from namespace to assumed role; exit 3 unless all hold and are proven."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import verify as carm_verify

        return carm_verify.run(
            settings.target,
            settings.other_account,
            settings.run,
            ui,
            tuple(namespaces or ()),
            mode=settings.controllers.mode or "",
            live=live,
            command="carm verify",
        )

    run(ctx, work)
