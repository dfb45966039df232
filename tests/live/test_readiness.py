"""Is the controller up, and who is it in AWS: judged from the objects as the apiserver gives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.kube.paths import Ref
from acksm.live import readiness
from acksm.live.causes import Cause
from acksm.live.readiness import IAM_SETTLING_SECONDS, Health, PodState, judge, needs_restart, pod_state, rollout

ROLE = "arn:aws:iam::012345678901:role/ack-controller-role-demo"
OTHER = "arn:aws:iam::012345678901:role/other"


def deployment(*, replicas: int | None = 1, generation: int = 2, observed: int = 2, **status: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"template": {"spec": {"serviceAccountName": "ack"}}}
    if replicas is not None:
        spec["replicas"] = replicas
    counts = {"updatedReplicas": 1, "availableReplicas": 1, "replicas": 1} | status
    return {
        "metadata": {"name": "ack-chart", "generation": generation},
        "spec": spec,
        "status": {"observedGeneration": observed, **counts},
    }


def account(role: str = ROLE) -> dict[str, Any]:
    return {"metadata": {"name": "ack", "annotations": {readiness.ROLE_ANNOTATION: role} if role else None}}


def pod(name: str = "p", *, ready: bool = True, role: str = ROLE, token: bool = True, **more: Any) -> dict[str, Any]:
    """`more`: waiting, state, last (terminated), unscheduled (a message), deleted."""
    env = [{"name": "AWS_ROLE_ARN", "value": role}] if role else []
    env += [{"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/secrets/token"}] if token else []
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    if "unscheduled" in more:
        conditions.append(
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": more["unscheduled"]}
        )
    container: dict[str, Any] = {"name": "controller", "state": more.get("state", {"running": {}})}
    if "waiting" in more:
        reason, _, message = more["waiting"].partition(": ")
        container["state"] = {"waiting": {"reason": reason, "message": message}}
    if "last" in more:
        container["lastState"] = {"terminated": more["last"]}
    metadata: dict[str, Any] = {"name": name, "namespace": "ns", "uid": name} | (
        {"deletionTimestamp": "2026-01-01T00:00:00Z"} if more.get("deleted") else {}
    )
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "controller", "env": env}]},
        "status": {"conditions": conditions, "containerStatuses": [container]},
    }


@pytest.mark.parametrize(
    ("of", "available", "text"),
    [
        (deployment(), True, "1 of 1 pods available"),
        (deployment(replicas=None), True, "1 of 1 pods available"),
        (deployment(availableReplicas=0), False, "0 of 1 pods available"),
        (deployment(updatedReplicas=0, replicas=1), False, "1 of 1 pods available, 1 old"),
        (deployment(replicas=2), False, "1 of 2 pods available"),
        (deployment(observed=1), False, "waiting for the Deployment's controller"),
        (deployment(replicas=0, updatedReplicas=0, availableReplicas=0), False, "scaled to zero"),
        ({"metadata": {"generation": 1}, "spec": {}}, False, "waiting for the Deployment's controller"),
        ({"metadata": {}, "spec": {}, "status": {}}, False, "0 of 1"),
    ],
)
def test_rollout(of: dict[str, Any], available: bool, text: str | None) -> None:
    done, told = rollout(of)
    assert done is available
    assert text is None or text in told


def test_a_rollout_of_two_is_done_when_both_are_new() -> None:
    assert rollout(deployment(replicas=0) | {"status": {"observedGeneration": 2}}) == (False, "scaled to zero")


def test_the_identity_is_read_from_the_containers() -> None:
    assert (pod_state(pod()).role_arn, pod_state(pod()).has_token_file) == (ROLE, True)
    assert (pod_state(pod(role="", token=False)).role_arn, pod_state(pod(token=False)).has_token_file) == ("", False)


@pytest.mark.parametrize(
    ("of", "sa", "pods", "problems"),
    [
        (deployment(), account(), [pod()], []),
        (deployment(), account(""), [pod(role="", token=False)], []),
        (deployment(), None, [pod()], ["service account ack does not exist"]),
        (deployment(), account(), [pod(role="")], ["p has role (none), but its service account has " + ROLE]),
        (deployment(), account(), [pod(role=OTHER)], [OTHER]),
        (deployment(), account(), [pod(token=False)], [ROLE]),
        (deployment(), account(), [pod(), pod("old", role=OTHER, deleted=True)], []),
        (
            deployment(availableReplicas=0),
            account(),
            [pod(ready=False, waiting="CrashLoopBackOff: x")],
            ["CrashL"],
        ),
        (deployment(availableReplicas=0), account(), [], ["0 of 1"]),
        # one that crashed and is up again still waits in no state
        (deployment(), account(), [pod(last={"exitCode": 1})], []),
    ],
)
def test_judgement(of: dict[str, Any], sa: Any, pods: list[Any], problems: list[str]) -> None:
    health = judge(of, sa, pods)
    assert len(health.problems) == len(problems), health.problems
    assert all(part in told for part, told in zip(problems, health.problems, strict=True))
    assert (health.deployment, health.service_account) == ("ack-chart", "ack")
    assert health.service_account_role == (ROLE if sa and (sa["metadata"]["annotations"] or {}) else "")


def health(*pods: PodState) -> Health:
    return Health("d", True, "", pods=pods)


@pytest.mark.parametrize(
    ("of", "needed"),
    [
        (None, False),
        (health(), False),
        (health(PodState("p", True, ROLE, True)), False),
        (health(PodState("p", True, "", False)), True),
        (health(PodState("p", True, OTHER, True)), True),
        (health(PodState("p", True, ROLE, False)), True),
        (health(PodState("p", True, "", False, by_agent=True)), False),  # by an association
        (health(PodState("p", True, OTHER, True, by_agent=True)), True),  # of both, SDKs take the annotation's
        (health(PodState("p", False, "", False, Cause("pod-failing", "x", "", ""))), False),  # its own cause is told
        (health(PodState("p", True, ROLE, True), PodState("q", True, "", False)), True),
    ],
)
def test_when_running_pods_lack_the_identity(of: Health | None, needed: bool) -> None:
    assert needs_restart(of, ROLE) is needed


# waiting, over a cluster that changes as the test says


class Cluster:
    """What `look` and `await_ready` read, by step; the clock moves on with every pause."""

    def __init__(self, *steps: dict[str, Any]) -> None:
        self.steps, self.now, self.at = steps, 0.0, 0
        self.deadline = Deadline(900, clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.at = min(self.at + 1, len(self.steps) - 1)

    @property
    def step(self) -> dict[str, Any]:
        return self.steps[self.at]

    def list(self, of: Ref, *, selector: str = "", **_options: object) -> list[Any]:
        if of.kind != "Event" and of.namespace:
            assert selector == "app.kubernetes.io/instance=ack"
        deployments = [self.step["deployment"]] if "deployment" in self.step else []
        found: dict[str, list[Any]] = {
            "Deployment": deployments,
            "Pod": self.step.get("pods", []),
            "ReplicaSet": self.step.get("sets", []),
            "Event": self.step.get("events", []),
            "NodePool": self.step.get("pools", []),
            "Node": self.step.get("nodes", []),
        }
        if of.kind == "Deployment" and not of.namespace:  # autoscalers
            return list(self.step.get("autoscalers", []))
        return found[of.kind]

    def watch(self, of: Ref, *, selector: str = "", **_options: object) -> Iterator[Any]:
        yield from self.list(of, selector=selector)

    def get(self, of: Ref) -> Any:
        return self.step.get("account", account())

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 20) -> str:
        return str(self.step.get("log", "")) if previous else ""

    def wait(self, **more: Any) -> None:
        readiness.await_ready(
            self, self.deadline, namespace="ns", release="ack", **{"role_arn": ROLE, "iam_is_new": False, **more}
        )


NOT_YET = {"deployment": deployment(availableReplicas=0)}
UP = {"deployment": deployment(), "pods": [pod()]}
SET = {"metadata": {"uid": "1", "annotations": {readiness.REVISION: "1"}}}


def crashing(log: str, **more: Any) -> dict[str, Any]:
    failing = pod(ready=False, waiting="CrashLoopBackOff: back-off", last={"exitCode": 1}, **more)
    failing["metadata"]["ownerReferences"] = [{"uid": "1"}]
    return NOT_YET | {"pods": [failing], "sets": [SET], "log": log}


def failure(cluster: Cluster, **more: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        cluster.wait(**more)
    return caught.value


def test_it_waits_for_the_deployment_to_come_and_to_be_available() -> None:
    cluster = Cluster({}, NOT_YET, NOT_YET, UP)
    cluster.wait()
    assert cluster.at == 3


def test_a_pod_that_cannot_start_ends_the_wait_with_its_reason_and_its_last_lines() -> None:
    error = failure(Cluster(NOT_YET, crashing("one\nAWS region is missing\n")))
    assert error.id == "pod-failing"
    assert "CrashLoopBackOff" in error.message
    assert error.details["diff"] == ["log: one", "log: AWS region is missing"]
    assert "describe pod p" in error.remedy


IAM_LOG = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"


def test_a_new_role_that_sts_does_not_know_yet_is_forgiven_for_a_while() -> None:
    Cluster(crashing(IAM_LOG), crashing(IAM_LOG), UP).wait(iam_is_new=True)
    cluster = Cluster(crashing(IAM_LOG))
    assert failure(cluster, iam_is_new=True).id == "pod-failing"
    assert IAM_SETTLING_SECONDS <= cluster.now < IAM_SETTLING_SECONDS + 5


def test_it_is_not_forgiven_for_an_old_role_or_another_reason() -> None:
    for cluster, new in ((Cluster(crashing(IAM_LOG), UP), False), (Cluster(crashing("panic"), UP), True)):
        assert failure(cluster, iam_is_new=new).id == "pod-failing"
        assert cluster.now == 0


def test_one_that_never_comes_is_told_with_its_last_state() -> None:
    error = failure(Cluster(NOT_YET))
    assert (error.id, error.where) == ("timed-out", "0 of 1 pods available")
    assert failure(Cluster({})).where == "release ack has no Deployment yet"
    starting = pod(ready=False, waiting="ContainerCreating: ")
    starting["metadata"]["ownerReferences"] = [{"uid": "1"}]
    assert (
        failure(Cluster(NOT_YET | {"pods": [starting], "sets": [SET]})).where == "pod p: ContainerCreating: no message"
    )


def test_a_pod_of_an_older_replica_set_does_not_end_the_wait() -> None:
    """While a mended template rolls out, the pods that failed are still there."""
    newer = {"metadata": {"uid": "2", "annotations": {readiness.REVISION: "2"}}}
    assert failure(Cluster(crashing("old") | {"sets": [SET]})).id == "pod-failing"
    Cluster(crashing("old") | {"sets": [SET, newer]}, UP).wait()
    Cluster(crashing("old") | {"sets": [newer, SET]}, UP).wait()


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (UP | {"account": account(OTHER)}, OTHER),
        (UP | {"account": account("")}, "(none)"),
        (UP | {"pods": [pod(role="")]}, "AWS_ROLE_ARN"),
        (UP | {"pods": [pod(token=False)]}, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (UP | {"pods": [pod(role=OTHER)]}, ROLE),
    ],
)
def test_ready_alone_is_not_enough(step: dict[str, Any], told: str) -> None:
    error = failure(Cluster(step))
    assert error.id == "pod-identity-missing"
    assert told in error.message
    Cluster(step).wait(role_arn="")  # without a role nobody asks


# pods that never come


def refusing(message: str, *, old: bool = False) -> dict[str, Any]:
    """A Deployment whose newest ReplicaSet, or with `old` only an older one, gets no pod created."""
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    bad = {"metadata": {"uid": "1", "annotations": {readiness.REVISION: "1"}}, "status": {"conditions": [failed]}}
    good = {"metadata": {"uid": "2", "annotations": {readiness.REVISION: "2"}}}
    of = deployment(availableReplicas=0, updatedReplicas=0)
    of["metadata"]["namespace"] = "ns"
    of["status"]["conditions"] = [failed]
    return {"deployment": of, "sets": [bad, good] if old else [bad]}


NO_ACCOUNT = 'pods "ack-x-" is forbidden: error looking up service account ns/ack: serviceaccount "ack" not found'


def test_a_pod_that_is_not_created_ends_the_wait_in_seconds_with_message_and_remedy() -> None:
    cluster = Cluster(refusing(NO_ACCOUNT) | {"account": None})
    error = failure(cluster)
    assert (error.id, cluster.now < 10) == ("pod-not-created", True)
    assert error.message == (
        'no pod is created: FailedCreate: error looking up service account ns/ack: serviceaccount "ack" not found'
    )
    assert error.remedy.startswith("kubectl -n ns create serviceaccount ack ")


def test_what_passes_soon_does_not_end_the_wait() -> None:
    Cluster(refusing(NO_ACCOUNT), refusing(NO_ACCOUNT), UP).wait()
    hook = 'Internal error occurred: failed calling webhook "a.example.com": connection refused'
    cluster = Cluster(refusing(hook))
    assert "a.example.com" in failure(cluster).remedy
    assert 60 <= cluster.now < 70


def test_the_failure_of_an_older_replica_set_is_not_that_of_the_newest() -> None:
    error = failure(Cluster(refusing(NO_ACCOUNT, old=True)))
    assert (error.id, error.where) == ("timed-out", "0 of 1 pods available, 1 old pod still running")


def test_one_cause_is_told_once_for_all_pods() -> None:
    crashed = [crashing("")["pods"][0] | {"metadata": {"name": name, "namespace": "ns"}} for name in "pqr"]
    found = judge(deployment(replicas=3, availableReplicas=0), account(), crashed)
    assert found.problems == ("pod p: CrashLoopBackOff: back-off (last exit code 1) (and 2 other pods)",)
    missing = judge(refusing(NO_ACCOUNT)["deployment"], None, [], refusing(NO_ACCOUNT)["sets"][0])
    assert len(missing.problems) == 1
    assert missing.remedies == (missing.causes[0].remedy,)


def unschedulable(message: str, **more: Any) -> dict[str, Any]:
    waiting = pod(ready=False, unscheduled=message)
    waiting["metadata"]["ownerReferences"] = [{"uid": "1"}]
    return NOT_YET | {"pods": [waiting], "sets": [SET], **more}


TAINTED = "0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: ml}."


def test_a_pod_without_a_node_ends_the_wait_where_nothing_adds_one() -> None:
    cluster = Cluster(unschedulable(TAINTED))
    error = failure(cluster)
    assert (error.id, cluster.now < 20) == ("pod-unschedulable", True)
    assert TAINTED in error.message
    assert """--set 'deployment.tolerations=[{"key": "dedicated", "operator": "Exists"}]'""" in error.remedy


AUTOSCALER = {
    "metadata": {"name": "ca"},
    "spec": {
        "template": {"spec": {"containers": [{"image": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33.0"}]}}
    },
    "status": {"readyReplicas": 1},
}


def joining() -> dict[str, Any]:
    """A node that is seconds old."""
    return {"metadata": {"name": "n", "creationTimestamp": datetime.now(UTC).isoformat()}}


@pytest.mark.parametrize("adds", ["pools", "autoscalers", "nodes"])
def test_it_waits_to_the_end_where_something_adds_nodes(adds: str) -> None:
    found = {"pools": {"metadata": {"name": "p"}}, "autoscalers": AUTOSCALER, "nodes": joining()}
    more: dict[str, Any] = {adds: [found[adds]]}
    cluster = Cluster(unschedulable(TAINTED, **more))
    error = failure(cluster)
    assert (error.id, TAINTED in error.where, "tolerations" in error.remedy) == ("timed-out", True, True)
    steps = [unschedulable(TAINTED, **more)] * 200
    Cluster(*steps, UP).wait()


def test_it_does_not_where_the_autoscaler_has_refused() -> None:
    event = {
        "type": "Warning",
        "reason": "FailedScheduling",
        "reportingComponent": "karpenter",
        "message": "incompatible with nodepool p",
        "involvedObject": {"uid": "p", "name": "p"},
    }
    cluster = Cluster(unschedulable(TAINTED, pools=[{"metadata": {"name": "p"}}], events=[event]))
    error = failure(cluster)
    assert (error.id, 120 <= cluster.now < 130) == ("pod-unschedulable", True)
    assert "incompatible with nodepool p" in error.message


def test_a_mount_that_fails_is_told_from_the_events() -> None:
    waiting = pod(ready=False, waiting="ContainerCreating: ")
    waiting["metadata"]["ownerReferences"] = [{"uid": "1"}]
    event = {
        "type": "Warning",
        "reason": "FailedMount",
        "message": 'MountVolume.SetUp failed for volume "c" : secret "aws" not found',
        "involvedObject": {"uid": "p", "name": "p"},
    }
    error = failure(Cluster(NOT_YET | {"pods": [waiting], "sets": [SET], "events": [event]}))
    assert error.id == "pod-failing"
    assert error.remedy.startswith("kubectl -n ns create secret generic aws ")


def test_an_evicted_pod_that_was_replaced_is_no_problem() -> None:
    evicted = pod("old", ready=False)
    evicted["status"] = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
    assert judge(deployment(), account(), [pod(), evicted]).problems == ()
    assert "Evicted: low on memory" in judge(deployment(availableReplicas=0), account(), [evicted]).problems[0]


def test_an_old_pod_on_its_way_out_does_not_count() -> None:
    Cluster(UP | {"pods": [pod(), pod("old", ready=False, role=OTHER)]}).wait()
