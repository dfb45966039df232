"""Pods that get their identity by another way: restarted until a new one really has it, and the proof that all have.

An association, and its deletion, takes seconds to have an effect, and a pod created in between keeps what it got then
(docs/ack/identity.md#pod-identity). Nothing else replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from acksm.engine.change import Change, Op
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent
from acksm.json_types import Manifest, Object
from acksm.kube.api import Observer
from acksm.live import identities, readiness
from acksm.live.identities import Way

STEP = "identity"
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 20.0  # between two restarts
PATIENCE_SECONDS = 20.0  # for a new pod of one restart


def restart(namespace: str, release: str, deployment: str, way: Way, role: str, *, lane: str, reason: str) -> Change:
    """Replace the pods of a controller until one has `role` by `way`."""
    return Change(
        id="identity.restart",
        step=STEP,
        op=Op.UPDATE,
        system="kubernetes",
        target=f"Deployment {namespace}/{deployment}",
        call="identity.restart",
        params={"namespace": namespace, "release": release, "deployment": deployment, "way": str(way), "role": role},
        after={"identity": str(way), "role": role},
        reason=reason,
        lane=lane,
        guide=f"kubectl -n {namespace} rollout restart deployment {deployment}",
    )


def proven(namespace: str, release: str, way: Way, role: str, *, lane: str) -> Change:
    """The wait until every pod of the controller is ready and has `role` by `way`."""
    return Change(
        id="identity.proven",
        step=STEP,
        op=Op.WAIT,
        system="kubernetes",
        target=f"controller {release}",
        call="identity.await",
        params={"namespace": namespace, "release": release, "way": str(way), "role": role},
        lane=lane,
    )


class Restarter(Observer, Protocol):
    """A rollout, started and observed."""

    def restart(self, namespace: str, deployment: str) -> None: ...


def restart_until(
    kube: Restarter,
    deadline: Deadline,
    emit: Emit = silent,
    *,
    namespace: str,
    release: str,
    deployment: str,
    way: str,
    role: str,
) -> None:
    """Restart the Deployment, again where a new pod does not have the identity yet, and wait until all have it. Errors:
    `identity-not-effective` at the deadline, and those of `readiness.await_ready`."""
    pause = PAUSE_SECONDS
    while True:
        known = {str(one["metadata"]["uid"]) for one in readiness.pods_of(kube, namespace, release)}
        kube.restart(namespace, deployment)
        fresh = _fresh(kube, deadline, namespace, release, known)
        if fresh and not _without(fresh, way, role):
            wrong = _await_all(kube, deadline, emit, namespace, release, way, role)
            if not wrong:
                return
        if deadline.stopped.is_set():
            raise AcksmError("interrupted", f"interrupted before the pods of {release} had their role by {way}")
        if deadline.remaining <= pause:
            raise _late(namespace, release, way)
        text = f"{release}: a new pod does not have its role by {way} yet; restarting it again"
        emit(Event(Kind.PROGRESS, "wait", text, {"elapsed": round(deadline.elapsed, 1)}))
        deadline.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _await_all(
    kube: Observer, deadline: Deadline, emit: Emit, namespace: str, release: str, way: str, role: str
) -> list[str]:
    """Wait until the controller is available; the pods that do not have the identity then."""
    readiness.await_ready(kube, deadline, emit, namespace=namespace, release=release, role_arn="", iam_is_new=True)
    return _without(readiness.pods_of(kube, namespace, release), way, role)


def _fresh(kube: Observer, deadline: Deadline, namespace: str, release: str, known: set[str]) -> list[Object]:
    """The pods that were created after a restart; [] where none is within PATIENCE_SECONDS."""
    until = deadline.elapsed + PATIENCE_SECONDS
    while True:
        pods = readiness.pods_of(kube, namespace, release)
        if fresh := [one for one in pods if one["metadata"]["uid"] not in known]:
            return fresh
        if deadline.elapsed >= until or deadline.remaining <= 0 or deadline.stopped.is_set():
            return []
        deadline.sleep(0.2)


def _without(pods: Iterable[Manifest], way: str, role: str) -> list[str]:
    """The pods that do not have `role` by `way`. The role of an association is EKS's to know, not the pod's."""
    found = [identities.pod(one) for one in pods if is_current(one)]
    return [one.name for one in found if one.way != way or (one.way is Way.IRSA and one.role != role)]


def is_current(pod: Manifest) -> bool:
    """Whether it runs, or will: not one that is terminating, or the record of one that ended."""
    over = (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}
    return not over and not pod["metadata"].get("deletionTimestamp")


def _late(namespace: str, release: str, way: str) -> AcksmError:
    text = f"new pods of {release} do not have their role by {way}"
    return AcksmError("identity-not-effective", text, where=f"namespace {namespace}")


def await_proven(
    kube: Observer,
    deadline: Deadline,
    emit: Emit = silent,
    *,
    namespace: str,
    release: str,
    way: str,
    role: str,
) -> None:
    """Wait until the controller is available, and check that every pod of it has the identity. Errors: of
    `readiness.await_ready`; `identity-not-effective`."""
    if _await_all(kube, deadline, emit, namespace, release, way, role):
        raise _late(namespace, release, way)
