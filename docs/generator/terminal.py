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

COLUMNS = 100
_ROWS = 2000  # nothing scrolls off
_COLOURS = {
    name: number
    for number, name in enumerate(["black", "red", "green", "brown", "blue", "magenta", "cyan", "white"])
}


def run(line: str, environment: Mapping[str, str], directory: Path, answers: str = "") -> tuple[str, int]:
    """Run a shell line with `answers` typed at its questions: the screen as text with ANSI colours, and the exit code."""
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, COLUMNS, 0, 0))
    screen = pyte.Screen(COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    process = subprocess.Popen(
        ["bash", "-c", line], cwd=directory, env=dict(environment), stdin=side, stdout=side, stderr=side,
        start_new_session=True,
    )
    os.close(side)
    if answers:
        os.write(main, answers.encode())
    while True:
        ready, _, _ = select.select([main], [], [], 0.2)
        if ready:
            try:
                data = os.read(main, 65536)
            except OSError:  # Linux says EIO once nobody has the other side open
                break
            if not data:
                break
            stream.feed(data)
        elif process.poll() is not None:
            break
    os.close(main)
    return _text(screen), process.wait()


def _text(screen: pyte.Screen) -> str:
    lines = []
    for row in range(screen.cursor.y + 1):
        cells = screen.buffer[row]
        width = max((column + 1 for column, cell in cells.items() if cell.data.strip()), default=0)
        line, before = "", ""
        for column in range(width):
            cell = cells[column]
            codes = _codes(cell)
            if codes != before:
                line += f"\x1b[0{codes}m" if codes or before else ""
                before = codes
            line += cell.data
        lines.append(line + ("\x1b[0m" if before else ""))
    return "\n".join(lines).strip("\n") + "\n"


def _codes(cell: pyte.screens.Char) -> str:
    found = [str(code) for code, on in ((1, cell.bold), (3, cell.italics), (4, cell.underscore)) if on]
    if cell.fg in _COLOURS:
        found.append(str(30 + _COLOURS[cell.fg]))
    elif cell.fg.startswith("bright"):
        found.append(str(90 + _COLOURS[cell.fg.removeprefix("bright")]))
    return "".join(f";{code}" for code in found)
