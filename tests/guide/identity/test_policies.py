"""Policies as presets, held against IAM's own actions and resources, and compared by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

import policy_linter
from acksm.ack.kinds import API, KINDS, Kind
from acksm.guide.carm import trust as carm_trust
from acksm.guide.identity import policies, trust

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


ROLES = (f"arn:aws:iam::{ACCOUNT}:role/execution", f"arn:aws:iam::{ACCOUNT}:role/path/other")
ALL = policies.Least({"sagemaker": (), "applicationautoscaling": ()}, ROLES)


def least(**kinds: Sequence[str]) -> Any:
    return policies.choose(["least"], "aws", ACCOUNT, policies.Least(kinds, ROLES)).inline[policies.LEAST]


def actions(document: Any) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IAM's data of every service that a preset names."""
    every = policies.choose(["least", "studio", "autoscaling"], "aws", ACCOUNT, ALL)
    names = {action.partition(":")[0] for document in every.inline.values() for action in actions(document)}
    return policy_linter.services(tmp_path_factory.mktemp("iam"), names | {"sts"})


@pytest.mark.parametrize("preset", ["least", "studio", "autoscaling"])
def test_a_linter_has_nothing_against_a_preset(preset: str, services: Path) -> None:
    """Every action exists, is on a resource that it can be on, and has conditions that it knows."""
    for document in policies.choose([preset], "aws", ACCOUNT, ALL).inline.values():
        assert policy_linter.complaints(document, services) == []


@pytest.mark.parametrize(
    "kind", [kind for kinds in KINDS.values() for kind in kinds.values()], ids=lambda kind: kind.name
)
def test_a_linter_has_nothing_against_least_of_a_single_kind(kind: Kind, services: Path) -> None:
    document = least(**{kind.service: [kind.name]})
    assert policy_linter.complaints(document, services) == []
    for call in (kind.create_call, kind.describe_call, kind.delete_call):
        assert f"{API[kind.service]}:{call}" in actions(document)


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "sagemaker:CreateTrainingJobs", "Resource": "*"},
        {"Action": "sagemaker:CreateTrainingJob", "Resource": f"arn:aws:sagemaker:*:{ACCOUNT}:model/*"},
        {
            "Action": "iam:PassRole",
            "Resource": ROLES[0],
            "Condition": {"StringEquals": {"iam:PassedToServices": "sagemaker.amazonaws.com"}},
        },
    ],
)
def test_the_linter_sees_what_is_wrong(statement: Any, services: Path) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    assert policy_linter.complaints(document, services) != []


def test_a_linter_has_nothing_against_the_trust_policies(services: Path) -> None:
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
    own = trust.merge(None, provider, [trust.subject("ack-system", "ack")], ours=True)
    far = carm_trust.merge_trust(None, [ROLES[0]], True, carm_trust.sid("arn:cluster"))
    assert [policy_linter.complaints(one, services, "TRUST_POLICY") for one in (own, far)] == [[], []]
    assert policy_linter.complaints(carm_trust.merge_policy(None, [ROLES[0]], True, "AcksmCarm1"), services) == []


def test_least_passes_on_the_named_roles_to_sagemaker_and_no_other() -> None:
    passing = [item for item in least(sagemaker=())["Statement"] if "iam:PassRole" in item["Action"]]
    assert passing == [
        {
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": sorted(ROLES),
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        }
    ]
    assert policies.execution_roles(least(sagemaker=())) == tuple(sorted(ROLES))
    assert policies.execution_roles(None) == ()


def test_least_has_what_is_reconciled_and_nothing_else() -> None:
    few = least(sagemaker=["Model", "Endpoint"])
    assert {action for action in actions(few) if "Tags" not in action} == {
        "iam:PassRole",
        *(f"sagemaker:{verb}Model" for verb in ("Create", "Describe", "Delete")),
        *(f"sagemaker:{verb}Endpoint" for verb in ("Create", "Describe", "Update", "Delete")),
    }
    types = {resource.split(":")[5] for resource in few["Statement"][0]["Resource"]}
    assert types == {"model/*", "endpoint/*", "endpoint-config/*"}  # an endpoint is made of a configuration
    assert not any(action.startswith("application-autoscaling") for action in actions(few))


def test_no_statement_of_least_is_on_everything_but_what_iam_knows_no_resources_of() -> None:
    for statement in least(sagemaker=(), applicationautoscaling=())["Statement"]:
        if statement["Resource"] == ["*"]:
            assert not any(action.startswith(("sagemaker:", "iam:")) for action in statement["Action"])
        assert not any("*" in action for action in statement["Action"])


def test_everything_together_leaves_room_for_the_policy_of_other_accounts() -> None:
    every = policies.choose(["least", "studio", "autoscaling"], "aws-us-gov", ACCOUNT, ALL)
    assert policies.size_of_all(every.inline.values()) < policies.INLINE_LIMIT - 1_500


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
