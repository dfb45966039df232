"""Guide §3: both controllers: charts, values, CRDs and releases, observed and planned together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cache, partial
from typing import TYPE_CHECKING

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.aws.eks import Capability
from acksm.catalog import lookup
from acksm.dataclass import dataclass
from acksm.engine import lease
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect.target import Target
from acksm.guide.install import controller_values, crds, crossing, keeper, kept, mirrored, release, stored, switching
from acksm.guide.install.controller_values import ROLE_PATH, Controller, not_carried, service_account, values_of
from acksm.guide.install.recorded import NOTHING, Installed, installed
from acksm.helm import records, registry, values
from acksm.helm.releases import is_marked, recovery
from acksm.json_types import Document, Json, Manifest, Object
from acksm.kube import paths
from acksm.kube.keys import unmanaged
from acksm.kube.paths import ref
from acksm.live import adopted_resources, bindings, capability, discovery, drift, inventory, readiness, running
from acksm.live.drift import Drift
from acksm.live.inventory import Inventory
from acksm.live.managed import ADOPTED_RESOURCE
from acksm.live.once import Once
from acksm.live.unread import AWAY, Unread
from acksm.settings import ControllerSettings
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports


@dataclass(frozen=True)
class Observed:
    """Everything that the plan of the controllers needs, read once."""

    controllers: Sequence[Controller]
    live_crds: Document
    namespaces: Document
    adopted_resources: Sequence[Object]
    running: discovery.Controllers = field(default_factory=discovery.Controllers)
    unchanged_crds: frozenset[str] = frozenset()  # that differ in text, and that applying the charts' would not change
    notes: Sequence[str] = ()
    capabilities: Sequence[Capability] = ()


@dataclass
class Planned:
    """Changes, notes, facts by service for the report, the objects that changing releases would create, and what
    another tool keeps."""

    namespaces: list[Change] = field(default_factory=list)
    crds: list[Change] = field(default_factory=list)
    releases: list[Change] = field(default_factory=list)
    conversions: list[Change] = field(default_factory=list)  # of what is stored in versions that the CRDs drop
    manifests: list[Document] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    drift: list[Drift] = field(default_factory=list)
    kept: list[kept.Kept] = field(default_factory=list)
    facts: dict[str, reports.ControllerFacts] = field(default_factory=dict)


def observe(
    target: Target,
    controllers: ControllerSettings,
    emit: Emit,
    found: Mapping[str, release.Observed] | None = None,
    kube: Once | None = None,
) -> Observed:
    """Charts from the registry, releases, CRDs and namespaces, read concurrently. Reads only.

    `found`: the releases, where they were read before. `kube`: of an observation that this one is a part of.
    """
    kube = kube or Once(target.kube)
    with ThreadPoolExecutor(max_workers=8) as pool:
        of_eks = pool.submit(capability.visible, target.aws, target.cluster.name)
        live_crds = pool.submit(target.kube.list, ref("CustomResourceDefinition"))
        listed = pool.submit(target.kube.list, ref("Namespace"), metadata_only=True, keep=unmanaged)
        discovered = pool.submit(discovery.observe, kube, target.settings.controller_namespace)
        seen = {} if found is not None else installed(target, controllers.service, kube)
        jobs = [
            pool.submit(controller_of, target, kube, controllers, service, seen.get(service, NOTHING), found, emit)
            for service in controllers.service
        ]
        found_controllers = [job.result() for job in jobs]
        ack = {
            live["metadata"]["name"]: live
            for live in live_crds.result()
            if live["spec"]["group"].endswith(COMMON_GROUP)
        }
        adopted = f"adoptedresources.{COMMON_GROUP}" in ack
        pending = target.kube.list(ref(ADOPTED_RESOURCE)) if adopted else []
        names = {item["metadata"]["name"]: item for item in listed.result()}
        all_crds = [crd for item in found_controllers for crd in item.desired_crds]
        unchanged, notes = crds.settled(target.kube, all_crds, ack)
        capabilities, unread = of_eks.result()
        notes = [*notes, *unread]
        return Observed(found_controllers, ack, names, pending, discovered.result(), unchanged, notes, capabilities)


def releases(
    target: Target, services: Sequence[str], *, compared: bool = True, kube: Once | None = None
) -> dict[str, release.Observed]:
    """Each service's release as it is, without its chart; `compared`: with its drift. `kube` as for `observe`."""
    kube = kube or Once(target.kube)
    found = installed(target, services, kube)
    with ThreadPoolExecutor(max_workers=2) as pool:
        observed = pool.map(lambda service: _observed(kube, found.get(service, NOTHING), compared), services)
        return dict(zip(services, observed, strict=True))


