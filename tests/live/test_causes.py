"""Kubernetes' own messages, each with what puts it right and whether waiting helps."""

from __future__ import annotations

import math
from typing import Any

import pytest

from acksm.live import causes
from acksm.live.causes import NOT_CREATED


def deployment(condition: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "d", "namespace": "ns"}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("message", "remedy", "patience"),
    [
        (
            'pods "d-" is forbidden: error looking up service account ns/nope: serviceaccount "nope" not found',
            "kubectl -n ns create serviceaccount nope ",
            5,
        ),
        (
            'pods "d-x" is forbidden: exceeded quota: q, requested: requests.cpu=50m, used: requests.cpu=0, '
            "limited: requests.cpu=10m",
            "kubectl -n ns describe resourcequota q ",
            15,
        ),
        (
            'pods "d-x" is forbidden: failed quota: q: must specify requests.cpu for: c',
            "acksm install --set resources.requests.cpu=50m",
            5,
        ),
        (
            'pods "d-x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
            "kubectl label namespace ns pod-security.kubernetes.io/enforce=baseline --overwrite",
            5,
        ),
        (
            'pods "d-" is forbidden: no PriorityClass with name missing was found',
            "kubectl get priorityclasses",
            5,
        ),
        ('pods "d-" is forbidden: pod rejected: RuntimeClass "gvisor" not found', "kubectl get runtimeclasses", 5),
        (
            'pods "d-x" is forbidden: maximum memory usage per Container is 10Mi, but limit is 64Mi',
            "kubectl -n ns describe limitrange",
            5,
        ),
        (
            'Internal error occurred: failed calling webhook "deny.example.com": failed to call: Post "https://x"',
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations   (the service of deny.exa",
            60,
        ),
        (
            'admission webhook "validate.kyverno.svc" denied the request: no owner label',
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations   (validate.kyverno.svc",
            5,
        ),
        (
            'pods "d-x" is forbidden: unable to create new content in namespace ns because it is being terminated',
            "kubectl get namespace ns -o yaml",
            0,
        ),
        ("something new", "kubectl -n ns describe replicasets", 60),
    ],
)
def test_why_no_pod_is_created(message: str, remedy: str, patience: float) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    found = causes.of_creation(deployment(condition), None)
    assert found is not None
    assert (found.id, found.patience) == (NOT_CREATED, patience)
    assert found.remedy.startswith(remedy), found.remedy
    assert found.message in message
    assert "pods " not in found.message  # its name is another at each attempt
    assert causes.refused(message, "ns").remedy == found.remedy


def test_a_replica_set_that_is_not_created() -> None:
    message = (
        'Failed to create new replica set "d-1": replicasets.apps "d-1" is forbidden: exceeded quota: q, requested'
    )
    condition = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": message}
    found = causes.of_creation(deployment(condition), None)
    assert found is not None
    assert "describe resourcequota q" in found.remedy
    assert causes.of_creation(deployment(condition | {"reason": "ProgressDeadlineExceeded"}), None) is None
    assert causes.of_creation(deployment({"type": "ReplicaFailure", "status": "False"}), None) is None


def test_what_a_message_says_never_becomes_a_command() -> None:
    for name in ("$(reboot)", "x; reboot", "`reboot`", "-rf", "a\nb", '"; reboot; "'):
        found = causes.refused(f'serviceaccount "{name}" not found', "ns")
        assert "reboot" not in found.remedy
        assert "-rf" not in found.remedy
        assert "\n" not in found.remedy


def pod(*statuses: dict[str, Any], init: tuple[dict[str, Any], ...] = (), ready: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "ns"},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
        },
    }


