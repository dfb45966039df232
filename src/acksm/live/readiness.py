"""Guide §3.1.3, second half: is the controller really running? Used by install (waits) and by status (reads once).

Ready alone is not enough: /readyz of an ACK controller is a plain ping, so the identity in the pod is checked too
(docs/ack/identity.md#readiness). A pod that is not created or cannot start is reported with its cause (`causes`), and
with its last log lines where it has any; the wait ends early only for a cause that does not pass by waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from functools import cache

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, words
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.json_types import Manifest, Object
from acksm.kube import conditions
from acksm.kube.api import Lister, LogReader, Observer, Reader, RestartingObserver
from acksm.kube.paths import ref
from acksm.live import causes, scaling
from acksm.live.causes import Cause
from acksm.live.unread import unless_forbidden
from acksm.words import counted

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
INSTANCE_LABEL = "app.kubernetes.io/instance"
AGENT_PAUSE_SECONDS = 2.0  # an association has an effect after several seconds
WATCH_SECONDS = 2.0  # then the pods are read: a Deployment does not say that its pods cannot start
SCALED_TO_ZERO = "scaled to zero"
REVISION = "deployment.kubernetes.io/revision"
IDENTITY_ENV = ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
AGENT_ENV = "AWS_CONTAINER_CREDENTIALS_FULL_URI"  # of a pod whose service account has an association
# IAM is eventually consistent: a role or provider created seconds ago may not be known to STS yet, and the pod
# restarts (docs/ack/identity.md#iam-is-eventually-consistent; a wide margin here).
IAM_LOG_MARKS = (
    *("sts:AssumeRoleWithWebIdentity", "No OpenIDConnect provider found", "InvalidIdentityToken"),
    *("failed to load credentials", "retrieving credentials from container-role"),  # by EKS Pod Identity's agent
)
IAM_SETTLING_SECONDS = 90.0


@dataclass(frozen=True)
class PodState:
    """A pod: its identity, and why it is not ready, as far as Kubernetes says. `by_agent`: EKS Pod Identity gives it
    credentials."""

    name: str
    ready: bool
    role_arn: str
    has_token_file: bool
    cause: Cause | None = None
    by_agent: bool = False
    restarts: int = 0

    def lacks(self, role_arn: str) -> bool:
        """Whether its variables lead to another identity than that of a service account annotated with `role_arn`, and
        not to an association, which wins for pods that are created after it (docs/ack/identity.md#pod-identity)."""
        # of both, SDKs take the annotation's
        return self.lacks_token(role_arn) if self.role_arn or not self.by_agent else False

    def lacks_token(self, role_arn: str) -> bool:
        """Whether it does not get the role by IRSA."""
        return self.role_arn != role_arn or not self.has_token_file

    @property
    def lacks_agent(self) -> bool:
        """Whether it does not get its credentials by an association."""
        return bool(self.role_arn) or not self.by_agent


@dataclass(frozen=True)
class Health:
    """The state of one controller's Deployment, its service account and pods. `causes`: why pods are missing or not
    ready, each once, whatever the number of pods."""

    deployment: str
    available: bool
    text: str
    observed: bool = True  # whether the status is of the newest generation
    service_account: str = ""
    service_account_role: str = ""
    pods: tuple[PodState, ...] = ()
    problems: tuple[str, ...] = field(default_factory=tuple)
    causes: tuple[Cause, ...] = ()

    @property
    def remedies(self) -> tuple[str, ...]:
        """What puts the causes right."""
        found = tuple(dict.fromkeys(cause.remedy for cause in self.causes))
        scaled = ("acksm install   (or: acksm doctor --fix)",) if self.text == SCALED_TO_ZERO else ()
        return found or scaled


def pod_state(pod: Manifest, events: Sequence[Manifest] = (), scales: Callable[[], bool] = lambda: False) -> PodState:
    """A pod as far as its readiness is concerned; `events` and `scales` as in `causes.of_pod`."""
    env = {
        str(item.get("name")): str(item.get("value", ""))
        for container in (pod.get("spec") or {}).get("containers") or []
        for item in container.get("env") or []
    }
    return PodState(
        str(pod["metadata"]["name"]),
        conditions.holds(pod, "Ready"),
        env.get(IDENTITY_ENV[0], ""),
        bool(env.get(IDENTITY_ENV[1])),
        causes.of_pod(pod, events, scales),
        AGENT_ENV in env,
        sum(int(one.get("restartCount", 0)) for one in (pod.get("status") or {}).get("containerStatuses") or []),
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


def look(kube: Reader, namespace: str, release: str, deployment: Manifest | None = None) -> Health | None:
    """The controller's state, in three reads, and more where pods have problems; None without a Deployment.
    `deployment`: as it was just read."""
    selector = selector_of(release)
    if deployment is None:
        deployments = kube.list(ref("Deployment", namespace=namespace), selector=selector)
        if not deployments:
            return None
        deployment = deployments[0]
    account = str(deployment["spec"]["template"]["spec"].get("serviceAccountName", "default"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        listed = pool.submit(pods_of, kube, namespace, release)
        live = kube.get(ref("ServiceAccount", account, namespace))
        pods: Sequence[Manifest] = listed.result()
    newest: Manifest | None = None
    events: Sequence[Manifest] = ()
    failing = [pod for pod in pods if causes.of_pod(pod)]
    if failing or conditions.holds(deployment, "ReplicaFailure"):
        newest = newest_of(kube.list(ref("ReplicaSet", namespace=namespace), selector=selector))
        pods = of_newest(pods, newest)
    if any(pod in pods for pod in failing):
        events = _events(kube, namespace)
    return judge(deployment, live, pods, newest, events, cache(lambda: scaling.awaited(kube).may_help))


def _events(kube: Lister, namespace: str) -> list[Object]:
    """Warnings about pods of the namespace; [] for a caller who may not list them."""
    events = ref("Event", namespace=namespace)
    return unless_forbidden(lambda: kube.list(events, field="type=Warning,involvedObject.kind=Pod"), [])


def newest_of(replica_sets: Sequence[Manifest]) -> Manifest | None:
    """The ReplicaSet of the Deployment's newest template."""
    return max(
        replica_sets,
        key=lambda item: int((item["metadata"].get("annotations") or {}).get(REVISION, 0)),
        default=None,
    )


def of_newest(pods: Sequence[Manifest], newest: Manifest | None) -> list[Manifest]:
    """The pods of the newest ReplicaSet: while a corrected template rolls out, the failed pods still exist."""
    uid = newest["metadata"]["uid"] if newest is not None else None
    return [pod for pod in pods if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])]


def judge(
    deployment: Manifest,
    account: Manifest | None,
    pods: Sequence[Manifest],
    newest: Manifest | None = None,
    events: Sequence[Manifest] = (),
    scales: Callable[[], bool] = lambda: False,
) -> Health:
    """Pure part of `look`. `newest` is the newest ReplicaSet where it was read, `events` those of the pods."""
    available, text = rollout(deployment)
    observed = is_observed(deployment)
    name = str(deployment["spec"]["template"]["spec"].get("serviceAccountName", "default"))
    role = str(((account or {}).get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION, ""))
    states = tuple(
        pod_state(pod, [event for event in events if _is_about(event, pod)], scales)
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and not (available and _is_over(pod))
    )
    creation = None if available else causes.of_creation(deployment, newest)
    found = [*([creation] if creation else []), *(state.cause for state in states if state.cause)]
    once = {cause.kind: cause for cause in reversed(found)}
    different = tuple(sorted(once.values(), key=lambda cause: cause.patience))
    problems = [_described(cause, found) for cause in different]
    if account is None and not any(f'"{name}" not found' in problem for problem in problems):
        problems.append(f"service account {name} does not exist")
    for state in states:
        if not state.cause and role and state.lacks(role):
            problems.append(
                f"pod {state.name} has role {state.role_arn or '(none)'}, but its service account has {role}"
            )
    if not available and not problems:
        problems.append(text)
    return Health(
        str(deployment["metadata"]["name"]), available, text, observed, name, role, states, tuple(problems), different
    )


def _described(cause: Cause, found: Sequence[Cause]) -> str:
    """The cause, with the number of pods where it is that of several."""
    count = len([one for one in found if one.kind == cause.kind])
    return cause.text + (f" (and {counted(count - 1, 'other pod')})" if count > 1 else "")


def _is_about(event: Manifest, pod: Manifest) -> bool:
    about = event.get("involvedObject") or {}
    return bool(about.get("uid") == pod["metadata"].get("uid") and about.get("name") == pod["metadata"]["name"])


def _is_over(pod: Manifest) -> bool:
    """Evicted, for example: it is kept as a record after it was replaced."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def needs_restart(health: Health | None, role_arn: str) -> bool:
    """Whether running pods lack the identity of their service account (they were created before its annotation)."""
    return health is not None and any(not state.cause and state.lacks(role_arn) for state in health.pods)


def needs_agent(health: Health | None) -> bool:
    """Whether pods, running or failing, do not have the identity of an association (they were created before it)."""
    return health is not None and any(state.lacks_agent for state in health.pods)


def lost_agent(health: Health | None) -> bool:
    """Whether pods have their identity by an association alone: once it is deleted, they lose it."""
    return health is not None and any(state.by_agent and not state.role_arn for state in health.pods)


def ready(
    release: str,
    namespace: str,
    role_arn: str,
    *,
    step: str,
    lane: str = "",
    iam_is_new: bool = False,
    by_agent: bool = False,
) -> Change:
    """The wait for a release's controller, as `await_ready` does it."""
    more = {"by_agent": True} if by_agent else {}
    return Change(
        id="release.ready",
        step=step,
        op=Op.WAIT,
        system="kubernetes",
        lane=lane,
        target=f"controller {release}",
        call="controller.await_ready",
        params={"release": release, "namespace": namespace, "role_arn": role_arn, "iam_is_new": iam_is_new, **more},
    )


def identity(release: str, namespace: str, *, step: str, lane: str = "", role_arn: str = "") -> Change:
    """Replace the pods of a release's controller until they have EKS Pod Identity, or `role_arn` by IRSA, as
    `await_agent` does it."""
    what = f"pods of {release} until they have " + ("their role by IRSA" if role_arn else "EKS Pod Identity")
    reason = "the deletion of an association" if role_arn else "an association"
    return Change(
        id="release.identity",
        step=step,
        op=Op.UPDATE,
        system="kubernetes",
        lane=lane,
        target=f"controller {release}",
        call="controller.await_agent",
        params={"release": release, "namespace": namespace} | ({"role_arn": role_arn} if role_arn else {}),
        reason=f"{reason} has an effect after some seconds, on pods created later",
        words=words("replacing", "replaced", what),
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
    by_agent: bool = False,
) -> None:
    """Wait for the Deployment, then check the identity: the role of the annotation or, with `by_agent`, that of an
    association. Errors: `pod-not-created`, `pod-unschedulable`, `pod-failing`, `pod-identity-missing`, `timed-out`.

    A cause ends the wait once it has lasted for its patience; what may pass is waited for to the deadline.
    `iam_is_new` tolerates a crash whose log says that STS does not know the role yet, for IAM_SETTLING_SECONDS.
    """
    started = deadline.elapsed
    since: dict[tuple[str, str, str], float] = {}  # when each was first seen; a message may change, as counts do

    def check() -> Progress:
        available = _until_available(kube, namespace, release, min(WATCH_SECONDS, deadline.remaining))
        health = look(kube, namespace, release, available)
        if health is None:
            return Progress(False, f"release {release} has no Deployment yet")
        if health.available:
            failure = _wrong_identity(health, namespace, role_arn) if role_arn else None
            failure = _without_agent(health, namespace) if by_agent else failure
            return Progress(True, health.text, failure)
        if not health.observed:
            return Progress(False, health.text)
        for cause in health.causes:
            known = (cause.id, cause.reason, cause.remedy)
            lasted = deadline.elapsed - since.setdefault(known, deadline.elapsed)
            if lasted < cause.patience:
                continue
            log = last_lines(kube, namespace, cause.pod, cause.container or "controller") if cause.container else ""
            settling = iam_is_new and deadline.elapsed - started < IAM_SETTLING_SECONDS
            if settling and any(mark in log for mark in IAM_LOG_MARKS):
                return Progress(False, "waiting for IAM to propagate the new role")
            return Progress(False, cause.reason, _failing(namespace, cause, log))
        if health.causes:
            return Progress(False, health.causes[0].text, remedy=health.causes[0].remedy)
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
    wrong = [state for state in current if state.lacks(role_arn)]
    if not wrong:
        return None
    return AcksmError(
        "pod-identity-missing",
        f"pod {wrong[0].name} does not have {' and '.join(IDENTITY_ENV)} of role {role_arn}",
        where=namespace,
        remedy=f"kubectl -n {namespace} rollout restart deployment {health.deployment}",
    )


def _without_agent(health: Health, namespace: str) -> AcksmError | None:
    wrong = [state for state in health.pods if state.ready and state.lacks_agent]
    if not wrong:
        return None
    has = f"role {wrong[0].role_arn} of IRSA" if wrong[0].role_arn else "no identity of EKS Pod Identity"
    return AcksmError(
        "pod-identity-missing",
        f"pod {wrong[0].name} has {has}, and its service account has an association",
        where=namespace,
        remedy=f"kubectl -n {namespace} rollout restart deployment {health.deployment}",
    )


def await_agent(
    kube: RestartingObserver,
    deadline: Deadline,
    emit: Emit = silent,
    *,
    namespace: str,
    release: str,
    role_arn: str = "",
) -> None:
    """Replace a controller's pods until the newest have the identity of an association, or `role_arn` by IRSA. Nothing
    shows when EKS applies an association, or its deletion: a pod created before never gets it, so the pause doubles
    from one attempt to the next. Error: `timed-out`.

    A pod that cannot be created at all is left to `await_ready`, which gives its cause.
    """
    pause, restarted = AGENT_PAUSE_SECONDS, deadline.elapsed

    def check() -> Progress:
        nonlocal pause, restarted
        selector = selector_of(release)
        found = kube.list(ref("Deployment", namespace=namespace), selector=selector)
        if not found:
            return Progress(False, f"release {release} has no Deployment yet")
        if rollout(found[0])[1] == SCALED_TO_ZERO:
            return Progress(True)
        if not is_observed(found[0]):
            return Progress(False, "waiting for the Deployment's controller")
        newest = newest_of(kube.list(ref("ReplicaSet", namespace=namespace), selector=selector))
        listed: Sequence[Manifest] = pods_of(kube, namespace, release)
        pods = [pod_state(pod) for pod in (of_newest(listed, newest) if newest is not None else listed)]
        if not pods:
            return Progress(causes.of_creation(found[0], newest) is not None, "waiting for its pods")
        if not any(pod.lacks_token(role_arn) if role_arn else pod.lacks_agent for pod in pods):
            return Progress(True)
        if deadline.elapsed - restarted >= pause:
            kube.restart(namespace=namespace, deployment=str(found[0]["metadata"]["name"]))
            pause, restarted = 2 * pause, deadline.elapsed
        return Progress(False, f"waiting until EKS applies {'its deletion' if role_arn else 'the association'}")

    wait_until(check, deadline, what=release, emit=emit, first_pause=0.2, longest_pause=1.0)


def _until_available(kube: Observer, namespace: str, release: str, seconds: float) -> Object | None:
    """The Deployment as soon as it is available, None after `seconds`: one watch instead of many reads.

    At once for an identity that may not watch; the caller pauses by itself.
    """
    deployments = ref("Deployment", namespace=namespace)
    try:
        for deployment in kube.watch(deployments, selector=selector_of(release), seconds=int(seconds)):
            if rollout(deployment)[0]:
                return deployment
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
    return None


def last_lines(kube: LogReader, namespace: str, pod: str, container: str = "controller") -> str:
    """The end of the log of a container, of the run that crashed when there was one; "" where it may not be read."""

    def read() -> str:
        return (kube.logs(namespace, pod, container, previous=True) or kube.logs(namespace, pod, container)).strip()

    return unless_forbidden(read, "")


def _failing(namespace: str, cause: Cause, log: str) -> AcksmError:
    lines = [f"log: {line}" for line in log.splitlines()[-8:]]
    return AcksmError(
        cause.id,
        cause.text,
        where=f"namespace {namespace}",
        details={"diff": lines, "reason": cause.reason},
        remedy=cause.remedy,
    )