def controller_of(
    target: Target,
    kube: Once,
    controllers: ControllerSettings,
    service: str,
    installed: Installed,
    known: Mapping[str, release.Observed] | None,
    emit: Emit,
) -> Controller:
    """Its release and its chart, read concurrently."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        comparing = pool.submit(_observed, kube, installed) if known is None else None
        found = known[service] if known is not None else _recorded(installed)
        made = with_chart(target, controllers, service, found, emit)
        return replace(made, observed=comparing.result()) if comparing else made


def with_chart(
    target: Target, controllers: ControllerSettings, service: str, found: release.Observed, emit: Emit
) -> Controller:
    """A release, with the chart that is to be installed. Errors: `release-not-ours`, `chart-…`, registry-…"""
    namespace = target.settings.controller_namespace
    if found.version and found.chart != charts.chart_name(service) and not (controllers.adopt_release or found.kept_by):
        raise AcksmError(  # before its version is pulled, which this chart may never have had
            "release-not-ours",
            f"release {charts.release_name(service)} is of another chart: {found.chart} {found.version}",
            where=f"namespace {namespace}",
        )
    requested = controllers.version.get(service) or found.version or charts.TESTED[service]
    at = mirrored.location(controllers.registry, found.complete)
    if service in controllers.chart:
        pulled = registry.local(controllers.chart[service])
    else:
        emit(Event(Kind.PROGRESS, "charts.pull", f"pulling chart {charts.chart_name(service)} {requested}"))
        pulled = target.registry(at).pull(service, requested)
    if pulled.chart.name != charts.chart_name(service):
        raise AcksmError(
            "chart-invalid",
            f"expected chart {charts.chart_name(service)}, not {pulled.chart.name}",
            where=str(pulled.path),
        )
    name = f"{pulled.chart.name} {pulled.chart.version}"
    plain = values.plain(pulled.chart.values_text)
    kept, given = controller_values.kept_and_given(controllers, service, pulled.chart, found)
    image = mirrored.image(lambda: target.registry(at), at, service, plain, found.complete, kept, given)
    return Controller(service, pulled, found, crds.parse(pulled.chart.crds, name), at, image)


def _recorded(installed: Installed) -> release.Observed:
    """A release by its record alone."""
    found = installed.release
    if found is None:
        return release.Observed()
    action, revision = recovery(found, installed.worked)
    return release.Observed(
        found.version,
        found.status,
        found.values,
        is_marked(found.values),
        action,
        revision,
        age_seconds=found.age_seconds,
        description=found.description,
        chart=found.chart,
        chart_values=found.chart_values,
        updated=found.updated,
        kept_by=installed.kept_by,
    )


def _observed(kube: Once, installed: Installed, compared: bool = True) -> release.Observed:
    """A release, how its controller is and, where `compared`, what differs from it."""
    found, by, recorded = installed.release, installed.kept_by, _recorded(installed)
    if found is None:
        return recorded
    changed: list[Drift] = []
    objects: list[Json] = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        health = pool.submit(readiness.look, kube, found.namespace, found.name)
        if compared and by and installed.deployment:
            changed = keeper.changed(kube, installed.deployment, by)
        elif compared and not recorded.recovery and not by:
            objects = records.manifests(found.manifest)
            changed = drift.of_all(kube, objects, found.namespace, found.description, found.updated)
        names = tuple(map(drift.object_name, objects))
        return replace(recorded, health=health.result(), drift=tuple(changed), objects=names)


def installed_role(observed: Observed) -> str:
    """The role in the annotation of the installed service accounts, when all agree; "" otherwise."""
    roles = {annotated_role(item.observed.complete) for item in observed.controllers if item.observed.version}
    return roles.pop() if len(roles) == 1 else ""


def annotated_role(values: Document) -> str:
    """The role in the annotation that values of a release give the service account, "" for none."""
    return str(_get(values, ROLE_PATH) or "")


def annotated(observed: Observed) -> dict[str, str]:
    """The role in the annotation of each installed controller's service account, "" for none, by its name."""
    live = [item.observed.health for item in observed.controllers if item.observed.version and item.observed.health]
    return {health.service_account: health.service_account_role for health in live}


def service_accounts(target: Target, controllers: ControllerSettings, observed: Observed) -> list[tuple[str, str]]:
    """(namespace, service account) of each controller, as its values name it (G6)."""
    namespace = target.settings.controller_namespace
    return [(namespace, service_account(target, controllers, item)) for item in observed.controllers]


