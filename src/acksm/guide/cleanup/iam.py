"""Delete roles and OIDC providers, which guide §9 leaves behind (G13), when nothing else uses them.

A role is owned when its tags say so, for this cluster. It is in use when a service account, an instance profile or EKS
Pod Identity has it, or its trust policy trusts anything that acksm did not write there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from acksm.ack import charts
from acksm.aws.documents import Statement
from acksm.aws.eks import Addon, Association
from acksm.aws.pod_identity import AGENT
from acksm.engine.change import Change, Danger, Op, words
from acksm.guide.carm import trust
from acksm.guide.cleanup.observation import Desired, Observed, Part, Providers, RoleState
from acksm.guide.identity import associations, oidc, pod_trust
from acksm.guide.identity.judged import GONE, as_list, statements
from acksm.guide.identity.oidc import clusters_of
from acksm.guide.samples import roles
from acksm.json_types import Json

STEP, TARGET_STEP, OIDC = "iam", "carm-role", "oidc"
Account = tuple[str, str]  # namespace, service account


def uses(
    state: RoleState,
    *,
    providers: Providers,
    deleted: Collection[Account] = (),
    dissociated: Collection[Account] = (),
    cluster_arn: str = "",
    accounts: Iterable[tuple[str, str, str]] | None = (),
    principals: Collection[str] = (),
) -> list[str]:
    """What else uses a role, as messages. `deleted`: service accounts that this cleanup deletes, `dissociated` those
    whose association it deletes; `principals`: the ARNs that may be in its trust policy because acksm wrote them there.
    Its own statements for EKS Pod Identity in the cluster count by the associations."""
    if accounts is None:
        return ["may be used by a service account (they cannot be listed)"]
    found = [
        f"used by service account {ns}/{name}"
        for ns, name, role in accounts
        if role == state.arn and (ns, name) not in deleted
    ]
    found += [f"used by instance profile {name}" for name in state.profiles]
    deleted_names = {f"{ns}/{name}" for ns, name in dissociated}
    found += [f"used by EKS Pod Identity of {name}" for name in state.pods if name not in deleted_names]
    for statement in statements(state.role["trust"] if state.role else None):
        if statement.get("Effect") != "Deny" and pod_trust.trusted_subjects(statement, cluster_arn) is None:
            found += _trusted(statement, providers, set(principals))
    return list(dict.fromkeys(found))


def trusted_by_acksm(state: RoleState) -> set[str]:
    """Principals that acksm wrote into the trust policy: SageMaker, for the role of `samples apply --with-role`."""
    return {roles.SERVICE} if state.name.startswith(roles.PREFIX) else set()


def _trusted(statement: Statement, providers: Providers, principals: set[str]) -> list[str]:
    """Principals of a trust policy that count as users. The cluster's own issuer does not, because its service
    accounts with the role are read in the cluster."""
    principal = statement.get("Principal")
    named = {
        str(name)
        for kind in (principal.values() if isinstance(principal, Mapping) else [principal])
        for name in as_list(kind)
        if name is not None
    }
    ignored = principals | {providers.issuer, *providers.owned}
    return [
        f"its trust policy trusts {name}"
        for name in sorted(named - ignored)
        if not GONE.fullmatch(name) and (":oidc-provider/" not in name or name in providers.existing)
    ]


def plan_role(state: RoleState, *, step: str = STEP, iam: str = "iam") -> list[Change]:
    """Detach managed policies, delete inline ones, then the role, and its boundary with it."""
    role = state.role
    if role is None:
        return []
    common: Json = {
        "step": step,
        "op": Op.DELETE,
        "system": "aws",
        "target": state.arn,
        "danger": Danger.MILD,
    }
    changes = [
        Change(
            **common,
            id="cleanup.role-detach",
            call=f"{iam}.detach_policy",
            params={"name": state.name, "policy_arn": arn},
            before={"attached": arn},
            words=words("detaching", "detached", f"{arn.rpartition('/')[2]} from role {state.name}"),
            guide=f"aws iam detach-role-policy --role-name {state.name} --policy-arn {arn}",
        )
        for arn in role["attached"]
    ]
    changes += [
        Change(
            **common,
            id="cleanup.role-inline",
            call=f"{iam}.delete_policy",
            params={"name": state.name, "policy": name},
            before={name: document},
            words=words("deleting", "deleted", f"policy {name} of role {state.name}"),
            guide=f"aws iam delete-role-policy --role-name {state.name} --policy-name {name}",
        )
        for name, document in role["inline"].items()
    ]
    boundary = {"boundary": role["boundary"]} if role.get("boundary") else {}
    changes.append(
        Change(
            **common,
            id="cleanup.role",
            call=f"{iam}.delete_role",
            params={"name": state.name},
            before={"trust": role["trust"], "tags": dict(role["tags"]), **boundary},
            reason="created by acksm, and not used by anything else",
            guide=f"aws iam delete-role --role-name {state.name}",
        )
    )
    return changes


def plan_own_policy(state: RoleState, cluster_arn: str) -> list[Change]:
    """Remove this cluster's statement from the inline policy of a controller role that is kept."""
    document = state.role["inline"].get(trust.POLICY) if state.role else None
    if document is None:
        return []
    alone = clusters_of(state.role["tags"] if state.role else {}) == {cluster_arn}
    after = trust.without_policy(document, trust.sid(cluster_arn), sole=alone)
    if after == document:
        return []
    params: Json = {"name": state.name, "policy": trust.POLICY}
    return [
        Change(
            id="cleanup.carm-policy",
            step=STEP,
            op=Op.UPDATE if after else Op.DELETE,
            system="aws",
            target=state.arn,
            call="iam.put_policy" if after else "iam.delete_policy",
            params=params | ({"document": after} if after else {}),
            before={trust.POLICY: document},
            after={trust.POLICY: after} if after else None,
            reason="no account is bound any more",
            words=words("updating", "updated", f"policy {trust.POLICY} of role {state.name}")
            if after
            else words("deleting", "deleted", f"policy {trust.POLICY} of role {state.name}"),
            danger=Danger.MILD,
        )
    ]


