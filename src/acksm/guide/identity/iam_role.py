"""Guide §2.1.2: the controllers' role: trust for the installed service accounts, and its policies.

A role that acksm created has tags with the cluster's ARN; one of that name without them is refused with a diff. No
policy that its owner attached or wrote is ever detached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Cluster
from acksm.aws.session import Identity
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op, words
from acksm.engine.diff import unified
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide.identity import judged, limits, pod_trust, policies, role_names, role_policies, trust
from acksm.guide.identity.oidc import CLUSTER_TAG, OWNED_TAG, adopter_tag, clusters_of, is_owned, marks
from acksm.json_types import Document, Json
from acksm.live.readiness import IAM_SETTLING_SECONDS
from acksm.settings import RoleSettings


class Ownership(NamedTuple):
    """Whose a role is: `ours`, created by acksm for this cluster, and `shared` with other clusters."""

    ours: bool
    shared: bool = False


NEW = Ownership(ours=True)


@dataclass(frozen=True)
class Desired:
    """The desired role. `trust` returns its trust policy from the existing one and the role's ownership. `foreign`: it
    is in a target account, where each new principal needs confirmation. `narrowed`: managed policies that a preset
    replaces; they are detached from a role that acksm created."""

    name: str
    arn: str
    path: str
    trust: Callable[[Document | None, Ownership], Json]
    managed: tuple[str, ...]
    inline: Document
    service_linked: str
    tags: Mapping[str, str]
    boundary: str
    adopt: bool
    step: str = "iam-role"
    iam: str = "iam"  # whose IAM: the key of its calls in the executor's table
    foreign: bool = False
    narrowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observed:
    """`role` as `acksm.aws.iam.Iam.get_role` gives it, or None; `service_linked` whether that role exists, None where
    it may not be read."""

    role: Role | None
    service_linked: bool | None = True


def arn(identity: Identity, name: str, path: str) -> str:
    return f"arn:{identity.partition}:iam::{identity.account}:role{path}{name}"


def desired(
    identity: Identity,
    cluster: Cluster,
    settings: RoleSettings,
    accounts: Sequence[tuple[str, str]],
    provider_arn: str,
    *,
    role: Role | None = None,
    live: Collection[str] = (),
    kinds: Mapping[str, Sequence[str]],
    irsa: bool = True,
    pods: Collection[tuple[str, str]] = (),
    tags: bool = True,
) -> Desired:
    """From options and the (namespace, service account) pairs. `irsa`: whether they are trusted by tokens of the
    cluster's OIDC provider; `pods`: those that EKS Pod Identity gives the role, with session `tags` or without.

    `role` is the existing one: without --policy a role with preset `least` keeps it, and its execution roles.
    `live` are subjects of its trust policy that may be of a release; `kinds` what each service reconciles, () for all.
    Errors: `role-name-too-long`, `config-invalid`, `policy-arn-invalid`, `policy-least-roles`.
    """
    name, path = role_names.of_controllers(cluster.name, settings), settings.role_path
    account, partition = identity.account, identity.partition
    check_settings(settings, partition, account)
    options = role_policies.PolicyOptions(
        settings.policy, settings.policy_arn, settings.execution_role, "--execution-role"
    )
    chosen = role_policies.chosen(options, kinds, partition, account, role)
    subjects = tuple(sorted(trust.subject(namespace, account) for namespace, account in set(accounts)))
    by_pods = sorted(trust.subject(namespace, account) for namespace, account in set(pods))

    def trusting(document: Document | None, ownership: Ownership) -> Json:
        ours, after = ownership.ours, dict(document or {})
        if irsa:
            after = trust.merge(document, provider_arn, subjects, ours=ours, shared=ownership.shared, keep=live)
        return pod_trust.merge(after, cluster.arn, by_pods, ours=ours, keep=live, tags=tags) if by_pods else after

    return Desired(
        name,
        arn(identity, name, path),
        path,
        trusting,
        chosen.managed,
        chosen.inline,
        chosen.service_linked,
        {**settings.tag, **marks(cluster)},
        settings.permissions_boundary,
        settings.adopt_role,
        narrowed=chosen.narrowed,
    )


def check_settings(settings: RoleSettings, partition: str, account: str) -> None:
    """Check what every role of the cluster account gets. Errors: `config-invalid`, `policy-arn-invalid`."""
    limits.check_tags(settings.tag, "--tag")
    limits.check_policy_arns(settings.policy_arn, partition, account, "--policy-arn")
    boundary = [settings.permissions_boundary] if settings.permissions_boundary else []
    limits.check_policy_arns(boundary, partition, account, "--permissions-boundary")


def observe(aws: Aws, name: str, service_linked: bool = True) -> Observed:
    """Read the role with its policies, and whether the service-linked role of autoscaling exists."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        linked = pool.submit(_linked_exists, aws) if service_linked else None
        role = aws.iam.get_role(name)
        return Observed(role, linked.result() if linked else True)


