"""Regions and accounts in acksm.yaml: what is taken, and what is told about what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acksm.config import resolve
from acksm.errors import AcksmError
from acksm.guide.carm import bind
from acksm.guide.carm.bind import Requested
from acksm.guide.carm.role_map import Subject

B = "011111111111"


def settings(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "acksm.yaml"
    file.write_text(text)
    return resolve({}, str(file), {}).settings.declared


def test_namespaces_and_accounts_become_subjects_and_roles(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        f"""
accounts:
  "{B}": {{role-arn: arn:x, service-role-arn: {{sagemaker: arn:y}}}}
teams:
  team-a: {{service-role-arn: {{sagemaker: arn:z}}}}
namespaces:
  production: {{region: us-east-1, account: "{B}"}}
  staging: {{account: "222222222222"}}
  research: {{team: team-a}}
  local: {{region: eu-west-1}}
""",
    )
    bound, roles = bind.subjects(found, Requested())
    one, two, team = Subject("account", B), Subject("account", "222222222222"), Subject("team", "team-a")
    assert bound == {"production": one, "staging": two, "research": team}
    assert roles == {one: {"": "arn:x", "sagemaker": "arn:y"}, two: {"": ""}, team: {"sagemaker": "arn:z"}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("namespaces: {a: {account: 12345678901}}", "namespaces.a.account"),
        ("namespaces: {a: {account: 012345678901}}", "is not text; quote"),  # YAML 1.2 takes the zero away
        ("namespaces: {a: {account: '12345678901'}}", "'012345678901'"),
        ("accounts: {111111111111: {}}", "quote it"),
        ("accounts: {'111': {}}", "accounts.111"),
        ("namespaces: {A_b: {region: x}}", "invalid namespace name"),
        ("namespaces: {a: {regoin: x}}", "did you mean region"),
        ("namespaces: [a]", "namespaces"),
        ("namespaces: {a: 1}", "namespaces.a"),
        ("namespaces: {a: {account: true}}", "is not text; quote"),
        ("namespaces: {a: {region: x}, a: {region: y}}", "not YAML"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(AcksmError) as caught:
        settings(tmp_path, text)
    assert caught.value.id == "config-invalid"
    assert told in caught.value.message


def test_no_variable_can_say_them(tmp_path: Path) -> None:
    (tmp_path / "acksm.yaml").write_text("{}")
    assert resolve({}, str(tmp_path / "acksm.yaml"), {"ACKSM_NAMESPACES": "a,b"}).settings.declared.namespaces == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Requested(), "bindings-none"),
        (Requested(account=B), "bindings-none"),
        (Requested(("a",)), "carm-subject"),
        (Requested(("a",), account=B, team="t"), "carm-subject"),
        (Requested(("a",), account="1"), "carm-account"),
        (Requested(("a",), account="abcdefghijkl"), "carm-account"),
        (Requested(("a",), account="١١١١١١١١١١١١"), "carm-account"),
        (Requested(("a",), team="a b"), "carm-team"),
        (Requested(("a",), account=B, services=("s3",)), "carm-service"),
    ],
)
def test_options_that_say_nothing_or_too_much(asked: Requested, expected: str, tmp_path: Path) -> None:
    with pytest.raises(AcksmError) as caught:
        bind.subjects(settings(tmp_path, "{}"), asked)
    assert caught.value.id == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"namespaces: {{a: {{account: '{B}', team: t}}}}", "carm-subject"),
        (
            f"accounts: {{'{B}': {{service-role-arn: {{s3: x}}}}}}\nnamespaces: {{a: {{account: '{B}'}}}}",
            "carm-service",
        ),
        ("namespaces: {a: {team: 'a b'}}", "carm-team"),
        ("namespaces: {a: {region: x}}", "bindings-none"),
    ],
)
def test_declarations_that_cannot_hold(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(AcksmError) as caught:
        bind.subjects(settings(tmp_path, text), Requested())
    assert caught.value.id == expected
