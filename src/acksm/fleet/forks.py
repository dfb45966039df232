"""Processes of acksm without their start: forked from one that has made acksm's imports, and has done nothing else.

That one is this file as a program: one thread, no connection, no variable that clusters differ in. The supervisor
gives it the files of a process and nothing else; what runs, and with which variables, the fork reads itself. A fork is
what `python -m acksm` is: a session of its own, the same arguments, variables, files and exit code, and the supervisor
sees its end even where the process that forked it was killed. The standard library has such a process too
(`multiprocessing.set_forkserver_preload`): it waits for its children before the supervisor may end, is not made for
threads that start and wait for processes at a time, gives all of them its own variables, and needs a third process.

Nothing here imports acksm: the program has no other code of it than the modules that it is started with.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

# Variables that differ between clusters; all others are the supervisor's, for its children too. So what an import reads
# of them (tests/fleet/test_forks.py) is the same in a fork as in a process with imports of its own.
OWN = ("ACKSM_", "AWS_")
NOBODY = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}
ROOM = 4096  # bytes in which `ps` finds the arguments of a fork
KILLED = -9  # the exit code of one that could not say it, for a signal ended it; which one is not known


def possible() -> bool:
    """Whether processes can be forked here: elsewhere than on Linux a fork is unsafe, or there is none."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Forked:
    """A process, as far as the supervisor uses `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, pid: int, handle: int) -> None:
        self._connection, self.pid, self._handle = connection, pid, handle
        self._said = b""
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, `KILLED` where a signal ended it, None while it runs. It alone has the other end."""
        while self.returncode is None:
            try:
                data = self._connection.recv(64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except ConnectionResetError:  # it ended before it read what it is to run
                data = b""
            self._said += data
            if not data:
                self.returncode = int(self._said.split()[-1]) if self._said else KILLED
                self._connection.close()
                os.close(self._handle)
        return self.returncode

    def rest(self, seconds: float) -> None:
        """Sleep for so long, or until it ends."""
        ended = select.poll()
        ended.register(self._connection, select.POLLIN)
        ended.poll(1000 * seconds)

    def send_signal(self, number: int) -> None:
        """Its id may be another's by now; its handle is not."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)


class Forks:
    """The process that forks. It ends after its forks when it is closed, or its supervisor ends."""

    def __init__(self, program: str, imports: Sequence[str], environment: Mapping[str, str]) -> None:
        """`program` is the module that a fork runs, `imports` are made before."""
        self._control, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(other.fileno()), program, *imports, " " * ROOM],
                env={name: value for name, value in environment.items() if not name.startswith(OWN)} | NOBODY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def start(self, argv: Sequence[str], environment: Mapping[str, str], out: int, err: int) -> Forked | None:
        """`program` with `argv`, exactly these variables, and these files for its output; None where it could not be
        forked, and nothing of it has run."""
        connection, other = socket.socketpair()
        said, handles = b"", list[int]()
        with contextlib.suppress(OSError):  # the process that forks was killed
            with other:
                socket.send_fds(self._control, [b"."], [other.fileno(), out, err])
            said, handles, *_ = socket.recv_fds(connection, 64, 1)
        if not handles:
            connection.close()
            return None
        os.set_inheritable(handles[0], False)
        forked = Forked(connection, int(said), handles[0])
        with contextlib.suppress(OSError):  # it was killed, which is seen as any other end
            connection.sendall(json.dumps({"argv": [*argv], "env": {**environment}}).encode() + b"\n")
        return forked

    def close(self) -> None:
        """Let it end, and wait for that."""
        self._control.close()
        self._process.wait()


def serve(control: socket.socket, program: str, imports: Sequence[str]) -> None:
    """A fork for each request, until the supervisor ends."""
    entitle(sys.orig_argv[:-1])
    for name in imports:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a search for cycles would write to every object, and memory that is written to is not shared
    signal.signal(signal.SIGCHLD, lambda *_: reap(os.WNOHANG))
    while True:
        request, files, *_ = socket.recv_fds(control, 1, 3)
        if not request:
            return reap(0)
        with contextlib.suppress(OSError):  # too many processes: the supervisor sees that the connection ends
            if os.fork() == 0:
                control.close()
                attend(program, *files)
        for number in files:
            os.close(number)


def reap(options: int) -> None:
    """Those that have ended; with 0, all of them. Their CPU time is the supervisor's then, as that of any child."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def attend(program: str, connection: int, out: int, err: int) -> None:
    """The life of a fork; never returns."""
    code: object = 1
    supervisor = socket.socket(fileno=connection)
    try:
        supervisor.set_inheritable(False)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in ((1, out), (2, err)):
            os.dup2(file, number)
            os.close(file)
        handle = os.pidfd_open(os.getpid())
        socket.send_fds(supervisor, [str(os.getpid()).encode()], [handle])
        os.close(handle)
        with supervisor.makefile("rb") as lines:
            asked = json.loads(lines.readline())
        become(program, asked["argv"], asked["env"])
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        end(code, supervisor)


def become(program: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run the program as its own process would."""
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *argv]
    entitle([sys.executable, "-m", program, *argv])
    runpy.run_module(program, run_name="__main__", alter_sys=True)


def end(code: object, supervisor: socket.socket) -> None:
    """End as Python does: threads, exit handlers, what is still to be written, the exit code. The code is sent before,
    as an exit handler may end the process; the supervisor takes the last one when the connection has ended."""
    number = code if isinstance(code, int) else int(code is not None)
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
    send(supervisor, number)
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        number = 120  # https://docs.python.org/3/library/sys.html#sys.exit
        send(supervisor, number)
    os._exit(number & 0xFF)


def send(supervisor: socket.socket, number: int) -> None:
    """An exit code."""
    with contextlib.suppress(OSError):  # the supervisor was killed
        supervisor.sendall(f"{number & 0xFF}\n".encode())


def entitle(words: Sequence[str]) -> None:
    """Let `ps` show these words: they are written over the arguments of this process, which have room for them."""
    with contextlib.suppress(OSError, ValueError):
        begin, after = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[45:47])
        text = "\0".join(words).encode("utf-8", "surrogateescape")[: after - begin - 1]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(text.ljust(after - begin, b"\0"))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3:-1])
