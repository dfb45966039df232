"""The command line: options in, exit code out, no logic. One small module per command group."""

from __future__ import annotations

import typer

from acksm.cli import adopt, carm, cleanup, controllers, doctor, iam, information, plans, region, samples, sandbox
from acksm.cli.options import ROOT

app = typer.Typer(
    name=ROOT,
    help="An EKS cluster from bare to SageMaker jobs through the ACK controllers, and back out again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    rich_markup_mode=None,
)
iam.register(app)
controllers.register(app)
doctor.register(app)
plans.register(app)
adopt.register(app)
cleanup.register(app)
information.register(app)
app.add_typer(region.app)
app.add_typer(carm.app)
app.add_typer(samples.app)
app.add_typer(sandbox.app)


def main() -> None:
    """Entry point of `acksm`."""
    app()
