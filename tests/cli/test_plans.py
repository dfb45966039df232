"""`acksm plan show`: a plan file as the dry run showed it; and words after `acksm plan` that are no command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from typer.testing import CliRunner

from acksm.cli import app
from acksm.engine import plan_file
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.engine.diff import render_plan
from acksm.settings import Settings

TARGET: Any = dict.fromkeys(
    ("cluster", "cluster_arn", "region", "account", "identity", "endpoint", "kubernetes", "namespace"), "x"
)
LONG = {str(number): number for number in range(60)}
PLAN = Plan(
    "install",
    (
        Change(
            "role.create", "iam-role", Op.CREATE, "aws", "role", "iam.create_role", {"a": 1}, None, {"Path": "/"}, "why"
        ),
        Change("crd.create", "crds", Op.CREATE, "kubernetes", "CRD x", "kube.apply", {}, None, LONG),
        Change("secret", "release", Op.UPDATE, "helm", "release s", "helm.upgrade", {}, "old", "new", secret=True),
        Change("wait", "release", Op.WAIT, "helm", "release s", "wait", {}),
        Change(
            "role.delete", "iam-role", Op.DELETE, "aws", "old", "iam.delete_role", {}, {"Path": "/"}, danger=Danger.MILD
        ),
    ),
    notes=("a note",),
)


def run(*argv: str) -> Any:
    return CliRunner().invoke(app, list(argv), prog_name="acksm")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "install.plan"
    plan_file.write(path, plan_file.of(["install"], PLAN, Settings.of(cluster="demo"), TARGET))
    return path


@pytest.mark.parametrize("full", [False, True])
def test_a_file_is_shown_as_its_dry_run(file: Path, full: bool) -> None:
    result = run("plan", "show", str(file), *(["--full"] if full else []))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(render_plan(PLAN, full=full))
    assert "(hidden)" in result.stdout
    assert "plan: 2 to create, 1 to update, 1 to delete" in result.stdout
    assert "old" not in result.stdout.partition("release s")[2].partition("#")[0]
    for said in ("plan for cluster x (x), account x", "acksm install", "cluster=demo", "note: a note"):
        assert said in result.stderr
    assert f"acksm apply {file} --digest sha256:" in result.stdout


def test_a_file_as_json(file: Path) -> None:
    document = json.loads(run("plan", "show", str(file), "-o", "json").stdout)
    assert (document["command"], document["plan"]) == ("plan show", json.loads(file.read_text()))


def test_the_digest_is_checked(file: Path) -> None:
    digest = json.loads(file.read_text())["digest"]
    assert run("plan", "show", str(file), "--digest", digest).exit_code == 0
    assert "error[plan-digest]" in run("plan", "show", str(file), "--digest", "sha256:0").stderr
    file.write_text(file.read_text().replace('"why"', '"because"'))
    assert "error[plan-file-invalid]" in run("plan", "show", str(file)).stderr


@given(
    st.sampled_from(Op),
    st.sampled_from(Danger),
    st.none() | st.text(),
    st.none() | st.dictionaries(st.text(), st.text()),
)
def test_a_change_is_shown_from_its_json_as_from_itself(op: Op, danger: Danger, before: object, after: object) -> None:
    change = Change("id", "step", op, "aws", "target", "call", {"p": 1}, before, after, "reason", danger)
    again = Change.from_data(json.loads(json.dumps(change.as_data())))
    assert again.as_data() == change.as_data()
    if before is not None or after is not None:
        assert render_plan(Plan("x", (again,)), full=True) == render_plan(Plan("x", (change,)), full=True)


WORDS = {
    "instal": 'unknown command "instal"; did you mean install?',
    "uninstall": "did you mean cleanup?",
    "carm": "acksm carm needs a command",
    "carm bin": "did you mean bind?",
    "nonsense": 'unknown command "nonsense"',
    "status": "acksm status has no plan",
    "config show": "acksm config show has no plan",
    "apply x": "has no plan",
}


@pytest.mark.parametrize(("words", "message"), WORDS.items(), ids=list(WORDS))
def test_what_has_no_plan(words: str, message: str) -> None:
    result = run("plan", *words.split())
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert "error[plan-command]" in result.stderr
