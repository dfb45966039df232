"""AWS that throttles, fails, is slow, breaks connections, lags and denies: through botocore's own retries, on moto.

Each fault is survived, or it is one error that tells what was done before, and the same command goes on from there.
"""

from __future__ import annotations

from typing import Any

import pytest

from acksm.aws import iam_calls, session
from acksm.engine.change import Plan
from acksm.errors import AcksmError
from acksm.guide.carm import trust as carm_trust
from acksm.guide.cleanup import iam as cleanup_iam, observation
from acksm.guide.identity import iam_role
from gate import ACCOUNT, Gate, apply_plan, plan

ROLE = "ack-controller-role-practice"
READS = ("iam:GetOpenIDConnectProvider", "iam:GetRole")
WRITES = {  # in the order of the plan, with the change that each belongs to
    "iam:CreateOpenIDConnectProvider": "oidc.create",
    "iam:CreateRole": "iam-role.create",
    "iam:CreateServiceLinkedRole": "iam-role.service-linked",
    "iam:AttachRolePolicy": "iam-role.attach",
    "iam:PutRolePolicy": "iam-role.inline",
}
UNKNOWN_ROLE: dict[str, Any] = {
    "status": 404,
    "code": "NoSuchEntity",
    "message": f"The role with name {ROLE} cannot be found.",
}
PASSING: dict[str, dict[str, Any]] = {
    "throttled": {"status": 400, "code": "Throttling"},
    "limited": {"status": 503, "code": "RequestLimitExceeded"},
    "429": {"status": 429, "code": "TooManyRequestsException"},
    "500": {"status": 500, "code": "ServiceFailure"},
    "503": {"status": 503, "code": "ServiceUnavailable"},
    "reset": {"drop": "before"},
}


def failure(work: Any) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        work()
    return caught.value


def install(gate: Gate) -> None:
    """Until nothing is left to do; a second run has an empty plan."""
    aws = gate.session()
    apply_plan(aws, plan(aws))
    assert plan(aws).changes == ()


@pytest.mark.parametrize("action", [*READS, *WRITES])
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_survived(gate: Gate, fault: str, action: str) -> None:
    gate.fault(action, times=3, **PASSING[fault])
    install(gate)
    assert len(gate.clock.slept) == 3


@pytest.mark.parametrize("action", WRITES)
def test_a_write_whose_answer_is_lost_is_not_made_twice(gate: Gate, action: str) -> None:
    gate.fault(action, times=1, drop="after")
    install(gate)
    assert len(gate.clock.slept) == 1


LASTING: dict[str, tuple[dict[str, Any], str, int]] = {
    "throttled": (PASSING["throttled"], "aws-throttled", 4),
    "429 of a proxy": ({"status": 429, "code": "x"}, "aws-throttled", 4),
    "503": (PASSING["503"], "aws-failed", 4),
    "reset": (PASSING["reset"], "aws-unreachable", 3),
    "expired": ({"status": 403, "code": "ExpiredToken"}, "aws-expired-credentials", 3),
    "denied": ({"status": 403, "code": "AccessDenied"}, "aws-access-denied", 3),
}


@pytest.mark.parametrize("action", WRITES)
@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_is_one_error_that_tells_what_was_done(gate: Gate, fault: str, action: str) -> None:
    fields, told_as, code = LASTING[fault]
    aws = gate.session()
    planned = plan(aws)
    gate.fault(action, **fields)
    error = failure(lambda: apply_plan(aws, planned))
    assert (error.id, error.exit_code) == (told_as, code)
    told = [item["id"] for item in error.details["done"]]
    assert told == [change.id for change in planned.changes][: len(told)]
    assert error.details["failed"]["id"] == WRITES[action] == planned.changes[len(told)].id
    assert error.where
    if told_as == "aws-access-denied":
        assert action in error.remedy
    gate.cloud.faults.clear()
    left = plan(gate.session())
    assert [change.id for change in left.changes] == [change.id for change in planned.changes[len(told) :]]
    install(gate)


@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("fault", LASTING)
def test_a_read_that_fails_is_told_before_any_plan(gate: Gate, fault: str, action: str) -> None:
    fields, told_as, _ = LASTING[fault]
    gate.fault(action, **fields)
    assert failure(lambda: plan(gate.session())).id == told_as


# IAM shows what was made only after a while


