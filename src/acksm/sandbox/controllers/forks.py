"""Stand-ins forked from one process that has already loaded their imports and AWS's models: each is ready at once.

A stand-in that starts by itself spends a second or more of a core on that, for each of the two services. The process is
multiprocessing's fork server; it ends with the daemon, and the stand-ins with it.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

from acksm.sandbox.control_plane import die_with_parent

_PRELOADED = ["acksm.sandbox.controllers.standin.preloaded", __name__]


def _context() -> ForkServerContext:
    """The fork server of this process; it starts importing with the first child, or with `warm`."""
    # Before Python 3.11.1 its socket was open to every user: https://nvd.nist.gov/vuln/detail/CVE-2022-42919
    multiprocessing.util.abstract_sockets_supported = False  # type: ignore[misc]
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(_PRELOADED)
    return found


def warm() -> None:
    """Start the fork server now, so that it is ready for the first stand-in."""
    from multiprocessing import forkserver

    _context()
    forkserver.ensure_running()


class Forked:
    """A stand-in's process: the part of `subprocess.Popen` that `run` needs."""

    def __init__(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process = _context().Process(
            target=_main, args=(list(arguments), str(log), dict(environment)), name="stand-in", daemon=True
        )
        self._process.start()

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("stand-in", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None and self._process.pid:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _main(arguments: Sequence[str], log: str, environment: Mapping[str, str]) -> None:
    """In the child: its own session, environment and output, like those of a program started by itself."""
    from acksm.sandbox.controllers.standin.main import main

    os.setsid()
    die_with_parent()
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_APPEND | os.O_CREAT)):
        stream = os.open(os.devnull if number == 0 else log, flags, 0o666)
        os.dup2(stream, number)
        os.close(stream)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(main(arguments))
