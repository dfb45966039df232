"""One acksm at a time on a cluster: a Lease in the controllers' namespace, held while changes are made.

A second run waits for it, for `--lock-timeout`. A holder that ended without releasing it is replaced: at once where
this machine knows that it has ended (acksm.presence), elsewhere after the Lease was not renewed for its duration, by
this process's own clock ("leaseDurationSeconds … measured against the time of last observed renewTime",
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/). Neither the times on the Lease nor its
duration count, so that clocks that differ do no harm. Commands that only read do not read it.

A run that ends leaves the Lease without a holder: its last time says to a run that has read the cluster before, and
waited for an answer to its question since, that its plan is outdated. There the times count: plans are made again
where clocks may differ too much to know.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from datetime import UTC, datetime

from acksm import presence
from acksm.dataclass import dataclass
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError, OutdatedError
from acksm.events import Emit, Event, Kind
from acksm.json_types import Manifest, Object
from acksm.kube.api import Editor, Getter
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref
from acksm.presence import Presence, State

NAME = "acksm"
DURATION_SECONDS = 30
RENEW_SECONDS = 8.0
PAUSE_SECONDS = 1.0
SKEW_SECONDS = 60.0  # between the clocks of two machines
MACHINE, RUN = "acksm.dev/machine", "acksm.dev/run"  # annotations for acksm.presence
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"  # MicroTime of the apiserver
# Runs whose changes are in this process's plans: its own, and those after which it planned again.
_known = set[str]()
_TERMINATING = "because it is being terminated"  # the apiserver's answer (403) to a creation in such a namespace


@dataclass(frozen=True)
class _Me:
    """Who requests the Lease of `namespace`: `identity` for people, `run` the random name of this run."""

    namespace: str
    identity: str
    run: str

    @property
    def location(self) -> Ref:
        return ref("Lease", NAME, self.namespace)

    def manifest(self) -> Object:
        now = _now()
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": NAME,
                "namespace": self.namespace,
                "labels": {OWNED_LABEL: "true"},
                "annotations": {MACHINE: presence.machine(), RUN: self.run},
            },
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": DURATION_SECONDS,
                "acquireTime": now,
                "renewTime": now,
            },
        }

    def holds(self, lease: Manifest) -> bool:
        return (_spec(lease).get("holderIdentity"), _mark(lease, RUN)) == (self.identity, self.run)


def holder(command: str) -> str:
    """Who holds the lock, for other users: user, host, process and command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()}): acksm {command}"


def is_held(kube: Getter, namespace: str) -> bool:
    """Whether an acksm holds the lock, or ended without releasing it; `held` finds out which."""
    try:
        return bool(_spec(kube.get(ref("Lease", NAME, namespace)) or {}).get("holderIdentity"))
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return False


@contextmanager
def held(
    kube: Editor, namespace: str, command: str, emit: Emit, deadline: Deadline, patience: float, *, last: bool = False
) -> Iterator[bool]:
    """Hold the Lease inside; False where there can be none: this identity may not use Leases, or the namespace is being
    deleted (a note says so). Waits for another run's for `patience` seconds at most. The `last` run deletes it.

    `deadline.stopped` is set when the Lease is lost. Errors: `cluster-busy`, `lease-lost`, `interrupted`, `timed-out`,
    `kube-not-found` while the namespace does not exist, and `OutdatedError` where another acksm changed the cluster
    after this command started.
    """
    here = Presence.begin()
    me = _Me(namespace, holder(command), here.run)
    _known.add(me.run)
    released = False
    try:
        mine = _take(kube, me, emit, deadline, patience)
        if mine is None:
            yield False
        else:
            with _renewed(kube, me, mine, deadline.stopped):
                yield True
    finally:
        try:
            released = _release(kube, me, last)
        finally:
            here.end(forget=released)


