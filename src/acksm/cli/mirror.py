"""`acksm mirror`: charts and images in a registry of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run
from acksm.cli.shape import SETUP, App
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.settings import Settings

app = App()


@app.command("mirror", panel=SETUP, examples=("acksm mirror --to registry.example.com/ack --dry-run",))
def mirror(
    ctx: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="HOST/PATH", help="Registry and path to copy to.")] = "",
    service: options.Service = None,
    version: options.Version = None,
    registry: options.MirrorSource = None,
    tag: options.RepositoryTag = None,
    profile: options.Profile = None,
    account: options.Account = None,
    file: options.File = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    timeout: options.Timeout = None,
    output: options.Output = None,
) -> None:
    """Copy the charts and images to another registry, for acksm install --registry; repeatable."""

    def work(settings: Settings, ui: Ui) -> int:
        from acksm.guide.mirror import command as section

        return section.run(settings.target, settings.controllers, settings.role.tag, to, settings.run, ui)

    run(ctx, work)
