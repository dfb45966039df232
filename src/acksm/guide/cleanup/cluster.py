"""Guide §9, second half in the cluster: releases, CRDs and namespaces, once no object needs them.

CRDs are deleted by their own group only (G12: the guide deletes the other controller's), common ones when no other ACK
controller is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.cleanup.calls import is_transient
from acksm.guide.cleanup.carm import selectors_of
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, Part, ReleaseState
from acksm.guide.install.crds import LANES
from acksm.guide.install.release import check_busy
from acksm.guide.rbac.grants import removal
from acksm.json_types import Document, Manifest
from acksm.kube.owners import ENGINES, Owner, is_owned, owner_of
from acksm.kube.paths import Ref, ref, ref_of
from acksm.live import bindings
from acksm.live.inventory import Crd
from acksm.words import counted

RELEASE, CRDS, NAMESPACE = "release", "crds", "namespace"


def check_releases(observed: Observed, desired: Desired, *, sure: Callable[[], bool]) -> None:
    """Refuse a release that acksm did not create, or that another helm is changing.

    Errors: `release-not-ours`, `release-busy`.
    """
    for service in desired.services:
        release = observed.releases.get(service)
        if release is None or not release.exists or release.kept_by:
            continue
        if not release.owned and not desired.adopt_release:
            raise AcksmError(
                "release-not-ours",
                f"release {release.name} exists and was not created by acksm",
                where=f"namespace {release.namespace}",
                remedy="acksm cleanup … --adopt-release",
            )
        check_busy(release.status, release.age, release.namespace, release.name, confirmed=sure)


def kept_elsewhere(observed: Observed, desired: Desired) -> list[str]:
    """The services whose controllers another tool keeps: it would create again what is deleted."""
    found = ((service, observed.releases.get(service)) for service in desired.services)
    return [service for service, release in found if release and release.kept_by]


def kept_rows(observed: Observed, services: Sequence[str]) -> list[tuple[str, str]]:
    """Each of these controllers with what removes it, and their CRDs, which go last."""
    rows = []
    for service in services:
        release = observed.releases[service]
        if release.kept_by:
            by = release.kept_by.described
            first = (
                " (an Application over it goes first, or creates it again)" if release.kept_by.tool == "argocd" else ""
            )
            rows.append((f"controller {release.name}", f"kept by {by}; remove it there: {_removal(release)}{first}"))
            count = counted(len([crd for crd in observed.inventory.crds.values() if crd.service == service]), "CRD")
            rows.append(
                (f"{count} of {service}", f"kept by {by}; remove them after the controller, and clean up again")
            )
    return rows


def _removal(release: ReleaseState) -> str:
    """The command that removes a controller at its keeper."""
    by = release.kept_by
    if by is None or not by.kind:
        name = release.health.deployment if release.health else release.name
        return f"kubectl delete -k DIR, of its own folder, or kubectl -n {release.namespace} delete deployment {name}"
    if by.tool == "argocd":
        return f"argocd app delete {by.engine_object} --cascade --propagation-policy background"
    return f"kubectl -n {by.namespace} delete {by.kind.lower()} {by.engine_object}"


def would_reconcile(observed: Observed, services: Sequence[str]) -> AcksmError:
    """Finalizers that are removed while a controller runs are set again by it."""
    release = observed.releases[services[0]]
    by = release.kept_by.described if release.kept_by else ""
    return AcksmError(
        "kept-by-engine",
        f"--orphan needs the controllers to be uninstalled first, and {by} keeps {release.name}",
        where=f"namespace {release.namespace}",
        remedy=f"{_removal(release)}   (then acksm cleanup --orphan again)",
        details={"diff": [], "owner": by},
    )


def plan_releases(observed: Observed, desired: Desired) -> list[Change]:
    """Uninstall the releases concurrently, and wait until none of their pods runs; the wait has no lane, so that what
    follows runs after it. The objects of a release of which helm has no record are deleted one by one."""
    existing = [
        release for service in desired.services if (release := observed.releases.get(service)) and release.exists
    ]
    changes: list[Change] = []
    for release in existing:
        changes += [_uninstall(release)] if release.recorded else [_object_of(release, one) for one in release.objects]
    if existing:
        changes.append(
            Change(
                id="cleanup.release-gone",
                step=RELEASE,
                op=Op.WAIT,
                system="kubernetes",
                target=f"the pods of {' and '.join(release.name for release in existing)} to terminate",
                call="cleanup.pods_gone",
                params={"releases": [[release.name, release.namespace] for release in existing]},
            )
        )
    return changes


def _uninstall(release: ReleaseState) -> Change:
    return Change(
        id="cleanup.release",
        step=RELEASE,
        op=Op.DELETE,
        system="helm",
        target=f"release {release.namespace}/{release.name}",
        call="helm.uninstall",
        params={
            "release": release.name,
            "namespace": release.namespace,
            "kinds": sorted({(one.kind, one.namespace) for one in release.objects}),
        },
        before={"version": release.version, "status": release.status, "objects": [str(one) for one in release.objects]},
        danger=Danger.MILD,
        guide=f"helm uninstall -n {release.namespace} {release.name}",
        lane=release.service,
    )


def _object_of(release: ReleaseState, one: Ref) -> Change:
    return Change(
        id="cleanup.release-object",
        step=RELEASE,
        op=Op.DELETE,
        system="kubernetes",
        target=str(one),
        call="kube.delete",
        params={"kind": one.kind, "name": one.name, "namespace": one.namespace},
        before={"release": f"{release.namespace}/{release.name}"},
        reason="helm has no record of its release",
        danger=Danger.MILD,
        lane=release.service,
    )


def plan_crds(observed: Observed, desired: Desired, choice: Choice) -> Part:
    """CRDs of the chosen services by their group, and with `all` the common ones when nothing of ACK is left."""
    part = Part()
    inventory = observed.inventory
    selected = set(choice.items)
    remaining = {item.location.plural for item in inventory.of(desired.services) if item not in selected}
    rivals = {item.service: item for item in reversed(inventory.controllers.remaining())}
    others = inventory.others(desired.services, observed.namespace)
    named = {item.capability for item in rivals.values()}
    others += [f"EKS capability {name}" for name in observed.capabilities if name not in named]
    deleted = {*choice.common, *(selectors_of(observed) if desired.carm else ())}
    others += [str(item) for item in inventory.common if item not in deleted]
    for crd in _sorted(inventory.crds.values()):
        if crd.service not in {*desired.services, ""}:
            continue
        if not (crd.temporary or desired.crds == "all" or (desired.crds == "service" and not crd.is_common)):
            if crd.owner and crd.owner.tool == "acksm":
                option = "all" if crd.is_common else "service"
                part.kept.append((f"CustomResourceDefinition {crd.name}", f"delete with --crds {option}"))
            continue
        why = ""
        if crd.is_common and others:
            why = f"may be needed by {bindings.shortened(others, 2)}"
        elif crd.service in rivals:
            why = f"needed by {rivals[crd.service]}"
        elif crd.plural in remaining:
            why = f"{crd.plural} are kept"
        _crd(part, crd, why or _why_not_owned(crd, desired))
    names = [change.params["name"] for change in part.changes]
    terminating = [crd.name for crd in inventory.crds.values() if crd.terminating and crd.service in desired.services]
    if names or terminating:
        part.changes.append(
            Change(
                id="cleanup.crds-gone",
                step=CRDS,
                op=Op.WAIT,
                system="kubernetes",
                target=f"{counted(len({*names, *terminating}), 'CRD')} to be deleted",
                call="cleanup.crds_gone",
                params={"names": sorted({*names, *terminating})},
            )
        )
    return part


def _sorted(crds: Iterable[Crd]) -> list[Crd]:
    return sorted(crds, key=lambda crd: crd.name)


def _why_not_owned(crd: Crd, desired: Desired) -> str:
    """A CRD without any mark comes from the guide's `kubectl apply`; it is deleted when --crds is given."""
    if crd.owner is None:
        return "" if desired.named_crds else "not created by acksm; delete with --crds"
    return "" if crd.owner.tool == "acksm" else f"managed by {crd.owner}"


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


