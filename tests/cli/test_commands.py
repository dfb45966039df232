"""The command line: help, usage errors, and one exit code and one form for every failure."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner

from acksm.catalog import entries
from acksm.cli import app
from acksm.config import FILE_ONLY
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.settings import Flat
from acksm.ui import SCHEMA

GROUP = typer.main.get_command(app)


def commands(group: Any = GROUP, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, item in group.commands.items():
        if hasattr(item, "commands"):
            yield from commands(item, (*path, name))
        else:
            yield (*path, name), item


COMMANDS = dict(commands())
GROUPS = [(), *sorted({path[:-1] for path in COMMANDS if len(path) > 1})]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster, no credentials, no sandbox, and no way to any."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("ACKSM_SANDBOX_DIR", str(tmp_path / "sandboxes"))
    for name in ("ACKSM_OUTPUT", "ACKSM_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


def run(*argv: str, **environment: str) -> Any:
    return CliRunner().invoke(app, list(argv), env=environment, prog_name="acksm")


@pytest.mark.parametrize("path", [*GROUPS, *COMMANDS], ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"Usage: {' '.join(('acksm', *path))}" in result.stdout
    if path in COMMANDS:
        shown = [name for parameter in COMMANDS[path].params for name in parameter.opts if name.startswith("--")]
        assert all(name in result.stdout for name in shown)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_has_help(path: tuple[str, ...]) -> None:
    for parameter in COMMANDS[path].params:
        assert parameter.help or parameter.name == "help", parameter.name
    assert COMMANDS[path].help


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_is_shared_is_a_setting_and_what_is_of_one_command_is_none(path: tuple[str, ...]) -> None:
    """A shared option (acksm.cli.options) under another name than its setting's would be taken, and never act."""
    settings = {*Flat.model_fields.keys() - FILE_ONLY, "file"}
    for parameter in COMMANDS[path].params:
        shared = bool(getattr(parameter, "rich_help_panel", None))
        assert shared == (parameter.name in settings), parameter.name


@pytest.mark.parametrize(
    "argv", ["oidc", "iam-role", "region bind", "region unbind", "carm setup", "carm bind", "carm unbind", "cleanup"]
)
def test_what_waits_for_no_controller_does_not_offer_to(argv: str) -> None:
    assert "--no-wait" not in run(*argv.split(), "--help").stdout


def test_lists_and_switches_reach_the_settings() -> None:
    words = ["--service", "sagemaker", "--set", "a=b", "--set", "c=d", "--version", "sagemaker=1.9.1", "--no-wait"]
    document = json.loads(run("config", "show", *words, "--dry-run", "-o", "json").stdout)
    found = document["settings"]
    assert (found["service"], found["set"], found["version"]) == (["sagemaker"], ["a=b", "c=d"], {"sagemaker": "1.9.1"})
    assert (found["wait"], found["dry_run"], found["yes"]) == (False, True, False)
    given = {name for name, origin in document["origins"].items() if origin != "default"}
    assert given == {"service", "set", "version", "wait", "dry_run", "output"}


@pytest.mark.parametrize("path", [*GROUPS, *COMMANDS], ids=" ".join)
def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...]) -> None:
    result = run(*path, "--no-such-option")
    assert result.exit_code == ExitCode.USAGE
    assert "--no-such-option" in result.stderr
    assert result.stdout == ""


def test_an_unknown_command_is_a_usage_error() -> None:
    result = run("instal")
    assert result.exit_code == ExitCode.USAGE
    assert "instal" in result.stderr


# one failure, three forms

FAILURES = {
    "explain-unknown": ["explain", "nothing-of-this-name"],
    "config-invalid": ["status", "--timeout", "soon"],
    "config-missing": ["status", "-f", "nowhere.yaml"],
    "cluster-missing": ["install"],
    "aws-no-credentials": ["install", "--cluster", "demo", "--region", "us-west-2"],
    "aws-region-missing": ["oidc", "--cluster", "demo"],
    "region-unknown": ["install", "--cluster", "demo", "--region", "us-wst-2"],
    "aws-profile-unknown": ["iam-role", "--cluster", "demo", "--region", "us-west-2", "--profile", "nobody"],
    "kubeconfig-missing": ["install", "--kubeconfig", "nowhere"],
    "kubeconfig-context-unknown": ["install", "--kubeconfig", "empty", "--context", "x"],
    "sandbox-missing": ["sandbox", "env"],
}


