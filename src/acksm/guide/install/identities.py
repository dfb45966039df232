"""How the controllers of a plan get their role: which associations exist, which are created, and whether the agent of
EKS Pod Identity reaches their pods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack import charts
from acksm.aws.eks import Association, FargateProfile
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.identity import agent, associations, pod_trust, trust, ways
from acksm.guide.identity.associations import Account, Found
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.ways import POD_IDENTITY, Ways
from acksm.guide.install import controllers as section
from acksm.json_types import Manifest
from acksm.kube.paths import ref
from acksm.live.placement import any_pod, pod_of
from acksm.live.readiness import ROLE_ANNOTATION
from acksm.live.unread import unless_forbidden
from acksm.settings import RoleSettings


@dataclass(frozen=True)
class Observed:
    """`found` and `annotated` are of the controllers of both services in the namespace; `installed`: whether one of the
    plan's runs. `unread`: why the associations could not be read."""

    found: Found = field(default_factory=dict)
    annotated: Mapping[Account, str] = field(default_factory=dict)
    installed: bool = False
    unread: AcksmError | None = None


NONE = Observed()


def observe(
    target: Target,
    role: RoleSettings,
    observed: section.Observed | None,
    accounts: Sequence[Account],
    associated: Callable[[], Mapping[Account, Association]],
) -> Observed:
    """The associations and annotations of the plan's service accounts, and of the other service's, which a new
    controller follows. `associated` gives the associations of the controllers' namespace; denied ones are an answer
    only where nothing but IRSA can be meant."""
    namespace = target.settings.controller_namespace
    known = {} if observed is None else {(namespace, name): arn for name, arn in section.annotated(observed).items()}
    others = [(namespace, charts.release_name(service)) for service in charts.SERVICES]
    every = list(dict.fromkeys([*accounts, *others]))
    # a namespace that does not exist has no service accounts
    to_read = [] if observed and namespace not in observed.namespaces else [one for one in every if one not in known]
    with ThreadPoolExecutor(max_workers=4) as pool:
        read = dict(zip(to_read, pool.map(lambda account: _annotation(target, account), to_read), strict=True))
    annotated = {account: (known | read).get(account, "") for account in every}
    installed = any(account in known for account in accounts)
    try:
        all_found = associated()
    except AcksmError as error:
        nothing_else = not installed or all(annotated[one] for one in accounts if one in known)
        if error.id != "aws-access-denied" or role.identity == POD_IDENTITY or not nothing_else:
            raise
        return Observed({}, annotated, installed, error)
    return Observed({account: all_found.get(account) for account in every}, annotated, installed)


def _annotation(target: Target, account: Account) -> str:
    namespace, name = account
    found = unless_forbidden(lambda: target.kube.get(ref("ServiceAccount", name, namespace)), None)
    return str(((found or {}).get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION, ""))


def chosen(requested: str | None, has: Observed, accounts: Collection[Account]) -> tuple[Ways, list[str]]:
    """The ways of the plan, and notes. Error: `identity-differs`."""
    notes = [f"not checked: EKS Pod Identity associations ({has.unread.message})"] if has.unread else []
    found = ways.chosen(requested, has.found, has.annotated, accounts)
    if found.irsa and found.associated:
        names = ", ".join(sorted("/".join(account) for account in found.associated))
        notes.append(
            f"{names} has an annotation of IRSA and an association of EKS Pod Identity, which wins for new pods"
        )
    return found, notes


def by_pods(found: Found, accounts: Collection[Account], which: Ways, role_arn: str) -> list[Account]:
    """The service accounts that EKS Pod Identity gives the role: those that get an association with it or have one."""
    has = [account for account in accounts if (one := found.get(account)) and one.through == role_arn]
    return list(accounts) if which.associate else has


def plan(
    target: Target, role: RoleSettings, has: Observed, accounts: Sequence[Account], which: Ways, role_arn: str
) -> list[Change]:
    """Changes to associations. Errors: `association-not-ours`, `role-untrusting` for a role of --role-arn."""
    if not which.associate:
        return []
    own = {account: has.found.get(account) for account in dict.fromkeys(accounts)}
    changes = associations.plan(own, role_arn, target.cluster, role.tag)
    if changes and role.role_arn:
        _check_trust(target, role_arn, accounts, tags=associations.have_tags(own))
    return changes


def _check_trust(target: Target, role_arn: str, accounts: Sequence[Account], *, tags: bool) -> None:
    """EKS refuses an association with a role that does not trust it; acksm does not change a role of --role-arn."""
    found = target.aws.iam.get_role(role_arn.rpartition("/")[2])
    for namespace, name in accounts if found is not None and found["arn"] == role_arn else ():
        subject = trust.subject(namespace, name)
        answer = pod_trust.trusts(found["trust"] if found else None, target.cluster.arn, subject, tags=tags)
        if answer.verdict is Verdict.NO:
            text = f"role {role_arn} does not trust {pod_trust.SERVICE} for service account {namespace}/{name}"
            raise AcksmError("role-untrusting", f"{text} ({answer.why})", where=role_arn)


def fresh(changes: Sequence[Change]) -> list[Account]:
    """The service accounts whose association is new."""
    made = [change.params for change in changes if change.op is Op.CREATE]
    return [(str(one["namespace"]), str(one["service_account"])) for one in made]


def agents(
    target: Target,
    role: RoleSettings,
    services: Sequence[str],
    nodes: Sequence[Manifest] | AcksmError,
    manifests: Sequence[Manifest],
    which: Ways,
    writes: bool,
) -> tuple[list[Change], list[str]]:
    """What makes the agent run, and notes. Errors as in `agent.check`, which are notes where the plan `writes` nothing:
    what runs then is not affected by it."""
    if not which.associate:
        return [], []
    namespace = target.settings.controller_namespace
    pods = [pod_of(item, namespace) for item in manifests if item["kind"] == "Deployment"]
    pods = pods or [any_pod(service, namespace) for service in services]
    found = agent.observe(target.kube, target.aws, target.cluster)
    changes = agent.plan(found, target.cluster, role.tag, pods) if found.exists or role.install_agent else []
    notes: list[str] = []
    profiles: list[FargateProfile] = []
    try:
        profiles = target.aws.eks.fargate_profiles(target.cluster.name)
    except AcksmError as error:
        if error.id != "aws-access-denied":
            raise
        notes.append(f"not checked: whether the controllers' pods run on Fargate ({error.message})")
    try:
        notes += agent.check(found, nodes, profiles, pods, target.cluster, ensured=bool(changes))
    except AcksmError as error:
        if writes or changes:
            raise
        notes.append(f"{error.id}: {error.message}")
    return changes, notes
