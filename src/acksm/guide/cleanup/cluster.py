"""Guide §9, second half in the cluster: releases, CRDs and namespaces, once no object needs them.

CRDs go by their own group only (G12: the guide deletes the other controller's), common ones when no other ACK is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.cleanup.calls import passes
from acksm.guide.cleanup.carm import selectors_of
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, Part, ReleaseState
from acksm.guide.install.crds import LANES
from acksm.guide.install.release import check_busy
from acksm.json_types import Document, Manifest
from acksm.kube.paths import Ref, ref
from acksm.live import bindings
from acksm.live.inventory import Crd

RELEASE, CRDS, NAMESPACE = "release", "crds", "namespace"


def check_releases(observed: Observed, desired: Desired, *, sure: Callable[[], bool]) -> None:
    """Refuse a release that another made, or that another helm is at. Errors: `release-not-ours`, `release-busy`."""
    for service in desired.services:
        seen = observed.releases.get(service)
        if seen is None or not seen.there:
            continue
        if not seen.owned and not desired.adopt_release:
            raise AcksmError(
                "release-not-ours",
                f"release {seen.name} is there and acksm did not make it",
                where=f"namespace {seen.namespace}",
                remedy="acksm cleanup … --adopt-release",
            )
        check_busy(seen.status, seen.age, seen.namespace, seen.name, confirmed=sure)


def plan_releases(observed: Observed, desired: Desired) -> list[Change]:
    """Releases away, side by side, and the wait until nothing of them runs; it has no lane, so that what comes after it
    runs after it. Where helm has forgotten a release, its objects go one by one."""
    there = [seen for service in desired.services if (seen := observed.releases.get(service)) and seen.there]
    changes: list[Change] = []
    for seen in there:
        changes += [_uninstall(seen)] if seen.recorded else [_object_of(seen, one) for one in seen.objects]
    if there:
        changes.append(
            Change(
                id="cleanup.release-gone",
                step=RELEASE,
                op=Op.WAIT,
                system="kubernetes",
                target=f"the pods of {' and '.join(seen.name for seen in there)} to end",
                call="cleanup.pods_gone",
                params={"releases": [[seen.name, seen.namespace] for seen in there]},
            )
        )
    return changes


def _uninstall(seen: ReleaseState) -> Change:
    return Change(
        id="cleanup.release",
        step=RELEASE,
        op=Op.DELETE,
        system="helm",
        target=f"release {seen.namespace}/{seen.name}",
        call="helm.uninstall",
        params={
            "release": seen.name,
            "namespace": seen.namespace,
            "kinds": sorted({(one.kind, one.namespace) for one in seen.objects}),
        },
        before={"version": seen.version, "status": seen.status, "objects": [str(one) for one in seen.objects]},
        danger=Danger.MILD,
        guide=f"helm uninstall -n {seen.namespace} {seen.name}",
        lane=seen.service,
    )


def _object_of(seen: ReleaseState, one: Ref) -> Change:
    return Change(
        id="cleanup.release-object",
        step=RELEASE,
        op=Op.DELETE,
        system="kubernetes",
        target=str(one),
        call="kube.delete",
        params={"kind": one.kind, "name": one.name, "namespace": one.namespace},
        before={"release": f"{seen.namespace}/{seen.name}"},
        reason="helm has no record of its release any more",
        danger=Danger.MILD,
        lane=seen.service,
    )


def plan_crds(observed: Observed, desired: Desired, choice: Choice) -> Part:
    """CRDs of the chosen services by their group, and with `all` the common ones when nothing of ACK is left."""
    part = Part()
    inventory = observed.inventory
    taken = set(choice.items)
    staying = {item.place.plural for item in inventory.of(desired.services) if item not in taken}
    rivals = {item.service: item for item in reversed(inventory.controllers.beside())}
    others = inventory.others(desired.services, observed.namespace)
    others += [f"EKS capability {name}" for name in observed.capabilities]
    gone = {*choice.common, *(selectors_of(observed) if desired.carm else ())}
    others += [str(item) for item in inventory.common if item not in gone]
    for crd in _sorted(inventory.crds.values()):
        if crd.service not in {*desired.services, ""}:
            continue
        if not (crd.passing or desired.crds == "all" or (desired.crds == "service" and not crd.is_common)):
            if crd.owner and crd.owner.tool == "acksm":
                option = "all" if crd.is_common else "service"
                part.kept.append((f"CustomResourceDefinition {crd.name}", f"--crds {option} takes it away"))
            continue
        why = ""
        if crd.is_common and others:
            why = f"{bindings.told(others, 2)} may need it"
        elif crd.service in rivals:
            why = f"{rivals[crd.service]} needs it"
        elif crd.plural in staying:
            why = f"objects of {crd.plural} stay"
        _crd(part, crd, why or _not_ours(crd, desired))
    names = [change.params["name"] for change in part.changes]
    ending = [crd.name for crd in inventory.crds.values() if crd.terminating and crd.service in desired.services]
    if names or ending:
        part.changes.append(
            Change(
                id="cleanup.crds-gone",
                step=CRDS,
                op=Op.WAIT,
                system="kubernetes",
                target=f"{len(set(names + ending))} CRDs to go",
                call="cleanup.crds_gone",
                params={"names": sorted({*names, *ending})},
            )
        )
    return part


def _sorted(crds: Iterable[Crd]) -> list[Crd]:
    return sorted(crds, key=lambda crd: crd.name)


def _not_ours(crd: Crd, desired: Desired) -> str:
    """A CRD without any mark is what the guide's `kubectl apply` leaves; it goes when --crds says so."""
    if crd.owner is None:
        return "" if desired.named_crds else "acksm did not make it; --crds takes it away all the same"
    return "" if crd.owner.tool == "acksm" else f"it belongs to {crd.owner}"


