"""`acksm status --watch`: the state, printed again whenever it changes, until Ctrl-C.

It polls every few seconds: that is cheap, and a watch would miss what happens in AWS. Drift costs more and is read less
often. An EKS token is valid for 15 minutes, so it reconnects.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.install import status
from acksm.json_types import Document
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

    def read() -> Shown:
        nonlocal target, connected, compared, last
        try:
            if target is None or clock() - connected > CONNECTION_SECONDS:
                target, connected = _reconnect(at, run, target), clock()
                if last is None:
                    ui.emit(Event(Kind.STEP, "target", target.line()))
            due = last is None or clock() - compared > DRIFT_SECONDS
            current = status.observe(target, controllers, role, ui.table, None if due or last is None else last.drift)
            if not due and last is not None and list(current.lines) != list(last.lines):
                current, due = status.observe(target, controllers, role, ui.table), True
            compared = clock() if due else compared
            last = current
            return Shown(current.data, current.text, current.lines, current.code)
        except AcksmError:
            if target is not None:
                target.__exit__()
            target = None
            raise

    try:
        return watch(ui, "status", read, unavailable="status unavailable", pause=PAUSE_SECONDS, sleep=sleep)
    finally:
        if target is not None:
            target.__exit__()


class Shown(NamedTuple):
    """What a reading shows: the report, the text, the lines that are compared with the last reading's, the exit
    code."""

    data: Document
    text: str
    lines: Sequence[str]
    code: int


def watch(
    ui: Output,
    command: str,
    read: Callable[[], Shown],
    *,
    unavailable: str,
    pause: float,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Show each reading that differs from the last, until Ctrl-C; the exit code of the last one, 130 without one. A
    reading that fails is shown as `unavailable`; the first one's error is raised."""
    shown: list[str] | None = None
    code = int(ExitCode.INTERRUPTED)
    try:
        while True:
            try:
                found = read()
            except AcksmError as error:
                if shown is None:
                    raise
                text = f"{unavailable}: {error.id}: {error.message}"
                found, before = Shown({"error": error.as_data()}, text, [text], int(error.exit_code)), []
            else:
                before = shown or []
                if shown is not None:
                    found = found._replace(text=f"{found.text}\nchanged at {now()} UTC")
            code = found.code
            if list(found.lines) != shown:
                ui.changed(command, found.data, found.text, changes(before, found.lines), code)
            shown = list(found.lines)
            ui.emit(Event(Kind.PROGRESS, "watch", f"checked at {now()} UTC; Ctrl-C ends", {"live": True}))
            sleep(pause)
    except KeyboardInterrupt:
        return code


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
