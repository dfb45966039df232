"""The end of every command that changes something: show, confirm, apply, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from acksm.engine import interrupts, lease, review
from acksm.engine.change import Danger, Op, Plan, achieved, question, summary
from acksm.engine.diff import outline, render_plan
from acksm.engine.executor import Dispatch, execute
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect import rights
from acksm.guide.connect.target import Target
from acksm.json_types import Document, Json
from acksm.kube.paths import ref
from acksm.output import Output

if TYPE_CHECKING:
    from acksm import reports


def apply_plan(
    target: Target,
    ui: Output,
    plan: Plan,
    dispatch: Dispatch,
    text: str | Callable[[], str],
    *,
    dry_text: str = "",
    manifests: Sequence[Document] = (),
    code: Callable[[], int] = lambda: 0,
    dry_code: int = 0,
    waits_unlocked: bool = False,
    confirm: str | None = None,
    lock: bool = True,
    last: bool = False,
    ask: str = "",
    outlined: bool = False,
) -> int:
    """Apply `plan`, or show it with --dry-run. `text` is the result as text, `plan.facts` goes into the report. What is
    known only afterwards is computed by calls: `text`, the exit `code`, and facts that are callable; a dry run has
    `dry_code`.

    `dry_text` follows the diff of a dry run, and of a plan that has to be confirmed; `manifests` are objects of
    releases, for the check of rights. With `waits_unlocked` the lock is released before the waits after the last
    change: a job may take hours. `confirm` is the value of --confirm, None where the command has no such option.
    Without `lock` no Lease is held, as nothing in the cluster is changed; the `last` plan deletes it. `ask` is the
    question instead of the usual one. `outlined`: a plan that is applied without a question is shown first, each
    change as a line.
    Errors: `needs-confirmation`, `not-confirmed`, what a review of the plan raises, and what the changes raise.
    """
    run, mutations = target.run, plan.mutations
    hand_over(target, plan)
    for note in plan.notes:
        ui.emit(Event(Kind.NOTE, "note", note))
    report: reports.Changes = {
        "target": target.as_data(),
        "dry_run": run.dry_run,
        "notes": list(plan.notes),
        "changes": [change.as_data() for change in mutations],
    }
    if run.dry_run:
        report["digest"] = plan.digest()
        ui.result(plan.command, {**report, **_facts(plan)}, _dry_text(plan, dry_text, run.full, dry_code), dry_code)
        return dry_code
    for note in rights.check(target, mutations, manifests):
        ui.emit(Event(Kind.NOTE, "note", note))
        report["notes"].append(note)
    reviewer = review.CURRENT.get()
    if reviewer is not None and confirm is not None:
        confirm = reviewer.confirm
    if mutations and (plan.danger is not Danger.NONE or (reviewer is not None and reviewer.asks)):
        ui.show("\n\n".join(part for part in (render_plan(plan, full=run.full), dry_text) if part))
        prompt = ask or question(mutations, target.cluster.name)
        more = {"before": ""} if reviewer is not None else {}  # acksm apply has no --dry-run: it always shows the plan
        if plan.danger is Danger.SEVERE:
            ui.confirm_name(prompt, target.cluster.name, given=confirm or "", **more)
        else:
            ui.confirm(prompt, yes=run.yes or confirm == target.cluster.name, **more)
    elif mutations and outlined:
        ui.show("\n".join(["about to change:", *(f"  {line}" for line in outline(mutations, target.cluster.account))]))
    started = time.monotonic()
    perform(target, plan, dispatch, ui.emit, waits_unlocked=waits_unlocked, lock=lock, last=last)
    if len(mutations) > 1:
        took = f"{achieved(mutations)} in {time.monotonic() - started:.1f} s"
        ui.emit(Event(Kind.DONE, "summary", took))
    ended = code()
    if not mutations and ended != ExitCode.REFUSED:
        ui.emit(Event(Kind.UP_TO_DATE, "up-to-date", "already up to date"))
    ui.result(plan.command, {**report, **_facts(plan)}, text if isinstance(text, str) else text(), ended)
    return ended


def hand_over(target: Target, plan: Plan) -> None:
    """Give the plan to `acksm plan`, which saves it, or `acksm apply`, which compares it, before anything is shown."""
    reviewer = review.CURRENT.get()
    if reviewer is not None:
        reviewer.inspect(plan, target.as_data())


def perform(
    target: Target,
    plan: Plan,
    dispatch: Dispatch,
    emit: Emit,
    *,
    waits_unlocked: bool = False,
    lock: bool = True,
    last: bool = False,
) -> None:
    """Execute `plan` under the lock; a signal stops it between two calls. Raises `OutdatedError` where another run held
    the lock in the meantime: the command line then starts the command again (acksm.cli.run)."""
    locked, unlocked = (plan, None) if lock else (None, plan)
    if lock and waits_unlocked:
        locked, unlocked = _split(plan)
    with interrupts.finishing(target.deadline.stopped, emit):
        if locked:
            _execute(target, locked, dispatch, emit, last)
        if unlocked:
            execute(unlocked, dispatch, emit, target.deadline)


def _facts(plan: Plan) -> Json:
    return {"result": {key: fact() if callable(fact) else fact for key, fact in plan.facts.items()}}


def _split(plan: Plan) -> tuple[Plan, Plan]:
    """The plan up to its last change, and the waits after it."""
    count = max((index for index, change in enumerate(plan.changes) if change.op is not Op.WAIT), default=-1) + 1
    return replace(plan, changes=plan.changes[:count]), replace(plan, changes=plan.changes[count:])


def _execute(target: Target, plan: Plan, dispatch: Dispatch, emit: Emit, last: bool) -> None:
    """Under the Lease of the controllers' namespace, which is created first where the plan creates it; without a Lease
    where that namespace neither exists nor is planned, as then there are no controllers."""
    namespace, deadline = target.settings.controller_namespace, target.deadline
    made = [change.target if change.op is Op.CREATE else "" for change in plan.changes]
    created = f"Namespace {namespace}" in made
    if plan.mutations and (created or not _exists(target, namespace)):
        first = made.index(f"Namespace {namespace}") + 1 if created else len(made)
        execute(replace(plan, changes=plan.changes[:first]), dispatch, emit, deadline)
        plan = replace(plan, changes=plan.changes[first:])
    if not plan.mutations:
        execute(plan, dispatch, emit, deadline)
        return
    with lease.held(target.kube, namespace, plan.command, emit, deadline, target.run.lock_timeout, last=last):
        execute(plan, dispatch, emit, deadline)


def _exists(target: Target, namespace: str) -> bool:
    """Whether the namespace exists; the Lease says so where this identity may not read it."""
    try:
        return target.kube.get(ref("Namespace", namespace)) is not None
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return True


def _dry_text(plan: Plan, more: str, full: bool, code: int) -> str:
    if plan.mutations:
        parts = [render_plan(plan, full=full), more, f"dry run: {summary(plan.mutations)}; nothing was written"]
    else:
        parts = [more, "" if code else "already up to date"]
    return "\n\n".join(part for part in parts if part)