def installed_accounts(target: Target, services: Sequence[str], unread: Unread) -> list[tuple[str, str]]:
    """The same for `acksm iam-role` alone, from the Deployments in the cluster, without charts and helm.

    Where a controller is not installed, or cannot be read, the chart's default name is used.
    """
    namespace = target.settings.controller_namespace
    found = []
    for service in services:
        name = charts.release_name(service)
        what = "the service accounts of installed controllers; the charts' are trusted"
        health = unread.read(what, partial(readiness.look, target.kube, namespace, name), None, AWAY)
        found.append((namespace, health.service_account if health else name))
    return found


def plan(
    target: Target,
    controllers: ControllerSettings,
    observed: Observed,
    role_arn: str,
    iam_is_new: bool,
    *,
    only_missing_crds: bool = False,
    by_agent: bool = False,
    associating: Collection[tuple[str, str]] = (),
    associated: Collection[tuple[str, str]] | None = None,
    settled: Collection[str] = (),
) -> Planned:
    """The whole of §3 as changes. Refusals are AcksmErrors, all before the first write.

    `role_arn`: that of the annotation, "" for none. `by_agent`: pods get their role by associations; those of
    `associating` are new, and `associated` are the service accounts that have one, None where that is not known.
    `only_missing_crds`: as `only_missing` in `crds.plan`. `settled`: ids of refusals that do not apply.
    """
    namespace = target.settings.controller_namespace

    def confirmed() -> bool:
        return target.run.yes or lease.is_held(target.kube, namespace)

    for item in observed.controllers:
        name = charts.release_name(item.service)
        release.check_busy(item.observed.status, item.observed.age_seconds, namespace, name, confirmed=confirmed)
    planned = Planned()
    live_crds = list(observed.live_crds.values())
    expected = [
        replace(one, observed=kept.expected(one.observed, one.service, live_crds)) for one in observed.controllers
    ]
    observed = replace(observed, controllers=expected)
    desired = []
    managed_objects = cache(lambda: bindings.managed_objects(target.kube))
    objects_of_cluster = cache(lambda: inventory.observe(target.kube, namespace))
    for item in observed.controllers:
        one, scope, after = desired_release(target, controllers, item, role_arn, objects_of_cluster)
        account = (namespace, service_account(target, controllers, item))
        has = associated is None or account in associated
        one = replace(one, by_agent=by_agent, associating=account in associating, associated=has)
        if "adopted-resources-left" not in settled:
            _check_upgrade(item, one.version, observed, objects_of_cluster)
        before = _as_running(item, namespace)
        switching.check(target.kube, target.identity.account, before, after, observed.namespaces, managed_objects)
        if left := tuple(map(str, switching.unmanaged(managed_objects, before, after))):
            note = (
                f"{item.service} would no longer watch {bindings.shortened(left)}: changes would not reach AWS, "
                "and a deleted object would be stuck in Terminating"
            )
            one = replace(one, unmanaged=left, notes=(*one.notes, note))
        if bound := switching.unwatched(before, after, observed.namespaces):
            what = "binding" if len(bound) == 1 else "bindings"
            note = f"{item.service} would no longer watch {bindings.shortened(bound)}: the {what} would have no effect"
            one = replace(one, unmanaged=(*one.unmanaged, *bound), notes=(*one.notes, note))
        if refused := tuple(map(str, crossing.refused(before, after, objects_of_cluster))):
            note = f"{item.service} would refuse {bindings.shortened(refused)}, which name another namespace"
            one = replace(one, unmanaged=(*one.unmanaged, *refused), notes=(*one.notes, note))
        one = replace(one, watched=after.watched, watched_before=before.watched if before else None)
        rivals = [one for one in observed.running.remaining() if one.service == item.service and one.meets(after)]
        if rivals:
            described = tuple(map(discovery.described, rivals))
            one = replace(one, rivals=described, notes=(*one.notes, *map(_rival_note, rivals)))
        desired.append((item, one, scope))
    if not only_missing_crds:
        planned.notes += beside_capabilities(target, observed, desired)
    watched = [name for _, one, _ in desired for name in charts.watched(one.values)]
    planned.namespaces = release.namespaces(
        watched, observed.namespaces, controller_namespace=namespace, create=controllers.create_namespace
    )
    all_crds = [crd for item in observed.controllers for crd in item.desired_crds]
    ours = [f"{namespace}/{charts.release_name(service)}" for service in charts.SERVICES]
    by_others = [item.service for item in observed.controllers if item.observed.kept_by]
    groups = {COMMON_GROUP, *(f"{service}.{COMMON_GROUP}" for service in by_others)} if by_others else set()
    kept_crds = [crd for crd in all_crds if crd.manifest["spec"]["group"] in groups]
    every = crds.plan(
        [crd for crd in all_crds if crd not in kept_crds],
        observed.live_crds,
        ours,
        only_missing=only_missing_crds,
        unchanged=observed.unchanged_crds,
        stored=partial(stored.check, target.kube),
    )
    planned.crds = [change for change in every if change.call != stored.CONVERT]
    planned.conversions = [change for change in every if change.call == stored.CONVERT]
    planned.notes += [stored.note(change) for change in planned.conversions]
    release_changes = []
    for item, one, scope in desired:
        changes = release.plan(
            item.observed, one, wait=target.run.wait, iam_is_new=iam_is_new, adopt=controllers.adopt_release
        )
        release_changes.append((item, one, scope, changes))
    rendered = _check_owners(target, observed, [(one, changes) for _, one, _, changes in release_changes])
    differing = crds.differing(kept_crds, observed.live_crds, observed.unchanged_crds)
    wanted = [(item.observed, one) for item, one, _, _ in release_changes]
    planned.kept = kept.compare(target.kube, wanted, lambda found: _rendered(target, found), differing)
    planned.drift += [found for one in planned.kept for found in one.unsettled]
    planned.notes += [note for one in planned.kept for note in one.notes]
    for item, one, scope, changes in release_changes:
        planned.releases += changes
        planned.notes += list(one.notes)
        planned.notes += [str(found) for found in item.observed.drift if not found.is_restored or item.observed.kept_by]
        planned.drift += item.observed.drift
        objects = [drift.object_name(manifest) for manifest in rendered.get(one.name, [])]
        planned.facts[item.service] = {
            "release": f"{namespace}/{one.name}",
            "version": one.version,
            "scope": scope.text,
            "digest": one.digest,
            "registry": item.registry,
            "values": dict(one.values),
            "values_diff": list(one.values_diff()) if changes else [],
            "objects": objects,
            "objects_created": [name for name in objects if name not in item.observed.objects],
            "objects_deleted": [name for name in item.observed.objects if name not in objects] if objects else [],
            "watched": list(one.watched),
            "watched_before": None if one.watched_before is None else list(one.watched_before),
            "changes": len([change for change in changes if change.op is not Op.WAIT]),
            "kept_by": kept.as_data(item.observed),
        }
    planned.manifests = [manifest for manifests in rendered.values() for manifest in manifests]
    planned.notes += observed.notes
    planned.notes += [f"not checked: {unseen}"] if (unseen := observed.running.unseen(namespace)) else []
    planned.notes += [
        f"CRD {name} in the cluster is newer than the charts'; it is kept"
        for name in crds.kept_newer(all_crds, observed.live_crds)
    ]
    return planned


