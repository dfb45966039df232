"""Output that is no terminal's: text as it is, without rich, whose import takes longer than writing a whole run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from acksm import look


def is_plain(stream: TextIO) -> bool:
    """Whether rich would write neither colours nor anything live to `stream` (rich, `Console.is_terminal`)."""
    forced = os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE") == "1"
    return not (forced or stream.isatty())


class Plain:
    """As much of rich's console as `acksm.ui` uses, for a stream that is `is_plain`."""

    is_interactive = False
    color_system = None

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.quiet = stream, False

    @property
    def encoding(self) -> str:
        return (getattr(self._stream, "encoding", "utf-8") or "utf-8").lower()

    def write(self, text: str) -> None:
        """`text`, at once; nothing where the reader has exited."""
        if self.quiet:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except BrokenPipeError:
            self.quiet = True
            unread(self._stream)


def unread(stream: TextIO) -> None:
    """The reader has exited: continue silently. The exit code says what the command did, not this."""
    if stream in {sys.__stdout__, sys.__stderr__}:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what is still buffered


def aligned(
    header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], length: Callable[[str], int]
) -> str | None:
    """The table with columns of `widths`, None where a cell does not fit or has several lines."""
    lines = []
    for row in (header, *rows):
        lengths = [length(cell) for cell in row]
        if not all(cell.isprintable() and used <= wide for cell, used, wide in zip(row, lengths, widths, strict=True)):
            return None
        cells = [cell + " " * (wide - used) for cell, used, wide in zip(row, lengths, widths, strict=True)]
        lines.append((" " * look.GAP).join(cells).rstrip())
    return "\n".join(lines)
