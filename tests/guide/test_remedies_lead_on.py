"""A remedy is typed as it is printed, and what it is for is gone: commands and remedies run on the world in memory."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from acksm.cli import app
from acksm.guide.carm import bind as carm_bind, verify as carm_verify
from acksm.guide.install import command as install
from acksm.guide.region import command as region, explain
from memory_kube import namespace
from memory_world import MemoryWorld, commands_run_on

ACCOUNT = "111111111111"
_CAPITALS = re.compile(r"(?<![\w=/-])[A-Z][A-Z_]{2,}(?![\w-])")


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> MemoryWorld:
    found = MemoryWorld()
    for name in ("team-a", "team-b", "team-c"):
        found.kube.put(namespace(name))
    commands_run_on(monkeypatch, lambda: found, (install, region, explain, carm_bind, carm_verify))
    monkeypatch.chdir(tmp_path)
    return found


def run(*words: str) -> dict[str, Any]:
    """The report of a command, with its exit code."""
    result = CliRunner().invoke(app, [*words, "-o", "json"], prog_name="acksm")
    found: dict[str, Any] = json.loads(result.stdout)
    assert (found["error"] or {}).get("id") != "defect", found
    return found


def pasted(remedy: str) -> list[str]:
    """The words of a remedy's command, which has to be whole."""
    command = remedy.partition("   ")[0]
    assert command.startswith("acksm "), remedy
    assert "…" not in command
    assert not _CAPITALS.search(command), remedy
    return shlex.split(command)[1:]


AT = ("--cluster", "demo")
INSTALL = ("install", *AT)
ONE = (*INSTALL, "--scope", "namespace", "--watch-namespace", "team-a")
BIND = ("carm", "bind", "team-b", "--target-account", ACCOUNT, *AT)
REGION = ("region", "bind", "team-b", "us-east-1", *AT)


@pytest.mark.parametrize(
    ("before", "command", "id"),
    [
        ([], BIND, "controllers-missing"),
        ([], REGION, "controllers-missing"),
        ([ONE], BIND, "binding-not-watched"),
        ([ONE], REGION, "binding-not-watched"),
        ([(*ONE, "--service", "sagemaker")], BIND, "binding-not-watched"),
        ([ONE], ("region", "bind", "team-a", "us-east-1", *AT), "annotations-ignored"),
        ([(*INSTALL, "--set", "enableCARM=false")], BIND, "carm-disabled"),
        ([INSTALL], ("carm", "bind", "new", "--target-account", ACCOUNT, *AT), "binding-namespace-missing"),
        ([INSTALL], ("region", "bind", "new", "us-east-1", *AT), "binding-namespace-missing"),
        ([], (*INSTALL, "--watch-namespace", "new"), "namespace-missing"),
        ([INSTALL], ("region", "bind", "team-b", "us-est-1", *AT), "region-unknown"),
        ([INSTALL], ("region", "bind", "us-east-1", "team-b", *AT), "region-unknown"),
        ([INSTALL, BIND], ("carm", "unbind", "teamb", *AT), "binding-namespace-missing"),
        ([INSTALL, REGION], ("region", "unbind", "teamb", *AT), "binding-namespace-missing"),
        ([INSTALL], (*BIND, "--mode", "role-selector"), "mode-differs"),
        ([INSTALL], (*BIND, "--for-service", "sagemaker"), "carm-gate-off"),
    ],
)  # fmt: skip
def test_a_remedy_leads_on(before: Sequence[Sequence[str]], command: Sequence[str], id: str) -> None:
    for words in before:
        assert run(*words)["exit_code"] == 0
    found = run(*command)
    assert (found["error"] or {}).get("id") == id
    remedy = pasted(found["error"]["remedy"])
    followed = run(*remedy, *(["--yes"] if remedy[0] == "install" else []))
    assert followed["error"] is None
    corrected = id.endswith("missing") or id == "region-unknown"  # then the remedy is the command itself
    if id == "controllers-missing" or not corrected:
        assert run(*command)["error"] is None
