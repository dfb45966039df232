"""`acksm plan` and `acksm apply`: the plan of any command as a file, and applying that file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from acksm.cli import options
from acksm.cli.information import shown
from acksm.cli.planned import has_plan, typed
from acksm.cli.run import ROOT, guarded, run_resolved, run_without_settings, ui_of
from acksm.cli.shape import PLANS, App, meant
from acksm.events import Event, Kind
from acksm.json_types import Untyped
from acksm.ui import Ui

if TYPE_CHECKING:
    from acksm.config import Resolved
    from acksm.engine.review import Review
    from acksm.reports import PlanFile, PlanShowReport

app = App()
Digest = Annotated[
    str,
    typer.Option("--digest", metavar="sha256:…", help="Fail unless the file has this digest.", show_default=False),
]
_FREE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}
_UsageError: Untyped = typer.BadParameter.__mro__[1]  # typer exports only this subclass
# The settings of apply itself; the others are the file's.
_OF_THIS_RUN = {
    "profile",
    "kubeconfig",
    "context",
    "dry_run",
    "full",
    "yes",
    "wait",
    "timeout",
    "lock_timeout",
    "output",
}


@app.command(
    "plan",
    context_settings=_FREE,
    panel=PLANS,
    examples=(
        "acksm plan install --out install.plan --exit-code",
        "acksm apply install.plan",
    ),
)
def plan(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND…", help="The command, without `acksm` [install].")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="Save the plan to this file, for acksm apply.")
    ] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 10 when changes are pending.")] = False,
    output: options.OutputNotFile = None,
) -> None:
    """Show the plan of a command, and save it to a file; changes nothing."""
    ui = ui_of(ctx)

    def work() -> int:
        from acksm.engine import plan_file

        argv = [*(words or []), *ctx.args] or ["install"]
        recorder = plan_file.Recorder(argv)
        code = _run(ctx, [*argv, *(["--output", output] if output else [])], recorder)
        if recorder.document is None:
            return code
        if out:
            plan_file.write(Path(out), recorder.document)
            applied = shlex.join([ROOT, "apply", out, "--digest", recorder.document["digest"]])
            ui.show(f"plan saved to {out}; to apply exactly this plan:\n  {applied}")
        return 10 if exit_code and recorder.document["changes"] else code  # doctor's code says whether a check failed

    raise typer.Exit(guarded(ui, "plan", work))


@app.command("plan show", panel=PLANS, examples=("acksm plan show install.plan",))
def show(
    ctx: typer.Context,
    plan_file: Annotated[str, typer.Argument(metavar="FILE", help="A plan file written by acksm plan --out.")],
    digest: Digest = "",
    full: options.Full = None,
    output: options.Output = None,
) -> None:
    """Show a plan file; needs neither credentials nor the cluster."""

    def work(ui: Ui) -> int:
        from acksm.engine.change import Change, Plan, summary
        from acksm.engine.diff import render_plan

        document = _read(plan_file, digest)
        changes = tuple(Change.from_data(item["change"]) for item in document["changes"])
        for note in document["notes"]:
            ui.emit(Event(Kind.NOTE, "note", note))
        command = shlex.join([ROOT, "apply", plan_file, "--digest", document["digest"]])
        parts = [render_plan(Plan("plan", changes), full=bool(full)), f"plan: {summary(changes)}", command]
        data: PlanShowReport = {"file": plan_file, "plan": document}
        for kind, text in _headline(document):
            ui.emit(Event(kind, "plan.file", text))
        ui.result("plan show", {**data}, "\n\n".join(part for part in parts if part))
        return 0

    run_without_settings(ctx, work)


@app.command("apply", panel=PLANS, examples=("acksm apply install.plan", "acksm apply install.plan --dry-run"))
def apply(
    ctx: typer.Context,
    plan_file: Annotated[str, typer.Argument(metavar="FILE", help="A plan file written by acksm plan --out.")],
    digest: Digest = "",
    confirm: Annotated[
        str,
        typer.Option(
            "--confirm",
            metavar="CLUSTER",
            help="The cluster's name, to confirm a plan that deletes AWS resources.",
            show_default=False,
        ),
    ] = "",
    profile: options.Profile = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    dry_run: options.DryRun = None,
    full: options.Full = None,
    yes: options.Yes = None,
    wait: options.WaitForChanges = None,
    timeout: options.Timeout = None,
    lock_timeout: options.LockTimeout = None,
    output: options.Output = None,
) -> None:
    """Show a plan file and apply it: the changes that are still pending, and nothing else."""

    def work(resolved: Resolved, ui: Ui) -> int:
        from acksm.engine import plan_file as section

        document = _read(plan_file, digest)
        for kind, text in _headline(document):
            ui.emit(Event(kind, "plan.file", text))
        flat, origins = resolved.settings.flat(), resolved.origins
        chosen = {key: flat[key] for key in _OF_THIS_RUN if origins[key] != "default"}
        return _run(ctx, document["command"], section.Approval(plan_file, document, chosen, confirm))

    run_resolved(ctx, work)


def _read(path: str, digest: str) -> PlanFile:
    """The plan of a file. Errors: `plan-file-invalid`, `plan-digest`."""
    from acksm.engine import plan_file
    from acksm.errors import AcksmError

    document = plan_file.read(Path(path))
    if digest and digest != document["digest"]:
        raise AcksmError("plan-digest", f"digest is {document['digest']}, expected {digest}", where=path)
    return document


def _headline(document: PlanFile) -> list[tuple[Kind, str]]:
    """What to know about a plan file before the plan itself (`acksm.reports.PlanFile`)."""
    target = document["target"]
    settings = [f"{key.replace('_', '-')}={shown(value)}" for key, value in document["settings"].items()]
    return [
        (Kind.STEP, f"plan for cluster {target['cluster']} ({target['cluster_arn']}), account {target['account']}"),
        (Kind.NOTE, f"created {document['made']} by {target['identity']}: {shlex.join([ROOT, *document['command']])}"),
        (Kind.NOTE, f"settings: {'; '.join(settings) or 'none'}"),
    ]


def _run(ctx: typer.Context, argv: list[str], review: Review) -> int:
    """The command of `argv` under `review`. Error: `plan-command`."""
    from difflib import get_close_matches

    from acksm.engine.review import CURRENT
    from acksm.errors import AcksmError
    from acksm.words import did_you_mean

    root: Untyped = ctx.find_root().command
    names, found, rest = typed(root, argv)
    name = [ROOT, *names]
    if inner := getattr(found, "commands", {}):
        wrong = rest[0] if rest else ""
        near = [found for found in (meant(wrong),) if found and found in inner] or get_close_matches(wrong, inner, n=1)
        message = f'unknown command "{wrong}"{did_you_mean(near)}' if wrong else f"{' '.join(name)} needs a command"
        raise AcksmError("plan-command", message, where=ROOT, remedy=f"{' '.join(name)} --help")
    if not has_plan(" ".join(name[1:]), found):
        raise AcksmError("plan-command", f"acksm {' '.join(argv[:2])} has no plan", where=ROOT)
    token = CURRENT.set(review)
    try:
        return int(root.main(args=list(argv), prog_name=ROOT, standalone_mode=False) or 0)
    except _UsageError as error:
        message = f"{shlex.join(argv)}: {error.format_message()}"
        raise AcksmError("plan-command", message, where=ROOT, remedy=f"{' '.join(name)} --help") from error
    finally:
        CURRENT.reset(token)
