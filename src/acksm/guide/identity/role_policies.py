"""Which policies a role of the controllers gets: options, or what it has already; and what is said about them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from acksm.aws.documents import Role
from acksm.aws.eks import Cluster
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.identity import policies
from acksm.guide.identity.policies import Least
from acksm.settings import RoleSettings


class Asked(NamedTuple):
    """What options say of a role's policies; `option` is the one that names execution roles."""

    presets: Sequence[str]
    arns: Sequence[str]
    execution_roles: Sequence[str]
    option: str


def chosen(
    asked: Asked,
    kinds: Mapping[str, Sequence[str]],
    partition: str,
    account: str,
    role: Role | None,
) -> policies.Chosen:
    """The policies of a role. Without options a `role` that has preset `least` keeps it, with its execution roles: a
    later run would widen again what one had narrowed. Error: `policy-least-roles`."""
    if asked.arns:
        return policies.Chosen(tuple(asked.arns))
    had = role["inline"].get(policies.LEAST) if role else None
    narrow = had and policies.core_arn(partition) not in (role["attached"] if role else [])
    base = "least" if narrow or asked.execution_roles else "core"
    presets = list(asked.presets) or [base, *(["autoscaling"] if "applicationautoscaling" in kinds else [])]
    least = Least(kinds, tuple(asked.execution_roles) or policies.execution_roles(had))
    if "least" in presets:
        check_execution_roles(least, account, partition, asked.option)
    return policies.choose(presets, partition, account, least)


def check_execution_roles(least: Least, account: str, partition: str, option: str) -> None:
    """Error: `policy-least-roles` where `least` has to name roles and does not, or names what is no role of the
    account: SageMaker takes on no other account's."""
    if least.passes and not least.execution_roles:
        raise AcksmError(
            "policy-least-roles",
            f"preset least passes on only the roles that {option} names, and none is named",
            where=option,
            remedy=f"acksm … --policy least {option} arn:{partition}:iam::{account}:role/EXECUTION_ROLE",
        )
    head = f"arn:{partition}:iam::{account}:role/"
    for role in least.execution_roles:
        if not role.startswith(head) or set("*?") & set(role):
            raise AcksmError("policy-least-roles", f"{role!r} is not the ARN of a role {head}…", where=option)


def narrowing(cluster: Cluster, role: RoleSettings, services: Collection[str], account: str, partition: str) -> str:
    """The command that takes preset `least` in the place of `core`."""
    words = ["acksm", "iam-role", "--cluster", cluster.name, "--region", cluster.region]
    words += ["--role-name", role.role_name] if role.role_name else []
    words += ["--policy", "least"]
    words += ["--policy", "autoscaling"] if "applicationautoscaling" in services else []
    passed = (role.execution_role or [f"arn:{partition}:iam::{account}:role/EXECUTION_ROLE"])[0]
    return shlex.join([*words, "--execution-role", passed])


def notes(
    changes: Sequence[Change],
    name: str,
    kept: Collection[str],
    cluster: Cluster,
    role: RoleSettings,
    services: Collection[str],
) -> list[str]:
    """What a person should know of the policies of role `name`: once, when `core` is attached, what that lets
    people do; and which policies stay attached (`kept`) though others take their place."""
    partition, account = cluster.arn.split(":")[1], cluster.account
    attached = [change.params["policy_arn"] for change in changes if change.id == "iam-role.attach"]
    told = []
    if policies.core_arn(partition) in attached:
        told.append(
            f"{policies.CORE_MANAGED} lets whoever may create a job in the cluster pass every role of account "
            f"{account} that trusts SageMaker; to narrow it to the roles that are named: "
            + narrowing(cluster, role, services, account, partition)
        )
    told += [
        f"{policy} stays attached, for acksm did not make the role: "
        f"aws iam detach-role-policy --role-name {name} --policy-arn {policy}"
        for policy in kept
    ]
    return told
