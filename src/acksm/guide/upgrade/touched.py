"""What of a cluster a difference between two versions concerns: the objects and namespaces, by name.

Reads only; what may not be read is None, never empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack.crossings import Concerns
from acksm.ack.kinds import KINDS
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.guide.install import switching
from acksm.json_types import Object
from acksm.kube.api import Discovery
from acksm.kube.paths import Ref, ref
from acksm.live import adopted_resources, bindings, crossing, managed, served
from acksm.live.bindings import OWNER, TEAM, ManagedObject, Namespace
from acksm.live.inventory_objects import POLICY as DELETION, READ_ONLY, Common, common_of
from acksm.live.managed import OBJECT_REGION, POLICY as ADOPTION, Holder
from acksm.live.running import Running
from acksm.live.unread import Unread

Here = Mapping[Concerns, Sequence[str] | None]


@dataclass(frozen=True)
class Cluster:
    """What is read once for all services. None: it may not be read; `notes` say why."""

    holders: Sequence[Holder] | None
    exports: Sequence[Common] | None
    namespaces: Mapping[str, Namespace] | None
    adopted: Sequence[Object] | None = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def observe(kube: Discovery) -> Cluster:
    """The objects of both services, FieldExports and namespaces, in as many lists as there are kinds."""
    unread = Unread()
    crds = served.crds(kube)
    every = [kind for of_service in KINDS.values() for kind in of_service.values()]
    kinds = [kind for kind in every if f"{kind.plural}.{kind.group}" in crds]
    adopted = f"adoptedresources.{COMMON_GROUP}" in crds
    exports = Ref(f"{COMMON_GROUP}/v1alpha1", "fieldexports", crossing.EXPORT)
    with ThreadPoolExecutor(max_workers=4) as pool:
        holders = pool.submit(
            unread.read,
            "objects of the services",
            lambda: managed.observe(kube, kinds, adopted_resources=False),
            None,
        )
        exported = pool.submit(
            unread.read,
            "FieldExports",
            lambda: (
                [common_of(item, crossing.EXPORT, exports) for item in kube.list(exports)]
                if f"fieldexports.{COMMON_GROUP}" in crds
                else []
            ),
            None,
        )
        pending = pool.submit(
            unread.read,
            "AdoptedResources",
            lambda: kube.list(ref(managed.ADOPTED_RESOURCE)) if adopted else [],
            None,
        )
        spaces = pool.submit(unread.read, "annotations of namespaces", lambda: bindings.observe(kube), None)
        return Cluster(holders.result(), exported.result(), spaces.result(), pending.result(), tuple(unread.notes))


def of(service: str, cluster: Cluster, before: Running, after: Running) -> Here:
    """What of `cluster` each kind of change of this service concerns, sorted. Pure."""
    objects = _objects(service, cluster.holders, before)
    exports = None
    if cluster.exports is not None:
        exports = [item for item in cluster.exports if service in item.services]
    crossed = None
    if objects is not None and exports is not None:
        crossed = [str(item) for item in objects if crossing.namespaces(item.manifest)]
        crossed += [str(item) for item in exports if item.crosses]
    return {
        Concerns.NOTHING: (),
        Concerns.ADOPTED: _adopted(service, cluster, before),
        Concerns.ADOPTING: _by(objects, lambda item: bool(item.annotations.get(ADOPTION))),
        Concerns.ADOPT_OR_CREATE: _by(objects, lambda item: item.annotations.get(ADOPTION) == "adopt-or-create"),
        Concerns.BOUND: _bound(cluster.namespaces, before),
        Concerns.CROSSING: crossed,
        Concerns.EXPORTS: None if exports is None else sorted(map(str, exports)),
        Concerns.MOVED: _moved(objects, cluster.namespaces, before, after),
        Concerns.READ_ONLY: _by(objects, lambda item: item.annotations.get(READ_ONLY) == "true"),
        Concerns.RETAINED: _retained(service, objects, cluster.namespaces),
    }


def _adopted(service: str, cluster: Cluster, before: Running) -> list[str] | None:
    """The service's AdoptedResources, each with its state."""
    if cluster.adopted is None or cluster.holders is None:
        return None
    managed_objects = {(item.kind, item.namespace, item.name): item.managed for item in cluster.holders}
    judged = [
        adopted_resources.judge(item, lambda *at: managed_objects.get(at), [before])
        for item in cluster.adopted
        if adopted_resources.service_of(item) == service
    ]
    return sorted(f"{item} ({item.text})" for item in judged)


def _objects(service: str, holders: Sequence[Holder] | None, before: Running) -> list[Holder] | None:
    """The service's own objects that its controller watches."""
    if holders is None:
        return None
    return [item for item in holders if item.kind.service == service and before.watches(item.namespace)]


def _by(items: Sequence[Holder] | None, chosen: Callable[[Holder], bool]) -> list[str] | None:
    return None if items is None else sorted(str(item) for item in items if chosen(item))


def _bound(namespaces: Mapping[str, Namespace] | None, before: Running) -> list[str] | None:
    if namespaces is None:
        return None
    return sorted(
        f"namespace {name}"
        for name, item in namespaces.items()
        if {OWNER, TEAM} & set(item.annotations) and before.watches(name)
    )


def _moved(
    objects: Sequence[Holder] | None, namespaces: Mapping[str, Namespace] | None, before: Running, after: Running
) -> list[str] | None:
    if objects is None or namespaces is None:
        return None
    annotated = {name: {"metadata": {"annotations": item.annotations}} for name, item in namespaces.items()}
    return sorted(str(item) for item in objects if switching.is_stuck(_managed(item), before, after, annotated))


def _managed(item: Holder) -> ManagedObject:
    pinned = item.annotations.get(OBJECT_REGION, "")
    kind = item.kind
    return ManagedObject(kind.name, item.namespace, item.name, item.account, item.region, kind.service, pinned)


def retained(service: str, cluster: Cluster, controller: Running) -> Sequence[str] | None:
    """Its objects and namespaces with a deletion policy; None where they may not be read."""
    return _retained(service, _objects(service, cluster.holders, controller), cluster.namespaces)


def _retained(
    service: str, objects: Sequence[Holder] | None, namespaces: Mapping[str, Namespace] | None
) -> list[str] | None:
    if objects is None or namespaces is None:
        return None
    named = [str(item) for item in objects if DELETION in item.annotations]
    named += [f"namespace {name}" for name, item in namespaces.items() if f"{service}.{DELETION}" in item.annotations]
    return sorted(named)
