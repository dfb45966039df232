"""`acksm status --watch`: the state, printed again whenever it changes, until Ctrl-C.

It polls every few seconds: that is cheap, and a watch would miss what happens in AWS. Drift costs more and is read less
often. An EKS token is valid for 15 minutes, so it reconnects.
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
    """Watch until Ctrl-C, and end with the exit code of the last state, 130 without one. Raises AcksmError only if the
    first read fails."""
    target: Target | None = None
    connected = compared = clock()
    last: status.Snapshot | None = None
    shown: Sequence[str] = ()
    code = int(ExitCode.INTERRUPTED)
    try:
        while True:
            try:
                if target is None or clock() - connected > CONNECTION_SECONDS:
                    target, connected = _reconnect(at, run, target), clock()
                    if last is None:
                        ui.emit(Event(Kind.STEP, "target", target.line()))
                due = last is None or clock() - compared > DRIFT_SECONDS
                current = status.observe(
                    target, controllers, role, ui.table, None if due or last is None else last.drift
                )
                if not due and last is not None and list(current.lines) != list(last.lines):
                    current, due = status.observe(target, controllers, role, ui.table), True
                compared = clock() if due else compared
                last, lines, code = current, current.lines, current.code
                if list(lines) != list(shown):
                    text = f"{current.text}\nchanged at {now()} UTC" if shown else current.text
                    ui.changed("status", current.data, text, changes(shown, lines), current.code)
            except AcksmError as error:
                if last is None:
                    raise
                lines, code = [f"status unavailable: {error.id}: {error.message}"], int(error.exit_code)
                if list(lines) != list(shown):
                    ui.changed("status", {"error": error.as_data()}, lines[0], changes((), lines), code)
                if target is not None:
                    target.__exit__()
                target = None
            shown = lines
            ui.emit(Event(Kind.PROGRESS, "watch", f"checked at {now()} UTC; Ctrl-C ends", {"live": True}))
            sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        return code
    finally:
        if target is not None:
            target.__exit__()


def _reconnect(at: TargetSettings, run: RunSettings, target: Target | None) -> Target:
    if target is not None:
        target.__exit__()
    return connect(at, run)


def now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S")


def changes(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """A line for everything that is new or removed, with the time (UTC)."""
    stamp = now()
    new = [f"{stamp} {line}" for line in after if line not in before]
    heads = {line.split(" ")[0] for line in after if ":" not in line.split(" ")[0]}
    removed = [f"{stamp} removed: {line}" for line in before if line not in after and line.split(" ")[0] not in heads]
    return new + removed
