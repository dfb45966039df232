"""Whether the controllers' pods can run, by everything that a cluster may have; what is read, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from acksm.aws.eks import Cluster, FargateProfile, NodeGroup
from acksm.aws.session import Identity
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide.connect import compute
from acksm.guide.connect.target import Target
from acksm.kube.client import Endpoint
from acksm.kube.paths import Ref
from acksm.live.placement import Pod, any_pod
from acksm.settings import RunSettings, TargetSettings

Objects: TypeAlias = list[Any]
ACCOUNT = "012345678901"
ARN = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
CLUSTER = Cluster("demo", ARN, "us-west-2", ACCOUNT, "https://demo", "QQ==", "https://issuer", "ACTIVE", "1.35")
POD = any_pod("sagemaker", "ack-system")
NODE = {
    "metadata": {"name": "n", "labels": {"kubernetes.io/os": "linux", "eks.amazonaws.com/nodegroup": "g"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
CORDONED = NODE | {"spec": {"unschedulable": True}}
GROUP = NodeGroup("g", "ACTIVE", 0, 3, "AL2023_x86_64_STANDARD")
PROFILE = FargateProfile("f", "ACTIVE", [("ack-*", {})])
POOL: dict[str, Any] = {"metadata": {"name": "general-purpose"}, "spec": {"template": {"spec": {}}}}


def deployment(image: str, ready: int = 1) -> dict[str, Any]:
    return {
        "metadata": {"name": "x", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
        "status": {"readyReplicas": ready},
    }


KARPENTER = deployment("public.ecr.aws/karpenter/controller:1.5.0@sha256:00")
AUTOSCALER = deployment("registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0")


class Field:
    """A cluster as it is; `forbidden` are kinds and calls that the caller may not read. `read` is what was read."""

    def __init__(self, *, auto: tuple[str, ...] | None = None, forbidden: tuple[str, ...] = (), **lists: Any) -> None:
        self.auto, self.forbidden, self.lists = auto, forbidden, lists
        self.read: Objects = []

    def list(self, of: Ref, **_: object) -> Objects:
        name = f"{of.kind} {of.api_version}" if of.kind == "NodePool" else of.kind
        self.read.append(name)
        if of.kind in self.forbidden:
            raise AcksmError("kube-forbidden", "no")
        found = {"Node": "nodes", "Deployment": "deployments", "NodePool karpenter.sh/v1": "pools"}
        found["NodePool karpenter.sh/v1beta1"] = "old_pools"
        return list(self.lists.get(found[name], []))

    def _call(self, name: str) -> Objects:
        self.read.append(name)
        if name in self.forbidden:
            raise AcksmError("aws-access-denied", "no")
        return list(self.lists.get(name, []))

    def target(self, *, wait: bool = True) -> Target:
        eks = SimpleNamespace(
            fargate_profiles=lambda _: self._call("profiles"), node_groups=lambda _: self._call("groups")
        )
        kube: Any = self
        aws: Any = SimpleNamespace(eks=eks)
        identity = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "x")
        return Target(
            TargetSettings(),
            RunSettings(wait=wait),
            aws,
            identity,
            replace(CLUSTER, node_pools=self.auto),
            kube,
            Endpoint("https://demo", "PEM", token="secret"),
            Deadline(1),
        )

    def notes(self, pod: Pod = POD, *, wait: bool = True) -> Objects:
        target = self.target(wait=wait)
        return compute.check(target, compute.nodes(target), [pod])

    def refusal(self, pod: Pod = POD) -> AcksmError:
        with pytest.raises(AcksmError) as caught:
            self.notes(pod)
        assert caught.value.id == "no-nodes"
        return caught.value


def test_a_node_that_fits_is_enough_and_nothing_else_is_read() -> None:
    field = Field(nodes=[CORDONED, NODE])
    assert field.notes() == []
    assert field.read == ["Node"]


@pytest.mark.parametrize(
    "field",
    [
        Field(auto=("general-purpose", "system"), pools=[POOL]),
        Field(auto=("general-purpose", "system"), forbidden=("NodePool",)),
        Field(auto=(), pools=[POOL]),
        Field(nodes=[CORDONED], pools=[POOL], deployments=[KARPENTER]),
        Field(old_pools=[POOL], deployments=[KARPENTER]),
        Field(profiles=[PROFILE]),
        Field(profiles=[FargateProfile("f", "ACTIVE", [("*", {})])], forbidden=("groups", "NodePool")),
    ],
    ids=["auto", "auto-unread", "auto-own-pool", "karpenter", "old-karpenter", "fargate", "fargate-alone"],
)
def test_what_adds_a_node_counts(field: Field) -> None:
    assert field.notes() == []


@pytest.mark.parametrize(
    ("field", "note"),
    [
        (Field(pools=[POOL]), "no running Karpenter was found"),
        (Field(pools=[POOL], deployments=[deployment("karpenter/controller:1", 0)]), "no running Karpenter"),
        (Field(groups=[GROUP], deployments=[AUTOSCALER]), "node group g: cluster-autoscaler can add a node"),
        (Field(nodes=[CORDONED], deployments=[AUTOSCALER]), "cluster-autoscaler may add nodes of other groups"),
        (Field(groups=[replace(GROUP, desired=2)]), "0 of 2 nodes joined"),
        (Field(forbidden=("Node",)), "nodes cannot be listed"),
        (Field(forbidden=("NodePool",)), "node pools cannot be listed"),
        (Field(forbidden=("Deployment",), groups=[GROUP]), "Deployments of autoscalers cannot be listed"),
        (Field(forbidden=("groups",)), "node groups cannot be listed"),
        (Field(forbidden=("profiles",)), "Fargate profiles cannot be listed"),
        (Field(profiles=[replace(PROFILE, status="CREATING")]), "Fargate profile f: it is CREATING"),
    ],
)
def test_what_cannot_be_told_is_a_note(field: Field, note: str) -> None:
    (said,) = field.notes()
    assert note in said


@pytest.mark.parametrize(
    ("field", "said", "remedy"),
    [
        (
            Field(),
            "the cluster has no node, no node pool, no node group and no Fargate profile",
            "eksctl create nodegroup",
        ),
        (Field(nodes=[CORDONED]), "node n: cordoned", "kubectl uncordon n "),
        (
            Field(auto=("system",)),
            "taint CriticalAddonsOnly",
            'acksm install --set \'deployment.tolerations=[{"key": "CriticalAddonsOnly", "operator": "Exists"}]\' ',
        ),
        (Field(auto=()), "no node pool", "eksctl create nodegroup"),
        (Field(groups=[GROUP]), "scaled to zero", "eksctl scale nodegroup --cluster demo --name g --nodes 1 "),
        (
            Field(groups=[GROUP], deployments=[deployment("cluster-autoscaler:1", 0)]),
            "no cluster-autoscaler is",
            "eksctl",
        ),
        (Field(nodes=[CORDONED], groups=[replace(GROUP, desired=1)]), "no node is added", "kubectl uncordon n"),
        (Field(profiles=[FargateProfile("f", "ACTIVE", [("kube-*", {})])]), "no Fargate profile for it", "eksctl"),
        (Field(profiles=[FargateProfile("f", "ACTIVE", [("*", {"x": "y"})])]), "no Fargate profile for it", "eksctl"),
    ],
)
def test_what_cannot_run_is_refused_with_what_puts_it_right(field: Field, said: str, remedy: str) -> None:
    error = field.refusal()
    assert said in error.message
    assert error.remedy.startswith(remedy)
    assert "--no-wait" in error.remedy
    (note,) = field.notes(wait=False)  # the way round
    assert said in note


def test_other_errors_are_those_of_the_reads() -> None:
    target = Field(nodes=[]).target()
    kube: Any = SimpleNamespace(list=_unreachable)
    target.kube = kube
    with pytest.raises(AcksmError) as caught:
        compute.nodes(target)
    assert caught.value.id == "kube-unreachable"


def _unreachable(*_: object, **__: object) -> list[Any]:
    raise AcksmError("kube-unreachable", "no")