def plan_target_trust(state: RoleState, cluster_arn: str, principals: Collection[str], iam: str) -> list[Change]:
    """Remove this cluster's statement from the trust policy of a target account's role that is kept: another cluster's,
    or one that acksm did not create. IAM has no empty trust policy, so the last statement is kept."""
    document = state.role["trust"] if state.role else None
    after = trust.without(document, trust.sid(cluster_arn), principals) if document else None
    if after is None or after == document:
        return []
    return [
        Change(
            id="cleanup.carm-trust",
            step=TARGET_STEP,
            op=Op.UPDATE,
            system="aws",
            target=state.arn,
            call=f"{iam}.update_trust",
            params={"name": state.name, "trust": after},
            before=document,
            after=after,
            reason="no account is bound any more",
            words=words("updating", "updated", f"the trust policy of role {state.name}"),
            danger=Danger.MILD,
        )
    ]


class _Cluster(NamedTuple):
    arn: str

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


def plan_associations(observed: Observed, desired: Desired) -> Part:
    """Delete the associations that acksm created for the services, as it deletes the annotations with the releases; and
    with --iam the add-on of the agent, if acksm created it and no other association needs it."""
    part, services, cluster = Part(), set(desired.services), _Cluster(observed.cluster_arn)
    own = {state.account for service, state in observed.releases.items() if service in services}
    everything = services == set(charts.SERVICES)
    left: list[Association] = []
    for one in observed.associations:
        named = f"EKS Pod Identity association of service account {'/'.join(one.account)}"
        ours = associations.is_ours(one, cluster)
        if ours and (one.account in own or (everything and one.namespace == observed.namespace)):
            part.changes.append(associations.delete(one, cluster, step=STEP, reason="created by acksm"))
            continue
        left.append(one)
        if one.account in own:
            part.kept.append((named, "not created by acksm"))
    if observed.agent is not None and oidc.is_owned(observed.agent.marks, cluster.arn):
        named, users = f"EKS add-on {AGENT}", ["/".join(one.account) for one in left]
        if users:
            part.kept.append((named, f"used by service account {users[0]}"))
        elif not desired.iam:
            part.kept.append((named, "delete with --iam"))
        else:
            part.changes.append(_without_agent(observed.agent, cluster))
    return part


def _without_agent(agent: Addon, cluster: _Cluster) -> Change:
    return Change(
        id="agent.delete",
        step=STEP,
        op=Op.DELETE,
        system="aws",
        target=f"add-on {AGENT}",
        call="eks.delete_addon",
        params={"cluster": cluster.name, "name": AGENT},
        before={"tags": dict(agent.marks)},
        reason="created by acksm, and no association needs it",
        words=words("deleting", "deleted", f"EKS add-on {AGENT}"),
        danger=Danger.MILD,
        guide=f"aws eks delete-addon --cluster-name {cluster.name} --addon-name {AGENT}",
    )


def dissociated(part: Part, observed: Observed) -> set[Account]:
    """The service accounts whose association `part` deletes."""
    names = {change.params["name"] for change in part.changes if change.call == "eks.delete_association"}
    return {one.account for one in observed.associations if one.name in names}


def provider_users(arn: str, providers: Providers, deleted: Collection[str]) -> list[str]:
    """ARNs of roles that trust the provider and are kept. `deleted`: roles that this cleanup deletes."""
    return sorted(
        role
        for role, document in (providers.trusts or {}).items()
        if role not in deleted
        and any(
            arn in as_list(item["Principal"].get("Federated"))
            for item in statements(document)
            if isinstance(item.get("Principal"), Mapping)
        )
    )


def plan_provider(arn: str) -> Change:
    return Change(
        id="cleanup.oidc",
        step=OIDC,
        op=Op.DELETE,
        system="aws",
        target=arn,
        call="iam.delete_oidc_provider",
        params={"arn": arn},
        reason="created by acksm, and no role trusts it",
        danger=Danger.MILD,
        guide=f"aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {arn}",
    )
