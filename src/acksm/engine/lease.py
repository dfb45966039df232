"""One acksm at a time on a cluster: a Lease in the controllers' namespace, held while changes are made.

Whoever comes second waits for it, `--lock-timeout` long. A holder that ended without giving it back is replaced: at
once where this machine knows that it has ended (acksm.presence), elsewhere after the Lease was not renewed for its
length, seen by this process's own clock ("leaseDurationSeconds … measured against the time of last observed renewTime",
https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/). Neither the times on the Lease nor its
duration decide anything, so that clocks that differ do no harm. Commands that only read never look at it.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from acksm import presence
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
MACHINE, RUN = "acksm.dev/machine", "acksm.dev/run"  # annotations: what acksm.presence asks for
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"  # MicroTime, as the apiserver has it
_GOING = "because it is being terminated"  # the apiserver's answer (403) to a creation in a namespace that goes


@dataclass(frozen=True)
class _Me:
    """Who asks for the Lease of `namespace`: for people, and as the random name of this run."""

    namespace: str
    identity: str
    run: str

    @property
    def place(self) -> Ref:
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
    """Who this is, for whoever comes second: user, host, process and command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()}): acksm {command}"


def is_there(kube: Getter, namespace: str) -> bool:
    """Whether an acksm holds the lock, or ended without releasing it: `held` then knows which, and plans made beside
    one that works are made again."""
    try:
        return kube.get(ref("Lease", NAME, namespace)) is not None
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return False


@contextmanager
def held(kube: Editor, namespace: str, command: str, emit: Emit, deadline: Deadline, patience: float) -> Iterator[bool]:
    """Hold the Lease inside; False where there can be none: this identity may not have Leases, or the namespace is
    being deleted (told as a note). Waits for another's for `patience` seconds at most.

    `deadline.stopped` is set when the Lease is lost meanwhile. Errors: `cluster-busy`, `lease-lost`, `interrupted`,
    `timed-out`, `kube-not-found` while the namespace does not exist, and `OutdatedError` where another acksm worked
    after this command began.
    """
    here = Presence.begin()
    me = _Me(namespace, holder(command), here.run)
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
            released = _give_back(kube, me)
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
            raise AcksmError("lease-lost", "another acksm took over the lock", where=str(me.place)) from error
        raise
    finally:
        ended.set()
        renewing.join()


def _take(kube: Editor, me: _Me, emit: Emit, deadline: Deadline, patience: float) -> Manifest | None:
    """The Lease, made or taken over; None where there can be none."""
    try:
        try:
            made = _created(kube, me)
        except AcksmError as error:
            if _GOING not in error.message or kube.get(me.place) is None:
                raise
            made = None  # one that was made before is still there
        return made or _awaited(kube, me, emit, deadline, patience)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        going = _GOING in error.message
        why = "namespace {} is being deleted" if going else "this identity may not use Leases in namespace {}"
        emit(Event(Kind.NOTE, "lease", "no lock: " + why.format(me.namespace)))
        return None


def _awaited(kube: Editor, me: _Me, emit: Emit, deadline: Deadline, patience: float) -> Manifest | None:
    look = _Look(kube, me, emit, deadline, patience)
    within = Deadline(min(patience, deadline.remaining), deadline.clock, deadline.sleep, deadline.stopped)
    try:
        wait_until(
            look,
            within,
            what="the lock of this cluster",
            emit=emit,
            first_pause=PAUSE_SECONDS,
            longest_pause=PAUSE_SECONDS,
        )
    except AcksmError as error:
        if error.id != "timed-out" or (deadline.remaining <= 0 and patience > 0):
            raise
        raise _busy(look.seen, me, within.elapsed if patience else 0.0) from error
    finally:
        emit(Event(Kind.PROGRESS, "lease", ""))
    if look.outdated:
        emit(Event(Kind.NOTE, "lease", "another acksm changed this cluster since the plan was made; planning again"))
        raise OutdatedError({"timeout": deadline.remaining, "lock_timeout": max(0.0, patience - within.elapsed)})
    return look.mine