@pytest.mark.parametrize("action", ["iam:AttachRolePolicy", "iam:PutRolePolicy"])
def test_a_new_role_that_is_not_known_everywhere_yet(gate: Gate, action: str) -> None:
    gate.fault(action, times=3, after="iam:CreateRole", **UNKNOWN_ROLE)
    install(gate)
    assert gate.clock.slept == [iam_calls.PAUSE_SECONDS] * 3


def test_a_role_that_never_appears_is_told_in_the_end(gate: Gate) -> None:
    gate.fault("iam:AttachRolePolicy", **UNKNOWN_ROLE)
    aws = gate.session()
    error = failure(lambda: apply_plan(aws, plan(aws)))
    assert (error.id, error.details["code"]) == ("aws-failed", "NoSuchEntity")
    assert iam_calls.SETTLING_SECONDS <= gate.clock.now < 2 * iam_calls.SETTLING_SECONDS


def test_a_role_that_was_deleted_meanwhile_is_not_waited_for(gate: Gate) -> None:
    install(gate)
    gate.fault("iam:AttachRolePolicy", **UNKNOWN_ROLE)
    assert failure(lambda: gate.session().iam.attach_policy(ROLE, "arn:aws:iam::aws:policy/x")).id == "aws-failed"
    assert gate.clock.slept == []


def test_nor_is_a_policy_that_is_not_there(gate: Gate) -> None:
    aws = gate.session()
    trust = carm_trust.merge_trust(None, [f"arn:aws:iam::{ACCOUNT}:root"], False, carm_trust.SID)
    aws.iam.create_role(ROLE, "/", trust, {})
    assert failure(lambda: aws.iam.attach_policy(ROLE, "arn:aws:iam::aws:policy/NoSuch")).id == "aws-failed"
    assert gate.clock.slept == []


def test_what_a_killed_run_made_and_iam_does_not_show_yet(gate: Gate) -> None:
    first = gate.session()
    apply_plan(first, Plan("install", plan(first).changes[:2]))  # the provider and the role, and then it is killed
    gate.fault("iam:GetRole", times=4, **UNKNOWN_ROLE)
    second = gate.session()
    planned = plan(second)  # GetRole was asked twice for it
    assert planned.changes[0].id == "iam-role.create"
    apply_plan(second, planned)
    assert plan(second).changes == ()


def test_a_provider_that_iam_does_not_show_yet(gate: Gate) -> None:
    install(gate)
    gate.fault("iam:GetOpenIDConnectProvider", times=1, status=404, code="NoSuchEntity")
    aws = gate.session()
    planned = plan(aws)
    assert [change.id for change in planned.changes] == ["oidc.create"]
    apply_plan(aws, planned)
    assert plan(aws).changes == ()


def test_a_role_that_somebody_else_made_in_between_is_not_taken(gate: Gate) -> None:
    aws = gate.session()
    planned = plan(aws)
    trust = carm_trust.merge_trust(None, [f"arn:aws:iam::{ACCOUNT}:root"], False, carm_trust.SID)
    gate.session().iam.create_role(ROLE, "/", trust, {})
    error = failure(lambda: apply_plan(aws, planned))
    assert (error.id, error.details["code"]) == ("aws-failed", "EntityAlreadyExists")
    assert failure(lambda: plan(gate.session())).id == "role-not-ours"


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:UpdateAssumeRolePolicy"])
def test_a_trusted_role_of_another_account_that_is_new(gate: Gate, action: str) -> None:
    """carm setup: account B's trust policy names account A's role, which install made a moment ago."""
    aws = gate.session()
    trust = carm_trust.merge_trust(None, ["arn:aws:iam::111122223333:role/a"], False, carm_trust.SID)
    refused: dict[str, Any] = {
        "status": 400,
        "code": "MalformedPolicyDocument",
        "message": 'Invalid principal in policy: "AWS":"…"',
    }
    gate.fault(action, times=2, **refused)
    aws.iam.create_role(ROLE, "/", trust, {})
    aws.iam.update_trust(ROLE, trust)
    assert gate.clock.slept == [iam_calls.PAUSE_SECONDS] * 2


def test_a_role_is_awaited_before_anything_needs_it(gate: Gate) -> None:
    install(gate)
    gate.fault("iam:GetRole", times=5, **UNKNOWN_ROLE)
    aws = gate.session()
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    iam_role.await_visible(aws, arn, gate.deadline, lambda _: None)
    assert len(gate.clock.slept) == 5
    gate.fault("iam:GetRole", **UNKNOWN_ROLE)
    error = failure(lambda: iam_role.await_visible(aws, arn, gate.deadline, lambda _: None))
    assert (error.id, error.exit_code) == ("timed-out", 5)