def beside_capabilities(
    target: Target, observed: Observed, desired: Sequence[tuple[Controller, release.Desired, charts.Scope]]
) -> Sequence[str]:
    """Notes on the cluster's EKS capabilities. Error: `capability-conflict`."""
    judged = capability.judge(observed.capabilities, {item.service: one.takes_turns for item, one, _ in desired})
    free = [item.service for item, _, _ in desired if item.service not in judged.services]
    judged.raise_conflict(
        target.cluster.name, free, {item.service for item in observed.controllers if item.observed.version}
    )
    return judged.notes


def _rival_note(rival: running.Running) -> str:
    """What another controller of the same objects means, and what can be done instead."""
    remedies = ["narrow the scope of either (--scope namespace --watch-namespace NAMESPACE)"]
    if rival.release:
        remedies.append(f"remove that release (helm uninstall -n {rival.namespace} {rival.release})")
    if discovery.is_managed(rival):
        remedies.append(f"adopt that release (--controller-namespace {rival.namespace} --adopt-release)")
    return (
        f"{discovery.described(rival)} reconciles the same objects, so both controllers would change each of them. "
        f"Instead: {'; or '.join(remedies)}"
    )


def _check_upgrade(item: Controller, version: str, observed: Observed, found: Callable[[], Inventory]) -> None:
    """AdoptedResources would keep their finalizer, or never be adopted (docs/ack/adoption.md#adoptedresource-removal).

    `found` is read only where the upgrade is over that line. Error: `adopted-resources-left`.
    """
    before = item.observed.version
    own = [one for one in observed.adopted_resources if adopted_resources.service_of(one) == item.service]
    if (
        not before
        or not own
        or not charts.has(item.service, before, "adopted-resource")
        or charts.has(item.service, version, "adopted-resource")
    ):
        return
    judged = adopted_resources.of(found(), own)
    left = [one for one in judged if one.finalizers or one.state is not adopted_resources.State.DONE]
    if left:
        remedy = "acksm upgrade --convert-adopted"
        if version != charts.TESTED[item.service]:
            remedy = f"acksm upgrade --convert-adopted --version {item.service}={version}"
        raise AcksmError(
            "adopted-resources-left",
            f"{item.service} {version} no longer handles AdoptedResources, and the cluster has "
            f"{counted(len(left), 'AdoptedResource')} of its kinds: {adopted_resources.described(left)}",
            where=f"{item.service} {before} → {version}",
            remedy=f"{remedy}   (what was adopted is kept)",
            details={
                "objects": [str(one) for one in left],
                "diff": [f"{one}: {one.text}" for one in left] if len(left) > 1 else [],
            },
        )


