"""How every command runs: settings from its options, errors in the output format, one exit code."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from acksm.cli.shape import DEBUG, QUIET, VERBOSE
from acksm.events import Event, Kind
from acksm.ui import Ui

if TYPE_CHECKING:  # `acksm --help` imports neither pydantic nor what needs it
    from acksm.config import Resolved
    from acksm.engine.review import Review
    from acksm.settings import Settings

ROOT = "acksm"


def run(ctx: typer.Context, work: Callable[[Settings, Ui], int]) -> NoReturn:
    """Run the command of `ctx`: `work` gets the settings from its options, variables and the file."""
    run_resolved(ctx, lambda resolved, ui: work(resolved.settings, ui))


def run_resolved(ctx: typer.Context, work: Callable[[Resolved, Ui], int]) -> NoReturn:
    """As `run`, for commands that need to know where settings came from."""
    # The output format is known first, so that an invalid setting is reported in it too.
    ui = ui_of(ctx)

    def whole() -> int:
        from acksm.config import FILE_ONLY, resolve
        from acksm.settings import Flat
        from acksm.surroundings import settled

        names = Flat.model_fields.keys() - FILE_ONLY
        flags = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in ctx.params.items()
            if name in names
        }

        def own() -> Resolved:
            return resolve(flags, ctx.params.get("file") or "")

        review = _review()
        resolved = review.resolved(own) if review else own()
        # a command without a cluster uses no settings but its own options
        used = [name for name in resolved.unnamed if name in flags or "cluster" in flags]
        ui.output = resolved.settings.run.output
        if used:
            message = f"settings from ./acksm.yaml: {', '.join(name.replace('_', '-') for name in used)}"
            ui.emit(Event(Kind.NOTE, "config.file", message))
        with settled(os.environ):
            return _again_where_outdated(resolved, ui, work)

    from acksm.cli.remedies import filled
    from acksm.remedies import FILL, KNOWN

    token = FILL.set(FILL.get() or (lambda remedy: filled(ctx, remedy)))  # of `acksm apply`, not of what it runs
    try:
        code = guarded(ui, command_name(ctx), whole)
    finally:
        FILL.reset(token)
        KNOWN.set({})
    raise typer.Exit(code)


def run_without_settings(ctx: typer.Context, work: Callable[[Ui], int]) -> NoReturn:
    """As `run`, but reads neither acksm.yaml nor a variable other than ACKSM_OUTPUT: `acksm explain` has to work where
    they are invalid."""
    ui = ui_of(ctx)

    def whole() -> int:
        from acksm.config import resolve

        variables = {"ACKSM_OUTPUT": os.environ.get("ACKSM_OUTPUT", "")}
        ui.output = resolve({"output": ctx.params.get("output")}, os.devnull, variables).settings.run.output
        return work(ui)

    raise typer.Exit(guarded(ui, command_name(ctx), whole))


def ui_of(ctx: typer.Context) -> Ui:
    """The terminal as the options of every command want it (`acksm.cli.shape`)."""
    ui = Ui(output=_early_output(ctx.params.get("output")), quiet=QUIET in ctx.meta, verbose=VERBOSE in ctx.meta)
    if DEBUG in ctx.meta:
        from acksm import trace

        trace.send_to(ui.debug)
    return ui


def _again_where_outdated(resolved: Resolved, ui: Ui, work: Callable[[Resolved, Ui], int]) -> int:
    from acksm.errors import OutdatedError

    while True:
        try:
            return work(resolved, ui)
        except OutdatedError as reason:  # the deadline is that of the first attempt
            settings = resolved.settings
            left = settings.run.model_copy(update=reason.left)
            resolved = replace(resolved, settings=replace(settings, run=left))


def command_name(ctx: typer.Context) -> str:
    """What is typed after `acksm`."""
    program = ctx.find_root().command_path
    return ctx.command_path.removeprefix(program).strip()


def _review() -> Review | None:
    """The review of `acksm plan` or `acksm apply`, if the command runs under one."""
    module = sys.modules.get("acksm.engine.review")  # imported by `acksm plan` and `acksm apply` alone
    return module.CURRENT.get() if module else None


def _early_output(flag: str | None) -> str:
    found = flag or os.environ.get("ACKSM_OUTPUT", "")
    return found if found in {"wide", "json", "yaml"} else "text"


def guarded(ui: Ui, name: str, work: Callable[[], int]) -> int:
    """Run `work`; every error becomes an exit code and a message, in the output format."""
    from acksm.engine import interrupts
    from acksm.errors import AcksmError

    try:
        with interrupts.leaving(ui.emit):
            return work()
    except AcksmError as raised:
        failure = raised
    except KeyboardInterrupt:
        failure = AcksmError("interrupted", "interrupted by Ctrl-C")
    except Exception as defect:
        if os.environ.get("ACKSM_TRACEBACK"):
            raise
        failure = AcksmError("defect", f"{type(defect).__name__}: {defect}"[:500], where=name)
    if failure.id == "interrupted" and Path(sys.argv[0]).name in {ROOT, "__main__.py"}:
        resume = f"{shlex.join([ROOT, *sys.argv[1:]])}   (continues from there)"
        failure = AcksmError(failure.id, failure.message, where=failure.where, remedy=resume, details=failure.details)
    ui.error(name, failure)
    return int(failure.exit_code)
