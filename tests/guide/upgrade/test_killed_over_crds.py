"""An upgrade that is killed before any of its writes: the same command again ends where an undisturbed one does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from acksm.guide.install import command as install
from memory_account import Killed
from memory_world import MemoryWorld, Said, commands_run_on, run_install


@pytest.fixture
def world() -> Iterator[MemoryWorld]:
    found = MemoryWorld()
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: found, (install,))
        yield found


def upgraded(world: MemoryWorld, **versions: str) -> Any:
    """`acksm upgrade` without its questions: `install` with versions."""
    ui = Said()
    run_install(world.settings(service=list(versions), version=versions), ui)
    return ui.results[-1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"applicationautoscaling": "0.0.3"}, {"applicationautoscaling": "1.4.1"}),
        ({"applicationautoscaling": "1.1.1"}, {"applicationautoscaling": "1.1.2"}),  # the AdoptedResource line
        ({"sagemaker": "0.0.3"}, {"sagemaker": "1.9.1"}),
    ],
    ids=str,
)
def test_killed_at_every_write(world: MemoryWorld, before: dict[str, str], after: dict[str, str]) -> None:
    upgraded(world, **before)
    old, writes = world.snapshot(), world.fuse.writes
    changes = upgraded(world, **after)["changes"]
    assert {change["id"] for change in changes} >= {"crds.update", "crds.create", "release.upgrade"}
    whole, writes = world.state(), world.fuse.writes - writes
    for left in range(0, writes - 1, 1 if "applicationautoscaling" in before else 7):  # the last one ends the lock
        world.restore(old)
        world.fuse.left = left
        with pytest.raises(Killed):
            upgraded(world, **after)
        world.fuse.left = -1
        upgraded(world, **after)
        assert world.state() == whole, f"killed at write {left} of {writes}"
        assert upgraded(world, **after)["changes"] == [], f"killed at write {left} of {writes}"
