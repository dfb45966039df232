"""Whom a trust policy lets in: exact statements, and the patterns that their owners write."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.guide import trust

ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::012345678901:oidc-provider/{ISSUER}"
SUBJECT = trust.subject("ack-system", "ack-sagemaker-controller")
AUD, SUB = f"{ISSUER}:aud", f"{ISSUER}:sub"
STS = trust.AUDIENCE


def document(condition: Any = None, **more: Any) -> dict[str, Any]:
    base = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": trust.ACTION}
    return {"Statement": [{**base, **({"Condition": condition} if condition is not None else {}), **more}]}


@pytest.mark.parametrize(
    "found",
    [
        {"Statement": [trust.statement(PROVIDER, [SUBJECT])]},
        {"Statement": trust.statement(PROVIDER, ["other", SUBJECT])},
        document(),
        document({"StringEquals": {AUD: STS}}),
        document({"StringEquals": {SUB.upper(): [SUBJECT]}}),
        document({"StringLike": {SUB: "system:serviceaccount:ack-system:*", AUD: "sts.*"}}),
        document({"StringEquals": {AUD: STS}, "StringLike": {SUB: "system:serviceaccount:ack-?ystem:ack-*"}}),
        document({}, Action=["sts:*"]),
        document(Principal={"Federated": ["arn:other", PROVIDER]}),
    ],
)
def test_who_is_let_in(found: Any) -> None:
    assert trust.lets_in(found, PROVIDER, SUBJECT)
    assert not trust.lets_in(found, PROVIDER.replace("ABC", "OLD"), SUBJECT)


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        document(Effect="Deny"),
        document(Principal={"Service": "ec2.amazonaws.com"}),
        document(Principal="*"),
        document(Action="sts:AssumeRole"),
        document({"StringEquals": {SUB: "system:serviceaccount:ack-system:*"}}),
        document({"StringEquals": {SUB: STS, AUD: SUBJECT}}),
        document({"StringEquals": {AUD: STS, SUB: SUBJECT, "aws:SourceIp": "10.0.0.1"}}),
        document({"StringLike": {SUB: "system:serviceaccount:[a]ck-system:*"}}),
        document({"StringNotEquals": {SUB: "x"}}),
        document({"StringEquals": {PROVIDER: STS}}),
    ],
)
def test_who_is_not(found: Any) -> None:
    assert not trust.lets_in(found, PROVIDER, SUBJECT)
