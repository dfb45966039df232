"""Guide §3.1.3, second half: is the controller really running? Used by install (waits) and by status (reads once).

Ready alone is not enough: /readyz of an ACK controller is a plain ping, so the identity in the pod is checked too
(docs/ack/identity.md#readiness). A pod that cannot start is reported with its reason and its last log lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acksm.engine.change import Change, Op
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.json_types import Manifest, Object
from acksm.kube import conditions
from acksm.kube.api import Lister, LogReader, Observer, Reader
from acksm.kube.paths import ref
from acksm.words import counted

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
INSTANCE_LABEL = "app.kubernetes.io/instance"
WATCH_SECONDS = 2.0  # then the pods are read: a Deployment does not say that its pods cannot start
SCALED_TO_ZERO = "scaled to zero"
REVISION = "deployment.kubernetes.io/revision"
IDENTITY_ENV = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
# Waiting reasons of a container that do not end by waiting; ImagePullBackOff follows a failed pull.
_FATAL = {
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}
# IAM is eventually consistent: a role or provider created seconds ago may not be known to STS yet, and the pod
# restarts (docs/ack/identity.md#iam-is-eventually-consistent; a wide margin here).
IAM_LOG_MARKS = ("sts:AssumeRoleWithWebIdentity", "No OpenIDConnect provider found", "InvalidIdentityToken")
IAM_SETTLING_SECONDS = 90.0


@dataclass(frozen=True)
class PodState:
    name: str
    ready: bool
    role_arn: str
    has_token_file: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Health:
    """The state of one controller's Deployment, its service account and pods."""

    deployment: str
    available: bool
    text: str
    observed: bool = True  # whether the status is of the newest generation
    service_account: str = ""
    service_account_role: str = ""
    pods: tuple[PodState, ...] = ()
    problems: tuple[str, ...] = field(default_factory=tuple)


def pod_state(pod: Manifest) -> PodState:
    """Reason and message of the first container that cannot start, or of the pod's scheduling."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    env = {
        str(item.get("name")): str(item.get("value", ""))
        for container in spec.get("containers") or []
        for item in container.get("env") or []
    }
    reason = message = ""
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        if waiting.get("reason") in _FATAL or (waiting and not reason):
            reason, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
            if ended:
                why = f", {ended['reason']}" if ended.get("reason") not in {None, "", "Error", "Completed"} else ""
                message = f"{message} (last exit code {ended.get('exitCode')}{why})".strip()
    unscheduled = conditions.by_type(pod).get("PodScheduled", {})
    if not reason and unscheduled.get("status") == "False":
        reason, message = str(unscheduled.get("reason", "")), str(unscheduled.get("message", ""))
    ready = conditions.holds(pod, "Ready")
    return PodState(
        str(pod["metadata"]["name"]),
        ready,
        env.get(IDENTITY_ENV[0], ""),
        bool(env.get(IDENTITY_ENV[1])),
        reason,
        message,
    )


def rollout(deployment: Manifest) -> tuple[bool, str]:
    """Whether the newest revision is fully available, and its state as text."""
    desired = int((deployment.get("spec") or {}).get("replicas", 1))
    status = deployment.get("status") or {}
    if not is_observed(deployment):
        return False, "waiting for the Deployment's controller"
    updated, available = int(status.get("updatedReplicas", 0)), int(status.get("availableReplicas", 0))
    total = int(status.get("replicas", 0))
    if desired == 0:
        return False, SCALED_TO_ZERO
    done = updated >= desired and available >= desired and total == updated
    old = f", {counted(total - updated, 'old pod')} still running" if total > updated else ""
    return done, f"{available} of {desired} pods available{old}"


def is_observed(deployment: Manifest) -> bool:
    """Whether the status is of the Deployment's newest generation."""
    observed = int((deployment.get("status") or {}).get("observedGeneration", 0))
    return observed >= int(deployment["metadata"].get("generation", 0))


def selector_of(release: str) -> str:
    """The label selector of a release's objects: every generation of the charts sets that label."""
    return f"{INSTANCE_LABEL}={release}"


def pods_of(kube: Lister, namespace: str, release: str) -> list[Object]:
    """The pods of a release's controller."""
    return kube.list(ref("Pod", namespace=namespace), selector=selector_of(release))


def look(kube: Reader, namespace: str, release: str) -> Health | None:
    """The controller's state, in three reads, four where pods have problems; None without a Deployment."""
    selector = selector_of(release)
    deployments = kube.list(ref("Deployment", namespace=namespace), selector=selector)
    if not deployments:
        return None
    deployment = deployments[0]
    account = str(deployment["spec"]["template"]["spec"].get("serviceAccountName", "default"))
    live = kube.get(ref("ServiceAccount", account, namespace))
    pods: Sequence[Manifest] = pods_of(kube, namespace, release)
    if any(pod_state(pod).reason for pod in pods):
        pods = of_newest(pods, kube.list(ref("ReplicaSet", namespace=namespace), selector=selector))
    return judge(deployment, live, pods)


def of_newest(pods: Sequence[Manifest], replica_sets: Sequence[Manifest]) -> list[Manifest]:
    """The pods of the newest ReplicaSet: while a corrected template rolls out, the failed pods still exist."""
    if not replica_sets:
        return []
    newest = max(replica_sets, key=lambda item: int((item["metadata"].get("annotations") or {}).get(REVISION, 0)))
    uid = newest["metadata"]["uid"]
    return [pod for pod in pods if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])]


