"""What `install` and `upgrade` must not do to bound namespaces: change a controller so that it ignores them.

The matrix (`charts.MATRIX`, docs/ack/accounts-and-regions.md#scope) says what a release
with the desired values would read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acksm.ack.charts import Reading
from acksm.ack.names import COMMON_GROUP
from acksm.catalog import lookup
from acksm.errors import AcksmError
from acksm.guide.region.command import stuck_error
from acksm.json_types import Document
from acksm.kube.api import Lister
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.live import bindings, role_selectors, running
from acksm.live.bindings import ENDPOINT, OWNER, REGION, TEAM, ManagedObject
from acksm.live.running import IGNORED_NAMESPACES, SELECTOR, Running

# Rows of the matrix that are wrong with any binding: the controller would not start, or not read its selectors.
_NEVER = {"selector-needs-carm-off", "selector-scope"}
Objects = Callable[
    [], Sequence[ManagedObject]
]  # every object of the two services, read once and only where it is needed


def check(
    kube: Lister,
    own: str,
    before: Running | None,
    after: Running,
    namespaces: Document,
    managed_objects: Objects,
) -> None:
    """Refuse `after` where it cannot work, would ignore bound namespaces or no longer reconcile objects. Reads only.

    `own` is the controllers' account, `namespaces` every namespace by name. Errors: `selector-needs-carm-off`,
    `selector-scope`, `bindings-would-be-ignored`, `objects-would-be-lost`, `region-objects-stuck`.
    """
    reading = after.reading
    where = f"{after.service} {after.version}, {running.scope_text(after)}"
    if reading.id in _NEVER:
        raise AcksmError(reading.id, lookup(reading.id).title, where=where)
    lost = ignored(reading, after.service, namespaces)
    if lost:
        raise AcksmError(
            "bindings-would-be-ignored",
            f"{bindings.shortened([f'{name} ({key})' for name, key in lost.items()])} would be ignored: "
            + (lookup(reading.id).title if reading.id else "they are not read"),
            where=where,
            details={"namespaces": sorted(lost), "reason": reading.id},
        )
    if before is None:
        return
    if before.mode == SELECTOR and after.mode != SELECTOR:
        selectors = [
            item for item in role_selectors.list_all(kube) if after.service in role_selectors.services_of(item)
        ]
        if selectors:
            raise AcksmError(
                "bindings-would-be-ignored",
                f"IAMRoleSelectors {bindings.shortened([item.name for item in selectors])} would be ignored",
                where=where,
                details={"selectors": [item.name for item in selectors]},
            )
    if follows(before) and (not follows(after) or before.mode != after.mode):
        others = [item for item in managed_objects() if item.service == after.service and item.account != own]
        if others:
            raise AcksmError(
                "objects-would-be-lost",
                f"{bindings.shortened(others)} {'belongs' if len(others) == 1 else 'belong'} to another account",
                where=where,
                details={"objects": [str(item) for item in others]},
            )
    if _refuses_more(before, after):
        stuck = [item for item in managed_objects() if is_stuck(item, before, after, namespaces)]
        if stuck:
            raise stuck_error(stuck, where, f"{after.service} {after.version} in {after.region}")


def unmanaged(managed_objects: Objects, before: Running | None, after: Running) -> list[ManagedObject]:
    """Objects that `before` reconciles and `after` would not watch: their changes would no longer reach AWS, and a
    deleted one would be stuck in Terminating. Objects are read only where fewer namespaces are watched."""
    if before is None or not after.watched or (before.watched and set(before.watched) <= set(after.watched)):
        return []
    return [
        item
        for item in managed_objects()
        if item.service == after.service and before.watches(item.namespace) and not after.watches(item.namespace)
    ]


def _refuses_more(before: Running, after: Running) -> bool:
    """Whether `after` may stop reconciling objects that are in another region than requested."""
    return after.has("drift-refused") and (not before.has("drift-refused") or before.region != after.region)


def is_stuck(item: ManagedObject, before: Running, after: Running, namespaces: Document) -> bool:
    """Whether the object's region is another than `after` reads for it, and was not so before. Pure."""
    if item.service != after.service or not item.region or item.pinned:
        return False
    annotated = values_at(namespaces.get(item.namespace) or {}, ANNOTATIONS).get(REGION, "")

    def differs(controller: Running) -> bool:
        requested = (annotated if controller.reading.defaults else "") or controller.region
        return controller.has("drift-refused") and controller.watches(item.namespace) and item.region != requested

    return differs(after) and not differs(before)


def follows(item: Running) -> bool:
    """Whether the controller creates resources in other accounts at all."""
    return item.reading.starts and (item.reading.carm or item.reading.selectors)


def ignored(reading: Reading, service: str, namespaces: Document) -> dict[str, str]:
    """Namespace to the first annotation of it that a controller with this reading would ignore."""
    keys = [] if reading.carm else [OWNER, TEAM]
    keys += [] if reading.defaults else _defaults(service)
    return _annotated(namespaces, keys)


def unwatched(before: Running | None, after: Running, namespaces: Document) -> list[str]:
    """Namespaces whose binding `before` reads and `after` would not watch, each with what it is bound to: objects that
    are created in them later would never reach AWS."""
    if before is None or not before.reading.starts:
        return []
    keys = [OWNER, TEAM] if before.reading.carm else []
    keys += _defaults(before.service) if before.reading.defaults else []
    return [
        f"namespace {name} ({_BOUND[key].format(values_at(namespaces[name], ANNOTATIONS)[key])})"
        if key in _BOUND
        else f"namespace {name} ({key})"
        for name, key in _annotated(namespaces, keys).items()
        if before.watches(name) and not after.watches(name)
    ]


_BOUND = {OWNER: "bound to account {}", TEAM: "bound to team {}", REGION: "bound to region {}"}


def _defaults(service: str) -> list[str]:
    """The annotations with the defaults of a namespace's objects."""
    return [REGION, ENDPOINT, f"{service}.{COMMON_GROUP}/deletion-policy"]


def _annotated(namespaces: Document, keys: Sequence[str]) -> dict[str, str]:
    """Namespace to the first of `keys` among its annotations, for those that a controller reads."""
    found = {}
    for name, manifest in namespaces.items():
        annotations = values_at(manifest, ANNOTATIONS)
        key = next((key for key in keys if key in annotations), "")
        # of one that is being deleted only its objects count, and they are checked by themselves
        if key and name not in IGNORED_NAMESPACES and not manifest["metadata"].get("deletionTimestamp"):
            found[name] = key
    return found
