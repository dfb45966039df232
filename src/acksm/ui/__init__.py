"""The only package that writes to the terminal. Result to stdout, everything else to stderr, on a terminal by rich.

On a terminal a live region shows the work in progress, a bar for each section of a plan and a line for each thread, and
a section that is complete is one line; elsewhere each applied change is a line, and a wait without news is repeated
within half a minute, so that a CI log moves. Symbols and colours are never the only signal (`acksm.look` has the
colours). Control characters in text from elsewhere are made visible, so that a chart or a log cannot steer the
terminal. rich handles FORCE_COLOR and TERM=dumb.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TextIO

from acksm import look
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.json_types import Document, Untyped
from acksm.ui.plain import Plain, aligned, is_plain, unread
from acksm.ui.progress import DONE, FAILED, POLL_SECONDS, QUIET_SECONDS, Progress
from acksm.ui.questions import Questions, chosen, silent
from acksm.words import counted

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["POLL_SECONDS", "QUIET_SECONDS", "SCHEMA", "Ui", "chosen", "clean"]
SCHEMA = "acksm.dev/report/v1"
_MARK = {
    Kind.STEP: "▸",
    Kind.DONE: DONE,
    Kind.UP_TO_DATE: "✓",
    Kind.NOTE: "note:",
    Kind.WARNING: "warning:",
    Kind.FAILED: FAILED,
}
_STYLE = {Kind.STEP: "bold", Kind.DONE: "green", Kind.UP_TO_DATE: "dim", Kind.WARNING: "yellow", Kind.FAILED: "red"}
_ENDS_WORK = {Kind.STEP, Kind.DONE, Kind.UP_TO_DATE, Kind.FAILED}
# What acksm itself writes beyond ASCII, for streams that cannot have it.
_ASCII = str.maketrans({"▸": ">", "✓": "+", "✗": "x", "…": "...", "→": "->", "≥": ">=", "“": '"', "”": '"', "–": "-"})
# Controls but newline and tab, halves of characters, and format characters that reorder or end a line on many
# terminals; joiners are kept, scripts and emoji need them.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def clean(text: str) -> str:
    """`text` with every character that could steer a terminal replaced by U+FFFD; newline and tab are kept."""
    return _STEERING.sub("\ufffd", text)


def _console(stream: TextIO) -> Console:
    """A rich console on `stream`, or `Plain`. Live output is for real terminals only, whatever FORCE_COLOR says."""
    if is_plain(stream):
        plain: Untyped = Plain(stream)  # nothing else of a console is used of it
        return plain  # type: ignore[no-any-return]
    from rich.console import Console

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            unread(stream)

    interactive = None if stream.isatty() and not os.environ.get("CI") else False
    # rich keeps bold with NO_COLOR; without a colour system it writes no style at all (https://no-color.org)
    colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return Pipe(
        file=stream,
        force_interactive=interactive,
        force_jupyter=False,
        color_system=colours,
        highlight=False,
        markup=False,
    )


@dataclass
class Ui(Questions):
    """Writes events, results and errors. `output` is text, json or yaml; in the last two stdout is one document.
    `wide` is text whose tables have all their columns. `quiet` leaves out every event but warnings and failures,
    `verbose` adds each change that a section is made of."""

    output: str = "text"
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    clock: Callable[[], float] = time.monotonic
    quiet: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._progress = Progress(
            lambda: self._err,
            lambda text: self._fit(self._err, text),
            self._say,
            self.clock,
            self._lock,
            bars=not self.verbose and not self.quiet,
        )

    @cached_property
    def _out(self) -> Console:
        return _console(self.stdout)

    @cached_property
    def _err(self) -> Console:
        return _console(self.stderr)

    @property
    def _is_document(self) -> bool:
        return self.output in {"json", "yaml"}

    # events

    def emit(self, event: Event) -> None:
        """Show one event on stderr. A PROGRESS without text means that the thread's work has ended."""
        if self.quiet and event.kind not in {Kind.WARNING, Kind.FAILED}:
            return
        text = clean(event.text)
        with self._lock:
            if "cluster" in event.data and self._err.is_interactive:
                self._progress.cluster(event.data, clean(str(event.data.get("line", ""))))
                if event.kind is not Kind.FAILED and event.kind is not Kind.WARNING:
                    return
            of_plan = "step" in event.data
            if event.kind is Kind.PROGRESS:
                if "live" in event.data and not self._err.is_interactive:
                    return  # a clock
                if of_plan:
                    self._progress.started(event.data)
                self._progress.now(text, silently=of_plan and not self.verbose)
                return
            if event.kind in _ENDS_WORK:
                complete = self._progress.ended(event.data if of_plan else None)
                if of_plan and self._err.is_interactive and not self.verbose and int(event.data["of"]) > 1:
                    if complete:
                        self._err.print(self._progress.bar(complete, DONE))
                        self._progress.said_at = self.clock()
                    return
            if event.id == "interrupt" and self._err.is_interactive:
                self._write(self._err, "")  # the terminal has just shown ^C
            mark = _MARK[event.kind]
            self._say(f"{mark} {text}", _STYLE.get(event.kind, ""), indent=len(mark) + 1)

    # writing

    def _fit(self, console: Console, text: str) -> str:
        """`text` in the characters of the stream's encoding."""
        encoding = console.encoding
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
        return text

    def _write(self, console: Console, text: str, style: str = "") -> None:
        """Unwrapped text, coloured by `style` only, tabs kept."""
        self._write_pieces(console, [(text, style)])

    def _write_pieces(self, console: Console, pieces: Sequence[look.Piece]) -> None:
        if isinstance(console, Plain):
            console.write("".join(self._fit(console, text) for text, _ in pieces) + "\n")
            return
        from rich.segment import Segment, Segments

        body = [
            Segment(self._fit(console, text), console.get_style(style) if style else None) for text, style in pieces
        ]
        console.print(Segments([*body, Segment.line()]), crop=False)

    def _text(self, console: Console, text: str, *, diff: bool = False) -> None:
        """Text with the colours of `acksm.look`; on a terminal checks and notes are wrapped between words."""
        if console.color_system is None and not console.is_interactive:
            self._write(console, text)
            return
        pieces: list[look.Piece] = []
        for line in text.split("\n"):
            first, *others = look.wrapped(line, console.width, diff=diff) if console.is_interactive else [line]
            pieces += [("\n", ""), *look.painted(first, diff=diff), *((f"\n{other}", "") for other in others)]
        self._write_pieces(console, pieces[1:])

    def _say(self, text: str, style: str = "", *, indent: int | None = None) -> None:
        """With `indent`, wrapped between words on a terminal, its further lines indented by so many spaces."""
        if indent is not None and self._err.is_interactive:
            width = self._err.width
            text = "\n".join(part for line in text.split("\n") for part in look.hanging(line, width, indent))
        self._write(self._err, text, style)
        self._progress.said_at = self.clock()

    def debug(self, text: str) -> None:
        """A line of `acksm.trace` on stderr."""
        with self._lock:
            self._say(clean(text), "dim")

    def show(self, text: str) -> None:
        """Text for people on stderr (a plan before a question, the line that says what comes next)."""
        with self._lock:
            if text:
                self._text(self._err, clean(text), diff=True)
                self._progress.said_at = self.clock()

    def verbatim(self, text: str) -> None:
        """`text` on stdout for the program that reads it, in every output format (an ExecCredential for kubectl)."""
        with self._lock:
            self._progress.rest()
            self._write(self._out, text)

    def result(self, command: str, data: Document, text: str, exit_code: int = 0) -> None:
        """The command's result on stdout: `text`, or `data` as the report document (docs/schemas/report.json)."""
        with self._lock:
            self._progress.rest()
            envelope = {"schema": SCHEMA, "command": command, "exit_code": exit_code, "error": None}
            if self._is_document:
                self._document({**envelope, **data, **envelope})
            elif text:
                self._text(self._out, clean(text).rstrip("\n"), diff=bool(data.get("dry_run")))

    def changed(self, command: str, data: Document, text: str, lines: Sequence[str], exit_code: int = 0) -> None:
        """A new state of what is watched. A terminal shows `text` instead of the last one, anything else gets `lines`,
        what is new in it; json is one document per line, yaml one after each `---`."""
        with self._lock:
            self._progress.rest()
            document = {"schema": SCHEMA, "command": command, "exit_code": exit_code, "error": None, **data}
            if self.output == "json":
                self._write(self._out, json.dumps(document, default=str))
            elif self.output == "yaml":
                self._write(self._out, "---")
                self._document(document)
            elif self._out.is_interactive:
                self._out.clear()
                self._text(self._out, clean(text).rstrip("\n"))
            else:
                for line in lines:
                    self._write(self._out, clean(line).replace("\n", " "))
            self.stdout.flush()

    def error(self, command: str, error: AcksmError) -> None:
        """An error on stderr, and in json and yaml the report document with `error` on stdout too."""
        with self._lock:
            self._progress.rest()
            self._say(f"error[{error.id}] {_indented(error.message)}", "bold red", indent=4)
            if error.where:
                self._say(f"  where:  {_indented(error.where)}", indent=10)
            for line in error.details.get("diff", []):
                self._text(self._err, f"    {_indented(str(line))}", diff=True)
            self._say(f"  remedy: {_indented(error.remedy)}")
            self._say(f"  more:   acksm explain {error.id}")
            done = len(error.details.get("done", []))
            if done:
                hint = "" if error.id == "interrupted" else "; the same command continues from there"
                self._say(f"  done:   {counted(done, 'change')}{hint}")
            if self._is_document:
                self._document(
                    {"schema": SCHEMA, "command": command, "exit_code": int(error.exit_code), "error": error.as_data()}
                )

    def _document(self, document: Document) -> None:
        """JSON is ASCII. YAML keeps other letters unless something in it could steer a terminal."""
        if self.output == "json":
            self._write(self._out, json.dumps(document, indent=2, default=str))
            return
        import io

        from ruamel.yaml import YAML

        plain = json.dumps(document, default=str, ensure_ascii=False)
        stream, yaml = io.StringIO(), YAML(typ="safe", pure=True)
        yaml.default_flow_style, yaml.width = False, 4096
        yaml.allow_unicode = plain == clean(plain) == self._fit(self._out, plain)
        yaml.dump(json.loads(plain), stream)
        self._write(self._out, stream.getvalue().rstrip("\n"))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, drop: Sequence[str] = ()) -> str:
        """Aligned columns for `result`. A terminal gets a table that fits: without columns of `drop`, if it takes that,
        then with cells wrapped between words, then with one value a line. A pipe and `-o wide` get all of it."""
        from rich.cells import cell_len

        rows = [[clean(cell) for cell in row] for row in rows]
        limited = self._out.is_interactive and self.output != "wide"
        width = self._out.width if limited else 100_000
        if limited:
            header, rows = look.fitting(header, rows, width, drop)
        found = look.widths(header, rows, width, cell_len)
        if found is None:
            return "\n".join(look.stacked(header, rows, width))
        return aligned(header, rows, found, cell_len) or _folded(header, rows, found)

    def is_text(self) -> bool:
        """Whether the result is text for people, and no document."""
        return self.output == "text"

    def can_ask(self) -> bool:
        """Whether a person can answer."""
        return not silent(self.stdin, self.stderr)

    def _ask(self, question: str, answers: str, remedy: str) -> str:
        """The line that a person answers. Error: `needs-confirmation` where no one can answer."""
        if reasons := silent(self.stdin, self.stderr):
            message = f"confirmation needed, but {reasons[-1]}: {question}"
            raise AcksmError("needs-confirmation", message, remedy=remedy)
        with self._lock:
            self._progress.rest()
            self.stderr.write(self._fit(self._err, clean(f"{question} {answers}".rstrip() + " ")))
            self.stderr.flush()
        answer = self.stdin.readline()
        if not answer.endswith("\n"):
            self._write(self._err, "")  # Ctrl-D leaves the cursor behind the question
        return answer


def _indented(text: str) -> str:
    """Cleaned, its further lines indented, so that none of them can pass for a line of acksm's own."""
    return clean(text).rstrip("\n").replace("\n", "\n    ")


def _folded(header: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """The table with columns of `widths`, in which cells are wrapped."""
    import io

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, look.GAP, 0, 0), header_style="")
    for name, wide in zip(header, widths, strict=True):
        table.add_column(name, overflow="fold", width=wide)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(file=io.StringIO(), width=200_000, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
