"""Trust policies for EKS Pod Identity: whom they trust, and how acksm's statements are added."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.guide.identity import pod_trust, policies, trust
from acksm.guide.identity.judged import Verdict

ARN = "arn:aws:eks:us-west-2:012345678901:cluster/demo"
OTHER_ARN = f"{ARN}-2"
ONE, TWO = (trust.subject("ack-system", f"ack-{name}-controller") for name in ("sagemaker", "applicationautoscaling"))
ELSEWHERE = trust.subject("team", "ack-sagemaker-controller")
PROVIDER = f"arn:aws:iam::012345678901:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/{'A' * 32}"
OWNERS: dict[str, Any] = {
    "irsa": dict(trust.statement(PROVIDER, [ONE])),
    "ec2": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    "wide": {
        "Sid": "Eksctl",
        "Effect": "Allow",
        "Principal": {"Service": pod_trust.SERVICE},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    },
    "another cluster": dict(pod_trust.statement(OTHER_ARN, [ONE])),
}
REQUEST = "aws:RequestTag/kubernetes-"


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "x", "Statement": list(statements)}


def pods(condition: Any = None, **more: Any) -> dict[str, Any]:
    return {**OWNERS["wide"], **({"Condition": condition} if condition else {}), **more}


YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("statements", "tagged", "untagged"),
    [
        ([], NO, NO),
        ([OWNERS["irsa"]], NO, NO),
        ([pods()], YES, YES),
        ([pod_trust.statement(ARN, [TWO, ONE])], YES, NO),
        ([pod_trust.statement(ARN, [ONE], tags=False)], YES, YES),
        ([pod_trust.statement(ARN, [TWO])], NO, NO),
        ([pod_trust.statement(OTHER_ARN, [ONE])], NO, NO),
        ([pods(Action="sts:AssumeRole")], NO, YES),
        ([pods(Action="sts:AssumeRole"), pods(Action="sts:*")], YES, YES),
        ([pods({"StringLike": {f"{REQUEST}service-account": "ack-*"}})], YES, NO),
        ([pods({"StringEquals": {f"{REQUEST}namespace": "other"}})], NO, NO),
        ([pods({"StringEqualsIfExists": {f"{REQUEST}namespace": "other"}})], NO, YES),
        ([pods({"ArnEquals": {"aws:SourceArn": ARN}})], YES, YES),
        ([pods({"ArnLike": {"aws:sourcearn": "arn:aws:eks:*:012345678901:cluster/*"}})], YES, YES),
        ([pods({"StringEquals": {f"{REQUEST}pod-name": "x"}})], UNKNOWN, NO),
        ([pods({"StringEquals": {"aws:SourceOrgID": "o-1"}})], UNKNOWN, UNKNOWN),
        ([pods(), {**pods(), "Effect": "Deny", "Action": "sts:TagSession"}], NO, YES),
        ([pods(), {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}], NO, NO),
    ],
)
def test_whether_eks_may_give_the_pods_the_role(statements: Any, tagged: Verdict, untagged: Verdict) -> None:
    found = [pod_trust.trusts(document(*statements), ARN, ONE, tags=tags).verdict for tags in (True, False)]
    assert found == [tagged, untagged]


def test_what_is_missing_is_named() -> None:
    assert pod_trust.trusts(document(pods(Action="sts:AssumeRole")), ARN, ONE).why == "sts:TagSession"


_SUBJECTS = st.sets(st.sampled_from([ONE, TWO, ELSEWHERE]))
_DOCUMENTS = st.lists(st.sampled_from(list(OWNERS)), unique=True)


@given(before=_SUBJECTS, names=_DOCUMENTS, subjects=_SUBJECTS, ours=st.booleans(), tags=st.booleans())
def test_a_merge_trusts_all_keeps_what_others_wrote_and_is_done_once(
    before: set[str], names: list[str], subjects: set[str], ours: bool, tags: bool
) -> None:
    owners = [OWNERS[name] for name in names]
    start = document(*owners, *pod_trust.statements_for(ARN, before))
    merged = pod_trust.merge(start, ARN, subjects, ours=ours, tags=tags)
    assert all(pod_trust.trusts(merged, ARN, one, tags=tags).verdict is YES for one in subjects)
    assert [item for item in merged["Statement"] if item in owners] == owners
    assert merged["Id"] == "x"
    assert pod_trust.merge(merged, ARN, subjects, ours=ours, tags=tags) == merged
    had = pod_trust.subjects_of(start, ARN)
    if ours and tags:
        assert pod_trust.subjects_of(merged, ARN) == subjects
    if not ours:
        assert had <= pod_trust.subjects_of(merged, ARN) | {"*"} or not tags
    if not before:
        assert pod_trust.without(merged, ARN) == start


def test_another_releases_account_is_kept_where_it_is_trusted() -> None:
    start = document(*pod_trust.statements_for(ARN, [ONE, ELSEWHERE]))
    assert pod_trust.subjects_of(pod_trust.merge(start, ARN, [TWO], ours=True, keep=[ELSEWHERE]), ARN) == {
        TWO,
        ELSEWHERE,
    }


def test_names_of_several_namespaces_are_not_mixed() -> None:
    merged = pod_trust.merge(None, ARN, [TWO, ELSEWHERE], ours=True)
    for stranger in (trust.subject("team", "ack-applicationautoscaling-controller"), ONE):
        assert pod_trust.trusts(merged, ARN, stranger).verdict is NO


def test_single_subjects_are_removed_from_acksms_own_statements() -> None:
    start = document(OWNERS["wide"], *pod_trust.statements_for(ARN, [ONE, TWO]))
    left = pod_trust.without(start, ARN, [ONE])
    assert pod_trust.subjects_of(left, ARN) == {TWO}
    assert left["Statement"][0] == OWNERS["wide"]
    assert pod_trust.without(left, ARN, [TWO])["Statement"] == [OWNERS["wide"]]


def test_both_ways_of_a_cluster_fit_into_iams_limit() -> None:
    both = pod_trust.merge(trust.merge(None, PROVIDER, [ONE, TWO], ours=True), ARN, [ONE, TWO], ours=True)
    assert policies.size(both) < 2_048
