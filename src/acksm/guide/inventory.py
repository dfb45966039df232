"""What of ACK is in a cluster: every object of the services, what deleting it does in AWS, and who else is here.

Reads only. `cleanup` plans from it; doctor, adopt and status look at the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from acksm import charts
from acksm.errors import AcksmError
from acksm.guide import bindings, role_selector, running
from acksm.guide.bindings import Namespace
from acksm.guide.crds import COMMON_GROUP
from acksm.guide.inventory_objects import (
    Common as Common,
    Crd as Crd,
    Effect as Effect,
    Item as Item,
    Policy as Policy,
    common_of,
    crd_of,
    is_ack_finalizer as is_ack_finalizer,
    item_of,
)
from acksm.guide.running import Running
from acksm.helm import records
from acksm.kube.client import Kube
from acksm.kube.paths import Ref, ref

COMMON_KINDS = {"FieldExport": "fieldexports", "AdoptedResource": "adoptedresources"}

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """A helm release by its records' labels. `name` and `namespace` as helm has them."""

    name: str
    namespace: str
    record: str
    status: str = ""


@dataclass(frozen=True)
class Inventory:
    """The cluster. `records` are helm's of everything that looks like ACK's; `forbidden` what could not be listed."""

    items: tuple[Item, ...] = ()
    common: tuple[Common, ...] = ()
    crds: Mapping[str, Crd] = field(default_factory=dict)
    running: Sequence[Running] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    forbidden: tuple[str, ...] = ()

    def of(self, services: Collection[str]) -> list[Item]:
        """The objects of these services."""
        return [item for item in self.items if item.service in services]

    def others(self, services: Collection[str], namespace: str) -> list[str]:
        """What else of ACK is here when `services` in `namespace` are gone, in words: controllers, releases, CRDs of
        other services."""
        ours = {(charts.release_name(service), namespace) for service in services}
        found = [str(item) for item in self.running if (item.release, item.namespace) not in ours]
        found += [
            f"release {item.namespace}/{item.name}"
            for item in self.records
            if (item.name, item.namespace) not in ours
            and not any((one.release, one.namespace) == (item.name, item.namespace) for one in self.running)
        ]
        groups = {item.group for item in self.crds.values() if item.service and item.service not in services}
        told = {item.service for item in self.running if (item.release, item.namespace) not in ours}
        found += [f"CRDs of {group}" for group in sorted(groups) if group.partition(".")[0] not in told]
        return found


def observe(kube: Kube, namespace: str, services: Collection[str] = charts.SERVICES) -> Inventory:
    """The whole cluster, in as many lists as there are kinds. `namespace` is the controllers'.

    An identity that may not list an ACK kind gets `kube-forbidden`: what cannot be seen cannot be said to be gone.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        listed = pool.submit(kube.list, ref("CustomResourceDefinition"), metadata_only=True)
        spaces = pool.submit(bindings.observe, kube)
        found = pool.submit(running.observe, kube, namespace)
        helm = pool.submit(_records, kube, namespace)
        crds = {
            crd.name: crd
            for crd in map(crd_of, listed.result())
            if crd.group == COMMON_GROUP or crd.group.endswith(f".{COMMON_GROUP}")
        }
        lists = [
            (crd, Ref(f"{crd.group}/v1alpha1", crd.plural, crd.plural))
            for crd in crds.values()
            if crd.service in services and crd.service in charts.SERVICES
        ]
        objects = list(pool.map(lambda one: kube.list(one[1]), lists))
        shared = [
            (kind, Ref(f"{COMMON_GROUP}/v1alpha1", plural, kind))
            for kind, plural in {**COMMON_KINDS, role_selector.KIND: "iamroleselectors"}.items()
            if f"{plural}.{COMMON_GROUP}" in crds
        ]
        commons = list(pool.map(lambda one: kube.list(one[1]), shared))
        namespaces, controllers = spaces.result(), found.result()
        releases, forbidden = helm.result()
    items = [
        item_of(manifest, crd.service, place, namespaces, controllers)
        for (crd, place), manifests in zip(lists, objects, strict=True)
        for manifest in manifests
    ]
    common = [
        common_of(manifest, kind, place)
        for (kind, place), manifests in zip(shared, commons, strict=True)
        for manifest in manifests
    ]
    return Inventory(
        tuple(sorted(items, key=lambda item: (item.service, item.kind, item.place.namespace, item.place.name))),
        tuple(common),
        crds,
        controllers,
        namespaces,
        releases,
        forbidden,
    )


def _records(kube: Kube, namespace: str) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Releases that look like ACK's, everywhere, else in the controllers' namespace; and what could not be seen."""
    forbidden: tuple[str, ...] = ()
    try:
        secrets = kube.list(ref("Secret"), selector=records.SELECTOR, metadata_only=True)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        forbidden = ("releases of other namespaces",)
        secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
    return tuple(_by_namespace(secrets)), forbidden


def _by_namespace(secrets: Iterable[Json]) -> list[Record]:
    by_namespace: dict[str, list[Json]] = {}
    for secret in secrets:
        by_namespace.setdefault(str(secret["metadata"].get("namespace", "")), []).append(secret)
    found = []
    for namespace, of_namespace in sorted(by_namespace.items()):
        status = {str(one["metadata"]["name"]): _status(one) for one in of_namespace}
        for name, (record, _) in sorted(records.newest(of_namespace).items()):
            if name.startswith("ack-") and name.endswith("-controller"):
                found.append(Record(name, namespace, record, status[record]))
    return found


def _status(secret: Json) -> str:
    return str((secret["metadata"].get("labels") or {}).get("status", ""))
