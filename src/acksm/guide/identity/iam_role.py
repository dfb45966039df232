"""Guide §2.1.2: the controllers' role: trust for the service accounts really installed, and its policies.

A role that acksm made carries tags with the cluster's ARN; a role of that name without them is refused with a diff.
Nothing that its owner attached or wrote is ever detached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.aws.eks import Cluster
from acksm.aws.iam_calls import TRUST_LIMIT, TRUST_MOST
from acksm.aws.session import Identity
from acksm.engine.change import Change, Danger, Op
from acksm.engine.diff import unified
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide.identity import judged, policies, role_policies, trust
from acksm.guide.identity.oidc import CLUSTER_TAG, OWNED_TAG, adopter_tag, clusters_of, marks
from acksm.json_types import Document, Json
from acksm.live.readiness import IAM_SETTLING_SECONDS
from acksm.settings import RoleSettings

MAX_NAME = 64


class Standing(NamedTuple):
    """Whose a role is: `ours`, made by acksm for this cluster, and `shared` with other clusters."""

    ours: bool
    shared: bool = False


NEW = Standing(ours=True)


@dataclass(frozen=True)
class Desired:
    """The role as it should be. `trust` makes its trust policy out of the one that is there, by whose role it is.
    `foreign`: it is of another account, where each new principal is asked about. `narrowed`: managed policies that a
    preset takes the place of; they go from a role that is acksm's own."""

    name: str
    arn: str
    path: str
    trust: Callable[[Document | None, Standing], Json]
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
    """`role` as `acksm.aws.iam.Iam.get_role` gives it, or None; `service_linked` whether that role is there."""

    role: Role | None
    service_linked: bool = True


def default_name(cluster: str) -> str:
    """The guide's name, unique for each cluster."""
    return f"ack-controller-role-{cluster}"


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
) -> Desired:
    """From options and the (namespace, service account) pairs.

    `role` is the one that is there: without --policy a role with preset `least` keeps it, and its execution roles.
    `live` are subjects of its trust policy that may be of a release; `kinds` what each service reconciles, () for all.
    Errors: `role-name-too-long`, `config-invalid`, `policy-least-roles`.
    """
    name = settings.role_name or default_name(cluster.name)
    if len(name) > MAX_NAME:
        raise AcksmError(
            "role-name-too-long", f"{name!r} has {len(name)} characters; IAM allows {MAX_NAME}", where=f"role {name}"
        )
    path = settings.role_path
    if not (path.startswith("/") and path.endswith("/")):
        raise AcksmError("config-invalid", f"role-path {path!r} has to begin and end with '/'", where="--role-path")
    asked = role_policies.Asked(settings.policy, settings.policy_arn, settings.execution_role, "--execution-role")
    made = role_policies.chosen(asked, kinds, identity.partition, identity.account, role)
    subjects = tuple(sorted(trust.subject(namespace, account) for namespace, account in set(accounts)))
    return Desired(
        name,
        arn(identity, name, path),
        path,
        lambda document, standing: trust.merge(
            document, provider_arn, subjects, ours=standing.ours, shared=standing.shared, keep=live
        ),
        made.managed,
        made.inline,
        made.service_linked,
        {**settings.tag, **marks(cluster)},
        settings.permissions_boundary,
        settings.adopt_role,
        narrowed=made.narrowed,
    )


def observe(aws: Aws, name: str, service_linked: bool = True) -> Observed:
    """Read the role with its policies, and whether the service-linked role of autoscaling is there."""
    linked = aws.iam.role_exists(policies.SERVICE_LINKED_ROLE) if service_linked else True
    return Observed(aws.iam.get_role(name), linked)


def is_new(role: Role | None, now: datetime) -> bool:
    """Whether STS may not know the role everywhere yet: an earlier run, perhaps one that was killed, made it just now.
    By two clocks, so only for what is forgiven for a while anyhow."""
    created = str((role["created"] if role else "") or "")
    return bool(created) and abs((now - datetime.fromisoformat(created)).total_seconds()) < IAM_SETTLING_SECONDS


def plan(observed: Observed, want: Desired) -> list[Change]:
    """Changes towards `want`. Errors: `role-not-ours` with a diff, `role-path-differs`, `role-policies-too-long`."""
    changes = _role(observed.role, want)
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
            words=_words("attaching", "attached", f"{_policy_name(policy)} to role {want.name}"),
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
            words=_words("writing", "wrote", f"policy {policy} of role {want.name}"),
            guide="aws iam put-role-policy --role-name $OIDC_ROLE_NAME",
        )
        for policy, document in want.inline.items()
        if not policies.same(inline.get(policy), document)
    ]
    changes += _narrowed(observed.role, want)
    if want.service_linked and not observed.service_linked:
        changes.append(
            Change(
                id="iam-role.service-linked",
                step=want.step,
                op=Op.CREATE,
                system="aws",
                target=policies.SERVICE_LINKED_ROLE,
                call=f"{want.iam}.create_service_linked_role",
                params={"service": want.service_linked},
                after={"service": want.service_linked},
                guide=f"aws iam create-service-linked-role {want.service_linked}",
            )
        )
    return changes


