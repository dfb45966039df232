"""The placement of an adopted object: its controller, the method of adoption, its account and region.

Pure, over what was read of the cluster. Whatever a controller would silently ignore is refused here
(docs/ack/accounts-and-regions.md, docs/ack/adoption.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from enum import StrEnum
from functools import cached_property

from acksm.ack.kinds import Kind
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.carm import role_map
from acksm.guide.carm.role_map import Maps
from acksm.guide.carm.verify import effective
from acksm.guide.connect.target import Target
from acksm.live import bindings, discovery, role_selectors, running, served
from acksm.live.bindings import REGION, Namespace
from acksm.live.role_selectors import Selector, Selectors
from acksm.live.running import IGNORED_NAMESPACES, SELECTOR, SERVICE_CARM, Running
from acksm.live.unread import Unread

GATE, READ_ONLY_GATE = "ResourceAdoption", "ReadOnlyResources"
ADOPTED_CRD = f"adoptedresources.{COMMON_GROUP}"
_ROLE = re.compile(r"arn:[^:]+:iam::(\d{12}):role/.+", re.ASCII)


class Method(StrEnum):
    """How an object is adopted: by annotations of its own, or by an AdoptedResource that names it."""

    ANNOTATIONS = "annotations"
    ADOPTED_RESOURCE = "adopted-resource"


@dataclass(frozen=True)
class Observed:
    """The cluster: controllers, namespaces, role maps, role selectors, names of the CRDs that are served, and the
    cluster account. `notes` are on what this identity may not read, such as the maps (not `maps_read`)."""

    running: Sequence[Running]
    namespaces: Mapping[str, Namespace]
    maps: Maps
    selectors: Sequence[Selector]
    served: frozenset[str]
    account: str
    notes: Sequence[str] = ()
    maps_read: bool = True

    @cached_property
    def by_namespace(self) -> Selectors:
        """`selectors`, by the namespaces that they name."""
        return Selectors(self.selectors)


@dataclass(frozen=True)
class Location:
    """Where objects of a service in a namespace are created. `role`: what the controller assumes, "" for none, and for
    another account whose map this identity may not read."""

    namespace: str
    controller: Running
    method: Method
    account: str
    region: str
    role: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def observe(target: Target, namespaces: Iterable[str]) -> Observed:
    """Controllers, namespaces (only `namespaces` where they cannot be listed), kinds, maps and selectors, read
    concurrently."""
    kube, unread = target.kube, Unread()
    with ThreadPoolExecutor(max_workers=4) as pool:
        listed = pool.submit(bindings.observe_some, kube, namespaces)
        kinds = pool.submit(served.crds, kube)
        here = target.settings.controller_namespace
        found, notes = discovery.visible(kube, here).or_assumed(here, target.cluster.region)
        maps = unread.read("the account map", lambda: role_map.observe(kube, {item.namespace for item in found}), None)
        selecting = any(item.mode == SELECTOR for item in found)
        selectors = unread.read("IAMRoleSelectors", lambda: role_selectors.list_all(kube), []) if selecting else []
        live, more = listed.result()
        return Observed(
            found,
            live,
            maps or {},
            selectors,
            kinds.result(),
            target.identity.account,
            [*notes, *more, *unread.notes],
            maps is not None,
        )


def location(observed: Observed, kind: Kind, namespace: str, where: str) -> Location:
    """Errors: adopt-…, of `bindings.check_exists`, and the id of the matrix's row that makes a binding ignored."""
    running.require(observed.running)
    live = observed.namespaces.get(namespace)
    if live is None or live.terminating:
        bindings.check_exists(observed.namespaces, namespace, create=False, creates=False)
    namespace_ = live or Namespace(namespace)
    controller = _controller(observed, kind, namespace, where)
    if f"{kind.plural}.{kind.group}" not in observed.served:
        raise AcksmError("adopt-kind-not-served", f"the cluster does not serve {kind.name}", where=where)
    if controller.kinds and kind.name not in controller.kinds:
        raise AcksmError(
            "adopt-kind-off",
            f"{controller} reconciles only {', '.join(controller.kinds)}, not {kind.name}",
            where=where,
        )
    account, role = _account(observed, kind, controller, namespace_, where)
    followed = controller.reading.defaults and namespace not in IGNORED_NAMESPACES
    default = namespace_.annotations.get(REGION, "")
    if default and not followed and namespace not in IGNORED_NAMESPACES:
        raise running.ignored(controller, controller.reading, f"namespace {namespace}")
    region = (default if followed else "") or controller.region
    return Location(
        namespace, controller, method(observed, controller, where), account, region, role, _labels(controller, where)
    )


def namespace_of(observed: Observed, kind: Kind, account: str) -> str:
    """A namespace whose objects of `kind` are created in `account`, "" for none."""
    for name in sorted(observed.namespaces, key=lambda name: (name != "default", name)):
        if name in IGNORED_NAMESPACES or any(item.namespace == name for item in observed.running):
            continue
        try:
            if location(observed, kind, name, "").account == account:
                return name
        except AcksmError:
            continue
    return ""


