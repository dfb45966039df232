"""Plan files: what is kept, what is refused, what counts as done meanwhile."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm import reports
from acksm.config import Resolved
from acksm.engine import plan_file
from acksm.engine.change import Change, Op, Plan
from acksm.errors import AcksmError
from acksm.settings import RunSettings, Settings

TARGET: reports.Target = {
    "cluster": "demo",
    "cluster_arn": "arn:aws:eks:us-west-2:123456789012:cluster/demo",
    "region": "us-west-2",
    "account": "123456789012",
    "identity": "arn:aws:iam::123456789012:user/ann",
    "endpoint": "https://x",
    "kubernetes": "1.35",
    "namespace": "ack-system",
}
SETTINGS = Settings.of(cluster="demo", scope="namespace", yes=True, output="json")


def change(target: str, **more: Any) -> Change:
    known: dict[str, Any] = {"id": "x", "step": "s", "op": Op.CREATE, "system": "aws", "call": "do", "after": target}
    return Change(**{**known, "target": target, "params": {"name": target}, **more})


WAIT = change("ready", op=Op.WAIT)
PLAN = Plan("install", (change("a"), change("b"), WAIT), ("note",), {"role_arn": "arn"})


def kept(tmp_path: Path, plan: Plan = PLAN) -> Path:
    path = tmp_path / "deep" / "plan.json"
    plan_file.write(path, plan_file.of(["install"], plan, SETTINGS, TARGET))
    return path


def approval(path: Path, **run: Any) -> plan_file.Approval:
    return plan_file.Approval(str(path), plan_file.read(path), run)


def test_it_comes_back_as_it_was_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = kept(tmp_path)
    document = plan_file.read(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in path.parent.iterdir()] == ["plan.json"]
    assert [item["change"]["target"] for item in document["changes"]] == ["a", "b"]
    assert document["settings"] == {"cluster": "demo", "scope": "namespace"}
    assert (document["notes"], document["result"]) == (["note"], {"role_arn": "arn"})


def test_what_is_of_the_run_comes_from_the_run(tmp_path: Path) -> None:
    found = approval(kept(tmp_path), yes=True, output="yaml").resolved(lambda: Resolved(Settings.of(cluster="x"), {}))
    assert found.settings == Settings.of(cluster="demo", scope="namespace", yes=True, output="yaml")
    assert {*found.origins.values()} == {"plan file"}


def test_what_answers_a_question_is_of_the_run(tmp_path: Path) -> None:
    """`acksm plan cleanup --confirm demo` keeps the words of the command; they answer nothing."""
    held = approval(kept(tmp_path))
    assert not held.resolved(lambda: Resolved(Settings.of(yes=True), {})).settings.run.yes
    assert held.confirm == ""
    assert (held.asks, plan_file.Recorder(["install"]).asks) == (True, False)


def test_a_plan_is_made_without_writing_whatever_the_command_says() -> None:
    found = plan_file.Recorder(["install"]).resolved(lambda: Resolved(SETTINGS, {"cluster": "flag --cluster"}))
    assert found.settings == replace(SETTINGS, run=RunSettings(dry_run=True, yes=True, output="json"))
    assert found.origins == {"cluster": "flag --cluster"}


def rewritten(path: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """The file as somebody has it who can make a digest, too."""
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps({**document, "digest": plan_file._digest(document)}))
    return path


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda document: document["changes"][0]["change"].update(after="read only"), "-after: read only"),
        (lambda document: document["changes"][1]["change"].update(reason="for the dashboard"), "-reason: for the"),
        (lambda document: document["changes"][0]["change"].update(danger="none", op="update"), "-op: update"),
        (
            lambda document: document["changes"].insert(
                0, {**document["changes"][0], "change": {**document["changes"][0]["change"], "target": "z"}}
            ),
            "-target: z",
        ),
        (lambda document: document["target"].update(region="eu-west-1"), "-eu-west-1"),
        (lambda document: document["target"].update(namespace="elsewhere"), "-elsewhere"),
        (lambda document: document["target"].update(cluster="other"), "-other"),
    ],
    ids=["content", "reason", "operation", "beside the real one", "region", "namespace", "cluster"],
)
def test_what_is_shown_is_what_is_held(tmp_path: Path, edit: Callable[[dict[str, Any]], object], told: str) -> None:
    held = approval(rewritten(kept(tmp_path), edit))
    with pytest.raises(AcksmError) as caught:
        held.inspect(PLAN, TARGET)
    assert (caught.value.id, caught.value.exit_code) == ("plan-file-altered", 6)
    assert any(line.startswith(told) for line in caught.value.details["diff"])


def test_what_python_has_and_json_has_not_is_shown_as_json(tmp_path: Path) -> None:
    plan = Plan("install", (change("a", before={"ports": (1, 2)}, after={1: None}),))
    approval(kept(tmp_path, plan)).inspect(plan, TARGET)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda document: document["settings"].update(yes=True), "settings.yes is not allowed in a plan"),
        (lambda document: document["settings"].update(dry_run=False), "settings.dry_run is not allowed in a plan"),
        (lambda document: document["settings"].update(timeout=1.0), "settings.timeout is not allowed in a plan"),
        (lambda document: document["settings"].update(scope="moon"), "scope"),
        (lambda document: document["settings"].update(endpoint="https://x"), "endpoint"),
        (lambda document: document.update(comment="read only"), "unknown fields"),
        (lambda document: document["changes"][0]["change"].update(why="safe"), "unknown fields"),
    ],
)
def test_a_file_with_its_own_digest_has_nothing_else_in_it(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    path = rewritten(kept(tmp_path), edit)
    with pytest.raises(AcksmError) as caught:
        plan_file.read(path)
    assert (caught.value.id, told in caught.value.message) == ("plan-file-invalid", True), caught.value.message


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path)
    path.write_text(path.read_text().replace('"changes":', '"changes": [],\n "changes":', 1))
    with pytest.raises(AcksmError) as caught:
        plan_file.read(path)
    assert (caught.value.id, "duplicate key" in caught.value.message) == ("plan-file-invalid", True)


@pytest.mark.parametrize(
    "now",
    [PLAN, Plan("install", (change("b"), WAIT)), Plan("install", (WAIT,)), Plan("install", ())],
    ids=["all", "half applied", "only to wait for", "done"],
)
def test_what_is_left_of_it_may_be_done(tmp_path: Path, now: Plan) -> None:
    approval(kept(tmp_path)).inspect(now, TARGET)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (change("c"), "+ c"),
        (change("a", after="other"), "+after: other"),
        (change("a", params={"name": "other"}), "~ a"),
        (change("a", op=Op.DELETE), "+op: delete"),
    ],
    ids=["another", "another content", "another parameter", "another operation"],
)
def test_what_was_not_planned_is_refused_with_a_diff(tmp_path: Path, now: Change, told: str) -> None:
    with pytest.raises(AcksmError) as caught:
        approval(kept(tmp_path)).inspect(Plan("install", (change("b"), now)), TARGET)
    assert (caught.value.id, caught.value.exit_code) == ("plan-outdated", 6)
    assert "1 of 2 changes" in caught.value.message
    assert any(told in line for line in caught.value.details["diff"])


@pytest.mark.parametrize(
    "other", [{"account": "210987654321"}, {"cluster_arn": "arn:aws:eks:us-east-1:123456789012:cluster/demo"}]
)
def test_another_target_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    target: Any = {**TARGET, **other}
    with pytest.raises(AcksmError) as caught:
        approval(kept(tmp_path)).inspect(PLAN, target)
    assert caught.value.id == "plan-other-target"


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        document = json.loads(path.read_text())
        edit(document)
        path.write_text(json.dumps(document))

    return write


@pytest.mark.parametrize(
    "damage",
    [
        edited(lambda document: document.update(schema="acksm.dev/plan/v2")),
        edited(lambda document: document["changes"].pop()),
        edited(lambda document: document["command"].append("--delete-aws")),
        edited(lambda document: document["settings"].update(cluster="other")),
        edited(lambda document: document.pop("target")),
        edited(lambda document: document.update(changes="none")),
        lambda path: path.write_text(path.read_text()[:-40]),
        lambda path: path.write_text("[]"),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_text("[" * 100_000),
        Path.unlink,
    ],
)
def test_a_file_that_is_not_as_written_is_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = kept(tmp_path)
    damage(path)
    with pytest.raises(AcksmError) as caught:
        plan_file.read(path)
    assert (caught.value.id, caught.value.exit_code, caught.value.where) == ("plan-file-invalid", 2, str(path))


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: json.dumps({"schema": text}).encode()))
def test_any_bytes_are_refused_with_an_id(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.json"
    path.write_bytes(data)
    with pytest.raises(AcksmError) as caught:
        plan_file.read(path)
    assert caught.value.id == "plan-file-invalid"


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file in the way")
    with pytest.raises(AcksmError) as caught:
        kept(tmp_path)
    assert caught.value.id == "plan-file-write"
