"""A command in a terminal of its own, and what stands on the screen when it has ended."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path

import pyte

COLUMNS = 400  # no line is broken; pages and pictures do that
_ROWS = 1000  # nothing scrolls off
_COLOURS = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")


def run(line: str, environment: Mapping[str, str], directory: Path) -> tuple[str, int]:
    """Run a bash script: its last screen, as lines with ANSI colours, and its exit code."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    process = subprocess.Popen(
        ["/bin/bash", "-c", line],
        cwd=directory,
        env={**environment, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    while _readable(ours, 0.1) or process.poll() is None or _readable(ours, 0.1):
        if _readable(ours, 0):
            try:
                stream.feed(os.read(ours, 65536))
            except OSError:  # Linux says EIO once nobody has the other side open
                break
    os.close(ours)
    return _text(screen), process.wait()


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _text(screen: pyte.Screen) -> str:
    lines = [_line(screen.buffer[row]) for row in range(screen.cursor.y + 1)]
    return "\n".join(lines).strip("\n") + "\n"


def _line(cells: Mapping[int, pyte.screens.Char]) -> str:
    width = max((column + 1 for column, cell in cells.items() if cell.data.strip()), default=0)
    text, before = "", ""
    for column in range(width):
        codes = _codes(cells[column])
        if codes != before:
            text += f"\x1b[0{codes}m"
            before = codes
        text += cells[column].data
    return text + ("\x1b[0m" if before else "")


def _codes(cell: pyte.screens.Char) -> str:
    found = [str(code) for code, on in ((1, cell.bold), (3, cell.italics), (4, cell.underscore)) if on]
    if cell.fg.removeprefix("bright") in _COLOURS:
        found.append(str((90 if cell.fg.startswith("bright") else 30) + _COLOURS.index(cell.fg.removeprefix("bright"))))
    return "".join(f";{code}" for code in found)