def plan_grants(observed: Observed, desired: Desired) -> Part:
    """Roles and RoleBindings of `acksm rbac grant`: of no use without the kinds that they are about."""
    part = Part()
    for item in observed.grants:
        if not is_owned(item) or observed.inventory.namespaces[item["metadata"]["namespace"]].terminating:
            continue
        if desired.crds == "all" and not observed.inventory.others(desired.services, observed.namespace):
            part.changes.append(removal(item))
        elif item["kind"] == "RoleBinding":
            where = item["metadata"]["namespace"]
            part.kept.append((str(ref_of(item)), f"revoke with acksm rbac revoke {where}, or with --crds all"))
    return part


def plan_namespaces(observed: Observed, desired: Desired, choice: Choice, planned: Sequence[Change]) -> Part:
    """Namespaces that acksm created, when nothing is left in them but what `planned` deletes too."""
    part = Part()
    if not desired.namespace:
        part.kept += [
            (f"namespace {name}", "delete with --delete-namespaces") for name in sorted(observed.owned_namespaces)
        ]
        return part
    removed = _removed(observed, desired, choice, planned)
    names = []
    for name in sorted(observed.owned_namespaces):
        if observed.inventory.namespaces[name].terminating:
            names.append(name)
            continue
        if by := engine_of(observed.inventory.namespaces[name]):
            part.kept.append((f"namespace {name}", f"managed by {by.described}"))
            continue
        found = observed.contents.get(name)
        if found is None:
            continue
        foreign = [
            str(location)
            for location, item in found.objects
            if location not in removed and not is_transient(location, item)
        ]
        foreign += [f"{one} (cannot be listed)" for one in found.unknown]
        if foreign:
            part.kept.append((f"namespace {name}", f"contains {bindings.shortened(foreign, 3)}"))
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
                reason="created by acksm and empty",
                danger=Danger.MILD,
                guide=f"kubectl delete namespace {name}",
            )
        )
    unmarked = (
        observed.namespace in observed.inventory.namespaces and observed.namespace not in observed.owned_namespaces
    )
    if unmarked:
        part.kept.append((f"namespace {observed.namespace}", "not created by acksm"))
    if names:
        part.changes.append(
            Change(
                id="cleanup.namespace-gone",
                step=NAMESPACE,
                op=Op.WAIT,
                system="kubernetes",
                target=f"{counted(len(names), 'namespace')} to be deleted",
                call="cleanup.namespace_gone",
                params={"names": names},
            )
        )
    return part


