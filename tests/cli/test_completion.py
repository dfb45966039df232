"""What the shell's TAB offers: through the parser, as the shell's script calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from acksm.ack.kinds import KINDS
from acksm.aws import local
from acksm.catalog import entries
from acksm.cli import app, completion
from acksm.guide.doctor import caller_policies
from acksm.guide.samples.files import samples

GROUP: Any = typer.main.get_command(app)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def offered(line: str, **environment: str) -> list[str]:
    """The values after `line`, which ends where TAB is pressed."""
    words = line.split(" ")
    variables = {"_ACKSM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    result = CliRunner().invoke(app, [], env=variables | environment, prog_name="acksm")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout.split()


VALUES = {
    "acksm install --scope ": ["cluster", "namespace"],
    "acksm install --scope n": ["namespace"],
    "acksm install --mode ": ["carm", "role-selector"],
    "acksm install --policy l": ["least"],
    "acksm status -o ": ["json", "text", "wide", "yaml"],
    "acksm status --service ": ["applicationautoscaling", "sagemaker"],
    "acksm install --version s": ["sagemaker="],
    "acksm samples show train": [name for name in sorted(samples()) if name.startswith("train")],
    "acksm adopt End": ["Endpoint", "EndpointConfig"],
    "acksm adopt --kind TrainingJ": ["TrainingJob"],
    "acksm doctor Model/": ["Model/"],
    "acksm region explain Mode": [name for name in sorted(KINDS["sagemaker"]) if name.startswith("Mode")],
    "acksm explain check.carm-m": [name for name in entries() if name.startswith("check.carm-m")],
    "acksm doctor --print-policy carm-": [
        *(name for name in sorted(caller_policies.spellings()) if name.startswith("carm-")),
    ],
    "acksm plan inst": ["install"],
    "acksm plan carm ": ["bind", "setup", "unbind"],
    "acksm region bind team-a us-west": ["us-west-1", "us-west-2"],
    "acksm status --region eu-n": ["eu-north-1"],
}


@pytest.mark.parametrize(("line", "values"), VALUES.items(), ids=list(VALUES))
def test_values_without_a_connection(line: str, values: list[str]) -> None:
    assert values
    assert offered(line) == values


def test_only_commands_with_a_plan_are_planned() -> None:
    found = offered("acksm plan ")
    assert {"install", "cleanup", "carm", "samples"} <= {*found}
    assert not {"status", "explain", "version", "config", "apply", "plan"} & {*found}
    assert "show" in found
    assert offered("acksm plan samples ") == ["apply", "delete"]


def test_every_value_of_a_closed_set_is_completed() -> None:
    """A parameter whose metavar has a source, or is a choice, has a completion: none is forgotten."""
    waiting, missing = [GROUP], []
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        for parameter in command.params:
            if completion.source(parameter.name, parameter.metavar or "") and not parameter._custom_shell_complete:
                missing.append((command.name, parameter.name))
    assert missing == []


def test_profiles_are_those_of_both_files(tmp_path: Path) -> None:
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[default]\nregion = x\n[profile team-a]\n[profile 'team b']\n[sso-session s]\n[services t]\n")
    credentials.write_text("[other]\naws_access_key_id = x\n[team-a]\n[team-a]\n")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    assert offered("acksm status --profile ", **files) == ["default", "other", "team", "b", "team-a"]
    for broken in (b"\xff\xfe", b"no section = 1\n", b"[x\n"):
        config.write_bytes(broken)
        assert local.profiles(files) == ["other", "team-a"]


def test_contexts(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("one", "two")]
    kubeconfig.write_text(json.dumps({"contexts": contexts}))
    assert offered(f"acksm status --kubeconfig {kubeconfig} --context ") == ["one", "two"]
    assert offered("acksm status --context t", KUBECONFIG=f"{tmp_path / 'none'}{os.pathsep}{kubeconfig}") == ["two"]
    kubeconfig.write_text("{")
    assert offered(f"acksm status --kubeconfig {kubeconfig} --context ") == []


def test_clusters_are_those_of_the_profile_and_region_on_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    class Eks:
        def __init__(self, aws: Any) -> None:
            seen.append((aws.profile, aws._region))

        def names(self) -> list[str]:
            return ["demo", "other"]

    monkeypatch.setattr("acksm.aws.eks.Eks", Eks)
    assert offered("acksm status --profile p --region eu-west-1 --cluster d") == ["demo"]
    assert seen == [("p", "eu-west-1")]


@pytest.mark.parametrize(
    "line", ["acksm status --cluster ", "acksm carm bind ", "acksm install --watch-namespace ", "acksm adopt -n "]
)
def test_without_credentials_or_a_cluster_nothing_is_offered(line: str, tmp_path: Path) -> None:
    for file in ("", "clutser: x\n", "cluster: demo\nregion: us-west-2\n"):
        (tmp_path / "acksm.yaml").write_text(file)
        assert offered(line) == []


def test_what_takes_too_long_is_not_waited_for() -> None:
    never = threading.Event()

    def work() -> list[str]:
        never.wait(60)
        return ["late"]

    assert completion.within(work, 0.01) == []
    assert completion.within(lambda: ["in time"], 60) == ["in time"]
    assert completion.within(lambda: [str(1 / 0)], 60) == []
    never.set()


LOADED = """
import sys
from acksm.cli import app
try:
    app(prog_name="acksm")
finally:
    print("\\n".join({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("line", ["acksm status --region us", "acksm explain carm", "acksm samples show tr"])
def test_nothing_heavy_is_imported_and_stderr_is_silent(line: str, tmp_path: Path) -> None:
    variables = {"_ACKSM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, env=os.environ | variables
    )
    assert ended.stderr == ""
    assert not {"boto3", "botocore", "kubernetes"} & {*ended.stdout.split()}
    assert line.split()[-1] in ended.stdout


def test_stderr_of_a_completion_goes_nowhere() -> None:
    program = (
        "import os, sys; from acksm.cli import completion; completion.be_quiet(); "
        "os.system('echo x >&2'); print(1); sys.stderr.write('y')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("1\n", "")
