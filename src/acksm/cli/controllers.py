"""`acksm install`, `acksm upgrade` and `acksm status`: the guide's §3 and §9.3."""

from __future__ import annotations

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
    Mode,
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
from acksm.cli.run import run
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = typer.Typer(rich_markup_mode=None)


@app.command("install")
def install(
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
    mode: Mode = None,
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
    """OIDC provider, IAM role and both ACK controllers; a second run does nothing (guide 2 and 3)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as section

        return section.run(
            settings.target,
            settings.controllers,
            settings.role,
            settings.run,
            ui,
            command="install",
            sections=section.ALL,
        )

    run(ctx, work)


@app.command("upgrade")
def upgrade(
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
    values: Values = None,
    set: Set = None,
    reset_values: ResetValues = None,
    chart: Chart = None,
    registry: Registry = None,
    dry_run: DryRun = None,
    full: Full = None,
    yes: Yes = None,
    wait: WaitForControllers = None,
    lock_timeout: LockTimeout = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """What is installed, in a newer version: the tested pair, or --version; nothing new is installed."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as section, upgrade

        return section.run(
            settings.target,
            settings.controllers,
            settings.role,
            settings.run,
            ui,
            command="upgrade",
            sections=section.ALL,
            narrowed=upgrade.controllers_for,
        )

    run(ctx, work)


@app.command("status")
def status(
    ctx: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Tell it again at each change, until Ctrl-C.")] = False,
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
    role_name: RoleName = None,
    timeout: Timeout = None,
    output: Output = None,
) -> None:
    """What is installed, its health, and what differs from what acksm made; exit 3 when unhealthy."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import status as section, watching

        look = watching.run if watch else section.run
        return look(settings.target, settings.controllers, settings.role, settings.run, ui)

    run(ctx, work)
