"""What `carm verify` and `carm list` know: everything that the checks need, read once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cached_property

from acksm.aws.account import Aws
from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.carm import accounts, command as carm, trust
from acksm.guide.carm.command import Observed
from acksm.guide.carm.role_map import Subject
from acksm.guide.connect.target import Target
from acksm.guide.identity import policies
from acksm.guide.identity.judged import Judged, Verdict
from acksm.guide.identity.trust import AUDIENCE
from acksm.guide.region.command import ENDPOINTS
from acksm.json_types import Document, Untyped
from acksm.live import account_roles, role_selectors, running
from acksm.live.role_selectors import Selector, Selectors
from acksm.live.running import SELECTOR, Running
from acksm.settings import OtherAccountSettings

Role = Document


@dataclass(frozen=True)
class Evidence:
    """`own_roles`: the controllers' roles by ARN, None for one that does not exist; `far_roles`: the roles of target
    accounts that could be read, likewise. By (own role, target role): `allowed`, what the own role's policies say, and
    `proofs`, why the real AssumeRole failed or None, only with `live`. `regions`: service to its regions."""

    observed: Observed
    mode: str
    partition: str
    partitions: Sequence[str]
    own_roles: Mapping[str, Role | None] = field(default_factory=dict)
    pod_identity: bool = False
    allowed: Mapping[tuple[str, str], Judged] = field(default_factory=dict)
    target_roles: Mapping[str, Role | None] = field(default_factory=dict)
    proofs: Mapping[tuple[str, str], AcksmError | None] = field(default_factory=dict)
    regions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    selectors: Sequence[Selector] = ()

    @cached_property
    def by_namespace(self) -> Selectors:
        """`selectors`, by the namespaces that they name."""
        return Selectors(self.selectors)

    @cached_property
    def judged(self) -> dict[Hashable, Untyped]:
        """What is the same for many namespaces, by what it is about; filled by `verify`."""
        return {}

    @cached_property
    def first_bound(self) -> dict[Subject, str]:
        """By subject the first namespace that is bound to it."""
        found: dict[Subject, str] = {}
        for name, live in sorted(self.observed.namespaces.items()):
            for subject in carm.bound_to(live):
                found.setdefault(subject, name)
        return found


def gather(target: Target, other_account: OtherAccountSettings, *, live: bool) -> Evidence:
    """Read it. With `live` the controllers' own identities assume each role once (TokenRequest, then STS)."""
    observed = carm.observe(target)
    running.require(observed.running)
    with ThreadPoolExecutor(max_workers=8) as pool:
        identified = list(pool.map(lambda item: _identified(target, item), observed.running))
        observed = replace(observed, running=[item for item, _ in identified])
        by_token = {item.role_arn for item, found in identified if not found}  # an association is for pods only
        own = sorted({item.role_arn for item in observed.running if item.role_arn})
        own_roles = dict(zip(own, pool.map(lambda arn: _own_role(target, arn), own), strict=True))
        mode = SELECTOR if any(item.mode == SELECTOR for item in observed.running) else running.CARM
        selectors = role_selectors.list_all(target.kube) if mode == SELECTOR else []
        evidence = Evidence(
            observed,
            mode,
            target.identity.partition,
            target.aws.partitions(),
            own_roles,
            any(found and found.tags for _, found in identified),
            regions={
                service: target.aws.regions(name, target.identity.partition) for service, name in ENDPOINTS.items()
            },
            selectors=selectors,
        )
        targets = target_arns(evidence)
        pairs = [(one, other) for one in own for other in targets]
        allowed = pool.map(lambda pair: _allowed(target, own_roles[pair[0]], pair), pairs)
        evidence = replace(evidence, allowed=dict(zip(pairs, allowed, strict=True)))
        other = accounts.session(target, other_account)
        if other is not None:
            account = other.identity().account
            readable = [arn for arn in targets if arn.split(":")[4] == account]
            roles = pool.map(lambda arn: _role_at(other, arn), readable)
            evidence = replace(evidence, target_roles=dict(zip(readable, roles, strict=True)))
        if live:
            provable = [pair for pair in pairs if pair[0] in by_token]
            proofs = pool.map(lambda pair: prove(target, observed.running, *pair), provable)
            evidence = replace(evidence, proofs=dict(zip(provable, proofs, strict=True)))
    return evidence


def _identified(target: Target, item: Running) -> tuple[Running, Association | None]:
    """The controller with the role it has by EKS Pod Identity, which wins, or by annotation; and its association."""
    found = target.aws.eks.pod_identity(target.cluster.name, item.namespace, item.service_account)
    return (replace(item, role_arn=found.role) if found else item), found


def _own_role(target: Target, arn: str) -> Role | None:
    return _role_at(target.aws, arn)


def _role_at(aws: Aws, arn: str) -> Role | None:
    found = aws.iam.get_role(arn.rpartition("/")[2])
    return found if found and found["arn"] == arn else None


def _allowed(target: Target, role: Role | None, pair: tuple[str, str]) -> Judged:
    """By the inline policies where they allow it and nothing else can deny it (a boundary, or a managed policy other
    than AWS's own for SageMaker). Else by IAM's simulation, which reads all of them."""
    if role is None:
        return Judged(Verdict.UNKNOWN, "the role's policies")
    answer = trust.allows(role["inline"].values(), pair[1])
    unread = set(role["attached"]) - {policies.core_arn(target.identity.partition)}
    if role["boundary"]:
        unread.add(role["boundary"])
    if answer.verdict is Verdict.YES and not unread:
        return answer
    simulated = target.aws.iam.simulated(pair[0], trust.ASSUME, pair[1])
    if simulated is not None:
        return Judged(Verdict.YES if simulated else Verdict.NO)
    return Judged(Verdict.UNKNOWN, f"policy {min(unread)}") if unread and answer.why != "denied" else answer


def target_arns(evidence: Evidence) -> list[str]:
    """Every well-formed ARN that a map or a selector names."""
    values: set[str] = {selector.arn for selector in evidence.selectors}
    if evidence.mode != SELECTOR:
        values |= {value for item in evidence.observed.maps.values() for value in (item.data or {}).values()}
    return sorted(value for value in values if _is_arn(value, evidence.partitions))


def _is_arn(text: str, partitions: Sequence[str]) -> bool:
    try:
        account_roles.parse(text, partitions, "")
    except AcksmError:
        return False
    return True


def prove(target: Target, found: Iterable[Running], own: str, target_role: str) -> AcksmError | None:
    """As the controller does: its service account's token, its own role, then the target role. None when it works."""
    item = next(one for one in found if one.role_arn == own)
    try:
        token = target.kube.token(item.namespace, item.service_account, AUDIENCE)
        account = target.aws.web_identity(own, token).assume(target_role).identity().account
    except AcksmError as error:
        return error
    if account != target_role.split(":")[4]:
        return AcksmError("carm-target-account", f"the assumed session belongs to account {account}", where=target_role)
    return None