def _crd(part: Part, crd: Crd, why: str) -> None:
    if why:
        part.kept.append((f"CustomResourceDefinition {crd.name}", why))
    elif not crd.terminating:
        number = sum(1 for _ in part.changes)
        part.changes.append(
            Change(
                id="cleanup.crd",
                step=CRDS,
                op=Op.DELETE,
                system="kubernetes",
                target=f"CustomResourceDefinition {crd.name}",
                call="cleanup.crd",
                params={"name": crd.name},
                reason=f"of {crd.chart}" if crd.chart else "",
                danger=Danger.MILD,
                guide=f"kubectl delete crd {crd.name}",
                lane=f"crds-{number % LANES}",
            )
        )


def plan_namespaces(observed: Observed, desired: Desired, choice: Choice, going: Sequence[Change]) -> Part:
    """Namespaces that acksm made, when nothing is left in them but what `going` takes away too."""
    part = Part()
    if not desired.namespace:
        part.kept += [(f"namespace {name}", "--namespace takes it away") for name in sorted(observed.owned_namespaces)]
        return part
    removed = _removed(observed, desired, choice, going)
    names = []
    for name in sorted(observed.owned_namespaces):
        if observed.inventory.namespaces[name].terminating:
            names.append(name)
            continue
        found = observed.contents.get(name)
        if found is None:
            continue
        foreign = [str(place) for place, item in found.objects if place not in removed and not passes(place, item)]
        foreign += [f"{one} (cannot be listed)" for one in found.unknown]
        if foreign:
            part.kept.append((f"namespace {name}", f"{bindings.told(foreign, 3)} in it"))
            continue
        names.append(name)
        part.changes.append(
            Change(
                id="cleanup.namespace",
                step=NAMESPACE,
                op=Op.DELETE,
                system="kubernetes",
                target=f"Namespace {name}",
                call="cleanup.namespace",
                params={"name": name},
                reason="acksm made it, and nothing of anybody else's is in it",
                danger=Danger.MILD,
                guide=f"kubectl delete namespace {name}",
            )
        )
    unmarked = (
        observed.namespace in observed.inventory.namespaces and observed.namespace not in observed.owned_namespaces
    )
    if unmarked:
        part.kept.append((f"namespace {observed.namespace}", "acksm did not make it"))
    if names:
        part.changes.append(
            Change(
                id="cleanup.namespace-gone",
                step=NAMESPACE,
                op=Op.WAIT,
                system="kubernetes",
                target=f"{len(names)} namespace{'s' if len(names) > 1 else ''} to go",
                call="cleanup.namespace_gone",
                params={"names": names},
            )
        )
    return part


def _removed(observed: Observed, desired: Desired, choice: Choice, going: Sequence[Change]) -> set[Ref]:
    """Everything that is gone from the namespaces when `going` is done."""
    removed: set[Ref] = {item.place for item in choice.items} | {item.place for item in choice.common}
    releases = [seen for service, seen in observed.releases.items() if service in desired.services and seen.there]
    for seen in releases:
        removed |= set(seen.objects)
    for change in going:
        if change.call in {"kube.delete_when_empty", "kube.delete"}:
            removed.add(_ref_of(change.params))
    names = {seen.name for seen in releases if seen.recorded}
    for found in observed.contents.values():
        removed |= {place for place, item in found.objects if _is_record(place, item, names)}
    return removed


def _ref_of(params: Document) -> Ref:
    return ref(str(params["kind"]), str(params["name"]), str(params.get("namespace", "")))


def _is_record(place: Ref, item: Manifest, releases: set[str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    return place.kind == "Secret" and labels.get("owner") == "helm" and str(labels.get("name", "")) in releases
