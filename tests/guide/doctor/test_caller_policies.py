"""The table of what a command's caller needs: it covers every command and every call, and makes valid policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from acksm.aws.simulation import Decision
from acksm.errors import AcksmError
from acksm.guide.connect import rights
from acksm.guide.doctor import caller_policies
from acksm.guide.doctor.caller_policies import (
    ALL,
    COMMANDS,
    MIRROR,
    OF_A_COMMAND,
    OTHER_ACCOUNT,
    OTHER_CLEANUP,
    WITHOUT,
    Scope,
    command_of,
    document,
    needs,
)
from acksm.guide.identity import policies
from acksm.sandbox import permissions
from acksm.settings import OtherAccountSettings, RoleSettings, RunSettings, TargetSettings
from generator.cli import commands
from memory_world import MemoryWorld

ACCOUNT = "012345678901"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ack-controller-role-demo"
PLACE = Scope(
    "aws",
    "us-west-2",
    ACCOUNT,
    "demo",
    f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A",
    (ROLE,),
    f"arn:aws:iam::{ACCOUNT}:user/me",
    "arn:aws:iam::111111111111:role/SagemakerCrossAccountAccess",
)


def actions(command: str) -> Iterator[str]:
    for grant in ALL[command]:
        yield from grant.actions


def test_every_command_that_asks_aws_has_a_policy() -> None:
    named = {command.name for command in commands() if not command.name.startswith("sandbox")}
    assert named == {*COMMANDS, *MIRROR, *WITHOUT, *OF_A_COMMAND}


def test_every_write_of_the_plans_is_in_the_policies_of_the_commands_that_plan_it() -> None:
    in_install, in_all = set(actions("install")), {action for command in ALL for action in actions(command)}
    for call, desired in rights.IAM_ACTIONS.items():
        assert set(desired) <= in_all, call
    assert set(actions("oidc")) | set(actions("iam-role")) <= in_install


@pytest.mark.parametrize("command", ALL)
def test_a_policy_is_one_that_iam_takes(command: str) -> None:
    made = document(command, PLACE)
    assert made["Version"] == "2012-10-17"
    assert len({statement["Sid"] for statement in made["Statement"]}) == len(made["Statement"])
    for statement in made["Statement"]:
        assert statement["Sid"].isalnum()
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == sorted(set(statement["Action"]))
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert all(arn == "*" or (arn.startswith("arn:aws:") and arn.count(":") >= 5) for arn in resources)
        assert not any("*" in action for action in statement["Action"])
    assert len("".join(json.dumps(made).split())) < 6144  # a managed policy's limit
    for arn, desired in needs(command, PLACE, optional=True).items():
        for action in desired:
            assert permissions.decide([made], action, arn.replace("*", "x")) == permissions.ALLOWED


def test_a_policy_names_only_what_the_command_is_about() -> None:
    made = document("install", PLACE)
    for other in (f"{ROLE}x", f"arn:aws:iam::{ACCOUNT}:role/admin", "arn:aws:iam::1:role/ack-controller-role-demo"):
        assert permissions.decide([made], "iam:PutRolePolicy", other) == permissions.NOT_ALLOWED
    for command in ("status", "doctor", "region list", "carm list", "report", "adopt"):
        writes = ("Create", "Put", "Attach", "Delete", "Update", "Tag", "Add")
        assert not [action for action in actions(command) if action.partition(":")[2].startswith(writes)], command


def test_what_is_not_known_is_a_star_and_nothing_more() -> None:
    made = document("status", Scope(account=ACCOUNT))
    by_sid = {statement["Sid"]: statement["Resource"] for statement in made["Statement"]}
    assert by_sid["AcksmCluster"] == f"arn:aws:eks:*:{ACCOUNT}:cluster/*"
    assert by_sid["AcksmRole"] == f"arn:aws:iam::{ACCOUNT}:role/*"


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        ("install", "install"),
        ("iam-role", "iam-role"),
        ("carm setup", "carm setup"),
        ("carm-setup", "carm setup"),
        ("carm-setup-target", OTHER_ACCOUNT),
        ("cleanup-target", OTHER_CLEANUP),
        (OTHER_ACCOUNT, OTHER_ACCOUNT),
    ],
)
def test_commands_are_written_with_spaces_or_dashes(asked: str, command: str) -> None:
    assert command_of(asked) == command


@pytest.mark.parametrize(("asked", "near"), [("instal", "install"), ("carm-sets", "carm setup"), ("explain", "")])
def test_an_unknown_command_names_the_nearest(asked: str, near: str) -> None:
    with pytest.raises(AcksmError) as raised:
        command_of(asked)
    assert (raised.value.id, raised.value.exit_code) == ("policy-unknown", 2)
    assert near in raised.value.message


@pytest.mark.parametrize(
    ("arn", "caller"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/me", f"arn:aws:iam::{ACCOUNT}:user/me"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/me@x", f"arn:aws:iam::{ACCOUNT}:role/*Admin"),
        (f"arn:aws:iam::{ACCOUNT}:root", ""),
    ],
)
def test_who_the_caller_is(arn: str, caller: str) -> None:
    assert caller_policies.caller_of(arn) == caller


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, None),
        ({("a", "r"): True, ("b", "r"): True}, []),
        ({("a", "r"): True, ("b", "r"): None}, []),
        ({("a", "r"): False, ("b", "r"): False}, ["a", "b"]),
        ({("a", "other"): False}, None),
    ],
)
def test_what_a_caller_lacks(answers: Any, expected: Any) -> None:
    decisions = {pair: Decision(allowed) for pair, allowed in answers.items()}
    assert caller_policies._lacking([("a", "r"), ("b", "r")], decisions) == expected


@pytest.mark.parametrize(
    ("action", "arn", "denied"),
    [
        ("iam:ListRoles", "*", True),  # has no resource
        ("sagemaker:DescribeModel", "*", False),  # may be allowed on single models
        ("eks:DescribeFargateProfile", f"arn:aws:eks:us-west-2:{ACCOUNT}:fargateprofile/demo/*", False),
        ("iam:CreateRole", ROLE, True),
    ],
)
def test_a_denial_of_a_pattern_is_not_one_of_what_it_matches(action: str, arn: str, denied: bool) -> None:
    assert caller_policies._is_exact(action, arn) is denied


class _Deny:
    """IAM's simulation, which denies what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def decisions(self, _caller: str, needs: dict[str, list[str]]) -> dict[tuple[str, str], Decision]:
        self.asked += [(action, arn) for arn, actions in needs.items() for action in actions]
        return {pair: Decision(False) for pair in self.asked}


