"""`python -m acksm …` without Python's start: forked from one process that has acksm's imports.

A supervisor starts each cluster's acksm by `sys.executable`; tests put `Forked.python` in its place. It hands its
arguments, variables, directory and files to that process, passes signals on, and ends as the fork does. The fork is a
process and a session of its own; a start takes it 0.05 CPU s instead of 0.9.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import killer

_PYTHON = """#!{python} -IS
import json, os, signal, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({path!r})
words = json.dumps({{"argv": sys.argv[3:], "env": dict(os.environ), "cwd": os.getcwd()}})
sent = socket.send_fds(asked, [words.encode() + b"\\n"], [1, 2])
asked.sendall((words.encode() + b"\\n")[sent:])
answers = asked.makefile()
child = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
code = int(answers.readline())
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Forked:
    """Serves until the block ends. `python` is what a program starts with `-m acksm …`."""

    def __init__(self, home: Path) -> None:
        path, self.python = home / "socket", str(home / "python")
        Path(self.python).write_text(_PYTHON.format(python=sys.executable, path=str(path)))
        Path(self.python).chmod(0o700)
        argv = [sys.executable, "-m", "forked", str(path)]
        here = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        self._process = subprocess.Popen(argv, env=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Forked:
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # with its input closed it ends


def serve(path: str) -> None:
    """A fork for each connection, until stdin ends."""
    killer._imports()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _attend(connection)
        connection.close()
        _reap(os.WNOHANG)
    _reap(0)


def _reap(options: int) -> None:
    """Those who attended and have ended; with 0, all of them."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def _attend(connection: socket.socket) -> None:
    """One command: its process id, then its exit code, to whoever asked for it. Never returns."""
    data, (out, err), *_ = socket.recv_fds(connection, 1 << 20, 2)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    asked: dict[str, Any] = json.loads(data)
    child = os.fork()
    if child == 0:
        connection.close()
        os.setsid()
        asked["order"] = asdict(killer.Order(tuple(asked["argv"])))
        killer._become({**asked, "out": f"/dev/fd/{out}", "err": f"/dev/fd/{err}"})
    os.close(out)
    os.close(err)
    with suppress(OSError):  # the one who asked was killed
        connection.sendall(f"{child}\n".encode())
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