def waiting(why: str, message: str = "", name: str = "controller", **last: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": why, "message": message}}
    return {"name": name, "state": state, "lastState": {"terminated": last} if last else {}}


@pytest.mark.parametrize(
    ("status", "reason", "message", "remedy", "patience"),
    [
        (
            waiting("ImagePullBackOff", 'rpc error: "x:1": not found'),
            "ImagePullBackOff",
            'rpc error: "x:1": not found',
            "acksm install --set image.repository=REPOSITORY --set image.tag=TAG",
            0,
        ),
        (waiting("InvalidImageName", "x"), "InvalidImageName", "x", "acksm install --set image.repository=", 0),
        (
            waiting("ErrImagePull", "failed to authorize: 401 Unauthorized"),
            "ErrImagePull",
            "failed to authorize: 401 Unauthorized",
            "kubectl -n ns create secret docker-registry NAME …; acksm install --set 'image.pullSecrets=[\"NAME\"]'",
            0,
        ),
        (
            waiting("ErrImagePull", "dial tcp 1.2.3.4:443: i/o timeout"),
            "ErrImagePull",
            "i/o timeout",
            "kubectl -n ns describe pod p   (the node cannot reach the registry",
            60,
        ),
        (
            waiting("ErrImagePull", "no match for platform in manifest: not found"),
            "ErrImagePull",
            "no match",
            r"acksm install --set 'deployment.nodeSelector.kubernetes\.io/arch=amd64'",
            5,
        ),
        (
            waiting("CreateContainerConfigError", 'secret "aws" not found'),
            "CreateContainerConfigError",
            'secret "aws" not found',
            "kubectl -n ns create secret generic aws --from-file=KEY=FILE",
            5,
        ),
        (
            waiting("CreateContainerConfigError", 'configmap "c" not found'),
            "CreateContainerConfigError",
            "configmap",
            "kubectl -n ns create configmap c",
            5,
        ),
        (
            waiting("CrashLoopBackOff", "back-off 40s", exitCode=1, reason="Error"),
            "CrashLoopBackOff",
            "back-off 40s (last exit code 1)",
            "kubectl -n ns describe pod p",
            0,
        ),
        (
            waiting("CrashLoopBackOff", "back-off", exitCode=137, reason="OOMKilled"),
            "CrashLoopBackOff",
            "back-off (last exit code 137, OOMKilled)",
            "acksm install --set resources.limits.memory=512Mi",
            0,
        ),
        (
            {"name": "controller", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}},
            "Error",
            "(last exit code 1)",
            "kubectl -n ns describe pod p",
            math.inf,  # it is started again
        ),
        (waiting("ContainerCreating"), "ContainerCreating", "", "kubectl -n ns describe pod p", math.inf),
    ],
)
def test_why_a_container_does_not_run(
    status: dict[str, Any], reason: str, message: str, remedy: str, patience: float
) -> None:
    found = causes.of_pod(pod(status))
    assert found is not None
    assert (found.reason, found.patience, found.container) == (reason, patience, "controller")
    assert message in found.message
    assert found.remedy.startswith(remedy), found.remedy


def test_one_that_cannot_start_counts_more_than_one_that_has_not_yet() -> None:
    both = [waiting("ContainerCreating", name="side"), waiting("ErrImagePull", "no")]
    for order in (both, both[::-1]):
        found = causes.of_pod(pod(*order))
        assert found is not None
        assert (found.reason, found.container) == ("ErrImagePull", "controller")


def test_an_init_container_is_why_the_others_do_not_start() -> None:
    found = causes.of_pod(
        pod(waiting("PodInitializing"), init=(waiting("CrashLoopBackOff", "x", "setup", exitCode=2),))
    )
    assert found is not None
    assert (found.reason, found.container) == ("CrashLoopBackOff", "setup")
    done = {"name": "setup", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    assert causes.of_pod(pod({"name": "c", "state": {"running": {}}}, init=(done,), ready=True)) is None


def test_a_probe_that_fails_is_waited_for() -> None:
    event = {"type": "Warning", "reason": "Unhealthy", "message": "Readiness probe failed: HTTP 503"}
    running = pod({"name": "controller", "state": {"running": {}}})
    found = causes.of_pod(running, [event])
    assert found is not None
    assert (found.text, found.patience) == ("pod p: Unhealthy: Readiness probe failed: HTTP 503", math.inf)
    assert causes.of_pod(running) is None
    assert causes.of_pod(pod({"name": "controller", "state": {"running": {}}}, ready=True), [event]) is None


@pytest.mark.parametrize(
    ("message", "scales", "patience"),
    [
        ("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", False, 10),
        ("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", True, math.inf),
        ("0/2 nodes are available: 2 Insufficient cpu.", False, 60),
        ("0/2 nodes are available: 2 Too many pods.", True, math.inf),
        ('0/1 nodes are available: persistentvolumeclaim "gone" not found.', True, 10),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", False, 10),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", True, math.inf),
        ("no nodes available to schedule pods", False, 10),
        ("no nodes available to schedule pods", True, math.inf),
    ],
)
def test_a_pod_without_a_node(message: str, scales: bool, patience: float) -> None:
    of = pod()
    of["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    )
    found = causes.of_pod(of, scales=lambda: scales)
    assert found is not None
    assert (found.id, found.patience, found.message) == ("pod-unschedulable", patience, message)
    of["spec"] = {"schedulerName": "fargate-scheduler"}
    fargate = causes.of_pod(of)
    assert fargate is not None
    assert fargate.patience == math.inf
