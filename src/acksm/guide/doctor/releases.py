"""Checks of what is installed: releases, CRDs, and the identity of the controllers. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from acksm.aws.documents import PolicyDocument
from acksm.aws.eks import Association
from acksm.catalog import lookup
from acksm.engine.change import Plan
from acksm.engine.checks import Check, Definition, Severity, State, failed, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Deployed, Facts
from acksm.guide.identity import pod_trust, trust
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.ways import POD_IDENTITY, Use, used
from acksm.guide.install import crds
from acksm.guide.install.release import Observed as Release
from acksm.json_types import Document
from acksm.live import drift, symptoms
from acksm.live.bindings import shortened
from acksm.live.readiness import pod_state
from acksm.live.running import Running

ERROR, WARNING = Severity.ERROR, Severity.WARNING
RELEASE, IDENTITY = "releases", "identity"
NOTHING = "no controller is installed; run acksm install"


def installed_releases(facts: Facts) -> dict[str, Release]:
    """The installed releases, by service."""
    found = facts.releases
    return {} if isinstance(found, AcksmError) else {name: item for name, item in found.items() if item.version}


def _release(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.releases, AcksmError):
        yield unread("check.release", "", facts.releases)
        return
    found = installed_releases(facts)
    for service, item in found.items():
        where = f"release of {service}"
        if item.status == "deployed":
            by = f"kept by {item.kept_by.described}" if item.kept_by else "deployed"
            yield Check("check.release", State.OK, where, f"{item.version}, {by}")
        else:
            symptom = symptoms.of_helm(item.description)
            why = f": {item.description}" if item.description else ""
            remedy = lookup(symptom.id).remedy if symptom else ""
            yield Check("check.release", State.FAILED, where, f"{item.version}, {item.status}{why}", remedy)
    if not found:
        yield Check("check.release", State.SKIPPED, "", NOTHING)


def _values(facts: Facts) -> Iterator[Check]:
    found = facts.unknown_values
    if isinstance(found, AcksmError):
        yield unread("check.values", "", found)
        return
    for service, keys in found.items():
        state = State.FAILED if keys else State.OK
        text = f"unknown to the chart, and ignored: {shortened(keys)}" if keys else ""
        yield Check("check.values", state, f"release of {service}", text)


def _drift(facts: Facts) -> Iterator[Check]:
    name = "check.drift"
    for service, item in installed_releases(facts).items():
        where, by_hand = f"release of {service}", [found for found in item.drift if found.is_restored]
        if by_hand and item.kept_by:
            text = f"differs from what {item.kept_by.described} applied: {shortened(by_hand)}"
            yield Check(name, State.FAILED, where, text, _REAPPLY)
        elif by_hand:
            yield Check(name, State.FAILED, where, f"changed by hand: {shortened(by_hand)}")
        for found in item.drift:
            if found.state is drift.State.NOT_KEPT:
                yield Check(name, State.FAILED, where, str(found), _NOT_KEPT)
            elif found.state is drift.State.UNKNOWN:
                yield Check(name, State.UNKNOWN, where, str(found), _UNTOLD)
        if not item.drift:
            yield Check(name, State.OK, where)


_NOT_KEPT = "exclude the release's objects from what changes them, or set the value that it wants with --set"
_REAPPLY = "let the engine apply its source again, or change the source"
_UNTOLD = "allow the caller to patch it (a dry run needs the same right)"


def _crds(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.crds, AcksmError):
        yield unread("check.crds", "", facts.crds)
        return
    terminating = [str(item["metadata"]["name"]) for item in facts.crds if item["metadata"].get("deletionTimestamp")]
    unserved = [
        str(item["metadata"]["name"])
        for item in facts.crds
        if not item["metadata"].get("deletionTimestamp") and not crds.established(item)
    ]
    missing = _planned(facts, "crds.create")
    for names, text in ((terminating, "being deleted"), (unserved, "not served"), (missing, "missing")):
        if names:
            yield Check("check.crds", State.FAILED, shortened(names), text)
    if not (terminating or unserved or missing):
        yield Check("check.crds", State.OK, "", f"{len(facts.crds)} served")


def _planned(facts: Facts, name: str) -> list[str]:
    """Targets of the install plan's changes of this id."""
    plan = facts.plan
    return [change.target for change in plan.changes if change.id == name] if isinstance(plan, Plan) else []


def _crd_drift(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.plan, AcksmError):
        yield unread("check.crd-drift", "", facts.plan)
        return
    older = _planned(facts, "crds.update")
    state = State.FAILED if older else State.OK
    yield Check("check.crd-drift", state, shortened(older), "not as in the installed charts" if older else "")


# identity


def deployed(facts: Facts) -> list[Deployed]:
    """The controllers that run, [] also where they are unknown."""
    return [] if isinstance(facts.deployed, AcksmError) else list(facts.deployed)


