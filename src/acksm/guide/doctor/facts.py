"""The facts that `acksm doctor` checks: read once, concurrently, whatever fails.

A fact that could not be read is the error that says why; checks report it as "unknown" or "failed".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import field
from functools import partial
from typing import NamedTuple, TypeAlias, TypeVar

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Association, Capability, Cluster
from acksm.aws.session import Identity
from acksm.dataclass import dataclass
from acksm.engine.change import Op, Plan
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide.carm import command as carm, evidence, verify
from acksm.guide.connect import compute, rights
from acksm.guide.connect.registries import registry
from acksm.guide.connect.target import Target, connect, context_of
from acksm.guide.doctor import caller_policies, role_facts
from acksm.guide.identity import associations, oidc
from acksm.guide.identity.judged import Judged
from acksm.guide.identity.live_accounts import Live
from acksm.guide.install import command as install, controllers, mirrored
from acksm.guide.install.release import Observed as Release
from acksm.guide.region.command import ENDPOINTS
from acksm.helm.api import Charts
from acksm.helm.runner import Helm
from acksm.json_types import Manifest
from acksm.kube.kubeconfig import Context
from acksm.kube.paths import ref
from acksm.live import controller_logs, discovery, inventory, running
from acksm.live.controller_logs import PodLog
from acksm.live.engines import Engine, keepers, location, read
from acksm.live.once import WholeOnce, once
from acksm.live.placement import Placement, Pod, any_pod, pod_of
from acksm.live.readiness import pods_of
from acksm.live.running import Flags, Running
from acksm.settings import ControllerSettings, OtherAccountSettings, RoleSettings, Settings

T = TypeVar("T")
# A fact, or why it could not be read.
Known: TypeAlias = T | AcksmError
UNREAD = AcksmError("not-looked-at", "not checked")


@dataclass(frozen=True)
class Deployed:
    """A controller as its Deployment has it: `flags` of its container, `replicas`, its pods, and where they can run."""

    running: Running
    flags: Flags
    replicas: int = 1
    pods: tuple[Manifest, ...] = ()
    placement: Pod | None = None


class PlanRights(NamedTuple):
    """Messages about permissions: what the caller lacks, and what IAM does not tell."""

    lacking: Sequence[str]
    unknown: Sequence[str] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that is checked. The defaults mean "not read".

    `registry`: by service and HOST/PATH of its registry, the version of the chart that is read. `iam`: command to the
    actions that the caller lacks for it, None where it could not be simulated. `plan_rights`: permissions that the
    install plan needs.
    `unknown_values`: service to values of its release that its chart does not have. `roles`: ARN to IAM's role.
    `other_subjects`: by role, the service accounts that it trusts besides the controllers'. `pass_role`: by role,
    whether it may pass every role.
    `associated`: (namespace, service account) to its EKS Pod Identity association. `agent`: notes on its agent, or why
    pods with an association do not reach it; [] where none has one. `engines`: by description, the state of those whose
    marks the controllers, CRDs and namespace have. `fixed`: when --fix began to change something, RFC 3339; "" where it
    did not.
    """

    settings: Settings
    helm: Known[str] = UNREAD
    context: Known[Context | None] = None
    identity: Known[Identity] = UNREAD
    region: Known[str] = UNREAD
    regions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cluster: Known[Cluster] = UNREAD
    connection: AcksmError | None = None
    server: Known[str] = UNREAD
    nodes: Known[Sequence[Placement]] = UNREAD
    namespace: Known[Manifest | None] = None
    registry: Mapping[tuple[str, str], Known[str]] = field(default_factory=dict)
    capabilities: Known[Sequence[Capability]] = ()
    iam: Known[Mapping[str, Sequence[str] | None]] = UNREAD
    plan: Known[Plan] = UNREAD
    plan_rights: Known[PlanRights] = UNREAD
    releases: Known[Mapping[str, Release]] = UNREAD
    unknown_values: Known[Mapping[str, Sequence[str]]] = UNREAD
    deployed: Known[Sequence[Deployed]] = UNREAD
    leases: Known[Sequence[Manifest]] = UNREAD
    crds: Known[Sequence[Manifest]] = UNREAD
    provider: Known[oidc.Observed] = UNREAD
    roles: Known[Mapping[str, Role | None]] = UNREAD
    associated: Known[Mapping[tuple[str, str], Association]] = UNREAD
    inventory: Known[inventory.Inventory] = UNREAD
    logs: Known[Sequence[PodLog]] = UNREAD
    chains: Known[Sequence[verify.Chain]] = UNREAD
    other_subjects: Known[Mapping[str, Live]] = UNREAD
    pass_role: Known[Mapping[str, Judged]] = UNREAD
    agent: Known[Sequence[str]] = ()
    engines: Known[Mapping[str, Known[Engine]]] = field(default_factory=dict)
    fixed: str = ""

    @property
    def installed(self) -> list[Running]:
        """The controllers that run; [] also where they are unknown."""
        return [] if isinstance(self.deployed, AcksmError) else [item.running for item in self.deployed]