# the way back


def cleanup(gate: Gate) -> tuple[Any, Plan]:
    aws = gate.session()
    seen = observation.RoleState(ROLE, aws.iam.get_role(ROLE))
    return aws, Plan("cleanup", tuple(cleanup_iam.plan_role(seen)))


@pytest.mark.parametrize("action", ["iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"])
@pytest.mark.parametrize("fault", LASTING)
def test_cleanup_that_fails_goes_on_from_there(gate: Gate, fault: str, action: str) -> None:
    install(gate)
    fields, told_as, _ = LASTING[fault]
    aws, planned = cleanup(gate)
    gate.fault(action, **fields)
    error = failure(lambda: apply_plan(aws, planned))
    assert error.id == told_as
    gate.cloud.faults.clear()
    aws, left = cleanup(gate)
    assert len(left.changes) == len(planned.changes) - len(error.details["done"])
    apply_plan(aws, left)
    assert not aws.iam.role_exists(ROLE)


@pytest.mark.parametrize("action", ["iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"])
def test_a_deletion_whose_answer_is_lost_is_done(gate: Gate, action: str) -> None:
    install(gate)
    aws, planned = cleanup(gate)
    gate.fault(action, times=1, drop="after")
    apply_plan(aws, planned)
    assert not aws.iam.role_exists(ROLE)


def test_policies_that_iam_still_sees_on_the_role(gate: Gate) -> None:
    install(gate)
    aws, planned = cleanup(gate)
    seen: dict[str, Any] = {
        "status": 409,
        "code": "DeleteConflict",
        "message": "Cannot delete entity, must detach all policies first.",
    }
    gate.fault("iam:DeleteRole", times=2, **seen)
    apply_plan(aws, planned)
    assert not aws.iam.role_exists(ROLE)


# time


def test_slow_answers_and_an_end_to_patience(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_SECONDS", 0.3)
    gate.fault("iam:GetRole", times=2, seconds=1.5)
    install(gate)
    gate.fault("iam:GetRole", seconds=1.5)
    assert failure(lambda: gate.session().iam.role_exists(ROLE)).id == "aws-unreachable"


@pytest.mark.parametrize("fault", PASSING)
def test_nothing_is_tried_again_when_the_time_is_over(gate: Gate, fault: str) -> None:
    gate.fault("iam:GetRole", **PASSING[fault])
    error = failure(lambda: gate.session(seconds=0).iam.role_exists(ROLE))
    assert (error.id, error.exit_code, error.where) == ("timed-out", 5, "iam:GetRole")
    assert gate.clock.slept == []


def test_a_hung_endpoint_ends_with_the_time(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read timeouts are cut to what is left; the attempt after which nothing is left is the last."""
    monkeypatch.setattr(session, "LAST_SECONDS", 0.2)
    gate.fault("iam:GetRole", seconds=3.0)
    aws = gate.session(seconds=1.0)

    def pass_time(**_: Any) -> None:  # a second for each attempt
        gate.clock.now += 1.0

    aws.client("iam").meta.events.register("before-send", pass_time)
    assert failure(lambda: aws.iam.role_exists(ROLE)).id == "timed-out"
    assert gate.clock.now == 1.0


def test_an_answer_that_is_one_is_told_whatever_the_time(gate: Gate) -> None:
    aws = gate.session(seconds=0)
    assert not aws.iam.role_exists(ROLE)
    gate.fault("iam:GetRole", status=403, code="AccessDenied")
    assert failure(lambda: aws.iam.role_exists(ROLE)).id == "aws-access-denied"


def test_no_change_is_begun_after_the_end(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = gate.session(seconds=10)
    planned = plan(aws)
    created = aws.iam.create_role

    def slow(**params: Any) -> None:
        created(**params)
        gate.clock.now += 11

    monkeypatch.setattr(aws.iam, "create_role", slow)
    error = failure(lambda: apply_plan(aws, planned, gate.deadline))
    assert (error.id, error.exit_code) == ("timed-out", 5)
    assert [item["id"] for item in error.details["done"]] == ["oidc.create", "iam-role.create"]
    assert error.details["failed"]["id"] == "iam-role.service-linked"
    install(gate)


def test_the_users_own_count_of_attempts_holds(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    gate.fault("iam:GetRole", **PASSING["503"])
    assert failure(lambda: gate.session().iam.role_exists(ROLE)).id == "aws-failed"
    assert len(gate.clock.slept) == 1
