"""The only module that writes to the terminal. Result to stdout, everything else to stderr.

On a terminal one line shows what goes on and is replaced; elsewhere each change of state is a line. Symbols are never
the only signal. Control characters in text from elsewhere are made visible, so that a chart or a log cannot steer
the terminal.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from acksm.errors import AcksmError
from acksm.events import Event, Kind

SCHEMA = "acksm.dev/report/v1"
_MARK = {Kind.STEP: "▸", Kind.DONE: "✓", Kind.UP_TO_DATE: "=", Kind.NOTE: "i", Kind.WARNING: "!", Kind.FAILED: "✗"}
_ASCII = {Kind.STEP: ">", Kind.DONE: "+", Kind.UP_TO_DATE: "=", Kind.NOTE: "i", Kind.WARNING: "!", Kind.FAILED: "x"}
_COLOUR = {Kind.STEP: "1", Kind.DONE: "32", Kind.UP_TO_DATE: "2", Kind.WARNING: "33", Kind.FAILED: "31"}


def clean(text: str) -> str:
    """`text` with control characters other than newline and tab replaced by U+FFFD."""
    return "".join(c if c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160) else "�" for c in text)


def _wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        return False
    return bool(environment.get("FORCE_COLOR")) or stream.isatty()


@dataclass
class Ui:
    """Writes events, results and errors. `output` is text, json or yaml; in the last two stdout is one document."""

    output: str = "text"
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._live = ""
        self._began = time.monotonic()
        self._colour = _wants_colour(self.stderr, self.environment)
        self._is_terminal = self.stderr.isatty() and not self.environment.get("CI")
        unicode = "utf" in (getattr(self.stderr, "encoding", "") or "").lower()
        self._marks = _MARK if unicode else _ASCII

    def emit(self, event: Event) -> None:
        """Show one event on stderr."""
        with self._lock:
            text = clean(event.text)
            if event.kind is Kind.PROGRESS:
                self._progress(text)
                return
            self._wipe()
            line = f"{self._marks[event.kind]} {text}"
            colour = _COLOUR.get(event.kind)
            self._write(f"\x1b[{colour}m{line}\x1b[0m" if self._colour and colour else line)

    def _progress(self, text: str) -> None:
        if self._is_terminal:
            width = max(20, int(self.environment.get("COLUMNS") or _columns()) - 12)
            self._wipe()
            self._live = f"… {text.splitlines()[0][:width] if text else ''} ({time.monotonic() - self._began:.0f} s)"
            self.stderr.write(self._live)
            self.stderr.flush()
        elif text != self._live:
            self._live = text
            self._write(f"  {text}")

    def _wipe(self) -> None:
        if self._is_terminal and self._live:
            self.stderr.write("\r\x1b[2K")
            self._live = ""

    def _write(self, line: str) -> None:
        try:
            self.stderr.write(line + "\n")
        except UnicodeEncodeError:
            self.stderr.write(line.encode("ascii", "replace").decode() + "\n")
        self.stderr.flush()

    def show(self, text: str) -> None:
        """Text for people on stderr (a plan before a question, the line that says what comes next)."""
        with self._lock:
            self._wipe()
            if text:
                self._write(clean(text))

    def result(self, command: str, data: Mapping[str, Any], text: str, exit_code: int = 0) -> None:
        """The command's result on stdout: `text`, or `data` as the report document (docs/schemas/report.json)."""
        with self._lock:
            self._wipe()
            if self.output == "text":
                if text:
                    self.stdout.write(clean(text).rstrip("\n") + "\n")
            else:
                self._document({"schema": SCHEMA, "command": command, "exit_code": exit_code, "error": None, **data})
            self.stdout.flush()

    def error(self, command: str, error: AcksmError) -> None:
        """An error: three lines on stderr, and in json and yaml the report document with `error` on stdout too."""
        with self._lock:
            self._wipe()
            red, bold, off = ("\x1b[31m", "\x1b[1m", "\x1b[0m") if self._colour else ("", "", "")
            self._write(f"{red}error[{error.id}]{off} {bold}{clean(error.message)}{off}")
            if error.where:
                self._write(f"  where:  {clean(error.where)}")
            for line in error.details.get("diff", []):
                self._write(f"    {clean(str(line))}")
            self._write(f"  remedy: {clean(error.remedy)}")
            self._write(f"  more:   acksm explain {error.id}")
            made = len(error.details.get("done", []))
            if made:
                self._write(f"  {made} changes were made before it; the same command goes on there")
            if self.output != "text":
                self._document(
                    {"schema": SCHEMA, "command": command, "exit_code": int(error.exit_code), "error": error.as_data()}
                )

    def _document(self, document: Mapping[str, Any]) -> None:
        if self.output == "json":
            self.stdout.write(json.dumps(document, indent=2, default=str) + "\n")
        else:
            from ruamel.yaml import YAML

            yaml = YAML(typ="safe", pure=True)
            yaml.default_flow_style = False
            yaml.dump(json.loads(json.dumps(document, default=str)), self.stdout)
        self.stdout.flush()

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes") -> None:
        """Ask; raise `not-confirmed` for anything but y. No terminal and not `yes`: `needs-confirmation`, at once."""
        if yes:
            return
        if not (self.stdin.isatty() and self.stderr.isatty()) or self.environment.get("CI"):
            raise AcksmError(
                "needs-confirmation",
                f"{question} There is no terminal to ask on.",
                remedy=f"look at it with --dry-run, then run it again with {flag}",
            )
        with self._lock:
            self._wipe()
            self.stderr.write(f"{clean(question)} [y/N] ")
            self.stderr.flush()
        if self.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise AcksmError("not-confirmed", "nothing was changed")


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
