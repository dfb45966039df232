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


def state(world: MemoryWorld) -> dict[str, Any]:
    """What exists, without helm's records: a release that was rolled back has more of them."""
    objects = world.state()[0]
    return {path: item for path, item in objects.items() if "/secrets/sh.helm.release" not in path}


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ({"applicationautoscaling": "1.1.1"}, {"applicationautoscaling": "1.1.2"}, 1),  # the AdoptedResource line
        ({"applicationautoscaling": "0.0.3"}, {"applicationautoscaling": "1.4.1"}, 3),
        ({"sagemaker": "0.0.3"}, {"sagemaker": "1.9.1"}, 7),
    ],
    ids=str,
)
def test_killed_at_every_write(world: MemoryWorld, before: dict[str, str], after: dict[str, str], step: int) -> None:
    upgraded(world, **before)
    old, writes = world.snapshot(), world.fuse.writes
    changes = upgraded(world, **after)["changes"]
    assert {change["id"] for change in changes} >= {"crds.update", "crds.create", "release.upgrade"}
    whole, writes = state(world), world.fuse.writes - writes
    for left in range(0, writes - 1, step):  # the last one ends the lock
        world.restore(old)
        world.fuse.left = left
        with pytest.raises(Killed):
            upgraded(world, **after)
        world.fuse.left = -1
        upgraded(world, **after)
        now = state(world)
        different = [path for path in {**whole, **now} if now.get(path) != whole.get(path)]
        assert different == [], f"killed at write {left} of {writes}"
    assert upgraded(world, **after)["changes"] == []
