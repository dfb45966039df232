"""Templates of exports by the tools of others: cfn-lint's schemas of the resource types, and moto's CloudFormation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import typed
from acksm import yaml_reader
from acksm.json_types import Json
from exports import export, offline_in_memory
from memory_account import ACCOUNT

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(600)]
TOOLS = Path(sys.prefix) / "cloudformation" / "bin"  # as `make gitops` makes it
CASES: dict[str, Json] = {
    "irsa": {},
    "pod-identity": {"identity": "pod-identity", "install_agent": True},
    "another's role": {"identity": "pod-identity", "role_arn": typed.ROLE},
    "everything": {
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        "role_path": "/teams/ml/",
        "role_name": "ml",
        "tag": {"team": "012"},
        "policy": ["least"],
        "execution_role": [typed.ROLE],
        "policy_arn": [f"arn:aws:iam::{ACCOUNT}:policy/more"],
    },
}


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    home = tmp_path_factory.mktemp("templates")
    with pytest.MonkeyPatch.context() as patch:
        typed.in_memory(patch)
        offline_in_memory(patch)
        for name, options in CASES.items():
            export(home / name, "cloudformation", **options)
        yield {name: home / name / "iam.yaml" for name in CASES}


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    words = [str(TOOLS / "cfn-lint"), "--include-checks", "I", "--regions", "us-west-2", "--", *map(str, paths)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_cfn_lint_has_nothing_to_say(templates: dict[str, Path], tmp_path: Path) -> None:
    done = lint(*templates.values())
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    wrong = templates["irsa"].read_text().replace("ClientIdList", "ClientIDList")
    (tmp_path / "wrong.yaml").write_text(wrong)
    assert "ClientIDList" in lint(tmp_path / "wrong.yaml").stdout


@pytest.mark.parametrize("case", CASES)
def test_moto_creates_what_it_can(case: str, templates: dict[str, Path]) -> None:
    """The role; moto skips OIDC providers and what is EKS's, attaches no policy, and stores inline ones as no JSON."""
    words = [str(TOOLS / "python"), str(Path(__file__).with_name("moto_stack.py"))]
    text = templates[case].read_text()
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["status"] == "CREATE_COMPLETE"
    role = dict(yaml_reader.load(text))["Resources"].get("Role", {}).get("Properties")
    if role is None:
        assert (made["roles"], made["outputs"]) == ({}, {"RoleArn": typed.ROLE})
        return
    ((name, found),) = made["roles"].items()
    assert name == role["RoleName"]
    assert made["outputs"] == {"RoleArn": found["arn"]}
    assert found["arn"].endswith(f":role{role.get('Path', '/')}{name}")
    assert found["trust"] == role["AssumeRolePolicyDocument"]
    assert found["inline"] == [one["PolicyName"] for one in role.get("Policies", [])]
    assert found["tags"] == {one["Key"]: one["Value"] for one in role["Tags"]}
