"""Guide §6.1: both accounts set up: the controller role may assume the target account's role, which trusts it and has
the controllers' policies.

The controller role's policy names exactly those roles (G8: the guide's "*" allows assuming every role). The target
account is reached by a profile, by a role to assume, or not at all: then its administrator gets a
template (`guide/carm/template.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op, Plan, words
from acksm.engine.diff import unified
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.carm import template as cloudformation, trust
from acksm.guide.connect import rights
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import iam_role, limits, policies, role_names, role_policies
from acksm.guide.identity.oidc import clusters_of, marks
from acksm.live import account_roles, bindings, discovery
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import TARGET_ROLE, Declared, OtherAccountSettings, RoleSettings, RunSettings, TargetSettings

if TYPE_CHECKING:
    from acksm import reports

STEP, TARGET_STEP = "carm-policy", "carm-role"


@dataclass(frozen=True)
class Controllers:
    """The controllers' roles. `pod_identity`: whether EKS Pod Identity passes session tags along."""

    roles: Sequence[str]
    pod_identity: bool


def identities(target: Target, role: RoleSettings, named: Sequence[str], found: Sequence[Running]) -> Controllers:
    """The roles of acksm's own controllers, or the role that install would use, and the `named` ones.

    Error: `carm-controller-role`.
    """
    cluster = target.cluster
    associated = {
        item: target.aws.eks.pod_identity(cluster.name, item.namespace, item.service_account) for item in found
    }
    # where both name one, pods from before the association still have the annotation's
    roles = {item.role_arn: f"{item}" for item in found if item.role_arn or not associated[item]}
    roles |= {association.role: f"{item}" for item, association in associated.items() if association}
    if "" in roles:
        nameless = next(item for item in found if not item.role_arn and not associated[item])
        raise AcksmError("carm-controller-role", f"{nameless} has no role", where=nameless.service_account)
    if not found:
        name = role_names.of_controllers(cluster.name, role)
        roles = {role.role_arn or iam_role.arn(target.identity, name, role.role_path): "--role-arn"}
    roles |= dict.fromkeys(named, "--controller-role-arn")
    for arn, where in roles.items():
        _check_own_role(target, arn, where)
    return Controllers(sorted(roles), any(association and association.tags for association in associated.values()))


def _check_own_role(target: Target, role: str, where: str) -> None:
    account = target.identity.account
    try:
        if account_roles.parse(role, target.aws.partitions(), where).account == account:
            return
    except AcksmError as error:
        raise AcksmError("carm-controller-role", error.message, where=f"{role} of {where}") from error
    raise AcksmError("carm-controller-role", f"{role} is not in account {account}", where=where)


def session(target: Target, other: OtherAccountSettings) -> Aws | None:
    """A session in the target account, None where no option says how. Errors: of `reach`."""
    if not other.reachable:
        return None
    account = other.target_account
    if not account and other.target_role_arn:
        account = account_roles.parse(other.target_role_arn, target.aws.partitions(), "--target-role-arn").account
    account = account or target.aws.with_profile(other.target_profile).identity().account
    return reach(target, other, account)


def reach(target: Target, other: OtherAccountSettings, account: str) -> Aws:
    """A session in the target account, which is checked. Errors: `carm-target-account`, `carm-target-access`, aws-…"""
    if other.target_profile and other.target_role_arn:
        raise AcksmError("carm-target-access", "--target-profile and --target-role-arn are mutually exclusive")
    if other.target_role_arn:
        admin = account_roles.check(
            other.target_role_arn,
            account=account,
            partition=target.identity.partition,
            partitions=target.aws.partitions(),
            where="--target-role-arn",
        )
        aws = target.aws.assume(str(admin))
    else:
        aws = target.aws.with_profile(other.target_profile)
    found = aws.identity()
    if found.account != account:
        raise AcksmError(
            "carm-target-account",
            f"the credentials belong to account {found.account}, not {account}",
            where=found.arn,
        )
    return aws


