"""Everything in namespaces, of any kind that the apiserver serves: read before a namespace is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import partial

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Discovery
from acksm.kube.paths import Ref

# Kubernetes 1.30 and later, 1.26 and later, and all before that (kubernetes.io, "Discovery API")
_AGGREGATED = ",".join(
    [
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    ]
)
# What Kubernetes itself puts into each namespace.
DEFAULTS = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
# Created and deleted by Kubernetes, or with their Service: by group and plural
_PASSING = {("", "events"), ("events.k8s.io", "events"), ("", "endpoints")}
MANY = 10  # so many namespaces or more are read together


@dataclass(frozen=True)
class Contents:
    """Metadata and kind of each object that a user or tool created; `unknown`: collections that could not be listed."""

    objects: tuple[tuple[Ref, Object], ...] = ()
    unknown: tuple[str, ...] = field(default_factory=tuple)


class Everything:
    """The contents of all namespaces, by one list of each kind. A kind that may not be listed in all namespaces is
    listed in each when its contents are requested."""

    def __init__(self, kube: Discovery) -> None:
        self._kube, kinds = kube, list(_collections(kube))
        with ThreadPoolExecutor(max_workers=8) as pool:
            lists = pool.map(lambda kind: _listed(kube, kind), kinds)
            self._kinds = {kind: _by_namespace(items) for kind, items in zip(kinds, lists, strict=True)}

    def of(self, namespace: str) -> Contents:
        """The contents of one namespace, as `look` has them."""
        read = {kind: None if items is None else items.get(namespace, []) for kind, items in self._kinds.items()}
        return _contents(self._kube, namespace, read)


def look(kube: Discovery, namespace: str) -> Contents:
    """What is in `namespace`, except what Kubernetes puts there and what is deleted with another object (its owner)."""
    return _contents(kube, namespace, dict.fromkeys(_collections(kube)))


def look_at_all(kube: Discovery, namespaces: Sequence[str]) -> dict[str, Contents]:
    """The contents of each: many are read together."""
    of = Everything(kube).of if len(namespaces) >= MANY else partial(look, kube)
    return {name: of(name) for name in namespaces}


def _contents(kube: Discovery, namespace: str, read: Mapping[Ref, list[Object] | None]) -> Contents:
    """`read` has what is in the namespace by kind, None for what is still to be listed there."""
    missing = [kind for kind, items in read.items() if items is None]
    with ThreadPoolExecutor(max_workers=8) as pool:
        lists = pool.map(lambda kind: _listed(kube, replace(kind, namespace=namespace)), missing)
        found = {**read, **dict(zip(missing, lists, strict=True))}
    objects = [
        (replace(kind, name=str(item["metadata"]["name"]), namespace=namespace), item)
        for kind, items in found.items()
        for item in items or []
        if not _passing(kind.kind, item)
    ]
    unknown = [kind for kind, items in found.items() if items is None]
    names = [f"{kind.plural}.{kind.api_version.rpartition('/')[0]}".rstrip(".") for kind in unknown]
    return Contents(tuple(objects), tuple(names))


def _listed(kube: Discovery, collection: Ref) -> list[Object] | None:
    """Metadata of its objects; None where it cannot be listed."""
    try:
        return kube.list(collection, metadata_only=True)
    except AcksmError as error:
        if error.id in {"kube-unreachable", "kube-unauthorized"}:
            raise
        return None


def _by_namespace(items: list[Object] | None) -> dict[str, list[Object]] | None:
    if items is None:
        return None
    found: dict[str, list[Object]] = {}
    for item in items:
        found.setdefault(str(item["metadata"].get("namespace", "")), []).append(item)
    return found


def _passing(kind: str, item: Manifest) -> bool:
    metadata = item["metadata"]
    return (kind, metadata["name"]) in DEFAULTS or bool(metadata.get("ownerReferences"))


def _collections(kube: Discovery) -> Iterator[Ref]:
    """One for each namespaced kind that can be listed and deleted, in the version that the server prefers."""
    for root in ("/api", "/apis"):
        answer = kube.read(root, _AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            yield from _aggregated(answer)
        else:
            yield from _one_by_one(kube, root, answer)


def _aggregated(answer: Object) -> Iterator[Ref]:
    for group in answer.get("items") or []:
        name = str(group["metadata"].get("name", ""))
        for version in (group.get("versions") or [])[:1]:
            api = f"{name}/{version['version']}" if name else str(version["version"])
            for item in version.get("resources") or []:
                plural = str(item["resource"])
                listed = {"list", "delete"} <= set(item.get("verbs") or [])
                if item.get("scope") == "Namespaced" and listed and (name, plural) not in _PASSING:
                    kind = str((item.get("responseKind") or {}).get("kind", plural))
                    yield Ref(api, plural, kind)


def _one_by_one(kube: Discovery, root: str, answer: Object) -> Iterator[Ref]:
    if root == "/api":
        versions = [str(version) for version in answer.get("versions") or []][:1]
    else:
        versions = [str(group["preferredVersion"]["groupVersion"]) for group in answer.get("groups") or []]
    for version in versions:
        for item in kube.read(f"{root}/{version}").get("resources") or []:
            plural = str(item["name"])
            listed = {"list", "delete"} <= set(item.get("verbs") or []) and "/" not in plural
            if item.get("namespaced") and listed and (version.rpartition("/")[0], plural) not in _PASSING:
                yield Ref(version, plural, str(item["kind"]))
