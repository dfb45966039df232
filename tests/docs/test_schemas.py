"""Documents that commands print are as docs/schemas/report.json says; acksm.yaml is as settings.json says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.testing import CliRunner

import report_schema
from acksm.cli import app
from acksm.config import resolve
from acksm.errors import AcksmError
from acksm.settings import Flat
from world import World


def run(*argv: str) -> Any:
    """The document that a command prints."""
    result = CliRunner().invoke(app, [*argv, "-o", "json"], prog_name="acksm")
    document = json.loads(result.stdout)
    assert document["exit_code"] == result.exit_code
    return document


@pytest.mark.parametrize("name", ["report.json", "settings.json"])
def test_they_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(report_schema.load(name))


@pytest.mark.parametrize(
    "argv",
    [
        ["version"],
        ["explain", "role-not-ours"],
        ["explain", "--list"],
        ["config", "show", "--service", "sagemaker", "--tag", "a=b"],
        ["sandbox", "down", "--name", "never-was"],
    ],
)
def test_what_needs_no_cluster(argv: list[str]) -> None:
    document = run(*argv)
    assert document["error"] is None
    assert report_schema.complaints(document) == []


@pytest.mark.parametrize(
    ("command", "options", "id"),
    [
        ("install", ["--scope", "moon"], "config-invalid"),
        ("explain", ["nonsense"], "explain-unknown"),
        ("sandbox status", ["--name", "never-was"], "sandbox-missing"),
        ("config show", ["--timeout", "0"], "config-invalid"),
        ("token", [], "cluster-missing"),
    ],
)
def test_failures_are_documents_too_and_name_the_whole_command(command: str, options: list[str], id: str) -> None:
    document = run(*command.split(), *options)
    assert document["error"]["id"] == id
    assert document["command"] == command
    assert report_schema.complaints(document) == []


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "acksm.dev/report/v0"},
        {"command": "moon"},
        {"exit_code": 8},
        {"error": {"id": "x"}},
        {"version": 1},
        {"another": True},
    ],
)
def test_the_closed_schema_refuses_what_is_not_published(change: dict[str, Any]) -> None:
    assert report_schema.complaints(run("version") | change)


def test_reports_of_a_whole_life(world: World) -> None:
    for argv in (
        ["install", "--dry-run"],
        ["status"],
        ["oidc", "-y"],
        ["iam-role", "-y", "--policy", "studio"],
        ["install", "-y"],
        ["install", "--role-arn", "arn:aws:iam::012345678901:role/mine", "--dry-run"],
        ["status"],
        ["install", "--version", "sagemaker=9.9.9"],
    ):
        result = world.acksm(*argv, "-o", "json")
        assert report_schema.complaints(result.data) == [], argv
        as_yaml = world.acksm(*argv[:1], "--dry-run", "-o", "yaml") if argv[0] == "oidc" else None
        if as_yaml:
            assert report_schema.complaints(YAML(typ="safe").load(io.StringIO(as_yaml.stdout))) == []


def test_reports_of_the_sandbox(world: World) -> None:
    for command in ("status", "env", "logs"):
        extra = ["--cluster", world.cluster] if command == "env" else []
        result = world.acksm("sandbox", command, "--name", "tests", *extra, "-o", "json")
        assert report_schema.complaints(result.data) == [], command


GOOD = [
    "cluster: practice\nregion: us-west-2\n",
    "account: '012345678901'\n",
    "service: [sagemaker]\nversion: {sagemaker: latest}\n",
    "scope: namespace\nwatch-namespace: [a, b]\ncreate-namespace: true\n",
    "timeout: 90\n",
    "timeout: 1h30m\n",
    "tag: {team: ml}\npolicy: [core, studio]\nchart: {sagemaker: ./chart}\n",
    "{}\n",
]
BAD = [
    "clusters: practice\n",
    "account: 12345678901\n",
    "account: '12345'\n",
    "service: [sage]\n",
    "version: {sage: '1'}\n",
    "version: {sagemaker: 1}\n",
    "scope: moon\n",
    "watch-namespace: [A]\n",
    "controller-namespace: -a\n",
    "timeout: soon\n",
    "timeout: 0\n",
    "policy: [all]\n",
    "dry-run: maybe\n",
    "tag: [1]\n",
]


@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_the_settings_schema_and_the_settings_agree(text: str, tmp_path: Path) -> None:
    schema_says = Draft202012Validator(report_schema.load("settings.json")).is_valid(YAML(typ="safe").load(text))
    file = tmp_path / "acksm.yaml"
    file.write_text(text)
    assert schema_says == (text in GOOD)
    if schema_says:
        resolve({}, str(file), {})
    else:
        with pytest.raises(AcksmError) as raised:
            resolve({}, str(file), {})
        assert raised.value.id == "config-invalid"


def test_every_setting_is_published_with_its_words() -> None:
    properties = report_schema.load("settings.json")["properties"]
    assert set(properties) == {name.replace("_", "-") for name in Flat.model_fields}
    assert [name for name, shape in properties.items() if not shape.get("description")] == []
