"""What a cluster has of ACK: every object of the services, what deleting it does in AWS, and other controllers.

Reads only. `cleanup` plans from it; doctor, adopt and status read the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.helm import records
from acksm.json_types import Manifest, Object
from acksm.kube.api import Lister, Reviewer
from acksm.kube.keys import unmanaged
from acksm.kube.owners import BY_HELM, helm_release
from acksm.kube.paths import Ref, ref
from acksm.live import bindings, discovery, role_selectors
from acksm.live.bindings import Namespace
from acksm.live.discovery import Controllers
from acksm.live.inventory_objects import (
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

COMMON_KINDS = {"FieldExport": "fieldexports", "AdoptedResource": "adoptedresources"}


@dataclass(frozen=True)
class Record:
    """A helm release by its records' labels. `name` and `namespace` as helm has them."""

    name: str
    namespace: str
    record: str
    status: str = ""


@dataclass(frozen=True)
class Inventory:
    """The cluster. `records` are helm's of ACK's releases; `forbidden` what could not be listed."""

    items: tuple[Item, ...] = ()
    common: tuple[Common, ...] = ()
    crds: Mapping[str, Crd] = field(default_factory=dict)
    controllers: Controllers = field(default_factory=Controllers)
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    forbidden: tuple[str, ...] = ()

    def of(self, services: Collection[str]) -> list[Item]:
        """The objects of these services."""
        return [item for item in self.items if item.service in services]

    def others(self, services: Collection[str], namespace: str) -> list[str]:
        """What remains of ACK when `services` in `namespace` are uninstalled: controllers, releases, CRDs of other
        services."""
        remaining = self.controllers.remaining(services)
        found = [str(item) for item in remaining]
        known = {(charts.release_name(service), namespace) for service in services}
        known |= {(item.release, item.namespace) for item in self.controllers.working}
        found += [
            f"release {item.namespace}/{item.name}" for item in self.records if (item.name, item.namespace) not in known
        ]
        groups = {item.group for item in self.crds.values() if item.service and item.service not in services}
        named = {item.service for item in remaining}
        found += [f"CRDs of {group}" for group in sorted(groups) if group.partition(".")[0] not in named]
        return found


def observe(
    kube: Reviewer, namespace: str, services: Collection[str] = charts.SERVICES, *, watched: bool = True
) -> Inventory:
    """The whole cluster, in as many lists as there are kinds. `namespace` is the controllers'. Without `watched`, no
    objects of services with a controller that watches every namespace, and none that are of no service.

    An identity that may not list an ACK kind gets `kube-forbidden`: what cannot be listed cannot be called deleted.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        listed = pool.submit(kube.list, ref("CustomResourceDefinition"), metadata_only=True)
        spaces = pool.submit(bindings.observe, kube)
        found = pool.submit(discovery.observe, kube, namespace)
        helm = pool.submit(_records, kube, namespace)
        crds = {
            crd.name: crd
            for crd in map(crd_of, listed.result())
            if crd.group == COMMON_GROUP or crd.group.endswith(f".{COMMON_GROUP}")
        }
        if not watched:
            everywhere = {one.service for one in found.result().working if not one.watched}
            services = [service for service in services if service not in everywhere]
        lists = [
            (crd, Ref(f"{crd.group}/v1alpha1", crd.plural, crd.plural))
            for crd in crds.values()
            if crd.service in services and crd.service in charts.SERVICES
        ]
        namespaces, controllers = spaces.result(), found.result()

        def listed_items(one: tuple[Crd, Ref]) -> list[Item]:
            # of each page only what is kept of its objects, as thousands have a lot
            def kept(manifest: Object) -> Object:
                return {"item": item_of(manifest, one[0].service, one[1], namespaces, controllers.working)}

            return [row["item"] for row in kube.list(one[1], keep=kept)]

        items = [item for of_kind in pool.map(listed_items, lists) for item in of_kind]
        shared = [
            (kind, Ref(f"{COMMON_GROUP}/v1alpha1", plural, kind))
            for kind, plural in {**COMMON_KINDS, role_selectors.KIND: "iamroleselectors"}.items()
            if watched and f"{plural}.{COMMON_GROUP}" in crds
        ]
        commons = list(pool.map(lambda one: kube.list(one[1], keep=unmanaged), shared))
        releases, forbidden = helm.result()
    common = [
        common_of(manifest, kind, location)
        for (kind, location), manifests in zip(shared, commons, strict=True)
        for manifest in manifests
    ]
    return Inventory(
        tuple(sorted(items, key=lambda item: (item.service, item.kind, item.location.namespace, item.location.name))),
        tuple(common),
        crds,
        controllers,
        namespaces,
        releases,
        forbidden,
    )


def _records(kube: Lister, namespace: str) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Releases of ACK's, everywhere, else in the controllers' namespace; and what could not be listed.

    A record is a Secret, which a tenant can create in a namespace: elsewhere it counts where helm's mark on a
    ClusterRoleBinding confirms it.
    """
    forbidden: tuple[str, ...] = ()
    try:
        secrets = kube.list(ref("Secret"), selector=records.SELECTOR, metadata_only=True)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        forbidden = ("releases of other namespaces",)
        secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
    found = _by_namespace(secrets)
    if any(item.namespace != namespace for item in found):
        bindings_of_helm = kube.list(ref("ClusterRoleBinding"), selector=BY_HELM, metadata_only=True)
        confirmed = {helm_release(item) for item in bindings_of_helm}
        found = [item for item in found if item.namespace == namespace or (item.namespace, item.name) in confirmed]
    return tuple(found), forbidden


def _by_namespace(secrets: Iterable[Manifest]) -> list[Record]:
    by_namespace: dict[str, list[Manifest]] = {}
    for secret in secrets:
        by_namespace.setdefault(str(secret["metadata"].get("namespace", "")), []).append(secret)
    found = []
    for namespace, of_namespace in sorted(by_namespace.items()):
        status = {str(one["metadata"]["name"]): _status(one) for one in of_namespace}
        for name, (record, _) in sorted(records.newest(of_namespace).items()):
            if name.startswith("ack-") and name.endswith("-controller"):
                found.append(Record(name, namespace, record, status[record]))
    return found


def _status(secret: Manifest) -> str:
    return str((secret["metadata"].get("labels") or {}).get("status", ""))
