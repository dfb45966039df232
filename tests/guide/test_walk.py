"""Every command that prints a table or a plan, on a terminal of 80 columns and without one."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
import typer

import acksm.guide
from acksm.ack.kinds import KINDS
from acksm.aws import objects
from acksm.cli import app
from acksm.guide.connect import target
from acksm.guide.doctor import facts
from acksm.guide.install import versions
from memory_account import ACCOUNT, REGION
from memory_cluster import MemoryCluster
from memory_helm import PracticeRegistry
from memory_kube import namespace
from memory_world import MemoryWorld, commands_run_on
from streams import Stream

GROUP: Any = typer.main.get_command(app)
OTHER = "222222222222"
COLUMNS = 80
AT = ("--cluster", "demo")
TEAM = "team-with-a-name-that-is-longer-than-most"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/churn"
# What is printed whole, to be pasted
_PASTED = re.compile(r"\s*(remedy:|next:|acksm |kubectl |helm |aws )")
_CONTROL = re.compile(r"[^\n\x20-\x7e\u00a0-\uffff]")


@pytest.fixture(scope="module")
def world() -> Iterator[MemoryWorld]:
    """Both controllers, a model that fails, namespaces with an account and a region."""
    made = MemoryWorld()
    for name in (TEAM, "team-b", "team-c"):
        made.kube.put(namespace(name))
    modules = [import_module(item.name) for item in walk_packages(acksm.guide.__path__, "acksm.guide.")]
    found = objects.Found(KINDS["sagemaker"]["Endpoint"], {"EndpointName": "churn"}, ENDPOINT, REGION, "InService")
    with pytest.MonkeyPatch.context() as patch:
        users = [item for item in modules if getattr(item, "connect", None) is target.connect]
        commands_run_on(patch, lambda: made, [item for item in users if item is not target])
        patch.setattr(facts, "context_of", lambda _at: None)
        patch.setattr(facts, "helm_version", lambda: "helm 4.0.0")
        patch.setattr(objects, "describe", lambda *_: found)
        patch.setattr(MemoryCluster, "logs", lambda *_, **__: "starting manager")
        patch.setattr(versions, "registry", lambda *_: PracticeRegistry())
        for name, value in {"TERM": "xterm", "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}.items():
            patch.setenv(name, value)
        for name in ("CI", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        for words in (
            ("install", *AT),
            ("carm", "bind", "team-b", "--target-account", OTHER, *AT, "-y"),
            ("region", "bind", "team-c", "us-east-1", *AT, "-y"),
            ("rbac", "grant", TEAM, "--group", "ml", *AT, "-y"),
        ):
            run(words, terminal=False)
        made.kube.put(
            {
                "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
                "kind": "Model",
                "metadata": {
                    "name": "churn-prediction-of-customers-in-the-second-quarter",
                    "namespace": TEAM,
                    "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
                },
                "spec": {"modelName": "churn"},
                "status": {
                    "ackResourceMetadata": {"arn": ENDPOINT, "ownerAccountID": ACCOUNT, "region": REGION},
                    "conditions": [
                        {
                            "type": "ACK.Terminal",
                            "status": "True",
                            "message": "AccessDeniedException: User: arn:aws:sts::012345678901:assumed-role/x/y is not "
                            "authorized to perform: sagemaker:CreateModel on resource: " + ENDPOINT,
                        }
                    ],
                },
            }
        )
        kept = made.snapshot()
        made.kept = kept  # type: ignore[attr-defined]
        yield made


def run(words: Sequence[str], *, terminal: bool) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    with pytest.MonkeyPatch.context() as patch:
        out, err = Stream(terminal=terminal), Stream(terminal=terminal)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", Stream())
        code = 0
        try:
            code = GROUP.main(list(words), prog_name="acksm", standalone_mode=False) or 0
        except typer.Exit as end:
            code = end.exit_code
    return code, out.text, err.text


LONG = "Model/churn-prediction-of-customers-in-the-second-quarter"
WALK: dict[str, tuple[str, ...]] = {
    "install": ("install", *AT),
    "install another scope": ("install", *AT, "--watch-namespace", f"{TEAM},team-b,team-c", "--dry-run"),
    "install --full": ("install", *AT, "--set", "log.level=debug", "--dry-run", "--full"),
    "export": ("export", *AT, "--to", "kustomize", "--out", "exported"),
    "upgrade": ("upgrade", *AT, "--set", "log.level=debug", "-y"),
    "plan": ("plan", "install", *AT, "--set", "log.level=debug"),
    "iam-role": ("iam-role", *AT, "--policy", "studio", "-y"),
    "status": ("status", *AT),
    "doctor": ("doctor", *AT),
    "doctor --full": ("doctor", *AT, "--full"),
    "doctor KIND/NAME": ("doctor", LONG, "-n", TEAM, *AT),
    "cleanup --dry-run": ("cleanup", *AT, "--dry-run"),
    "cleanup --all": ("cleanup", *AT, "--all", "-y"),
    "carm bind": ("carm", "bind", TEAM, "--target-account", OTHER, *AT, "-y"),
    "carm setup --print": ("carm", "setup", "--target-account", OTHER, "--print", *AT),
    "carm unbind": ("carm", "unbind", "team-b", *AT, "-y"),
    "carm list": ("carm", "list", *AT),
    "carm verify": ("carm", "verify", *AT),
    "region bind": ("region", "bind", "team-b", "eu-west-1", *AT, "-y"),
    "region list": ("region", "list", *AT),
    "region explain": ("region", "explain", LONG, "-n", TEAM, *AT),
    "region unbind": ("region", "unbind", "team-c", *AT, "-y"),
    "rbac grant": ("rbac", "grant", "team-c", "--group", "ml", "--user", "someone", *AT, "-y"),
    "rbac revoke": ("rbac", "revoke", TEAM, *AT, "-y"),
    "adopt": ("adopt", "Endpoint", "churn", "-n", TEAM, *AT, "--dry-run"),
    "adopt --print": ("adopt", "Endpoint", "churn", "-n", TEAM, *AT, "--print"),
    "samples list": ("samples", "list"),
    "samples show": ("samples", "show", "training"),
    "samples apply": ("samples", "apply", "model", "-n", TEAM, "--with-role", "--set", "bucket=b-b", *AT, "--dry-run"),
    "versions": ("versions", *AT),
    "history": ("history", *AT),
    "init": ("init", *AT, "--region", REGION, "--print", "--account", ACCOUNT),
    "connect": ("connect", *AT, "--region", REGION, "--dry-run", "--kubeconfig", "kubeconfig"),
    "report": ("report", *AT, "--out", "report.zip"),
    "config show": ("config", "show", *AT),
    "explain": ("explain", "pod-failing"),
    "explain --list": ("explain", "--list"),
    "doctor --print-rbac": ("doctor", "--print-rbac", "samples-apply", "-n", TEAM),
    "doctor --print-policy": ("doctor", "--print-policy", "install", *AT),
}

# What they print is for a file or a pipe
DOCUMENTS = {
    "samples show",
    "adopt --print",
    "carm setup --print",
    "init",
    "doctor --print-rbac",
    "doctor --print-policy",
}


@pytest.fixture
def both(world: MemoryWorld, request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a command prints without a terminal, and on one, each from the same state."""
    monkeypatch.chdir(tmp_path)
    found = []
    for terminal in (False, True):
        world.restore(world.kept)  # type: ignore[attr-defined]
        (tmp_path / "report.zip").unlink(missing_ok=True)
        shutil.rmtree(tmp_path / "exported", ignore_errors=True)
        found.append(run(WALK[request.param], terminal=terminal))
    return found


