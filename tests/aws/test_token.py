"""EKS tokens: minted offline, taken by an authenticator that checks the signature, refused for anything else."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, strategies as st

from acksm.aws.account import Aws
from acksm.aws.session import Identity
from acksm.aws.token import PREFIX, TOKEN_LIFE, Token, exec_credential, mint
from acksm.errors import AcksmError
from acksm.sandbox.authenticator import TokenRefusedError, check

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


def token(cluster: str = "demo", region: str = "us-west-2") -> Token:
    return mint(Aws(region=region), cluster)


def url(of: Token) -> str:
    encoded = of.value.removeprefix(PREFIX)
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def changed(of: Token, old: str, new: str) -> str:
    assert old in url(of)
    return PREFIX + base64.urlsafe_b64encode(url(of).replace(old, new).encode()).decode().rstrip("=")


def secret_of(key: str) -> str:
    return {KEY: SECRET}.get(key, "")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-west-2", "sts.us-west-2.amazonaws.com"),
        ("us-east-1", "sts.us-east-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
    ],
)
def test_a_token_is_a_presigned_question_to_the_regions_own_sts(region: str, host: str) -> None:
    made = token(region=region)
    parts = urlsplit(url(made))
    query = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, query["Action"]) == ("https", host, ["GetCallerIdentity"])
    assert query["X-Amz-Expires"] == ["60"]
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) == {"host", "x-k8s-aws-id"}
    assert query["X-Amz-Credential"][0].startswith(f"{KEY}/")
    assert "=" not in made.value.removeprefix(PREFIX)
    assert SECRET not in url(made)


@pytest.mark.parametrize(
    ("variable", "value", "region", "host", "signed_for"),
    [
        ("AWS_STS_REGIONAL_ENDPOINTS", "legacy", "us-west-2", "sts.amazonaws.com", "us-east-1"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "legacy", "eu-south-1", "sts.eu-south-1.amazonaws.com", "eu-south-1"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "regional", "us-west-2", "sts.us-west-2.amazonaws.com", "us-west-2"),
        ("AWS_USE_FIPS_ENDPOINT", "true", "us-west-2", "sts-fips.us-west-2.amazonaws.com", "us-west-2"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true", "us-west-2", "sts.us-west-2.api.aws", "us-west-2"),
        ("AWS_ENDPOINT_URL_STS", "https://vpce-1.sts.us-west-2.vpce.amazonaws.com", "us-west-2", "", "us-west-2"),
        ("AWS_ENDPOINT_URL", "https://127.0.0.1:8443", "us-west-2", "127.0.0.1:8443", "us-west-2"),
    ],
)
def test_host_and_signing_region_agree_whatever_is_set_for_sts(
    variable: str, value: str, region: str, host: str, signed_for: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    made = token(region=region)
    parts = urlsplit(url(made))
    assert parts.netloc == (host or urlsplit(value).netloc)
    assert parse_qs(parts.query)["X-Amz-Credential"][0].split("/")[2] == signed_for
    assert check(made.value, "demo", secret_of) == KEY


def test_a_host_takes_no_signature_for_another_region() -> None:
    def refused(old: str, new: str) -> str:
        with pytest.raises(TokenRefusedError) as caught:
            check(changed(token(), old, new), "demo", secret_of)
        return str(caught.value)

    assert (
        refused("sts.us-west-2.amazonaws.com", "sts.amazonaws.com")
        == "sts.amazonaws.com takes no signature for us-west-2"
    )
    assert "takes no signature" in refused("sts.us-west-2", "sts.eu-west-1")


def test_it_is_announced_for_fourteen_minutes() -> None:
    left = token().expires_at - datetime.now(UTC)
    assert TOKEN_LIFE - timedelta(minutes=2) < left <= TOKEN_LIFE


@pytest.mark.parametrize("cluster", ["demo", "a_B-9", "x" * 100])
def test_it_is_taken_for_its_cluster(cluster: str) -> None:
    assert check(token(cluster).value, cluster, secret_of) == KEY


def test_a_session_token_is_signed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session//+=")
    made = token()
    assert parse_qs(urlsplit(url(made)).query)["X-Amz-Security-Token"] == ["session//+="]
    assert check(made.value, "demo", secret_of) == KEY


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda made: (made.value, "other"), "not of cluster other"),
        (lambda made: (made.value.removeprefix(PREFIX), "demo"), "not an EKS token"),
        (lambda made: (PREFIX + "!!!", "demo"), "not base64"),
        (lambda made: (made.value + "~", "demo"), "not base64"),
        (lambda made: (made.value.replace(".", ".~", 2), "demo"), "not base64|not an EKS token"),
        (lambda made: (PREFIX, "demo"), "not a GetCallerIdentity"),
        (lambda made: (changed(made, "GetCallerIdentity", "AssumeRole"), "demo"), "not a GetCallerIdentity"),
        (lambda made: (changed(made, "x-k8s-aws-id", "x-other"), "demo"), "not signed"),
        (lambda made: (changed(made, KEY, "AKIAOTHER"), "demo"), "unknown access key"),
        (lambda made: (changed(made, "us-west-2", "us-east-1"), "demo"), "signature"),
        (lambda made: (changed(made, "X-Amz-Signature=", "X-Amz-Signature=0"), "demo"), "signature"),
        (lambda made: (changed(made, "X-Amz-Signature=", "X-Amz-Nothing="), "demo"), "signature"),
        (lambda made: (changed(made, "X-Amz-Expires=60", "X-Amz-Expires=6000"), "demo"), "signature"),
        (lambda made: (changed(made, "X-Amz-Date=", "X-Amz-Day="), "demo"), "not a presigned request"),
    ],
)
def test_anything_else_is_refused(damage: Callable[[Token], tuple[str, str]], reason: str) -> None:
    value, cluster = damage(token())
    with pytest.raises(TokenRefusedError, match=reason):
        check(value, cluster, secret_of)


@pytest.mark.parametrize(
    ("minutes", "taken"), [(0, True), (14, True), (14.9, True), (16, False), (600, False), (-4, True), (-10, False)]
)
def test_age(minutes: float, taken: bool) -> None:
    made, now = token(), datetime.now(UTC) + timedelta(minutes=minutes)
    if taken:
        assert check(made.value, "demo", secret_of, now) == KEY
    else:
        with pytest.raises(TokenRefusedError, match="expired"):
            check(made.value, "demo", secret_of, now)


@given(
    st.dictionaries(
        st.sampled_from(["Action", "X-Amz-Date", "X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature"]),
        st.text(max_size=9)
        | st.sampled_from(["GetCallerIdentity", "20260101T000000Z", f"{KEY}/1/2/sts/4", "host;x-k8s-aws-id"]),
    ),
    st.sampled_from(["https://sts/?", "https://[", "", "?"]),
)
def test_any_question_is_refused(query: dict[str, str], base: str) -> None:
    raw = (base + urlencode(query)).encode()
    with pytest.raises(TokenRefusedError):
        check(PREFIX + base64.urlsafe_b64encode(raw).decode(), "demo", secret_of)


@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    for value in (text, PREFIX + text):
        with pytest.raises(TokenRefusedError):
            check(value, "demo", secret_of)


def test_another_secret_is_another_signature() -> None:
    with pytest.raises(TokenRefusedError, match="signature"):
        check(token().value, "demo", lambda _: SECRET + "x")


def test_without_credentials_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AcksmError) as caught:
        token()
    assert caught.value.id == "aws-no-credentials"


def test_the_document_for_kubectl() -> None:
    document = json.loads(exec_credential(Token("k8s-aws-v1.x", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))))
    assert document == {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "spec": {},
        "status": {"expirationTimestamp": "2026-01-02T03:04:05Z", "token": "k8s-aws-v1.x"},
    }


# the session


@pytest.mark.parametrize(
    ("arn", "partition"),
    [
        ("arn:aws:iam::012345678901:user/me", "aws"),
        ("arn:aws-cn:sts::012345678901:assumed-role/a/b", "aws-cn"),
        ("arn:aws-us-gov:iam::012345678901:root", "aws-us-gov"),
        ("arn:aws-iso-b:iam::012345678901:user/a:b:c", "aws-iso-b"),
        ("", "aws"),
        ("nonsense", "aws"),
    ],
)
def test_partitions(arn: str, partition: str) -> None:
    assert Identity("012345678901", arn, "x").partition == partition


def test_no_region_and_no_profile_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AcksmError) as caught:
        _ = Aws().region
    assert caught.value.id == "aws-region-missing"
    with pytest.raises(AcksmError) as caught:
        _ = Aws(profile="nobody", region="us-west-2").session
    assert (caught.value.id, caught.value.where) == ("aws-profile-unknown", "profile nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Aws().region == "eu-west-1"


def test_another_account_than_the_pinned_one_is_refused() -> None:
    aws = Aws(region="us-west-2", account="111111111111")
    aws._identity = Identity("012345678901", "arn:aws:iam::012345678901:user/me", "x")
    with pytest.raises(AcksmError) as caught:
        aws.identity()
    assert (caught.value.id, int(caught.value.exit_code)) == ("aws-wrong-account", 6)
    aws._account = "012345678901"
    assert aws.identity().account == "012345678901"


def test_one_client_serves_all_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    aws = Aws(region="us-west-2")
    with ThreadPoolExecutor(4) as pool:
        assert len(set(map(id, pool.map(lambda _: aws.client("sts"), range(8))))) == 1


def test_every_call_that_a_change_may_name_is_there() -> None:
    table = Aws(region="us-west-2").dispatch_table()
    assert {"iam.create_role", "iam.update_trust", "iam.create_oidc_provider"} <= set(table)
    assert all(callable(call) for call in table.values())
