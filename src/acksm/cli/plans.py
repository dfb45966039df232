"""`acksm plan` and `acksm apply`: the plan of any command as a file, and that file carried out."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from acksm.cli.options import ROOT, RUN, TARGET, command, guarded
from acksm.cli.region import argument
from acksm.ui import Ui

_FREE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}
_OF_THIS_RUN = ("yes", "wait", "timeout", "lock_timeout", "output")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""

    @app.command(
        "plan",
        context_settings=_FREE,
        help="The plan of COMMAND with its options [install], shown and kept in a file; nothing is written elsewhere.",
    )
    def plan(
        context: typer.Context,
        words: Annotated[
            list[str] | None, typer.Argument(metavar="COMMAND…", help="The command, without `acksm`.")
        ] = None,
        out: Annotated[
            str, typer.Option("--out", "-o", metavar="FILE", help="Keep the plan here, for acksm apply.")
        ] = "",
        exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 10 when changes are pending.")] = False,
    ) -> None:
        ui = Ui()

        def work() -> int:
            from acksm.engine import plan_file

            argv = [*(words or []), *context.args] or ["install"]
            recorder = plan_file.Recorder(argv)
            code = _run(app, [*argv, "--dry-run"], recorder)
            if recorder.document is None:
                return code
            if out:
                plan_file.write(Path(out), recorder.document)
                ui.show(f"the plan is in {out}; acksm apply {out} carries it out")
            return 10 if exit_code and recorder.document["changes"] else code  # doctor's tells what is broken

        raise typer.Exit(guarded(ui, "plan", work))

    @command(
        app,
        "apply",
        {key: TARGET[key] for key in ("profile", "kubeconfig", "context")},
        {key: RUN[key] for key in _OF_THIS_RUN},
        extra=[argument("plan_file", str, inspect.Parameter.empty, "FILE", "What acksm plan -o wrote.")],
        help="Carry out a plan file: what is still to be done of it, and nothing else.",
    )
    def apply(resolved: Any, ui: Any, plan_file: str) -> int:
        from acksm.engine import plan_file as section

        document = section.read(Path(plan_file))
        given = {key for key, origin in resolved.origins.items() if origin != "default"}
        chosen = given & {"profile", "kubeconfig", "context", *_OF_THIS_RUN}
        run = {key: getattr(resolved.settings, key) for key in chosen}
        return _run(app, document["command"], section.Approval(plan_file, document, run))


def _run(app: typer.Typer, argv: list[str], review: Any) -> int:
    """The command of `argv` under `review`. Error: `plan-command`."""
    from acksm.engine.review import CURRENT
    from acksm.errors import AcksmError

    root: Any = typer.main.get_command(app)
    found: Any = root
    for word in argv:
        inner = getattr(found, "commands", {})
        if word not in inner:
            break
        found = inner[word]
    if "dry_run" not in getattr(found.callback, "settings", ()):
        raise AcksmError("plan-command", f"acksm {' '.join(argv[:2])} changes nothing", where=ROOT)
    token = CURRENT.set(review)
    try:
        return int(root.main(args=list(argv), prog_name=ROOT, standalone_mode=False) or 0)
    finally:
        CURRENT.reset(token)
