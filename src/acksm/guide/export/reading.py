"""What an export writes, from the same reading as install's plan: both controllers' objects, their CRDs, the role.

Offline nothing but the charts' registry is asked: what the account and the cluster have is taken as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cache

from acksm.ack import charts
from acksm.aws.eks import Cluster
from acksm.aws.session import Identity
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect.target import Target
from acksm.guide.export import images
from acksm.guide.identity import iam_role, oidc
from acksm.guide.identity.associations import Account
from acksm.guide.identity.iam_role import Desired as DesiredRole
from acksm.guide.identity.ways import IRSA, POD_IDENTITY, Ways
from acksm.guide.install import command as install, controllers as section, crds, identities, release
from acksm.guide.install.controller_values import Controller
from acksm.guide.install.crds import DesiredCrd
from acksm.json_types import Object
from acksm.kube.paths import knows, ref_in
from acksm.live import inventory
from acksm.live.inventory import Inventory
from acksm.live.running import Running
from acksm.settings import ControllerSettings, RoleSettings


@dataclass(frozen=True)
class Chart:
    """A chart that is exported. `manifest_digest` is what `helm pull CHART@DIGEST` takes, "" for a chart of a file."""

    service: str
    name: str
    version: str
    registry: str
    digest: str
    manifest_digest: str = ""


@dataclass(frozen=True)
class Iam:
    """The IAM half. `role` is None where the role is another's, `role_arn` the one that pods get. `provider`: whether
    the OIDC provider is part of it; `provider_exists`: whether another than acksm or the export has created it."""

    role_arn: str
    role: DesiredRole | None = None
    provider: oidc.Desired | None = None
    provider_exists: bool = False
    associations: Sequence[Account] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    agent: bool = False


@dataclass(frozen=True)
class Source:
    """Everything that an export is made of. `objects` are by service, `namespaces` those that it creates, `watched`
    those that have to exist, and `running` the controllers as they will be."""

    identity: Identity
    cluster: Cluster
    namespace: str
    namespaces: Sequence[str]
    watched: Sequence[str]
    crds: Sequence[DesiredCrd]
    objects: Mapping[str, Sequence[Object]]
    charts: Sequence[Chart]
    images: Sequence[images.Image]
    iam: Iam
    running: Sequence[Running]
    notes: Sequence[str] = ()


def read(target: Target, controllers: ControllerSettings, role: RoleSettings, emit: Emit) -> Source:
    """Read and render everything. Errors: those of install's plan, and `export-issuer-missing`."""
    emit(Event(Kind.PROGRESS, "observe", "reading the charts" if target.offline else "reading the cluster"))
    if target.offline:
        observed = _offline(target, controllers, emit)
    else:
        observed = install.observe(target, controllers, role, install.ALL, emit, None)
    found = observed.controllers
    if found is None:
        raise AssertionError("the controllers are observed")
    namespace, notes = target.settings.controller_namespace, list(found.notes)
    ways, more = _ways(role.identity, observed)
    notes += more
    kept = role.role_arn or install.kept_role(target, role, observed, notes)
    iam, more = _iam(target, controllers, role, observed, ways, kept)
    notes += more
    objects_of = cache(lambda: Inventory() if target.offline else inventory.observe(target.kube, namespace))
    annotation = iam.role_arn if ways.irsa else ""
    desired: list[tuple[Controller, release.Desired, charts.Scope]] = []
    running: list[Running] = []
    for item in found.controllers:
        one, scope, after = section.desired_release(target, controllers, item, annotation, objects_of)
        desired.append((item, one, scope))
        running.append(after)
    if not target.offline:
        notes += [f"not checked: {unseen}"] if (unseen := found.running.unseen(namespace)) else []
        notes += section.beside_capabilities(target, found, desired)
    watched = sorted({name for one in desired for name in charts.watched(one[1].values)})
    created = [namespace, *(name for name in watched if controllers.create_namespace and name != namespace)]
    if not target.offline:  # for its refusals
        release.namespaces(
            watched, found.namespaces, controller_namespace=namespace, create=controllers.create_namespace
        )
    all_crds = [crd for item in found.controllers for crd in item.desired_crds]
    newer = crds.kept_newer(all_crds, found.live_crds)
    notes += [f"CRD {name} in the cluster is newer than the charts'; it is not exported" for name in newer]
    emit(Event(Kind.PROGRESS, "observe", "rendering the charts"))
    objects = _rendered(target, [one for _, one, _ in desired])
    pinned = images.read(target, [item for found in objects.values() for item in found])
    notes += [note for _, one, _ in desired for note in one.notes]
    notes += images.notes(pinned)
    emit(Event(Kind.PROGRESS, "observe", ""))
    return Source(
        target.identity,
        target.cluster,
        namespace,
        created,
        [name for name in watched if name not in created],
        [crd for crd in crds.newest(all_crds) if crd.name not in newer],
        {service: images.pinned(found, pinned) for service, found in objects.items()},
        [_chart(item) for item in found.controllers],
        pinned,
        iam,
        running,
        list(dict.fromkeys(notes)),
    )


