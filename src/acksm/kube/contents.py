"""Everything in a namespace, of any kind that the apiserver serves: read before a namespace is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

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
_PASSING = {"Event", "Endpoints"}  # created and deleted by Kubernetes, or with their Service


@dataclass(frozen=True)
class Contents:
    """Metadata and kind of each object that a user or tool created; `unknown`: collections that could not be listed."""

    objects: tuple[tuple[Ref, Object], ...] = ()
    unknown: tuple[str, ...] = field(default_factory=tuple)


def look(kube: Discovery, namespace: str) -> Contents:
    """What is in `namespace`, except what Kubernetes puts there and what is deleted with another object (its owner)."""
    collections = list(_collections(kube, namespace))
    found: list[tuple[Ref, Object]] = []
    unknown: list[str] = []

    def ask(one: Ref) -> list[Object] | None:
        try:
            return kube.list(one, metadata_only=True)
        except AcksmError as error:
            if error.id in {"kube-unreachable", "kube-unauthorized"}:
                raise
            return None

    with ThreadPoolExecutor(max_workers=8) as pool:
        for one, items in zip(collections, pool.map(ask, collections), strict=True):
            if items is None:
                unknown.append(f"{one.plural}.{one.api_version.rpartition('/')[0]}".rstrip("."))
            found += [
                (Ref(one.api_version, one.plural, one.kind, str(item["metadata"]["name"]), namespace), item)
                for item in items or []
                if not _passing(one.kind, item)
            ]
    return Contents(tuple(found), tuple(unknown))


def _passing(kind: str, item: Manifest) -> bool:
    metadata = item["metadata"]
    return kind in _PASSING or (kind, metadata["name"]) in DEFAULTS or bool(metadata.get("ownerReferences"))


def _collections(kube: Discovery, namespace: str) -> Iterator[Ref]:
    """One for each namespaced kind that can be listed and deleted, in the version that the server prefers."""
    for root in ("/api", "/apis"):
        answer = kube.read(root, _AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            yield from _aggregated(answer, namespace)
        else:
            yield from _one_by_one(kube, root, answer, namespace)


def _aggregated(answer: Object, namespace: str) -> Iterator[Ref]:
    for group in answer.get("items") or []:
        name = str(group["metadata"].get("name", ""))
        for version in (group.get("versions") or [])[:1]:
            api = f"{name}/{version['version']}" if name else str(version["version"])
            for item in version.get("resources") or []:
                if item.get("scope") == "Namespaced" and {"list", "delete"} <= set(item.get("verbs") or []):
                    kind = str((item.get("responseKind") or {}).get("kind", item["resource"]))
                    yield Ref(api, str(item["resource"]), kind, namespace=namespace)


def _one_by_one(kube: Discovery, root: str, answer: Object, namespace: str) -> Iterator[Ref]:
    if root == "/api":
        versions = [str(version) for version in answer.get("versions") or []][:1]
    else:
        versions = [str(group["preferredVersion"]["groupVersion"]) for group in answer.get("groups") or []]
    for version in versions:
        for item in kube.read(f"{root}/{version}").get("resources") or []:
            listed = {"list", "delete"} <= set(item.get("verbs") or [])
            if item.get("namespaced") and listed and "/" not in item["name"]:
                yield Ref(version, str(item["name"]), str(item["kind"]), namespace=namespace)
