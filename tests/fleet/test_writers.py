"""At most so many clusters of one account are changed at a time, with real processes, which wait for each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acksm.fleet import children, command
from acksm.fleet.command import Chosen, Command
from acksm.fleet.file import File
from acksm.ui import Ui
from streams import Stream

BUSY, CALM = "111111111111", "222222222222"
WRITERS = File.model_fields["writers_per_account"].default
IN_BUSY, IN_CALM = WRITERS + 3, 2


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    entries = [{"cluster": f"busy-{n}", "account": BUSY, "region": "eu-west-1"} for n in range(IN_BUSY)]
    entries += [{"cluster": f"calm-{n}", "account": CALM, "region": "eu-west-1"} for n in range(IN_CALM)]
    waves = [{"name": "all", "concurrency": len(entries)}]
    (tmp_path / "fleet.yaml").write_text(json.dumps({"waves": waves, "clusters": entries}))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "waiting"))
    monkeypatch.setenv("FLEET_LOG", str(tmp_path / "log"))
    monkeypatch.setattr(children, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(children, "IMPORTS", ())
    return tmp_path


def overlaps(log: str) -> dict[str, int]:
    """At most how many of each account were at work at a time."""
    at_work, most = dict.fromkeys((BUSY, CALM), 0), dict.fromkeys((BUSY, CALM), 0)
    for account, what in (line.split() for line in log.splitlines()):
        at_work[account] += 1 if what == "began" else -1
        most[account] = max(most[account], at_work[account])
    return most


def run(world: Path, what: Command, *awaited: str) -> dict[str, int]:
    """Run it on processes that go on once each of `awaited`, "ACCOUNT began|ended NUMBER", was in the log."""
    (world / "log").write_text("")
    (world / "log.awaited").write_text("\n".join(awaited))
    out = Stream()
    code = command.run(Chosen(str(world / "fleet.yaml")), what, Ui(output="json", stdout=out, stderr=Stream()))
    assert code == 0, out.text
    assert len(json.loads(out.text)["clusters"]) == IN_BUSY + IN_CALM
    return overlaps((world / "log").read_text())


def test_the_writers_of_an_account_are_limited_and_hold_up_no_other(world: Path) -> None:
    """None of the busy account's ends before as many as may have begun, and the others, which wait for none of them,
    have all ended: so those may run although the busy account has clusters waiting."""
    what = Command("apply", ["install", "--yes"], writes=True, yes=True)
    found = run(world, what, f"{BUSY} {BUSY} began {WRITERS}", f"{BUSY} {CALM} ended {IN_CALM}")
    assert found[BUSY] == WRITERS


def test_readers_are_not(world: Path) -> None:
    """Each waits until all have begun, which a limit for an account would never let happen."""
    everyone = [f"{one} {BUSY} began {IN_BUSY}" for one in (BUSY, CALM)]
    found = run(world, Command("status", ["status"], concurrency=IN_BUSY + IN_CALM), *everyone)
    assert found[BUSY] == IN_BUSY
