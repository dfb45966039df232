"""Associations of EKS Pod Identity: which the controllers' service accounts have, and the changes to those they need.

One that acksm created has its tags, as a role does. One of another user or tool is never changed: with the desired role
it is used as it is, and with another role, or managed by an EKS add-on, it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from acksm.aws.account import Aws
from acksm.aws.eks import Association, Cluster
from acksm.engine.change import Change, Danger, Op, words
from acksm.errors import AcksmError
from acksm.guide.identity.oidc import is_owned, marks

STEP = "association"
Account = tuple[str, str]  # namespace, service account


class InEks(Protocol):
    """A cluster, by its name and ARN."""

    @property
    def name(self) -> str: ...

    @property
    def arn(self) -> str: ...


Found = Mapping[Account, Association | None]


def observe(aws: Aws, cluster: Cluster, accounts: Iterable[Account]) -> Found:
    """The association of each service account, None where it has none. Errors: aws-…"""
    wanted = list(dict.fromkeys(accounts))
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = pool.map(lambda account: aws.eks.pod_identity(cluster.name, *account), wanted)
        return dict(zip(wanted, found, strict=True))


def of_namespace(aws: Aws, cluster: Cluster, namespace: str) -> dict[Account, Association]:
    """Every association of a namespace, by its service account: with one list. Errors: aws-…"""
    return {one.account: one for one in aws.eks.associations(cluster.name, namespace)}


def have_tags(found: Found) -> bool:
    """Whether the sessions of all associations have tags; those that do not exist yet will have."""
    return all(one is None or one.tags for one in found.values())


def role_of(found: Found) -> str:
    """The role that all existing associations go through, "" where they differ or none exists."""
    roles = {one.through for one in found.values() if one is not None}
    return roles.pop() if len(roles) == 1 else ""


def is_ours(association: Association, cluster: InEks) -> bool:
    """Whether acksm created it for the cluster."""
    return is_owned(association.marks, cluster.arn) and not association.owner


def plan(found: Found, role_arn: str, cluster: Cluster, tags: Mapping[str, str]) -> list[Change]:
    """Changes after which each service account of `found` has an association with the role. `tags` are those of the
    settings. What an association has besides its role (a target role, a session policy) is kept.

    Error: `association-not-ours`.
    """
    changes = []
    for account, now in found.items():
        if now is None:
            changes.append(_create(account, role_arn, cluster, {**tags, **marks(cluster)}))
        elif now.through != role_arn:
            changes.append(_update(now, role_arn, cluster))
    return changes


def _named(account: Account) -> str:
    return "service account " + "/".join(account)


def _create(account: Account, role_arn: str, cluster: Cluster, tags: Mapping[str, str]) -> Change:
    namespace, name = account
    return Change(
        id="association.create",
        step=STEP,
        op=Op.CREATE,
        system="aws",
        target=_named(account),
        call="eks.create_association",
        params={
            "cluster": cluster.name,
            "namespace": namespace,
            "service_account": name,
            "role_arn": role_arn,
            "tags": dict(tags),
        },
        after={"role": role_arn, "tags": dict(tags)},
        words=words("associating", "associated", f"{_named(account)} with role {role_arn.rpartition('/')[2]}"),
        guide=f"aws eks create-pod-identity-association --cluster-name $CLUSTER_NAME --namespace {namespace} "
        f"--service-account {name} --role-arn $ROLE_ARN",
    )


def _update(now: Association, role_arn: str, cluster: Cluster) -> Change:
    if not is_ours(now, cluster):
        by = f"is managed by add-on {now.owner}" if now.owner else "was not created by acksm"
        fix = f"--cluster-name {cluster.name} --region {cluster.region} --association-id {now.name}"
        raise AcksmError(
            "association-not-ours",
            f"{_named(now.account)} has an association with role {now.through}, which {by}",
            where=f"association {now.name}",
            remedy=f"acksm install --role-arn {now.through}   (use that role"
            + ("" if now.owner else f"; or: aws eks update-pod-identity-association {fix} --role-arn {role_arn}")
            + ")",
            details={"role": now.through, "association": now.name, "owner": now.owner},
        )
    return Change(
        id="association.update",
        step=STEP,
        op=Op.UPDATE,
        system="aws",
        target=_named(now.account),
        call="eks.update_association",
        params={"cluster": cluster.name, "name": now.name, "role_arn": role_arn},
        before={"role": now.through},
        after={"role": role_arn},
        words=words("associating", "associated", f"{_named(now.account)} with role {role_arn.rpartition('/')[2]}"),
        danger=Danger.MILD,
        reason=f"role {role_arn.rpartition('/')[2]} instead of {now.through.rpartition('/')[2]}",
    )


def delete(now: Association, cluster: InEks, *, step: str = STEP, reason: str = "") -> Change:
    """Delete an association that acksm created."""
    return Change(
        id="association.delete",
        step=step,
        op=Op.DELETE,
        system="aws",
        target=_named(now.account),
        call="eks.delete_association",
        params={"cluster": cluster.name, "name": now.name},
        before={"role": now.through, "tags": dict(now.marks)},
        reason=reason,
        words=words("deleting", "deleted", f"the association of {_named(now.account)}"),
        danger=Danger.MILD,
        guide=f"aws eks delete-pod-identity-association --cluster-name {cluster.name} --association-id {now.name}",
    )
