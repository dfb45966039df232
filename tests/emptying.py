"""What a test left in its cluster goes, before the next one begins."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from acksm.errors import AcksmError
from acksm.kube.client import Kube
from acksm.kube.paths import Ref, ref

NO_WRITES = ("dryRun=All", "accessreviews")  # in the path of a request
ACK_GROUP = "services.k8s.aws"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# What the control plane makes in namespaces by itself, or of what is there. Nobody records that.
_OWN = ("ReplicaSet", "Pod", "ConfigMap", "ServiceAccount", "Event")
_OF_OTHERS = {
    "services": (Ref("v1", "endpoints", "Endpoints"), Ref("discovery.k8s.io/v1", "endpointslices", "EndpointSlice")),
    "daemonsets": (Ref("apps/v1", "controllerrevisions", "ControllerRevision"),),
    "statefulsets": (Ref("apps/v1", "controllerrevisions", "ControllerRevision"),),
    "cronjobs": (Ref("batch/v1", "jobs", "Job"),),
}
_OWNERS = ("cronjobs", "jobs", "daemonsets", "statefulsets", "deployments", "replicasets")


@dataclass
class Emptying:
    """Of one cluster, whose audit log is `audit`. `crds` are those that an install has left, with the resource version
    that nobody has changed since."""

    audit: Path
    crds: dict[str, str] = field(default_factory=dict)
    _read: int = 0  # bytes of the audit log
    _emptied: bool = False

    def empty(self, kube: Kube, *, keep: bool) -> None:
        """Remove what the last test left. With `keep` the CRDs stay that are as an install left them. Where nobody has
        written anything since the last time there is nothing to remove."""
        rows = list(self._rows())
        if self._emptied and keep == bool(self.crds) and not any(_writes(row) for row in rows):
            return
        self._emptied = False
        self._clear(kube, rows, keep=keep)
        self._read, self._emptied = self.audit.stat().st_size, True

    def _clear(self, kube: Kube, rows: Iterable[dict[str, Any]], *, keep: bool) -> None:
        crds = ack_crds(kube)
        kept = {name: made for name, made in crds.items() if keep and self.crds.get(name) == made}
        self.crds = kept if kept.keys() == self.crds.keys() else {}
        held = _let_go(kube, crds)
        spaces = [item["metadata"] for item in kube.list(ref("Namespace"))]
        names = [meta["name"] for meta in spaces if not meta["name"].startswith(("kube-", "default"))]
        doomed = [ref("CustomResourceDefinition", name) for name in crds if name not in kept]
        for kind in ("ClusterRole", "ClusterRoleBinding"):
            doomed += [
                ref(kind, name)
                for name in names_of(kube, ref(kind))
                if not name.startswith(("system:", "cluster-", "kube")) and name not in {"admin", "edit", "view"}
            ]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(kube.delete, doomed))
        _remove(kube, names, rows)
        limit = time.monotonic() + 60
        while held := _let_go(kube, kept.keys() & held):  # the last test's controllers could write, until now
            assert time.monotonic() < limit, f"objects of {held} do not go"
            time.sleep(0.1)
        if len(kept) < len(crds):
            _await_deletion(kube, kept)

    def _rows(self) -> Iterable[dict[str, Any]]:
        if not self.audit.exists():
            return
        with self.audit.open("rb") as stream:
            stream.seek(self._read)
            for line in stream:
                if line.endswith(b"\n"):
                    self._read += len(line)
                    yield json.loads(line)


def _writes(row: Mapping[str, Any]) -> bool:
    return row["verb"] in WRITES and not any(word in row["requestURI"] for word in NO_WRITES)


def _remove(kube: Kube, names: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Namespaces with what is in them, at once. Kubernetes itself would wait for five seconds and then look for
    objects of each of a hundred kinds; the audit log says which were made."""
    going, written = set(names), _written(rows, set(names))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: kube.delete(ref("Namespace", name)), names))  # from now on nothing is added

        def clear(kind: Ref) -> None:
            found = (item["metadata"] for item in kube.list(kind, metadata_only=True))
            items = [meta for meta in found if meta.get("namespace") in going]
            for space in sorted({meta["namespace"] for meta in items}):
                kube._request("delete", replace(kind, namespace=space).collection, query_params=[])
            for meta in items:
                if meta.get("finalizers"):
                    one = replace(kind, name=meta["name"], namespace=meta["namespace"])
                    _patch(kube, one, {"finalizers": None})

        kinds = {ref(name) for name in _OWN} | written
        for kind in written:
            kinds |= set(_OF_OTHERS.get(kind.plural, ()))
        for plural in _OWNERS:  # first, for they would make others
            for kind in [kind for kind in kinds if kind.plural == plural]:
                clear(kind)
        list(pool.map(clear, [kind for kind in kinds if kind.plural not in _OWNERS]))
        list(pool.map(lambda name: _finalize(kube, name), names))


