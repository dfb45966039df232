"""What a migration refuses before the first write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.aws.eks import Association
from acksm.errors import AcksmError
from acksm.guide.identity import oidc
from acksm.guide.migrate import command, plan
from acksm.guide.migrate.plan import Observed, One
from acksm.live.identities import Way
from carm_cluster import OWN, running
from memory_account import ACCOUNT, CLUSTER
from memory_iam import role

ROLE, OTHER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("ack-controller-role-demo", "other"))
ELSEWHERE = f"arn:aws:iam::{OWN}:role/r"
BY_ROLE = Association(ROLE, ROLE, True, "a-1", "ack-system", "sa")
IRSA, PODS = Way.IRSA, Way.POD_IDENTITY

CASES: dict[str, tuple[str, Association | None, Way, str]] = {
    "neither": ("", None, PODS, "identity-missing"),
    "different roles": (OTHER, BY_ROLE, PODS, "identity-roles-differ"),
    "different roles, back": (OTHER, BY_ROLE, IRSA, "identity-roles-differ"),
    "of another account": (ELSEWHERE, None, PODS, "identity-role-account"),
    "a role that does not exist": (OTHER, None, PODS, "carm-controller-role"),
    "a target role, back": ("", replace(BY_ROLE, role=ELSEWHERE), IRSA, "identity-target-role"),
    "of an add-on, back": ("", replace(BY_ROLE, owner="arn:aws:eks:addon"), IRSA, "association-not-ours"),
    "a target role": ("", replace(BY_ROLE, role=ELSEWHERE), PODS, ""),
    "of an add-on": ("", replace(BY_ROLE, owner="arn:aws:eks:addon"), PODS, ""),
    "an annotation": (ROLE, None, PODS, ""),
    "both": (ROLE, BY_ROLE, IRSA, ""),
}


def observed(annotation: str, association: Association | None, **more: Any) -> Observed:
    one = One(running(role_arn=annotation), association, **more)
    return Observed([one], {ROLE: role({})}, oidc.Observed("arn:p", ("sts.amazonaws.com",)))


@pytest.mark.parametrize("case", CASES)
def test_what_is_refused(case: str) -> None:
    annotation, association, to, named = CASES[case]
    found = observed(annotation, association)
    if not named:
        plan.check(found, to, CLUSTER, ACCOUNT)
        return
    with pytest.raises(AcksmError) as caught:
        plan.check(found, to, CLUSTER, ACCOUNT)
    assert (caught.value.id, bool(caught.value.remedy)) == (named, True)


def test_an_unknown_way() -> None:
    assert [command.way_of(name) for name in ("irsa", "pod-identity")] == [IRSA, PODS]
    with pytest.raises(AcksmError) as caught:
        command.way_of("static")
    assert (caught.value.id, caught.value.where) == ("config-invalid", "--to")


@pytest.mark.parametrize(
    ("annotation", "recorded", "interrupted", "changes"),
    [
        (ROLE, ROLE, False, False),
        ("", ROLE, False, True),  # stripped by another tool
        (ROLE, "", False, True),  # by a helm that was killed
        (ROLE, ROLE, True, True),
        ("", None, False, True),
    ],
)
def test_when_helm_has_to_annotate(annotation: str, recorded: str | None, interrupted: bool, changes: bool) -> None:
    (one,) = observed(annotation, BY_ROLE, recorded=recorded, interrupted=interrupted).controllers
    assert one.to_annotate(ROLE) is changes
