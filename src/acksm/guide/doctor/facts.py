"""What `acksm doctor` knows: everything that its checks judge, read once, side by side, whatever fails.

A fact that could not be read is the error that says why; the checks make of it "unknown" or "failed".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Cluster
from acksm.aws.session import Identity
from acksm.engine.change import Op, Plan
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide.carm import command as carm, evidence, verify
from acksm.guide.connect import rights
from acksm.guide.connect.target import Target, check_nodes, connect, context_of
from acksm.guide.doctor import caller_policies, role_facts
from acksm.guide.identity import oidc
from acksm.guide.identity.judged import Judged
from acksm.guide.identity.live_accounts import Live
from acksm.guide.install import command as install, controllers
from acksm.guide.install.release import Observed as Release
from acksm.guide.region.command import ENDPOINTS
from acksm.helm.api import Charts
from acksm.helm.registry import Registry
from acksm.helm.runner import Helm
from acksm.json_types import Manifest
from acksm.kube.kubeconfig import Context
from acksm.kube.paths import ref
from acksm.live import capability, controller_logs, discovery, inventory, running
from acksm.live.controller_logs import PodLog
from acksm.live.readiness import pods_of
from acksm.live.running import Flags, Running
from acksm.settings import ControllerSettings, OtherAccountSettings, RoleSettings, Settings

T = TypeVar("T")
# A fact, or why it could not be read.
Known: TypeAlias = T | AcksmError
NOT_ASKED = AcksmError("not-looked-at", "nothing says that it holds")


@dataclass(frozen=True)
class Deployed:
    """A controller as its Deployment has it: `flags` of its container, `replicas`, and its pods."""

    running: Running
    flags: Flags
    replicas: int = 1
    pods: tuple[Manifest, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything that is judged. The defaults are those of nothing read yet.

    `registry`: service to the number of its chart's tags. `iam`: command to the actions that the caller lacks for it,
    None where IAM does not tell. `plan_rights`: what the install plan needs and the caller may not, on both sides.
    `unknown_values`: service to values of its release that its chart does not have. `roles`: ARN to IAM's role.
    `let_in`, `passing`: by role, whom its trust lets in beside the controllers, and whether it may pass every role.
    `associated`: (namespace, service account) to the role that EKS Pod Identity gives it.
    """

    settings: Settings
    helm: Known[str] = NOT_ASKED
    context: Known[Context | None] = None
    identity: Known[Identity] = NOT_ASKED
    region: Known[str] = NOT_ASKED
    regions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cluster: Known[Cluster] = NOT_ASKED
    connection: AcksmError | None = None
    server: Known[str] = NOT_ASKED
    nodes: Known[str] = NOT_ASKED
    namespace: Known[Manifest | None] = None
    registry: Mapping[str, Known[int]] = field(default_factory=dict)
    capability: Known[None] = None
    iam: Known[Mapping[str, Sequence[str] | None]] = NOT_ASKED
    plan: Known[Plan] = NOT_ASKED
    plan_rights: Known[Sequence[str]] = NOT_ASKED
    releases: Known[Mapping[str, Release]] = NOT_ASKED
    unknown_values: Known[Mapping[str, Sequence[str]]] = NOT_ASKED
    deployed: Known[Sequence[Deployed]] = NOT_ASKED
    leases: Known[Sequence[Manifest]] = NOT_ASKED
    crds: Known[Sequence[Manifest]] = NOT_ASKED
    provider: Known[oidc.Observed] = NOT_ASKED
    roles: Known[Mapping[str, Role | None]] = NOT_ASKED
    associated: Known[Mapping[tuple[str, str], str]] = NOT_ASKED
    inventory: Known[inventory.Inventory] = NOT_ASKED
    logs: Known[Sequence[PodLog]] = NOT_ASKED
    chains: Known[Sequence[verify.Chain]] = NOT_ASKED
    let_in: Known[Mapping[str, Live]] = NOT_ASKED
    passing: Known[Mapping[str, Judged]] = NOT_ASKED

    @property
    def installed(self) -> list[Running]:
        """The controllers that run, [] also where that is not known."""
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
    """Connect, and read everything. The target is None when the cluster cannot be reached; the caller ends it."""
    target = attempt(lambda: connect(settings.target, settings.run))
    if isinstance(target, AcksmError):
        return _unconnected(settings, target), None
    with ThreadPoolExecutor(max_workers=16) as pool:
        return _read(settings, target, emit, pool), target


def _unconnected(settings: Settings, error: AcksmError) -> Facts:
    """What can be told without a connection: which part of it fails."""
    at = settings.target
    context = attempt(lambda: context_of(at))
    found = context if isinstance(context, Context) else None
    name = at.cluster or (found.cluster_name if found else "")
    region = at.region or (found.region if found else "")
    spent = error.id == "timed-out"  # then each question is asked once more, and no longer
    aws = Aws(at.profile or None, region or None, left=Deadline(0 if spent else settings.run.timeout).left)
    identity = attempt(aws.identity)
    cluster: Known[Cluster] = error if error.id == "cluster-missing" else NOT_ASKED
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
        registry=_registry(settings.controllers, Registry(settings.controllers.registry)),
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


def _registry(controllers: ControllerSettings, registry: Charts) -> dict[str, Known[int]]:
    """Whether each chart's tags can be read; not asked for charts that options name."""
    services = [service for service in controllers.service if service not in controllers.chart]
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = pool.map(lambda service: attempt(lambda: len(registry.tags(service))), services)
        return dict(zip(services, answers, strict=True))