def _written(rows: Iterable[dict[str, Any]], namespaces: Collection[str]) -> set[Ref]:
    """Kinds of which somebody wrote objects into one of the namespaces in these rows of the log."""
    found = set()
    for row in rows:
        at = row.get("objectRef") or {}
        if row["verb"] in {"create", "update", "patch"} and at.get("namespace") in namespaces:
            version = "/".join(part for part in (at.get("apiGroup"), at["apiVersion"]) if part)
            if not at.get("subresource") and not version.startswith("events.k8s.io/"):  # they are v1's
                found.add((version, at["resource"]))
    known = {(kind.api_version, kind.plural): kind for kind in map(ref, _OWN)}
    return {known.get(key, Ref(*key, "")) for key in found}


def ack_crds(kube: Kube) -> dict[str, str]:
    """The resource version of each CRD of ACK, by name."""
    found = [item["metadata"] for item in kube.list(ref("CustomResourceDefinition"), metadata_only=True)]
    return {meta["name"]: meta["resourceVersion"] for meta in found if meta["name"].endswith(ACK_GROUP)}


def names_of(kube: Kube, collection: Ref) -> list[str]:
    """Names of the objects of a collection."""
    return [item["metadata"]["name"] for item in kube.list(collection, metadata_only=True)]


def _finalize(kube: Kube, name: str) -> None:
    """Nothing is left in a namespace that is being deleted."""
    for _ in range(20):
        found = kube.get(ref("Namespace", name))
        if found is None:
            return
        found["spec"] = {"finalizers": []}
        try:
            kube._request("put", f"{ref('Namespace', name).path}/finalize", body=found, query_params=[])
        except AcksmError as error:
            if error.id not in {"kube-conflict", "kube-not-found"}:  # its controller writes its status meanwhile
                raise


def _patch(kube: Kube, going: Ref, metadata: Mapping[str, Any]) -> None:
    """Change the metadata of something that may be gone by now; None removes."""
    try:
        kube.patch(going, {"metadata": metadata})
    except AcksmError as error:
        if error.id != "kube-not-found":
            raise


def _let_go(kube: Kube, crds: Iterable[str]) -> list[str]:
    """Delete the objects that the last test left, and take their finalizers off: nobody is there to do it once its
    controllers are gone. Names of the CRDs that had some."""
    held = []
    for crd in crds:
        plural, _, group = crd.partition(".")
        kind = Ref(f"{group}/v1alpha1", plural, "")
        for meta in (item["metadata"] for item in kube.list(kind, metadata_only=True)):
            held.append(crd)
            one = replace(kind, name=meta["name"], namespace=meta.get("namespace", ""))
            kube.delete(one)
            if meta.get("finalizers"):
                _patch(kube, one, {"finalizers": None})
    return sorted(set(held))


def _await_deletion(kube: Kube, kept: Collection[str]) -> None:
    """Until ACK's other CRDs are gone."""
    limit, nudged = time.monotonic() + 60, time.monotonic()
    while left := [name for name in ack_crds(kube) if name not in kept]:
        if time.monotonic() > limit:
            raise AssertionError(f"{left} do not go: {kube.get(ref('CustomResourceDefinition', left[0]))}"[-3000:])
        if time.monotonic() - nudged > 2:  # its cleaner waits longer each time; a change lets it look again
            nudged = time.monotonic()
            for name in left:
                _patch(kube, ref("CustomResourceDefinition", name), {"annotations": {"touched": str(time.time())}})
        time.sleep(0.1)
