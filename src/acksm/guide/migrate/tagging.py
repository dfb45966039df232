"""The roles that the controllers assume in other accounts, before their sessions have tags.

A session of EKS Pod Identity passes its tags on, so both sides of each such step have to allow sts:TagSession, or
the controllers lose the other account at their next start
(https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html). What cannot be read is refused, never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.dataclass import dataclass
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.carm import accounts, command as carm, evidence, trust
from acksm.guide.carm.accounts import Controllers
from acksm.guide.connect import rights
from acksm.guide.connect.target import Target
from acksm.guide.identity import iam_role, limits
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.oidc import marks
from acksm.live import account_roles, bindings, role_selectors, running
from acksm.live.running import SELECTOR, Running
from acksm.settings import OtherAccountSettings

TAG = trust.TAG


@dataclass(frozen=True)
class Assumed:
    """The roles that a map or a selector names, by ARN: as their account has them, None for one that does not exist.
    `unread`: those whose account was not read, and why. `sessions` by account."""

    roles: Mapping[str, Role | None]
    unread: Mapping[str, str]
    sessions: Mapping[str, Aws]


def observe(target: Target, found: Sequence[Running], other: OtherAccountSettings) -> Assumed:
    """Read the roles of the cluster account, and of those accounts for which `other` has credentials."""
    observed = carm.observe(target)
    mode = SELECTOR if any(item.mode == SELECTOR for item in found) else running.CARM
    selectors = role_selectors.list_all(target.kube) if mode == SELECTOR else []
    known = evidence.Evidence(observed, mode, target.identity.partition, target.aws.partitions(), selectors=selectors)
    arns = evidence.target_arns(known)
    sessions = {target.identity.account: target.aws} | (_sessions(target, other) if arns else {})
    roles: dict[str, Role | None] = {}
    unread: dict[str, str] = {}
    for arn in arns:
        account = arn.split(":")[4]
        if account not in sessions:
            unread[arn] = f"no credentials of account {account}"
            continue
        try:
            role = sessions[account].iam.get_role(arn.rpartition("/")[2])
            roles[arn] = role if role and role["arn"] == arn else None
        except AcksmError as error:
            unread[arn] = f"{error.id}: {error.message}"
    return Assumed(roles, unread, sessions)


def _sessions(target: Target, other: OtherAccountSettings) -> dict[str, Aws]:
    """By account; --target-profile may name several, with commas between."""
    profiles = [name.strip() for name in other.target_profile.split(",") if name.strip()]
    if len(profiles) < 2:
        found = accounts.session(target, other)
        return {found.identity().account: found} if found else {}
    sessions = [target.aws.with_profile(name) for name in profiles]
    return {one.identity().account: one for one in sessions}


def check(assumed: Assumed, target: Target) -> None:
    """Error: `identity-role-unread`, with every role that could not be read."""
    if not assumed.unread:
        return
    listed = [f"{arn} ({why})" for arn, why in assumed.unread.items()]
    names = sorted({arn.split(":")[4] for arn in assumed.unread})
    raise AcksmError(
        "identity-role-unread",
        f"not known whether {bindings.shortened(listed)} allows session tags, without which the controllers lose "
        f"account {', '.join(names)}",
        where=f"cluster {target.cluster.name}",
        remedy="acksm identity migrate --to pod-identity --target-profile PROFILE   (of several accounts: P1,P2)",
        details={"roles": listed},
    )


def plan(
    assumed: Assumed, own: Mapping[str, Role], target: Target, *, adopt: bool, adopt_target: bool
) -> tuple[list[Change], list[str]]:
    """sts:TagSession for each step from a role of `own` (by ARN) to another that works without tags: first in the other
    role's trust policy, then in the controllers' policy. Notes on roles that cannot be assumed even now.

    Errors: `carm-role-not-ours` and `role-not-ours` with a diff, `trust-too-long`, `carm-policy-too-long`.
    """
    changes: list[Change] = []
    notes: list[str] = []
    works: list[str] = []
    sid = trust.sid(target.cluster.arn)
    for arn, role in assumed.roles.items():
        named = (
            [one for one in own if trust.trusts(role["trust"], one, False).verdict is not Verdict.NO] if role else []
        )
        if role is None or not named:
            why = "trusts none of the controllers' roles" if role else "does not exist"
            notes.append(f"{arn} {why}, so the controllers cannot assume it now either")
            continue
        works.append(arn)
        lacking = [one for one in named if trust.trusts(role["trust"], one, True).why == "tag-session"]
        if lacking:
            want = _desired(arn, lacking, target, sid, adopt_target)
            found = accounts.plan_target(iam_role.Observed(role), want, Controllers(lacking, True))
            limits.check(found, role, assumed.sessions[arn.split(":")[4]].iam.quotas)
            changes += found
    for one, role in own.items():
        held = role
        for arn in works:
            if _may_tag(target, held, one, arn):
                continue
            found = accounts.plan_own(held, one, arn, Controllers([one], True), target, adopt=adopt)
            changes += found
            for change in found:  # one statement has all roles of the policy
                held = {**held, "inline": {**held["inline"], trust.POLICY: change.params["document"]}}
    return changes, notes


def _may_tag(target: Target, role: Role, own: str, arn: str) -> bool:
    """Whether the controllers' role may tag its sessions of `arn`, by its inline policies or by IAM's simulation; also
    where it may not even assume it."""
    documents, simulated = role["inline"].values(), target.aws.iam.simulated
    if trust.allows(documents, arn, TAG).verdict is Verdict.YES or simulated(own, TAG, arn):
        return True
    return trust.allows(documents, arn).verdict is not Verdict.YES and simulated(own, trust.ASSUME, arn) is False


def _desired(arn: str, principals: Sequence[str], target: Target, sid: str, adopt: bool) -> iam_role.Desired:
    """The other role with these principals trusted with tags; nothing else of it is changed."""
    found = account_roles.parse(arn, [target.identity.partition], arn)
    local = found.account == target.identity.account
    return iam_role.Desired(
        found.name,
        arn,
        found.path,
        lambda document, _ownership: trust.merge_trust(document, principals, True, sid),
        (),
        {},
        "",
        marks(target.cluster),
        "",
        adopt,
        step=accounts.TARGET_STEP,
        iam="iam" if local else f"{rights.OTHER_ACCOUNT}{found.account}-iam",
        foreign=True,
    )


def calls(assumed: Assumed) -> dict[str, Callable[..., object]]:
    """The calls of these changes, for the executor's table."""
    return {
        f"{rights.OTHER_ACCOUNT}{account}-{call}": work
        for account, session in assumed.sessions.items()
        for call, work in session.dispatch_table().items()
    }


def check_rights(assumed: Assumed, changes: Sequence[Change]) -> list[str]:
    """Whether the callers in the other accounts may do it; notes on what is unknown. Error: `aws-access-denied`."""
    notes: list[str] = []
    for account, session in assumed.sessions.items():
        prefix = f"{rights.OTHER_ACCOUNT}{account}-"
        own = [replace(one, call=one.call.removeprefix(prefix)) for one in changes if one.call.startswith(prefix)]
        notes += rights.check_iam(session.iam, session.identity().arn, own) if own else []
    return notes
