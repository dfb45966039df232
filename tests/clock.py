"""Time for tests of waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from acksm.engine.waits import Deadline


@dataclass
class Clock:
    """Time, in seconds, that passes only where somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, clock=self, sleep=self.sleep)
