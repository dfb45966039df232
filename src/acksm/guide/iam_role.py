"""Guide §2.1.2: the controllers' role: trust for the service accounts really installed, and its policies.

A role that acksm made carries tags with the cluster's ARN; a role of that name without them is refused with a diff.
Nothing that its owner attached or wrote is ever detached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acksm.aws.eks import Cluster
from acksm.aws.session import Aws, Identity
from acksm.config import Settings
from acksm.engine.change import Change, Danger, Op
from acksm.engine.diff import unified
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide import policies, trust
from acksm.guide.oidc import CLUSTER_TAG, OWNED_TAG, marks
from acksm.guide.readiness import IAM_SETTLING_SECONDS

MAX_NAME = 64


@dataclass(frozen=True)
class Wanted:
    """The role as it should be. `trust` makes its trust policy out of the one that is there; with True it may drop
    what a former life of the cluster left, because the role is acksm's own."""

    name: str
    arn: str
    path: str
    trust: Callable[[Mapping[str, Any] | None, bool], dict[str, Any]]
    managed: tuple[str, ...]
    inline: Mapping[str, Any]
    service_linked: str
    tags: Mapping[str, str]
    boundary: str
    adopt: bool
    step: str = "iam-role"
    iam: str = "iam"  # whose IAM: the key of its calls in the executor's table


@dataclass(frozen=True)
class Observed:
    """`role` as `acksm.aws.iam.Iam.get_role` gives it, or None; `service_linked` whether that role is there."""

    role: Mapping[str, Any] | None
    service_linked: bool = True


def default_name(cluster: str) -> str:
    """The guide's name, unique for each cluster."""
    return f"ack-controller-role-{cluster}"


def arn(identity: Identity, name: str, path: str) -> str:
    return f"arn:{identity.partition}:iam::{identity.account}:role{path}{name}"


def wanted(
    identity: Identity, cluster: Cluster, settings: Settings, accounts: Sequence[tuple[str, str]], provider_arn: str
) -> Wanted:
    """From options and the (namespace, service account) pairs. Errors: `role-name-too-long`, `config-invalid`."""
    name = settings.role_name or default_name(cluster.name)
    if len(name) > MAX_NAME:
        raise AcksmError(
            "role-name-too-long", f"{name!r} has {len(name)} characters; IAM allows {MAX_NAME}", where=f"role {name}"
        )
    path = settings.role_path
    if not (path.startswith("/") and path.endswith("/")):
        raise AcksmError("config-invalid", f"role-path {path!r} has to begin and end with '/'", where="--role-path")
    presets: list[str] = list(settings.policy) or [
        "core",
        *(["autoscaling"] if "applicationautoscaling" in settings.service else []),
    ]
    chosen = policies.choose([] if settings.policy_arn else presets, identity.partition, identity.account)
    subjects = tuple(sorted(trust.subject(namespace, account) for namespace, account in set(accounts)))
    return Wanted(
        name,
        arn(identity, name, path),
        path,
        lambda document, ours: trust.merge(document, provider_arn, subjects, drop_stale=ours),
        tuple(settings.policy_arn) or chosen.managed,
        chosen.inline,
        chosen.service_linked,
        {**settings.tag, **marks(cluster)},
        settings.permissions_boundary,
        settings.adopt_role,
    )


def observe(aws: Aws, name: str, service_linked: bool = True) -> Observed:
    """Read the role with its policies, and whether the service-linked role of autoscaling is there."""
    linked = aws.iam.role_exists(policies.SERVICE_LINKED_ROLE) if service_linked else True
    return Observed(aws.iam.get_role(name), linked)


def is_new(role: Mapping[str, Any] | None, now: datetime) -> bool:
    """Whether STS may not know the role everywhere yet: an earlier run, perhaps one that was killed, made it just now.
    By two clocks, so only for what is forgiven for a while anyhow."""
    created = str((role or {}).get("created") or "")
    return bool(created) and abs((now - datetime.fromisoformat(created)).total_seconds()) < IAM_SETTLING_SECONDS


def plan(observed: Observed, want: Wanted) -> list[Change]:
    """Changes towards `want`. Errors: `role-not-ours` with a diff, `role-path-differs`."""
    changes = _role(observed.role, want)
    attached = set((observed.role or {}).get("attached", ()))
    inline = (observed.role or {}).get("inline", {})
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


def _common(want: Wanted) -> dict[str, Any]:
    return {"step": want.step, "system": "aws", "target": want.arn}


def _role(role: Mapping[str, Any] | None, want: Wanted) -> list[Change]:
    if role is None:
        document = want.trust(None, True)
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
                guide="aws iam create-role --role-name $OIDC_ROLE_NAME",
            )
        ]
    tags, cluster_arn = role["tags"], want.tags[CLUSTER_TAG]
    known = tags.get(CLUSTER_TAG) == cluster_arn  # made by acksm for this cluster, or adopted for it once
    ours = known and tags.get(OWNED_TAG) == "true"
    document = want.trust(role["trust"], ours)
    if not known and not want.adopt:
        owner = tags.get(CLUSTER_TAG)
        raise AcksmError(
            "role-not-ours",
            f"role {want.name} exists and " + (f"belongs to {owner}" if owner else "acksm did not make it"),
            where=role["arn"],
            details={
                "diff": unified(
                    {"tags": tags, "trust": role["trust"]}, {"tags": {**tags, **want.tags}, "trust": document}
                )
            },
        )
    if role["path"] != want.path:
        raise AcksmError(
            "role-path-differs", f"role {want.name} has the path {role['path']}, not {want.path}", where=role["arn"]
        )
    danger = Danger.NONE if known else Danger.MILD
    changes = []
    missing = {key: value for key, value in want.tags.items() if tags.get(key) != value}
    if not ours:  # an adopted role is marked as used by this cluster, never as made by acksm: cleanup leaves it
        missing.pop(OWNED_TAG, None)
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
        changes.append(
            Change(
                **_common(want),
                id="iam-role.trust",
                op=Op.UPDATE,
                call=f"{want.iam}.update_trust",
                danger=danger,
                params={"name": want.name, "trust": document},
                before=role["trust"],
                after=document,
                reason="it does not let the controllers in",
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


def await_visible(aws: Aws, role_arn: str, deadline: Deadline, emit: Emit) -> None:
    """Wait until IAM shows the role. STS may lag still; `readiness.await_ready` forgives that for a while."""
    name = role_arn.rpartition("/")[2]
    wait_until(lambda: Progress(aws.iam.role_exists(name), "not visible yet"), deadline, what=f"role {name}", emit=emit)
