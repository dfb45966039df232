"""The work queue: keys with a time, each taken by one worker at a time, failures retried later and later."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
FIRST_FAILURE, LAST_FAILURE = 0.005, 1000.0  # seconds, as controller-runtime's rate limiter


class Queue(Generic[Key]):
    """Thread-safe. A key that is added while a worker has it comes up again afterwards."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0
        self._busy: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._changed = threading.Condition()

    def add(self, key: Key, seconds: float = 0.0) -> None:
        """Make `key` due after so many seconds, or earlier when it is due earlier."""
        when = time.monotonic() + seconds
        with self._changed:
            if self._due.get(key, float("inf")) <= when:
                return
            self._due[key] = when
            self._count += 1
            heapq.heappush(self._heap, (when, self._count, key))
            self._changed.notify()

    def take(self) -> Key:
        """The next key; waits until one is due."""
        with self._changed:
            while True:
                pause = self._next()
                if pause is not None and pause <= 0:
                    key = heapq.heappop(self._heap)[2]
                    del self._due[key]
                    self._busy.add(key)
                    return key
                self._changed.wait(pause)

    def _next(self) -> float | None:
        """Seconds until something is due, None when nothing waits; entries that no longer count are dropped."""
        while self._heap:
            when, _, key = self._heap[0]
            if self._due.get(key) == when and key not in self._busy:
                return when - time.monotonic()
            heapq.heappop(self._heap)  # a key that a worker has comes back with `done`
        return None

    def done(self, key: Key, *, failed: bool = False, again: float | None = None) -> None:
        """A worker is done with `key`: it failed, or is due again after some seconds."""
        with self._changed:
            self._busy.discard(key)
            waiting = self._due.pop(key, None)
        if waiting is not None:
            self.add(key, max(0.0, waiting - time.monotonic()))
        if failed:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            self.add(key, min(FIRST_FAILURE * 2 ** min(count - 1, 30), LAST_FAILURE * self._pace))
            return
        self._failures.pop(key, None)
        if again is not None:
            self.add(key, again)
        with self._changed:
            self._changed.notify()
