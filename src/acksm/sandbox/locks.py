"""One at a time, across processes: an advisory lock on a file, released by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acksm.events import Emit, Event, Kind, silent


@contextmanager
def file_lock(path: Path, emit: Emit = silent, what: str = "") -> Iterator[None]:
    """Hold the lock of `path`; while another process holds it, say so once and wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        reported = False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not reported:
                    emit(Event(Kind.PROGRESS, "wait", f"waiting for {what or path.name}"))
                    reported = True
                time.sleep(0.1)
        yield
