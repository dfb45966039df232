"""Clusters that EKS lists, and which of all are meant."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from acksm.aws.eks import Listed
from acksm.errors import AcksmError
from acksm.fleet.discovery import Found, chosen, complete
from acksm.fleet.file import Discovery, read

TEXT = """
defaults: {scope: namespace, assume-role-arn: "arn:aws:iam::{account}:role/x", labels: {tier: cpu}}
clusters:
- {cluster: own, account: "111111111111", region: eu-west-1, scope: cluster}
discover:
- {accounts: ["111111111111", "222222222222"], regions: [eu-west-1, us-east-1], tags: {team: ml}, labels: {stage: rest}}
"""


def listed(_how: Discovery, account: str, region: str) -> Mapping[str, Listed]:
    if (account, region) == ("222222222222", "us-east-1"):
        raise AcksmError("aws-access-denied", "may not list")
    if account == "222222222222":
        return {
            "far": Listed({"team": "ml", "more": "x"}),
            "new": Listed({"team": "ml"}, "CREATING"),
            "other": Listed({"team": "web"}, "CREATING"),
            "bare": Listed(),
        }
    return {"own": Listed({"team": "ml"})} if region == "eu-west-1" else {}


@pytest.fixture
def found(tmp_path: Path) -> Found:
    path = tmp_path / "fleet.yaml"
    path.write_text(TEXT)
    return complete(read(str(path)), listed)


def test_what_has_the_tags_is_added_and_what_the_file_lists_is_left(found: Found) -> None:
    own, far = found.members
    assert (own.id, own.settings["scope"]) == ("111111111111/eu-west-1/own", "cluster")
    assert far.id == "222222222222/eu-west-1/far"
    assert far.labels == {"stage": "rest", "tier": "cpu"}
    assert far.settings["scope"] == "namespace"
    assert far.assume_role_arn == "arn:aws:iam::222222222222:role/x"


def test_what_could_not_be_listed_is_told(found: Found) -> None:
    assert found.unread == (
        "cluster 222222222222/eu-west-1/new is CREATING",
        "clusters of account 222222222222 in us-east-1: may not list",
    )


def test_labels_and_names_narrow(found: Found) -> None:
    assert [one.cluster for one in chosen(found.members, {"stage": "rest"}, [])] == ["far"]
    assert [one.cluster for one in chosen(found.members, {}, ["111111111111/eu-west-1/own"])] == ["own"]
    assert chosen(found.members, {"stage": "rest"}, ["own"]) == []
    with pytest.raises(AcksmError) as raised:
        chosen(found.members, {}, ["nowhere"])
    assert raised.value.id == "fleet-unknown"