def _read(settings: Settings, target: Target, emit: Emit, pool: ThreadPoolExecutor) -> Facts:
    kube, aws, cluster, asked = target.kube, target.aws, target.cluster, settings.controllers
    home, charts_at = settings.target.controller_namespace, target.registry(asked.registry)

    def start(work: Callable[[], T]) -> Future[Known[T]]:
        return pool.submit(lambda: attempt(work))

    helm, nodes = start(helm_version), start(lambda: check_nodes(target))
    server, registry = start(lambda: _server(target)), start(lambda: _registry(asked, charts_at))
    namespace = start(lambda: kube.get(ref("Namespace", home)))
    conflict, provider = start(lambda: capability.check(aws, cluster)), start(lambda: oidc.observe(aws, cluster))
    iam = start(lambda: caller_policies.lacking(target, settings.role, settings.other_account))
    releases, crds = start(lambda: controllers.releases(target, asked.service)), start(lambda: _crds(target))
    seen = start(lambda: inventory.observe(kube, home))
    deployed = attempt(lambda: _deployed(target))
    found = [] if isinstance(deployed, AcksmError) else [item.running for item in deployed]
    roles, associated = start(lambda: _roles(target, found)), start(lambda: _associated(target, found))
    logs, leases = start(lambda: controller_logs.read(kube, found)), start(lambda: _leases(target, deployed))
    chains = start(lambda: _chains(target, settings.other_account, found))
    let_in = start(lambda: role_facts.let_in(target, found, known(roles), known(provider).arn))
    passing = start(lambda: role_facts.passing(target, known(roles)))
    installed = releases.result()
    unknown = start(lambda: _unknown_values(charts_at, installed))
    planned = attempt(lambda: _planned(target, asked, settings.role, installed, emit))
    result = registry.result()
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
        conflict.result(),
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
        let_in.result(),
        passing.result(),
    )


def _server(target: Target) -> str:
    """The apiserver's version, told to an identity that it knows."""
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
        return Deployed(item, running.flags_of(manifest), int(spec.get("replicas", 1)), tuple(pods))

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(one, found))


def _leases(target: Target, deployed: Known[Sequence[Deployed]]) -> list[Manifest]:
    """Leases of ACK in every namespace where a controller keeps one."""
    if isinstance(deployed, AcksmError):
        raise deployed
    places = {lease_namespace(item) for item in deployed}
    return [
        lease
        for place in sorted(places)
        for lease in target.kube.list(ref("Lease", namespace=place))
        if str(lease["metadata"]["name"]).endswith(f".{COMMON_GROUP}")
    ]


def lease_namespace(item: Deployed) -> str:
    """Where a controller keeps its lease."""
    return item.flags.get("leader-election-namespace") or item.running.namespace


def _roles(target: Target, found: Sequence[Running]) -> Mapping[str, Role | None]:
    """IAM's role of each controller; of another account it cannot be asked for."""
    own = {item.role_arn for item in found if f"::{target.identity.account}:" in item.role_arn}
    roles: dict[str, Role | None] = {}
    for arn in sorted(own):
        role = target.aws.iam.get_role(arn.rpartition("/")[2])
        roles[arn] = role if role and role["arn"] == arn else None
    return roles


def _associated(target: Target, found: Sequence[Running]) -> dict[tuple[str, str], str]:
    name, eks = target.cluster.name, target.aws.eks
    return {
        (item.namespace, item.service_account): eks.pod_identity_role(name, item.namespace, item.service_account)
        for item in found
    }


def _chains(target: Target, other: OtherAccountSettings, found: Sequence[Running]) -> list[verify.Chain]:
    """The chain of every bound namespace; nothing is asked where none is bound."""
    if not found:
        return []
    observed = carm.observe(target)
    selectors = any(item.mode == running.SELECTOR for item in found)
    if not selectors and not any(carm.bound_to(namespace) for namespace in observed.namespaces.values()):
        return []
    return verify.chains(evidence.gather(target, other, live=False))


def _unknown_values(registry: Charts, releases: Known[Mapping[str, Release]]) -> dict[str, list[str]]:
    from acksm.helm import values

    if isinstance(releases, AcksmError):
        raise releases
    found = {}
    for service, release in releases.items():
        if release.version:
            chart = registry.pull(service, release.version).chart
            found[service] = values.unknown(release.values, chart.values_text)
    return found


def _planned(
    target: Target,
    asked: ControllerSettings,
    role: RoleSettings,
    releases: Known[Mapping[str, Release]],
    emit: Emit,
) -> install.Result:
    """What install would do for what is installed; for a cluster without, for everything that was asked for."""
    if isinstance(releases, AcksmError):
        raise releases
    there = [service for service, release in releases.items() if release.version]
    meant = asked.model_copy(update={"service": there}) if there else asked
    return install.plan(target, meant, role, "doctor", install.ALL, emit)


def _plan_rights(target: Target, planned: install.Result) -> list[str]:
    """What of the plan's own needs the caller may not do (guide/connect/rights.py), in words."""
    changes = [change for change in planned.plan.changes if change.op is not Op.WAIT]
    lacking = []
    for asked in (
        lambda: rights.check_iam(target.aws.iam, target.identity.arn, changes),
        lambda: rights.check_kube(target, changes, planned.manifests),
    ):
        error = attempt(asked)
        if isinstance(error, AcksmError):
            if error.id not in {"aws-access-denied", "kube-forbidden"}:
                raise error
            lacking.append(error.message)
    return lacking


def services_installed(facts: Facts) -> list[str]:
    """The services with a release."""
    return (
        []
        if isinstance(facts.releases, AcksmError)
        else [service for service in charts.SERVICES if getattr(facts.releases.get(service), "version", "")]
    )
