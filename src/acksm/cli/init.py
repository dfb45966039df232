"""`acksm init`: the first settings file."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from acksm.cli import options
from acksm.cli.run import run_without_settings
from acksm.cli.shape import SETUP, App
from acksm.ui import Ui

app = App()
_WRITTEN = (
    "cluster",
    "region",
    "account",
    "profile",
    "controller_namespace",
    "scope",
    "watch_namespace",
    "service",
    "version",
)
_FROM_VARIABLES = {"cluster", "region", "profile"}


@app.command(
    "init",
    panel=SETUP,
    examples=(
        "acksm init",
        "acksm init --cluster demo --region us-west-2 --watch-namespace team-a --bind team-b=111111111111",
    ),
)
def init(
    ctx: typer.Context,
    bind: Annotated[
        list[str] | None,
        typer.Option(
            "--bind",
            metavar="NAMESPACE=TO",
            help="Account or region that a namespace is bound to, repeatable.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print the file; write nothing.")] = False,
    cluster: options.Cluster = None,
    region: options.Region = None,
    profile: options.Profile = None,
    account: options.Account = None,
    controller_namespace: options.ControllerNamespace = None,
    file: options.NewFile = None,
    service: options.Service = None,
    version: options.Version = None,
    scope: options.Scope = None,
    watch_namespace: options.WatchNamespace = None,
    output: options.Output = None,
) -> None:
    """Write a commented acksm.yaml; on a terminal it asks for what is not given."""

    def work(ui: Ui) -> int:
        from acksm.cli.schema import of_settings
        from acksm.config import FILE_NAME, resolve
        from acksm.guide.connect import init as section

        values = {name: ctx.params.get(name) for name in _WRITTEN}
        flags = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        resolved = resolve(flags, os.devnull)
        given = {
            name: value
            for name, value in resolved.settings.flat().items()
            if name in _WRITTEN
            and (
                resolved.origins[name].startswith("flag")
                or (name in _FROM_VARIABLES and resolved.origins[name] != "default")
            )
        }
        request = section.Request(
            given,
            tuple(bind or ()),
            path=file or FILE_NAME,
            force=force,
            print_only=print_only,
            schema=of_settings(ctx.find_root().command),
        )
        return section.run(request, ui)

    run_without_settings(ctx, work)
