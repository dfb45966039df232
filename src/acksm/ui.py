"""The only module that writes to the terminal. Result to stdout, everything else to stderr, both by rich.

On a terminal a live region shows the work in progress, a bar for each section of a plan and a line for each thread, and
a section that is complete is one line; elsewhere each applied change is a line, and a wait without news is repeated
within half a minute, so that a CI log moves. Symbols and colours are never the only signal (`acksm.look` has the
colours). Control characters in text from elsewhere are made visible, so that a chart or a log cannot steer the
terminal. rich handles FORCE_COLOR and TERM=dumb.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TextIO

from acksm import look
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.json_types import Document
from acksm.sections import Section, Sections
from acksm.words import counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

SCHEMA = "acksm.dev/report/v1"
QUIET_SECONDS = 24.0  # a log without a new line for longer gets a heartbeat, checked often enough to keep to 30 s
POLL_SECONDS = 5.0
_REVIEW_FIRST = "review the plan with --dry-run, then "
_MARK = {
    Kind.STEP: "▸",
    Kind.DONE: "✓",
    Kind.UP_TO_DATE: "✓",
    Kind.NOTE: "note:",
    Kind.WARNING: "warning:",
    Kind.FAILED: "✗",
}
_STYLE = {Kind.STEP: "bold", Kind.DONE: "green", Kind.UP_TO_DATE: "dim", Kind.WARNING: "yellow", Kind.FAILED: "red"}
_ENDS_WORK = {Kind.STEP, Kind.DONE, Kind.UP_TO_DATE, Kind.FAILED}
# What acksm itself writes beyond ASCII, for streams that cannot have it.
_ASCII = str.maketrans({"▸": ">", "✓": "+", "✗": "x", "…": "...", "→": "->", "≥": ">=", "“": '"', "”": '"', "–": "-"})
# Format characters that reorder or end a line on many terminals; joiners are kept, scripts and emoji need them.
_STEERING = {
    *"\u061c\u200e\u200f\u2028\u2029\ufeff",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})? s\b")


def clean(text: str) -> str:
    """`text` with every character that could steer a terminal replaced by U+FFFD; newline and tab are kept."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    return character in _STEERING or (character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"})


def _console(stream: TextIO) -> Console:
    """A rich console on `stream`. Live output is for real terminals only, whatever FORCE_COLOR says."""
    from rich.console import Console

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            """The reader has exited: continue silently. The exit code says what the command did, not this."""
            self.quiet = True
            if stream in {sys.__stdout__, sys.__stderr__}:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what is still buffered

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


@dataclass(frozen=True)
class _Work:
    """What a thread is doing, and since when (seconds by the clock)."""

    text: str
    since: float


