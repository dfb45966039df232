"""`acksm samples`: the guide's §4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = typer.Typer(name="samples", help="Samples of both services.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="SAMPLE", help="Name of a sample, or a kind.")]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="K=V", help="A parameter; SAMPLE.K=V for one that it is made after."),
]
# --region is the objects' here, as in adopt
Place = Annotated[
    str,
    typer.Option("--region", metavar="REGION", help="AWS region of the objects [the namespace's].", show_default=False),
]


@app.command("list")
def list_(
    ctx: typer.Context,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Every sample: kind, what it shows, what it needs, whether the sandbox can make it."""

    def work(_settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import show as sample_show

        return sample_show.run_list(ui)

    run(ctx, work)


@app.command("show")
def show(
    ctx: typer.Context,
    name: Name,
    given: Given = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace in the manifest [none].", show_default=False)
    ] = "",
    place: Place = "",
    file: options.File = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """A sample's manifest with its parameters filled in; needs no cluster."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import show as sample_show

        return sample_show.run_show(ui, name, given or (), namespace, place or settings.target.region)

    run(ctx, work)


@app.command("apply")
def apply(
    ctx: typer.Context,
    name: Name,
    given: Given = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The objects' namespace [default].", show_default=False)
    ] = "default",
    place: Place = "",
    with_role: Annotated[bool, typer.Option("--with-role", help="Make an execution role for the samples.")] = False,
    cluster: options.Cluster = None,
    region: options.ClusterRegion = None,
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
    """Make a sample and what it needs, in order, and wait until each is in sync (guide 4)."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.samples import command as samples
        from acksm.guide.samples.files import find
        from acksm.guide.samples.values import parse

        asked = samples.Request(
            find(name),
            parse(given or ()),
            namespace,
            place,
            with_role,
            create=settings.controllers.create_namespace,
            role=settings.role,
        )
        return samples.run_apply(settings.target, settings.run, ui, asked)

    run(ctx, work)
