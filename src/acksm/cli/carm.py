"""`acksm carm`: the guide's §6, objects in other accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run, run_resolved
from acksm.cli.shape import OBJECTS, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved
    from acksm.settings import Settings

app = App(
    name="carm",
    panel=OBJECTS,
    help="Manage namespaces whose AWS resources are in other accounts (CARM, Cross Account Resource Management).",
    no_args_is_help=True,
)
Live = Annotated[bool, typer.Option("--live", help="Assume each role once, with the controllers' identity.")]


@app.command(
    "setup",
    examples=(
        "acksm carm setup --target-account 111111111111 --target-profile team-b",
        "acksm carm setup --target-account 111111111111 --print",
    ),
)
def setup(
    ctx: typer.Context,
    print_only: Annotated[
        bool,
        typer.Option(
            "--print", help="Print a CloudFormation template and commands for the target account's administrator."
        ),
    ] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
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
    """Allow the controllers' role to assume a role in a target account, on both sides."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import accounts

        return accounts.run(
            settings.target,
            settings.controllers.service,
            settings.role,
            accounts.with_declared(settings.other_account, settings.declared),
            settings.run,
            ui,
            print_only=print_only,
        )

    run(ctx, work)


@app.command("bind", examples=("acksm carm bind team-b --target-account 111111111111",))
def bind(
    ctx: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces [all in the settings file].")
    ] = None,
    in_namespaces: options.InNamespaces = None,
    team: Annotated[
        str,
        typer.Option(
            "--team",
            metavar="TEAM",
            help="Team id instead of an account (feature gate TeamLevelCARM).",
            show_default=False,
        ),
    ] = "",
    to_role_arn: Annotated[
        str,
        typer.Option(
            "--assume-role-arn",
            metavar="ARN",
            help="Role in that account for the controllers to assume [the account map's, or the default name].",
            show_default=False,
        ),
    ] = "",
    for_service: Annotated[
        list[str] | None,
        typer.Option(
            "--for-service",
            metavar="SERVICE",
            help="Use the role for this service only, repeatable (feature gate ServiceLevelCARM).",
        ),
    ] = None,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    create_namespace: options.CreateNamespace = None,
    target_account: options.TargetAccount = None,
    target_role_name: options.TargetRoleName = None,
    mode: options.ExpectedMode = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Bind namespaces to an account or a team."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.errors import AcksmError
        from acksm.guide.carm import bind as carm_bind

        settings, names = resolved.settings, options.both(namespaces, in_namespaces)
        named = resolved.origins["target_account"].startswith("flag")
        target = settings.other_account.target_account if named or (names and not team) else ""
        if names and account and not target and not team:  # what --account of this command once was
            message = "--account is the account of the credentials; the other one is --target-account"
            remedy = f"acksm carm bind NAMESPACE --target-account {account}"
            raise AcksmError("carm-subject", message, where="--account", remedy=remedy)
        request = carm_bind.Requested(names, target, team, to_role_arn, tuple(for_service or ()))
        return carm_bind.run_bind(
            settings.target,
            settings.declared,
            settings.run,
            ui,
            request,
            mode=settings.controllers.mode or "",
            default_role=settings.other_account.target_role_name,
            create=settings.controllers.create_namespace,
        )

    run_resolved(ctx, work)


@app.command("unbind")
def unbind(
    ctx: typer.Context,
    namespaces: Annotated[list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces.")] = None,
    in_namespaces: options.InNamespaces = None,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    mode: options.ExpectedMode = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Remove the binding of namespaces, and map entries that no namespace uses."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import bind as carm_bind

        mode = settings.controllers.mode or ""
        return carm_bind.run_unbind(
            settings.target, settings.run, ui, options.both(namespaces, in_namespaces), mode=mode
        )

    run(ctx, work)


@app.command("list")
def list_(
    ctx: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces [all that are bound].")
    ] = None,
    in_namespaces: options.InNamespaces = None,
    live: Live = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
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
    """List bound namespaces with their roles, and whether these can be assumed; exit 3 when one cannot."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import verify as carm_verify

        return carm_verify.run(
            settings.target,
            settings.other_account,
            settings.run,
            ui,
            options.both(namespaces, in_namespaces),
            mode=settings.controllers.mode or "",
            live=live,
            command="carm list",
        )

    run(ctx, work)


@app.command("verify", examples=("acksm carm verify team-b --live",))
def verify(
    ctx: typer.Context,
    namespaces: Annotated[
        list[str] | None, typer.Argument(metavar="NAMESPACE", help="The namespaces [all that are bound].")
    ] = None,
    in_namespaces: options.InNamespaces = None,
    live: Live = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
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
    """Check each step from namespace to assumed role; exit 3 unless all are ok."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.carm import verify as carm_verify

        return carm_verify.run(
            settings.target,
            settings.other_account,
            settings.run,
            ui,
            options.both(namespaces, in_namespaces),
            mode=settings.controllers.mode or "",
            live=live,
            command="carm verify",
        )

    run(ctx, work)