def _as_running(item: Controller, namespace: str) -> running.Running | None:
    """The installed release as a controller; None when there is none."""
    found = item.observed
    return running.from_values(item.service, namespace, found.version, found.complete) if found.version else None


def desired_release(
    target: Target, controllers: ControllerSettings, item: Controller, role_arn: str, found: Callable[[], Inventory]
) -> tuple[release.Desired, charts.Scope, running.Running]:
    patched, scope, notes = values_of(target, controllers, item, role_arn, found)
    notes += [f"{item.service}: {note}" for note in not_carried(controllers, item)]
    notes += controller_values.list_notes(controllers, item.service, scope)
    namespace = target.settings.controller_namespace
    if controllers.scope == "namespace" and not controllers.watch_namespace and scope.text.startswith("namespace"):
        notes.append(
            f"{item.service} watches {scope.text}"
            + (" (the release namespace, as no --watch-namespace is set)" if scope.text.endswith(namespace) else "")
        )
    chart = item.pulled.chart
    after = running.from_values(item.service, namespace, chart.version, patched.values)
    if not after.reading.carm:
        notes.append(f"{item.service}: {lookup(after.reading.id).title}")
    desired = release.Desired(
        item.service,
        charts.release_name(item.service),
        namespace,
        str(item.pulled.path),
        chart.name,
        chart.version,
        item.pulled.digest,
        release.overrides(patched),
        role_arn,
        lambda: patched.diff,
        tuple(notes),
        takes_turns=capability.values_share(patched.values),
        chart_values=patched.chart_values,
    )
    return desired, scope, after


def _check_owners(
    target: Target, observed: Observed, planned: Sequence[tuple[release.Desired, list[Change]]]
) -> dict[str, list[Json]]:
    """Render what would be created, and refuse objects with another owner. Returns the manifests by release.

    Only for releases that would change: the others were checked before they were installed.
    """
    rendered: dict[str, list[Json]] = {}
    changing = [one for one, changes in planned if any(change.system == "helm" for change in changes)]
    if not changing:
        return rendered
    objects = _rendered(target, changing)
    namespace = changing[0].namespace
    live = _live(target, observed, [item for manifests in objects for item in manifests], namespace)
    for one, manifests in zip(changing, objects, strict=True):
        release.check_owners(manifests, live, one.name, namespace)
        rendered[one.name] = manifests
    return rendered


def _rendered(target: Target, releases: Sequence[release.Desired]) -> list[list[Json]]:
    """The objects of each release, rendered concurrently."""

    def one(item: release.Desired) -> list[Json]:
        seconds = target.deadline.remaining
        return target.releases.template(item.name, item.namespace, item.chart, item.values, seconds=seconds)

    with ThreadPoolExecutor(max_workers=max(1, len(releases))) as pool:
        return list(pool.map(one, releases))


def _live(
    target: Target, observed: Observed, manifests: Sequence[Manifest], namespace: str
) -> dict[tuple[str, str, str], Object]:
    """The existing objects of those kinds, one list for each existing (kind, namespace)."""
    found = {}
    desired = {(str(item["kind"]), str(item["metadata"].get("namespace") or namespace)) for item in manifests}
    seen: set[tuple[str, str]] = set()
    for kind, where in desired:
        if not paths.knows(kind):
            continue
        collection = ref(kind, namespace=where)
        if (kind, collection.namespace) in seen or (collection.namespace and where not in observed.namespaces):
            continue
        seen.add((kind, collection.namespace))
        for item in target.kube.list(collection, metadata_only=True):
            found[(kind, collection.namespace, str(item["metadata"]["name"]))] = item
    return found


def _get(mapping: Document, path: Sequence[str]) -> object:
    found: object = mapping
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
