"""What pages name exists: modules, files and names of the code. What they abbreviate they spell out first."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from doc_pages import PAGES, ROOT, fences, prose
from generator.cli import click_group

SOURCE = ROOT / "src" / "acksm"
FOLDERS = tuple(ROOT / name for name in ("src", "tests", "docs", "bench"))
_SPAN = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?:[\w-]+/)*[\w-]+\.py")
_FOLDER = re.compile(r"(?:\w+/)+")
_MODULE = re.compile(r"acksm(?:\.[a-z_]\w*)+")
_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
LONG = {"CARM": "cross account resource management", "IRSA": "iam roles for service accounts"}


@cache
def code() -> tuple[frozenset[str], frozenset[str]]:
    """Names of the project's Python files, and the words with underscores that they have."""
    files = [path for folder in FOLDERS for path in folder.rglob("*.py")]
    words = {word for path in files for word in re.findall(_NAME, path.read_text("utf-8"))}
    return frozenset(path.name for path in files), frozenset(words | {path.stem for path in files})


def missing(text: str, *, own: str = "") -> list[str]:
    """Code spans of `text` that look like a part of the project and are none. `own` is the page's own code."""
    files, words = code()
    found = []
    for span in _SPAN.findall(text):
        if _FILE.fullmatch(span):
            known = (
                span in files
                if "/" not in span
                else any((at / span).is_file() for at in (ROOT, SOURCE, ROOT / "tests"))
            )
        elif _FOLDER.fullmatch(span) and (FOLDERS[0].parent / span.split("/")[0]).is_dir():
            known = (ROOT / span).is_dir()
        elif _MODULE.fullmatch(span) and not span.endswith((".yaml", ".dev")):
            known = importlib.util.find_spec(span) is not None
        elif _NAME.fullmatch(span):
            known = span in words or span in own
        else:
            continue
        if not known:
            found.append(span)
    return found


def unexplained(text: str) -> list[str]:
    """Abbreviations that stand in prose with nothing before them that spells them out."""
    paragraphs = re.sub(r'`[^`\n]+`|"[^"\n]+"', "", text).replace("-", " ").split("\n\n")
    found = []
    for short, long in LONG.items():
        first = next((number for number, part in enumerate(paragraphs) if re.search(rf"\b{short}\b", part)), None)
        if first is not None and long not in " ".join("".join(paragraphs[: first + 1]).lower().split()):
            found.append(short)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_in_the_project(page: Path) -> None:
    assert missing(prose(page), own=" ".join(text for _, text in fences(page))) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_abbreviations_are_spelled_out_where_they_first_stand(page: Path) -> None:
    assert unexplained(prose(page)) == []


def test_a_stale_name_would_be_found() -> None:
    stale = ["acksm.moon", "guide/moon.py", "moon.py", "src/moon/", "moon" + "_objects"]
    assert missing("".join(f"`{name}` " for name in stale)) == stale
    assert (
        missing("`acksm.engine.lease`, `guide/cleanup/repair.py`, `src/acksm/engine/`, `acksm.yaml`, `find_spec`") == []
    )


def test_an_abbreviation_alone_would_be_found() -> None:
    assert unexplained("CARM and\n\ncross account resource management") == ["CARM"]
    assert unexplained("`CARM`, IAM roles for\nservice accounts (IRSA)\n\nIRSA") == []


STEPS = ["adopt", "carm", "cleanup", "connect", "doctor", "iam-role", "install", "oidc", "region", "samples", "status"]


@pytest.mark.parametrize("page", [*STEPS, "plans", "start", "data-scientist", "troubleshooting", "ci"])
def test_a_page_begins_with_the_task_and_one_command(page: str) -> None:
    """The guide's section, where there is one, stands alone below the title: the site puts it to the side."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    _, first, second, *_ = text.split("\n\n")
    assert re.fullmatch(r"\[Guide [\d., and]+\]\(guide-map\.md\)", first) is not None or page not in STEPS
    task = second if page in STEPS else first
    assert not re.match(r"Guide|\[Guide", task)
    opening = re.split(r"^## ", text, maxsplit=1, flags=re.M)[0]
    assert re.search(r"^```sh\n(.*\n)*?.*\b(acksm|kubectl) ", opening, re.M)


def cells(text: str, column: int) -> set[str]:
    """The code spans in a column of the tables of `text`, counted from 0."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {span for row in rows if len(row) > column for span in re.findall("`([^`]+)`", row[column])}


def test_the_architecture_has_the_file_of_every_command_and_a_row_for_every_layer() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    commands = cells(text.partition("## Where a command is")[2].partition("\n## ")[0], 0)
    listed = {name.partition(" ")[0] for cell in commands for name in cell.split(", ")}
    assert listed == {name.partition(" ")[0] for name in click_group().commands}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = {name.strip() for line in contracts[0]["layers"] for name in line.split("|")}
    rows = cells(text.partition("## What belongs in each layer")[2].partition("\n## ")[0], 0)
    named = {f"acksm.{row.removesuffix('.py').strip('/').replace('/', '.')}" for row in rows}
    assert layers - named == set()
    assert {name for name in named if importlib.util.find_spec(name) is None} == set()