@dataclass
class _Look:
    """One look at another's Lease after the other, until it is this run's (`mine`) or gone. `silent` are the seconds
    for which looks have found it as it was: time in which the apiserver did not answer is not counted."""

    kube: Editor
    me: _Me
    emit: Emit
    deadline: Deadline
    patience: float
    mine: Manifest | None = None
    seen: Manifest = field(default_factory=dict)
    silent: float = 0.0
    outdated: bool = False  # another worked after this command began, and this one's plan was made beside it

    def __call__(self) -> Progress:
        found = self.kube.get(self.me.place)
        if found is None:
            self.outdated = True
        elif self.me.holds(found):  # the answer to its creation or to taking it over was lost
            self.mine = found
        else:
            self._other(found)
        done = found is None or self.mine is not None
        return Progress(done, f"{_who(self.seen)} holds it; waiting {self.patience:.0f} s at most")

    def _other(self, found: Manifest) -> None:
        self.silent = self.silent + PAUSE_SECONDS if _version(found) == _version(self.seen) else 0.0
        self.seen = found
        state = presence.state(_mark(found, MACHINE), _mark(found, RUN))
        free = not _spec(found).get("holderIdentity")
        if not free and state is not State.ENDED and (state is State.RUNNING or self.silent < DURATION_SECONDS):
            self.outdated = True
            return
        # on this machine the clock is the same, so that this tells whether it worked when this command had begun
        self.outdated = self.outdated or _age(found, "renewTime") <= self.deadline.elapsed
        self.mine = _replaced(self.kube, self.me, found)
        if self.mine and state is State.ENDED:
            presence.remove(_mark(found, RUN))
        if self.mine and not free:
            self.emit(Event(Kind.NOTE, "lease", f"{_who(found)} ended without releasing the lock; taking it over"))


def _created(kube: Editor, me: _Me) -> Manifest | None:
    """The Lease as made now; None when there is one."""
    try:
        return kube.create(me.manifest())
    except AcksmError as error:
        if error.id != "kube-exists":
            raise
        return None


def _replaced(kube: Editor, me: _Me, other: Manifest) -> Manifest | None:
    """The Lease taken over as it was looked at; None when somebody changed it in the same instant."""
    body = me.manifest()
    body["metadata"]["resourceVersion"] = _version(other)
    try:
        return kube.patch(me.place, body)
    except AcksmError as error:
        if error.id not in {"kube-conflict", "kube-not-found"}:
            raise
        return None


def _renew(
    kube: Editor, me: _Me, mine: Manifest, ended: threading.Event, lost: threading.Event, stopped: threading.Event
) -> None:
    """Until `ended`. An apiserver that does not answer is asked again: the work itself will tell."""
    version = _version(mine)
    while not ended.wait(RENEW_SECONDS):
        body = {"metadata": {"resourceVersion": version}, "spec": {"renewTime": _now()}}
        try:
            version = _version(kube.patch(me.place, body))
        except AcksmError as error:
            if error.id == "kube-not-found":  # it went with its namespace: cleanup's own doing
                return
            if error.id == "kube-conflict":
                # a renewal whose answer was lost was repeated, and met itself
                version = _version_now(kube, me) or version
                if version == body["metadata"]["resourceVersion"]:
                    lost.set()
                    stopped.set()
                    return


def _version_now(kube: Editor, me: _Me) -> str:
    """The version of the Lease where it is still this run's, else ""."""
    try:
        now = kube.get(me.place)
    except AcksmError:
        return ""
    return _version(now) if now and me.holds(now) else ""


def _give_back(kube: Editor, me: _Me) -> bool:
    """Delete the Lease where it is this run's; whether it certainly is not any more. One that stays is replaced."""
    try:
        now = kube.get(me.place)
        if now and me.holds(now):
            kube.delete(me.place, _version(now))
    except AcksmError as error:
        return error.id == "kube-forbidden"
    return True


def _busy(other: Manifest, me: _Me, waited: float) -> AcksmError:
    said, age = f"{_who(other)} holds the lock", _age(other, "acquireTime")
    if age != float("inf"):
        said += f", acquired {age:.0f} s ago"
    if presence.state(_mark(other, MACHINE), _mark(other, RUN)) is State.RUNNING:
        said += "; that process, or a helm that it started, runs on this machine"
    if waited:
        said += f"; waited {waited:.0f} s for it"
    return AcksmError("cluster-busy", said, where=str(me.place), details={"holder": _who(other)})


def _spec(lease: Manifest) -> Manifest:
    return lease.get("spec") or {}


def _mark(lease: Manifest, annotation: str) -> str:
    return str(((lease.get("metadata") or {}).get("annotations") or {}).get(annotation) or "")


def _version(lease: Manifest) -> str:
    return str((lease.get("metadata") or {}).get("resourceVersion") or "")


def _who(lease: Manifest) -> str:
    return str(_spec(lease).get("holderIdentity") or "another acksm")


def _age(lease: Manifest, field: str) -> float:
    """Seconds since the time in `field`, by two clocks; a time that cannot be read is long ago."""
    try:
        then = datetime.strptime(str(_spec(lease).get(field)), _FORM).replace(tzinfo=UTC)
    except ValueError:
        return float("inf")
    return max(0.0, (datetime.now(UTC) - then).total_seconds())


def _now() -> str:
    return datetime.now(UTC).strftime(_FORM)