def test_only_what_the_answer_shows_is_simulated_and_each_of_it_once() -> None:
    iam, target = _Deny(), MemoryWorld().target_of(TargetSettings(cluster="demo"), RunSettings())
    target.aws = cast(Any, SimpleNamespace(iam=iam))
    found = caller_policies.missing_actions(target, RoleSettings(), OtherAccountSettings())
    assert len(iam.asked) == len(set(iam.asked))
    assert {arn for _, arn in iam.asked if "*" in arn} == {"*"}
    assert not {action for action, arn in iam.asked if arn == "*"} & caller_policies._ON_RESOURCES
    assert {"eks:DescribeCluster", "iam:CreateRole", "iam:CreateServiceLinkedRole"} <= set(found["install"] or ())
    assert all(found.values()), "each command needs eks:DescribeCluster, which is denied"


def test_each_action_is_simulated_on_the_arn_that_will_be_used() -> None:
    at = replace(PLACE, roles=(f"arn:aws:iam::{ACCOUNT}:role/team/ack",))
    found = needs("install", at)
    assert {arn for arn, actions in found.items() if "iam:CreateServiceLinkedRole" in actions} == {
        policies.linked_arn("aws", ACCOUNT)
    }
    assert {arn for arn, actions in found.items() if "iam:CreateRole" in actions} == set(at.roles)
    assert found[f"arn:aws:iam::{ACCOUNT}:role/ack"] == ["iam:GetRole"]  # it has no path before it exists


@pytest.mark.parametrize("command", ALL)
def test_whoever_has_what_is_printed_passes_the_simulation(command: str) -> None:
    """IAM compares the simulated resource as a text, stars included."""
    made = document(command, PLACE)
    for arn, desired in needs(command, PLACE, optional=True).items():
        for action in desired:
            assert permissions.decide([made], action, arn) == permissions.ALLOWED, (action, arn)
