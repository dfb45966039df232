"""What code, tests and pages cite is in the project: pages with their anchors, and source files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from doc_pages import ROOT, anchors

_URL = re.compile(r"https?://[^\s)>\"']+")
_PAGE = re.compile(r"(?<![\w/.:-])((?:[\w.-]+/)*[\w-]+\.md)\b(?:#([\w.-]*\w))?")
_SOURCE = re.compile(r"(?<![\w/.:-])((?:src|tests|docs|bench)/(?:[\w-]+/)*[\w-]+\.py)\b")
_TEXTS = {".py", ".md", ".json", ".yaml", ".yml", ".toml", ".go", ".sh"}
PLACES = (ROOT, ROOT / "docs", ROOT / "docs" / "ack")  # a generated page is written by code elsewhere
FOLDERS = ("src", "tests", "docs", "bench")


def texts() -> Iterator[Path]:
    """The project's own files of text."""
    yield from (path for path in ROOT.iterdir() if path.suffix in _TEXTS)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in _TEXTS and "__pycache__" not in path.parts:
                yield path


def missing(text: str, folder: Path) -> list[str]:
    """What `text`, of a file in `folder`, cites and the project does not have: an anchor with its page."""
    text = _URL.sub("", text)
    found = [name for name in _SOURCE.findall(text) if not (ROOT / name).is_file()]
    for name, anchor in _PAGE.findall(text):
        page = next((location / name for location in (folder, *PLACES) if (location / name).is_file()), None)
        if page is None:
            found.append(name)
        elif anchor and anchor not in anchors(page.resolve()):
            found.append(f"{name}#{anchor}")
    return found


@pytest.mark.parametrize("folder", ["", *FOLDERS])
def test_what_is_cited_exists(folder: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): cited
        for path in texts()
        if (path.relative_to(ROOT).parts[0] if path.parent != ROOT else "") == folder
        for cited in [missing(path.read_text("utf-8"), path.parent)]
        if cited
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(docs/ack/moon{} §2.3)", ["docs/ack/moon{}"]),
        ("as in facts{} §1", ["facts{}"]),
        ("docs/ack/accounts-and-regions{}#moon.", ["docs/ack/accounts-and-regions{}#moon"]),
        ("docs/ack/accounts-and-regions{}#scope.", []),
        ("errors{}#check.scope, README{}", []),
        ("https://example.com/other{}", []),
    ],
)
def test_a_wrong_citation_would_be_found(text: str, expected: list[str]) -> None:
    assert missing(text.replace("{}", ".md"), ROOT / "src") == [name.replace("{}", ".md") for name in expected]
    assert missing("src/" + "acksm/moon.py, " + "tests/docs/test_pages.py", ROOT) == ["src/" + "acksm/moon.py"]
