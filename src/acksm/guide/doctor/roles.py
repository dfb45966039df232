"""Checks of the controllers' roles: whether they trust service accounts that no release has, and iam:PassRole."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Facts
from acksm.guide.identity import pod_trust, role_policies, trust
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.oidc import is_owned

IDENTITY = "identity"


def _trusted_subjects(facts: Facts) -> Iterator[Check]:
    name, found = "check.trust-subjects", facts.other_subjects
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for arn, live in found.items():
        if live.strangers:
            names = ", ".join(sorted(live.strangers))
            text = f"trusts {names}, which no release uses"
            yield Check(name, State.WARNING, arn, text, _without(facts, arn, live.strangers))
        elif live.unknown:
            names = ", ".join(sorted(live.unknown))
            yield Check(name, State.UNKNOWN, arn, f"trusts {names}, and the releases there cannot be listed")
        else:
            yield Check(name, State.OK, arn, "trusts only service accounts of releases")


def _without(facts: Facts, arn: str, strangers: frozenset[str]) -> str:
    """The command that removes them from the role's trust policy."""
    role = facts.roles.get(arn) if not isinstance(facts.roles, AcksmError) else None
    cluster, provider = facts.cluster, facts.provider
    if role is None or isinstance(cluster, AcksmError) or isinstance(provider, AcksmError):
        return ""
    if is_owned(role.get("tags", {}), cluster.arn):
        return shlex.join(["acksm", "iam-role", "--cluster", cluster.name, "--region", cluster.region])
    left = pod_trust.without(trust.without(role["trust"], provider.arn, strangers), cluster.arn, strangers)
    document = json.dumps(left, separators=(",", ":"))
    words = ["aws", "iam", "update-assume-role-policy", "--role-name", arn.rpartition("/")[2]]
    return shlex.join([*words, "--policy-document", document])


def _pass_role(facts: Facts) -> Iterator[Check]:
    name, found = "check.pass-role", facts.pass_role
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for arn, answer in found.items():
        if answer.verdict is Verdict.YES:
            text = f"may pass every role of the account that trusts SageMaker, by {answer.why}"
            yield Check(name, State.WARNING, arn, text, _narrowing(facts, arn))
        elif answer.verdict is Verdict.UNKNOWN:
            yield Check(name, State.UNKNOWN, arn, answer.why)
        else:
            yield Check(name, State.OK, arn, "may pass only named roles")


def _narrowing(facts: Facts, arn: str) -> str:
    if isinstance(facts.cluster, AcksmError):
        return ""
    partition, account = arn.split(":")[1], arn.split(":")[4]
    return role_policies.narrowing(
        facts.cluster, facts.settings.role, facts.settings.controllers.service, account, partition
    )


CHECKS: tuple[Definition[Facts], ...] = (
    Definition(
        "check.trust-subjects",
        IDENTITY,
        Severity.WARNING,
        _trusted_subjects,
        ("check.role", "check.oidc"),
        frozenset({"iam-role.trust"}),
    ),
    Definition("check.pass-role", IDENTITY, Severity.WARNING, _pass_role, ("check.role",)),
)
