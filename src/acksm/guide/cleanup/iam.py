"""Guide §9 leaves roles and providers behind (G13); here they go: detached, emptied, and only when nobody else has
use for them.

A role is acksm's when its tags say so, for this cluster. Who else uses it is asked of everything that could: service
accounts, instance profiles, EKS Pod Identity, and every principal that its trust policy lets in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from acksm.aws.documents import Statement
from acksm.engine.change import Change, Danger, Op
from acksm.guide.carm import trust
from acksm.guide.cleanup.observation import Observed, Providers, RoleState
from acksm.guide.identity import policies
from acksm.guide.identity.judged import GONE, as_list, statements
from acksm.guide.identity.oidc import clusters_of
from acksm.guide.samples import roles
from acksm.json_types import Json

STEP, FAR_STEP, OIDC = "iam", "carm-role", "oidc"
Account = tuple[str, str]  # namespace, service account


def users(
    seen: RoleState,
    *,
    providers: Providers,
    going: Collection[Account] = (),
    accounts: Iterable[tuple[str, str, str]] | None = (),
    principals: Collection[str] = (),
) -> list[str]:
    """Who else uses a role, in words. `going`: service accounts that this cleanup takes away; `principals`: the ARNs
    that may be in its trust policy because acksm wrote them there."""
    if accounts is None:
        return ["a service account (they cannot be listed) may be what"]
    found = [
        f"service account {ns}/{name}" for ns, name, role in accounts if role == seen.arn and (ns, name) not in going
    ]
    found += [f"instance profile {name}" for name in seen.profiles]
    gone = {f"{ns}/{name}" for ns, name in going}
    found += [f"pod identity of {name}" for name in seen.pods if name not in gone]
    for statement in statements(seen.role["trust"] if seen.role else None):
        if statement.get("Effect") != "Deny":
            found += _let_in(statement, providers, set(principals))
    return list(dict.fromkeys(found))


def written(seen: RoleState) -> set[str]:
    """Principals that acksm itself let in: SageMaker, where the role is the samples' (`samples apply --with-role`)."""
    return {roles.SERVICE} if seen.name.startswith(roles.PREFIX) else set()


def _let_in(statement: Statement, providers: Providers, principals: set[str]) -> list[str]:
    """Principals of a trust policy that are somebody's. The cluster's own issuer is not: who of its service accounts
    has the role was asked in the cluster."""
    principal = statement.get("Principal")
    named = {
        str(name)
        for kind in (principal.values() if isinstance(principal, Mapping) else [principal])
        for name in as_list(kind)
        if name is not None
    }
    nobody = principals | {providers.issuer, *providers.ours}
    return [
        f"{name} (by its trust policy)"
        for name in sorted(named - nobody)
        if not GONE.fullmatch(name) and (":oidc-provider/" not in name or name in providers.there)
    ]


def plan_role(seen: RoleState, *, step: str = STEP, iam: str = "iam") -> list[Change]:
    """The role away: managed policies detached, inline ones deleted, then itself, its boundary with it."""
    role = seen.role
    if role is None:
        return []
    common: Json = {
        "step": step,
        "op": Op.DELETE,
        "system": "aws",
        "target": seen.arn,
        "danger": Danger.MILD,
    }
    changes = [
        Change(
            **common,
            id="cleanup.role-detach",
            call=f"{iam}.detach_policy",
            params={"name": seen.name, "policy_arn": arn},
            before={"attached": arn},
            guide=f"aws iam detach-role-policy --role-name {seen.name} --policy-arn {arn}",
        )
        for arn in role["attached"]
    ]
    changes += [
        Change(
            **common,
            id="cleanup.role-inline",
            call=f"{iam}.delete_policy",
            params={"name": seen.name, "policy": name},
            before={name: document},
            guide=f"aws iam delete-role-policy --role-name {seen.name} --policy-name {name}",
        )
        for name, document in role["inline"].items()
    ]
    boundary = {"boundary": role["boundary"]} if role.get("boundary") else {}
    changes.append(
        Change(
            **common,
            id="cleanup.role",
            call=f"{iam}.delete_role",
            params={"name": seen.name},
            before={"trust": role["trust"], "tags": dict(role["tags"]), **boundary},
            reason="acksm made it, and nobody else uses it",
            guide=f"aws iam delete-role --role-name {seen.name}",
        )
    )
    return changes


def plan_own_policy(seen: RoleState, cluster_arn: str) -> list[Change]:
    """This cluster's statement out of account A's inline policy, on a role that stays."""
    document = seen.role["inline"].get(trust.POLICY) if seen.role else None
    if document is None:
        return []
    alone = clusters_of(seen.role["tags"] if seen.role else {}) == {cluster_arn}
    after = trust.without_policy(document, trust.sid(cluster_arn), sole=alone)
    if after == document:
        return []
    params: Json = {"name": seen.name, "policy": trust.POLICY}
    return [
        Change(
            id="cleanup.carm-policy",
            step=STEP,
            op=Op.UPDATE if after else Op.DELETE,
            system="aws",
            target=seen.arn,
            call="iam.put_policy" if after else "iam.delete_policy",
            params=params | ({"document": after} if after else {}),
            before={trust.POLICY: document},
            after={trust.POLICY: after} if after else None,
            reason="no account is bound any more",
            danger=Danger.MILD,
        )
    ]


def plan_far_trust(seen: RoleState, cluster_arn: str, principals: Collection[str], iam: str) -> list[Change]:
    """This cluster's statement out of the trust policy of account B's role, on a role that stays: another cluster's, or
    one that acksm did not make. IAM knows no empty trust policy, so the last statement stays."""
    document = seen.role["trust"] if seen.role else None
    after = trust.without(document, trust.sid(cluster_arn), principals) if document else None
    if after is None or after == document:
        return []
    return [
        Change(
            id="cleanup.carm-trust",
            step=FAR_STEP,
            op=Op.UPDATE,
            system="aws",
            target=seen.arn,
            call=f"{iam}.update_trust",
            params={"name": seen.name, "trust": after},
            before=document,
            after=after,
            reason="no account is bound any more",
            danger=Danger.MILD,
        )
    ]


def provider_users(arn: str, providers: Providers, going: Collection[str]) -> list[str]:
    """ARNs of roles that trust the provider and stay. `going`: roles that go too."""
    return sorted(
        role
        for role, document in (providers.trusts or {}).items()
        if role not in going
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
        reason="acksm made it, and no role trusts it any more",
        danger=Danger.MILD,
        guide=f"aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {arn}",
    )


def service_linked_note(observed: Observed, partition: str) -> str:
    """Why the service-linked role stays: it is the account's, and carries no mark of who made it."""
    return (
        f"arn:{partition}:iam::{observed.own}:role/aws-service-role/{policies.LINKED_SERVICE}/"
        f"{policies.SERVICE_LINKED_ROLE}"
    )
