"""`acksm status --watch`: the state, told again whenever it changes, until Ctrl-C.

It looks every few seconds: that is cheap, and a watch would miss what happens in AWS. What differs from the plan costs
more, and is looked at less often. An EKS token lives for a quarter of an hour, so the connection is made anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.install import status
from acksm.output import Output
from acksm.settings import ControllerSettings, RoleSettings, RunSettings, TargetSettings

PAUSE_SECONDS = 2.0
DRIFT_SECONDS = 30.0
CONNECTION_SECONDS = 600.0


def run(
    at: TargetSettings,
    controllers: ControllerSettings,
    role: RoleSettings,
    run: RunSettings,
    ui: Output,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Watch until Ctrl-C, which is how it ends: exit code 130, without an error. The first look has to succeed."""
    target: Target | None = None
    made = compared = clock()
    seen: status.Seen | None = None
    told: Sequence[str] = ()
    try:
        while True:
            try:
                if target is None or clock() - made > CONNECTION_SECONDS:
                    target, made = _again(at, run, target), clock()
                    if seen is None:
                        ui.emit(Event(Kind.STEP, "target", target.line()))
                due = seen is None or clock() - compared > DRIFT_SECONDS
                fresh = status.look(target, controllers, role, ui.table, None if due or seen is None else seen.drift)
                if not due and seen is not None and list(fresh.lines) != list(seen.lines):
                    fresh, due = status.look(target, controllers, role, ui.table), True
                compared = clock() if due else compared
                seen, lines = fresh, fresh.lines
                if list(lines) != list(told):
                    ui.changed("status", fresh.data, fresh.text, _moves(told, lines), fresh.code)
            except AcksmError as error:
                if seen is None:
                    raise
                lines = [f"cannot be looked at: {error.id}: {error.message}"]
                if list(lines) != list(told):
                    ui.changed("status", {"error": error.as_data()}, lines[0], _moves((), lines), int(error.exit_code))
                if target is not None:
                    target.__exit__()
                target = None
            told = lines
            sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    finally:
        if target is not None:
            target.__exit__()


def _again(at: TargetSettings, run: RunSettings, target: Target | None) -> Target:
    if target is not None:
        target.__exit__()
    return connect(at, run)


def _moves(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """A line for each thing that is new or gone, with the time."""
    stamp = datetime.now(UTC).strftime("%H:%M:%S")
    new = [f"{stamp} {line}" for line in after if line not in before]
    heads = {line.split(" ")[0] for line in after if ":" not in line.split(" ")[0]}
    gone = [f"{stamp} no more: {line}" for line in before if line not in after and line.split(" ")[0] not in heads]
    return new + gone
