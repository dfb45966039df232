"""What was synced before an upgrade: a ConfigMap beside the release, so that any machine can compare with it later.

An upgrade that is killed after helm has run leaves objects that the new controller has reconciled already; what they
were before is nowhere else. The controller's Deployment owns the ConfigMap, so that it is deleted with the release
(https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/).
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Editor, Lister
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref
from acksm.live.readiness import selector_of

PREFIX = "acksm-upgrade-"
PENDING, REPORTED, ROLLING_BACK, ROLLED_BACK = "pending", "reported", "rolling-back", "rolled-back"
MOST_WORSE = 50  # objects that a record names as worse
_DATA = "objects.json.gz"


@dataclass(frozen=True, order=True)
class Was:
    """An object that was synced. `uid` distinguishes it from a later one of its name."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Record:
    """The state before the upgrade of `service` from `before` to `after`. `revision` is helm's newest of that time,
    `worked` the last that was deployed; `unread`: what could not be listed. `state`: PENDING until the result of the
    comparison was reported; `worse` are the first objects of that, each with its reason."""

    service: str
    before: str
    after: str
    revision: int
    worked: int
    objects: tuple[Was, ...] = ()
    unread: tuple[str, ...] = ()
    state: str = PENDING
    worse: tuple[str, ...] = ()

    def joined(self, fresh: Record) -> Record:
        """`fresh` with the objects of this record, which were synced before a run that did not end. Of one and the same
        upgrade it keeps helm's revision too."""
        known = {(item.kind, item.namespace, item.name, item.uid): item for item in (*self.objects, *fresh.objects)}
        unread = tuple(dict.fromkeys((*self.unread, *fresh.unread)))
        joined = replace(fresh, objects=tuple(sorted(known.values())), unread=unread)
        same = (self.before, self.after) == (fresh.before, fresh.after)
        return replace(joined, revision=self.revision, worked=self.worked) if same else joined

    def manifest(self, namespace: str, owner: Manifest | None) -> Object:
        """The ConfigMap. `owner` is the controller's Deployment."""
        objects: dict[str, dict[str, list[list[str]]]] = {}
        for item in sorted(self.objects):
            objects.setdefault(item.kind, {}).setdefault(item.namespace, []).append([item.name, item.uid])
        packed = gzip.compress(json.dumps(objects, separators=(",", ":")).encode(), mtime=0)
        location = where(self.service, namespace)
        metadata: Object = {"name": location.name, "namespace": namespace, "labels": {OWNED_LABEL: "true"}}
        if owner is not None:
            named = {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
            metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "Deployment", **named}]
        data = {
            "from": self.before,
            "to": self.after,
            "revision": str(self.revision),
            "worked": str(self.worked),
            "unread": "\n".join(self.unread),
            "state": self.state,
            "worse": "\n".join(self.worse[:MOST_WORSE]),
        }
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": data,
            "binaryData": {_DATA: base64.b64encode(packed).decode()},
        }


def where(service: str, namespace: str) -> Ref:
    """The ConfigMap of a service's record."""
    return ref("ConfigMap", PREFIX + service, namespace)


def read(kube: Editor, service: str, namespace: str) -> Record | None:
    """The record of an upgrade that was not compared to its end, None for none. Error: `upgrade-record`."""
    location = where(service, namespace)
    found = kube.get(location)
    return of_manifest(found, service, str(location)) if found is not None else None


def of_manifest(manifest: Manifest, service: str, location: str) -> Record:
    """The record in a ConfigMap. Error: `upgrade-record`: its data is not what acksm writes."""
    try:
        data = manifest["data"]
        packed = base64.b64decode(manifest["binaryData"][_DATA], validate=True)
        objects = json.loads(zlib.decompress(packed, wbits=31))
        return Record(
            service,
            str(data["from"]),
            str(data["to"]),
            int(data["revision"]),
            int(data["worked"]),
            tuple(
                Was(str(kind), str(namespace), str(name), str(uid))
                for kind, spaces in objects.items()
                for namespace, names in spaces.items()
                for name, uid in names
            ),
            _lines(data, "unread"),
            str(data.get("state") or PENDING),
            _lines(data, "worse"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, zlib.error) as error:
        raise AcksmError(
            "upgrade-record", f"cannot read the record of the upgrade: {error!r}"[:300], where=location
        ) from error


def _lines(data: Manifest, key: str) -> tuple[str, ...]:
    return tuple(line for line in str(data.get(key) or "").split("\n") if line)


def change(record: Record, namespace: str) -> Change:
    """The change that writes the record, before helm. The objects are read when it is applied, under the lock."""
    location = where(record.service, namespace)
    return Change(
        id="upgrade.record",
        step="upgrade",
        op=Op.CREATE,
        system="kubernetes",
        target=str(location),
        call="upgrade.record",
        params={"service": record.service, "name": location.name, "namespace": namespace},
        after={"from": record.before, "to": record.after},
        reason="what is synced now is compared with what is synced afterwards",
    )


class Keeper(Editor, Lister, Protocol):
    """What writing a record needs."""


def with_earlier(fresh: Record, earlier: Record | None) -> Record:
    """The record to have; where helm has run since an earlier one that was not compared, with what that one has: the
    objects may be the new controller's already. Pure."""
    if earlier is not None and earlier.state == PENDING and earlier.revision < fresh.revision:
        return earlier.joined(fresh)
    return replace(fresh, objects=tuple(sorted(fresh.objects)))


def keep(kube: Keeper, namespace: str, fresh: Record) -> None:
    """Write `fresh`, with what an earlier record has."""
    location = where(fresh.service, namespace)
    found = kube.get(location)
    earlier = _readable(found, fresh.service, str(location)) if found is not None else None
    manifest = with_earlier(fresh, earlier).manifest(namespace, _deployment(kube, fresh.service, namespace))
    if found is None:
        kube.create(manifest)
    else:
        kube.patch(location, {key: manifest[key] for key in ("data", "binaryData")})


def mark(kube: Editor, namespace: str, service: str, state: str, worse: Sequence[str] | None = None) -> None:
    """Note in the record how far it is, and what is worse."""
    found = {} if worse is None else {"worse": "\n".join(worse[:MOST_WORSE])}
    kube.patch(where(service, namespace), {"data": {"state": state, **found}})


def forget(kube: Editor, namespace: str, service: str) -> None:
    """Delete the record of an upgrade that was compared to its end."""
    kube.delete(where(service, namespace))


def _readable(manifest: Manifest, service: str, location: str) -> Record | None:
    try:
        return of_manifest(manifest, service, location)
    except AcksmError:
        return None


def _deployment(kube: Lister, service: str, namespace: str) -> Manifest | None:
    found: Sequence[Manifest] = kube.list(
        ref("Deployment", namespace=namespace), selector=selector_of(charts.release_name(service))
    )
    return found[0] if found else None
