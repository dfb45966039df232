"""`acksm region`: the guide's §5, default regions of namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OBJECTS, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App(name="region", panel=OBJECTS, help="Manage the default regions of namespaces.", no_args_is_help=True)


@app.command("bind", examples=("acksm region bind team-c us-east-1",))
def bind(
    ctx: typer.Context,
    namespace: Annotated[
        str | None, typer.Argument(metavar="NAMESPACE", help="The namespace [all in the settings file].")
    ] = None,
    desired: Annotated[str | None, typer.Argument(metavar="REGION", help="Its default region.")] = None,
    in_namespaces: options.InNamespaces = None,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    create_namespace: options.CreateNamespace = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Bind a namespace to a default region, or all that acksm.yaml declares."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.errors import AcksmError
        from acksm.guide.region import command as section

        names, chosen = list(options.both([namespace] if namespace else [], in_namespaces)), desired
        if in_namespaces and namespace and not desired:  # acksm region bind -n NAMESPACE REGION
            names, chosen = list(in_namespaces), namespace
        if names and not chosen:
            remedy = f"acksm region bind {names[0]} REGION"
            raise AcksmError("region-unknown", "no region given", where=names[0], remedy=remedy)
        declared = {name: item.region for name, item in settings.declared.namespaces.items() if item.region}
        regions = dict.fromkeys(names, chosen) if names else declared
        create = settings.controllers.create_namespace
        return section.run_bind(settings.target, settings.run, ui, regions, command="region bind", create=create)

    run(ctx, work)


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
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Remove the default region of namespaces."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.region import command as section

        regions = dict.fromkeys(options.both(namespaces, in_namespaces))
        return section.run_bind(settings.target, settings.run, ui, regions, command="region unbind")

    run(ctx, work)


@app.command("list")
def list_(
    ctx: typer.Context,
    in_namespaces: options.InNamespaces = None,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """List namespaces with a default region; exit 3 when one has no effect."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.region import command as section

        return section.run_list(settings.target, settings.run, ui, tuple(in_namespaces or ()))

    run(ctx, work)


@app.command("explain", examples=("acksm region explain Model/churn -n team-c",))
def explain(
    ctx: typer.Context,
    thing: Annotated[
        str,
        typer.Argument(metavar="KIND[/NAME]", help="The object, or KIND NAME; KIND alone for one to be created."),
    ],
    name: options.ObjectName = None,
    namespace: options.ObjectNamespace = "default",
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Show every source of an object's region, in the controller's order, and which one applies."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.region import explain as region_explain

        return region_explain.run(settings.target, settings.run, ui, options.joined(thing, name), namespace)

    run(ctx, work)