def _associated(facts: Facts, item: Running) -> Association | None:
    """Its EKS Pod Identity association, None for none or where it is unknown."""
    if isinstance(facts.associated, AcksmError):
        return None
    return facts.associated.get((item.namespace, item.service_account))


def _pod_identity(facts: Facts) -> Iterator[Check]:
    name = "check.pod-identity"
    if isinstance(facts.deployed, AcksmError):
        yield unread(name, "", facts.deployed)
        return
    if isinstance(facts.associated, AcksmError):
        yield unread(name, "", facts.associated)
        return
    for item in facts.installed:
        by_eks, where = _associated(facts, item), f"service account {item.namespace}/{item.service_account}"
        if by_eks and item.role_arn and by_eks.role != item.role_arn:
            text = f"EKS Pod Identity gives it {by_eks.role}, but its annotation is {item.role_arn}"
            yield Check(name, State.FAILED, where, text)
        else:
            none = "no association; the role comes from the service account's annotation"
            yield Check(name, State.OK, where, by_eks.role if by_eks else none)


_UNREACHED = {
    "agent-missing",
    "agent-not-on-node",
    "agent-ipv6-off",
    "pod-identity-fargate",
    "pod-identity-unsupported",
}


def _agent(facts: Facts) -> Iterator[Check]:
    name, found = "check.pod-identity-agent", facts.agent
    if isinstance(found, AcksmError):
        yield failed(name, found.where, found) if found.id in _UNREACHED else unread(name, "", found)
        return
    for note in found:
        yield Check(name, State.UNKNOWN, "", note.removeprefix("not checked: "))
    if not found:
        used = any(_associated(facts, item) for item in facts.installed)
        yes = "the agent runs where the controllers' pods may be scheduled"
        yield Check(name, State.OK, "nodes", yes if used else "no association needs it")


def _annotation(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.deployed, AcksmError):
        yield unread("check.annotation", "", facts.deployed)
        return
    for item in facts.installed:
        where = f"service account {item.namespace}/{item.service_account}"
        if item.role_arn:
            yield Check("check.annotation", State.OK, where, item.role_arn)
        elif by_eks := _associated(facts, item):
            yield Check("check.annotation", State.OK, where, f"none is needed: EKS Pod Identity gives it {by_eks.role}")
        elif isinstance(facts.associated, AcksmError):
            yield unread("check.annotation", where, facts.associated)
        else:
            yield Check("check.annotation", State.FAILED, where, "has no role annotation")


def _provider(facts: Facts) -> Iterator[Check]:
    found, name = facts.provider, "check.oidc"
    uses = [use for item in deployed(facts) for use in _used(facts, item)]
    if uses and all(use.way == POD_IDENTITY for use in uses):
        yield Check(name, State.OK, "", "EKS Pod Identity needs none")
        return
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
    elif found.audiences is None:
        yield Check(name, State.FAILED, found.arn, "does not exist in IAM")
    elif trust.AUDIENCE not in found.audiences:
        yield Check(
            name,
            State.FAILED,
            found.arn,
            f"lacks audience {trust.AUDIENCE}; has {', '.join(found.audiences) or 'none'}",
        )
    else:
        yield Check(name, State.OK, found.arn)


def _role(facts: Facts) -> Iterator[Check]:
    found, name = facts.roles, "check.role"
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for arn in sorted({use.role for item in deployed(facts) for use in _used(facts, item)}):
        if arn not in found:
            yield Check(name, State.UNKNOWN, arn, "in another account, which is not read", expected=True)
        elif (role := found[arn]) is None:
            yield Check(name, State.FAILED, arn, "does not exist in IAM")
        elif not (role["attached"] or role["inline"]):
            yield Check(name, State.FAILED, arn, "has no permissions policy")
        else:
            yield Check(name, State.OK, arn)


def _used(facts: Facts, item: Deployed) -> list[Use]:
    """The ways by which its pods get a role."""
    pods = [pod_state(pod) for pod in item.pods if not pod["metadata"].get("deletionTimestamp")]
    return used(item.running.role_arn, _associated(facts, item.running), pods)


def _trust(facts: Facts) -> Iterator[Check]:
    """By the ways that the pods use: a role that trusts only EKS Pod Identity is right where no pod uses a token."""
    name, roles = "check.trust", facts.roles
    if isinstance(roles, AcksmError):
        yield unread(name, "", roles)
        return
    if isinstance(facts.associated, AcksmError):
        yield unread(name, "", facts.associated)
        return
    for item in deployed(facts):
        for use in _used(facts, item):
            role = roles.get(use.role)
            if role is not None:
                yield _trusted_by(facts, name, item.running, use, role["trust"])


