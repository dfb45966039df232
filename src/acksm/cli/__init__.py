"""The command line: options in, exit code out, no logic. One small module per command group."""

from __future__ import annotations

import typer

from acksm.cli import (
    adopt,
    carm,
    cleanup,
    controllers,
    doctor,
    iam,
    information,
    mirror,
    plans,
    region,
    samples,
    sandbox,
)
from acksm.cli.run import ROOT

app = typer.Typer(
    name=ROOT,
    help="Install, operate and remove the ACK controllers for SageMaker on EKS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode=None,
)
for group in (iam, controllers, mirror, doctor, plans, adopt, cleanup, information, region, carm, samples, sandbox):
    app.add_typer(group.app)


def main() -> None:
    """Entry point of `acksm`."""
    app()
