"""A fleet whose supervisor or children are killed, with real processes: the same command continues.

What acksm itself does when it is killed is in tests/sandbox/test_kills.py; here its processes are stand-ins with two
calls each (child/acksm), so that a kill at each of them takes no time.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest

from acksm.exits import ExitCode
from acksm.fleet import children, command, forks
from acksm.fleet.command import Chosen, Command
from acksm.json_types import Untyped
from acksm.ui import Ui
from streams import Stream

CLUSTERS = ("canary", "one", "two")
FILE = """
waves: [{name: canary, select: {stage: canary}, soak: 10m}, {name: rest, concurrency: 1, soak: 10m}]
clusters:
- {cluster: canary, account: "111111111111", region: eu-west-1, labels: {stage: canary}}
- {cluster: one, account: "111111111111", region: eu-west-1}
- {cluster: two, account: "222222222222", region: us-east-1}
"""
CALLS = ("role", "release")
# Who is killed before which call, after the last one, and in the soak of a wave: the child, the supervisor alone, so
# that the child ends its command, or both, as when the machine goes down.
KILLS = (
    "canary role child",
    "canary role both",
    "canary release child",
    "canary release supervisor",
    "canary report child",
    "canary status child",
    "canary status supervisor",
    "one role child",
    "one release supervisor",
    "two role both",
    "one status both",
)


class Impatient(threading.Event):
    """A soak that is over at once, and noted."""

    def wait(self, timeout: float | None = None) -> bool:
        with Path("soaks").open("a") as stream:
            stream.write(f"{timeout}\n")
        return self.is_set()


class Fleet:
    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "fleet.yaml").write_text(FILE)
        (home / "kills").write_text("")

    def apply(self) -> tuple[int, Untyped]:
        """The exit code of `acksm fleet apply --yes`, or minus the signal that ended it; and its report."""
        report = self.home / "report"
        report.unlink(missing_ok=True)
        if not (pid := os.fork()):
            code: int = ExitCode.DEFECT
            try:
                code = self._supervisor(report)
            except BaseException:
                traceback.print_exc()
            finally:  # never back into pytest
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), json.loads(report.read_text()) if report.exists() else None

    def _supervisor(self, report: Path) -> int:
        os.environ["FLEET_SUPERVISOR"] = str(os.getpid())
        out = Stream()
        ui = Ui(output="json", stdout=out, stderr=Stream())
        what = Command("apply", ["install", "--yes"], writes=True, starts=True, yes=True)
        code = command.run(Chosen(str(self.home / "fleet.yaml")), what, ui)
        report.write_text(out.text)
        return code

    @property
    def calls(self) -> list[str]:
        return (self.home / "log").read_text().splitlines()


@pytest.fixture(params=["forked", "executed"])
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Fleet:
    monkeypatch.setattr(children, "IMPORTS", ())
    monkeypatch.setattr(forks, "possible", lambda: request.param == "forked")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "child"))
    monkeypatch.setenv("FLEET_WORLD", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(children, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(command, "threading", SimpleNamespace(Event=Impatient))
    return Fleet(tmp_path)


def test_killed_at_every_call_it_continues_and_repeats_nothing(fleet: Fleet) -> None:
    (fleet.home / "kills").write_text("\n".join(KILLS))
    for kill in KILLS:
        cluster, call, victim = kill.split()
        code, report = fleet.apply()
        assert (fleet.home / "kills").read_text().splitlines()[:1] != [kill], f"{kill} did not happen"
        if victim != "child":
            assert (code, report) == (-signal.SIGKILL, None), kill
            continue
        assert code == ExitCode.INTERRUPTED, (kill, report)
        states = {item["cluster"]: item["state"] for item in report["clusters"]}
        assert states[cluster] == "failed", kill
        later = [item for item in states.items() if CLUSTERS.index(item[0]) > CLUSTERS.index(cluster)]
        if call != "status":  # that one is made after the whole wave
            assert set(dict(later).values()) <= {"not started"}, kill
        assert report["stopped"].endswith("1 cluster failed, and 0 may")
    code, report = fleet.apply()
    assert code == ExitCode.OK
    assert {item["state"] for item in report["clusters"]} <= {"up to date", "done"}
    assert sorted(fleet.calls) == sorted(f"{cluster} {call}" for cluster in CLUSTERS for call in ("role", "release"))
    assert {item["state"] for item in fleet.apply()[1]["clusters"]} == {"up to date"}
    assert len(fleet.calls) == 2 * len(CLUSTERS)
    # the canary was changed by runs that were killed; each run that reached its soak waited for what was left of it
    left = [float(line) for line in (fleet.home / "soaks").read_text().splitlines()]
    assert len(left) == 4 + 2 * 2
    assert all(0 < seconds < 600 for seconds in left)
