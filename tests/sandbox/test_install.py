"""`acksm install` on real parts: from nothing to running controllers, and nothing the second time."""

from __future__ import annotations

from world import World


def test_from_nothing_to_running_and_a_second_run_does_nothing(world: World) -> None:
    world.install()
    with world.requests() as second:
        run = world.install()
    assert "up to date" in run.stderr
    assert second.writes == []
    assert len(world.objects("Deployment")) == 2
