"""Whether a run has ended: real processes, killed and left running, and names that others made up."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from acksm import presence
from acksm.helm.runner import Helm
from acksm.presence import Presence, State, machine, state
from fake_helm import FakeHelm

# It begins a run, starts a helm that goes on, and says both.
PROGRAM = """
import subprocess, sys, time
from acksm.presence import Presence, child
mine, helm = Presence.begin(), None
with child() as handles:
    if sys.argv[1] == "helm":
        helm = subprocess.Popen(["sleep", "60"], pass_fds=handles, start_new_session=True)
        print(mine.run, helm.pid, flush=True)
        time.sleep(60)
print(mine.run, 0, flush=True)
time.sleep(60)
"""


def start(what: str) -> tuple[subprocess.Popen[str], str, int]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, what], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    run, helm = process.stdout.readline().split()
    return process, run, int(helm)


def test_a_run_has_ended_when_it_was_killed() -> None:
    process, run, _ = start("alone")
    with process:
        assert state(machine(), run) is State.RUNNING
        process.send_signal(signal.SIGSTOP)
        assert state(machine(), run) is State.RUNNING
        process.kill()
    assert state(machine(), run) is State.ENDED
    assert not presence.left_child(run)
    presence.remove(run)
    assert state(machine(), run) is State.UNKNOWN
    assert presence.left_child(run)


def test_a_run_has_not_ended_while_its_helm_goes_on() -> None:
    process, run, helm = start("helm")
    with process:
        process.kill()
    assert state(machine(), run) is State.RUNNING
    os.killpg(helm, signal.SIGKILL)
    for _ in range(3000):  # it is init's child now, which nobody here can wait for
        if state(machine(), run) is State.ENDED:
            break
        signal.sigtimedwait([], 0.01)
    assert state(machine(), run) is State.ENDED
    assert presence.left_child(run)
    presence.remove(run)


def test_the_runner_hands_the_lock_to_helm(tmp_path: Path) -> None:
    fake = FakeHelm(tmp_path)
    script = Path(fake.path).read_text().replace("home = ", "held = os.listdir('/dev/fd')\nhome = ", 1)
    Path(fake.path).write_text(script.replace('"stdin": sys.stdin.read()', '"stdin": str(held)'))
    mine = Presence.begin()
    helm = Helm(dict, fake.path)
    helm.run(["list"], seconds=30)
    assert not presence.left_child(mine.run)
    mine.end(forget=True)
    helm.run(["list"], seconds=30)
    helm.close()
    with_it, without = (call.stdin for call in fake.calls)
    assert f"'{mine.handle}'" in with_it
    assert f"'{mine.handle}'" not in without


def test_it_is_the_owners_alone_and_goes_at_the_end() -> None:
    one = Presence.begin()
    path = Path(presence._file(one.run))
    assert path.stat().st_mode & 0o777 == 0o600
    one.end(forget=True)
    assert not path.exists()


def test_where_no_file_can_be_made_others_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    one = Presence.begin()
    assert (one.handle, state(machine(), one.run)) == (-1, State.UNKNOWN)
    one.end(forget=True)
    with presence.child() as handles:
        assert handles == ()


@pytest.mark.parametrize("failure", [OSError(errno.ENOLCK, "no locks"), None])
def test_a_file_system_without_locks_is_not_trusted(failure: OSError | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that nobody would meet says that a living run has ended."""

    def flock(_handle: int, _how: int) -> None:
        if failure:
            raise failure

    monkeypatch.setattr(fcntl, "flock", flock)
    one = Presence.begin()
    assert (one.handle, Path(presence._file(one.run)).exists()) == (-1, False)
    monkeypatch.undo()
    assert state(machine(), one.run) is State.UNKNOWN


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_file_of_ones_own_tells_nothing(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run, location = "a" * 32, tmp_path / f"acksm-run-{'a' * 32}"
    if kind == "link":
        (tmp_path / "file").touch()
        location.symlink_to(tmp_path / "file")
    elif kind == "pipe":
        os.mkfifo(location)
    else:
        location.mkdir()
    assert state(machine(), run) is State.UNKNOWN


def test_a_file_of_another_user_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Presence.begin()
    one.end(forget=False)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    assert state(machine(), one.run) is State.UNKNOWN
    monkeypatch.undo()
    assert state(machine(), one.run) is State.ENDED
    presence.remove(one.run)


@given(st.text() | st.sampled_from(["../../etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n", "/dev/null", "."]))
def test_whatever_a_lease_names_no_other_file_is_opened(name: str) -> None:
    assert state(machine(), name) is State.UNKNOWN
    presence.remove(name)


def test_another_machine_is_not_judged_from_here() -> None:
    one = Presence.begin()
    one.end(forget=False)
    assert state("another", one.run) is State.UNKNOWN
    assert state("", one.run) is State.UNKNOWN
    presence.remove(one.run)