def _linked_exists(aws: Aws) -> bool | None:
    """None where the caller may not read it. A policy for this one role names it with its path, and to IAM a role that
    does not exist has none: then the denial means that it has to be created."""
    try:
        return aws.iam.role_exists(policies.SERVICE_LINKED_ROLE)
    except AcksmError as error:
        if error.id != "aws-access-denied":
            raise
        return None


def is_new(role: Role | None, now: datetime) -> bool:
    """Whether STS may not know the role everywhere yet, because an earlier run has just created it. By two clocks, so
    only for what is tolerated for a while anyhow."""
    created = str((role["created"] if role else "") or "")
    return bool(created) and abs((now - datetime.fromisoformat(created)).total_seconds()) < IAM_SETTLING_SECONDS


def plan(observed: Observed, want: Desired) -> list[Change]:
    """Changes towards `want`. Errors: `role-not-ours` with a diff, `role-path-differs`, `role-policies-too-long`."""
    changes = [*_role(observed.role, want), *_service_linked(observed, want)]
    attached = set(observed.role["attached"] if observed.role else [])
    inline = observed.role["inline"] if observed.role else {}
    changes += [
        Change(
            **_common(want),
            id="iam-role.attach",
            op=Op.UPDATE,
            call=f"{want.iam}.attach_policy",
            params={"name": want.name, "policy_arn": policy},
            after={"attached": policy},
            words=words("attaching", "attached", f"{_policy_name(policy)} to role {want.name}"),
            guide=f"aws iam attach-role-policy --role-name $OIDC_ROLE_NAME --policy-arn {policy}",
        )
        for policy in want.managed
        if policy not in attached
    ]
    _check_inline({**inline, **want.inline}, inline, want)
    changes += [
        Change(
            **_common(want),
            id="iam-role.inline",
            op=Op.UPDATE,
            call=f"{want.iam}.put_policy",
            params={"name": want.name, "policy": policy, "document": document},
            before={policy: inline[policy]} if policy in inline else None,
            after={policy: document},
            words=words("writing", "wrote", f"policy {policy} of role {want.name}"),
            guide="aws iam put-role-policy --role-name $OIDC_ROLE_NAME",
        )
        for policy, document in want.inline.items()
        if not policies.same(inline.get(policy), document)
    ]
    changes += _narrowed(observed.role, want)
    return changes


