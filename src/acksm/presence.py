"""Whether a run of acksm on this machine has ended: a lock of the kernel's on a file, for it and for its helms.

A process id would not do: ids are reused, mean another process in a container, and a helm may outlive the acksm that
started it. flock(2) belongs to the open file, which children inherit; the kernel releases it when the last
process that has the file open ends, however it ends, and after a restart of the machine no one holds it. The file's
random name identifies one run, and a file that can be opened shows that its run had the same file system. It has a byte
for each helm that is running: after a run was killed, they show whether one may have continued without it.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import cache
from pathlib import Path

from acksm.dataclass import dataclass

_RUN = re.compile(r"[0-9a-f]{32}")
_handles: set[int] = set()
_children, _counting = 0, threading.Lock()


class State(Enum):
    """Of a run. UNKNOWN: it was elsewhere, another user's, or its file was deleted."""

    RUNNING = auto()
    ENDED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Presence:
    """This run: its random name, and the open file that is locked while it or a helm of it runs (-1: none)."""

    run: str
    handle: int

    @classmethod
    def begin(cls) -> Presence:
        """A new run. Where no file can be created or locked it is UNKNOWN to others, which then wait longer."""
        run, handle = secrets.token_hex(16), -1
        with suppress(OSError):
            handle = os.open(_file(run), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if handle >= 0 and state(machine(), run) is not State.RUNNING:  # a file system whose locks do nothing
            os.close(handle)
            remove(run)
            handle = -1
        if handle >= 0:
            _handles.add(handle)
        return cls(run, handle)

    def end(self, *, forget: bool) -> None:
        """Release the lock. The file is kept for other runs to find, unless none will need it (`forget`)."""
        _handles.discard(self.handle)
        if self.handle >= 0:
            os.close(self.handle)
        if forget:
            remove(self.run)


@contextmanager
def child() -> Iterator[tuple[int, ...]]:
    """The locked files of this process, for a child that has to end before its run ends, and that runs inside."""
    _count(1)
    try:
        yield tuple(_handles)
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _children
    with _counting:
        _children += change
        for handle in _handles:
            with suppress(OSError):  # a full disk
                os.ftruncate(handle, _children)


@cache
def machine() -> str:
    """This machine since its last start, where the system has an id for it (Linux: boot_id, proc(5)); else its name."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return socket.gethostname()


def state(machine_of: str, run: str) -> State:
    """The state of a run on a machine, by their names. No other file is opened, whatever the names are."""
    if machine_of != machine() or not _RUN.fullmatch(run):  # a network file system may lock on each machine alone
        return State.UNKNOWN
    try:
        handle = os.open(_file(run), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return State.UNKNOWN
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return State.UNKNOWN
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return State.RUNNING
    except OSError:
        return State.UNKNOWN
    finally:
        os.close(handle)
    return State.ENDED


def left_child(run: str) -> bool:
    """Whether a helm was running when the run was killed; True also where that is unknown."""
    try:
        return not _RUN.fullmatch(run) or os.lstat(_file(run)).st_size > 0
    except OSError:
        return True


def remove(run: str) -> None:
    """The file of a run that ended."""
    if _RUN.fullmatch(run):
        with suppress(OSError):
            os.unlink(_file(run))


def _file(run: str) -> str:
    return os.path.join(tempfile.gettempdir(), f"acksm-run-{run}")
