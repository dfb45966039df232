"""Plan files: what is kept, what is refused, what counts as done meanwhile."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm import reports
from acksm.config import Settings
from acksm.engine import plan_file
from acksm.engine.change import Change, Op, Plan
from acksm.errors import AcksmError

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
SETTINGS = Settings(cluster="demo", scope="namespace", yes=True, output="json")


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
    settings = approval(kept(tmp_path), yes=True, output="yaml").settings()
    assert settings == Settings(cluster="demo", scope="namespace", yes=True, output="yaml")


@pytest.mark.parametrize(
    "now",
    [PLAN, Plan("install", (change("b"), WAIT)), Plan("install", (WAIT,)), Plan("install", ())],
    ids=["all", "half applied", "only to wait for", "done"],
)
def test_what_is_left_of_it_may_be_done(tmp_path: Path, now: Plan) -> None:
    approval(kept(tmp_path)).saw(now, SETTINGS, TARGET)


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
        approval(kept(tmp_path)).saw(Plan("install", (change("b"), now)), SETTINGS, TARGET)
    assert (caught.value.id, caught.value.exit_code) == ("plan-outdated", 6)
    assert "1 of 2 changes" in caught.value.message
    assert any(told in line for line in caught.value.details["diff"])


@pytest.mark.parametrize(
    "other", [{"account": "210987654321"}, {"cluster_arn": "arn:aws:eks:us-east-1:123456789012:cluster/demo"}]
)
def test_another_target_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    target: Any = {**TARGET, **other}
    with pytest.raises(AcksmError) as caught:
        approval(kept(tmp_path)).saw(PLAN, SETTINGS, target)
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