def _offline(target: Target, controllers: ControllerSettings, emit: Emit) -> install.Observed:
    """As `install.observe` would find an account and a cluster that have nothing."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(
            pool.map(
                lambda service: section.with_chart(target, controllers, service, release.Observed(), emit),
                controllers.service,
            )
        )
    observed = section.Observed(found, {}, {}, [])
    accounts = section.service_accounts(target, controllers, observed)
    provider = oidc.Observed(oidc.provider_arn(target.cluster))
    return install.Observed(provider, iam_role.Observed(None), observed, accounts, identities=identities.NONE)


def _ways(requested: str | None, observed: install.Observed) -> tuple[Ways, list[str]]:
    """The ways of the files, and notes: as requested, also while the cluster has both, as on the way from one to the
    other. What an association has wins over an annotation, so files with one can be committed before that is deleted;
    files without one can be once there is an association. Error: `identity-differs`."""
    as_found = None if requested == IRSA else requested
    ways, notes = identities.chosen(as_found, observed.identities, observed.accounts)
    if requested == IRSA:
        return replace(ways, irsa=True, associate=False), notes
    return (replace(ways, irsa=False) if requested == POD_IDENTITY else ways), notes


def _iam(
    target: Target,
    controllers: ControllerSettings,
    role: RoleSettings,
    observed: install.Observed,
    ways: Ways,
    kept: str,
) -> tuple[Iam, list[str]]:
    """The IAM half, and notes. Errors: `export-issuer-missing`, and those of `iam_role.desired` and `iam_role.plan`."""
    associations = list(dict.fromkeys(observed.accounts)) if ways.associate else []
    tags = {**role.tag, **oidc.marks(target.cluster)}
    agent = bool(associations) and role.install_agent
    if kept or observed.role is None:
        return Iam(kept, associations=associations, tags=tags, agent=agent), []
    if ways.irsa and not target.cluster.issuer:
        raise AcksmError(
            "export-issuer-missing",
            f"the role of cluster {target.cluster.name} trusts its OIDC issuer, and --issuer does not name it",
            where="--offline",
        )
    desired, notes = install.desired_role(target, controllers, role, observed, observed.role.role, ways)
    iam_role.plan(observed.role, desired)  # for its refusals: whose role it is
    provider = oidc.desired(target.cluster, role.tag) if ways.irsa else None
    now = observed.provider
    others = now.audiences is not None and not oidc.is_owned(now.tags, target.cluster.arn)
    found = Iam(desired.arn, desired, provider, others, associations, tags, agent)
    return found, [*notes, *observed.unread.notes]


def _rendered(target: Target, desired: Sequence[release.Desired]) -> dict[str, list[Object]]:
    """The objects of each service's release, each with its namespace, in the chart's order."""

    def render(one: release.Desired) -> list[Object]:
        found = target.releases.template(
            one.name, one.namespace, one.chart, one.values, seconds=target.deadline.remaining
        )
        return [_placed(item, one.namespace) for item in found]

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((one.service for one in desired), pool.map(render, desired), strict=True))


def _placed(manifest: Object, namespace: str) -> Object:
    """The object with the namespace in which helm would create it."""
    if not knows(str(manifest["kind"])):
        return manifest
    at = ref_in(manifest, namespace).namespace
    return {**manifest, "metadata": {**manifest["metadata"], **({"namespace": at} if at else {})}}


def _chart(item: Controller) -> Chart:
    pulled = item.pulled
    registry = item.registry if pulled.manifest else ""
    return Chart(item.service, pulled.chart.name, pulled.chart.version, registry, pulled.digest, pulled.manifest)