@pytest.mark.parametrize("both", WALK, indirect=True)
def test_a_terminal_gets_whole_words_in_its_width(both: Any, request: Any) -> None:
    (code, out, err), (code_there, out_there, err_there) = both
    assert "defect" not in err, err
    assert (code, "error[" in err) == (code_there, "error[" in err_there)
    # without a terminal
    assert not _CONTROL.search(out + err)
    steps = [line for line in err.splitlines() if line.startswith("✓ ")]
    assert len(steps) == len(set(steps))
    # on one
    known = set((out + err).split())
    for text in (err_there,) if request.node.callspec.id in DOCUMENTS else (out_there, err_there):
        raw = re.sub(r"\r|\x1b\[2K", "\n", text)
        raw = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
        long = [line for line in raw.split("\n") if len(line) > COLUMNS and not _is_whole(line)]
        assert long == []
    strange = [word for word in out_there.split() if out and word not in known]
    assert [word for word in strange if not _is_apart(word)] == []


def _is_whole(line: str) -> bool:
    """A command to be pasted, or one word that is longer than the terminal."""
    return bool(_PASTED.match(line)) or max(map(len, line.split())) + len(line) - len(line.lstrip()) > COLUMNS - 20


def _is_apart(word: str) -> bool:
    """Whether a word may be only on a terminal: an age, or the name of a column as NAME:."""
    return word.endswith(":") or bool(re.fullmatch(r"\d{1,4}[smhd]?", word))
