"""`acksm install`, `acksm upgrade` and `acksm status`: the guide's §3 and §9.3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OPERATE, SETUP, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App()


@app.command(
    "install",
    panel=SETUP,
    examples=(
        "acksm install --cluster demo --dry-run",
        "acksm install --cluster demo --scope namespace --watch-namespace team-a,team-b --create-namespace",
        "acksm install --cluster demo --add-watch-namespace team-c",
        "acksm install --service sagemaker --version sagemaker=1.9.1 --set log.level=debug",
        "acksm install --cluster demo --identity pod-identity --install-agent",
    ),
)
def install(
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
    version: options.Version = None,
    scope: options.Scope = None,
    watch_namespace: options.WatchNamespace = None,
    add_watch_namespace: options.AddWatchNamespace = None,
    remove_watch_namespace: options.RemoveWatchNamespace = None,
    create_namespace: options.CreateWatched = None,
    values: options.Values = None,
    set: options.Set = None,
    reset_values: options.ResetValues = None,
    chart: options.Chart = None,
    registry: options.Registry = None,
    adopt_release: options.AdoptRelease = None,
    mode: options.Mode = None,
    identity: options.Identity = None,
    install_agent: options.InstallAgent = None,
    role_arn: options.RoleArn = None,
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
    wait: options.WaitForControllers = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Install the ACK controllers, with their OIDC provider and IAM role; repeatable."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import command as section
        from acksm.guide.upgrade import going_back

        return section.run(
            settings.target,
            settings.controllers,
            settings.role,
            settings.run,
            ui,
            command="install",
            sections=section.ALL,
            narrowed=going_back.checked,
        )

    run(ctx, work)


@app.command(
    "upgrade",
    panel=SETUP,
    examples=(
        "acksm upgrade --dry-run",
        "acksm upgrade --version sagemaker=latest",
        "acksm upgrade --rollback-on-worse",
        "acksm upgrade --explain",
        "acksm upgrade --explain --from sagemaker=1.2.13",
        "acksm upgrade --convert-adopted",
    ),
)
def upgrade(
    ctx: typer.Context,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only show what changes between the versions, and what it concerns.")
    ] = False,
    installed: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="SERVICE=VERSION", help="With --explain: a version instead of a cluster's, repeatable."
        ),
    ] = None,
    convert_adopted: Annotated[
        bool,
        typer.Option(
            "--convert-adopted",
            help="Replace AdoptedResources, which newer versions do not handle; what they adopted is kept.",
        ),
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
    version: options.Version = None,
    values: options.Values = None,
    set: options.Set = None,
    reset_values: options.ResetValues = None,
    chart: options.Chart = None,
    registry: options.Registry = None,
    rollback_on_worse: Annotated[
        bool,
        typer.Option("--rollback-on-worse", help="Roll the release back where an object that was synced no longer is."),
    ] = False,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    wait: options.WaitForControllers = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Upgrade the installed controllers to the tested versions, or to --version."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.upgrade import command as section, explain as explaining

        if explain or installed:
            return explaining.run(settings.target, settings.controllers, settings.run, ui, installed=installed or ())
        return section.run(settings, ui, convert_adopted=convert_adopted, rollback_on_worse=rollback_on_worse)

    run(ctx, work)


@app.command(
    "status",
    panel=OPERATE,
    examples=(
        "acksm status",
        "acksm status --watch",
        "acksm status -o json",
    ),
)
def status(
    ctx: typer.Context,
    watch: options.Watch = False,
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
    role_name: options.RoleName = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show what is installed, its health and its drift; exit 3 when unhealthy."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.install import status as section, watching

        show = watching.run if watch else section.run
        return show(settings.target, settings.controllers, settings.role, settings.run, ui)

    run(ctx, work)
