from __future__ import annotations
import time
from pathlib import Path
from collections.abc import Iterator
import pytest
import likeness
from abroad import Abroad
from kills import Kills
from killer import Forks
from world import World


@pytest.fixture
def kills(world: World, tmp_path: Path) -> Iterator[Kills]:
    abroad = Abroad.open(world)
    found = Kills(abroad, Forks(tmp_path / "forks"), tmp_path)
    yield found
    found.forks.close()
    abroad.clean()


def test_x(kills: Kills) -> None:
    world = kills.world
    argv = ("install", "-y")
    for _ in range(2):
        t = time.monotonic()
        e = kills.ok(*argv)
        print(len(e.calls), time.monotonic() - t, flush=True)
    for c in kills.forks and e.calls: print(c)
    one = kills.seen()
    t = time.monotonic()
    other = kills.seen()
    print("seen", time.monotonic() - t, flush=True)
    print(likeness.difference(one, other))
    world.reset(); Abroad.open(world)
    t = time.monotonic()
    died = kills.chain(*argv)
    print("chain", len(died), time.monotonic() - t, flush=True)
    t = time.monotonic()
    print("\n".join(likeness.difference(one, kills.seen())))
