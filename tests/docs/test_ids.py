"""Every id that the code uses has an entry, and every entry is used: no id without a page, no page without an id."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import acksm
from acksm.catalog import entries

SOURCES = sorted(Path(acksm.__file__).parent.rglob("*.py"))


def calls(name: str) -> Iterator[tuple[ast.Call, str]]:
    """Calls of `name` in the code, with the place."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield node, f"{path.name}:{node.lineno}"


def texts(node: ast.expr) -> set[str]:
    """The texts that an expression may be, as far as it tells."""
    found = {item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    return found if isinstance(node, ast.Constant | ast.IfExp) else set()


def test_every_error_has_an_entry() -> None:
    used = {(one, place) for call, place in calls("AcksmError") if call.args for one in texts(call.args[0])}
    assert len(used) > 50  # the search finds them
    assert sorted((one, place) for one, place in used if one not in entries()) == []


def test_every_change_has_an_entry() -> None:
    used = {
        (one, place)
        for call, place in calls("Change")
        for keyword in call.keywords
        if keyword.arg == "id"
        for one in texts(keyword.value)
    }
    assert len(used) > 10
    assert [item for item in sorted(used) if item[0] not in entries() or entries()[item[0]].kind != "change"] == []


def test_every_entry_is_used() -> None:
    said = {
        node.value
        for path in SOURCES
        if path.parent.name != "catalog" or path.name == "__init__.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(set(entries()) - said) == []
