"""Associations and the agent of EKS Pod Identity, as plans: what is created, changed and refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from acksm.aws.eks import Addon, Association, FargateProfile
from acksm.aws.pod_identity import AGENT
from acksm.errors import AcksmError
from acksm.guide.identity import agent, associations
from acksm.guide.identity.agent import Agent
from acksm.guide.identity.oidc import marks
from acksm.live.placement import any_pod
from memory_account import CLUSTER, HOME, ROLE

ACCOUNT = (HOME, "ack-sagemaker-controller")
OTHER = ROLE + "-2"
OURS = marks(CLUSTER)
PODS = [any_pod("sagemaker", HOME)]


def associated(role: str = ROLE, marked: bool = True, **more: Any) -> Association:
    return Association(
        role, role, True, "a-1", *ACCOUNT, **{"marks": OURS if marked else {"team": "ml"}, "owner": "", **more}
    )


def outcome(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call returns, or the id and the remedy of its error."""
    try:
        return call(), ""
    except AcksmError as error:
        return error.id, error.remedy


@pytest.mark.parametrize(
    ("now", "planned"),
    [
        (None, ["association.create"]),
        (associated(), []),
        (associated(marked=False), []),
        (associated(owner="arn:aws:eks:x:addon"), []),
        (replace(associated(marked=False), role=OTHER), []),  # a target role of another user
        (associated(OTHER), ["association.update"]),
        (associated(OTHER, marked=False), "association-not-ours"),
        (associated(OTHER, owner="arn:aws:eks:x:addon"), "association-not-ours"),
        (associated(OTHER, marks={**OURS, "acksm:cluster-arn": "arn:of:another"}), "association-not-ours"),
    ],
)
def test_what_is_done_with_an_association(now: Association | None, planned: Any) -> None:
    found, remedy = outcome(lambda: [one.id for one in associations.plan({ACCOUNT: now}, ROLE, CLUSTER, {})])
    assert found == planned
    assert (f"--role-arn {OTHER}" in remedy) is isinstance(planned, str)


def test_a_created_association_has_the_tags_of_acksm() -> None:
    (made,) = associations.plan({ACCOUNT: None}, ROLE, CLUSTER, {"a": "b"})
    assert made.params["tags"] == {"a": "b", **OURS}
    assert associations.is_ours(associated(), CLUSTER)
    assert not associations.is_ours(associated(owner="arn:aws:eks:x:addon"), CLUSTER)


def node(name: str = "n", **more: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", **more.pop("labels", {})}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": labels}, "spec": more, "status": status}


def pod(ready: bool = True, waiting: str = "") -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    if waiting:
        state = {"waiting": {"reason": waiting, "message": "back-off"}}
        status["containerStatuses"] = [{"name": "agent", "ready": False, "state": state}]
    return {"metadata": {"name": "agent-0", "namespace": "kube-system"}, "spec": {}, "status": status}


ADDON = Addon(AGENT, "ACTIVE", {}, ("InsufficientNumberOfReplicas: none",))
TAINTED = [{"key": "gpu", "effect": "NoSchedule"}]
NONE: list[Any] = []
CRASHED = "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"


@pytest.mark.parametrize(
    ("found", "nodes", "profiles", "failure"),
    [
        (Agent(), [node()], NONE, "agent-missing"),
        (Agent(), NONE, NONE, "agent-missing"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node()], NONE, ""),
        (Agent(daemon_sets=("kube-system/x",), pods={"n": pod()}), [node()], NONE, ""),
        (Agent(daemon_sets=("kube-system/x",)), NONE, NONE, ""),  # nodes come with the pods
        (Agent(addon=ADDON), [node()], NONE, "agent-not-on-node"),
        (Agent(addon=ADDON, pods={"n": pod(False)}), [node()], NONE, "agent-not-on-node"),
        (Agent(addon=ADDON, pods={"n": pod(False, "CrashLoopBackOff")}), [node()], NONE, "agent-not-on-node"),
        (Agent(addon=ADDON, pods={"n": pod(False)}, log=CRASHED), [node()], NONE, "agent-ipv6-off"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node(), node("m")], NONE, "agent-not-on-node"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node(), node("m", taints=TAINTED)], NONE, ""),
        (Agent(addon=ADDON, pods={"n": pod()}), [node(), node("m", unschedulable=True)], NONE, ""),
        (Agent(built_in=True), [node(labels={"eks.amazonaws.com/compute-type": "auto"})], NONE, ""),
        (Agent(built_in=True), [node()], NONE, "agent-not-on-node"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node()], [(HOME, {})], "pod-identity-fargate"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node()], [("ack-*", {})], "pod-identity-fargate"),
        (Agent(addon=ADDON, pods={"n": pod()}), [node()], [("other", {})], ""),
        (Agent(unread=("the agent's pods (no)",)), [node()], NONE, "not checked: the agent's pods (no)"),
        (Agent(addon=ADDON, unread=("the agent's pods (no)",)), [node()], NONE, "not checked: the agent's pods (no)"),
        (Agent(addon=ADDON), AcksmError("kube-forbidden", "no"), NONE, "nodes cannot be listed"),
    ],
)
def test_whether_pods_get_credentials_wherever_they_run(found: Agent, nodes: Any, profiles: Any, failure: str) -> None:
    listed = [FargateProfile("p", "ACTIVE", [one]) for one in profiles]
    said, _ = outcome(lambda: "; ".join(agent.check(found, nodes, listed, PODS, CLUSTER)))
    assert failure in said
    assert bool(said) is bool(failure)


def test_an_old_cluster_has_none() -> None:
    with pytest.raises(AcksmError) as caught:
        agent.check(Agent(), NONE, NONE, PODS, replace(CLUSTER, version="1.23"))
    assert caught.value.id == "pod-identity-unsupported"


def test_an_addon_is_created_only_where_nothing_runs_the_agent() -> None:
    assert [change.id for change in agent.plan(Agent(), CLUSTER, {}, PODS)] == ["agent.create", "agent.ready"]
    creating = Agent(addon=replace(ADDON, status="CREATING"))
    assert [change.id for change in agent.plan(creating, CLUSTER, {}, PODS)] == ["agent.ready"]
    for found in (Agent(addon=ADDON), Agent(built_in=True), Agent(daemon_sets=("kube-system/x",))):
        assert agent.plan(found, CLUSTER, {}, PODS) == []