def _service_linked(observed: Observed, want: Desired) -> list[Change]:
    """Create the service-linked role, before the policy that allows passing it: where it may not be read, a role that
    has this policy shows that it was created."""
    partition, account = want.arn.split(":")[1], want.arn.split(":")[4]
    passed = policies.AUTOSCALING in (observed.role["inline"] if observed.role else {})
    exists = passed if observed.service_linked is None else observed.service_linked
    if exists or not want.service_linked:
        return []
    return [
        Change(
            id="iam-role.service-linked",
            step=want.step,
            op=Op.CREATE,
            system="aws",
            target=policies.linked_arn(partition, account),
            call=f"{want.iam}.create_service_linked_role",
            params={"service": want.service_linked},
            after={"service": want.service_linked},
            words=words("creating", "created", policies.SERVICE_LINKED_ROLE),
            reason="" if observed.service_linked is False else "unless it exists: iam:GetRole is not allowed on it",
            guide=f"aws iam create-service-linked-role {want.service_linked}",
        )
    ]


def _policy_name(arn: str) -> str:
    """AWS's own by its name; another account's could be called the same."""
    return arn.rpartition("/")[2] if ":iam::aws:policy/" in arn else arn


def _narrowed(role: Role | None, want: Desired) -> list[Change]:
    """Detach what the presets replace from a role that acksm created; after the policies that replace it."""
    if role is None or not _ownership(role, want).ours:
        return []
    return [
        Change(
            **_common(want),
            id="iam-role.detach",
            op=Op.UPDATE,
            call=f"{want.iam}.detach_policy",
            params={"name": want.name, "policy_arn": policy},
            before={"attached": policy},
            words=words("detaching", "detached", f"{_policy_name(policy)} from role {want.name}"),
            reason=f"replaced by policy {policies.LEAST}",
            danger=Danger.MILD,
            guide=f"aws iam detach-role-policy --role-name {want.name} --policy-arn {policy}",
        )
        for policy in want.narrowed
        if policy in role["attached"]
    ]


def _check_inline(after: Document, before: Document, want: Desired) -> None:
    """Error: `role-policies-too-long`, where they would exceed IAM's limit."""
    total = policies.size_of_all(after.values())
    if total > policies.INLINE_LIMIT and any(
        not policies.same(before.get(name), document) for name, document in want.inline.items()
    ):
        raise AcksmError(
            "role-policies-too-long",
            f"the inline policies of role {want.name} would have {total} characters, and IAM allows "
            f"{policies.INLINE_LIMIT}: " + ", ".join(f"{name} {policies.size(one)}" for name, one in after.items()),
            where=want.arn,
        )


def _ownership(role: Role, want: Desired) -> Ownership:
    cluster_arn, tags = want.tags[CLUSTER_TAG], role["tags"]
    return Ownership(is_owned(tags, cluster_arn), bool(clusters_of(tags) - {cluster_arn}))


def not_narrowed(role: Role | None, want: Desired) -> list[str]:
    """Policies that others replace, on a role that acksm did not create for this cluster: they remain attached."""
    if role is None or _ownership(role, want).ours:
        return []
    return [policy for policy in want.narrowed if policy in role["attached"]]


def _common(want: Desired) -> Json:
    return {"step": want.step, "system": "aws", "target": want.arn}