@dataclass
class Ui:
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
        # Never changed in place: rich's refreshing thread reads it without the lock.
        self._working: Mapping[threading.Thread, _Work] = {}
        self._sections = Sections()
        self._written_at = self.clock()
        self._live: Live | None = None
        self._heart: threading.Event | None = None

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
            of_plan = "step" in event.data
            if event.kind is Kind.PROGRESS:
                if "live" in event.data and not self._err.is_interactive:
                    return  # a clock
                if of_plan:
                    self._sections.started(event.data, self.clock())
                self._progress(text, silently=of_plan and not self.verbose)
                return
            if event.kind in _ENDS_WORK:
                self._works("")
                complete = self._sections.ended(event.data, self.clock()) if of_plan else None
                if self._live is not None:
                    self._live.refresh()
                if of_plan and self._err.is_interactive and not self.verbose and int(event.data["of"]) > 1:
                    if complete:
                        self._err.print(self._bar(complete, _MARK[Kind.DONE]))
                        self._written_at = self.clock()
                    return
            if event.id == "interrupt" and self._err.is_interactive:
                self._write(self._err, "")  # the terminal has just shown ^C
            mark = _MARK[event.kind]
            self._say(f"{mark} {text}", _STYLE.get(event.kind, ""), indent=len(mark) + 1)

    def _progress(self, text: str, *, silently: bool = False) -> None:
        """`silently`: no line of its own where there is no live region, as its end will have one."""
        before = self._working.get(threading.current_thread())
        self._works(text)
        if not text:
            return
        if self._err.is_interactive:
            self._show_live()
            return
        if silently:
            self._start_heart()
            return
        same = before is not None and _SECONDS.sub("", before.text) == _SECONDS.sub("", text)
        if not same or self.clock() - self._written_at >= QUIET_SECONDS:
            self._say(f"  {text}")
        self._start_heart()

    def _works(self, text: str) -> None:
        """Record what this thread is doing ("" for nothing), and drop threads that have ended."""
        me = threading.current_thread()
        others = {thread: work for thread, work in self._working.items() if thread is not me and thread.is_alive()}
        before = self._working.get(me)
        mine = {me: _Work(text, before.since if before else self.clock())} if text else {}
        self._working = {**others, **mine}

    def _show_live(self) -> None:
        if self._live is None:
            from rich.live import Live

            self._live = Live(
                console=self._err,
                get_renderable=self._region,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            atexit.register(self._rest)  # rich hides the cursor; it is shown again whatever happens
        self._live.refresh()

    def _region(self) -> RenderableType:
        """A line for each thread at work, cut to the width of the terminal."""
        from rich.console import Group
        from rich.text import Text

        lines = [
            f"… {work.text.splitlines()[0]} ({self.clock() - work.since:.0f} s)" for work in self._working.values()
        ]
        bars = [self._bar(section, "…") for section in list(self._sections.open.values()) if section.of > 1]
        return Group(*bars, *(Text(self._fit(self._err, line), no_wrap=True, overflow="ellipsis") for line in lines))

    def _bar(self, section: Section, mark: str) -> RenderableType:
        """ "✓ CRDs  ━━━━━━━━━━  30/30  1.1 s"."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(
            self._fit(self._err, f"{mark} {section.title:14}"),
            ProgressBar(section.of, section.done, width=20),
            f"{section.done}/{section.of}",
            f"{self.clock() - section.since:.1f} s",
        )
        return grid

    def beat(self) -> None:
        """Repeat the work in progress when nothing was written for QUIET_SECONDS. Called by a thread of its own."""
        with self._lock:
            now = self.clock()
            if now - self._written_at < QUIET_SECONDS:
                return
            for thread, work in self._working.items():
                if thread.is_alive():
                    self._say(f"  {work.text} ({now - work.since:.0f} s)")

    def _start_heart(self) -> None:
        if self._heart is None:
            stop = self._heart = threading.Event()

            def run() -> None:
                while not stop.wait(POLL_SECONDS):
                    self.beat()

            threading.Thread(target=run, daemon=True, name="acksm-heartbeat").start()

    def _rest(self) -> None:
        """End the live region and the heartbeat; a section that is not complete is shown as far as it came."""
        self._working = {}
        unfinished = [section for section in self._sections.open.values() if section.of > 1]
        self._sections = Sections()
        if self._err.is_interactive and not self.verbose and not self.quiet:
            for section in unfinished:
                self._err.print(self._bar(section, _MARK[Kind.FAILED]))
        if self._live is not None:
            self._live.stop()
            atexit.unregister(self._rest)
            self._live = None
        if self._heart is not None:
            self._heart.set()
            self._heart = None

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
        self._written_at = self.clock()

    def debug(self, text: str) -> None:
        """A line of `acksm.trace` on stderr."""
        with self._lock:
            self._say(clean(text), "dim")

    def show(self, text: str) -> None:
        """Text for people on stderr (a plan before a question, the line that says what comes next)."""
        with self._lock:
            if text:
                self._text(self._err, clean(text), diff=True)
                self._written_at = self.clock()

    def verbatim(self, text: str) -> None:
        """`text` on stdout for the program that reads it, in every output format (an ExecCredential for kubectl)."""
        with self._lock:
            self._rest()
            self._write(self._out, text)

    def result(self, command: str, data: Document, text: str, exit_code: int = 0) -> None:
        """The command's result on stdout: `text`, or `data` as the report document (docs/schemas/report.json)."""
        with self._lock:
            self._rest()
            envelope = {"schema": SCHEMA, "command": command, "exit_code": exit_code, "error": None}
            if self._is_document:
                self._document({**envelope, **data, **envelope})
            elif text:
                self._text(self._out, clean(text).rstrip("\n"), diff=bool(data.get("dry_run")))

    def changed(self, command: str, data: Document, text: str, lines: Sequence[str], exit_code: int = 0) -> None:
        """A new state of what is watched. A terminal shows `text` instead of the last one, anything else gets `lines`,
        what is new in it; json is one document per line, yaml one after each `---`."""
        with self._lock:
            self._rest()
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
            self._rest()
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
        import io

        from rich.cells import cell_len
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        rows = [[clean(cell) for cell in row] for row in rows]
        limited = self._out.is_interactive and self.output != "wide"
        width = self._out.width if limited else 100_000
        if limited:
            header, rows = look.fitting(header, rows, width, drop)
        found = look.widths(header, rows, width, cell_len)
        if found is None:
            return "\n".join(look.stacked(header, rows, width))
        table = Table(box=None, pad_edge=False, padding=(0, look.GAP, 0, 0), header_style="")
        for name, wide in zip(header, found, strict=True):
            table.add_column(name, overflow="fold", width=wide)
        for row in rows:
            table.add_row(*map(Text, row))
        console = Console(file=io.StringIO(), width=200_000, color_system=None, legacy_windows=False)
        with console.capture() as captured:
            console.print(table)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())

    def choose(self, question: str, count: int, *, yes: bool, flag: str = "--yes") -> list[int]:
        """Ask which of `count` numbered items are meant; with `yes` all. Errors: those of `confirm`."""
        if yes:
            return list(range(count))
        remedy = f"{_REVIEW_FIRST}run it again with {flag}"
        answer = self._ask(question, "[all, none, or numbers such as 1,3-5]", remedy)
        try:
            found = chosen(answer, count)
        except ValueError:
            message = f'"{answer.strip()}" is not a selection from 1 to {count}; nothing was changed'
            raise AcksmError("not-confirmed", message) from None
        if not found:
            raise AcksmError("not-confirmed", "nothing was selected; nothing was changed")
        return found

    def confirm_name(self, question: str, name: str, *, given: str, before: str = _REVIEW_FIRST) -> None:
        """Ask for `name` to be typed, unless it was `given`. Errors: `needs-confirmation`, `not-confirmed`."""
        if not given:
            remedy = f"{before}run it again with --confirm {name}"
            given = self._ask(question, f"Type {name} to confirm:", remedy).strip()
        if given != name:
            raise AcksmError("not-confirmed", f'not confirmed: expected "{name}", got "{given}"; nothing was changed')

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes", before: str = _REVIEW_FIRST) -> None:
        """Ask, unless `yes`. Errors: `not-confirmed` for anything but y, and `needs-confirmation` where no one can
        answer; its remedy begins with what to do `before` the command is run again."""
        if yes:
            return
        answer = self._ask(question, "[y/N]", f"{before}run it again with {flag}")
        if answer.strip().lower() not in {"y", "yes"}:
            raise AcksmError("not-confirmed", "not confirmed; nothing was changed")

    def ask(self, question: str, default: str = "") -> str:
        """A line of text, or `default` for an empty one. Errors: `needs-confirmation`, `not-confirmed` where the input
        ends."""
        answer = self._ask(f"{question} [{default}]:" if default else f"{question}:", "", "give it as an option")
        if not answer:
            raise AcksmError("not-confirmed", "the input ended; nothing was changed")
        return answer.strip() or default

    def is_text(self) -> bool:
        """Whether the result is text for people, and no document."""
        return self.output == "text"

    def can_ask(self) -> bool:
        """Whether a person can answer."""
        return not self._silent()

    def _silent(self) -> list[str]:
        """Why no one can answer; [] where a person can."""
        streams = {"stdin": self.stdin, "stderr": self.stderr}
        reasons = ["CI is set"] if os.environ.get("CI") else []
        return reasons + [f"{name} is not a terminal" for name, stream in streams.items() if not stream.isatty()]

    def _ask(self, question: str, answers: str, remedy: str) -> str:
        """The line that a person answers. Error: `needs-confirmation` where no one can answer."""
        if reasons := self._silent():
            message = f"confirmation needed, but {reasons[-1]}: {question}"
            raise AcksmError("needs-confirmation", message, remedy=remedy)
        with self._lock:
            self._rest()
            self.stderr.write(self._fit(self._err, clean(f"{question} {answers}".rstrip() + " ")))
            self.stderr.flush()
        answer = self.stdin.readline()
        if not answer.endswith("\n"):
            self._write(self._err, "")  # Ctrl-D leaves the cursor behind the question
        return answer


def chosen(answer: str, count: int) -> list[int]:
    """Which of `count` items an answer means, from 0: "all", or numbers and ranges from 1 ("1,3-5"); [] for none.

    Anything else, and numbers beyond `count`, raise ValueError.
    """
    text = answer.strip().lower()
    if text in {"", "n", "no", "none"}:
        return []
    if text in {"a", "all", "y", "yes"}:
        return list(range(count))
    found: dict[int, None] = {}
    for part in re.split(r"[,\s]+", text):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last if dash else first)
        if not 1 <= low <= high <= count:
            raise ValueError(part)
        found |= dict.fromkeys(range(low - 1, high))
    return list(found)


def _indented(text: str) -> str:
    """Cleaned, its further lines indented, so that none of them can pass for a line of acksm's own."""
    return clean(text).rstrip("\n").replace("\n", "\n    ")
