"""Commands that are killed at each of their mutating calls, run again, and compared with undisturbed ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import likeness
import snapshot
from abroad import Abroad
from acksm.engine import lease
from acksm.kube.paths import ref
from killer import AFTER, Ended, Forks, Order
from world import World

LONG_AGO = "2020-01-01T00:00:00.000000Z"
RERUNS = 4  # of one kill: the first may be refused because a helm still works


@dataclass
class Kills:
    """A world in which acksm runs as processes that may be killed."""

    abroad: Abroad
    forks: Forks
    place: Path
    kills: int = 0
    refused: int = 0

    @property
    def world(self) -> World:
        return self.abroad.world

    def run(self, *argv: str, at: int = 0, moment: str = AFTER, passing: bool = False) -> Ended:
        """One process. When it was killed, its Lease is as old as that of one long dead."""
        env = {**os.environ, **self.world.variables}
        ended = self.forks.run(Order(argv, at, moment, passing=passing), env, self.place)
        if ended.killed:
            self.kills += 1
            self.age_lease()
        return ended

    def age_lease(self) -> None:
        place = ref("Lease", lease.NAME, self.world.namespace)
        if self.world.kube.get(place):
            self.world.kube.patch(place, {"spec": {"renewTime": LONG_AGO}})

    def ok(self, *argv: str) -> Ended:
        ended = self.run(*argv)
        assert ended.code == 0, ended
        return ended

    def chain(self, *argv: str, most: int = 200) -> list[str]:
        """Kill at the first call, the rerun at its first, and so on, until one comes to its end: each state between
        two calls was there, and each run began from it. The calls at which they died."""
        died = []
        for _ in range(most):
            ended = self.run(*argv, at=1, moment=AFTER, passing=True)
            if not ended.killed:
                assert ended.code == 0, f"after {died[-1:]}: {ended}"
                return died
            died.append(next(call for call in reversed(ended.calls) if "/leases" not in call))
        raise AssertionError(f"{argv} does not come to an end: {died[-5:]}")

    def again(self, *argv: str) -> int:
        """Run until it succeeds; how many runs were refused or failed meanwhile."""
        for count in range(RERUNS):
            ended = self.run(*argv)
            if ended.code == 0:
                return count
            self.refused += 1
        raise AssertionError(f"does not converge: {ended}")

    def seen(self) -> snapshot.Snapshot:
        return likeness.seen(self.world, [self.world.account, self.abroad.account])


def living(pids: Sequence[int]) -> list[int]:
    """Those of `pids` that run; a zombie does not."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.append(pid)
    return found
