"""The command line: options in, exit code out, no logic. One small module per command group."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
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
    """Run the command of `sys.argv`. Raises SystemExit."""
    gc.set_threshold(COLLECT_AFTER)
    if completion.VARIABLE in os.environ:
        completion.be_quiet()
    app()


def process() -> None:
    """Entry point of `acksm`: `main`, and the end of its process.

    Python frees every object before it ends, a sixth of the CPU time of a run that has nothing to do. The kernel frees
    them at once, so the process ends when threads have ended, exit handlers have run and all is written.
    """
    codes: list[int] = []

    def end() -> None:
        if not codes:  # an error that no one caught, or a second Ctrl-C, whose handler may not flush
            return
        with contextlib.suppress(OSError, ValueError):  # a file that cannot be written: Python says so, and ends
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            os._exit(codes[0])

    atexit.register(end)  # the first that is registered runs last
    try:
        main()
    except SystemExit as ended:
        codes.append(ended.code & 0xFF if isinstance(ended.code, int) else int(ended.code is not None))
        raise
