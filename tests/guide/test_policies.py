"""Policies as presets (ack-facts.md §0, G7), and compared by meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.guide import policies

ACCOUNT = "012345678901"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize(
    ("presets", "managed", "inline", "linked"),
    [
        ([], 0, set(), ""),
        (["core"], 1, set(), ""),
        (["studio"], 0, {policies.STUDIO}, ""),
        (["autoscaling"], 0, {policies.AUTOSCALING}, policies.LINKED_SERVICE),
        (["core", "studio", "autoscaling"], 1, {policies.STUDIO, policies.AUTOSCALING}, policies.LINKED_SERVICE),
    ],
)
def test_presets(partition: str, presets: list[str], managed: int, inline: set[str], linked: str) -> None:
    chosen = policies.choose(presets, partition, ACCOUNT)
    assert chosen.managed == (f"arn:{partition}:iam::aws:policy/AmazonSageMakerFullAccess",) * managed
    assert (set(chosen.inline), chosen.service_linked) == (inline, linked)
    for statement in (item for document in chosen.inline.values() for item in document["Statement"]):
        assert statement["Effect"] == "Allow"
        assert all(resource.startswith(f"arn:{partition}:") for resource in statement["Resource"])
        assert "*" not in statement["Resource"] + statement["Action"]


def test_autoscaling_may_hand_over_the_service_linked_role_and_nothing_else() -> None:
    (statement,) = policies.choose(["autoscaling"], "aws", ACCOUNT).inline[policies.AUTOSCALING]["Statement"]
    assert statement["Action"] == ["iam:PassRole"]
    assert statement["Resource"] == [
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    ]


def test_studio_covers_the_four_kinds_that_the_managed_policy_leaves_out() -> None:
    (statement,) = policies.choose(["studio"], "aws", ACCOUNT).inline[policies.STUDIO]["Statement"]
    for kind in ("Domain", "UserProfile", "Space", "App"):
        for verb in ("Create", "Describe", "Delete"):
            assert f"sagemaker:{verb}{kind}" in statement["Action"]
    assert {resource.split(":")[5].partition("/")[0] for resource in statement["Resource"]} == {
        "domain",
        "user-profile",
        "space",
        "app",
    }


_statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True),
        "Resource": st.lists(st.sampled_from("xyz"), min_size=1, max_size=3, unique=True),
    }
)


@given(st.lists(_statements, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_order_and_brackets_do_not_count(statements: list[dict[str, Any]], random: Any) -> None:
    def written(item: dict[str, Any]) -> dict[str, Any]:
        result = {}
        for key, value in item.items():
            if isinstance(value, list):
                value = random.sample(value, len(value))
                result[key] = value[0] if len(value) == 1 and random.random() < 0.5 else value
            else:
                result[key] = value
        return result

    other: Any = [written(item) for item in random.sample(statements, len(statements))]
    other = other[0] if len(other) == 1 and random.random() < 0.5 else other
    one = {"Version": "2012-10-17", "Statement": statements}
    assert policies.same(one, {"Statement": other, "Version": "2012-10-17"})
    assert not policies.same(one, {"Version": "2012-10-17", "Statement": [*statements, {"Effect": "Deny"}]})
    changed = [{**statements[0], "Action": ["other"]}, *statements[1:]]
    assert not policies.same(one, {"Version": "2012-10-17", "Statement": changed})


@pytest.mark.parametrize("other", [None, {}, "x", [], {"Statement": None}])
def test_something_else_is_not_the_same(other: Any) -> None:
    assert not policies.same(other, policies.choose(["autoscaling"], "aws", ACCOUNT).inline[policies.AUTOSCALING])
