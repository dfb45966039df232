"""Which policies the controller role gets, by options or by what it has; and the notes on them."""

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


class PolicyOptions(NamedTuple):
    """The options of a role's policies; `option` is the one that names execution roles."""

    presets: Sequence[str]
    arns: Sequence[str]
    execution_roles: Sequence[str]
    option: str


def chosen(
    options: PolicyOptions,
    kinds: Mapping[str, Sequence[str]],
    partition: str,
    account: str,
    role: Role | None,
) -> policies.Chosen:
    """The policies of a role. Without options a `role` that has preset `least` keeps it, with its execution roles, so
    that a later run does not widen it again. Error: `policy-least-roles`."""
    if options.arns:
        return policies.Chosen(tuple(options.arns))
    had = role["inline"].get(policies.LEAST) if role else None
    narrow = had and policies.core_arn(partition) not in (role["attached"] if role else [])
    base = "least" if narrow or options.execution_roles else "core"
    presets = list(options.presets) or [base, *(["autoscaling"] if "applicationautoscaling" in kinds else [])]
    least = Least(kinds, tuple(options.execution_roles) or policies.execution_roles(had))
    if "least" in presets:
        check_execution_roles(least, account, partition, options.option)
    return policies.choose(presets, partition, account, least)


def check_execution_roles(least: Least, account: str, partition: str, option: str) -> None:
    """Error: `policy-least-roles` where `least` needs execution roles and has none, or one that is not a role of the
    account: SageMaker cannot assume another account's."""
    if least.passes and not least.execution_roles:
        raise AcksmError(
            "policy-least-roles",
            f"policy preset least requires {option}",
            where=option,
            remedy=f"acksm … --policy least {option} arn:{partition}:iam::{account}:role/EXECUTION_ROLE",
        )
    head = f"arn:{partition}:iam::{account}:role/"
    for role in least.execution_roles:
        if not role.startswith(head) or set("*?") & set(role):
            raise AcksmError(
                "policy-least-roles", f"{role!r} is not a role ARN of account {account} ({head}NAME)", where=option
            )


def narrowing(cluster: Cluster, role: RoleSettings, services: Collection[str], account: str, partition: str) -> str:
    """The command that replaces preset `core` by `least`."""
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
    """Notes on the policies of role `name`: when `core` is attached, what that allows; and which policies remain
    attached (`kept`) although others replace them."""
    partition, account = cluster.arn.split(":")[1], cluster.account
    attached = [change.params["policy_arn"] for change in changes if change.id == "iam-role.attach"]
    found = []
    if policies.core_arn(partition) in attached:
        found.append(
            f"{policies.CORE_MANAGED} allows anyone who can create a job in the cluster to pass every role of account "
            f"{account} that trusts SageMaker; to allow only the roles that you name: "
            + narrowing(cluster, role, services, account, partition)
        )
    found += [
        f"{policy} remains attached, because acksm did not create the role; to detach it: "
        f"aws iam detach-role-policy --role-name {name} --policy-arn {policy}"
        for policy in kept
    ]
    return found
