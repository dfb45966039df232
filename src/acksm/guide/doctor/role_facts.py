"""What doctor reads about the controllers' roles besides the roles themselves. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acksm.aws.documents import Role
from acksm.aws.eks import Association
from acksm.errors import AcksmError
from acksm.guide.carm import trust as carm_trust
from acksm.guide.connect import compute
from acksm.guide.connect.target import Target
from acksm.guide.identity import agent as identity_agent, live_accounts, pod_trust, policies, trust
from acksm.guide.identity.judged import Judged, Verdict
from acksm.guide.identity.live_accounts import Live
from acksm.live.placement import Pod
from acksm.live.running import Running

ANY_ROLE = "acksm-any-role"  # a role that does not exist: whoever may pass it may pass every role


def roles(
    target: Target, found: Sequence[Running], associated: Mapping[tuple[str, str], Association] | AcksmError
) -> Mapping[str, Role | None]:
    """Each controller's roles in IAM, by annotation and by association; a role of another account cannot be read."""
    named = {item.role_arn for item in found}
    named |= {one.through for one in associated.values()} if not isinstance(associated, AcksmError) else set()
    read: dict[str, Role | None] = {}
    for arn in sorted(one for one in named if f"::{target.identity.account}:" in one):
        role = target.aws.iam.get_role(arn.rpartition("/")[2])
        read[arn] = role if role and role["arn"] == arn else None
    return read


def agent(target: Target, pods: Sequence[Pod]) -> Sequence[str]:
    """Whether `pods`, which have an association, reach the agent: notes, and errors as in `agent.check`."""
    if not pods:
        return []
    profiles = target.aws.eks.fargate_profiles(target.cluster.name)
    seen = identity_agent.observe(target.kube, target.aws, target.cluster)
    return identity_agent.check(seen, compute.nodes(target), profiles, pods, target.cluster)


def other_subjects(
    target: Target, found: Sequence[Running], roles: Mapping[str, Role | None], provider: str
) -> dict[str, Live]:
    """By role: the subjects that it trusts besides those of `found`."""
    home = target.settings.controller_namespace
    running = {trust.subject(item.namespace, item.service_account) for item in found}
    return {
        arn: live_accounts.observe(target.kube, _subjects(role, provider, target.cluster.arn) - running, home)
        for arn, role in roles.items()
        if role
    }


def _subjects(role: Role, provider: str, cluster_arn: str) -> frozenset[str]:
    """By both ways; an association without session tags needs the whole cluster trusted."""
    return trust.subjects_of(role["trust"], provider) | (pod_trust.subjects_of(role["trust"], cluster_arn) - {"*"})


def pass_role(target: Target, roles: Mapping[str, Role | None]) -> dict[str, Judged]:
    """By role: whether it may pass every role of its account to SageMaker, and by which policies."""
    return {arn: _pass_role(target, arn, role) for arn, role in roles.items() if role}


def _pass_role(target: Target, arn: str, role: Role) -> Judged:
    """By IAM's simulation, else by what is known of its policies."""
    context = {policies.PASSED_TO.lower(): policies.SAGEMAKER}
    probe = arn.partition(":role/")[0] + f":role/{ANY_ROLE}"
    core = [policies.CORE_MANAGED] if policies.core_arn(target.identity.partition) in role["attached"] else []
    inline = {
        name: carm_trust.allows([document], probe, policies.PASS_ROLE, context)
        for name, document in role["inline"].items()
    }
    wide = core + [name for name, answer in inline.items() if answer.verdict is Verdict.YES]
    simulated = target.aws.iam.simulated(arn, policies.PASS_ROLE, probe, {policies.PASSED_TO: policies.SAGEMAKER})
    if simulated is not None:
        return Judged(Verdict.YES if simulated else Verdict.NO, ", ".join(wide) or "its policies")
    if wide:
        return Judged(Verdict.YES, ", ".join(wide))
    if role["attached"] or any(answer.verdict is Verdict.UNKNOWN for answer in inline.values()):
        return Judged(Verdict.UNKNOWN, "what its policies allow could not be simulated in IAM")
    return Judged(Verdict.NO)
