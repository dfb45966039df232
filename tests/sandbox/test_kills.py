"""SIGKILL at every mutating call: the same command run again ends where an undisturbed one does, compared whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import likeness
from abroad import Abroad
from killer import AFTER, BEFORE, OF_HELM, Forks
from kills import Kills
from world import World

ONE = "applicationautoscaling"
RELEASE = "ack-applicationautoscaling-controller"


@pytest.fixture
def kills(world: World, forks: Forks, tmp_path: Path) -> Iterator[Kills]:
    found = Kills(Abroad.open(world), forks, tmp_path)
    yield found
    found.abroad.clean()


@pytest.mark.timeout(900)  # some fifty runs, one after the other
def test_killed_at_every_call_of_every_command(kills: Kills) -> None:
    """Each command is killed at its first call, its rerun at the next, and so on to the end."""
    desired, calls = {}, {}
    for name, argv in kills.commands(ONE).items():
        kills.prepare(name)
        calls[name] = kills.named(kills.ok(*argv).calls)
        desired[name] = kills.seen()
    kills.anew()
    for name, argv in kills.commands(ONE).items():
        kills.prepare(name)
        made = kills.chain(*argv)
        assert kills.named(made) == calls[name], name
        assert likeness.difference(desired[name], kills.seen()) == [], name
        assert kills.ok(*argv).calls == [], name


MOMENTS = (BEFORE, *OF_HELM, AFTER)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("verb", "moments"),
    [
        ("install", MOMENTS),
        ("upgrade", ("left", "pending-killed")),
        ("uninstall", ("left", "pending-killed")),
        pytest.param("upgrade", MOMENTS, marks=pytest.mark.soak),
        pytest.param("uninstall", MOMENTS, marks=pytest.mark.soak),
    ],
)
def test_helm_is_killed_or_left_running(kills: Kills, verb: str, moments: tuple[str, ...]) -> None:
    """helm at work is killed with acksm, or goes on when acksm has died."""
    levels = ("debug", "info")
    one = ("--service", ONE)
    argv = ("install", "-y", *one, "--set", "log.level=")
    desired = {level: (kills.ok(*argv[:-1], f"log.level={level}"), kills.seen())[1] for level in levels}
    clean = ("cleanup", *one, "--crds", "none", "-y")
    kills.ok(*clean)
    desired["none"] = kills.seen()
    if verb == "upgrade":
        kills.ok(*argv[:-1], "log.level=info")
    for count, moment in enumerate(moments):
        level = levels[count % 2]
        if verb == "uninstall":
            kills.ok(*argv[:-1], "log.level=debug")
            now, level = clean, "none"
        else:
            now = (*argv[:-1], f"log.level={level}")
            if verb == "install":
                kills.ok(*clean)
        ended = kills.case(*now, at=1, moment=moment, passing=True)
        assert ended.killed
        assert ended.calls[-1] == f"helm {verb} {RELEASE}"
        assert likeness.difference(desired[level], kills.seen()) == [], moment
