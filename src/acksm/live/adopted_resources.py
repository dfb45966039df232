"""AdoptedResources as they are: what each has done, and who would act on it (docs/ack/adoption.md#by-adoptedresource).

Pure, over what was read. Only the controller of the group that one names acts on it, and only up to a version
(docs/ack/adoption.md#adoptedresource-removal); the finalizer is set after success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from enum import StrEnum

from acksm.ack.kinds import KINDS, Kind
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.json_types import Manifest, Object
from acksm.kube import conditions
from acksm.kube.owners import ENGINES, Owner, owner_of
from acksm.kube.paths import Ref, ref
from acksm.live.bindings import shortened
from acksm.live.inventory import Inventory
from acksm.live.inventory_objects import is_ack_finalizer
from acksm.live.managed import ADOPTED_CONDITION, ADOPTED_RESOURCE
from acksm.live.running import Running

# (kind, namespace, name) -> whether a controller manages the object; None where it does not exist
IsManaged = Callable[[Kind, str, str], bool | None]


class State(StrEnum):
    """`DONE`: it created its object; `STUCK`: it is being deleted, and no controller removes its finalizer."""

    DONE = "done"
    PENDING = "pending"
    FAILING = "failing"
    TERMINATING = "terminating"
    STUCK = "stuck in Terminating"


@dataclass(frozen=True)
class AdoptedResource:
    """One, judged. `service` is "" where its group is no service's, so that no controller ever acts on it. `handled`:
    a controller that handles it watches its namespace. `finalizers` are ACK's. `object` is what it creates, None for
    a kind that its service does not have. `why` is what is known beyond the state."""

    location: Ref
    service: str
    state: State
    why: str = ""
    handled: bool = False
    finalizers: tuple[str, ...] = ()
    owner: Owner | None = None
    object: Ref | None = None
    kind: Kind | None = None
    manifest: Object = field(default_factory=dict, compare=False, repr=False)

    @property
    def uid(self) -> str:
        return str(self.manifest["metadata"].get("uid", ""))

    @property
    def by_gitops(self) -> bool:
        """Whether Argo CD or Flux would create it again."""
        return self.owner is not None and self.owner.tool in ENGINES

    @property
    def text(self) -> str:
        """Its state for people: "failing: resource not found; without a finalizer"."""
        said = [f"{self.state}: {self.why}" if self.why else str(self.state)]
        said += [f"owned by {self.owner}"] if self.by_gitops else []
        said += [] if self.finalizers else ["without a finalizer"]
        return "; ".join(said)

    def __str__(self) -> str:
        return str(self.location)


def group_of(manifest: Manifest) -> str:
    """The API group of what it adopts."""
    return str(((manifest.get("spec") or {}).get("kubernetes") or {}).get("group") or "")


def service_of(manifest: Manifest) -> str | None:
    """sagemaker or applicationautoscaling; "" for a group that is no service's; None for another service's."""
    group = group_of(manifest)
    service = group.removesuffix(f".{COMMON_GROUP}")
    if service in KINDS and service != group:
        return service
    return None if service != group and service else ""


def judge(manifest: Object, is_managed: IsManaged, working: Iterable[Running]) -> AdoptedResource:
    """One of these two services, or of none. `working`: the controllers that run."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    target = spec.get("kubernetes") or {}
    service, namespace = service_of(manifest) or "", str(metadata.get("namespace", ""))
    meta = target.get("metadata") or {}
    kind = KINDS.get(service, {}).get(str(target.get("kind", "")))
    handled = kind is not None and any(
        one.service == service and one.watches(namespace) and one.has("adopted-resource") for one in working
    )
    name = str(meta.get("name") or metadata["name"])
    where = ref(kind.name, name, str(meta.get("namespace") or namespace)) if kind else None
    held = tuple(map(str, metadata.get("finalizers") or ()))
    finalizers = tuple(item for item in held if is_ack_finalizer(item))
    managed = is_managed(kind, where.namespace, name) if kind and where else None
    adopted = conditions.by_type(manifest).get(ADOPTED_CONDITION, {})
    if metadata.get("deletionTimestamp"):
        state, why = _terminating(held, finalizers, handled)
    elif adopted.get("status") == "True":
        state = State.DONE
        why = "" if managed else f"no controller manages {where}" if managed is False else f"{where} does not exist"
    elif not service:
        state, why = State.FAILING, f"group {group_of(manifest)!r} is of no service, so no controller acts on it"
    elif kind is None:
        state, why = State.FAILING, f"{service} has no kind {str(target.get('kind', ''))!r}"
    elif adopted.get("status") == "False":
        state, why = State.FAILING, conditions.describe(adopted) or "not adopted"
    else:
        state, why = State.PENDING, "" if handled else "no controller handles it"
    location = ref(ADOPTED_RESOURCE, str(metadata["name"]), namespace)
    return AdoptedResource(
        location, service, state, why, handled, finalizers, owner_of(manifest), where, kind, manifest
    )


def _terminating(held: Sequence[str], ours: Sequence[str], handled: bool) -> tuple[State, str]:
    others = [item for item in held if item not in ours]
    if ours and not handled:
        return State.STUCK, "no controller removes its finalizer"
    if others:
        return State.TERMINATING, f"finalizer {others[0]} has to be removed by its owner"
    return State.TERMINATING, "its controller removes the finalizer" if ours else ""


def of(found: Inventory, manifests: Iterable[Object] | None = None) -> list[AdoptedResource]:
    """`manifests`, or all that the inventory has of the two services and of none; sorted by namespace and name."""
    managed = {
        (item.kind, item.location.namespace, item.location.name): bool(item.ours) and not item.terminating
        for item in found.items
    }
    every = [item.manifest for item in found.common if item.kind == ADOPTED_RESOURCE]
    judged = [
        judge(item, lambda kind, *at: managed.get((kind.name, *at)), found.controllers.working)
        for item in (every if manifests is None else manifests)
        if service_of(item) is not None
    ]
    return sorted(judged, key=lambda item: (item.location.namespace, item.location.name))


def described(items: Sequence[AdoptedResource], limit: int = 5) -> str:
    """ "team/a (done), team/b (failing: resource not found)", of many the first."""
    return shortened([f"{item.location.namespace}/{item.location.name} ({item.text})" for item in items], limit)
