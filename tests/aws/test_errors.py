"""botocore's errors as acksm's: one table, with who and what in the denied ones."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as boto

from acksm.aws.errors import code_of, translated
from acksm.errors import AcksmError


def client_error(code: str, message: str = "no") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def translate(error: Exception, where: str = "") -> AcksmError:
    with pytest.raises(AcksmError) as caught, translated("iam", "CreateRole", where):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredToken", "aws-expired-credentials"),
        ("ExpiredTokenException", "aws-expired-credentials"),
        ("RequestExpired", "aws-expired-credentials"),
        ("InvalidClientTokenId", "aws-no-credentials"),
        ("UnrecognizedClientException", "aws-no-credentials"),
        ("SignatureDoesNotMatch", "aws-no-credentials"),
        ("InvalidSignatureException", "aws-no-credentials"),
        ("AuthFailure", "aws-no-credentials"),
        ("AccessDenied", "aws-access-denied"),
        ("AccessDeniedException", "aws-access-denied"),
        ("UnauthorizedOperation", "aws-access-denied"),
        ("Throttling", "aws-throttled"),
        ("ThrottlingException", "aws-throttled"),
        ("TooManyRequestsException", "aws-throttled"),
        ("NoSuchEntity", "aws-failed"),
        ("MalformedPolicyDocument", "aws-failed"),
        ("ServiceUnavailable", "aws-failed"),
        ("", "aws-failed"),
    ],
)
def test_codes(code: str, expected: str) -> None:
    assert translate(client_error(code)).id == expected


@pytest.mark.parametrize(
    ("because", "remedy"),
    [
        ("because no identity-based policy allows the iam:TagRole action", "allow iam:TagRole to arn:me"),
        ("with an explicit deny in a service control policy: arn:aws:organizations::1:policy/p", "organization"),
        ("because no service control policy allows the iam:TagRole action", "organization"),
        ("because no permissions boundary allows the iam:TagRole action", "in the permissions boundary of arn:me"),
        ("because no session policy allows the iam:TagRole action", "session policy"),
        ("", "a permissions boundary or a session policy may deny it too"),
    ],
)
def test_a_denial_names_its_own_action_and_the_kind_of_policy(because: str, remedy: str) -> None:
    text = f"User: arn:me is not authorized to perform: iam:TagRole on resource: role r {because}".rstrip()
    found = translate(client_error("AccessDenied", text))
    assert found.details == {"action": "iam:TagRole", "principal": "arn:me"}  # and not iam:CreateRole, which was called
    assert found.message.startswith("arn:me is not allowed to perform iam:TagRole: ")
    assert remedy in found.remedy


_REQUEST: Any = {"endpoint_url": "https://iam.amazonaws.com", "error": "refused"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (boto.NoCredentialsError(), "aws-no-credentials"),
        (boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "aws-no-credentials"),
        (boto.CredentialRetrievalError(provider="process", error_msg="x"), "aws-no-credentials"),
        (boto.SSOTokenLoadError(error_msg="x"), "aws-expired-credentials"),
        (boto.UnauthorizedSSOTokenError(), "aws-expired-credentials"),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), "aws-expired-credentials"),
        (boto.NoRegionError(), "aws-region-missing"),
        (boto.EndpointConnectionError(**_REQUEST), "aws-unreachable"),
        (boto.ConnectTimeoutError(**_REQUEST), "aws-unreachable"),
        (boto.ReadTimeoutError(**_REQUEST), "aws-unreachable"),
        (boto.ProxyConnectionError(proxy_url="http://x", **_REQUEST), "aws-unreachable"),
        (boto.SSLError(**_REQUEST), "aws-unreachable"),
        (boto.ConnectionClosedError(**_REQUEST), "aws-unreachable"),
        (boto.ParamValidationError(report="x"), "aws-failed"),
        (boto.WaiterError(name="x", reason="y", last_response={}), "aws-failed"),
        (boto.InvalidRegionError(region_name="us west"), "aws-failed"),
        (ValueError("Invalid endpoint: https://sts.us west"), "aws-failed"),
    ],
)
def test_errors_without_an_answer(error: Exception, expected: str) -> None:
    assert translate(error).id == expected


DENIED = (
    "User: arn:aws:sts::012345678901:assumed-role/dev/me is not authorized to perform: iam:CreateRole on resource: "
    "role x because no identity-based policy allows the iam:CreateRole action"
)


def test_a_denied_call_names_the_action_and_the_caller() -> None:
    error = translate(client_error("AccessDenied", DENIED), "role x")
    principal = "arn:aws:sts::012345678901:assumed-role/dev/me"
    assert error.details == {"action": "iam:CreateRole", "principal": principal}
    assert error.remedy == f"allow iam:CreateRole to {principal}"
    assert "no identity-based policy" in error.message
    assert error.where == "role x"
    assert translate(client_error("AccessDenied")).details["principal"] == "the caller"
    assert translate(client_error("AccessDenied")).where == "iam:CreateRole"


def test_the_code_of_a_failed_call_is_kept_for_whoever_can_use_it() -> None:
    error = translate(client_error("EntityAlreadyExists", "Role with name x already exists."))
    assert error.details["code"] == "EntityAlreadyExists"
    assert error.message == "iam:CreateRole: EntityAlreadyExists: Role with name x already exists."


def test_codes_of_errors_that_have_none() -> None:
    assert [code_of(error) for error in (client_error("X"), ValueError(), boto.ClientError({}, "o"))] == ["X", "", ""]
    assert translate(boto.ClientError({}, "Operation")).id == "aws-failed"


def test_errors_of_acksm_itself_and_defects_pass() -> None:
    told = AcksmError("cluster-unknown", "no")
    with pytest.raises(AcksmError) as caught, translated("eks", "DescribeCluster"):
        raise told
    assert caught.value is told
    with pytest.raises(KeyError), translated("eks", "DescribeCluster"):
        raise KeyError("cluster")


def test_nothing_happens_without_an_error() -> None:
    with translated("iam", "GetRole"):
        pass
