"""The command line: options in, exit code out, no logic. One small module per command group."""

from __future__ import annotations

import gc
import os
from typing import Annotated

import typer

from acksm.cli import (
    adopt,
    capability,
    carm,
    cleanup,
    completion,
    controllers,
    doctor,
    export,
    fleet,
    fleet_job as fleet_job,
    iam,
    identity,
    information,
    init,
    logs,
    mirror,
    plans,
    rbac,
    region,
    samples,
    sandbox,
)
from acksm.cli.run import ROOT
from acksm.cli.shape import App
from acksm.ui import Ui

# New objects after which Python searches for cycles among them. Most commands end before there are so many; by default,
# after 700, the search takes a seventh of the CPU time of an install that has nothing to do.
COLLECT_AFTER = 250_000

app = App(
    name=ROOT,
    help="Install, operate and remove the ACK controllers for SageMaker on EKS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
for group in (
    init,
    iam,
    controllers,
    export,
    mirror,
    logs,
    doctor,
    plans,
    adopt,
    cleanup,
    information,
    region,
    identity,
    carm,
    capability,
    rbac,
    fleet,
    samples,
    sandbox,
):
    app.add_typer(group.app)


def _version(wanted: bool) -> None:
    if wanted:
        from acksm import __version__

        Ui().result("version", {"version": __version__}, f"{ROOT} {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version of acksm.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Install, operate and remove the ACK controllers for SageMaker on EKS."""


def main() -> None:
    """Entry point of `acksm`."""
    gc.set_threshold(COLLECT_AFTER)
    if completion.VARIABLE in os.environ:
        completion.be_quiet()
    app()
