"""docs/reference.md: every command with its options, defaults and variables; exit codes."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

import acksm
from acksm.exits import ExitCode
from acksm.reports import PASSED_ON, VERBATIM
from acksm.settings import Flat
from generator.cli import Command, Parameter, commands
from generator.markdown import NOTICE, code, page as _page, table

EXIT_CODES = {
    ExitCode.OK: "done, or up to date",
    ExitCode.DEFECT: "a defect in acksm",
    ExitCode.USAGE: "invalid command line, variable or file",
    ExitCode.CHECK_FAILED: "a check failed; nothing was changed",
    ExitCode.STEP_FAILED: "a change failed; the changes before it are kept",
    ExitCode.TIMED_OUT: "deadline exceeded",
    ExitCode.REFUSED: "refused, or confirmation required",
    ExitCode.INCOMPLETE: "nothing failed, but what could not be read leaves the answer incomplete",
    ExitCode.CHANGES_PENDING: "changes are pending (`acksm plan --exit-code`)",
    ExitCode.INTERRUPTED: "Ctrl-C",
}
# Variables that stand for no option. `complaints` finds those that are missing here.
VARIABLES = {
    "ACKSM_CONFIG": "The settings file, as --file. It must exist; acksm.yaml need not.",
    "ACKSM_HELM": "The helm to start, else the one on PATH. Name the program itself, not a version manager's shim.",
    "ACKSM_TRACEBACK": "Any value: a defect in acksm shows its traceback.",
    "ACKSM_SANDBOX_DIR": "The folder of sandboxes, else $XDG_STATE_HOME/acksm/sandbox or ~/.local/state/acksm/sandbox.",
}
_INTRO = """\
An option has the value of its flag, else of its `ACKSM_…` variable, else of the settings file (`-f`, `ACKSM_CONFIG`,
or `acksm.yaml` in the working directory), else its default. `acksm config show` shows where each value comes from.

In a variable, several values are separated by commas. In the file, options have their own names without dashes in
front, repeatable ones are lists, and `SERVICE=…` or `K=V` options are mappings; [settings.json](schemas/settings.json)
is its JSON Schema. Region and profile are also taken from `AWS_REGION`, `AWS_DEFAULT_REGION` and `AWS_PROFILE`, after
all of acksm's own sources. An acksm.yaml that was not named is used [only if it
belongs to you](index.md#settings-in-a-file).

The result goes to stdout, everything else to stderr. With `-o json` or `-o yaml` stdout is one document, even if the
command fails; [report.json](schemas/report.json) is its JSON Schema. Only a command line that cannot be parsed
(exit code 2) prints usage text and no document.

Every command also has `-q` (`--quiet`: results, warnings and errors only), `--debug` (each request to AWS and
Kubernetes and each call of helm on stderr, without headers and bodies) and `-h` (`--help`)."""


def page() -> str:
    """The page's text."""
    parts = ["# Reference", NOTICE, _INTRO, "## Commands"]
    parts.append(
        table(
            ("Command", "Does"),
            ((f"[{code('acksm ' + c.name)}](#acksm-{c.name.replace(' ', '-')})", c.help) for c in commands()),
        )
    )
    for command in commands():
        parts += _command(command)
    codes = ((str(int(item)), item.name, EXIT_CODES[item]) for item in ExitCode)
    parts += ["## Exit codes", "The same in every form of output.", table(("Code", "Name", "When"), codes)]
    variables = ((code(name), text) for name, text in VARIABLES.items())
    parts += ["## Other variables", "Beside those of the options:", table(("Variable", "Meaning"), variables)]
    return _page(*parts)


def complaints() -> list[str]:
    """Variables in the code that the page would not tell."""
    source = "\n".join(path.read_text("utf-8") for path in sorted(Path(acksm.__file__).parent.rglob("*.py")))
    own = {item.variable for command in commands() for item in command.parameters}
    known = {*VARIABLES, *own, *(f"ACKSM_{name.upper()}" for name in Flat.model_fields)}
    unknown = set(re.findall(r"\bACKSM_[A-Z][A-Z_]*[A-Z]\b", source)) - known
    return [f"{name} is in the code and not in VARIABLES of docs/generator/reference.py" for name in sorted(unknown)]


def _command(command: Command) -> list[str]:
    options = [item for item in command.parameters if not item.is_argument]
    arguments = [item for item in command.parameters if item.is_argument]
    usage = " ".join(
        ["acksm", command.name, *(item.spelling for item in arguments), *(["[OPTIONS]"] if options else [])]
    )
    parts = [f"### acksm {command.name}", command.help, f"```text\n{usage}\n```"]
    if command.name in PASSED_ON:
        parts.append(f"Prints {PASSED_ON[command.name]}.")
    if command.name in VERBATIM:
        parts.append(f"Prints {VERBATIM[command.name]}, whatever `-o` says; `-o` is for its errors.")
    if arguments:
        parts.append(table(("Argument", "Meaning"), ((code(item.spelling), item.meaning) for item in arguments)))
    if command.examples:
        parts.append("\n".join(["```sh", *command.examples, "```"]))
    for panel, items in groupby(options, key=lambda item: item.panel):
        parts += [f"**{panel}**" if panel else "", _options(list(items))]
    return parts


def _options(options: list[Parameter]) -> str:
    with_variables = any(item.variable for item in options)
    heads = ("Option", *(("Variable",) if with_variables else ()), "Default", "Meaning")
    return table(
        heads,
        (
            (
                code(item.spelling),
                *((code(item.variable) if item.variable else "",) if with_variables else ()),
                item.default,
                item.meaning,
            )
            for item in options
        ),
    )
