"""Every id that the code uses has an entry, every entry is used, and `acksm explain` has each of them."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

import acksm
from acksm.catalog import Entry, entries
from acksm.cli import app
from acksm.errors import AcksmError
from acksm.exits import ExitCode

SOURCE = Path(acksm.__file__).parent


WITH_IDS = {"AcksmError": (0, "id"), "Change": (0, "id"), "Event": (1, "id")}


@dataclass(frozen=True)
class Code:
    """The calls of what has an id, by name and each with its place, and all texts."""

    calls: dict[str, list[tuple[str, ast.Call]]]
    texts: set[str]


@cache
def code() -> Code:
    found = Code({name: [] for name in WITH_IDS}, set())
    for path in sorted(SOURCE.rglob("*.py")):
        if path.parent == SOURCE / "catalog":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WITH_IDS:
                found.calls[node.func.id].append((f"{path.relative_to(SOURCE)}:{node.lineno}", node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.texts.add(node.value)
    return found


def literals(node: ast.expr | None) -> list[str]:
    """The texts that an expression can be: itself, both branches of a condition, a default."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    if isinstance(node, ast.Call):
        return [text for argument in node.args[1:] for text in literals(argument)]
    return []


def argument(node: ast.Call, index: int, keyword: str) -> ast.expr | None:
    named = next((item.value for item in node.keywords if item.arg == keyword), None)
    return node.args[index] if len(node.args) > index else named


def used(kind: str) -> dict[str, str]:
    """Ids by where they are used first."""
    index, keyword = WITH_IDS[kind]
    return {name: where for where, call in code().calls[kind] for name in literals(argument(call, index, keyword))}


@pytest.mark.parametrize("kind", WITH_IDS)
def test_every_id_in_the_code_has_an_entry(kind: str) -> None:
    found = used(kind)
    assert len(found) > 5
    assert {name: where for name, where in found.items() if name not in entries()} == {}


def test_errors_have_exit_codes_of_failure_and_changes_and_events_do_not() -> None:
    for name in used("AcksmError"):
        assert entries()[name].exit_code not in {ExitCode.OK, ExitCode.CHANGES_PENDING}, name
    for name in [*used("Change"), *used("Event")]:
        assert entries()[name].exit_code is ExitCode.OK, name
    assert {entries()[name].kind for name in used("AcksmError")} == {"error"}
    assert {entries()[name].kind for name in used("Change")} == {"change"}
    assert {entries()[name].kind for name in used("Event")} == {"event"}


def test_no_entry_is_unused_unless_retired() -> None:
    texts = code().texts | {"explain-unknown"}  # raised by the catalogue itself
    assert sorted(name for name, entry in entries().items() if name not in texts and not entry.retired) == []


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.id)
def test_an_entry_is_whole(entry: Entry) -> None:
    assert entry.title
    assert entry.cause
    assert entry.title[-1] != "."
    assert "\n" not in entry.title + entry.cause + entry.remedy
    assert bool(entry.remedy) is (entry.exit_code is not ExitCode.OK)  # a failure has a remedy; the rest needs none


@pytest.mark.parametrize("id", entries())
def test_explain_tells_every_id(id: str) -> None:
    entry = entries()[id]
    text = CliRunner().invoke(app, ["explain", id])
    assert text.exit_code == 0
    assert all(part in text.stdout for part in (id, entry.title, entry.cause, entry.remedy))
    document = json.loads(CliRunner().invoke(app, ["explain", id, "-o", "json"]).stdout)
    assert (document["exit_code"], document["entry"]["id"]) == (0, id)
    assert document["entry"]["exit_code"] == int(entry.exit_code)


def test_explain_lists_all_and_names_the_nearest() -> None:
    listed = CliRunner().invoke(app, ["explain", "--list"]).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["ID", *entries()]
    unknown = CliRunner().invoke(app, ["explain", "helm-mising"])
    assert unknown.exit_code == ExitCode.USAGE
    assert "helm-missing" in unknown.stderr
    assert unknown.stdout == ""


def test_an_error_takes_its_remedy_and_exit_code_from_its_entry_unless_it_has_its_own() -> None:
    entry = entries()["helm-missing"]
    assert AcksmError("helm-missing", "no").remedy == entry.remedy
    assert AcksmError("helm-missing", "no", remedy="do this").remedy == "do this"
    assert AcksmError("helm-missing", "no").exit_code is entry.exit_code
