"""The little Markdown that the generated pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by docs/generate.py (`make docs`); changes made here are lost. -->"


def code(text: str) -> str:
    """`text` as a code span, whatever is in it."""
    fence = "``" if "`" in text else "`"
    pad = " " if fence == "``" else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar in a cell is escaped."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def slug(heading: str) -> str:
    """The anchor that GitHub and MkDocs give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchor(id: str) -> str:
    """An explicit anchor."""
    return f'<a id="{id}"></a>'


def heading_anchor(id: str) -> str:
    """An explicit anchor, where a heading of this text gets another one by itself; else nothing."""
    return "" if slug(id) == id else anchor(id)


def page(*parts: str) -> str:
    """The parts as a page."""
    return "\n\n".join(part for part in parts if part) + "\n"
