"""The wait for adoptions on a cluster in memory, with a clock of its own: patience, logs, and time that is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from acksm.ack.kinds import KINDS
from acksm.aws.objects import Found
from acksm.engine.waits import Deadline
from acksm.events import Event
from acksm.guide.adopt import plan as adopt_plan, requested
from acksm.guide.adopt.placement import Location, Method
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.wait import PATIENCE_SECONDS, Result, State, Wait
from acksm.kube.paths import Ref
from acksm.live.running import Running

MODEL = KINDS["sagemaker"]["Model"]
CONTROLLER = Running("sagemaker", "ack-system", "ack-sagemaker-controller", "d", "1.9.1", "sa", region="us-west-2")
POD = {"metadata": {"name": "pod", "namespace": "ack-system"}, "spec": {"containers": [{"name": "controller"}]}}


@dataclass
class Cluster:
    """Objects by path, and a log. Each second of its clock `happens` may change them."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: str = ""
    now: float = 0.0
    reads: int = 0
    happens: Any = None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.happens:
            self.happens(self)

    def get(self, ref: Ref) -> dict[str, Any] | None:
        self.reads += 1
        return self.objects.get(ref.path)

    def list(self, ref: Ref, **_more: object) -> list[dict[str, Any]]:
        if ref.kind == "Pod":
            return [POD]
        self.reads += 1
        return [item for path, item in self.objects.items() if path.startswith(ref.collection + "/")]

    def logs(self, *_where: str, **_more: object) -> str:
        return self.log


def adoption(name: str, method: Method = Method.ANNOTATIONS) -> Adoption:
    request = requested.request(MODEL, name, namespace="team")
    controller = CONTROLLER if method is Method.ANNOTATIONS else replace(CONTROLLER, version="1.2.13")
    location = Location("team", controller, method, "012345678901", "us-west-2")
    return Adoption(request, location, Found(MODEL, {"modelName": name}, "", "us-west-2"), name)


def waited(cluster: Cluster, *names: str, seconds: float = 900.0, method: Method = Method.ANNOTATIONS) -> list[Result]:
    results = [Result(adoption(name, method), State.WAITING) for name in names]
    said: list[Event] = []
    deadline = Deadline(seconds, lambda: cluster.now, cluster.sleep)
    Wait(cluster, results, deadline, said.append).run()
    assert said
    return results


def put(cluster: Cluster, name: str, *conditions: Mapping[str, str], adopted: bool = False) -> None:
    item = adoption(name)
    notes = {"services.k8s.aws/adopted": "true"} if adopted else {}
    held = ["finalizers.sagemaker.services.k8s.aws/Model"] if adopted else []
    meta = {"name": name, "namespace": "team", "annotations": notes, "finalizers": held}
    cluster.objects[item.target.path] = {"metadata": meta, "status": {"conditions": list(conditions)}}


SYNCED = {"type": "ACK.ResourceSynced", "status": "True"}
DENIED = {"type": "ACK.Recoverable", "status": "True", "message": "AccessDenied: no"}


def test_many_are_adopted_by_a_few_lists() -> None:
    names = [f"m-{number}" for number in range(50)]

    def happens(cluster: Cluster) -> None:
        for name in names[: int(cluster.now * 20)]:
            put(cluster, name, SYNCED, adopted=True)

    cluster = Cluster(happens=happens)
    results = waited(cluster, *names)
    assert {item.state for item in results} == {State.ADOPTED}
    assert cluster.reads < 20
    assert cluster.now < 10


def test_an_error_that_lasts_is_told_and_one_that_passes_is_not() -> None:
    def happens(cluster: Cluster) -> None:
        put(cluster, "passes", *([SYNCED] if cluster.now > 20 else [DENIED]), adopted=cluster.now > 20)

    cluster = Cluster(happens=happens)
    put(cluster, "lasts", DENIED)
    put(cluster, "ends", {"type": "ACK.Terminal", "status": "True", "message": "required field missing: x"})
    lasts, passes, ends = waited(cluster, "lasts", "passes", "ends")
    assert lasts.error
    assert (lasts.error.id, lasts.error.message) == ("adopt-failing", "AccessDenied: no")
    assert (passes.state, passes.error) == (State.ADOPTED, None)
    assert ends.error
    assert ends.error.id == "adopt-terminal"
    assert PATIENCE_SECONDS <= cluster.now < PATIENCE_SECONDS + 5


def line(name: str, error: str, kind: str = "Model") -> str:
    return json.dumps({"level": "error", "controllerKind": kind, "namespace": "team", "name": name, "error": error})


def test_the_log_tells_what_no_condition_does() -> None:
    cluster = Cluster(log=line("a", "adopted resource not found") + "\n" + line("other", "x"))
    for name in ("a", "b"):
        put(cluster, name)
    cluster.happens = lambda it: put(it, "b", SYNCED, adopted=True) if it.now > 12 else None
    one, two = waited(cluster, "a", "b")
    assert one.error
    assert one.error.id == "adopt-not-found-there"
    assert "us-west-2 of account 012345678901" in one.error.message
    assert two.state is State.ADOPTED


def test_an_adopted_resource_is_told_by_its_own_name_in_the_log() -> None:
    helper = adopt_plan.helper_name(MODEL, "a")
    cluster = Cluster(log=line(helper, "resource manager factory not found", "AdoptedResource"))
    (one,) = waited(cluster, "a", method=Method.ADOPTED_RESOURCE)
    assert one.error
    assert one.error.id == "adopt-not-adoptable"


def test_time_that_is_over_leaves_them_waiting() -> None:
    cluster = Cluster()
    put(cluster, "a")
    (one,) = waited(cluster, "a", seconds=7)
    assert (one.state, one.text) == (State.WAITING, "not reconciled by the controller yet")
    assert cluster.now < 8
