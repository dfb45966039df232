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
from acksm.reports import FLEET

GROUP: Any = typer.main.get_command(app)


def run(*argv: str) -> Any:
    return CliRunner().invoke(app, list(argv), env={"HOME": "/nonexistent"}, prog_name="acksm")


def commands() -> dict[str, Any]:
    """Every command by what is typed after `acksm`."""
    found: dict[str, Any] = {}
    waiting = [("", GROUP)]
    while waiting:
        path, command = waiting.pop()
        inner = getattr(command, "commands", {})
        waiting += [(f"{path} {name}".strip(), one) for name, one in inner.items()]
        if not inner:
            found[path] = command
    return found


COMMANDS = commands()


def examples() -> list[str]:
    return sorted(line for command in COMMANDS.values() for line in (command.epilog or "").splitlines())


# An option whose words differ between commands, and what it means in each. The type and the metavar are the same, where
# EXCEPT does not say otherwise.
MEANINGS = {
    "--account": "the account of the cluster and of the caller",
    "--adopt-release": "a release that acksm did not create is treated as its own",
    "--all": "everything that the command handles",
    "--cluster": "EKS cluster name",
    "--confirm": "the cluster's name, instead of typing it",
    "--context": "context of the kubeconfig",
    "--create-namespace": "create namespaces that do not exist",
    "--digest": "the digest that was reviewed",
    "--file": "the settings file",
    "--full": "show what is left out otherwise",
    "--kubeconfig": "path of the kubeconfig",
    "--mode": "the mode that the controllers run in",
    "--namespace": "the namespaces that the command is about",
    "--out": "a file to write the result to",
    "--print": "print it; write nothing",
    "--region": "AWS region of the cluster",
    "--registry": "the registry that charts are read from",
    "--set": "a value of what is rendered: charts, samples",
    "--tag": "a tag of what is created",
    "--to": "what the command leads to",
    "--version": "version of a controller's chart",
    "--wait": "wait for what was applied",
}
MEANINGS |= {
    short: MEANINGS[long] for short, long in {"-f": "--file", "-n": "--namespace", "--no-wait": "--wait"}.items()
}
EXCEPT = {
    "logs -f": "--follow, as in kubectl logs",
    "doctor --output": "it has formats of its own for CI",
    "doctor -o": "it has formats of its own for CI",
    "sandbox up --cluster": "it may create several",
    "fleet plan --out": "a directory, as each cluster has a plan",
    "fleet cleanup --confirm": "the number of clusters",
    **{f"fleet {name} --cluster": "some of the file" for name in (*FLEET, "list") if name != "merge"},
    "export --to": "what the files are for; that of identity migrate is a way",
    "export --out": "a directory",
    "mirror --to": "where it copies to; that of identity migrate is a way",
    **dict.fromkeys(
        (
            f"{name} {option}"
            for name in (
                "carm bind",
                "carm unbind",
                "carm list",
                "carm verify",
                "region bind",
                "region unbind",
                "region list",
            )
            for option in ("--namespace", "-n")
        ),
        "several namespaces, as the arguments",
    ),
}


def declared() -> dict[str, list[tuple[str, Any]]]:
    """Each spelling of an option: the commands that have it, each with its parameter."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for spelling in (*parameter.opts, *parameter.secondary_opts):
                    found.setdefault(spelling, []).append((name, parameter))
    return found


def clashes(found: dict[str, list[tuple[str, Any]]]) -> dict[str, set[object]]:
    """Options that are a flag here and a value there, or take different values."""
    kinds: dict[str, set[object]] = {
        spelling: {(one.is_flag, one.multiple, one.metavar) for name, one in uses if f"{name} {spelling}" not in EXCEPT}
        for spelling, uses in found.items()
    }
    return {spelling: several for spelling, several in kinds.items() if len(several) > 1}


def test_an_option_has_one_meaning_everywhere() -> None:
    found = declared()
    assert clashes(found) == {}
    reworded = {spelling for spelling, uses in found.items() if len({one.help for _, one in uses}) > 1}
    assert reworded == MEANINGS.keys()
    assert not [use for use in EXCEPT if use.rpartition(" ")[0] not in [name for name, _ in found[use.split()[-1]]]]


def test_a_clash_is_found() -> None:
    found = declared()
    found["--namespace"] = [*found["--namespace"], *found["--yes"]]
    found["--yes"] = [*found["--yes"], *found["--cluster"]]
    assert clashes(found).keys() == {"--namespace", "--yes"}


@pytest.mark.parametrize(
    ("argv", "new"),
    [
        ("adopt Model m --cluster-region us-west-2", "--region"),
        ("adopt --discover --tag team=ml", "--tag-filter"),
        ("samples apply training --cluster-region us-west-2", "--region"),
        ("samples show training --region us-west-2", "--object-region"),
        ("carm bind team-b --team a --role-arn x", "--assume-role-arn"),
        ("carm bind team-b --account 111111111111", "--target-account"),
        ("cleanup --namespace", "--delete-namespaces"),
        ("plan install -o install.plan", "--out install.plan"),
        ("report -o support.zip", "--out support.zip"),
    ],
)
def test_an_option_that_meant_something_else_leads_to_its_new_name(argv: str, new: str) -> None:
    result = run(*argv.split())
    assert result.exit_code == 2
    assert new in result.stderr


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
