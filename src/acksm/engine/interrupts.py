"""Ctrl-C while changes are applied: one ends the command after the current call, two end it immediately.

helm runs in a session of its own (acksm.helm.runner), so the terminal's signal reaches acksm alone. SIGTERM, which a CI
system or an operating system sends, counts as the first Ctrl-C.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from acksm.events import Emit, Event, Kind
from acksm.exits import ExitCode

JOIN_SECONDS = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def finishing(stopped: threading.Event, emit: Emit) -> Iterator[None]:
    """Inside, the first signal sets `stopped`, and a second one, then or later, ends the process with 130.

    Only the main thread can handle signals; in any other this does nothing.
    """
    text = "finishing the current call; press Ctrl-C again to quit immediately"
    with _handling(stopped, emit, text, lambda: None):
        yield


@contextmanager
def leaving(emit: Emit) -> Iterator[None]:
    """Inside, and outside of `finishing`, the first signal is a KeyboardInterrupt; a second one, then or later, ends
    the process, which otherwise waits for threads that wait for an answer. SIGTERM too, which the first process of a
    container ignores otherwise."""
    with _handling(threading.Event(), emit, "stopping; press Ctrl-C again to quit immediately", _interrupt):
        yield


@contextmanager
def _handling(signalled: threading.Event, emit: Emit, text: str, first: Callable[[], None]) -> Iterator[None]:
    """The first signal sets `signalled` and calls `first`. After it the handler is kept to the end of the process,
    which still waits for its threads: with Python's own, a second Ctrl-C would interrupt whatever runs, as the first.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: object) -> None:
        if signalled.is_set():
            _exit()
        signalled.set()
        messages.append(_message(emit, text))
        first()

    messages: list[threading.Thread] = []
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            if not messages and signal.getsignal(number) is handle:  # not that of a block inside, which is kept
                signal.signal(number, previous)
        _join(messages)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _message(emit: Emit, text: str) -> threading.Thread:
    """Emit `text` in a thread of its own: the signal may have come during a write."""
    thread = threading.Thread(target=emit, args=(Event(Kind.NOTE, "interrupt", text),), daemon=True)
    thread.start()
    return thread


def _join(messages: list[threading.Thread]) -> None:
    """Wait for messages to be written: an interpreter that ends during a thread's write aborts (SIGABRT)."""
    for thread in messages:
        thread.join(JOIN_SECONDS)


def _exit() -> None:
    """End without waiting for threads. Exit handlers still run: private files are removed, the cursor is shown."""
    atexit._run_exitfuncs()
    os._exit(ExitCode.INTERRUPTED)