@contextmanager
def _renewed(kube: Editor, me: _Me, mine: Manifest, stopped: threading.Event) -> Iterator[None]:
    ended, lost = threading.Event(), threading.Event()
    work = (kube, me, mine, ended, lost, stopped)
    renewing = threading.Thread(target=_renew, args=work, daemon=True, name="acksm-lease")
    renewing.start()
    try:
        yield
    except AcksmError as error:
        if lost.is_set() and error.id == "interrupted":
            raise AcksmError("lease-lost", "another acksm took over the lock", where=str(me.location)) from error
        raise
    finally:
        ended.set()
        renewing.join()


def _take(kube: Editor, me: _Me, emit: Emit, deadline: Deadline, patience: float) -> Manifest | None:
    """The Lease, created or taken over; None where there can be none."""
    try:
        try:
            created = _create(kube, me)
        except AcksmError as error:
            if _TERMINATING not in error.message or kube.get(me.location) is None:
                raise
            created = None  # an existing one may still be deleted
        return created or _await(kube, me, emit, deadline, patience)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        terminating = _TERMINATING in error.message
        why = "namespace {} is being deleted" if terminating else "this identity may not use Leases in namespace {}"
        emit(Event(Kind.NOTE, "lease", "no lock: " + why.format(me.namespace)))
        return None


def _await(kube: Editor, me: _Me, emit: Emit, deadline: Deadline, patience: float) -> Manifest | None:
    watch = _Watch(kube, me, emit, deadline, patience)
    within = Deadline(min(patience, deadline.remaining), deadline.clock, deadline.sleep, deadline.stopped)
    try:
        wait_until(
            watch,
            within,
            what="the lock of this cluster",
            emit=emit,
            first_pause=PAUSE_SECONDS,
            longest_pause=PAUSE_SECONDS,
        )
    except AcksmError as error:
        if error.id != "timed-out" or (deadline.remaining <= 0 and patience > 0):
            raise
        raise _busy(watch.last, me, within.elapsed if patience else 0.0) from error
    finally:
        emit(Event(Kind.PROGRESS, "lease", ""))
    if watch.outdated:
        emit(Event(Kind.NOTE, "lease", "another acksm changed this cluster since the plan was made; planning again"))
        raise OutdatedError({"timeout": deadline.remaining, "lock_timeout": max(0.0, patience - within.elapsed)})
    return watch.mine


@dataclass
class _Watch:
    """Polls another run's Lease until it is this run's (`mine`), or this run has to plan again without it (`over`).
    `silent` are the seconds for which it was read unchanged; time in which the apiserver did not answer does not count.
    """

    kube: Editor
    me: _Me
    emit: Emit
    deadline: Deadline
    patience: float
    mine: Manifest | None = None
    last: Manifest = field(default_factory=dict)
    silent: float = 0.0
    outdated: bool = False  # another run changed the cluster after this command had started
    over: bool = False

    def __call__(self) -> Progress:
        found = self.kube.get(self.me.location)
        if found is None:
            self.outdated = self.over = True
        elif self.me.holds(found):  # the answer to its creation or to taking it over was lost
            self.mine = found
        else:
            self._other(found)
        done = self.over or self.mine is not None
        return Progress(done, f"{_who(self.last)} holds it; waiting {self.patience:.0f} s at most")

    def _other(self, found: Manifest) -> None:
        self.silent = self.silent + PAUSE_SECONDS if _version(found) == _version(self.last) else 0.0
        self.last = found
        state = presence.state(_mark(found, MACHINE), _mark(found, RUN))
        free = not _spec(found).get("holderIdentity")
        if not free and state is not State.ENDED and (state is State.RUNNING or self.silent < DURATION_SECONDS):
            self.outdated = True
            return
        # whether it ran after this command had started. A helm that it left behind may have worked on until now.
        skew = 0.0 if _mark(found, MACHINE) == presence.machine() else SKEW_SECONDS
        late = _age(found, "renewTime") <= self.deadline.elapsed + skew and _mark(found, RUN) not in _known
        self.outdated = self.outdated or late or (not free and presence.left_child(_mark(found, RUN)))
        if free and self.outdated:
            # Taken and released, it would make the plans of others that wait outdated too, although nothing changed.
            _known.add(_mark(found, RUN))
            self.over = True
            return
        self.mine = _replace(self.kube, self.me, found)
        if self.mine and state is State.ENDED:
            presence.remove(_mark(found, RUN))
        if self.mine and not free:
            self.emit(Event(Kind.NOTE, "lease", f"{_who(found)} ended without releasing the lock; taking it over"))