def desired_role(
    target: Target,
    other: OtherAccountSettings,
    account: str,
    who: Controllers,
    kinds: Mapping[str, Sequence[str]],
    role: Role | None = None,
) -> iam_role.Desired:
    """The desired role in the target account, from its options only. `kinds`: what each service reconciles, () for all;
    `role` is the existing one.

    Errors: `config-invalid`, `policy-arn-invalid`, `policy-least-roles`.
    """
    partition = target.identity.partition
    name, path = other.target_role_name, other.target_role_path
    arn = f"arn:{partition}:iam::{account}:role{path}{name}"
    account_roles.parse(arn, [partition], "--target-role-name")
    limits.check_tags(other.target_tag, "--target-tag")
    limits.check_policy_arns(other.target_policy_arn, partition, account, "--target-policy-arn")
    boundaries = [other.target_permissions_boundary] if other.target_permissions_boundary else []
    limits.check_policy_arns(boundaries, partition, account, "--target-permissions-boundary")
    chosen = role_policies.chosen(
        role_policies.PolicyOptions(
            other.target_policy,
            other.target_policy_arn,
            other.target_execution_role,
            "--target-execution-role",
        ),
        kinds,
        partition,
        account,
        role,
    )
    own = trust.sid(target.cluster.arn)
    return iam_role.Desired(
        name,
        arn,
        path,
        lambda document, _ownership: trust.merge_trust(document, who.roles, who.pod_identity, own),
        chosen.managed,
        chosen.inline,
        chosen.service_linked,
        {**other.target_tag, **marks(target.cluster)},
        other.target_permissions_boundary,
        other.adopt_target_role,
        step=TARGET_STEP,
        iam="target-iam",
        foreign=True,
        narrowed=chosen.narrowed,
    )


def plan_target(observed: iam_role.Observed, want: iam_role.Desired, who: Controllers) -> list[Change]:
    """Changes in the target account; each new principal needs confirmation. Errors: `carm-external-id`,
    `carm-role-not-ours` with a diff."""
    document = observed.role["trust"] if observed.role else None
    for role in who.roles if observed.role else ():
        if trust.trusts(document, role, who.pod_identity).why == "external-id":
            raise AcksmError(
                "carm-external-id",
                f"the trust policy of {want.arn} requires an sts:ExternalId, which the controllers never send",
                where=want.arn,
            )
    try:
        return iam_role.plan(observed, want)
    except AcksmError as error:
        if error.id != "role-not-ours":
            raise
        raise AcksmError("carm-role-not-ours", error.message, where=error.where, details=error.details) from error


def plan_own(
    role: Role | None, arn: str, target_role: str, who: Controllers, target: Target, *, adopt: bool
) -> list[Change]:
    """The change of the controller role's inline policy; it needs confirmation where it is the first, or removes roles.
    Errors: `carm-controller-role` (missing), `role-not-ours` with a diff, `carm-policy-too-long`."""
    if role is None:
        raise AcksmError("carm-controller-role", f"role {arn} does not exist", where=arn)
    before = role["inline"].get(trust.POLICY)
    alone = clusters_of(role["tags"]) == {target.cluster.arn}
    own = trust.sid(target.cluster.arn)
    after = trust.merge_policy(before, [target_role], who.pod_identity, own, sole=alone)
    if before is not None and policies.same(before, after):
        return []
    if target.cluster.arn not in clusters_of(role["tags"]) and not adopt:
        raise AcksmError(
            "role-not-ours",
            f"the controllers' role {arn} was not created by acksm, and no option allows changing it",
            where=arn,
            remedy="acksm carm setup … --adopt-role",
            details={"diff": unified({trust.POLICY: before} if before else None, {trust.POLICY: after})},
        )
    size = policies.size_of_all({**role["inline"], trust.POLICY: after}.values())
    if size > policies.INLINE_LIMIT:
        raise AcksmError(
            "carm-policy-too-long",
            f"the inline policies of {arn} would have {size} characters, and IAM allows {policies.INLINE_LIMIT}",
            where=arn,
        )
    had, has = trust.assumable(before), trust.assumable(after)
    first = not had
    return [
        Change(
            id="carm.policy",
            step=STEP,
            op=Op.UPDATE,
            system="aws",
            target=arn,
            call="iam.put_policy",
            params={"name": arn.rpartition("/")[2], "policy": trust.POLICY, "document": after},
            before={trust.POLICY: before} if before is not None else None,
            after={trust.POLICY: after},
            words=words("writing", "wrote", f"policy {trust.POLICY} of role {arn.rpartition('/')[2]}"),
            reason=f"allows assuming {target_role}"
            + ("" if had <= has else f"; no longer {', '.join(sorted(had - has))}"),
            danger=Danger.MILD if first or not had <= has else Danger.NONE,
            guide="aws iam put-role-policy --role-name roleA-production --policy-name sts-assumerole",
        )
    ]


