"""A process that is forked is as one with a start of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from acksm.fleet import forks
from acksm.fleet.children import IMPORTS, PROGRAM
from acksm.fleet.forks import KILLED, Forked, Forks
from acksm.json_types import Untyped

pytestmark = pytest.mark.skipif(not forks.possible(), reason="no forks here")
PROBE = str(Path(__file__).parent / "probe")
BASE = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": PROBE}
UNUSUAL = {
    "COLUMNS": "61",
    "LINES": "9",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUNBUFFERED": "1",
    "TZ": "Asia/Kolkata",
    "HTTPS_PROXY": "http://127.0.0.1:7",
    "NO_PROXY": "example.com",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
    "KUBECONFIG": "/nowhere/kubeconfig",
    "XDG_CACHE_HOME": "/nowhere/cache",
}
COLOURED = {
    "FORCE_COLOR": "1",
    "COLUMNS": "160",
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
    "PYTHONIOENCODING": "ascii",
}
STATUS = ("status", "--cluster", "x")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "y", "AWS_MAX_ATTEMPTS": "1"}
CLOSED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1"}


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


class Both:
    """Runs of one program in both ways, in a directory; `environment` is the supervisor's."""

    def __init__(self, home: Path, program: str, environment: Mapping[str, str], imports: Sequence[str] = IMPORTS):
        self.home, self.program, self.environment = home, program, environment
        self.forks = Forks(program, imports, environment)

    def started(self, *argv: str, **more: str) -> Forked:
        with (self.home / "out").open("wb") as out, (self.home / "err").open("wb") as err:
            found = self.forks.start(argv, {**self.environment, **more}, out.fileno(), err.fileno())
        assert found
        return found

    def forked(self, *argv: str, **more: str) -> Run:
        return Run(ended(self.started(*argv, **more)), *self.written())

    def written(self) -> tuple[str, str]:
        return (self.home / "out").read_text("utf-8", "replace"), (self.home / "err").read_text("utf-8", "replace")

    def executed(self, *argv: str, **more: str) -> Run:
        with (self.home / "out").open("wb") as out, (self.home / "err").open("wb") as err:
            process = subprocess.run(
                [sys.executable, "-m", self.program, *argv],
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return Run(process.returncode, *self.written())

    def said(self, word: str) -> None:
        while word not in self.written()[1]:
            time.sleep(0.01)


def ended(process: Forked) -> int:
    while (code := process.poll()) is None:
        process.rest(60.0)  # it ends before
    return code


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A program that shows itself, after acksm's imports."""
    found = Both(tmp_path_factory.mktemp("probe"), "probe", {**BASE, **UNUSUAL})
    yield found
    found.forks.close()


def test_everything_that_a_process_inherits_is_the_same(probe: Both) -> None:
    own = {"AWS_PROFILE": "one", "ACKSM_SCOPE": "namespace", "NOT_UTF8": "\udcff"}
    forked, executed = probe.forked("shown", "two words", **own), probe.executed("shown", "two words", **own)
    assert json.loads(forked.out) == json.loads(executed.out)
    assert (forked.code, forked.err) == (executed.code, executed.err) == (0, "")


@pytest.mark.parametrize(
    "argv",
    [("exit", "none"), ("exit", "text"), ("exit", "0"), ("exit", "3"), ("exit", "256"), ("raise",), ("full",)],
    ids=" ".join,
)
def test_it_ends_as_its_own_process_would(probe: Both, argv: tuple[str, ...]) -> None:
    forked, executed = probe.forked(*argv), probe.executed(*argv)
    assert (forked.code, forked.out) == (executed.code, executed.out)
    assert forked.err.splitlines()[-1:] == executed.err.splitlines()[-1:]  # of a traceback not the frames of its start


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_one_that_a_signal_ends_has_no_exit_code(probe: Both, number: signal.Signals) -> None:
    assert probe.forked("signal", str(int(number))).code == KILLED


def test_signals_reach_it_alone(probe: Both) -> None:
    process = probe.started("wait")
    probe.said("waiting")
    process.send_signal(signal.SIGINT)
    assert ended(process) == 7
    process.send_signal(signal.SIGINT)  # there is nobody any more
    assert probe.forked("exit", "0").code == 0


def test_no_two_have_the_same_randomness(probe: Both) -> None:
    first, second = (json.loads(probe.forked("random").out) for _ in range(2))
    assert not {*first} & {*second}


def test_none_sees_the_variables_of_another(probe: Both) -> None:
    value = uuid.uuid4().hex
    secret = {"AWS_SECRET_ACCESS_KEY": value, "ACKSM_SCOPE": value, "ELSE": value}
    assert json.loads(probe.forked("shown", **secret).out)["variables"]["ELSE"] == value
    assert not secret.keys() & json.loads(probe.forked("shown").out)["variables"].keys()
    process = probe.started("wait", **secret)
    probe.said("waiting")
    for pid in (process.pid, probe.forks.pid):
        names = {pair.partition(b"=")[0] for pair in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}
        assert b"PATH" in names
        assert not {name.encode() for name in secret} & names
        assert (value.encode() in memory(pid)) is (pid == process.pid)
    process.send_signal(signal.SIGKILL)
    assert ended(process) == KILLED


def memory(pid: int) -> bytes:
    """What a process can write to."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as stream:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if rights.startswith("rw") and not line.endswith(("[vvar]", "[vsyscall]")):
                begin, end = (int(part, 16) for part in place.split("-"))
                stream.seek(begin)
                found.append(stream.read(end - begin))
    return b"".join(found)


def test_a_helper_that_is_killed_ends_none_of_its_forks_and_starts_none(tmp_path: Path) -> None:
    both = Both(tmp_path, "probe", BASE, imports=())
    process = both.started("wait")
    both.said("waiting")
    os.kill(both.forks.pid, signal.SIGKILL)
    both.forks._process.wait()
    assert both.forks.start(("exit", "0"), BASE, 1, 2) is None
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert ended(process) == 7  # its exit code is known all the same
    both.forks.close()


def test_a_helper_that_cannot_import_starts_none(tmp_path: Path) -> None:
    both = Both(tmp_path, "probe", BASE, imports=("no_such_module",))
    assert both.forks.start(("exit", "0"), BASE, 1, 2) is None
    both.forks.close()


def test_it_ends_with_its_supervisor_and_its_forks_before_it(tmp_path: Path) -> None:
    both = Both(tmp_path, "probe", BASE, imports=())
    process = both.started("wait")
    both.said("waiting")
    both.forks._control.close()  # as when the supervisor is killed
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert ended(process) == 7
    assert both.forks._process.wait() == 0


ROWS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "help": (("--help",), {}),
    "a profile that is not": (STATUS, {**CLOSED, "AWS_PROFILE": "nobody"}),
    "a profile": (STATUS, {"AWS_CONFIG_FILE": "config", "AWS_PROFILE": "ml", "AWS_MAX_ATTEMPTS": "1"}),
    "a report": (STATUS, {**KEYS, **CLOSED, "ACKSM_OUTPUT": "json"}),
    "an invalid setting": (STATUS, {"ACKSM_SCOPE": "everything", "ACKSM_OUTPUT": "yaml"}),
    "authorities that are not": (STATUS, {**KEYS, "AWS_REGION": "eu-west-1", "AWS_CA_BUNDLE": "/nowhere/bundle.pem"}),
}


@pytest.mark.parametrize(
    ("surroundings", "rows"), [(UNUSUAL, [*ROWS]), (COLOURED, ["help", "a profile"])], ids=["unusual", "coloured"]
)
def test_acksm_writes_the_same_whatever_the_variables(
    tmp_path: Path, surroundings: dict[str, str], rows: list[str]
) -> None:
    both = Both(tmp_path, PROGRAM, {**BASE, **surroundings})
    keys = "aws_access_key_id = x\naws_secret_access_key = y"
    (tmp_path / "config").write_text(f"[profile ml]\nendpoint_url = http://127.0.0.1:9\nregion = eu-north-1\n{keys}\n")
    seen = {}
    for name in rows:
        argv, more = ROWS[name]
        given = {**more, "AWS_CONFIG_FILE": str(tmp_path / more.get("AWS_CONFIG_FILE", "none"))}
        given["AWS_EC2_METADATA_DISABLED"] = "true"
        seen[name] = both.forked(*argv, **given)
        assert seen[name] == both.executed(*argv, **given)
    both.forks.close()
    assert len({*seen.values()}) == len(rows), seen


def test_imports_depend_on_no_variable_of_a_cluster_and_leave_no_thread_or_file() -> None:
    variables = {**BASE, "AWS_REGION": "x", "ACKSM_X": "y"}
    run = subprocess.run([sys.executable, "-m", "reads", *IMPORTS], env=variables, capture_output=True, text=True)
    found: Untyped = json.loads(run.stdout)
    names, threads, files = found
    assert names
    assert not [name for name in names if name.startswith(forks.OWN)]
    assert len(threads) == 1
    assert files == []
