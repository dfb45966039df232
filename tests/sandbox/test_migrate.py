"""From IRSA to EKS Pod Identity and back, with real parts and a controller that keeps an object synced all the time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from abroad import until
from acksm.kube.conditions import holds
from acksm.kube.paths import Ref
from acksm.sandbox import api
from acksm.sandbox.state import directory
from world import NAME, ONE, World

STEPS = (
    ("--to", "pod-identity"),
    ("--to", "pod-identity", "--finish"),
    ("--to", "irsa", "--finish"),
)
SPEC = {
    "resourceID": "endpoint/churn/variant/v",
    "serviceNamespace": "sagemaker",
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "minCapacity": 1,
    "maxCapacity": 2,
}


class Busy:
    """Changes an object again and again, so that its controller has to call AWS, and keeps what it reports."""

    def __init__(self, world: World, target: Ref) -> None:
        self._world, self._target, self._ended = world, target, threading.Event()
        self.count = 0

    def work(self) -> None:
        kube = self._world.kube
        while not self._ended.wait(0.4):
            self.count += 1
            kube.patch(self._target, {"spec": {"maxCapacity": 2 + self.count % 7}})

    def more(self) -> None:
        """Wait until the object was changed twice more."""
        enough = self.count + 2
        until(lambda: self.count >= enough, "the object is not changed", lambda: self.count)

    @contextmanager
    def going(self) -> Iterator[Busy]:
        thread = threading.Thread(target=self.work)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()


def calls_of_controllers(world: World, begun: float, since: float) -> list[dict[str, Any]]:
    """What the gate answered to sessions of roles of the world's account, oldest first; in others, other workers'
    controllers ask for what is not there yet. Sessions from before `begun` are of a former test, whose pods end."""
    own = api.require(NAME).accounts[world.account]["AWS_ACCESS_KEY_ID"]
    rows = [json.loads(line) for line in (directory(NAME) / "aws.log").read_text().splitlines() if line.strip()]
    ours = [row for row in rows if row["time"] >= since and row["account"] == world.account]
    former = {row["key"] for row in rows if row["time"] < begun}
    return [row for row in ours if row["key"] not in {own, ""} | former]


@pytest.mark.crds
@pytest.mark.timeout(300)
def test_there_and_back_with_an_object_synced_all_the_time(world: World) -> None:
    begun = time.time()
    world.install(*ONE)
    world.aws("eks").create_addon(clusterName=world.cluster, addonName="eks-pod-identity-agent")
    group = "applicationautoscaling.services.k8s.aws/v1alpha1"
    target = world.custom(group, "scalabletargets", "ScalableTarget", world.namespace, "churn", SPEC)

    def synced(capacity: int = 0) -> bool:
        found = world.kube.get(target)
        return found is not None and holds(found, "ACK.ResourceSynced") and capacity in {0, seen()}

    def seen() -> int:
        client = world.aws("application-autoscaling")
        (one,) = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return int(one["MaxCapacity"])

    until(synced, "not synced", lambda: world.kube.get(target))
    before, since = world.role()["AssumeRolePolicyDocument"], time.time()
    with Busy(world, target).going() as busy:
        for step in STEPS:
            run = world.acksm("identity", "migrate", *step, *ONE, "-y", "-o", "json").ok()
            (row,) = run.data["result"]["controllers"]
            assert (row["now"], row["proven_by"]) == ([step[1]], ["variables", "token", "ready"])
            if step[2:]:
                with world.requests() as again:
                    second = world.acksm("identity", "migrate", *step, *ONE, "-y")
                assert again.writes == []
                assert "up to date" in second.ok().stderr
                status = world.acksm("identity", "status", "-o", "json").ok().data
                assert [pod["mechanism"] for pod in status["controllers"][0]["pods"]] == [step[1]]
                assert "no drift" in world.acksm("status", *ONE).ok().stdout
            busy.more()
    world.kube.patch(target, {"spec": {"maxCapacity": 11}})
    until(lambda: synced(11), "not synced at the end", lambda: (world.kube.get(target), seen()))
    calls = calls_of_controllers(world, begun, since)
    assert len(calls) > busy.count / 2
    refused = [(row["action"], row["reason"], row["key"], row["time"] - since) for row in calls if row["status"] >= 400]
    assert refused == []
    assert world.role()["AssumeRolePolicyDocument"] == before
    assert world.aws("eks").list_pod_identity_associations(clusterName=world.cluster)["associations"] == []