def with_declared(other: OtherAccountSettings, declared: Declared) -> OtherAccountSettings:
    """The settings with what acksm.yaml declares: the account where it has one alone, and the name of the role that
    `carm bind` would write for it, unless options name them. Errors: `carm-account`, `carm-role-arn`."""
    accounts = dict.fromkeys([*declared.accounts, *(item.account for item in declared.namespaces.values())])
    found = [account for account in accounts if account]
    account = other.target_account or (found[0] if len(found) == 1 else "")
    if not account:
        many = f"; the settings file declares {', '.join(found)}" if found else ""
        raise AcksmError(
            "carm-account",
            f"no target account given{many}",
            where="--target-account",
            remedy=f"acksm … --target-account {found[0] if found else 'ID'}",
        )
    update = {"target_account": account}
    arn = declared.accounts[account].role_arn if account in declared.accounts else ""
    if arn and (other.target_role_name, other.target_role_path) == (TARGET_ROLE, "/"):
        role = account_roles.parse(arn, [arn.split(":")[1]] if ":" in arn else [], f"accounts.{account}.role-arn")
        update |= {"target_role_name": role.name, "target_role_path": role.path}
    return other.model_copy(update=update)


def run(
    at: TargetSettings,
    services: Sequence[str],
    role: RoleSettings,
    other: OtherAccountSettings,
    run: RunSettings,
    ui: Output,
    *,
    print_only: bool,
) -> int:
    """`carm setup`. With `print_only` nothing changes in the target account, whose administrator gets a template.
    `services` count where no controller is installed yet."""
    account = other.target_account
    account_roles.check_account(account, "--target-account")
    if not print_only and not other.reachable:
        raise AcksmError(
            "carm-target-access",
            f"no credentials for account {account}: neither --target-profile nor --target-role-arn is set",
            where="--target-account",
            remedy="acksm … --target-profile PROFILE   (or --target-role-arn ARN; or --print, for its administrator)",
        )
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        if account == target.identity.account:
            raise AcksmError("carm-own-account", f"{account} is the cluster account, not a target account")
        discovered = discovery.observe(target.kube, at.controller_namespace)
        found = discovered.own
        role_names.check(other.target_role_name, other.target_role_path, "--target-role-name", "--target-role-path")
        who = identities(target, role, other.controller_role_arn, found)
        kinds = {item.service: item.kinds for item in found} or dict.fromkeys(services, ())
        changes: list[Change] = []
        notes: list[str] = []
        table: dict[str, Callable[..., object]] = dict(target.aws.dispatch_table())
        if print_only:
            want = desired_role(target, other, account, who, kinds)
        else:
            target_aws = reach(target, other, account)
            observed = iam_role.observe(target_aws, other.target_role_name)
            want = desired_role(target, other, account, who, kinds, observed.role)
            changes += plan_target(observed, want, who)
            limits.check(changes, observed.role, target_aws.iam.quotas)
            table |= {f"{rights.OTHER_ACCOUNT}{call}": work for call, work in target_aws.dispatch_table().items()}
            if not run.dry_run:
                notes += rights.check_iam(target_aws.iam, target_aws.identity().arn, changes)
        unseen = discovered.unseen(at.controller_namespace)
        notes += [f"not checked: {unseen}"] if unseen else []
        notes += [
            f"the role of {item} is not trusted; to trust it, add --controller-role-arn {item.role_arn}"
            for item in discovered.others
            if item.role_arn and item.role_arn not in who.roles
        ]
        for arn in who.roles:
            own = target.aws.iam.get_role(arn.rpartition("/")[2])
            changes += plan_own(own, arn, want.arn, who, target, adopt=role.adopt_role)
            wide = trust.wide_open(own["inline"] if own else {})
            notes += [f"policy {name} of {arn} allows assuming every role and is no longer needed" for name in wide]
        facts: reports.CarmSetupFacts = {
            "account": account,
            "target_role": want.arn,
            "controller_roles": list(who.roles),
        }
        text = f"{want.arn} trusts {', '.join(who.roles)}\nnext: acksm carm bind NAMESPACE --target-account {account}"
        if print_only:
            template = cloudformation.template(want, who.roles)
            commands = cloudformation.commands(want)
            facts["template"], facts["commands"] = template, commands
            text = cloudformation.text(want, template, commands)
        plan = Plan("carm setup", tuple(changes), tuple(notes), dict(facts))
        return apply_plan(
            target, ui, plan, {**bindings.kube_calls(target.kube), **table}, text, dry_text=text if print_only else ""
        )
