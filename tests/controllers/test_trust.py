"""Whom STS lets in: trust policies, and web identity tokens."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.sandbox import trust
from acksm.sandbox.certificates import signing_key

ACCOUNT, ISSUER = "012345678901", "https://oidc.eks.us-west-2.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
SUB = "system:serviceaccount:ack-system:ack-sagemaker-controller"
KEY = "oidc.eks.us-west-2.amazonaws.com/id/ABC"


def _federated(**conditions: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": PROVIDER},
        "Condition": {"StringEquals": {f"{KEY}:sub": SUB, f"{KEY}:aud": "sts.amazonaws.com", **conditions}},
    }


def _backends(*statements: dict[str, Any], audiences: tuple[str, ...] = ("sts.amazonaws.com",)) -> Any:
    document = json.dumps({"Statement": list(statements)})
    role = SimpleNamespace(arn=ROLE, assume_role_policy_document=document)
    providers = {PROVIDER: SimpleNamespace(client_id_list=list(audiences))} if audiences else {}
    return {ACCOUNT: {"aws": SimpleNamespace(roles={"1": role}, open_id_providers=providers)}}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "sa.key"
    signing_key(path)
    return path


def _token(key: Path, **claims: Any) -> str:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    def part(data: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()

    told = {"iss": ISSUER, "sub": SUB, "aud": ["sts.amazonaws.com"], "exp": time.time() + 60, **claims}
    signed = f"{part({'alg': 'RS256'})}.{part(told)}"
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    signature = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _ask(backends: Any, key: Path, token: str, role: str = ROLE) -> tuple[int, str, str] | None:
    return trust.web_identity(backends, {ISSUER: key}, {"RoleArn": role, "WebIdentityToken": token})


def test_a_token_of_the_service_account_is_let_in(key: Path) -> None:
    assert _ask(_backends(_federated()), key, _token(key)) is None


@pytest.mark.parametrize(
    ("claims", "code", "message"),
    [
        ({"iss": "https://elsewhere"}, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"),
        ({"aud": ["kubernetes"]}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"exp": 1}, "ExpiredTokenException", "Token expired"),
        ({"sub": "system:serviceaccount:default:x"}, "AccessDenied", "Not authorized to perform sts:AssumeRole"),
    ],
)
def test_tokens_that_are_refused(key: Path, claims: dict[str, Any], code: str, message: str) -> None:
    refused = _ask(_backends(_federated()), key, _token(key, **claims))
    assert refused is not None
    assert refused[1] == code
    assert message in refused[2]


def test_a_token_that_another_cluster_signed_is_refused(key: Path, tmp_path: Path) -> None:
    signing_key(tmp_path / "other.key")
    refused = _ask(_backends(_federated()), key, _token(tmp_path / "other.key"))
    assert refused is not None
    assert "Couldn't retrieve verification key" in refused[2]
    assert _ask(_backends(_federated()), key, "no.token") is not None
    assert _ask(_backends(_federated()), key, "a.b.c") is not None


@pytest.mark.parametrize(
    "statement",
    [
        {},
        _federated(**{f"{KEY}:aud": "another"}),
        {**_federated(), "Principal": {"Federated": PROVIDER + "X"}},
        {**_federated(), "Action": "sts:AssumeRole"},
        {**_federated(), "Condition": {"BeyondPractice": {f"{KEY}:sub": SUB}}},
    ],
)
def test_trust_policies_that_do_not_mean_it(key: Path, statement: dict[str, Any]) -> None:
    refused = _ask(_backends(statement), key, _token(key))
    assert refused == (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def test_a_deny_wins(key: Path) -> None:
    assert _ask(_backends(_federated(), {**_federated(), "Effect": "Deny"}), key, _token(key)) is not None


CALLER = f"arn:aws:iam::{ACCOUNT}:role/caller"


@pytest.mark.parametrize(
    ("principal", "condition", "trusted"),
    [
        ({"AWS": CALLER}, {}, True),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}, {}, True),
        ({"AWS": ACCOUNT}, {}, True),
        ("*", {}, True),
        ({"AWS": "arn:aws:iam::222222222222:root"}, {}, False),
        ({"Service": "ec2.amazonaws.com"}, {}, False),
        ({"AWS": CALLER}, {"StringEquals": {"sts:ExternalId": "x"}}, False),
        ({"AWS": ACCOUNT}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/cal*"}}, True),
        ({"AWS": ACCOUNT}, {"StringNotEquals": {"aws:PrincipalArn": CALLER}}, False),
        ({"AWS": ACCOUNT}, {"StringEqualsIfExists": {"sts:ExternalId": "x"}}, True),
        ({"AWS": ACCOUNT}, {"Null": {"sts:ExternalId": "true"}}, True),
    ],
)
def test_who_may_assume(principal: Any, condition: dict[str, Any], trusted: bool) -> None:
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": principal, "Condition": condition}
    refused = trust.assume_role(_backends(statement), CALLER, "session", {"RoleArn": ROLE}, {})
    assert (refused is None) is trusted
    if refused:
        assert refused[2] == f"User: session is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def test_a_role_that_does_not_exist_is_denied_like_one_that_does_not_trust() -> None:
    assert trust.assume_role(_backends(), CALLER, "s", {"RoleArn": ROLE + "x"}, {}) is not None
    assert trust.assume_role(_backends(), CALLER, "s", {"RoleArn": "nonsense"}, {}) is not None


@pytest.mark.parametrize(("action", "tags", "trusted"), [("AssumeRole", {}, True), ("AssumeRole", {"a": "b"}, False)])
def test_tags_of_a_session_are_trusted_on_their_own(action: str, tags: dict[str, str], trusted: bool) -> None:
    statement = {"Effect": "Allow", "Action": f"sts:{action}", "Principal": {"AWS": CALLER}}
    both = {**statement, "Action": [f"sts:{action}", "sts:TagSession"]}
    assert (trust.assume_role(_backends(statement), CALLER, "s", {"RoleArn": ROLE}, tags) is None) is trusted
    assert trust.assume_role(_backends(both), CALLER, "s", {"RoleArn": ROLE}, tags) is None
