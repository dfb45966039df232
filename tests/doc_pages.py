"""The pages of the documentation, their prose and their anchors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from generator.markdown import slug

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^( *)(`{3,}|~{3,})([\w-]*)[^\n]*\n(.*?)^\1\2 *$", re.M | re.S)


@cache
def fences(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each fenced block."""
    return [(match[3], match[4]) for match in _FENCE.finditer(page.read_text("utf-8"))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    """Anchors of the page: of its headings, as GitHub makes them, and explicit ones."""
    found: set[str] = set(re.findall(r'<a id="([^"]+)"></a>', prose(page)))
    seen: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), re.M):
        name = slug(re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading))
        count = seen.get(name, 0)
        found.add(name if not count else f"{name}-{count}")
        seen[name] = count + 1
    return found


def navigation() -> list[str]:
    """The pages of the site's navigation, in its order, below docs/."""
    site = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
    return list(_pages_of(site["nav"]))


def _pages_of(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for inner in entry.values():
            yield from _pages_of(inner) if isinstance(inner, list) else [inner]
