"""Ctrl-C while changes are made: once ends the current call and then the command, twice leaves at once.

helm runs in a session of its own (acksm.helm.runner), so the terminal's signal reaches acksm alone. SIGTERM, which a CI
system or an operating system sends, counts as the first Ctrl-C.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from acksm.events import Emit, Event, Kind
from acksm.exits import ExitCode

HEARD_SECONDS = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def finishing(stopped: threading.Event, emit: Emit) -> Iterator[None]:
    """Inside, the first signal sets `stopped` and the second ends the process with 130.

    Only the main thread can take signals over; in any other this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def take(_number: int, _frame: object) -> None:
        if stopped.is_set():
            _leave()
        stopped.set()
        saying.append(_say(emit, "finishing the current call; press Ctrl-C again to quit at once"))

    saying: list[threading.Thread] = []
    before = {number: signal.signal(number, take) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _heard(saying)


@contextmanager
def leaving(emit: Emit) -> Iterator[None]:
    """Inside, and outside of `finishing`, the first Ctrl-C is a KeyboardInterrupt and the second ends the process: what
    waits for an answer in other threads would hold it until that comes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told = threading.Event()

    def take(_number: int, _frame: object) -> None:
        if told.is_set():
            _leave()
        told.set()
        saying.append(_say(emit, "stopping; press Ctrl-C again to quit at once"))
        raise KeyboardInterrupt

    saying: list[threading.Thread] = []
    before = signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _heard(saying)


def _say(emit: Emit, text: str) -> threading.Thread:
    """Say it in a thread of its own: the signal may have come amid a write."""
    thread = threading.Thread(target=emit, args=(Event(Kind.WARNING, "interrupt", text),), daemon=True)
    thread.start()
    return thread


def _heard(saying: list[threading.Thread]) -> None:
    """Let what was begun be written: an interpreter that ends amid a thread's write aborts (exit by SIGABRT)."""
    for thread in saying:
        thread.join(HEARD_SECONDS)


def _leave() -> None:
    """End without waiting for threads. What is registered for the exit still runs: private files, the cursor."""
    atexit._run_exitfuncs()
    os._exit(ExitCode.INTERRUPTED)
