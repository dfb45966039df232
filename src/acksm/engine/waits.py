"""Waiting: one deadline for a whole command, one loop, a clock that tests can replace.

A predicate returns Progress; a terminal failure ends the wait at once; an exceeded deadline reports the last state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import field

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent

HEARTBEAT_SECONDS = 30.0
# For a wait that reads thousands of objects, which take long to be done and long to be read: so many times as long as a
# look took is the pause after it, at least. The time that reading takes then grows with their number, not its square.
REST, LONGEST_REST = 2.0, 20.0


@dataclass
class Deadline:
    """`seconds` for a whole command, from now. `clock` and `sleep` are in seconds; `stopped` ends every wait."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stopped: threading.Event = field(default_factory=threading.Event)
    start: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.clock()

    def restart(self) -> None:
        """Begin again, for a command that runs until Ctrl-C: each of its readings has the whole time."""
        self.start = self.clock()

    @property
    def remaining(self) -> float:
        return max(0.0, self.start + self.seconds - self.clock())

    def left(self) -> float:
        """Seconds to the end, negative after it, for the adapters of AWS, Kubernetes and the registry."""
        return self.start + self.seconds - self.clock()

    @property
    def elapsed(self) -> float:
        return self.clock() - self.start


def rested(took: float, rest: float = REST) -> float:
    """The seconds to pause at least after a look that took `took`."""
    return min(rest * took, LONGEST_REST)


@dataclass(frozen=True)
class Progress:
    """State of something waited for. `failure` ends the wait; `text` is the last state observed, `remedy` what helps
    where that does not pass."""

    done: bool
    text: str = ""
    failure: AcksmError | None = None
    remedy: str = ""


def wait_until(
    look: Callable[[], Progress],
    deadline: Deadline,
    *,
    what: str,
    emit: Emit = silent,
    first_pause: float = 0.1,
    longest_pause: float = 2.0,
    rest: float = 0.0,
) -> Progress:
    """Call `look` until it is done. Raises its failure, `timed-out` with the last state, or `interrupted`.

    After a look that took a second there is a pause of at least `rest` seconds, and of LONGEST_REST after a long one.
    """
    pause, reported, reported_at = first_pause, "", deadline.clock()
    while True:
        began = deadline.clock()
        progress = look()
        took = deadline.clock() - began
        if progress.failure is not None:
            raise progress.failure
        if progress.done:
            return progress
        if deadline.stopped.is_set():
            raise AcksmError("interrupted", f"interrupted while waiting for {what}", where=progress.text)
        if deadline.remaining <= 0:
            raise AcksmError(
                "timed-out",
                f"deadline of {deadline.seconds:.0f} s exceeded while waiting for {what}",
                where=progress.text,
                remedy=progress.remedy,
            )
        if progress.text != reported or deadline.clock() - reported_at >= HEARTBEAT_SECONDS:
            emit(Event(Kind.PROGRESS, "wait", f"{what}: {progress.text}", {"elapsed": round(deadline.elapsed, 1)}))
            reported, reported_at = progress.text, deadline.clock()
        deadline.sleep(min(max(pause, rested(took, rest)), max(deadline.remaining, 0.01)))
        pause = min(pause * 1.5, longest_pause)