def attempt(work: Callable[[], T]) -> Known[T]:
    """What `work` returns, or its error; a defect is raised."""
    try:
        return work()
    except AcksmError as error:
        return error


def known(fact: Future[Known[T]]) -> T:
    """What was read; its error is raised."""
    found = fact.result()
    if isinstance(found, AcksmError):
        raise found
    return found


def gather(settings: Settings, emit: Emit) -> tuple[Facts, Target | None]:
    """Connect, and read everything. The target is None when the cluster cannot be reached; the caller closes it."""
    target = attempt(lambda: connect(settings.target, settings.run))
    if isinstance(target, AcksmError):
        return _unconnected(settings, target), None
    with ThreadPoolExecutor(max_workers=16) as pool, _observed(target) as observed:
        return _read(settings, observed, emit, pool), target


def _observed(target: Target) -> Target:
    """The target, of which the parts of an observation share what they read."""
    found, aws = copy(target), copy(target.aws)
    aws.iam = once(target.aws.iam, "get_role", "get_oidc_provider")
    aws.eks = once(target.aws.eks, "ack_capabilities", "associations")
    found.kube, found.aws = WholeOnce(target.kube), aws
    return found


def _unconnected(settings: Settings, error: AcksmError) -> Facts:
    """What can be read without a connection, to show which part of it fails."""
    at = settings.target
    context = attempt(lambda: context_of(at))
    found = context if isinstance(context, Context) else None
    name = at.cluster or (found.cluster_name if found else "")
    region = at.region or (found.region if found else "")
    expired = error.id == "timed-out"  # then each request is tried once
    aws = Aws(at.profile or None, region or None, left=Deadline(0 if expired else settings.run.timeout).left)
    identity = attempt(aws.identity)
    cluster: Known[Cluster] = error if error.id == "cluster-missing" else UNREAD
    if name and not isinstance(identity, AcksmError):
        cluster = attempt(lambda: aws.eks.describe_cluster(name))
    where = attempt(lambda: aws.region)
    partition = identity.partition if isinstance(identity, Identity) else "aws"
    return Facts(
        settings,
        helm=attempt(helm_version),
        context=context,
        identity=identity,
        region=where,
        regions=_regions(aws, partition),
        cluster=cluster,
        connection=error,
        registry=_registry(settings.controllers, {}, lambda at: registry(at, aws.left, aws)),
    )


def helm_version() -> str:
    """helm's version and path. Errors: `helm-missing`, `helm-too-old`."""
    helm = Helm(dict)
    try:
        return f"helm {'.'.join(map(str, helm.version))} ({helm.path})"
    finally:
        helm.close()


def _regions(aws: Aws, partition: str) -> dict[str, Sequence[str]]:
    names = {"sts": "sts", **ENDPOINTS}
    found = attempt(lambda: {key: aws.regions(name, partition) for key, name in names.items()})
    return {} if isinstance(found, AcksmError) else dict(found)


def _registry(
    controllers: ControllerSettings, releases: Mapping[str, Release], registry: Callable[[str], Charts]
) -> dict[tuple[str, str], Known[str]]:
    """Whether each chart can be read from its registry; not read for charts that options name."""
    services = [service for service in controllers.service if service not in controllers.chart]

    def found(service: str) -> tuple[tuple[str, str], Known[str]]:
        release = releases.get(service, Release())
        at = mirrored.location(controllers.registry, release.complete)
        version = controllers.version.get(service) or release.version or charts.TESTED[service]
        return (service, at), attempt(lambda: charts.normalise(registry(at).find(service, version).reference))

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(pool.map(found, services))


