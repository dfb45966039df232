"""One acksm process for each cluster: signals, the Lease's watch, variables and helm's folders belong to a process.
Where there are several and the system can, they are forked from one that has their imports (`acksm.fleet.forks`).

A child gets its settings as a file and gives its report as a file; both are private and go with the supervisor. What
it writes to stderr is its progress, of which the end is kept. When the supervisor dies, a child ends its command, and
the next run waits for its Lease (docs/reliability.md).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import IO

from acksm import private_file
from acksm.aws.session import Keys
from acksm.dataclass import dataclass
from acksm.exits import ExitCode
from acksm.fleet import forks
from acksm.fleet.file import Member
from acksm.fleet.forks import Forked, Forks
from acksm.json_types import Json

PROGRAM = "acksm"
IMPORTS: Sequence[str] = ("acksm.cli.ahead",)
SEVERAL = 3  # clusters, from which on imports made once take less CPU time than those of each
KEPT_LINES = 40
POLL_SECONDS = 0.2
# Which cluster it is comes from its entry alone. Other settings of the environment are for those clusters that the
# fleet's file says nothing else of: a variable would outdo the file.
_PLACE = frozenset({"cluster", "account", "region", "profile", "kubeconfig", "context", "config", "output"})
_PROFILES = frozenset({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
_DETAILS = ("where:", "remedy:", "more:", "done:")  # of an error, which its report has whole


@dataclass(frozen=True)
class Ended:
    """How a child ended: its report ({} without one), and the last lines of what it wrote besides."""

    code: int
    report: Json = field(default_factory=dict)
    tail: Sequence[str] = ()


@dataclass
class Children:
    """Starts processes in a private folder. Once `interrupted`, each finishes its call, as after Ctrl-C."""

    folder: Path
    interrupted: Callable[[], bool]
    forks: Forks | None = None

    @classmethod
    @contextmanager
    def of(cls, count: int, interrupted: Callable[[], bool]) -> Iterator[Children]:
        """For so many clusters, with a folder of mode 0700, to the end of the block."""
        with tempfile.TemporaryDirectory(prefix="acksm-fleet-") as folder:
            made = Forks(PROGRAM, IMPORTS, os.environ) if forks.possible() and count >= SEVERAL else None
            try:
                yield cls(Path(folder), interrupted, made)
            finally:
                if made:
                    made.close()

    def run(
        self, one: Member, argv: Sequence[str], keys: Keys | None, says: Callable[[str], None], *, settings: bool
    ) -> Ended:
        """`acksm ARGV` for a cluster, to its end; `says` gets its progress in the caller's thread. `settings`: the
        command takes a settings file."""
        written, report = self.folder / f"{file_name(one)}.yaml", self.folder / f"{file_name(one)}.json"
        words = [*argv, "--output", "json"]
        if settings:
            private_file.write(written, json.dumps(settings_of(one)))
            words += ["--file", str(written)]
        said = _Said()
        progress, end = os.pipe()
        reader = threading.Thread(target=_read, args=(os.fdopen(progress, "rb"), said), daemon=True)
        reader.start()
        with report.open("wb") as out, open(end, "wb") as err:
            process = self._started(words, environment(one, keys), out, err)
        code = self._waited(process, said, says)
        reader.join(timeout=1.0)  # a helm that outlives its acksm still has the pipe
        return Ended(code if code >= 0 else int(ExitCode.INTERRUPTED), _document(report), said.lines)

    def _started(
        self, argv: Sequence[str], variables: Mapping[str, str], out: IO[bytes], err: IO[bytes]
    ) -> subprocess.Popen[bytes] | Forked:
        """acksm in a session of its own: the terminal's signal reaches the supervisor alone, which passes it on."""
        forked = self.forks and self.forks.start(argv, variables, out.fileno(), err.fileno())
        return forked or subprocess.Popen(
            [sys.executable, "-m", PROGRAM, *argv],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )

    def _waited(self, process: subprocess.Popen[bytes] | Forked, said: _Said, says: Callable[[str], None]) -> int:
        """The exit code, below 0 for a signal."""
        told, signalled = "", False
        rest = process.rest if isinstance(process, Forked) else time.sleep
        while (code := process.poll()) is None:
            if self.interrupted() and not signalled:
                signalled = True
                process.send_signal(signal.SIGINT)
            last = next((line for line in reversed(said.lines) if not line.startswith(_DETAILS)), "")
            if last != told:
                told = last
                says(last)
            rest(POLL_SECONDS)
        return code


def file_name(one: Member) -> str:
    """The cluster as the name of a file, without a suffix."""
    return one.id.replace("/", ".")


def settings_of(one: Member) -> Json:
    """The settings file of a cluster: its own settings, with account and region pinned."""
    return {
        **{name.replace("_", "-"): value for name, value in one.settings.items()},
        "cluster": one.cluster,
        "account": one.account,
        "region": one.region,
        **({"profile": one.profile} if one.profile and not one.assume_role_arn else {}),
    }


def environment(one: Member, keys: Keys | None, current: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a child: those left out that would outdo its file, and `keys` as who it is."""
    current = os.environ if current is None else current
    dropped = {f"ACKSM_{name.upper()}" for name in _PLACE | one.settings.keys()}
    dropped |= _PROFILES if keys or one.profile else set()
    found = {name: value for name, value in current.items() if name not in dropped}
    if keys:
        found |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        found |= {"AWS_SESSION_TOKEN": keys.token}
    return found


@dataclass
class _Said:
    """The last lines of a child. Never changed in place: another thread reads them."""

    lines: tuple[str, ...] = ()


def _read(stream: IO[bytes], said: _Said) -> None:
    with stream:
        for line in stream:
            if text := line.decode("utf-8", "replace").strip():
                said.lines = (*said.lines, text)[-KEPT_LINES:]


def _document(path: Path) -> Json:
    """The report, {} where the child wrote none or did not finish it."""
    try:
        found = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
