"""What a cleanup observes besides the inventory: releases, maps, roles, the provider, namespaces, and their users.

Reads only; no state is kept between runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from typing import TypeVar

from acksm.ack import charts
from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Addon, Association, Capability
from acksm.aws.pod_identity import AGENT
from acksm.dataclass import dataclass
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.carm import role_map
from acksm.guide.connect.target import Target
from acksm.guide.identity import oidc, role_names
from acksm.guide.identity.oidc import is_owned
from acksm.guide.install import recorded
from acksm.guide.rbac.command import granted
from acksm.guide.samples import roles as sample_roles
from acksm.helm import records
from acksm.helm.releases import MARK_PATH, is_marked
from acksm.json_types import Document, Manifest
from acksm.kube import contents, paths
from acksm.kube.api import Lister
from acksm.kube.contents import Contents
from acksm.kube.keys import unmanaged
from acksm.kube.owners import BY_HELM, OWNED_LABEL, Owner, helm_release
from acksm.kube.paths import Ref, ref
from acksm.live import capability, inventory, readiness
from acksm.live.inventory import Common, Inventory
from acksm.live.readiness import ROLE_ANNOTATION, Health
from acksm.live.unread import unless_forbidden
from acksm.settings import OtherAccountSettings, RoleSettings

T = TypeVar("T")
# Kinds that the charts of all generations create.
_OF_RELEASES = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "ConfigMap",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
)


@dataclass(frozen=True)
class Desired:
    """What a cleanup shall delete. `crds` is none, service or all; `named_crds`: it was given, not the default."""

    services: tuple[str, ...] = charts.SERVICES
    crds: str = "service"
    named_crds: bool = False
    delete_aws: bool = False
    orphan: bool = False
    iam: bool = False
    oidc: bool = False
    carm: bool = False
    namespace: bool = False
    adopt_release: bool = False
    accounts: tuple[str, ...] = ()  # other accounts that acksm.yaml names


@dataclass(frozen=True)
class ReleaseState:
    """A service's release in the controllers' namespace. `recorded`: helm has a record of it; its objects may exist
    without one. `version` "" when nothing of it exists. `age` in seconds since helm's last operation. `kept_by`: who
    keeps it instead of acksm by helm, and would create again what is deleted."""

    service: str
    namespace: str
    version: str = ""
    status: str = ""
    owned: bool = False
    recorded: bool = False
    objects: tuple[Ref, ...] = ()
    health: Health | None = None
    age: float = 0.0
    kept_by: Owner | None = None

    @property
    def name(self) -> str:
        return charts.release_name(self.service)

    @property
    def exists(self) -> bool:
        return self.recorded or bool(self.objects) or self.kept_by is not None

    @property
    def account(self) -> tuple[str, str]:
        """(namespace, service account) of its controller."""
        return self.namespace, self.health.service_account if self.health else self.name


@dataclass(frozen=True)
class RoleState:
    """An IAM role as `Iam.get_role` gives it (None: it does not exist), and what uses it besides trust policies."""

    name: str
    role: Role | None = None
    profiles: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()  # "namespace/service account" of EKS Pod Identity

    @property
    def arn(self) -> str:
        return str(self.role["arn"]) if self.role else ""

    def owned(self, cluster_arn: str) -> bool:
        """Whether acksm created it for this cluster."""
        return is_owned((self.role["tags"] if self.role else {}), cluster_arn)


@dataclass(frozen=True)
class Providers:
    """The account's OIDC providers by ARN, as far as they matter. `issuer` is the ARN of this cluster's, which may not
    exist; `trusts` every role's trust policy by ARN, None where roles cannot be listed."""

    issuer: str = ""
    existing: frozenset[str] = frozenset()
    owned: tuple[str, ...] = ()
    trusts: Document | None = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """Everything a plan is made from. `namespace` is the controllers', `account` the cluster account. `target_roles`
    are roles of `target_account`, the other account that credentials were given for ("" for none)."""

    inventory: Inventory
    namespace: str
    account: str
    cluster_arn: str
    releases: Mapping[str, ReleaseState] = field(default_factory=dict)
    maps: role_map.Maps = field(default_factory=dict)
    roles: tuple[RoleState, ...] = ()
    target_roles: tuple[RoleState, ...] = ()
    target_account: str = ""
    providers: Providers = Providers()
    service_accounts: (
        tuple[tuple[str, str, str], ...] | None
    ) = ()  # namespace, name, role ARN; None: they cannot be listed
    contents: Mapping[str, Contents] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    owned_namespaces: frozenset[str] = frozenset()
    grants: tuple[Manifest, ...] = ()  # Roles and RoleBindings of `rbac grant`
    denied: tuple[str, ...] = ()  # what the caller may not read in IAM, and the options do not need
    associations: tuple[Association, ...] = ()  # of EKS Pod Identity, in the whole cluster
    agent: Addon | None = None  # the add-on of EKS Pod Identity's agent
    unlisted: tuple[str, ...] = ()  # what may use what is deleted, and the caller may not list


