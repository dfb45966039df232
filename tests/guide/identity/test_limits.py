"""Names, sizes and quotas of IAM, found before the first write; by table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.aws.documents import Role
from acksm.aws.iam_calls import Quotas, is_role_name
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.guide.identity import limits, role_names
from acksm.guide.samples import roles as sample_roles
from acksm.sandbox import iam_model
from acksm.settings import RoleSettings
from memory_iam import ACCOUNT, role

LONG = "platform-engineering-nonprod-us-west-2-blue-01"
CLUSTER = st.from_regex(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", fullmatch=True)  # EKS API reference, CreateCluster


# names


@given(CLUSTER)
def test_every_name_of_a_cluster_gives_roles_that_iam_can_have(cluster: str) -> None:
    for name in (role_names.of_controllers(cluster, RoleSettings()), sample_roles.name(cluster)):
        assert is_role_name(name)
        assert iam_model.fault("GetRole", {"RoleName": name}) == ""


@given(CLUSTER, CLUSTER)
def test_two_clusters_have_two_roles(one: str, other: str) -> None:
    names = {role_names.of_controllers(cluster, RoleSettings()) for cluster in (one, other)}
    assert len(names) == len({one, other})


@pytest.mark.parametrize(
    ("cluster", "option", "name"),
    [
        ("demo", "", "ack-controller-role-demo"),
        ("c" * 44, "", "ack-controller-role-" + "c" * 44),  # 64: names that were possible before are unchanged
        (LONG, "", "ack-controller-role-platform-engineering-nonprod-us-wes-7d3d1a93"),
        (LONG, "ack", "ack"),
    ],
)
def test_names_never_change(cluster: str, option: str, name: str) -> None:
    assert role_names.of_controllers(cluster, RoleSettings(role_name=option)) == name


def test_two_long_names_with_one_beginning_differ() -> None:
    names = {role_names.of_controllers(LONG[:-2] + end, RoleSettings()) for end in ("01", "02", "03")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("options", "id", "where"),
    [
        ({"role_name": "x" * 65}, "role-name-too-long", "--role-name"),
        ({"role_name": "a/b"}, "config-invalid", "--role-name"),
        ({"role_name": "a b"}, "config-invalid", "--role-name"),
        ({"role_path": "team"}, "config-invalid", "--role-path"),
        ({"role_path": "/te am/"}, "config-invalid", "--role-path"),
        ({"role_path": "/" + "x" * 511 + "/"}, "config-invalid", "--role-path"),
    ],
)
def test_what_iam_cannot_have_is_refused_with_its_option(options: dict[str, Any], id: str, where: str) -> None:
    with pytest.raises(AcksmError) as caught:
        role_names.of_controllers("demo", RoleSettings(**options))
    assert (caught.value.id, caught.value.where) == (id, where)


@pytest.mark.parametrize("path", ["/", "/ml/", "/a/b/", "/" + "x" * 510 + "/"])
def test_paths_that_iam_takes(path: str) -> None:
    role_names.of_controllers("demo", RoleSettings(role_path=path))
    assert iam_model.fault("CreateRole", CREATE | {"Path": path}) == ""


CREATE = {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}

# tags and ARNs, as IAM's own model has them


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("team", "ml", False),
        ("k" * 128, "v" * 256, False),
        ("kosten/stelle:\u00e4", "a b", False),
        ("k" * 129, "v", True),
        ("team", "v" * 257, True),
        ("team", "a;b", True),
        ("te(am)", "v", True),
    ],
)
def test_tags(key: str, value: str, refused: bool) -> None:
    assert bool(iam_model.fault("CreateRole", CREATE | _tags({key: value}))) is refused
    if not refused:
        limits.check_tags({key: value}, "--tag")
        return
    with pytest.raises(AcksmError) as caught:
        limits.check_tags({key: value}, "--tag")
    assert (caught.value.id, caught.value.where) == ("config-invalid", "--tag")


def _tags(tags: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, (key, value) in enumerate(tags.items(), 1):
        found |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    return found


def test_tags_of_aws_are_its_own() -> None:
    with pytest.raises(AcksmError):
        limits.check_tags({"AWS:x": "1"}, "--tag")


@pytest.mark.parametrize(
    ("partition", "arn", "fine"),
    [
        ("aws", "arn:aws:iam::aws:policy/PowerUserAccess", True),
        ("aws", "arn:aws:iam::aws:policy/service-role/X", True),
        ("aws", f"arn:aws:iam::{ACCOUNT}:policy/team/boundary", True),
        ("aws", "arn:aws:iam::111122223333:policy/boundary", False),  # another account's
        ("aws", f"arn:aws:iam::{ACCOUNT}:role/boundary", False),
        ("aws", f"arn:aws:iam::{ACCOUNT}:policy/", False),
        ("aws", "boundary", False),
        ("aws-cn", "arn:aws-cn:iam::aws:policy/PowerUserAccess", True),
        ("aws-cn", "arn:aws:iam::aws:policy/PowerUserAccess", False),
    ],
)
def test_policies_are_of_the_account_or_aws(partition: str, arn: str, fine: bool) -> None:
    if fine:
        limits.check_policy_arns([arn], partition, ACCOUNT, "--policy-arn")
        return
    with pytest.raises(AcksmError) as caught:
        limits.check_policy_arns([arn], partition, ACCOUNT, "--policy-arn")
    assert (caught.value.id, caught.value.where) == ("policy-arn-invalid", "--policy-arn")


# quotas


def of(attached: int = 0, tags: int = 0) -> Role:
    found = role({"Statement": []}, {f"k{number}": "v" for number in range(tags)})
    found["attached"] = [f"arn:{number}" for number in range(attached)]
    return found


def attach(*arns: str) -> list[Change]:
    found = [Change("a", "s", Op.UPDATE, "aws", "r", "iam.attach_policy", {"policy_arn": arn}) for arn in arns]
    return [*found, Change("d", "s", Op.UPDATE, "aws", "r", "iam.detach_policy", {"policy_arn": "arn:0"})]


def tag(count: int) -> list[Change]:
    tags = {f"new{number}": "v" for number in range(count)}
    return [Change("t", "s", Op.UPDATE, "aws", "r", "target-iam.tag_role", {"tags": tags})]


@pytest.mark.parametrize(
    ("changes", "present", "quota", "refused"),
    [
        (attach("new"), of(attached=9), 10, False),
        (attach("new"), of(attached=10), 10, True),  # attached before another is detached
        (attach("arn:3"), of(attached=10), 10, False),
        (attach("new"), of(attached=10), 20, False),
        (attach(), of(attached=12), 10, False),  # nothing is attached
        (attach(*(f"new{number}" for number in range(11))), None, 10, True),
        (tag(2), of(tags=48), 10, False),
        (tag(3), of(tags=48), 10, True),
    ],
)
def test_quotas_are_counted(changes: list[Change], present: Role | None, quota: int, refused: bool) -> None:
    if not refused:
        limits.check(changes, present, lambda: Quotas(attached=quota))
        return
    with pytest.raises(AcksmError) as caught:
        limits.check(changes, present, lambda: Quotas(attached=quota))
    assert caught.value.id == "role-quota"
    assert str(limits.MOST.attached) in caught.value.message or "tags" in caught.value.message


def test_a_trust_policy_that_no_quota_allows_is_told_so() -> None:
    document = {"Statement": [{"Sid": "x" * 9_000}]}
    change = Change("t", "s", Op.UPDATE, "aws", "r", "iam.update_trust", {"trust": document})
    with pytest.raises(AcksmError) as caught:
        limits.check([change], of(), lambda: Quotas(trust=8_192))
    assert "can be raised" not in caught.value.message
    assert "--role-name" in caught.value.remedy
    assert "L-C07B4B0D" in caught.value.remedy
