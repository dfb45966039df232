"""One acksm at a time on a cluster: a Lease in the controllers' namespace, held while changes are made.

Whoever comes second is told who holds it and since when. A holder that no longer renews is dead: its Lease is watched
for LOOK_SECONDS by this machine's own clock, so that clocks that differ do no harm, and then taken over. The Lease goes
with its holder; commands that only read never look at it.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.kube.client import Kube
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import ref

NAME = "acksm"
DURATION_SECONDS = 30
RENEW_SECONDS = 8.0
LOOK_SECONDS = 20.0  # of no renewal, by this machine's clock
PAUSE_SECONDS = 1.0
_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"  # MicroTime, as the apiserver has it

Json = Mapping[str, Any]


def holder(command: str) -> str:
    """Who this is, for whoever comes second: user, host, process and command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()}): acksm {command}"


@contextmanager
def held(
    kube: Kube,
    namespace: str,
    command: str,
    emit: Emit,
    stopped: threading.Event,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bool]:
    """Hold the Lease inside; False where this identity may not have Leases (told as a note).

    `stopped` is set when the Lease is lost meanwhile. Errors: `cluster-busy`, `lease-lost`, and `kube-not-found` while
    the namespace does not exist.
    """
    me = holder(command)
    try:
        mine = _take(kube, namespace, me, emit, sleep)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        emit(Event(Kind.NOTE, "lease", f"no lock: this identity may not use Leases in namespace {namespace}"))
        yield False
        return
    ended, lost = threading.Event(), threading.Event()
    renewing = threading.Thread(
        target=_renew, args=(kube, namespace, mine, ended, lost, stopped), daemon=True, name="acksm-lease"
    )
    renewing.start()
    try:
        yield True
    except AcksmError as error:
        if lost.is_set() and error.id == "interrupted":
            raise AcksmError("lease-lost", "another acksm works here now", where=f"Lease {namespace}/{NAME}") from error
        raise
    finally:
        ended.set()
        renewing.join()
        _give_back(kube, namespace, me)


def _take(kube: Kube, namespace: str, me: str, emit: Emit, sleep: Callable[[float], None]) -> Json:
    """The Lease, made or taken over. Another change of it in the same instant is somebody else's."""
    mine = _created(kube, namespace, me)
    if mine is not None:
        return mine
    other = kube.get(ref("Lease", NAME, namespace))
    if other and (other.get("spec") or {}).get("holderIdentity") == me:  # the answer to its creation was lost
        return other
    if other and _is_dead(kube, namespace, other, emit, sleep):
        return _replaced(kube, namespace, me, other)
    mine = _created(kube, namespace, me)  # it went meanwhile
    if mine is None:
        raise _busy(kube.get(ref("Lease", NAME, namespace)) or {}, namespace)
    return mine


def _created(kube: Kube, namespace: str, me: str) -> Json | None:
    """The Lease as made now; None when there is one."""
    try:
        return kube.create(_manifest(namespace, me))
    except AcksmError as error:
        if error.id != "kube-exists":
            raise
        return None


def _is_dead(kube: Kube, namespace: str, other: Json, emit: Emit, sleep: Callable[[float], None]) -> bool:
    """Whether the holder of `other` has ended without a word; False when the Lease goes meanwhile.

    Error: `cluster-busy` for one that lives.
    """
    if _age(other, "renewTime") < DURATION_SECONDS:
        raise _busy(other, namespace)
    emit(Event(Kind.PROGRESS, "lease", f"looking whether {_who(other)} is alive"))
    waited = 0.0
    while waited < LOOK_SECONDS:
        sleep(PAUSE_SECONDS)
        waited += PAUSE_SECONDS
        now = kube.get(ref("Lease", NAME, namespace))
        if now is None:
            return False
        if now["metadata"]["resourceVersion"] != other["metadata"]["resourceVersion"]:
            raise _busy(now, namespace)
    emit(Event(Kind.NOTE, "lease", f"{_who(other)} ended without a word; going on in its place"))
    return True


def _replaced(kube: Kube, namespace: str, me: str, other: Json) -> Json:
    """The Lease taken over as it was looked at."""
    body = _manifest(namespace, me)
    body["metadata"]["resourceVersion"] = other["metadata"]["resourceVersion"]
    try:
        return kube.patch(ref("Lease", NAME, namespace), body)
    except AcksmError as error:
        if error.id not in {"kube-conflict", "kube-not-found"}:
            raise
        raise _busy(other, namespace) from error


def _renew(
    kube: Kube, namespace: str, mine: Json, ended: threading.Event, lost: threading.Event, stopped: threading.Event
) -> None:
    """Until `ended`. An apiserver that does not answer is asked again: the work itself will tell."""
    version = mine["metadata"]["resourceVersion"]
    while not ended.wait(RENEW_SECONDS):
        body = {"metadata": {"resourceVersion": version}, "spec": {"renewTime": _now()}}
        try:
            version = kube.patch(ref("Lease", NAME, namespace), body)["metadata"]["resourceVersion"]
        except AcksmError as error:
            if error.id == "kube-not-found":  # it went with its namespace: cleanup's own doing
                return
            if error.id == "kube-conflict":
                # a renewal whose answer was lost was repeated, and met itself
                version = _version_of(kube, namespace, mine) or version
                if version == body["metadata"]["resourceVersion"]:
                    lost.set()
                    stopped.set()
                    return


def _version_of(kube: Kube, namespace: str, mine: Json) -> str:
    """The version of the Lease where its holder is still who it was, else ""."""
    try:
        now = kube.get(ref("Lease", NAME, namespace)) or {}
    except AcksmError:
        return ""
    same = (now.get("spec") or {}).get("holderIdentity") == mine["spec"]["holderIdentity"]
    return str(now["metadata"]["resourceVersion"]) if same else ""


def _give_back(kube: Kube, namespace: str, me: str) -> None:
    """Delete the Lease where it is still ours. One that cannot be deleted now ends by itself."""
    try:
        now = kube.get(ref("Lease", NAME, namespace))
        if now and now["spec"].get("holderIdentity") == me:
            kube.delete(ref("Lease", NAME, namespace), now["metadata"]["resourceVersion"])
    except AcksmError:
        return


def _manifest(namespace: str, me: str) -> dict[str, Any]:
    now = _now()
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {OWNED_LABEL: "true"}},
        "spec": {
            "holderIdentity": me,
            "leaseDurationSeconds": DURATION_SECONDS,
            "acquireTime": now,
            "renewTime": now,
        },
    }


def _busy(other: Json, namespace: str) -> AcksmError:
    return AcksmError(
        "cluster-busy",
        f"{_who(other)} is at work here" + (f" since {_age(other, 'acquireTime'):.0f} s" if other else ""),
        where=f"Lease {namespace}/{NAME}",
        details={"holder": _who(other)},
    )


def _who(lease: Json) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "another acksm")


def _age(lease: Json, field: str) -> float:
    """Seconds since the time in `field`, by two clocks; a time that cannot be read is long ago."""
    try:
        then = datetime.strptime(str((lease.get("spec") or {}).get(field)), _FORM).replace(tzinfo=UTC)
    except ValueError:
        return float("inf")
    return max(0.0, (datetime.now(UTC) - then).total_seconds())


def _now() -> str:
    return datetime.now(UTC).strftime(_FORM)