@dataclass
class Part:
    """Changes, and what is kept: (what, why)."""

    changes: list[Change] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)


def observe(
    target: Target, role: RoleSettings, other_account: OtherAccountSettings, desired: Desired, other: Aws | None
) -> Observed:
    """Read the cluster and the accounts concurrently. `other` is a session in the target account, when one is named."""
    kube, namespace = target.kube, target.settings.controller_namespace
    in_iam = desired.iam or desired.oidc or desired.carm
    denied: list[str] = []

    def allowed(read: Callable[[], T], default: T) -> T:
        """The result of `read`; `default` where IAM denies it and the options do not need it."""
        try:
            return read()
        except AcksmError as error:
            if in_iam or error.id != "aws-access-denied":
                raise
            denied.append(error.message)
            return default

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = pool.submit(inventory.observe, kube, namespace)
        releases = pool.submit(_releases, target, desired.services)
        grants = pool.submit(granted, kube)
        accounts = pool.submit(_service_accounts, kube)
        issuer = oidc.provider_arn(target.cluster)
        provider = pool.submit(
            allowed,
            lambda: providers(target.aws, target.cluster.arn, issuer, scan=desired.oidc),
            Providers(issuer),
        )
        capabilities = pool.submit(_capabilities, target.aws, target.cluster.name)
        cluster, eks = target.cluster.name, target.aws.eks
        associated = pool.submit(allowed, lambda: tuple(eks.associations(cluster)), ())
        agent = pool.submit(allowed, lambda: eks.addon(cluster, AGENT), None)
        objects = found.result()
        maps = pool.submit(role_map.observe, kube, {namespace})
        owned = frozenset(name for name, item in objects.namespaces.items() if item.labels.get(OWNED_LABEL) == "true")
        checked = [name for name in owned if not objects.namespaces[name].terminating] if desired.namespace else []
        contained = pool.submit(contents.look_at_all, kube, checked)
        names = {role_names.of_controllers(cluster, role), sample_roles.name(cluster)}
        names |= {arn.rpartition("/")[2] for where, _, arn in accounts.result() or () if where == namespace}
        roles = list(
            pool.map(lambda name: allowed(lambda: observe_role(target.aws, name, cluster), None), sorted(names))
        )
        target_roles = (
            [observe_role(other, name) for name in _target_role_names(other_account, maps.result(), objects.common)]
            if other
            else []
        )
        of_eks = capabilities.result()
        unlisted = ["EKS capabilities"] if of_eks is None else []
        objects = _beside(objects, of_eks or (), desired.services)
        unlisted += [f"controllers outside namespace {namespace}"] if objects.controllers.partial else []
        return Observed(
            objects,
            namespace,
            target.identity.account,
            target.cluster.arn,
            releases.result(),
            maps.result(),
            tuple(state for state in roles if state),
            tuple(target_roles),
            other.identity().account if other else "",
            provider.result(),
            accounts.result(),
            contained.result(),
            tuple(item.name for item in of_eks or ()),
            owned,
            tuple(grants.result()),
            tuple(dict.fromkeys(denied)),
            associated.result(),
            agent.result(),
            tuple(unlisted),
        )


def _beside(found: Inventory, capabilities: Sequence[Capability], services: Sequence[str]) -> Inventory:
    """The inventory with the controllers of the capabilities, which no Deployment shows."""
    others = (*found.controllers.others, *capability.controllers(capabilities, services))
    return replace(found, controllers=replace(found.controllers, others=others))


def _capabilities(aws: Aws, cluster: str) -> Sequence[Capability] | None:
    """EKS's own ACK controllers; None where the caller may not list them."""
    try:
        return aws.eks.ack_capabilities(cluster)
    except AcksmError as error:
        if error.id != "aws-access-denied":
            raise
        return None


