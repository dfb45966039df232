"""`acksm plan` and `acksm apply`: the plan of any command as a file, and that file carried out."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from acksm.cli.information import shown
from acksm.cli.options import ROOT, RUN, TARGET, command, guarded
from acksm.cli.region import argument, option
from acksm.events import Event, Kind
from acksm.ui import Ui

_FREE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}
_UsageError: Any = typer.BadParameter.__mro__[1]  # typer exports this subclass of it only
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
            code = _run(app, argv, recorder)
            if recorder.document is None:
                return code
            if out:
                plan_file.write(Path(out), recorder.document)
                applied = shlex.join([ROOT, "apply", out, "--digest", recorder.document["digest"]])
                ui.show(f"the plan is in {out}; this carries out what was reviewed, and nothing else:\n  {applied}")
            return 10 if exit_code and recorder.document["changes"] else code  # doctor's tells what is broken

        raise typer.Exit(guarded(ui, "plan", work))

    @command(
        app,
        "apply",
        {key: TARGET[key] for key in ("profile", "kubeconfig", "context")},
        {key: RUN[key] for key in _OF_THIS_RUN},
        extra=[
            argument("plan_file", str, inspect.Parameter.empty, "FILE", "What acksm plan -o wrote."),
            option("digest", str, "", "--digest", metavar="sha256:…", help="Refuse any file but the one reviewed."),
            option(
                "confirm", str, "", "--confirm", metavar="CLUSTER", help="The cluster's name, where AWS loses objects."
            ),
        ],
        help="Show a plan file and carry it out: what is still to be done of it, and nothing else.",
    )
    def apply(resolved: Any, ui: Any, plan_file: str, digest: str, confirm: str) -> int:
        from acksm.engine import plan_file as section
        from acksm.errors import AcksmError

        document = section.read(Path(plan_file))
        if digest and digest != document["digest"]:
            raise AcksmError("plan-digest", f"its digest is {document['digest']}, not {digest}", where=plan_file)
        for kind, text in _told(document):
            ui.emit(Event(kind, "plan.file", text))
        given = {key for key, origin in resolved.origins.items() if origin != "default"}
        chosen = given & {"profile", "kubeconfig", "context", *_OF_THIS_RUN}
        run = {key: getattr(resolved.settings, key) for key in chosen}
        return _run(app, document["command"], section.Approval(plan_file, document, run, confirm))


def _told(document: Any) -> list[tuple[Kind, str]]:
    """What a person has to know of a plan file before the plan itself (`acksm.reports.PlanFile`)."""
    target = document["target"]
    settings = [f"{key.replace('_', '-')}={shown(value)}" for key, value in document["settings"].items()]
    return [
        (Kind.STEP, f"plan for cluster {target['cluster']} ({target['cluster_arn']}), account {target['account']}"),
        (Kind.NOTE, f"made {document['made']} by {target['identity']}: {shlex.join([ROOT, *document['command']])}"),
        (Kind.NOTE, f"settings: {'; '.join(settings) or 'none'}"),
    ]


def _run(app: typer.Typer, argv: list[str], review: Any) -> int:
    """The command of `argv` under `review`. Error: `plan-command`."""
    from acksm.engine.review import CURRENT
    from acksm.errors import AcksmError

    root: Any = typer.main.get_command(app)
    found: Any = root
    name = [ROOT]
    for word in argv:
        inner = getattr(found, "commands", {})
        if word not in inner:
            break
        found = inner[word]
        name.append(word)
    if "dry_run" not in getattr(found.callback, "settings", ()):
        raise AcksmError("plan-command", f"acksm {' '.join(argv[:2])} changes nothing", where=ROOT)
    token = CURRENT.set(review)
    try:
        return int(root.main(args=list(argv), prog_name=ROOT, standalone_mode=False) or 0)
    except _UsageError as error:
        told = f"{shlex.join(argv)}: {error.format_message()}"
        raise AcksmError("plan-command", told, where=ROOT, remedy=f"{' '.join(name)} --help") from error
    finally:
        CURRENT.reset(token)
