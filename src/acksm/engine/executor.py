"""The only place that applies changes.

It stops at the first failed change (concurrent lanes finish their current change), and reports what was done, so that
the same command run again continues from there.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, Plan
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent
from acksm.json_types import Json

Dispatch = Mapping[str, Callable[..., object]]


@dataclass
class Outcome:
    """What a run did: changes in the order in which they ended, and the first failure."""

    done: list[Change] = field(default_factory=list)
    failed: Change | None = None
    error: BaseException | None = None


def execute(plan: Plan, dispatch: Dispatch, emit: Emit = silent, deadline: Deadline | None = None) -> Outcome:
    """Apply `plan`. Raises the first failure, after concurrent changes have ended.

    Setting `deadline.stopped` ends it in the same way (`interrupted`, unless no change is left), and so does an
    exceeded deadline (`timed-out`). Waits check the deadline themselves.

    The raised `AcksmError` has the outcome in `details["done"]` (ids and targets). A call that `dispatch` does not
    have is a defect and raises KeyError before anything is done.
    """
    for change in plan.changes:
        dispatch[change.call]
    totals = Counter(change.step for change in plan.mutations)
    outcome, lock, failed, skipped = Outcome(), threading.Lock(), threading.Event(), threading.Event()
    deadline = deadline or Deadline(math.inf)

    def run_lane(lane: list[Change]) -> None:
        for change in lane:
            over = change.op is not Op.WAIT and deadline.remaining <= 0
            if failed.is_set() or deadline.stopped.is_set() or over:
                skipped.set()
                return
            emit(Event(Kind.PROGRESS, change.id, _doing(change), _data(change, totals)))
            try:
                dispatch[change.call](**change.params)
            except BaseException as error:
                failed.set()
                with lock:
                    if outcome.error is None:
                        outcome.failed, outcome.error = change, error
                return
            with lock:
                outcome.done.append(change)
            if change.op is Op.WAIT:
                emit(Event(Kind.PROGRESS, change.id, "", {"target": change.target}))
            else:
                emit(Event(Kind.DONE, change.id, _done(change), _data(change, totals)))

    for stage in plan.stages():
        if len(stage) == 1:
            run_lane(stage[0])
        else:
            with ThreadPoolExecutor(max_workers=len(stage)) as pool:
                list(pool.map(run_lane, stage))
        if outcome.error is not None or skipped.is_set():
            break
    _raise(outcome, plan, deadline)
    return outcome


def _data(change: Change, totals: Mapping[str, int]) -> Json:
    """For machines; the progress of a change also has its step and the number of changes of that step."""
    if change.op is Op.WAIT:
        return {"target": change.target}
    return {"target": change.target, "op": str(change.op), "step": change.step, "of": totals[change.step]}


def _raise(outcome: Outcome, plan: Plan, deadline: Deadline) -> None:
    """The failure, or `interrupted` or `timed-out` where changes are left; nothing otherwise."""
    error, failed = outcome.error, outcome.failed
    if error is None:
        done = set(map(id, outcome.done))  # comparing each with each takes seconds for thousands
        failed = next((change for change in plan.changes if id(change) not in done), None)
        if failed is not None:
            interrupted = deadline.stopped.is_set()
            why = "interrupted" if interrupted else f"deadline of {deadline.seconds:.0f} s exceeded"
            error = AcksmError("interrupted" if interrupted else "timed-out", f"{why} before {_doing(failed)}")
    if error is None or failed is None:
        return
    if isinstance(error, AcksmError):
        error.where = error.where or failed.target
        error.details.setdefault("failed", {"id": failed.id, "target": failed.target})
        error.details["done"] = [
            {"id": change.id, "target": change.target} for change in outcome.done if change.op is not Op.WAIT
        ]
    raise error


def _doing(change: Change) -> str:
    if change.words[0]:
        return change.words[0]
    if change.op is Op.WAIT:
        return f"waiting for {change.target}"
    return {Op.CREATE: "creating", Op.UPDATE: "updating", Op.DELETE: "deleting"}[change.op] + f" {change.target}"


def _done(change: Change) -> str:
    if change.words[1]:
        return change.words[1]
    return {Op.CREATE: "created", Op.UPDATE: "updated", Op.DELETE: "deleted"}[change.op] + f" {change.target}"
