"""Writes the pages that are generated from the code, or with --check says which of them are out of date.

A new page is a function in docs/generator and a line in PAGES. Nothing here depends on the terminal or the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from generator import charts, errors, kinds, pictures, reference, schemas

DOCS = Path(__file__).parent
PAGES: dict[str, Callable[[], str]] = {
    "reference.md": reference.page,
    "errors.md": errors.page,
    "charts.md": charts.page,
    "ack/kinds.md": kinds.page,
    "schemas/report.json": schemas.report,
    "schemas/settings.json": schemas.settings,
    "schemas/plan.json": schemas.plan_file,
    "schemas/fleet.json": schemas.fleet,
    **{f"pictures/{path.stem}.svg": partial(pictures.draw, path) for path in pictures.recorded(DOCS / "pictures")},
}


def differing() -> list[str]:
    """Pages that are missing or out of date."""
    return [name for name, make in PAGES.items() if _read(DOCS / name) != make()]


def complaints() -> list[str]:
    """What is missing in the code before the pages can be complete."""
    return [*schemas.complaints(), *reference.complaints()]


def main(arguments: Sequence[str]) -> int:
    """Write the pages; with --check only compare. 1 when a page differs or the code lacks something."""
    problems = [f"docs: {problem}" for problem in complaints()]
    if "--check" in arguments:
        problems += [f"docs/{name} is out of date; run `make docs`" for name in differing()]
    else:
        for name in differing():
            path = DOCS / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(PAGES[name](), encoding="utf-8")
            sys.stdout.write(f"wrote docs/{name}\n")
    for line in problems:
        sys.stderr.write(line + "\n")
    return 1 if problems else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
