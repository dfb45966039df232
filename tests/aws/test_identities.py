"""Other accounts as botocore tells of them: Pod Identity, simulations, sessions of roles, partitions and regions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from acksm.aws.account import Aws
from acksm.aws.eks import Association
from acksm.errors import AcksmError

ROLE = "arn:aws:iam::012345678901:role/pods"
FAR = "arn:aws:iam::111111111111:role/x"
NAMED: dict[str, Any] = {"name": "a-1", "namespace": "ack-system", "service_account": "sa"}
ASKED = {"clusterName": "demo", "namespace": "ack-system", "serviceAccount": "sa"}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        yield Aws(region="us-west-2")


def stubbed(aws: Aws, service: str) -> Stubber:
    return Stubber(aws.client(service))


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, Association(ROLE, ROLE, True, **NAMED)),
        ({"targetRoleArn": FAR, "disableSessionTags": True}, Association(FAR, ROLE, False, **NAMED)),
    ],
)
def test_the_role_of_pod_identity_is_found(aws: Aws, more: dict[str, Any], found: Association) -> None:
    with stubbed(aws, "eks") as eks:
        eks.add_response("list_pod_identity_associations", {"associations": [{"associationId": "a-1"}]}, ASKED)
        described = {"associationId": "a-1", "namespace": "ack-system", "serviceAccount": "sa", "roleArn": ROLE, **more}
        eks.add_response(
            "describe_pod_identity_association",
            {"association": described},
            {"clusterName": "demo", "associationId": "a-1"},
        )
        assert aws.eks.pod_identity("demo", "ack-system", "sa") == found


@pytest.mark.parametrize("code", ["", "404", "UnknownOperationException"])
def test_none_and_not_known_are_no_pod_identity(aws: Aws, code: str) -> None:
    with stubbed(aws, "eks") as eks:
        if code:
            eks.add_client_error("list_pod_identity_associations", code, http_status_code=404)
        else:
            eks.add_response("list_pod_identity_associations", {"associations": []}, ASKED)
        assert aws.eks.pod_identity("demo", "ack-system", "sa") is None


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [("AccessDeniedException", 403, "aws-access-denied"), ("ServerException", 500, "aws-failed")],
)
def test_a_question_without_an_answer_is_not_taken_for_one(aws: Aws, code: str, status: int, failure: str) -> None:
    with stubbed(aws, "eks") as eks:
        eks.add_client_error("list_pod_identity_associations", code, "no", http_status_code=status)
        with pytest.raises(AcksmError) as caught:
            aws.eks.pod_identity("demo", "ack-system", "sa")
    assert caught.value.id == failure


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [(["allowed"], True), (["implicitDeny"], False), (["allowed", "explicitDeny"], False), ([], None)],
)
def test_simulations(aws: Aws, decisions: list[str], expected: bool | None) -> None:
    rows = [{"EvalActionName": "sts:AssumeRole", "EvalDecision": decision} for decision in decisions]
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["sts:AssumeRole"], "ResourceArns": [FAR]}
    with stubbed(aws, "iam") as iam:
        iam.add_response("simulate_principal_policy", {"EvaluationResults": rows}, asked)
        assert aws.iam.simulated(ROLE, "sts:AssumeRole", FAR) is expected


def test_a_simulation_may_have_the_context_of_the_real_call(aws: Aws) -> None:
    entry = {"ContextKeyName": "iam:PassedToService", "ContextKeyValues": ["x"], "ContextKeyType": "string"}
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["iam:PassRole"], "ResourceArns": [FAR], "ContextEntries": [entry]}
    rows = [{"EvalActionName": "iam:PassRole", "EvalDecision": "allowed"}]
    with stubbed(aws, "iam") as iam:
        iam.add_response("simulate_principal_policy", {"EvaluationResults": rows}, asked)
        assert aws.iam.simulated(ROLE, "iam:PassRole", FAR, {"iam:PassedToService": "x"})


def test_a_simulation_that_is_denied_tells_nothing(aws: Aws) -> None:
    with stubbed(aws, "iam") as iam:
        iam.add_client_error("simulate_principal_policy", "AccessDenied", "no", http_status_code=403)
        assert aws.iam.simulated(ROLE, "sts:AssumeRole", FAR) is None


def test_a_session_of_a_role_has_the_roles_keys_and_no_others(aws: Aws) -> None:
    credentials: dict[str, Any] = {
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "y",
        "SessionToken": "z",
        "Expiration": datetime.now(UTC),
    }
    with stubbed(aws, "sts") as sts:
        sts.add_response("assume_role", {"Credentials": credentials}, {"RoleArn": FAR, "RoleSessionName": ANY})
        found = aws.assume(FAR).session.get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key, found.token) == ("ASIAIOSFODNN7EXAMPLE", "y", "z")


def test_a_denied_role_is_told(aws: Aws) -> None:
    with stubbed(aws, "sts") as sts:
        sts.add_client_error("assume_role", "AccessDenied", "User: x is not authorized", http_status_code=403)
        with pytest.raises(AcksmError) as caught:
            aws.assume(FAR)
    assert (caught.value.id, caught.value.where) == ("aws-access-denied", FAR)


def test_partitions_and_their_regions(aws: Aws) -> None:
    assert {"aws", "aws-cn", "aws-us-gov"} <= set(aws.partitions())
    assert "cn-north-1" in aws.regions("sagemaker", "aws-cn")
    assert "cn-north-1" not in aws.regions("sagemaker", "aws")
    assert "us-west-2" in aws.regions("application-autoscaling", "aws")
    for service in ("sts", "sagemaker", "application-autoscaling", "nothing"):
        for partition in (*aws.partitions(), "none"):
            known = aws.session.get_available_regions(service, partition)
            assert aws.regions(service, partition) == sorted(known), (service, partition)