def _read(settings: Settings, target: Target, emit: Emit, pool: ThreadPoolExecutor) -> Facts:
    kube, aws, cluster, requested = target.kube, target.aws, target.cluster, settings.controllers
    home = settings.target.controller_namespace

    def start(work: Callable[[], T]) -> Future[Known[T]]:
        return pool.submit(lambda: attempt(work))

    helm, server = start(helm_version), start(lambda: _server(target))
    namespace = start(lambda: kube.get(ref("Namespace", home)))
    capabilities = start(lambda: aws.eks.ack_capabilities(cluster.name))
    provider = start(lambda: oidc.observe(aws, cluster))
    releases, crds = start(lambda: controllers.releases(target, requested.service)), start(lambda: _crds(target))
    seen = start(lambda: inventory.observe(kube, home))
    deployed = attempt(lambda: _deployed(target))
    found = [] if isinstance(deployed, AcksmError) else [item.running for item in deployed]
    nodes = start(lambda: _compute(target, requested, deployed))
    associated = start(lambda: _associated(target, found))
    roles = start(lambda: role_facts.roles(target, found, associated.result()))
    agent = start(lambda: role_facts.agent(target, _by_agent(deployed, known(associated))))
    logs, leases = start(lambda: controller_logs.read(kube, found)), start(lambda: _leases(target, deployed))
    chains = start(lambda: _chains(target, settings.other_account, found))
    other_subjects = start(lambda: role_facts.other_subjects(target, found, known(roles), known(provider).arn))
    pass_role = start(lambda: role_facts.pass_role(target, known(roles)))
    installed = releases.result()
    known_releases = {} if isinstance(installed, AcksmError) else installed
    places = [
        mirrored.location(requested.registry, known_releases.get(service, Release()).values)
        for service in requested.service
    ]
    iam = start(lambda: caller_policies.missing_actions(target, settings.role, settings.other_account, places))
    charts_read = start(lambda: _registry(requested, known_releases, target.registry))
    unknown = start(lambda: _unknown_values(target, requested, installed))
    planned = attempt(lambda: _planned(target, requested, settings.role, installed, emit))
    result = charts_read.result()
    return Facts(
        settings,
        helm.result(),
        attempt(lambda: context_of(settings.target)),
        target.identity,
        attempt(lambda: aws.region),
        _regions(aws, target.identity.partition),
        cluster,
        None,
        server.result(),
        nodes.result(),
        namespace.result(),
        {} if isinstance(result, AcksmError) else result,
        capabilities.result(),
        iam.result(),
        planned if isinstance(planned, AcksmError) else planned.plan,
        planned if isinstance(planned, AcksmError) else attempt(lambda: _plan_rights(target, planned)),
        installed,
        unknown.result(),
        deployed,
        leases.result(),
        crds.result(),
        provider.result(),
        roles.result(),
        associated.result(),
        seen.result(),
        logs.result(),
        chains.result(),
        other_subjects.result(),
        pass_role.result(),
        agent.result(),
        attempt(lambda: _engines(target, known_releases, crds.result(), namespace.result())),
    )


def _engines(
    target: Target,
    releases: Mapping[str, Release],
    crds: Known[Sequence[Manifest]],
    namespace: Known[Manifest | None],
) -> dict[str, Known[Engine]]:
    """Each engine by what it is called, with its state or why that could not be read."""
    marked = [*(() if isinstance(crds, AcksmError) else crds)]
    marked += [namespace] if namespace and not isinstance(namespace, AcksmError) else []
    found = {one.described: one for one in keepers(marked)}
    found |= {one.described: one for item in releases.values() if (one := item.kept_by) and location(one)}
    return {name: attempt(partial(read, target.kube, by)) for name, by in sorted(found.items())}


def _server(target: Target) -> str:
    """The apiserver's version, once it has accepted the caller."""
    version = target.kube.version()
    target.kube.can("list", "", "pods", target.settings.controller_namespace)
    return version


def _crds(target: Target) -> list[Manifest]:
    return [
        item
        for item in target.kube.list(ref("CustomResourceDefinition"))
        if str(item["spec"]["group"]).endswith(COMMON_GROUP)
    ]


def _deployed(target: Target) -> list[Deployed]:
    kube = target.kube
    found = discovery.observe(kube, target.settings.controller_namespace).own

    def one(item: Running) -> Deployed:
        manifest = kube.get(ref("Deployment", item.deployment, item.namespace)) or {}
        spec = manifest.get("spec") or {}
        pods = pods_of(kube, item.namespace, item.release)
        placement = pod_of(manifest, item.namespace) if manifest else None
        return Deployed(item, running.flags_of(manifest), int(spec.get("replicas", 1)), tuple(pods), placement)

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(one, found))


