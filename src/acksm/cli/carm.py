"""`acksm carm`: the guide's §6, objects in other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
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
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_role_path: options.TargetRolePath = None,
    target_account: options.TargetAccount = None,
    controller_role_arn: options.ControllerRoleArn = None,
    target_policy: options.TargetPolicy = None,
    target_policy_arn: options.TargetPolicyArn = None,
    target_execution_role: options.TargetExecutionRole = None,
    target_permissions_boundary: options.TargetPermissionsBoundary = None,
    target_tag: options.TargetTag = None,
    adopt_target_role: options.AdoptTargetRole = None,
    adopt_role: options.AdoptRole = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
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
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    create_namespace: options.CreateNamespace = None,
    target_role_name: options.TargetRoleName = None,
    mode: options.ExpectedMode = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Bind namespaces to an account: map entry and annotation (guide 6.2, 6.3)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import bind as carm_bind

        asked = carm_bind.Requested(tuple(namespaces or ()), to_account, team, to_role_arn, tuple(for_service or ()))
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
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    mode: options.ExpectedMode = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
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
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_role_path: options.TargetRolePath = None,
    target_account: options.TargetAccount = None,
    mode: options.ExpectedMode = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
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
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.File = None,
    target_profile: options.TargetProfile = None,
    target_role_arn: options.TargetRoleArn = None,
    target_role_name: options.TargetRoleName = None,
    target_role_path: options.TargetRolePath = None,
    target_account: options.TargetAccount = None,
    mode: options.ExpectedMode = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
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
