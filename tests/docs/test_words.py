"""Texts that users read, pages among them, have none of the words that docs/glossary.md bans."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import acksm
from acksm.catalog import Entry, entries
from doc_pages import PAGES, ROOT, prose
from generator.cli import click_group

SOURCE = Path(acksm.__file__).parent
DATA = SOURCE / "sandbox" / "practice"  # the text of charts
# The glossary lists the words, and the reference has the texts of --help, which have a test of their own.
HELD_PAGES = [page for page in PAGES if page.name not in ("glossary.md", "reference.md")]
QUOTED = {"asked for the client to provide credentials"}  # helm's words, which acksm recognises


def not_columns(page: str) -> Iterator[str]:
    """The cells under "Not" of the page's tables."""
    column = None
    for line in page.splitlines():
        if not line.startswith("|"):
            column = None
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if column is None:
            column = cells.index("Not") if "Not" in cells else -1
        elif column >= 0:
            yield cells[column]


@cache
def banned() -> re.Pattern[str]:
    words = {
        word for cell in not_columns(prose(ROOT / "docs" / "glossary.md")) for word in re.findall("`([^`]+)`", cell)
    }
    assert len(words) > 30
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})\b", re.I)


def bad_words(text: str) -> list[str]:
    return [word.lower() for word in banned().findall(text)]


def words_of(text: str) -> str:
    """A page's prose without what it does not word itself: code spans, comments, targets of links, and ids."""
    text = re.sub(r"`[^`\n]*`|<!--.*?-->|(?<=\])\([^)\s]*\)", "", text, flags=re.S)
    return re.sub(r"[\w.]+(?:-[\w.]+)+", lambda match: "" if match[0] in entries() else match[0], text)


def literals(tree: ast.Module) -> Iterator[str]:
    """Texts of more than one word, parts of f-strings included; not docstrings, which are the developer's."""
    nodes = list(ast.walk(tree))
    docstrings = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from {node.value} - QUOTED if " " in node.value else ()


@cache
def found_in_rooms() -> dict[str, list[str]]:
    """Banned words by room: the folder in guide/, else the first folder or the file."""
    found: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if DATA in path.parents:
            continue
        parts = path.relative_to(SOURCE).parts
        room = "/".join(parts[: 2 if parts[0] == "guide" else 1])
        words = [word for text in literals(ast.parse(path.read_text("utf-8"))) for word in bad_words(text)]
        found.setdefault(room, []).extend(words)
    return found


def remarks(path: Path) -> Iterator[str]:
    """The comments and docstrings of a module."""
    with path.open("rb") as stream:
        for token in tokenize.tokenize(stream.readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
                yield token.string


@cache
def help_texts() -> dict[str, str]:
    """The texts of each command's --help."""
    texts: dict[str, str] = {}

    def walk(name: str, command: Any) -> None:
        parts = [command.help, command.short_help, command.epilog]
        parts += [getattr(param, "help", None) for param in command.params]
        texts[name] = "\n".join(part for part in parts if part)
        for key, inner in getattr(command, "commands", {}).items():
            walk(f"{name} {key}".strip(), inner)

    walk("", click_group())
    return texts


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.id)
def test_the_catalogue_has_none(entry: Entry) -> None:
    assert bad_words(f"{entry.title}; {entry.cause}; {entry.remedy}") == []


@pytest.mark.parametrize("page", HELD_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_have_none(page: Path) -> None:
    assert bad_words(words_of(prose(page))) == []


def test_messages_have_none() -> None:
    assert {room: words for room, words in found_in_rooms().items() if words} == {}


def test_comments_and_docstrings_have_none() -> None:
    found = {
        str(path.relative_to(SOURCE)): [word for text in remarks(path) for word in bad_words(words_of(text))]
        for path in SOURCE.rglob("*.py")
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_help_has_none() -> None:
    found = {name: bad_words(text) for name, text in help_texts().items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_a_banned_word_would_be_found() -> None:
    tree = ast.parse('"""It was told."""\nx = f"{y} was TOLD of"\nz = "told"\n')
    assert [bad_words(text) for text in literals(tree)] == [["told"]]
    assert bad_words("a way out; retold, of the living-room") == ["way out", "living"]
    assert bad_words(words_of("[told](https://told), `told` <!-- told --> of scope-broken, half-made")) == [
        "told",
        "half-made",
    ]
    assert [*not_columns("| A | Not |\n|---|---|\n| x | `y` |\n\n| A | B |\n|---|---|\n| x | z |\n")] == ["---", "`y`"]