def _compute(target: Target, requested: ControllerSettings, deployed: Known[Sequence[Deployed]]) -> Sequence[Placement]:
    """Where the pods of the installed controllers can run; of the requested ones, where none is installed."""
    known = [] if isinstance(deployed, AcksmError) else [item.placement for item in deployed if item.placement]
    pods = known or [any_pod(service, target.settings.controller_namespace) for service in requested.service]
    return compute.placements(target, compute.nodes(target), pods)


def _leases(target: Target, deployed: Known[Sequence[Deployed]]) -> list[Manifest]:
    """Leases of ACK in every namespace where a controller keeps one."""
    if isinstance(deployed, AcksmError):
        raise deployed
    locations = {lease_namespace(item) for item in deployed}
    return [
        lease
        for location in sorted(locations)
        for lease in target.kube.list(ref("Lease", namespace=location))
        if str(lease["metadata"]["name"]).endswith(f".{COMMON_GROUP}")
    ]


def lease_namespace(item: Deployed) -> str:
    """The namespace of a controller's Lease."""
    return item.flags.get("leader-election-namespace") or item.running.namespace


def _associated(target: Target, found: Sequence[Running]) -> Mapping[tuple[str, str], Association]:
    accounts = {(item.namespace, item.service_account) for item in found}
    here = target.settings.controller_namespace  # whose associations the plan needs too
    of_namespace = associations.of_namespace(target.aws, target.cluster, here) if accounts else {}
    elsewhere = [account for account in accounts if account[0] != here]
    observed = {**of_namespace, **associations.observe(target.aws, target.cluster, elsewhere)}
    return {account: one for account in accounts if (one := observed.get(account))}


def _by_agent(found: Known[Sequence[Deployed]], associated: Mapping[tuple[str, str], Association]) -> list[Pod]:
    """The pods of controllers whose service account has an association."""
    items = [] if isinstance(found, AcksmError) else found
    named = [(item.placement, (item.running.namespace, item.running.service_account)) for item in items]
    return [pod for pod, account in named if pod and account in associated]


def _chains(target: Target, other: OtherAccountSettings, found: Sequence[Running]) -> list[verify.Chain]:
    """The chain of every bound namespace; nothing is read where none is bound."""
    if not found:
        return []
    observed = carm.observe(target)
    selectors = any(item.mode == running.SELECTOR for item in found)
    if not selectors and not any(carm.bound_to(namespace) for namespace in observed.namespaces.values()):
        return []
    return verify.chains(evidence.gather(target, other, live=False))


def _unknown_values(
    target: Target, requested: ControllerSettings, releases: Known[Mapping[str, Release]]
) -> dict[str, list[str]]:
    from acksm.helm import kept_values

    if isinstance(releases, AcksmError):
        raise releases
    found = {}
    for service, release in releases.items():
        if release.version:
            at = mirrored.location(requested.registry, release.complete)
            chart = target.registry(at).pull(service, release.version).chart
            found[service] = kept_values.unknown(release.values, chart)
    return found


def _planned(
    target: Target,
    requested: ControllerSettings,
    role: RoleSettings,
    releases: Known[Mapping[str, Release]],
    emit: Emit,
) -> install.Result:
    """The install plan of the installed services; where none is installed, of the requested ones."""
    if isinstance(releases, AcksmError):
        raise releases
    present = [service for service, release in releases.items() if release.version]
    scope = requested.model_copy(update={"service": present}) if present else requested
    return install.plan(target, scope, role, "doctor", install.ALL, emit, releases=releases)


def _plan_rights(target: Target, planned: install.Result) -> PlanRights:
    """Permissions that the plan needs, as the caller has them (guide/connect/rights.py)."""
    changes = [change for change in planned.plan.changes if change.op is not Op.WAIT]
    lacking, unknown = list[str](), list[str]()
    for check in (
        lambda: unknown.extend(rights.check_iam(target.aws.iam, target.identity.arn, changes, target.cluster.arn)),
        lambda: rights.check_kube(target, changes, planned.manifests),
    ):
        error = attempt(check)
        if isinstance(error, AcksmError):
            if error.id not in {"aws-access-denied", "kube-forbidden"}:
                raise error
            lacking.append(error.message)
    return PlanRights(lacking, unknown)


def services_installed(facts: Facts) -> list[str]:
    """The services with a release."""
    return (
        []
        if isinstance(facts.releases, AcksmError)
        else [service for service in charts.SERVICES if getattr(facts.releases.get(service), "version", "")]
    )