def observe_role(aws: Aws, name: str, cluster: str = "") -> RoleState:
    """A role, and what uses it: instance profiles, and EKS Pod Identity of `cluster`."""
    role = aws.iam.get_role(name)
    if role is None:
        return RoleState(name)
    pods = aws.eks.pod_identity_users(cluster, role["arn"]) if cluster else []
    return RoleState(name, role, tuple(aws.iam.instance_profiles(name)), tuple(pods))


def named_roles(maps: role_map.Maps, common: Iterable[Common]) -> set[str]:
    """ARNs of roles that the maps and IAMRoleSelectors name, whatever their account."""
    found = {role for item in maps.values() for role in (item.data or {}).values()}
    return {role for role in found | {item.role for item in common} if ":role/" in role}


def _target_role_names(other_account: OtherAccountSettings, maps: role_map.Maps, common: Iterable[Common]) -> list[str]:
    """Names of the roles in the target account: the one that `carm setup` creates, and those that the cluster names."""
    return sorted({other_account.target_role_name, *(role.rpartition("/")[2] for role in named_roles(maps, common))})


def _service_accounts(kube: Lister) -> tuple[tuple[str, str, str], ...] | None:
    """Every service account with a role's annotation; None where they cannot be listed."""
    found = unless_forbidden(lambda: kube.list(ref("ServiceAccount"), metadata_only=True, keep=unmanaged), None)
    if found is None:
        return None
    rows = ((item["metadata"], (item["metadata"].get("annotations") or {}).get(ROLE_ANNOTATION)) for item in found)
    return tuple((str(meta["namespace"]), str(meta["name"]), str(role)) for meta, role in rows if role)


def providers(aws: Aws, cluster_arn: str, issuer: str, *, scan: bool) -> Providers:
    """`issuer` is "" where the cluster does not exist. With `scan` also those that acksm created for an earlier cluster
    of this name, and the roles that trust any of them."""
    existing = frozenset(aws.iam.list_oidc_providers())
    region = cluster_arn.split(":")[3]
    candidates = [arn for arn in existing if arn == issuer or (scan and f"oidc.eks.{region}." in arn)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = dict(zip(candidates, pool.map(aws.iam.get_oidc_provider, candidates), strict=True))
    owned = [arn for arn, one in found.items() if one and is_owned(one["tags"], cluster_arn)]
    return Providers(issuer, existing, tuple(sorted(owned)), trusts(aws) if scan and owned else {})


def trusts(aws: Aws) -> Document | None:
    """Every role's trust policy, None where the caller may not list roles."""
    try:
        return aws.iam.trusts()
    except AcksmError as error:
        if error.id != "aws-access-denied":
            raise
        return None


def _releases(target: Target, services: Sequence[str]) -> dict[str, ReleaseState]:
    installed = recorded.installed(target, services)
    return {service: _release(target, service, installed.get(service, recorded.NOTHING)) for service in services}


def _release(target: Target, service: str, installed: recorded.Installed) -> ReleaseState:
    found, by = installed.release, installed.kept_by
    namespace = target.settings.controller_namespace
    health = readiness.look(target.kube, namespace, charts.release_name(service))
    if found is None:
        return _unrecorded(target.kube, service, namespace, health)
    if by is not None:
        owned = is_marked(found.values)
        return ReleaseState(service, namespace, found.version, found.status, owned, health=health, kept_by=by)
    manifests = records.manifests(found.manifest)
    refs = tuple(paths.ref_in(item, namespace) for item in manifests if paths.knows(str(item.get("kind"))))
    return ReleaseState(
        service, namespace, found.version, found.status, is_marked(found.values), True, refs, health, found.age_seconds
    )


def _unrecorded(kube: Lister, service: str, namespace: str, health: Health | None) -> ReleaseState:
    """Objects of a release without a record: they still have the release's labels and annotations.

    Anyone can set those in their own namespace. Elsewhere a release has roles only, which `edit` may not create
    (kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles).
    """
    refs: list[Ref] = []
    version, owned = "", False
    for kind in _OF_RELEASES:
        for item in kube.list(ref(kind, namespace="" if "Role" in kind else namespace), selector=BY_HELM):
            if helm_release(item) != (namespace, charts.release_name(service)):
                continue
            refs.append(paths.ref_of({"kind": kind, **item}))
            if kind == "Deployment":
                labels = item["spec"]["template"]["metadata"].get("labels") or {}
                owned = labels.get(MARK_PATH[-1]) == "true"
                version = str((item["metadata"].get("labels") or {}).get("helm.sh/chart", "")).rpartition("-chart-")[2]
    return ReleaseState(service, namespace, version, "", owned, False, tuple(refs), health)
