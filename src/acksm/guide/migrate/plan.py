"""The way between IRSA and EKS Pod Identity as changes, with the same role on both, so that no pod is ever without it.

To EKS Pod Identity: the role trusts EKS too; roles in other accounts allow session tags; an association for each
service account; pods are restarted until they have it. Back: the role trusts the tokens too; the annotation; the
association is deleted, as it would win; pods are restarted. Only `finish` removes the other way, after that proof.
A run that was killed anywhere is continued by the next, since each change is planned from what exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from acksm.aws.documents import Role
from acksm.aws.eks import Association, Cluster
from acksm.dataclass import dataclass
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.identity import associations, iam_role, oidc, pod_trust, trust
from acksm.guide.identity.iam_role import Ownership
from acksm.guide.identity.oidc import marks
from acksm.json_types import Document, Json, Manifest
from acksm.kube.owners import Owner
from acksm.live import readiness
from acksm.live.identities import Pod, Way
from acksm.live.running import Running

STEP = "identity"
Trusts = Callable[[Document | None, Ownership], Json]


@dataclass(frozen=True)
class One:
    """One controller: its annotation is `running.role_arn`, and `recorded` the one of its release, None where helm has
    none. `rolls`: whether a rollout has not finished; `interrupted`: whether an operation of helm has not; `manifest`:
    its Deployment; `kept_by`: who keeps it instead of helm."""

    running: Running
    association: Association | None
    pods: tuple[Pod, ...] = ()
    rolls: bool = False
    manifest: Manifest | None = None
    recorded: str | None = None
    interrupted: bool = False
    kept_by: Owner | None = None

    @property
    def subject(self) -> str:
        return trust.subject(self.running.namespace, self.running.service_account)

    @property
    def role(self) -> str:
        """The role of both ways: the association's, else the annotation's; "" for neither."""
        return self.association.through if self.association else self.running.role_arn

    def to_annotate(self, role: str) -> bool:
        """Whether helm has to change its annotation to `role`, "" for none."""
        return (
            self.running.role_arn != role or (self.recorded is not None and self.recorded != role) or self.interrupted
        )

    def lacking(self, way: Way) -> list[Pod]:
        """The pods that do not have the role by `way`."""
        return [one for one in self.pods if one.way is not way or (way is Way.IRSA and one.role != self.role)]


@dataclass(frozen=True)
class Observed:
    """`roles`: those of the controllers, by ARN, None for one that does not exist. `unseen`: which controllers could
    not be searched, "" for none."""

    controllers: Sequence[One]
    roles: Mapping[str, Role | None]
    provider: oidc.Observed
    unseen: str = ""


def check(observed: Observed, to: Way, cluster: Cluster, account: str) -> None:
    """Refuse what could not work, before the first write. Errors: `identity-missing`, `identity-roles-differ`,
    `identity-role-account`, `identity-target-role`, `association-not-ours`."""
    for one in observed.controllers:
        item, found = one.running, one.association
        where = f"service account {item.namespace}/{item.service_account}"
        if not one.role:
            raise AcksmError(
                "identity-missing", f"{item} has neither an association nor a role annotation", where=where
            )
        if found and item.role_arn and item.role_arn not in {found.through, found.role}:
            listed = f"aws eks list-pod-identity-associations --cluster-name {cluster.name} --region {cluster.region}"
            raise AcksmError(
                "identity-roles-differ",
                f"the association of {where} has role {found.through}, but the annotation is {item.role_arn}",
                where=where,
                remedy=f"{listed} --namespace {item.namespace} --service-account {item.service_account}   (then update "
                "or delete the one that is wrong)",
            )
        if f"::{account}:" not in one.role:
            text = f"role {one.role} of {item} is not in account {account}"
            raise AcksmError("identity-role-account", text, where=where)
        if observed.roles.get(one.role) is None:
            raise AcksmError("carm-controller-role", f"role {one.role} does not exist", where=where)
        if found and to is Way.IRSA and found.role != found.through:
            raise AcksmError(
                "identity-target-role",
                f"the association of {where} leads to {found.role} through {found.through}, which an annotation cannot",
                where=where,
            )
        if found and to is Way.IRSA and found.owner:
            text = f"the association of {where} is managed by add-on {found.owner}"
            remedy = f"aws eks list-addons --cluster-name {cluster.name} --region {cluster.region}"
            raise AcksmError("association-not-ours", text, where=where, remedy=remedy)


def trusts(observed: Observed, to: Way, cluster: Cluster, *, adopt: bool) -> list[tuple[Role, list[Change]]]:
    """Each role with the changes by which it trusts the way `to` too; nothing is removed. Errors: of
    `iam_role.plan`."""
    return _of_roles(observed, cluster, adopt, lambda subjects: _adding(observed, to, cluster, subjects))


def _adding(observed: Observed, to: Way, cluster: Cluster, subjects: Sequence[str]) -> Trusts:
    if to is Way.POD_IDENTITY:
        tags = all(one.association.tags for one in observed.controllers if one.association)
        return lambda document, _ownership: pod_trust.merge(document, cluster.arn, subjects, ours=False, tags=tags)
    return lambda document, _ownership: trust.merge(document, observed.provider.arn, subjects, ours=False)


def untrusts(observed: Observed, to: Way, cluster: Cluster, *, adopt: bool) -> list[tuple[Role, list[Change]]]:
    """Each role with the changes by which it no longer trusts the other way for these service accounts."""
    return _of_roles(observed, cluster, adopt, lambda subjects: _removing(observed, to, cluster, subjects))


def is_trusted(observed: Observed, to: Way, cluster: Cluster) -> bool:
    """Whether a role still trusts the other way."""
    return any(_differing(observed, lambda subjects: _removing(observed, to, cluster, subjects)))


def _removing(observed: Observed, to: Way, cluster: Cluster, subjects: Sequence[str]) -> Trusts:
    if to is Way.POD_IDENTITY:
        return lambda document, _ownership: trust.without(document or {}, observed.provider.arn, subjects)
    return lambda document, _ownership: pod_trust.without(document or {}, cluster.arn, subjects)


def _of_roles(
    observed: Observed, cluster: Cluster, adopt: bool, change: Callable[[Sequence[str]], Trusts]
) -> list[tuple[Role, list[Change]]]:
    found = []
    for role, to_trust in _differing(observed, change):
        name, arn = role["arn"].rpartition("/")[2], role["arn"]
        want = iam_role.Desired(name, arn, role["path"], to_trust, (), {}, "", marks(cluster), "", adopt)
        found.append((role, iam_role.plan(iam_role.Observed(role), want)))
    return found


def _differing(observed: Observed, change: Callable[[Sequence[str]], Trusts]) -> Iterator[tuple[Role, Trusts]]:
    """The roles whose trust policy would change. One of another owner that trusts both ways is left to its owner."""
    for arn, role in observed.roles.items():
        subjects = sorted(one.subject for one in observed.controllers if one.role == arn)
        if role is None or not subjects:
            continue
        to_trust = change(subjects)
        if to_trust(role["trust"], Ownership(ours=False)) != role["trust"]:
            yield role, to_trust


def after_trusts(observed: Observed, changed: Iterable[tuple[Role, Sequence[Change]]]) -> Observed:
    """`observed` with the roles as those changes leave them."""
    roles = dict(observed.roles)
    for role, changes in changed:
        for change in changes:
            if "trust" in change.params:
                roles[role["arn"]] = {**role, "trust": change.params["trust"]}
    return replace(observed, roles=roles)


def turn(one: One, to: Way, *, iam_changed: bool) -> list[Change]:
    """The pods of a controller get the role by `to`, proven; [] where all have it and run."""
    item = one.running
    role = one.role if to is Way.IRSA else ""
    moves = one.association is None if to is Way.POD_IDENTITY else one.association is not None
    changes: list[Change] = []
    if moves or one.lacking(to):
        changes.append(readiness.identity(item.release, item.namespace, step=STEP, lane=item.service, role_arn=role))
    if changes or one.rolls or iam_changed:
        changes.append(proven(one, to))
    return changes


def proven(one: One, to: Way) -> Change:
    """The wait for the proof that every pod of a controller has its role by `to`."""
    item, agent = one.running, to is Way.POD_IDENTITY
    role = "" if agent else one.role
    return readiness.ready(
        item.release, item.namespace, role, step=STEP, lane=item.service, iam_is_new=True, by_agent=agent
    )


def associate(one: One, cluster: Cluster, tags: Mapping[str, str]) -> list[Change]:
    """The association of a service account with the role; [] where it has one."""
    item = one.running
    if one.association is not None:
        return []
    found = {(item.namespace, item.service_account): None}
    return [replace(change, lane=item.service) for change in associations.plan(found, one.role, cluster, tags)]


def dissociate(one: One, cluster: Cluster) -> list[Change]:
    """The deletion of its association, which is confirmed: it wins over the annotation while it exists."""
    if one.association is None:
        return []
    other = "" if associations.is_ours(one.association, cluster) else "was not created by acksm, and "
    change = associations.delete(one.association, cluster, step=STEP, reason=f"{other}wins over the annotation")
    return [replace(change, lane=one.running.service)]