@pytest.mark.parametrize(("name", "argv"), FAILURES.items(), ids=list(FAILURES))
def test_a_failure_is_the_same_in_every_form(name: str, argv: list[str]) -> None:
    Path("empty").write_text("{}\n")
    text, as_json, as_yaml = run(*argv), run(*argv, "-o", "json"), run(*argv, "-o", "yaml")
    expected = entries()[name].exit_code
    assert [result.exit_code for result in (text, as_json, as_yaml)] == [expected] * 3
    assert text.stdout == ""
    assert f"error[{name}] " in text.stderr
    assert text.stderr == as_json.stderr == as_yaml.stderr
    document = json.loads(as_json.stdout)
    assert document == YAML(typ="safe", pure=True).load(as_yaml.stdout)
    assert {key: document[key] for key in ("schema", "exit_code")} == {"schema": SCHEMA, "exit_code": expected}
    assert (document["error"]["id"], document["error"]["exit_code"]) == (name, expected)
    assert document["command"] == " ".join(argv[:2] if argv[0] == "sandbox" else argv[:1])


def test_the_form_may_come_from_a_variable() -> None:
    assert json.loads(run("explain", "x", ACKSM_OUTPUT="json").stdout)["error"]["id"] == "explain-unknown"
    assert json.loads(run("status", "--timeout", "soon", ACKSM_OUTPUT="json").stdout)["exit_code"] == ExitCode.USAGE
    assert run("explain", "x", "-o", "text", ACKSM_OUTPUT="json").stdout == ""


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `acksm status` end in `error`."""

    def run(*_: Any) -> int:
        raise error

    monkeypatch.setattr("acksm.guide.install.status.run", run)


@pytest.mark.parametrize("name", [name for name, entry in entries().items() if entry.exit_code is not ExitCode.OK])
def test_the_exit_code_of_every_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, AcksmError(name, "no", where="here"))
    text, as_json = run("status"), run("status", "-o", "json")
    assert text.exit_code == as_json.exit_code == json.loads(as_json.stdout)["exit_code"] == entries()[name].exit_code
    told = "rbac-administrator" if name == "kube-forbidden" else name  # no Role has the rights of status
    remedy, _, note = entries()[told].remedy.replace(" COMMAND", " status").partition("   ")
    assert all(part in text.stderr for part in (*remedy.split(" … "), note) if "…" not in part)
    assert "acksm …" not in text.stderr or name in {"sample-not-yet", "sample-no-role"}  # of no option of status
    assert text.stdout == ""


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), KeyError("x"), RecursionError(), AssertionError("a"), OSError()]
)
def test_a_defect_is_told_without_a_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, error)
    result = run("status", "-o", "json")
    assert result.exit_code == ExitCode.DEFECT
    assert result.stderr.startswith(f"error[defect] {type(error).__name__}")
    assert "Traceback" not in result.stderr + result.stdout
    assert "ACKSM_TRACEBACK=1" in result.stderr
    assert json.loads(result.stdout)["error"]["where"] == "status"


def test_a_defect_shows_its_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, RuntimeError("boom"))
    assert isinstance(run("status", ACKSM_TRACEBACK="1").exception, RuntimeError)


def test_ctrl_c_says_that_the_same_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    result = run("status")
    assert result.exit_code == ExitCode.INTERRUPTED
    assert "remedy: acksm status   (continues)" in result.stderr


def test_broken_settings_do_not_break_what_explains_them() -> None:
    Path("acksm.yaml").write_text("clutser: x\n")
    assert run("status").exit_code == ExitCode.USAGE
    assert run("explain", "config-invalid", ACKSM_TIMEOUT="soon").exit_code == 0
    assert run("version").exit_code == 0


@pytest.mark.parametrize("words", [["install", "--nonsense"], ["install", "--role-name"], ["carm", "bind", "--team"]])
def test_a_plan_of_words_that_no_command_takes(words: list[str]) -> None:
    result = run("plan", *words)
    assert (result.exit_code, "error[plan-command]" in result.stderr) == (ExitCode.USAGE, True), result.stderr
    assert f"acksm {' '.join(words[:-1])} --help" in result.stderr


def test_version_and_config_in_both_forms() -> None:
    assert json.loads(run("version", "-o", "json").stdout)["version"] == run("version").stdout.strip()
    Path("acksm.yaml").write_text("cluster: demo\nversion: {sagemaker: 1.9.1}\n")
    lines = run("config", "show", "--region", "eu-west-1", ACKSM_SCOPE="cluster").stdout.splitlines()
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert shown["cluster"].split(maxsplit=1) == ["demo", "file acksm.yaml"]
    assert shown["region"].split(maxsplit=1) == ["eu-west-1", "flag --region"]
    assert shown["scope"].split(maxsplit=1) == ["cluster", "variable ACKSM_SCOPE"]
    assert shown["version"].split() == ["sagemaker=1.9.1", "file", "acksm.yaml"]
    assert shown["service"].split() == ["sagemaker,", "applicationautoscaling", "default"]
    told = run("config", "show", "--region", "eu-west-1", ACKSM_SCOPE="cluster").stderr
    assert told == "note: settings from ./acksm.yaml: cluster, version\n"
    assert run("config", "show", "-f", "acksm.yaml").stderr == ""
    assert run("version").stderr == ""
    document = json.loads(run("config", "show", "-o", "json").stdout)
    assert document["settings"]["version"] == {"sagemaker": "1.9.1"}
    assert document["origins"]["cluster"] == "file acksm.yaml"


# start-up: in a process of its own, because this one has imported everything

LOADED = """
import sys
from acksm.cli import app
try:
    app(sys.argv[1:], prog_name="acksm")
