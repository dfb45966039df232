"""A remedy is typed as it is printed, and what it is for is gone: commands and remedies run on the world in memory."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

import typed
from acksm.cli import app
from memory_account import ACCOUNT as OWN
from memory_kube import namespace
from memory_world import MemoryWorld

ACCOUNT = "111111111111"
_CAPITALS = re.compile(r"(?<![\w=/-])[A-Z][A-Z_]{2,}(?![\w-])")


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> MemoryWorld:
    found = typed.Holder.world = MemoryWorld()
    for name in ("team-a", "team-b", "team-c"):
        found.kube.put(namespace(name))
    typed.in_memory(monkeypatch)
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
NEEDS = ("--set", f"role={typed.ROLE}", "--set", "bucket=data", "--no-wait", "--yes")
SAMPLE = ("samples", "apply", "model", "-n", "team-b", *NEEDS, *AT)
ADOPT = ("adopt", "Model", "churn", "-n", "team-b", "--no-wait", "--yes", *AT)
OWN_MODEL = f"arn:aws:sagemaker:us-west-2:{OWN}:model/churn"
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
        ([], ADOPT, "controllers-missing"),
        ([], ("logs", "sagemaker", *AT), "logs-controller"),
        ([], ("upgrade", "--yes", *AT), "controllers-missing"),
        ([], SAMPLE, "sample-kind-not-served"),
        ([ONE], SAMPLE, "sample-not-watched"),
        ([ONE], ADOPT, "adopt-not-watched"),
        ([INSTALL], ("samples", "apply", "model", "-n", "new", *NEEDS, *AT), "object-namespace-missing"),
        ([INSTALL], (*SAMPLE, "--object-region", "us-est-1"), "region-unknown"),
        ([INSTALL], ("adopt", "Modle", "churn", "-n", "team-b", "--dry-run", *AT), "kind-unknown"),
        ([INSTALL], ("doctor", "--print-policy", "instal", *AT), "policy-unknown"),
        ([INSTALL], ("doctor", "--print-rbac", "sampels", *AT), "rbac-unknown"),
        ([INSTALL, BIND], ("adopt", "Model", OWN_MODEL, "-n", "team-b", *AT), "adopt-other-account"),
    ],
)  # fmt: skip
def test_a_remedy_leads_on(before: Sequence[Sequence[str]], command: Sequence[str], id: str) -> None:
    for words in before:
        assert run(*words)["exit_code"] == 0
    found = run(*command)
    assert (found["error"] or {}).get("id") == id
    remedy = pasted(found["error"]["remedy"])
    followed = run(*remedy, *{"install": ["--yes"], "adopt": ["--dry-run"]}.get(remedy[0], []))
    assert followed["error"] is None
    corrected = id.endswith(("missing", "unknown")) or id == "adopt-other-account"  # then it is the command itself
    if id == "controllers-missing" or not corrected:
        assert run(*command)["error"] is None


def test_no_remedy_names_the_namespace_that_was_refused(world: MemoryWorld) -> None:
    """Nothing else is bound to the account of the ARN: the namespace that the user chose cannot be."""
    for words in (INSTALL, BIND):
        run(*words)
    found = run("adopt", "Model", OWN_MODEL.replace(OWN, "333333333333"), "-n", "team-b", *AT)["error"]
    assert found["id"] == "adopt-other-account"
    assert found["remedy"].startswith("acksm carm bind UNBOUND --target-account 333333333333 --cluster demo   ")


def test_what_a_binding_leads_on_to_proves_it() -> None:
    """Without --live, `carm verify` could not be good."""
    run(*INSTALL)
    bound = CliRunner().invoke(app, list(BIND), prog_name="acksm").stdout.splitlines()[-1]
    assert bound == "next: acksm carm verify team-b --live --cluster demo"
