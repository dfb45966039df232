"""`doctor` and `identity status` say the same of each case of the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acksm.engine.checks import State, judge
from acksm.guide.doctor import command as doctor
from carm_cluster import running
from doctor_facts import CONTROLLER, deployed, whole
from identities_table import BY_R, TABLE, created

OF_PODS = {"identity-pod-older", "identity-pod-differs", "identity-association-deleted"}


@pytest.mark.parametrize("case", TABLE)
def test_doctor_says_the_same(case: str) -> None:
    annotation, association, then, *_, problems = TABLE[case]
    pod = created(*then)
    pod["metadata"]["namespace"] = "ack-system"
    facts = whole(
        deployed=[replace(deployed(running(role_arn=annotation)), pods=(pod,))],
        associated={("ack-system", CONTROLLER.service_account): BY_R} if association else {},
    )
    found = judge(doctor.CHECKS, facts)
    wrong = {one.check.id for one in found if one.check.state not in {State.OK, State.SKIPPED}}
    assert ("check.pod-identity" in wrong) is ("identity-roles-differ" in problems)
    assert ("check.annotation" in wrong) is ("identity-missing" in problems)
    if annotation or association:
        assert ("check.pod-role" in wrong) is bool(OF_PODS & {*problems})
