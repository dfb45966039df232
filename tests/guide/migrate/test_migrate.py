"""From IRSA to EKS Pod Identity and back, in memory: it converges from every kill, and no pod is without its role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from acksm.guide.install import command as install
from acksm.guide.migrate import command as migrate, status
from acksm.live import readiness
from memory_account import ISSUER, ROLE, ROLE_NAME, Killed
from memory_pods import PodWorld
from memory_world import Said, commands_run_on, run_install

ONE = ["applicationautoscaling"]
STEPS = (("pod-identity", False), ("pod-identity", True), ("irsa", False), ("irsa", True))
THERE, DONE = STEPS[0], STEPS[1]
CASES = {
    "there": ((), THERE),
    "there and finished": ((), DONE),
    "finished": ((THERE,), DONE),
    "back": ((DONE,), STEPS[2]),
    "back and finished": ((DONE,), STEPS[3]),
    "back before it was finished": ((THERE,), STEPS[3]),
    "finished back": ((DONE, STEPS[2]), STEPS[3]),
}


class Holder:
    world: PodWorld


@pytest.fixture(autouse=True, scope="module")
def _in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: Holder.world, (install, migrate, status))
        patch.setattr(readiness, "AGENT_PAUSE_SECONDS", 0)
        yield


@pytest.fixture(scope="module")
def installed() -> Any:
    Holder.world = PodWorld()
    run_install(Holder.world.settings(service=ONE), Said())
    Holder.world.broken.clear()
    return Holder.world.snapshot()


@pytest.fixture
def world(installed: Any) -> PodWorld:
    Holder.world = PodWorld()
    Holder.world.restore(installed)
    return Holder.world


def moved(world: PodWorld, to: str, finish: bool = False, **options: Any) -> dict[str, Any]:
    """The report of a migration; it has to succeed."""
    given, ui = world.settings(service=ONE, **options), Said()
    groups = migrate.Settings(given.target, given.controllers, given.role, given.other_account, given.run)
    assert migrate.run(groups, ui, to=to, finish=finish) == 0
    return dict(ui.results[-1])


def looked(world: PodWorld) -> tuple[int, dict[str, Any]]:
    given, ui = world.settings(), Said()
    return status.run(given.target, given.run, ui), ui.results[-1]


def trusted(world: PodWorld) -> tuple[bool, bool]:
    """Whether the role trusts IRSA, and EKS Pod Identity."""
    role = world.iam.get_role(ROLE_NAME)
    assert role is not None
    return ISSUER in str(role["trust"]), "pods.eks.amazonaws.com" in str(role["trust"])


def annotated(world: PodWorld) -> bool:
    return ROLE in str([item for item in world.kube.objects.values() if item.get("kind") == "ServiceAccount"])


def test_there_and_back_and_each_second_run_does_nothing(world: PodWorld) -> None:
    begun = world.outcome()
    seen = []
    for to, finish in STEPS:
        report = moved(world, to, finish)
        (row,) = report["result"]["controllers"]
        assert (row["now"], row["role"], row["proven_by"]) == ([to], ROLE, ["variables", "ready"])
        assert report["result"]["finished"] is finish
        (found,) = looked(world)[1]["controllers"]
        assert [pod["mechanism"] for pod in found["pods"]] == [to]
        assert looked(world)[0] == 0
        seen.append((bool(world.eks.associated), annotated(world), *trusted(world)))
        writes = world.fuse.writes
        assert moved(world, to, finish)["changes"] == []
        assert world.fuse.writes == writes
    assert seen == [
        (True, True, True, True),
        (True, False, False, True),
        (False, True, True, True),
        (False, True, True, False),
    ]
    assert world.broken == []
    assert world.outcome() == begun


@pytest.mark.parametrize("case", CASES)
def test_killed_at_every_call(world: PodWorld, case: str) -> None:
    """Killed before each of its calls in turn; the same command again ends where an undisturbed one does."""
    earlier, (to, finish) = CASES[case]
    for step in earlier:
        moved(world, *step)
    begun = world.snapshot()
    moved(world, to, finish)
    desired = world.outcome()
    world.restore(begun)
    for left in range(100):
        world.restore(begun)
        world.fuse.left = left
        try:
            moved(world, to, finish)
            break
        except Killed:
            world.fuse.left = -1
            moved(world, to, finish)
            assert world.outcome() == desired, left
            assert world.broken == [], left
        finally:
            world.fuse.left = -1
    assert left >= 3
