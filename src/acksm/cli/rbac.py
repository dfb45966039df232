"""`acksm rbac`: rights in one namespace for those who work there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OBJECTS, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App(name="rbac", panel=OBJECTS, help="Manage who may use ACK's kinds in a namespace.", no_args_is_help=True)

Where = Annotated[str, typer.Argument(metavar="NAMESPACE", help="The objects' namespace.")]
Groups = Annotated[list[str] | None, typer.Option("--group", metavar="GROUP", help="Kubernetes group, repeatable.")]
Users = Annotated[list[str] | None, typer.Option("--user", metavar="USER", help="Kubernetes user, repeatable.")]


@app.command("grant", examples=("acksm rbac grant team-a --group ml-team-a",))
def grant(
    ctx: typer.Context,
    namespace: Where,
    group: Groups = None,
    user: Users = None,
    read_controllers: Annotated[
        bool,
        typer.Option("--read-controllers", help="Also allow reading the controllers: Deployments, pods, logs, maps."),
    ] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Allow groups or users to use ACK's kinds in a namespace."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.rbac import command as section

        who = section.subjects(group or (), user or ())
        return section.run_grant(settings.target, settings.run, ui, namespace, who, controllers=read_controllers)

    run(ctx, work)


@app.command("revoke", examples=("acksm rbac revoke team-a --group ml-team-a",))
def revoke(
    ctx: typer.Context,
    namespace: Where,
    group: Groups = None,
    user: Users = None,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Revoke what `acksm rbac grant` granted in a namespace, from groups and users, or from all."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.rbac import command as section

        who = section.subjects(group or (), user or ())
        return section.run_revoke(settings.target, settings.run, ui, namespace, who)

    run(ctx, work)