def engine_of(namespace: bindings.Namespace) -> Owner | None:
    """The engine that keeps a namespace, and would create it again."""
    marks = {"labels": namespace.labels, "annotations": namespace.annotations}
    owner = owner_of({"metadata": marks})
    return owner if owner is not None and owner.tool in ENGINES else None


def _removed(observed: Observed, desired: Desired, choice: Choice, planned: Sequence[Change]) -> set[Ref]:
    """Everything that is deleted from the namespaces once `planned` is applied."""
    removed: set[Ref] = {item.location for item in choice.items} | {item.location for item in choice.common}
    releases = [
        release for service, release in observed.releases.items() if service in desired.services and release.exists
    ]
    for release in releases:
        removed |= set(release.objects)
    for change in planned:
        if change.call in {"kube.delete_when_empty", "kube.delete"}:
            removed.add(_ref_of(change.params))
    names = {release.name for release in releases if release.recorded}
    for found in observed.contents.values():
        removed |= {location for location, item in found.objects if _is_record(location, item, names)}
    return removed


def _ref_of(params: Document) -> Ref:
    return ref(str(params["kind"]), str(params["name"]), str(params.get("namespace", "")))


def _is_record(location: Ref, item: Manifest, releases: set[str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    return location.kind == "Secret" and labels.get("owner") == "helm" and str(labels.get("name", "")) in releases