def judge(deployment: Manifest, account: Manifest | None, pods: Sequence[Manifest]) -> Health:
    """Pure part of `look`."""
    available, text = rollout(deployment)
    observed = is_observed(deployment)
    name = str(deployment["spec"]["template"]["spec"].get("serviceAccountName", "default"))
    role = str(((account or {}).get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION, ""))
    states = tuple(pod_state(pod) for pod in pods if not pod["metadata"].get("deletionTimestamp"))
    problems = []
    if account is None:
        problems.append(f"service account {name} does not exist")
    for state in states:
        if state.reason in _FATAL or (state.reason and not state.ready):
            problems.append(f"pod {state.name}: {state.reason} {state.message}".strip())
        elif role and (state.role_arn != role or not state.has_token_file):
            problems.append(
                f"pod {state.name} has role {state.role_arn or '(none)'}, but its service account has {role}"
            )
    if not available:
        problems.append(text)
    return Health(str(deployment["metadata"]["name"]), available, text, observed, name, role, states, tuple(problems))


def needs_restart(health: Health | None, role_arn: str) -> bool:
    """Whether running pods lack the identity of their service account (they were created before its annotation)."""
    return health is not None and any(
        not state.reason and (state.role_arn != role_arn or not state.has_token_file) for state in health.pods
    )


def ready(
    release: str, namespace: str, role_arn: str, *, step: str, lane: str = "", iam_is_new: bool = False
) -> Change:
    """The wait for a release's controller, as `await_ready` does it."""
    return Change(
        id="release.ready",
        step=step,
        op=Op.WAIT,
        system="kubernetes",
        lane=lane,
        target=f"controller {release}",
        call="controller.await_ready",
        params={"release": release, "namespace": namespace, "role_arn": role_arn, "iam_is_new": iam_is_new},
    )


def await_ready(
    kube: Observer,
    deadline: Deadline,
    emit: Emit = silent,
    *,
    namespace: str,
    release: str,
    role_arn: str,
    iam_is_new: bool = False,
) -> None:
    """Wait for the Deployment, then check the identity. Errors: `pod-failing`, `pod-identity-missing`, `timed-out`.

    `iam_is_new` tolerates a crash whose log says that STS does not know the role yet, for IAM_SETTLING_SECONDS.
    """
    started = deadline.elapsed

    def check() -> Progress:
        _until_available(kube, namespace, release, min(WATCH_SECONDS, deadline.remaining))
        health = look(kube, namespace, release)
        if health is None:
            return Progress(False, f"release {release} has no Deployment yet")
        if health.available:
            failure = _wrong_identity(health, namespace, role_arn) if role_arn else None
            return Progress(True, health.text, failure)
        if not health.observed:
            return Progress(False, health.text)
        for state in health.pods:
            if state.reason in _FATAL:
                log = last_lines(kube, namespace, state.name)
                settling = iam_is_new and deadline.elapsed - started < IAM_SETTLING_SECONDS
                if settling and any(mark in log for mark in IAM_LOG_MARKS):
                    return Progress(False, "waiting for IAM to propagate the new role")
                return Progress(False, state.reason, _pod_failing(namespace, state, log))
            if state.reason:
                return Progress(False, f"pod {state.name}: {state.reason} {state.message}".strip())
        return Progress(False, health.text)

    wait_until(check, deadline, what=f"{release}", emit=emit, first_pause=0.15, longest_pause=1.0)


def _wrong_identity(health: Health, namespace: str, role_arn: str) -> AcksmError | None:
    """Ready is not enough: the service account and every ready pod need the role."""
    if health.service_account_role != role_arn:
        return AcksmError(
            "pod-identity-missing",
            f"service account {health.service_account} has role "
            f"{health.service_account_role or '(none)'}, expected {role_arn}",
            where=namespace,
        )
    current = [state for state in health.pods if state.ready]
    wrong = [state for state in current if state.role_arn != role_arn or not state.has_token_file]
    if not wrong:
        return None
    return AcksmError(
        "pod-identity-missing",
        f"pod {wrong[0].name} does not have {' and '.join(IDENTITY_ENV)} of role {role_arn}",
        where=namespace,
        remedy=f"kubectl -n {namespace} rollout restart deployment {health.deployment}",
    )


def _until_available(kube: Observer, namespace: str, release: str, seconds: float) -> None:
    """Return as soon as the Deployment is available, or after `seconds`: one watch instead of many reads.

    At once for an identity that may not watch; the caller pauses by itself.
    """
    deployments = ref("Deployment", namespace=namespace)
    try:
        for deployment in kube.watch(deployments, selector=selector_of(release), seconds=int(seconds)):
            if rollout(deployment)[0]:
                return
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise


def last_lines(kube: LogReader, namespace: str, pod: str) -> str:
    """The end of the log of the pod's controller, of the run that crashed when there was one."""
    return (kube.logs(namespace, pod, "controller", previous=True) or kube.logs(namespace, pod, "controller")).strip()


def _pod_failing(namespace: str, state: PodState, log: str) -> AcksmError:
    lines = [f"log: {line}" for line in log.splitlines()[-8:]]
    return AcksmError(
        "pod-failing",
        f"pod {state.name}: {state.reason}: {state.message or 'no message'}",
        where=f"namespace {namespace}",
        details={"diff": lines, "reason": state.reason},
        remedy=f"kubectl -n {namespace} describe pod {state.name}",
    )