def _create(kube: Editor, me: _Me) -> Manifest | None:
    """The new Lease; None when there is one."""
    try:
        return kube.create(me.manifest())
    except AcksmError as error:
        if error.id != "kube-exists":
            raise
        return None


def _replace(kube: Editor, me: _Me, other: Manifest) -> Manifest | None:
    """The Lease taken over in the version that was read; None when it was changed since."""
    body = me.manifest()
    body["metadata"]["resourceVersion"] = _version(other)
    try:
        return kube.patch(me.location, body)
    except AcksmError as error:
        if error.id not in {"kube-conflict", "kube-not-found"}:
            raise
        return None


def _renew(
    kube: Editor, me: _Me, mine: Manifest, ended: threading.Event, lost: threading.Event, stopped: threading.Event
) -> None:
    """Until `ended`. A renewal without an answer is retried: the command's own calls report it."""
    version = _version(mine)
    while not ended.wait(RENEW_SECONDS):
        body = {"metadata": {"resourceVersion": version}, "spec": {"renewTime": _now()}}
        try:
            version = _version(kube.patch(me.location, body))
        except AcksmError as error:
            if error.id == "kube-not-found":  # deleted with its namespace, by cleanup
                return
            if error.id == "kube-conflict":
                # a renewal whose answer was lost was repeated, and conflicts with itself
                version = _version_now(kube, me) or version
                if version == body["metadata"]["resourceVersion"]:
                    lost.set()
                    stopped.set()
                    return


def _version_now(kube: Editor, me: _Me) -> str:
    """The version of the Lease if it is still this run's, else ""."""
    try:
        now = kube.get(me.location)
    except AcksmError:
        return ""
    return _version(now) if now and me.holds(now) else ""


def _release(kube: Editor, me: _Me, last: bool) -> bool:
    """Leave the Lease without a holder, or delete it, if it is this run's; whether it certainly no longer is. One that
    remains is replaced later."""
    try:
        now = kube.get(me.location)
        if now and me.holds(now):
            if last:
                kube.delete(me.location, _version(now))
            else:
                free = {"holderIdentity": "", "renewTime": _now()}
                kube.patch(me.location, {"metadata": {"resourceVersion": _version(now)}, "spec": free})
    except AcksmError as error:
        return error.id == "kube-forbidden"
    return True


def _busy(other: Manifest, me: _Me, waited: float) -> AcksmError:
    message, age = f"{_who(other)} holds the lock", _age(other, "acquireTime")
    if age != float("inf"):
        message += f", acquired {age:.0f} s ago"
    if presence.state(_mark(other, MACHINE), _mark(other, RUN)) is State.RUNNING:
        message += "; that process, or a helm that it started, runs on this machine"
    if waited:
        message += f"; waited {waited:.0f} s for it"
    return AcksmError("cluster-busy", message, where=str(me.location), details={"holder": _who(other)})


def _spec(lease: Manifest) -> Manifest:
    return lease.get("spec") or {}


def _mark(lease: Manifest, annotation: str) -> str:
    return str(((lease.get("metadata") or {}).get("annotations") or {}).get(annotation) or "")


def _version(lease: Manifest) -> str:
    return str((lease.get("metadata") or {}).get("resourceVersion") or "")


def _who(lease: Manifest) -> str:
    return str(_spec(lease).get("holderIdentity") or "another acksm")


def _age(lease: Manifest, field: str) -> float:
    """Seconds since the time in `field`, by two clocks; infinite for a time that cannot be read."""
    try:
        then = datetime.strptime(str(_spec(lease).get(field)), _FORM).replace(tzinfo=UTC)
    except ValueError:
        return float("inf")
    return max(0.0, (datetime.now(UTC) - then).total_seconds())


def _now() -> str:
    return datetime.now(UTC).strftime(_FORM)
