"""How text looks on a terminal: which words have a colour, where a line may be wrapped, how wide a column is.

Pure functions over text; `acksm.ui` writes what they return.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

Piece = tuple[str, str]  # text, and the rich style it has
GAP = 2  # spaces between columns
_LINES = 2
_SIGNS = {"+": "green", "-": "red", "~": "yellow"}
_STATES = {"failed": "bold red", "warning": "yellow", "unknown": "yellow", "ok": "green", "skipped": "dim"}
_CHECK = re.compile(r"( {0,8})(failed|warning|unknown|ok|skipped)( {1,9})(check\.[a-z-]{1,60})( .{0,4000})?$")
_DIFF = re.compile(r" {0,8}([+~-])(?: |[^ ])")
_COMMAND = re.compile(r" {0,8}(remedy:|next:|replaces:|\$|acksm|kubectl|helm|aws) ")
_HEALTH = re.compile(r"(?<= )(UNHEALTHY|healthy|not installed)(?= {2}|$)")
_HEALTHS = {"UNHEALTHY": "bold red", "healthy": "green", "not installed": "dim"}
_HEADS = re.compile(
    r"(note:|warning:|kept:|not checked:|not deleted:|incomplete:|drift:|drift unknown:|first failed:|first warning:|"
    r"first unknown:|!) "
)
_HEAD_STYLES = {
    "warning:": "yellow",
    "not deleted:": "red",
    "incomplete:": "yellow",
    "drift:": "yellow",
    "drift unknown:": "yellow",
    "first failed:": "bold red",
    "first warning:": "yellow",
    "first unknown:": "yellow",
    "!": "bold red",
}


def painted(line: str, *, diff: bool = False) -> list[Piece]:
    """One line as pieces with styles. `diff`: it is a plan's, where signs at the start mean changes."""
    if diff:
        if line.startswith("# "):
            return [(line, "bold")]
        if sign := _DIFF.match(line):
            return [(line, _SIGNS[sign[1]])]
    if check := _CHECK.match(line):
        indent, state, space, name, rest = check.groups()
        return [(indent, ""), (state, _STATES[state]), (space, ""), (name, "dim"), (rest or "", "")]
    if head := _HEADS.match(line):
        return [(head[1], _HEAD_STYLES.get(head[1], "")), (line[len(head[1]) :], "")]
    if health := _HEALTH.search(line):
        return [(line[: health.start()], ""), (health[1], _HEALTHS[health[1]]), (line[health.end() :], "")]
    return [(line, "")]


def wrapped(line: str, width: int, *, diff: bool = False) -> list[str]:
    """A check, a note or an error, and each line of a plan (`diff`), wrapped between words, its further lines indented
    below its text; any other line, such as a command to be pasted, whole. No word is split: a terminal does that itself
    where one is longer than it."""
    if len(line) <= width:
        return [line]
    check, head = _CHECK.match(line), _HEADS.match(line)
    if check:
        text = len(line) - len((check[5] or "").lstrip())
        indent = text if text <= width // 2 else check.start(4) + 4
    elif head:
        indent = head.end()
    elif diff and not _COMMAND.match(line):
        indent = len(line) - len(line.lstrip(" +~-")) + GAP
    else:
        return [line]
    return hanging(line, width, indent)


def hanging(line: str, width: int, indent: int) -> list[str]:
    """`line` wrapped between words, its further lines indented by `indent` spaces."""
    return textwrap.wrap(
        line,
        max(width, indent + 10),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
        drop_whitespace=True,
    ) or [line]


def widths(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int, length: Callable[[str], int] = len
) -> list[int] | None:
    """The width of each column, so that the table fits in `width` and no word is split; None where that cannot be.

    Columns that need little get all of it; the others share what is left.
    """
    columns = list(zip(header, *rows, strict=True))
    whole = [max(length(line) for cell in column for line in cell.split("\n")) for column in columns]
    least = [max(length(word) for cell in column for word in _words(cell)) for column in columns]
    room = width - GAP * (len(columns) - 1) - sum(least)
    if room < 0:
        return None
    found = list(least)
    rest = sorted(range(len(columns)), key=lambda number: whole[number] - least[number])
    for position, number in enumerate(rest):
        more = min(whole[number] - least[number], room // (len(rest) - position))
        found[number] += more
        room -= more
    return found


def _words(cell: str) -> Iterator[str]:
    yield ""
    yield from cell.split()


def stacked(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A row below the other as NAME: VALUE, for a terminal that is too narrow for the columns; empty cells are left
    out."""
    indent = max(map(len, header)) + GAP
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        for name, cell in zip(header, row, strict=True):
            if cell:
                line = f"{name + ':' if name else '':{indent}}{' '.join(cell.split())}"
                lines += hanging(line, width, indent) if " " in cell.strip() else [line]
    return lines


def fitting(
    header: Sequence[str], rows: Sequence[Sequence[str]], width: int, drop: Sequence[str]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The table without as many columns of `drop`, first to last, as it takes to have hardly a cell of more than
    two lines in `width`."""
    for name in drop:
        found = widths(header, rows, width)
        if found and all(len(cell) <= _LINES * wide for row in rows for cell, wide in zip(row, found, strict=True)):
            break
        keep = [number for number, one in enumerate(header) if one != name]
        header, rows = [header[number] for number in keep], [[row[number] for number in keep] for row in rows]
    return header, rows
