"""The end of every command that changes something: show, ask, carry out, report. The same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from acksm import reports
from acksm.engine.change import Danger, Plan, summary
from acksm.engine.diff import render_plan
from acksm.engine.executor import Dispatch, execute
from acksm.events import Event, Kind
from acksm.guide import rights
from acksm.guide.target import Target


class Conclusion(NamedTuple):
    """How it ended: facts for the report, text for people, and the exit code."""

    facts: Mapping[str, Any]
    text: str
    exit_code: int


def carry_out(
    target: Target,
    ui: Any,
    plan: Plan,
    dispatch: Dispatch,
    text: str,
    *,
    dry_text: str = "",
    manifests: Sequence[Mapping[str, Any]] = (),
    confirm: str = "",
    conclude: Callable[[], Conclusion] | None = None,
) -> int:
    """Carry `plan` out, or show it with --dry-run. `text` is the result for people, `plan.facts` goes into the report.

    `dry_text` follows the diff of a dry run; `manifests` are objects of releases, for the check of rights. `confirm`
    is the cluster's name where a severe plan was confirmed by it; `conclude` looks again after the last change.
    Errors: `needs-confirmation`, `not-confirmed`, and what the changes raise.
    """
    settings, mutations = target.settings, plan.mutations
    for note in plan.notes:
        ui.emit(Event(Kind.NOTE, "note", note))
    report: reports.Changes = {
        "target": target.as_data(),
        "dry_run": settings.dry_run,
        "notes": list(plan.notes),
        "changes": [change.as_data() for change in mutations],
    }
    facts = {"result": dict(plan.facts)}
    if settings.dry_run:
        report["digest"] = plan.digest()
        ui.result(plan.command, {**report, **facts}, _dry_text(plan, dry_text, settings.full))
        return 0
    rights.check(target, mutations, manifests)
    if mutations and plan.danger is not Danger.NONE:
        ui.show(render_plan(plan))
        question = f"Carry out {summary(mutations)} in cluster {target.cluster.name}?"
        if plan.danger is Danger.SEVERE:
            ui.confirm_name(question, target.cluster.name, given=confirm)
        else:
            ui.confirm(question, yes=settings.yes or confirm == target.cluster.name)
    execute(plan, dispatch, ui.emit)
    if not mutations:
        ui.emit(Event(Kind.UP_TO_DATE, "up-to-date", "up to date: nothing was to be done"))
    if mutations and conclude is not None:
        ended = conclude()
        ui.result(plan.command, {**report, "result": {**plan.facts, **ended.facts}}, ended.text, ended.exit_code)
        return ended.exit_code
    ui.result(plan.command, {**report, **facts}, text)
    return 0


def _dry_text(plan: Plan, more: str, full: bool) -> str:
    if plan.mutations:
        parts = [render_plan(plan, full=full), more, f"dry run: {summary(plan.mutations)}; nothing was written"]
    else:
        parts = [more, "up to date: nothing would be done"]
    return "\n\n".join(part for part in parts if part)
