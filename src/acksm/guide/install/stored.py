"""A chart whose CRD drops a version in which objects are stored: they are converted first.

In the order that Kubernetes documents: the new version becomes the storage version while the old one is still served,
clients move to it, every object is written again, status.storedVersions is trimmed, and the version is removed
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version).
The apiserver refuses a CRD without a version that is in status.storedVersions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, words
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object, Value
from acksm.kube.api import Lister, Patcher
from acksm.kube.paths import Ref, ref
from acksm.words import counted

CONVERT = "crds.convert"
WRITERS = 8  # objects written concurrently
MOST = 20  # objects that an error names


@dataclass(frozen=True)
class Dropped:
    """A CRD of a chart without versions in which objects may be stored. `storage` is the chart's storage version,
    `united` the chart's manifest with the old versions still served."""

    name: str
    versions: tuple[str, ...]
    storage: str
    united: Object


def _objects(crd: Manifest, version: str) -> Ref:
    """All objects of a CRD's kind, in one of its versions."""
    spec = crd["spec"]
    return Ref(f"{spec['group']}/{version}", str(spec["names"]["plural"]), str(spec["names"]["kind"]))


def dropped(manifest: Object, live: Manifest) -> Dropped | None:
    """What `manifest`, a chart's CRD as it is applied, drops of what the cluster's has stored; None for nothing.

    Error: `crd-conversion`: a webhook converts between the versions, so that more than the version would change.
    """
    has = {str(item["name"]): item for item in manifest["spec"]["versions"]}
    stored = [str(item) for item in (live.get("status") or {}).get("storedVersions") or () if str(item) not in has]
    if not stored:
        return None
    name = str(manifest["metadata"]["name"])
    storage = next((name for name, item in has.items() if item.get("storage")), "")
    for spec in (manifest["spec"], live["spec"]):
        if (spec.get("conversion") or {}).get("strategy", "None") != "None" or not storage:
            raise AcksmError(
                "crd-conversion",
                f"CRD {name} drops {', '.join(stored)}, in which objects are stored, and a webhook converts them",
                where=f"CustomResourceDefinition {name}",
            )
    old = [{**item, "storage": False} for item in live["spec"]["versions"] if str(item["name"]) not in has]
    spec = {**manifest["spec"], "versions": [*manifest["spec"]["versions"], *old]}
    return Dropped(name, tuple(stored), storage, {**manifest, "spec": spec})


def check(kube: Lister, found: Dropped) -> int:
    """How many objects are to be converted. Error: `crd-fields-lost`: the new version's schema has no such fields."""
    schema = next(item for item in found.united["spec"]["versions"] if item["name"] == found.storage)
    schema = (schema.get("schema") or {}).get("openAPIV3Schema") or {}
    objects = kube.list(_objects(found.united, found.versions[0]))  # a version that is served before any change
    lost = [f"{_named(item)}: {', '.join(paths)}" for item in objects if (paths := sorted(set(pruned(item, schema))))]
    if lost:
        raise AcksmError(
            "crd-fields-lost",
            f"{found.storage} of CRD {found.name} has no field for {lost[0]}",
            where=f"CustomResourceDefinition {found.name}",
            details={"diff": lost[:MOST]},
        )
    return len(objects)


def _named(item: Manifest) -> str:
    metadata = item["metadata"]
    return "/".join(filter(None, (str(metadata.get("namespace") or ""), str(metadata["name"]))))


def pruned(item: Manifest, schema: Manifest) -> Iterator[str]:
    """Paths of the object's fields that the apiserver would prune by this schema, outside of metadata. Pure.

    https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
    """
    body = {key: value for key, value in item.items() if key not in {"apiVersion", "kind", "metadata"}}
    yield from _pruned(body, schema, "")


def _pruned(value: Value, schema: Manifest, path: str) -> Iterator[str]:
    if isinstance(value, list):
        inner = schema.get("items")
        for one in value:
            yield from _pruned(one, inner if isinstance(inner, Mapping) else {}, f"{path}[]")
    if not isinstance(value, Mapping):
        return
    known, more = schema.get("properties") or {}, schema.get("additionalProperties")
    for key, one in value.items():
        at = f"{path}.{key}"
        if key in known:
            yield from _pruned(one, known[key], at)
        elif isinstance(more, Mapping):
            yield from _pruned(one, more, at)
        elif not more and not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield at


def change(found: Dropped, final: Object, *, common: bool, count: int) -> Change:
    """The change that converts what is stored and drops the old versions, after the new controller runs."""
    what = f"{counted(count, 'object')} of CRD {found.name} to {found.storage}"
    return Change(
        id=CONVERT,
        step="crds",
        op=Op.UPDATE,
        system="kubernetes",
        target=f"CustomResourceDefinition {found.name}",
        call=CONVERT,
        params={"manifest": final, "storage": found.storage, "common": common},
        before={"stored": [*found.versions]},
        after={"stored": [found.storage]},
        reason=f"the chart's CRD has no {' and '.join(found.versions)}",
        words=words("converting", "converted", what),
    )


def note(change: Change) -> str:
    """What a conversion means for those who write manifests."""
    storage = change.params["storage"]
    return f"{change.target}: {change.reason}, so its objects are stored as {storage}; manifests need that version"


class Converter(Lister, Patcher, Protocol):
    """What a conversion needs."""


def convert(
    kube: Converter, apply: Callable[[Object, bool], object], *, manifest: Object, storage: str, common: bool
) -> None:
    """Write every object again, trim status.storedVersions, then `apply` the CRD without the old versions. Any part of
    it may have been done before."""
    name, kind = str(manifest["metadata"]["name"]), _objects(manifest, storage)

    def write(item: Manifest) -> None:
        metadata = item["metadata"]
        one = replace(kind, name=str(metadata["name"]), namespace=str(metadata.get("namespace") or ""))
        try:
            kube.patch(one, {})  # stores the object as it is, in the storage version
        except AcksmError as error:
            if error.id != "kube-not-found":
                raise

    found: Sequence[Manifest] = kube.list(kind, metadata_only=True)
    with ThreadPoolExecutor(max_workers=WRITERS) as pool:
        list(pool.map(write, found))
    kube.patch(ref("CustomResourceDefinition", f"{name}/status"), {"status": {"storedVersions": [storage]}})
    apply(manifest, common)
