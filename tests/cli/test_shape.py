"""What every command has: sections of help, examples, the options of all, and hints for words of other tools."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from acksm import __version__, trace
from acksm.cli import app
from acksm.cli.shape import _OTHER_NAMES

GROUP: Any = typer.main.get_command(app)


def run(*argv: str) -> Any:
    return CliRunner().invoke(app, list(argv), env={"HOME": "/nonexistent"}, prog_name="acksm")


def examples() -> list[str]:
    found: list[str] = []
    waiting = [GROUP]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        found += (command.epilog or "").splitlines()
    return sorted(found)


def test_version() -> None:
    assert run("--version").stdout == f"acksm {__version__}\n"


def test_the_roots_help_has_sections_and_whole_sentences() -> None:
    text = run("-h").stdout
    sections = [line for line in text.splitlines() if line and not line.startswith((" ", "Usage"))]
    assert sections == [
        "Install and uninstall:",
        "Objects and accounts:",
        "Observe and repair:",
        "Plans as files:",
        "Other:",
        "Options:",
        "Every command:",
    ]
    assert "..." not in text.replace("COMMAND [ARGS]...", "")


def test_help_is_as_wide_as_the_terminal_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def widest(columns: int) -> int:
        monkeypatch.setenv("COLUMNS", str(columns))
        return max(map(len, GROUP.make_context("acksm", ["status"]).get_help().splitlines()))

    assert widest(80) < 80 < widest(200) < 120


def test_a_commands_own_options_come_before_those_that_it_shares() -> None:
    lines = run("doctor", "-h").stdout.splitlines()
    sections = [line for line in lines if line and not line.startswith((" ", "Usage"))]
    assert sections[:3] == ["Arguments:", "Options:", "Target:"]
    assert sections[-2:] == ["Every command:", "Examples:"]


def test_no_type_of_python_is_shown() -> None:
    assert not [name for name in GROUP.commands if "<str>" in run(name, "-h").stdout]


@pytest.mark.parametrize("example", examples())
def test_an_example_is_a_command(example: str) -> None:
    words = shlex.split(example)
    if words[0] == "eval":
        words = shlex.split(words[1].removeprefix("$(").removesuffix(")"))
    command, rest = GROUP, words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command, rest = command.commands[rest[0]], rest[1:]
    assert command is not GROUP
    command.make_context(words[0], rest)


@pytest.mark.parametrize(("word", "command"), _OTHER_NAMES.items())
def test_a_word_of_another_tool_leads_to_the_command(word: str, command: str) -> None:
    result = run(word)
    assert result.exit_code == 2
    assert f"No such command {word!r}. Did you mean {command!r}?" in result.stderr
    assert command in GROUP.commands
    assert word not in GROUP.commands


@pytest.mark.parametrize("argv", [("-q", "config", "show"), ("config", "show", "--quiet")])
def test_quiet_leaves_the_result(argv: tuple[str, ...], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acksm.yaml").write_text("cluster: demo\n")
    loud, quiet = run("config", "show"), run(*argv)
    assert "note: settings from ./acksm.yaml" in loud.stderr
    assert quiet.stderr == ""
    assert "demo" in quiet.stdout


def test_a_request_is_a_line_with_its_outcome() -> None:
    lines: list[str] = []
    trace.send_to(lines.append)
    try:
        with trace.called("GET https://cluster/version"):
            pass
        with pytest.raises(KeyError), trace.called("GET https://cluster/api"):
            raise KeyError
        trace.line("sts:GetCallerIdentity https://sts", 200)
    finally:
        trace.send_to(lambda _: None)
    assert [line.split(" ", 1)[1].split(" in ")[0] for line in lines] == [
        "GET https://cluster/version: ok",
        "GET https://cluster/api: KeyError",
        "sts:GetCallerIdentity https://sts: 200",
    ]