def _policy_name(arn: str) -> str:
    """AWS's own by its name; another account's could be called the same."""
    return arn.rpartition("/")[2] if ":iam::aws:policy/" in arn else arn


def _words(doing: str, done: str, what: str) -> tuple[str, str]:
    return f"{doing} {what}", f"{done} {what}"


def _narrowed(role: Role | None, want: Desired) -> list[Change]:
    """What the presets take the place of, off a role that is acksm's own; after the policies that replace it."""
    if role is None or not _standing(role, want).ours:
        return []
    return [
        Change(
            **_common(want),
            id="iam-role.detach",
            op=Op.UPDATE,
            call=f"{want.iam}.detach_policy",
            params={"name": want.name, "policy_arn": policy},
            before={"attached": policy},
            reason=f"policy {policies.LEAST} takes its place",
            danger=Danger.MILD,
            guide=f"aws iam detach-role-policy --role-name {want.name} --policy-arn {policy}",
        )
        for policy in want.narrowed
        if policy in role["attached"]
    ]


def _check_inline(after: Document, before: Document, want: Desired) -> None:
    """Error: `role-policies-too-long`, where what is to be put is too much for IAM."""
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


def check_trust(changes: Sequence[Change], quota: Callable[[], int]) -> None:
    """Measure each trust policy before the first write. `quota` asks IAM for the account's limit, where it matters.
    Error: `trust-too-long`."""
    for change in changes:
        document = change.params.get("trust")
        length = policies.size(document) if document else 0
        if length > TRUST_LIMIT and length > (most := quota()):
            raise AcksmError(
                "trust-too-long",
                f"the trust policy would have {length} characters, and IAM allows {most} in this account"
                + (f" (its quota can be raised to {TRUST_MOST})" if length <= TRUST_MOST else ""),
                where=change.target,
            )


def _standing(role: Role, want: Desired) -> Standing:
    cluster_arn, tags = want.tags[CLUSTER_TAG], role["tags"]
    ours = tags.get(CLUSTER_TAG) == cluster_arn and tags.get(OWNED_TAG) == "true"
    return Standing(ours, bool(clusters_of(tags) - {cluster_arn}))


def not_narrowed(role: Role | None, want: Desired) -> list[str]:
    """Policies that others take the place of, on a role that acksm did not make for this cluster: they stay."""
    if role is None or _standing(role, want).ours:
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
                reason=_let_in(None, document) if want.foreign else "",
                guide="aws iam create-role --role-name $OIDC_ROLE_NAME",
            )
        ]
    tags, cluster_arn = role["tags"], want.tags[CLUSTER_TAG]
    known = cluster_arn in clusters_of(tags)  # made by acksm for this cluster, or adopted for it once
    standing = _standing(role, want)
    document = want.trust(role["trust"], standing)
    missing = _missing_tags(tags, want, standing)
    if not known and not want.adopt:
        owner = tags.get(CLUSTER_TAG)
        raise AcksmError(
            "role-not-ours",
            f"role {want.name} exists and " + (f"belongs to {owner}" if owner else "acksm did not make it"),
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
            )
        )
    if document != role["trust"]:
        asked = judged.let_in(role["trust"]) - judged.let_in(document)
        asked |= judged.let_in(document) - judged.let_in(role["trust"]) if want.foreign else frozenset()
        changes.append(
            Change(
                **_common(want),
                id="iam-role.trust",
                op=Op.UPDATE,
                call=f"{want.iam}.update_trust",
                danger=Danger.MILD if asked else danger,
                params={"name": want.name, "trust": document},
                before=role["trust"],
                after=document,
                reason=_let_in(role["trust"], document),
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
            )
        )
    return changes


def _missing_tags(tags: Mapping[str, str], want: Desired, standing: Standing) -> dict[str, str]:
    """An adopted role is marked as used by this cluster, never as made by acksm: cleanup leaves it. What marks it as
    another cluster's stays."""
    desired = dict(want.tags)
    if not standing.ours:
        desired.pop(OWNED_TAG, None)
        cluster_arn = desired[CLUSTER_TAG]
        if tags.get(CLUSTER_TAG, cluster_arn) != cluster_arn:
            desired = {key: value for key, value in desired.items() if key != CLUSTER_TAG}
            desired[adopter_tag(cluster_arn)] = cluster_arn
    return {key: value for key, value in desired.items() if tags.get(key) != value}


def _let_in(before: Document | None, after: Document) -> str:
    """Who is let in and who no more, in words."""
    had, has = judged.let_in(before), judged.let_in(after)
    told = [f"it lets in {', '.join(sorted(has - had))}"] if has - had else []
    told += [f"it no longer lets in {', '.join(sorted(had - has))}"] if had - has else []
    return "; ".join(told)


def await_visible(aws: Aws, role_arn: str, deadline: Deadline, emit: Emit) -> None:
    """Wait until IAM shows the role. STS may lag still; `readiness.await_ready` forgives that for a while."""
    name = role_arn.rpartition("/")[2]
    wait_until(lambda: Progress(aws.iam.role_exists(name), "not visible yet"), deadline, what=f"role {name}", emit=emit)
