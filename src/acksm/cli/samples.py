"""`acksm samples`: the guide's §4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import OBJECTS, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App(name="samples", panel=OBJECTS, help="List, show and apply sample objects.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="SAMPLE", help="Name of a sample, or a kind.")]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="Parameter, repeatable; SAMPLE.K=V for one of a sample that it needs."),
]


@app.command("list")
def list_(
    ctx: typer.Context,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """List the samples: kind, what each shows and needs, and whether the sandbox supports it."""

    def work(_settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import show as sample_show

        return sample_show.run_list(ui)

    run(ctx, work)


@app.command("show", examples=("acksm samples show training",))
def show(
    ctx: typer.Context,
    name: Name,
    given: Given = None,
    namespace: Annotated[
        str,
        typer.Option(
            "--namespace", "-n", metavar="NAMESPACE", help="Namespace in the manifest [none].", show_default=False
        ),
    ] = "",
    object_region: options.ObjectRegion = "",
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Print a sample's manifest with its parameters filled in; needs no cluster."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import show as sample_show

        return sample_show.run_show(ui, name, given or (), namespace, object_region or settings.target.region)

    run(ctx, work)


@app.command("delete", examples=("acksm samples delete endpoint -n team-a",))
def delete(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="SAMPLE", help="Names of samples, or kinds.")],
    namespace: options.ObjectNamespace = "default",
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
    wait: options.WaitForObjects = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Delete samples and those that only they need, in order, with their AWS resources."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import delete as section
        from acksm.guide.samples.files import find

        return section.run_delete(settings.target, settings.run, ui, [find(name) for name in names], namespace)

    run(ctx, work)


@app.command("apply", examples=("acksm samples apply training -n team-a --with-role --set bucket=ml-data",))
def apply(
    ctx: typer.Context,
    name: Name,
    given: Given = None,
    namespace: options.ObjectNamespace = "default",
    object_region: options.ObjectRegion = "",
    with_role: Annotated[bool, typer.Option("--with-role", help="Create an execution role for the samples.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    controller_namespace: options.LongControllerNamespace = None,
    file: options.File = None,
    create_namespace: options.CreateNamespace = None,
    role_path: options.RolePath = None,
    permissions_boundary: options.PermissionsBoundary = None,
    tag: options.Tag = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    wait: options.WaitForObjects = None,
    lock_timeout: options.LockTimeout = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Create a sample and those it needs, in order, and wait until each is synced."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import command as samples
        from acksm.guide.samples.files import find
        from acksm.guide.samples.values import parse

        request = samples.Request(
            find(name),
            parse(given or ()),
            namespace,
            object_region,
            with_role,
            create=settings.controllers.create_namespace,
            role=settings.role,
        )
        return samples.run_apply(settings.target, settings.run, ui, request)

    run(ctx, work)