def _controller(observed: Observed, kind: Kind, namespace: str, where: str) -> Running:
    of_service = [item for item in observed.running if item.service == kind.service]
    if not of_service:
        raise AcksmError(
            "controllers-missing",
            f"no controller of {kind.service} is running",
            where=where,
            remedy=f"acksm install --service {kind.service}",
        )
    watching = [item for item in of_service if item.watches(namespace)]
    if not watching:
        scopes = "; ".join(f"{item}: {running.scope_text(item)}" for item in of_service)
        raise AcksmError(
            "adopt-not-watched",
            f"no controller of {kind.service} watches namespace {namespace}: {scopes}",
            where=where,
            remedy=running.watch_remedy(of_service, namespace),
        )
    if len(watching) > 1:
        raise AcksmError(
            "adopt-two-controllers", f"{'; '.join(map(str, watching))} all watch namespace {namespace}", where=where
        )
    return watching[0]


def method(observed: Observed, controller: Running, where: str) -> Method:
    """The method that the controller supports and the cluster serves. Error: `adopt-off`, naming the feature gate."""
    if controller.gate(GATE, "adoption-gate", "adoption-annotations"):
        return Method.ANNOTATIONS
    if controller.has("adoption-gate"):
        raise AcksmError(
            "adopt-off",
            f"{controller} needs feature gate {GATE} to adopt, and it is off",
            where=where,
            remedy=f"acksm install --set featureGates.{GATE}=true",
        )
    if controller.has("adopted-resource") and ADOPTED_CRD in observed.served:
        return Method.ADOPTED_RESOURCE
    raise AcksmError(
        "adopt-off",
        f"{controller} adopts by AdoptedResource objects, but the cluster does not serve that kind",
        where=where,
        remedy=f"acksm install --service {controller.service}",
    )


def _account(observed: Observed, kind: Kind, controller: Running, namespace: Namespace, where: str) -> tuple[str, str]:
    """The account of the namespace's objects, and the role that the controller assumes there."""
    if controller.mode == SELECTOR:
        return _selected(observed, kind, namespace, where)
    subject = effective(namespace, [controller])
    if subject is None or namespace.name in IGNORED_NAMESPACES:
        return observed.account, ""
    if not controller.reading.carm:
        raise running.ignored(controller, controller.reading, f"namespace {namespace.name}")
    if subject.id == observed.account and subject.level == "account":
        return observed.account, ""
    roles = observed.maps.get((controller.namespace, subject.map))
    if not observed.maps_read and subject.level == "account":
        return subject.id, ""
    by_service = roles.get(subject.key(controller.service)) if roles and SERVICE_CARM in controller.gates else None
    role = by_service or (roles.get(subject.id) if roles else None) or ""
    match = _ROLE.fullmatch(role)
    if not match:
        why = f"which has the role {role!r} in the map" if role else "which has no role in the map"
        raise AcksmError(
            "adopt-account-unmapped",
            f"namespace {namespace.name} is bound to {subject}, {why}",
            where=where,
            remedy=f"acksm carm verify {namespace.name}",
        )
    return match[1], role


def _selected(observed: Observed, kind: Kind, namespace: Namespace, where: str) -> tuple[str, str]:
    matching = [
        item for item in observed.by_namespace.fitting(namespace.name, namespace.labels) if _may_match(item, kind)
    ]
    if len(matching) > 1:
        raise AcksmError(
            "adopt-selectors",
            f"IAMRoleSelectors {', '.join(item.name for item in matching)} all match {kind.name}s in {namespace.name}",
            where=where,
        )
    match = _ROLE.fullmatch(matching[0].arn) if matching else None
    return (match[1], matching[0].arn) if match else (observed.account, "")


def _may_match(selector: Selector, kind: Kind) -> bool:
    """Whether a selector may match new objects of the kind. One with labels does not: they have none."""
    types = selector.types or (("", "", ""),)
    return not selector.labels and any(
        group in {"", kind.group} and name in {"", kind.name} for group, _, name in types
    )


def _labels(controller: Running, where: str) -> dict[str, str]:
    """The labels that an object must have for a controller that watches only some. Error: `adopt-selector`."""
    found = {}
    for part in filter(None, (text.strip() for text in controller.selector.split(","))):
        key, equals, value = part.replace("==", "=").partition("=")
        if not equals or key.endswith("!"):
            raise AcksmError(
                "adopt-selector", f"{controller} watches only objects with labels {controller.selector}", where=where
            )
        found[key.strip()] = value.strip()
    return found


def read_only_works(controller: Running) -> bool:
    """Whether the controller supports read-only objects."""
    return controller.gate(READ_ONLY_GATE, "read-only", "adoption-annotations")
