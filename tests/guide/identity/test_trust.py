"""Whom a trust policy lets in: exact statements, and the patterns that their owners write."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.guide.identity import trust
from acksm.guide.identity.judged import Verdict

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
    assert trust.trusts(found, PROVIDER, SUBJECT).verdict is Verdict.YES
    assert trust.trusts(found, PROVIDER.replace("ABC", "OLD"), SUBJECT).verdict is Verdict.NO


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
        document({"StringLike": {SUB: "system:serviceaccount:[a]ck-system:*"}}),
        document({"StringNotEquals": {SUB: SUBJECT}}),
        {"Statement": [*document()["Statement"], *document(Effect="Deny")["Statement"]]},
        {"Statement": [*document()["Statement"], *document(Effect="Deny", Principal="*")["Statement"]]},
    ],
)
def test_who_is_not(found: Any) -> None:
    assert trust.trusts(found, PROVIDER, SUBJECT).verdict is Verdict.NO


ALLOWED, EVERYONE = document()["Statement"], {"Effect": "Deny", "Principal": "*"}


@pytest.mark.parametrize(
    "found",
    [
        document({"StringEquals": {AUD: STS, SUB: SUBJECT, "aws:SourceIp": "10.0.0.1"}}),
        document({"StringEquals": {PROVIDER: STS}}),
        document({"ForAnyValue:StringEquals": {SUB: SUBJECT}}),
        document({"StringLike": {SUB: "system:serviceaccount:${aws:PrincipalTag/x}:*"}}),
        {"Statement": [*ALLOWED, {**EVERYONE, "Action": "*", "Condition": {"Bool": {"aws:ViaAWSService": "false"}}}]},
        {"Statement": [*ALLOWED, {**EVERYONE, "NotAction": "sts:TagSession"}]},
        {"Statement": [*ALLOWED, {"Effect": "Deny", "NotPrincipal": {"AWS": "x"}, "Action": "*"}]},
        {"Statement": [{"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "NotAction": "iam:*"}]},
    ],
)
def test_what_cannot_be_judged_is_unknown_and_never_a_yes(found: Any) -> None:
    answer = trust.trusts(found, PROVIDER, SUBJECT)
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.why


OTHER = trust.subject("team-a", "ack-sagemaker-controller")
GOOD = trust.statement(PROVIDER, [SUBJECT])
WIDE = document({"StringLike": {SUB: "system:serviceaccount:*:*"}})["Statement"][0]
THEIRS = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:role/x"}, "Action": "sts:AssumeRole"}


def merged(*statements: Any, ours: bool = True, **more: Any) -> Any:
    before = {"Version": "2012-10-17", "Id": "theirs", "Other": 1, "Statement": list(statements)}
    return trust.merge(before, PROVIDER, [SUBJECT], ours=ours, **more)


@pytest.mark.parametrize("statements", [[WIDE], [WIDE, GOOD], [GOOD, WIDE], [{**WIDE, "Action": "sts:*"}, GOOD]])
def test_a_wide_statement_goes_from_our_role_whatever_stands_beside_it(statements: list[Any]) -> None:
    assert merged(THEIRS, *statements)["Statement"] == [THEIRS, GOOD]
    assert merged(THEIRS, *statements, ours=False)["Statement"][: len(statements) + 1] == [THEIRS, *statements]


def test_a_wide_statement_of_several_providers_keeps_the_others() -> None:
    both = {**WIDE, "Principal": {"Federated": [PROVIDER, "arn:other"]}}
    assert merged(both)["Statement"] == [{**both, "Principal": {"Federated": ["arn:other"]}}, GOOD]


def test_our_role_lets_in_exactly_whom_a_release_has_and_another_keeps_all() -> None:
    both = trust.statement(PROVIDER, [SUBJECT, OTHER])
    assert merged(both)["Statement"] == [GOOD]
    assert merged(both, keep={OTHER})["Statement"] == [both]
    assert merged(GOOD, keep={OTHER})["Statement"] == [GOOD]  # a record keeps, and lets nobody in
    assert merged(trust.statement(PROVIDER, [OTHER]), ours=False)["Statement"] == [both]


def test_id_and_every_other_key_of_the_document_stay() -> None:
    for after in (merged(WIDE), merged(WIDE, ours=False), merged(GOOD)):
        assert (after["Id"], after["Other"]) == ("theirs", 1)
    assert trust.without(merged(GOOD), PROVIDER, [SUBJECT]) == {**merged(GOOD), "Statement": []}


def test_another_clusters_statement_stays_in_a_role_that_it_shares() -> None:
    former = trust.statement(PROVIDER.replace("ABC", "OLD"), [SUBJECT])
    assert merged(former)["Statement"] == [GOOD]
    assert merged(former, shared=True)["Statement"] == [former, GOOD]


def test_a_statement_with_another_key_in_somebody_elses_role_is_extended_in_place() -> None:
    named = {**trust.statement(PROVIDER, [OTHER]), "Sid": "Theirs"}
    (found,) = merged(named, ours=False)["Statement"]
    assert found["Sid"] == "Theirs"
    assert trust.trusted_subjects(found, PROVIDER) == frozenset({SUBJECT, OTHER})


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([GOOD], {SUBJECT}),
        ([WIDE], {"system:serviceaccount:*:*"}),
        (document()["Statement"], {"*"}),
        ([{**GOOD, "Effect": "Deny"}, THEIRS], set()),
    ],
)
def test_whom_statements_let_in_is_told_pattern_or_not(statements: Any, expected: set[str]) -> None:
    assert trust.subjects_of({"Statement": statements}, PROVIDER) == expected
    assert trust.subjects_of(trust.without({"Statement": statements}, PROVIDER, expected), PROVIDER) == set()
