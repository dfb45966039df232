"""Commands that are killed at their mutating calls, run again, and compared with undisturbed ones."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import likeness
import snapshot
from abroad import Abroad
from acksm.engine import lease
from acksm.kube.paths import ref
from acksm.sandbox.state import start_time
from killer import AFTER, BEFORE, LEASE, Ended, Forks, Order
from world import World

OLD = {"sagemaker": "1.5.1", "applicationautoscaling": "1.1.2"}
NEW = {"sagemaker": "1.9.1", "applicationautoscaling": "1.4.1"}
Commands = Mapping[str, tuple[str, ...]]


@dataclass
class Kills:
    """A world in which acksm runs as processes that may be killed, and how often that was."""

    abroad: Abroad
    forks: Forks
    location: Path
    kills: int = 0
    converged: int = 0
    _helms: list[tuple[int, int]] = field(default_factory=list)  # process ids, and when each began

    @property
    def world(self) -> World:
        return self.abroad.world

    def anew(self) -> None:
        """An empty cluster and two empty accounts."""
        self.abroad.clean()
        self.world.reset()
        self.abroad = Abroad.open(self.world)

    def run(self, *argv: str, at: int = 0, moment: str = AFTER, passing: bool = False, after: float = 0.0) -> Ended:
        """One process. `after` so many seconds it is killed from outside, wherever it is."""
        env = {**os.environ, **self.world.variables}
        ended = self.forks.run(Order(argv, at, moment, passing=passing, after=after), env, self.location)
        self._helms += [(pid, began) for pid in ended.helms if (began := start_time(pid))]
        self.kills += ended.killed
        return ended

    def ok(self, *argv: str) -> Ended:
        """One process that has to succeed."""
        ended = self.run(*argv)
        assert ended.code == 0, ended
        return ended

    def chain(self, *argv: str, most: int = 200) -> list[str]:
        """Kill at the first call, the rerun at its first, and so on, until one comes to its end: each state between
        two calls was there, and each run began from it. Right after a call and right before the next one take turns.
        All calls that were made, in order, the Lease's left out.
        """
        made: list[str] = []
        for count in range(most):
            at, moment = ((1, AFTER), (2, BEFORE))[count % 2]
            ended = self.run(*argv, at=at, moment=moment, passing=True)
            calls = [call for call in ended.calls if LEASE not in call]
            made += calls[:1]
            if not ended.killed:
                assert ended.code == 0, f"after {made[-2:]}: {ended}"
                self.converged += count
                self.check_lease(ended)
                return made
        raise AssertionError(f"{argv} does not come to an end: {made[-5:]}")

    def case(self, *argv: str, at: int, moment: str, passing: bool = False) -> Ended:
        """Kill at one call, and run again at once; the run that was killed (or came to its end, when it has fewer
        calls)."""
        ended = self.run(*argv, at=at, moment=moment, passing=passing)
        if not ended.killed:
            assert ended.code == 0, ended
            return ended
        self._again(*argv, why=f"killed {moment} {ended.calls[-1:]}")
        return ended

    def by_clock(self, *argv: str, after: float, whole: bool) -> Ended:
        """Kill `after` so many seconds, with `whole` its helms too, and run again at once."""
        ended = self.run(*argv, after=after)
        for pid in self._managed_objects() if whole else ():
            os.killpg(pid, signal.SIGKILL)
        if ended.killed:
            self._again(*argv, why=f"killed after {after:.2f} s, at {ended.calls[-1:]}")
        else:
            assert ended.code == 0, ended
        return ended

    def _again(self, *argv: str, why: str) -> None:
        """The same command at once; it has to succeed, and waits for a helm that goes on by itself."""
        last = self.run(*argv)
        assert last.code == 0, f"{why}: {last}"
        self.check_lease(last)
        assert not self._managed_objects(), f"{why}: a helm works beside what came after it"
        self.converged += 1

    def _managed_objects(self) -> list[int]:
        """Those of its helms that run; an id alone may be another process's by now."""
        return [pid for pid, began in self._helms if start_time(pid) == began]

    def check_lease(self, last: Ended) -> None:
        """Nobody holds the Lease but a dead one, where the last run had nothing to do and so asked for none. Here it
        goes, for what comes next begins where an undisturbed run ends."""
        if lease.is_held(self.world.kube, self.world.namespace):
            assert not last.calls, last
            self.world.kube.delete(ref("Lease", lease.NAME, self.world.namespace))

    def named(self, calls: Sequence[str]) -> list[str]:
        """Different calls, sorted, the Lease's left out, with the world's own name in the place of this one's. A
        call may come twice, when its object changed meanwhile."""
        return sorted({call.replace(self.world.namespace, "HOME") for call in calls if LEASE not in call})

    def seen(self) -> snapshot.Snapshot:
        """Both sides, whole."""
        return likeness.seen(self.world, [self.world.account, self.abroad.account])

    def commands(self, *services: str) -> Commands:
        """Each command after those before it, from an empty world, in which somebody made what can be adopted."""
        world, b = self.world, self.abroad
        home, team = world.namespace, f"{world.namespace}-team"
        scaling = world.aws("application-autoscaling")
        names = ("churn", "spam")
        for name in names:
            scaling.register_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId=f"endpoint/{name}/variant/v",
                ScalableDimension="sagemaker:variant:DesiredInstanceCount",
                MinCapacity=1,
                MaxCapacity=2,
            )
        world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}})
        file = self.location / "adopt.json"
        rows = [
            {"kind": "ScalableTarget", "name": f"endpoint/{name}/variant/v", "namespace": team, "as": name}
            for name in names
        ]
        file.write_text(json.dumps(rows))
        some = [part for service in services for part in ("--service", service)]
        old, new = (
            [part for service in services for part in ("--version", f"{service}={versions[service]}")]
            for versions in (OLD, NEW)
        )
        reach = ("--target-profile", b.profile)
        return {
            "install": ("install", "-y", *some, *old),
            "upgrade": ("upgrade", "-y", *some, *new),
            "carm setup": ("carm", "setup", "--target-account", b.account, *reach, "-y"),
            "carm bind": ("carm", "bind", f"{home}-abroad", "--target-account", b.account, "--create-namespace"),
            "adopt": ("adopt", "-f", str(file), "-y"),
            "cleanup": ("cleanup", "--all", "--confirm", world.cluster, *reach),
        }

    def prepare(self, command: str) -> None:
        """What somebody does before `command`: objects of their own, which a cleanup has to leave in AWS."""
        if command == "cleanup":
            group, team = "applicationautoscaling.services.k8s.aws/v1alpha1", f"{self.world.namespace}-team"
            spec = {
                "resourceID": "endpoint/own/variant/v",
                "serviceNamespace": "sagemaker",
                "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
                "minCapacity": 1,
                "maxCapacity": 2,
            }
            own = self.world.custom(group, "scalabletargets", "ScalableTarget", team, "own", spec)
            self.abroad.made.append(own)
            self.abroad.located(own)
