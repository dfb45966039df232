"""Why a controller's pod is not created, not scheduled, or does not start: Kubernetes' own message, what fixes it,
and whether waiting can help. Pure, over objects as the apiserver has them.

What Kubernetes reports, and where, is in docs/troubleshooting.md#pods-that-do-not-start.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube import conditions

# Seconds for which a cause is given the chance to pass, once it was seen.
AT_ONCE, BRIEFLY, A_WHILE, TO_THE_END = 0.0, 5.0, 60.0, math.inf
NOT_CREATED, UNSCHEDULABLE, FAILING = "pod-not-created", "pod-unschedulable", "pod-failing"
# Waiting reasons of a container that do not end by waiting; ImagePullBackOff follows a failed pull.
_IMAGE = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_FATAL = (
    *_IMAGE,
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
)
# Before a pod's first container runs; events say why it takes long.
STARTING = ("", "ContainerCreating", "PodInitializing")
_FORBIDDEN = re.compile(r'pods "[^"]*" is forbidden: ')  # the name is another at each attempt
# A name that may be part of a command; anyone can write the text around it.
_NAME = re.compile(r"""["']?([A-Za-z0-9][\w./-]{0,252})["']?""")


@dataclass(frozen=True)
class Cause:
    """`id` is the catalogue's, `reason` a word of Kubernetes', `patience` the seconds for which it may pass.

    `pod` and `container` are "" where no pod exists.
    """

    id: str
    reason: str
    message: str
    remedy: str
    patience: float = AT_ONCE
    pod: str = ""
    container: str = ""

    @property
    def text(self) -> str:
        """One line, for messages."""
        subject = f"pod {self.pod}" if self.pod else "no pod is created"
        return f"{subject}: {self.reason}: {self.message or 'no message'}"

    @property
    def kind(self) -> tuple[str, str, str]:
        """What is the same for every pod that fails for this cause."""
        return self.id, self.reason, self.message.replace(self.pod, "POD") if self.pod else self.message


@dataclass(frozen=True)
class _Known:
    """A message that contains all of `marks`: what fixes it, and how long it is given. `{ns}`, `{pod}` and `{0}`
    (the name after the first mark, with or without quotes) are filled in."""

    marks: tuple[str, ...]
    remedy: str
    patience: float = BRIEFLY


_CREATION = (
    _Known(
        ("serviceaccount ", "not found"),
        "kubectl -n {ns} create serviceaccount {0}   (or acksm install --set serviceAccount.create=true)",
    ),
    _Known(
        ("exceeded quota: ",),
        "kubectl -n {ns} describe resourcequota {0}   (raise it, or lower --set resources.requests.cpu=CPU)",
        15.0,
    ),
    _Known(
        ("failed quota: ",),
        "acksm install --set resources.requests.cpu=50m --set resources.requests.memory=64Mi   "
        "(whatever quota {0} counts)",
    ),
    _Known(
        ("violates PodSecurity ",),
        "kubectl label namespace {ns} pod-security.kubernetes.io/enforce=baseline --overwrite   "
        "(or a namespace of another level: --controller-namespace NAMESPACE)",
    ),
    _Known(
        ("no PriorityClass with name ",),
        "kubectl get priorityclasses   (then acksm install --set deployment.priorityClassName=NAME)",
    ),
    _Known(("RuntimeClass ", "not found"), "kubectl get runtimeclasses"),
    _Known((" usage per ",), "kubectl -n {ns} describe limitrange   (then acksm install --set resources.…)"),
    _Known(
        ("failed calling webhook ",),
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations   "
        "(the service of {0} does not answer: start it, or remove its configuration)",
        A_WHILE,
    ),
    _Known(
        ("admission webhook ", "denied"),
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations   "
        "({0} says what it requires; see the message)",
    ),
    _Known(
        ("ValidatingAdmissionPolicy ",),
        "kubectl get validatingadmissionpolicy {0} -o yaml   (says what it requires)",
    ),
    _Known(("being terminated",), "kubectl get namespace {ns} -o yaml   (it is being deleted)", AT_ONCE),
    _Known(("",), "kubectl -n {ns} describe replicasets", A_WHILE),
)
_PULL = (
    _Known(
        ("no match for platform",),
        r"acksm install --set 'deployment.nodeSelector.kubernetes\.io/arch=amd64'   (or a version whose image "
        "has the node's architecture)",
    ),
    _Known(("toomanyrequests",), "wait for the registry's limit, then: acksm install", A_WHILE),
    *(
        _Known(
            (mark,),
            "kubectl -n {ns} create secret docker-registry NAME …; "
            "acksm install --set 'image.pullSecrets=[\"NAME\"]'   (or give the nodes' role permission to pull)",
            AT_ONCE,
        )
        for mark in ("unauthorized", "authorization failed", "no basic auth", "access denied", "403 Forbidden", "401")
    ),
    *(
        _Known(
            (mark,),
            "kubectl -n {ns} describe pod {pod}   (the node cannot reach the registry: check its routes, proxies, "
            "DNS and VPC endpoints)",
            A_WHILE,
        )
        for mark in ("i/o timeout", "dial tcp", "no such host", "TLS handshake", "connection re", "deadline exceeded")
    ),
    _Known(
        ("",),
        "acksm install --set image.repository=REPOSITORY --set image.tag=TAG   (of an image that exists)",
        AT_ONCE,
    ),
)
_CONFIG = (
    _Known(("secret ", "not found"), "kubectl -n {ns} create secret generic {0} --from-file=KEY=FILE"),
    _Known(("configmap ", "not found"), "kubectl -n {ns} create configmap {0} --from-file=KEY=FILE"),
    _Known(("",), "kubectl -n {ns} describe pod {pod}"),
)
_CRASH = (
    _Known(("OOMKilled",), "acksm install --set resources.limits.memory=512Mi   (more than it has)", AT_ONCE),
    _Known(
        ("exec format error",),
        r"acksm install --set 'deployment.nodeSelector.kubernetes\.io/arch=amd64'   (the image is of another "
        "architecture than the node)",
        AT_ONCE,
    ),
    _Known(("",), "kubectl -n {ns} describe pod {pod}", AT_ONCE),
)
_MOUNT = (
    *_CONFIG[:2],
    _Known(
        ("failed to assign an IP address",),
        "kubectl -n kube-system logs daemonset/aws-node   (the subnet or the node has no free address)",
        TO_THE_END,
    ),
    _Known(("",), "kubectl -n {ns} describe pod {pod}", TO_THE_END),
)
_ADD_NODES = "or add such a node: eksctl create nodegroup --cluster CLUSTER"
# Since Kubernetes 1.35 the scheduler's message does not name the taint.
_SCHEDULING = (
    _Known(
        ("persistentvolumeclaim ", "not found"),
        "kubectl -n {ns} get persistentvolumeclaims   (create {0}, or change --set deployment.extraVolumes)",
        10.0,
    ),
    *(
        _Known(
            (mark,),
            'acksm install --set \'deployment.tolerations=[{{"key": "{0}", "operator": "Exists"}}]\'   '
            f"(taints: kubectl describe nodes; {_ADD_NODES})",
            10.0,
        )
        for mark in ("untolerated taint {", "untolerated taint")
    ),
    _Known(
        ("didn't match Pod's node affinity/selector",),
        "kubectl get nodes --show-labels   (then acksm install --values with another deployment.nodeSelector or "
        f"deployment.affinity, {_ADD_NODES})",
        10.0,
    ),
    _Known(("no nodes available",), "eksctl create nodegroup --cluster CLUSTER", 10.0),
    _Known(("were unschedulable",), "kubectl uncordon NODE", 10.0),
    *(
        _Known(
            (mark,), "kubectl describe nodes   (what is allocated; lower --set resources.requests, or add a node)", 60.0
        )
        for mark in ("Insufficient ", "Too many pods")
    ),
    _Known(("",), "kubectl -n {ns} describe pod {pod}", A_WHILE),
)


def _matched(table: Sequence[_Known], message: str, namespace: str, pod: str = "") -> tuple[str, float]:
    """Remedy and patience of the first entry whose marks are in the message; the last one of each table has none."""
    known = next(item for item in table if all(mark in message for mark in item.marks))
    named = _NAME.match(message.partition(known.marks[0])[2]) if known.marks[0] else None
    return known.remedy.format(named[1] if named else "NAME", ns=namespace, pod=pod), known.patience


def of_creation(deployment: Manifest, newest: Manifest | None) -> Cause | None:
    """Why no pod is created: the newest ReplicaSet's condition, or the Deployment's where it has no ReplicaSet.

    A Deployment shows the failures of older ReplicaSets too, so its own counts only without a newest one.
    """
    namespace = str(deployment["metadata"].get("namespace", ""))
    found = conditions.by_type(newest if newest is not None else deployment)
    failure = found.get("ReplicaFailure", {})
    if failure.get("status") != "True":
        failure = conditions.by_type(deployment).get("Progressing", {})
        if failure.get("reason") != "ReplicaSetCreateError" or failure.get("status") != "False":
            return None
    message = _FORBIDDEN.sub("", str(failure.get("message", "")))
    remedy, patience = _matched(_CREATION, message, namespace)
    return Cause(NOT_CREATED, str(failure.get("reason", "FailedCreate")), message, remedy, patience)


def refused(message: str, namespace: str) -> Cause:
    """The same for the apiserver's answer to the creation of such a pod."""
    message = _FORBIDDEN.sub("", message)
    remedy, patience = _matched(_CREATION, message, namespace)
    return Cause(NOT_CREATED, "FailedCreate", message, remedy, patience)


def of_pod(pod: Manifest, events: Sequence[Manifest] = (), scales: Callable[[], bool] = lambda: False) -> Cause | None:
    """Why a pod does not run or is not ready; None for one that is.

    `events` are the pod's. `scales`: whether nodes are joining, or something adds nodes for pods that do not fit.
    """
    status, metadata = pod.get("status") or {}, pod["metadata"]
    name, namespace = str(metadata["name"]), str(metadata.get("namespace", ""))
    if status.get("phase") in {"Failed", "Succeeded"}:  # evicted or refused by its node; its ReplicaSet replaces it
        reason = str(status.get("reason") or status["phase"])
        remedy = f"kubectl -n {namespace} describe pod {name}"
        return Cause(FAILING, reason, str(status.get("message", "")), remedy, TO_THE_END, name)
    unscheduled = conditions.by_type(pod).get("PodScheduled", {})
    if unscheduled.get("status") == "False":
        return _unschedulable(pod, str(unscheduled.get("message", "")), events, scales)
    found = [cause for container in _containers(status) if (cause := _of_container(container, name, namespace))]
    worst = min(found, key=lambda cause: (cause.reason not in _FATAL, cause.reason in STARTING), default=None)
    ready = conditions.holds(pod, "Ready")
    if worst and (worst.reason in _FATAL or not ready) and worst.reason not in STARTING:
        return worst
    if ready:
        return None
    return _of_events(name, namespace, events) or worst


def _containers(status: Manifest) -> list[Manifest]:
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _of_container(container: Manifest, pod: str, namespace: str) -> Cause | None:
    state = container.get("state") or {}
    waiting, now = state.get("waiting") or {}, state.get("terminated") or {}
    ended = now or (container.get("lastState") or {}).get("terminated") or {}
    if not waiting and (not now or now.get("exitCode") == 0):
        return None
    reason, message = str(waiting.get("reason") or now.get("reason") or ""), str(waiting.get("message") or "")
    if ended:
        why = f", {ended['reason']}" if ended.get("reason") not in {None, "", "Error", "Completed"} else ""
        message = f"{message} (last exit code {ended.get('exitCode')}{why})".strip()
        message += f" {ended['message']}" if ended.get("message") else ""
    table: Sequence[_Known] = _CRASH
    if reason in _IMAGE:
        table = _PULL
    elif reason == "CreateContainerConfigError":
        table = _CONFIG
    remedy, patience = _matched(table, message, namespace, pod)
    if reason not in _FATAL:  # it is being created, or has ended and is started again
        patience = TO_THE_END
    return Cause(FAILING, reason, message, remedy, patience, pod, str(container.get("name", "")))


# Events of the pod while it has no reason of its own (https://kubernetes.io/docs/reference/node/kubelet-events/).
_TELLING = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady", "Unhealthy")


def _of_events(pod: str, namespace: str, events: Sequence[Manifest]) -> Cause | None:
    found = [event for event in events if event.get("reason") in _TELLING and event.get("type") == "Warning"]
    if not found:
        return None
    last = max(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    message = str(last.get("message", ""))
    remedy, patience = _matched(_MOUNT, message, namespace, pod)
    if last["reason"] == "Unhealthy":
        remedy, patience = f"kubectl -n {namespace} logs {pod}", TO_THE_END
    return Cause(FAILING, str(last["reason"]), message, remedy, patience, pod)


def _unschedulable(pod: Manifest, message: str, events: Sequence[Manifest], scales: Callable[[], bool]) -> Cause | None:
    name, namespace = str(pod["metadata"]["name"]), str(pod["metadata"].get("namespace", ""))
    remedy, patience = _matched(_SCHEDULING, message, namespace, name)
    refusals = {"NotTriggerScaleUp", "FailedScheduling"}  # of cluster-autoscaler and of Karpenter
    said = [
        str(event.get("message", ""))
        for event in events
        if event.get("reason") in refusals and "scheduler" not in str(event.get("reportingComponent"))
    ]
    message = "; ".join(dict.fromkeys([message, *said[-1:]]))
    if (pod.get("spec") or {}).get("schedulerName") == "fargate-scheduler":
        patience = TO_THE_END
    elif patience < TO_THE_END and "not found" not in message and scales():
        patience = A_WHILE * 2 if said else TO_THE_END
    return Cause(UNSCHEDULABLE, "Unschedulable", message, remedy, patience, name)