finally:
    print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


CLOUD = {"boto3", "botocore", "kubernetes", "urllib3", "moto"}
IMPORTS: dict[str, set[str]] = {
    "--help": CLOUD | {"rich", "pydantic", "ruamel", "jsonschema"},
    "install --help": CLOUD | {"rich", "ruamel", "jsonschema"},
    "explain helm-missing": CLOUD,
    "version": CLOUD,
    "config show": CLOUD,
}


@pytest.mark.parametrize(("argv", "absent"), IMPORTS.items(), ids=list(IMPORTS))
def test_nothing_heavy_is_imported(argv: str, absent: set[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *argv.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ended.stderr.split())
    assert "typer" in loaded
    assert loaded & absent == set()


def test_python_m_acksm() -> None:
    ended = subprocess.run([sys.executable, "-m", "acksm", "version"], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == run("version").stdout.strip()


@pytest.mark.parametrize(
    ("argv", "corrected"),
    [
        (["install", "--cluster", "demo", "--region", "us-wst-2"], "install --cluster demo --region us-west-2"),
        (["adopt", "Model", "m", "--cluster", "demo", "--region", "us-wst-2"], "--region us-west-2"),
        (["token", "--cluster", "demo", "--region", "us-wst-2"], "token --cluster demo --region us-west-2"),
    ],
)
def test_a_misspelt_region_is_refused_before_the_first_call(argv: list[str], corrected: str) -> None:
    result = run(*argv)
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean us-west-2" in result.stderr
    assert f"{corrected}\n" in result.stderr


def test_sandboxes_are_listed_and_the_shells_one_has_its_name() -> None:
    assert json.loads(run("sandbox", "list", "-o", "json").stdout)["sandboxes"] == []
    assert "no sandboxes" in run("sandbox", "list").stdout
    home = Path("sandboxes")
    for name, text in (("one", '{"clusters": {"practice": {"processes": []}}}'), ("broken", "{"), ("No Name", "{}")):
        (home / name).mkdir(parents=True)
        (home / name / "state.json").write_text(text)
    rows = json.loads(run("sandbox", "list", "-o", "json").stdout)["sandboxes"]
    assert rows == [
        {"name": "broken", "running": False, "clusters": []},
        {"name": "one", "running": False, "clusters": ["practice"]},
    ]
    assert "sandbox two does not exist" in run("sandbox", "status", ACKSM_SANDBOX="two").stderr
    assert "sandbox three does not exist" in run("sandbox", "env", "--name", "three", ACKSM_SANDBOX="two").stderr