def _trusted_by(facts: Facts, name: str, item: Running, use: Use, document: PolicyDocument) -> Check:
    subject, remedy = trust.subject(item.namespace, item.service_account), _try(item)
    if use.way == POD_IDENTITY:
        association, cluster = _associated(facts, item), facts.cluster
        if isinstance(cluster, AcksmError):
            return unread(name, use.role, cluster)
        tags = association is None or association.tags
        answer, by, remedy = pod_trust.trusts(document, cluster.arn, subject, tags=tags), " by EKS Pod Identity", ""
    elif isinstance(facts.provider, AcksmError):
        return unread(name, use.role, facts.provider)
    else:
        answer, by = trust.trusts(document, facts.provider.arn, subject), ""
    if answer.verdict is Verdict.YES:
        return Check(name, State.OK, use.role, f"trusts {subject}{by}")
    if answer.verdict is Verdict.UNKNOWN:
        text = f"cannot tell whether it trusts {subject}{by}: {answer.why}"
        return Check(name, State.UNKNOWN, use.role, text, remedy, expected=True)
    return Check(name, State.FAILED, use.role, f"does not trust {subject}{by}; it trusts {_trusted(document)}")


def _try(item: Running) -> str:
    """The command that assumes the role as the controller does, by its service account's token."""
    token = f"kubectl create token {item.service_account} -n {item.namespace} --audience {trust.AUDIENCE}"
    return (
        f"aws sts assume-role-with-web-identity --role-arn {item.role_arn} --role-session-name acksm-doctor "
        f'--web-identity-token "$({token})"   (for a bound namespace: acksm carm verify --live)'
    )


def _trusted(document: Document) -> str:
    """The principals and conditions of a trust policy, for a message."""
    found = []
    for item in trust.statements(document):
        principal = item.get("Principal")
        names = principal.values() if isinstance(principal, Mapping) else [principal]
        conditions = [
            f"{key.rpartition(':')[2]}={','.join(map(str, trust.as_list(value)))}"
            for pairs in (item.get("Condition") or {}).values()
            for key, value in (pairs.items() if isinstance(pairs, Mapping) else ())
        ]
        found.append(" ".join([*(str(name) for name in names), *conditions]))
    return "; ".join(found) or "no one"


def _pod_role(facts: Facts) -> Iterator[Check]:
    name = "check.pod-role"
    if isinstance(facts.deployed, AcksmError):
        yield unread(name, "", facts.deployed)
        return
    for item in deployed(facts):
        desired, by_eks = item.running.role_arn, _associated(facts, item.running)
        for pod in item.pods:
            state = pod_state(pod)
            lost = state.by_agent and not state.role_arn and not by_eks
            if not (desired or by_eks or lost) or pod["metadata"].get("deletionTimestamp"):
                continue
            where = f"pod {item.running.namespace}/{state.name}"
            if lost and isinstance(facts.associated, AcksmError):
                yield unread(name, where, facts.associated)
                continue
            if by_eks:  # an older pod may still have the annotation's role
                correct = state.by_agent or bool(desired and not state.lacks(desired))
                text = f"was created before EKS Pod Identity gave its service account {by_eks.role}"
            elif lost:
                correct, text = False, "has its role by an association of EKS Pod Identity that was deleted"
            else:
                correct = not state.lacks(desired)
                text = f"has role {state.role_arn or '(none)'}, but its service account has {desired}"
            yield Check(name, State.OK if correct else State.FAILED, where, "" if correct else text)


_RELEASE = ("check.release",)
CHECKS: tuple[Definition[Facts], ...] = (
    Definition(
        "check.release",
        RELEASE,
        ERROR,
        _release,
        ("check.apiserver",),
        frozenset({"release.recover", "release.upgrade", "release.install"}),
    ),
    Definition("check.values", RELEASE, WARNING, _values, ("check.registry", "check.release")),
    Definition("check.drift", RELEASE, WARNING, _drift, _RELEASE, frozenset({"release.upgrade"})),
    Definition("check.crds", RELEASE, ERROR, _crds, _RELEASE, frozenset({"crds.create"})),
    Definition(
        "check.crd-drift", RELEASE, WARNING, _crd_drift, ("check.crds", "check.plan"), frozenset({"crds.update"})
    ),
    Definition("check.pod-identity", IDENTITY, WARNING, _pod_identity, _RELEASE),
    Definition("check.pod-identity-agent", IDENTITY, ERROR, _agent, ("check.pod-identity",)),
    Definition(
        "check.annotation", IDENTITY, ERROR, _annotation, _RELEASE, frozenset({"release.upgrade", "association.create"})
    ),
    Definition(
        "check.oidc", IDENTITY, ERROR, _provider, ("check.annotation",), frozenset({"oidc.create", "oidc.audience"})
    ),
    Definition(
        "check.role",
        IDENTITY,
        ERROR,
        _role,
        ("check.annotation",),
        frozenset({"iam-role.create", "iam-role.attach", "iam-role.inline", "iam-role.service-linked"}),
    ),
    Definition("check.trust", IDENTITY, ERROR, _trust, ("check.role", "check.oidc"), frozenset({"iam-role.trust"})),
    Definition(
        "check.pod-role",
        IDENTITY,
        ERROR,
        _pod_role,
        _RELEASE,
        frozenset({"release.restart", "release.identity", "association.create"}),
    ),
)