def _role(role: Role | None, want: Desired) -> list[Change]:
    if role is None:
        document = want.trust(None, NEW)
        params = {
            "name": want.name,
            "path": want.path,
            "trust": document,
            "tags": dict(want.tags),
            "boundary": want.boundary,
        }
        after = {"trust": document, "tags": dict(want.tags)} | ({"boundary": want.boundary} if want.boundary else {})
        return [
            Change(
                **_common(want),
                id="iam-role.create",
                op=Op.CREATE,
                call=f"{want.iam}.create_role",
                params=params,
                after=after,
                danger=Danger.MILD if want.foreign else Danger.NONE,
                reason=_trust_reason(None, document) if want.foreign else "",
                guide="aws iam create-role --role-name $OIDC_ROLE_NAME",
            )
        ]
    tags, cluster_arn = role["tags"], want.tags[CLUSTER_TAG]
    known = cluster_arn in clusters_of(tags)  # created by acksm for this cluster, or adopted
    ownership = _ownership(role, want)
    document = want.trust(role["trust"], ownership)
    missing = _missing_tags(tags, want, ownership)
    if not known and not want.adopt:
        owner = tags.get(CLUSTER_TAG)
        raise AcksmError(
            "role-not-ours",
            f"role {want.name} exists and " + (f"belongs to {owner}" if owner else "was not created by acksm"),
            where=role["arn"],
            details={
                "diff": unified(
                    {"tags": tags, "trust": role["trust"]}, {"tags": {**tags, **missing}, "trust": document}
                )
            },
        )
    if role["path"] != want.path:
        raise AcksmError(
            "role-path-differs", f"role {want.name} has the path {role['path']}, not {want.path}", where=role["arn"]
        )
    danger = Danger.NONE if known else Danger.MILD
    changes = []
    if missing:
        changes.append(
            Change(
                **_common(want),
                id="iam-role.tags",
                op=Op.UPDATE,
                call=f"{want.iam}.tag_role",
                danger=danger,
                params={"name": want.name, "tags": missing},
                before={"tags": tags},
                after={"tags": {**tags, **missing}},
                words=words("tagging", "tagged", f"role {want.name} with {', '.join(missing)}"),
            )
        )
    if document != role["trust"]:
        confirmed = judged.trusted_principals(role["trust"]) - judged.trusted_principals(document)
        confirmed |= (
            judged.trusted_principals(document) - judged.trusted_principals(role["trust"])
            if want.foreign
            else frozenset()
        )
        changes.append(
            Change(
                **_common(want),
                id="iam-role.trust",
                op=Op.UPDATE,
                call=f"{want.iam}.update_trust",
                danger=Danger.MILD if confirmed else danger,
                params={"name": want.name, "trust": document},
                before=role["trust"],
                after=document,
                reason=_trust_reason(role["trust"], document),
                words=words("updating", "updated", f"the trust policy of role {want.name}"),
            )
        )
    if want.boundary and role["boundary"] != want.boundary:
        changes.append(
            Change(
                **_common(want),
                id="iam-role.boundary",
                op=Op.UPDATE,
                call=f"{want.iam}.put_boundary",
                danger=danger,
                params={"name": want.name, "boundary": want.boundary},
                before={"boundary": role["boundary"]},
                after={"boundary": want.boundary},
                words=words("setting", "set", f"permissions boundary {want.boundary} of role {want.name}"),
            )
        )
    return changes


def _missing_tags(tags: Mapping[str, str], want: Desired, ownership: Ownership) -> dict[str, str]:
    """An adopted role is tagged as used by this cluster, never as created by acksm: cleanup keeps it. Another cluster's
    tag is kept."""
    desired = dict(want.tags)
    if not ownership.ours:
        desired.pop(OWNED_TAG, None)
        cluster_arn = desired[CLUSTER_TAG]
        if tags.get(CLUSTER_TAG, cluster_arn) != cluster_arn:
            desired = {key: value for key, value in desired.items() if key != CLUSTER_TAG}
            desired[adopter_tag(cluster_arn)] = cluster_arn
    return {key: value for key, value in desired.items() if tags.get(key) != value}


def _trust_reason(before: Document | None, after: Document) -> str:
    """Who is trusted and who no longer, in words."""
    had, has = judged.trusted_principals(before), judged.trusted_principals(after)
    parts = [f"trusts {', '.join(sorted(has - had))}"] if has - had else []
    parts += [f"no longer trusts {', '.join(sorted(had - has))}"] if had - has else []
    return "; ".join(parts)


def await_visible(aws: Aws, role_arn: str, deadline: Deadline, emit: Emit) -> None:
    """Wait until IAM shows the role. STS may lag behind; `readiness.await_ready` tolerates that for a while."""
    name = role_arn.rpartition("/")[2]
    wait_until(lambda: Progress(aws.iam.role_exists(name), "not visible yet"), deadline, what=f"role {name}", emit=emit)
