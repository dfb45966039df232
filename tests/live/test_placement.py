"""Whether a pod can run somewhere, as the scheduler, EKS and Karpenter decide it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from acksm.aws.eks import FargateProfile, NodeGroup
from acksm.live import places
from acksm.live.placement import ARCH, OS, Fit, Place, Placement, Pod, any_pod, fits, judge, on_nodes, pod_of

NO, MAYBE, YES = Fit.NO, Fit.MAYBE, Fit.YES
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ACK = "public.ecr.aws/aws-controllers-k8s/sagemaker-controller"


def pod(image: str = f"{ACK}:1.9.1", labels: dict[str, str] | None = None, **spec: Any) -> Pod:
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}}
    container = {"name": "controller", "image": image, "resources": resources}
    template = {
        "metadata": {"labels": labels or {}},
        "spec": {"nodeSelector": {OS: "linux"}, "containers": [container], **spec},
    }
    return pod_of({"metadata": {"name": "ack"}, "spec": {"template": template}}, "ack-system")


def node(ready: str = "True", age: int = 3600, arch: str = "amd64", taints: Any = (), **more: Any) -> Place:
    """`age` in seconds; `more`: labels, cpu, cordoned, os."""
    stamp = datetime.fromtimestamp(NOW.timestamp() - age, UTC).isoformat()
    labels = {ARCH: arch, OS: more.get("os", "linux"), **more.get("labels", {})}
    manifest = {
        "metadata": {"name": "n", "creationTimestamp": stamp, "labels": labels},
        "spec": {"taints": list(taints)} | ({"unschedulable": True} if more.get("cordoned") else {}),
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "allocatable": {"cpu": more.get("cpu", "1930m"), "memory": "3Gi", "pods": "17"},
        },
    }
    return places.node(manifest, NOW)


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> dict[str, str]:
    return {"key": key, "effect": effect} | ({"value": value} if value else {})


def affinity(*rules: dict[str, Any], **term: Any) -> dict[str, Any]:
    terms = [{"matchExpressions": list(rules), **term}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def rule(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


DEDICATED = taint("dedicated", "ml")
FARGATE = taint("eks.amazonaws.com/compute-type", "fargate")


@pytest.mark.parametrize(
    ("of", "at", "fit", "why"),
    [
        (pod(), node(), YES, ""),
        (pod(), node("False"), NO, "not ready"),
        (pod(), node("Unknown"), NO, "not ready"),
        (pod(), node("False", age=60, taints=[taint("node.kubernetes.io/not-ready")]), MAYBE, "joining"),
        (pod(), node(age=60, taints=[taint("node.cilium.io/agent-not-ready")]), YES, ""),
        (pod(), node(taints=[taint("node.cilium.io/agent-not-ready")]), NO, "agent-not-ready"),
        (pod(), node(cordoned=True), NO, "cordoned"),
        (pod(), node(taints=[DEDICATED]), NO, "taint dedicated=ml"),
        (pod(), node(taints=[FARGATE]), NO, "compute-type=fargate"),  # the node of another Fargate pod
        (pod(), node(taints=[taint("x", effect="PreferNoSchedule")]), YES, ""),
        (pod(tolerations=[{"key": "dedicated", "value": "ml"}]), node(taints=[DEDICATED]), YES, ""),
        (pod(tolerations=[{"key": "dedicated", "value": "x"}]), node(taints=[DEDICATED]), NO, "dedicated"),
        (pod(tolerations=[{"key": "dedicated", "operator": "Exists"}]), node(taints=[DEDICATED]), YES, ""),
        (pod(tolerations=[{"operator": "Exists"}]), node(taints=[DEDICATED]), YES, ""),
        (
            pod(tolerations=[{"operator": "Exists", "effect": "NoExecute"}]),
            node(taints=[DEDICATED]),
            NO,
            "dedicated",
        ),
        (pod(nodeSelector={"team": "ml"}), node(), NO, "node selector team In ml"),
        (pod(nodeSelector={"team": "ml"}), node(labels={"team": "ml"}), YES, ""),
        (pod(), node(os="windows"), NO, "node selector kubernetes.io/os"),
        (pod(nodeSelector=None), node(os="windows"), NO, "image is for linux, not windows"),
        (pod(affinity=affinity(rule("zone", "In", "a", "b"))), node(labels={"zone": "b"}), YES, ""),
        (pod(affinity=affinity(rule("zone", "NotIn", "a"))), node(), YES, ""),
        (pod(affinity=affinity(rule("zone", "Exists"))), node(), NO, "node affinity zone Exists"),
        (pod(affinity=affinity(rule("gpu", "DoesNotExist"))), node(labels={"gpu": "1"}), NO, "gpu DoesNotExist"),
        (pod(affinity=affinity(rule("cores", "Gt", "4"))), node(labels={"cores": "8"}), YES, ""),
        (pod(affinity=affinity(rule("cores", "Gt", "8"))), node(labels={"cores": "8"}), NO, "cores Gt 8"),
        (pod(affinity=affinity(rule("cores", "Lt", "8"))), node(labels={"cores": "many"}), NO, "cores Lt 8"),
        (
            pod(affinity=affinity(matchFields=[rule("metadata.name", "In", "m")])),
            node(),
            NO,
            "node affinity names another node",
        ),
        (pod(containers=[{"resources": {"requests": {"cpu": "4"}}}]), node(), NO, "requests more cpu than the 1.93"),
        (pod(containers=[{"resources": {"limits": {"memory": "8Gi"}}}]), node(), NO, "more memory"),
        (
            pod(initContainers=[{"resources": {"requests": {"cpu": "3"}}}]),
            node(cpu="2"),
            NO,
            "requests more cpu than the 2",
        ),
        (pod(), node(arch="arm64"), YES, ""),
        (pod(f"{ACK}:1.2.4"), node(arch="arm64"), NO, "image is for amd64, not arm64"),
        (pod(f"{ACK}:v0.0.3"), node(arch="arm64"), NO, "image is for amd64, not arm64"),
        (
            pod("mirror.example/sagemaker-controller:1.2.4"),
            node(arch="arm64"),
            YES,
            "",
        ),  # unknown what it was built for
        (pod(f"{ACK}:nightly"), node(arch="arm64"), YES, ""),
    ],
)
def test_a_pod_on_a_node(of: Pod, at: Place, fit: Fit, why: str) -> None:
    found, said = fits(of, at)
    assert found is fit, said
    assert why in said


def pool(*requirements: dict[str, Any], running: bool = True, **more: Any) -> Place:
    """`more`: taints, labels, limits, used, ready, replicas, deleted."""
    gone: dict[str, str] = {"deletionTimestamp": "x"} if more.get("deleted") else {}
    manifest: dict[str, Any] = {
        "metadata": {"name": "p", **gone},
        "spec": {
            "template": {
                "metadata": {"labels": more.get("labels", {})},
                "spec": {"requirements": list(requirements), "taints": more.get("taints", [])},
            },
            **{key: more[key] for key in ("limits", "replicas") if key in more},
        },
        "status": {
            "resources": more.get("used", {}),
            "conditions": [{"type": "Ready", "status": more.get("ready", "True"), "message": "NodeClass is not ready"}],
        },
    }
    return places.node_pool(manifest, provisioner="Karpenter", running=running)


@pytest.mark.parametrize(
    ("of", "at", "fit", "why"),
    [
        (pod(), pool(), YES, ""),
        (pod(), pool(running=False), MAYBE, "no running Karpenter"),
        (pod(), pool(rule(OS, "In", "windows")), NO, "node selector kubernetes.io/os"),
        (pod(), pool(taints=[DEDICATED]), NO, "taint dedicated=ml"),
        (pod(), pool(limits={"cpu": "100"}, used={"cpu": "20"}), YES, ""),
        (pod(), pool(limits={"cpu": "100", "memory": "1Gi"}, used={"cpu": "100"}), NO, "limit is reached: cpu=100"),
        (pod(), pool(limits={"cpu": "0"}), NO, "limit is reached: cpu=0"),
        (pod(), pool(ready="False"), NO, "NodeClass is not ready"),
        (pod(), pool(deleted=True), NO, "being deleted"),
        (pod(), pool(replicas=0), NO, "static"),
        (pod(nodeSelector={"karpenter.sh/capacity-type": "spot"}), pool(), YES, ""),
        (
            pod(nodeSelector={"karpenter.sh/capacity-type": "spot"}),
            pool(rule("karpenter.sh/capacity-type", "In", "on-demand")),
            NO,
            "capacity-type In spot",
        ),
        (pod(nodeSelector={"topology.kubernetes.io/zone": "us-west-2a"}), pool(), YES, ""),
        (
            pod(nodeSelector={"topology.kubernetes.io/zone": "us-west-2a"}),
            pool(rule("topology.kubernetes.io/zone", "NotIn", "us-west-2a")),
            NO,
            "zone",
        ),
        (pod(nodeSelector={"team": "ml"}), pool(), NO, "team"),
        (pod(nodeSelector={"team": "ml"}), pool(labels={"team": "ml"}), YES, ""),
        (pod(nodeSelector={"team": "ml"}), pool(rule("team", "Exists")), YES, ""),
        (pod(f"{ACK}:1.2.4"), pool(rule(ARCH, "In", "arm64")), NO, "image is for amd64, not arm64"),
        (pod(f"{ACK}:1.2.4"), pool(rule(ARCH, "In", "arm64", "amd64")), YES, ""),
        # EKS Auto Mode, where its NodePools cannot be read
        (pod(), places.built_in_pool("general-purpose"), YES, ""),
        (pod(), places.built_in_pool("system"), NO, "CriticalAddonsOnly"),
        (
            pod(tolerations=[{"key": "CriticalAddonsOnly", "operator": "Exists"}]),
            places.built_in_pool("system"),
            YES,
            "",
        ),
        (pod(nodeSelector={ARCH: "arm64"}), places.built_in_pool("general-purpose"), NO, "arm64"),
        (pod(), places.built_in_pool("new-one"), MAYBE, "cannot be read"),
    ],
)
def test_a_pod_on_a_node_that_a_pool_would_add(of: Pod, at: Place, fit: Fit, why: str) -> None:
    found, said = fits(of, at)
    assert found is fit, said
    assert why in said


def group(desired: int = 0, most: int = 3, status: str = "ACTIVE", **more: Any) -> Place:
    found = NodeGroup("g", status, desired, most, more.get("ami", "AL2023_x86_64_STANDARD"), {}, more.get("taints", ()))
    return places.node_group(found, autoscaler=more.get("autoscaler", False), joined=more.get("joined", 0))


@pytest.mark.parametrize(
    ("at", "fit", "why"),
    [
        (group(), NO, "scaled to zero"),
        (group(autoscaler=True), MAYBE, "cluster-autoscaler can add a node"),
        (group(desired=2), MAYBE, "0 of 2 nodes joined"),
        (group(desired=2, status="CREATING"), MAYBE, "CREATING"),
        (group(desired=3, joined=3), NO, "no node is added"),
        (group(desired=2, joined=2), NO, "no node is added"),
        (group(desired=3, joined=3, autoscaler=True), NO, "no node is added"),
        (group(status="CREATE_FAILED"), NO, "CREATE_FAILED"),
        (group(status="DELETING", desired=2, joined=2), NO, "DELETING"),
        (group(autoscaler=True, taints=[{"key": "x", "effect": "NO_SCHEDULE"}]), NO, "taint x"),
        (group(autoscaler=True, ami="WINDOWS_CORE_2022_x86_64"), NO, "kubernetes.io/os"),
    ],
)
def test_a_pod_on_a_node_of_a_managed_group(at: Place, fit: Fit, why: str) -> None:
    found, said = fits(pod(), at)
    assert found is fit, said
    assert why in said


def test_a_node_group_of_another_architecture() -> None:
    arm = group(autoscaler=True, ami="AL2023_ARM_64_STANDARD")
    assert fits(pod(f"{ACK}:1.2.4"), arm)[0] is NO
    assert fits(pod(), arm)[0] is MAYBE
    assert fits(pod(nodeSelector={"custom": "label"}), group(autoscaler=True))[0] is MAYBE  # of its launch template


LABELS = {"app.kubernetes.io/instance": "ack-sagemaker-controller", "team": "ml"}


@pytest.mark.parametrize(
    ("selectors", "selected"),
    [
        ([("ack-system", {})], True),
        ([("ack-*", {})], True),
        ([("*", {})], True),
        ([("ack-syste?", {})], True),
        ([("ack-system?", {})], False),
        ([("kube-*", {})], False),
        ([("kube-system", {}), ("*-system", {})], True),
        ([("ack-system", {"team": "ml"})], True),
        ([("ack-system", {"team": "m?"})], True),
        ([("ack-system", {"team": "ops"})], False),
        ([("ack-system", {"team": "ml", "none": "*"})], False),  # all labels of a selector
        ([("ack-system", {"app.kubernetes.io/*": "ack-*"})], True),
        ([("ack-system", {"TEAM": "ml"})], False),
        ([("", {})], False),
        ([], False),
    ],
)
def test_fargate_selects_as_eks_does(selectors: Any, selected: bool) -> None:
    assert places.selects(FargateProfile("f", "ACTIVE", selectors), pod(labels=LABELS)) is selected


@pytest.mark.parametrize(
    ("of", "status", "fit", "why"),
    [
        (pod(), "ACTIVE", YES, ""),
        (pod(), "CREATING", MAYBE, "CREATING"),
        (pod(), "CREATE_FAILED", NO, "CREATE_FAILED"),
        (pod(), "DELETING", NO, "DELETING"),
        (pod(hostNetwork=True), "ACTIVE", NO, "hostNetwork"),
        (pod(nodeSelector={ARCH: "arm64"}), "ACTIVE", NO, "arm64"),
        (pod(containers=[{"resources": {"requests": {"cpu": "32"}}}]), "ACTIVE", NO, "more cpu than the 16"),
    ],
)
def test_a_pod_on_fargate(of: Pod, status: str, fit: Fit, why: str) -> None:
    found, said = fits(of, places.fargate(FargateProfile("f", status, [("*", {})]), of))
    assert found is fit, said
    assert why in said


def test_everything_together() -> None:
    full, zero, karpenter = node(cordoned=True), group(), pool()
    assert on_nodes(pod(), [node(), full]) == Placement(YES, "1 of 2 nodes can run the controllers")
    assert on_nodes(pod(), [full]).fit is NO
    assert judge(pod(), [full], [zero, karpenter], []) == Placement(YES, "node pool p (Karpenter)")
    none = judge(pod(), [full], [zero], [])
    assert none.text == (
        "no place for the pod of ack: node n: cordoned; "
        "node group g: scaled to zero, and no cluster-autoscaler is running"
    )
    assert none.remedy == "kubectl uncordon n"
    assert judge(pod(), [], [zero], []).remedy.startswith("eksctl scale nodegroup --cluster {cluster} --name g")
    assert "no node, no node pool" in judge(pod(), [], [], []).text
    unknown = judge(pod(), [full], [], ["node pools cannot be listed"])
    assert (unknown.fit, "cannot be listed" in unknown.text) == (MAYBE, True)


def test_a_node_that_the_image_does_not_run_on_is_named() -> None:
    old = pod(f"{ACK}:1.2.4")
    mixed = on_nodes(old, [node(), node(arch="arm64")])
    assert mixed.fit is YES
    assert "the image of ack does not run on node n" in mixed.notes[0]
    assert r"kubernetes\.io/arch=amd64" in mixed.notes[0]
    assert on_nodes(old, [node(), node(arch="arm64", taints=[DEDICATED])]).notes == ()
    assert on_nodes(pod(), [node(), node(arch="arm64")]).notes == ()


def test_a_pod_before_anything_is_rendered() -> None:
    assert fits(any_pod("sagemaker", "ack-system"), node())[0] is YES
    assert any_pod("sagemaker", "x").requests == {"cpu": Decimal(0), "memory": Decimal(0)}
