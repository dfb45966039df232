"""Which objects in the cluster manage which AWS resources: of a kind, synced ones and ones that are being adopted.

The controllers do not check: two objects may adopt the same resource, and then change it in turn (community#843).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack.kinds import KINDS, Kind
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.api import Lister
from acksm.kube.keys import ANNOTATIONS, unmanaged, values_at
from acksm.kube.owners import is_owned
from acksm.kube.paths import ref

PREFIX = f"{COMMON_GROUP}/"
POLICY, FIELDS, ADOPTED = PREFIX + "adoption-policy", PREFIX + "adoption-fields", PREFIX + "adopted"
OBJECT_REGION = PREFIX + "region"
ADOPTED_RESOURCE, ADOPTED_CONDITION = "AdoptedResource", "ACK.Adopted"

Identity = tuple[str, ...]


@dataclass(frozen=True)
class Holder:
    """An object of the cluster. `key` are its adoption fields as far as they are known; `account` and `region` are
    "" until it is synced. `holds`: a controller manages the resource that it names, or is about to."""

    kind: Kind
    namespace: str
    name: str
    key: Mapping[str, str]
    account: str = ""
    region: str = ""
    holds: bool = False
    adopted: bool = False
    owned: bool = False
    by: str = ""  # "" for the object itself, else the AdoptedResource that will create it
    annotations: Mapping[str, str] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=dict, compare=False)

    @property
    def managed(self) -> bool:
        """Whether a controller has the object, and it is not being deleted."""
        metadata = self.manifest["metadata"]
        return _has_finalizer(self.kind, metadata) and not metadata.get("deletionTimestamp")

    def __str__(self) -> str:
        return f"{ADOPTED_RESOURCE if self.by else self.kind.name} {self.namespace}/{self.by or self.name}"


def observe(kube: Lister, kinds: Collection[Kind], *, adopted_resources: bool, namespace: str = "") -> list[Holder]:
    """Objects of these kinds in every namespace, or in `namespace`; AdoptedResources of them where they are served."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        later = pool.submit(pending, kube, namespace) if adopted_resources else None
        lists = pool.map(lambda kind: kube.list(ref(kind.name, namespace=namespace), keep=unmanaged), kinds)
        found = [of_object(kind, item) for kind, items in zip(kinds, lists, strict=True) for item in items]
        return found + [item for item in (later.result() if later else ()) if item.kind in kinds]


def pending(kube: Lister, namespace: str = "") -> list[Holder]:
    """The objects that AdoptedResources will create."""
    listed = kube.list(ref(ADOPTED_RESOURCE, namespace=namespace), keep=unmanaged)
    found = map(of_adopted_resource, listed)
    return [item for item in found if item]


def of_object(kind: Kind, manifest: Manifest) -> Holder:
    """An object of the kind itself."""
    metadata, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
    where, notes = status.get("ackResourceMetadata") or {}, values_at(manifest, ANNOTATIONS)
    fields = _fields(notes.get(FIELDS, ""))
    if kind.by_arn:
        arn = str(where.get("arn") or fields.get("arn") or "")
        key = {"arn": arn} if arn else {}
    else:
        known = {**status, **spec}
        key = {name: str(known.get(name) or fields.get(name) or "") for name in kind.key}
        key = {name: value for name, value in key.items() if value}
    managed = _has_finalizer(kind, metadata)
    adopting = notes.get(POLICY) in {"adopt", "adopt-or-create"} and not metadata.get("deletionTimestamp")
    return Holder(
        kind,
        str(metadata.get("namespace", "")),
        str(metadata["name"]),
        key,
        str(where.get("ownerAccountID", "")) if managed else "",
        str(where.get("region", "")) if managed else "",
        managed or adopting,
        # adopt-or-create marks only what it did not create
        managed and (notes.get(ADOPTED) == "true" or not adopting or notes.get(POLICY) == "adopt-or-create"),
        is_owned(manifest),
        annotations=notes,
        manifest=manifest,
    )


def _has_finalizer(kind: Kind, metadata: Manifest) -> bool:
    return f"finalizers.{kind.group}/{kind.name}" in (metadata.get("finalizers") or ())


def of_adopted_resource(manifest: Manifest) -> Holder | None:
    """The object that an AdoptedResource will create, or has created (then it holds nothing); None for other kinds."""
    spec, metadata = manifest.get("spec") or {}, manifest["metadata"]
    target, aws = spec.get("kubernetes") or {}, spec.get("aws") or {}
    group = str(target.get("group", ""))
    kind = KINDS.get(group.partition(".")[0], {}).get(str(target.get("kind", "")))
    done = conditions.holds(manifest, ADOPTED_CONDITION)
    if kind is None or kind.group != group:
        return None
    meta = target.get("metadata") or {}
    key = {"arn": str(aws.get("arn", ""))} if kind.by_arn else {kind.named: str(aws.get("nameOrID", ""))}
    key |= {str(name): str(value) for name, value in (aws.get("additionalKeys") or {}).items()}
    return Holder(
        kind,
        str(meta.get("namespace") or metadata.get("namespace", "")),
        str(meta.get("name") or metadata["name"]),
        key,
        holds=not done and not metadata.get("deletionTimestamp"),
        owned=is_owned(manifest),
        by=str(metadata["name"]),
        annotations=values_at(manifest, ANNOTATIONS),
        manifest=manifest,
    )


def _fields(text: str) -> dict[str, str]:
    try:
        loaded = json.loads(text) if text else {}
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in loaded.items()} if isinstance(loaded, dict) else {}


def identity(kind: Kind, key: Mapping[str, str], account: str, region: str) -> Identity:
    """What two objects of the same AWS resource have in common. Names there do not differ by case alone."""
    names = ("arn",) if kind.by_arn else tuple(name for name in kind.key if name not in kind.optional)
    return (kind.service, kind.name, account, region, *(key.get(name, "").lower() for name in names))


@dataclass
class Index:
    """Holders by what they hold. `where` returns account and region of a namespace, for those not synced yet."""

    holders: Iterable[Holder]
    where: Callable[[Kind, str], tuple[str, str]]

    def __post_init__(self) -> None:
        self._by: dict[Identity, list[Holder]] = {}
        self._named: dict[tuple[Kind, str, str], list[Holder]] = {}
        for item in self.holders:
            self._named.setdefault((item.kind, item.namespace, item.name), []).append(item)
            if not item.holds or not item.key:
                continue
            account, region = item.account, item.region
            if not account or not region:
                of_namespace = self.where(item.kind, item.namespace)
                account = account or of_namespace[0]
                region = region or item.annotations.get(OBJECT_REGION) or of_namespace[1]
            self._by.setdefault(identity(item.kind, item.key, account, region), []).append(item)

    def of(self, kind: Kind, key: Mapping[str, str], account: str, region: str) -> list[Holder]:
        """Who holds this AWS resource."""
        found = self._by.get(identity(kind, key, account, region), [])
        return [
            item for item in found if all(item.key.get(name, key.get(name)) == key.get(name) for name in kind.optional)
        ]

    def at(self, kind: Kind, namespace: str, name: str) -> list[Holder]:
        """What has this name in the cluster: the object, or an AdoptedResource that will create it."""
        return self._named.get((kind, namespace, name), [])
