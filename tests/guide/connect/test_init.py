"""`acksm init`: what it writes is what acksm reads, and nothing is overwritten."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings as few, strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from acksm.cli import app
from acksm.config import resolve
from acksm.errors import AcksmError
from acksm.guide.connect import init
from acksm.ui import Ui

ACCOUNT = "012345678901"
DOCS = Path(__file__).parents[3] / "docs"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)

    class Eks:
        def __init__(self, aws: Any) -> None: ...

        def names(self) -> list[str]:
            return ["demo", "other"]

        def describe_cluster(self, name: str) -> Any:
            if name not in self.names():
                raise AcksmError("cluster-unknown", f"no cluster {name}")
            return SimpleNamespace(account=ACCOUNT)

    monkeypatch.setattr(init, "Eks", Eks)


def run(*argv: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["init", *argv], env=environment, prog_name="acksm")


def asked(answers: str, **given: Any) -> dict[str, Any]:
    """The file that these answers lead to."""
    ui = Ui(stdin=Terminal(answers), stderr=Terminal(), stdout=io.StringIO())
    assert init.run(init.Request(given, schema='{"title": "acksm.yaml"}'), ui) == 0
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(Path("acksm.yaml").read_text())
    return found


def test_flags_lead_to_a_file_that_acksm_reads() -> None:
    words = ["--cluster", "demo", "--region", "us-west-2", "--watch-namespace", "team-a", "--service", "sagemaker"]
    more = ["--version", "sagemaker=1.9.1", "--bind", f"team-b={'1' * 12}", "--bind", "team-c=us-east-1"]
    result = run(*words, *more)
    assert result.exit_code == 0, result.output
    assert "next: acksm install --dry-run" in result.stderr
    text = Path("acksm.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=acksm.schema.json\n")
    assert "tested with" in text
    settings = resolve({}, "acksm.yaml", {}).settings
    assert (settings.target.cluster, settings.target.region, settings.target.account) == ("demo", "us-west-2", ACCOUNT)
    controllers = settings.controllers
    assert (controllers.scope, controllers.watch_namespace) == ("namespace", ["team-a", "team-b", "team-c"])
    assert (controllers.service, controllers.version) == (["sagemaker"], {"sagemaker": "1.9.1"})
    declared = settings.declared
    assert {name: (one.account, one.region) for name, one in declared.namespaces.items()} == {
        "team-b": ("1" * 12, ""),
        "team-c": ("", "us-east-1"),
    }
    assert declared.accounts["1" * 12].role_arn.startswith("arn:aws:iam::111111111111:role/")
    assert Path("acksm.yaml").stat().st_mode & 0o077 == 0
    assert json.loads(Path("acksm.schema.json").read_text()) == json.loads((DOCS / "schemas/settings.json").read_text())


def test_examples_in_comments_are_settings_too() -> None:
    text = run("--cluster", "demo", "--region", "us-west-2", "--print").stdout
    assert not Path("acksm.yaml").exists()
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    examples = "\n".join(line for line in lines if line and not line[0].isupper() and "schema=" not in line)
    Path("all.yaml").write_text(examples)
    found = resolve({}, "all.yaml", {}).settings
    assert set(found.flat(non_default=True)) == {
        *("cluster", "region", "account", "scope", "watch_namespace", "service", "version", "accounts", "namespaces")
    }


def test_nothing_is_overwritten() -> None:
    Path("acksm.yaml").write_text("mine\n")
    words = ["--cluster", "demo", "--region", "us-west-2"]
    refused = run(*words)
    assert (refused.exit_code, "error[init-exists]" in refused.stderr) == (6, True)
    assert Path("acksm.yaml").read_text() == "mine\n"
    assert not Path("acksm.schema.json").exists()
    assert run(*words, "--force").exit_code == 0
    assert run(*words, "--file", "other.yaml").exit_code == 0  # beside the schema that acksm wrote
    Path("acksm.schema.json").write_text("{}")
    assert "is not the schema" in run(*words, "--force").stderr
    assert Path("acksm.schema.json").read_text() == "{}"


REFUSED = {
    "init-incomplete": ["--region", "us-west-2"],
    "cluster-unknown": ["--cluster", "dmo", "--region", "us-west-2"],
    "config-invalid": ["--cluster", "demo", "--region", "us-wst-2"],
    "init-write": ["--cluster", "demo", "--region", "us-west-2", "--file", "/proc/none/acksm.yaml"],
}


@pytest.mark.parametrize(("id", "words"), REFUSED.items(), ids=list(REFUSED))
def test_refused(id: str, words: list[str]) -> None:
    result = run(*words)
    assert f"error[{id}]" in result.stderr, result.output
    assert not Path("acksm.yaml").exists()


@pytest.mark.parametrize("bind", ["team-b", "=us-east-1", "team-b=us-est-1", "team-b=123", "Team_b=us-east-1", "b=1 2"])
def test_a_binding_is_an_account_or_a_region(bind: str) -> None:
    result = run("--cluster", "demo", "--region", "us-west-2", "--bind", bind)
    assert (result.exit_code, "flag --bind" in result.stderr) == (2, True)


def test_without_a_region() -> None:
    assert "no region given" in run("--cluster", "demo").stderr
    assert run("--cluster", "demo", AWS_REGION="eu-west-1").exit_code == 0
    assert resolve({}, "acksm.yaml", {}).settings.target.region == "eu-west-1"


def test_the_account_is_pinned_where_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(_self: Any, _name: str) -> Any:
        raise AcksmError("aws-no-credentials", "no credentials")

    monkeypatch.setattr("acksm.guide.connect.init.Eks.describe_cluster", unread)
    result = run("--cluster", "demo", "--region", "us-west-2")
    assert (result.exit_code, "account not pinned" in result.stderr) == (0, True)
    assert not resolve({}, "acksm.yaml", {}).settings.target.account


def test_a_terminal_is_asked_for_what_is_missing() -> None:
    found = asked(
        f"us-wst-2\nus-west-2\nother\nteam-a team_b\nteam-a\nteam-b={'1' * 12},team-c=x\nteam-c=us-east-1\ny\n"
    )
    assert (found["region"], found["cluster"], found["account"]) == ("us-west-2", "other", ACCOUNT)
    assert (found["watch-namespace"], found["namespaces"]) == (
        ["team-a", "team-c"],
        {"team-c": {"region": "us-east-1"}},
    )
    assert set(found["version"]) == {"sagemaker", "applicationautoscaling"}


def test_empty_answers_are_the_defaults() -> None:
    assert asked("\n\n\n\n\n", region="us-west-2") == {"cluster": "demo", "region": "us-west-2", "account": ACCOUNT}


def test_an_input_that_ends_writes_nothing() -> None:
    for answers in ("", "us-west-2\n", "us-west-2\ndemo\n\n"):
        with pytest.raises(AcksmError) as caught:
            asked(answers)
        assert caught.value.id == "not-confirmed"
        assert os.listdir() == []


NAME = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
TARGET = st.one_of(st.from_regex(r"[0-9]{12}", fullmatch=True), st.sampled_from(["us-east-1", "cn-north-1"]))


@few(max_examples=25)
@given(st.dictionaries(NAME, TARGET, max_size=4), st.lists(NAME, max_size=3), st.booleans())
def test_any_file_is_read_as_it_was_meant(bind: dict[str, str], watched: list[str], pinned: bool) -> None:
    chosen: dict[str, Any] = {"cluster": "on", "region": "us-west-2", "account": "0" * 12, "watch_namespace": watched}
    chosen |= {"version": {"sagemaker": "1.10"}} if pinned else {}
    settings = init.document(chosen, [f"{name}={target}" for name, target in bind.items()])
    loaded = YAML(typ="safe", pure=True).load(init.rendered(settings))
    assert loaded == settings
    assert set(bind) <= set(loaded.get("watch-namespace", bind))
