"""What is under way, by thread and by section of a plan: a live region on a terminal, else lines and a heartbeat."""

from __future__ import annotations

import atexit
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.json_types import Document
from acksm.sections import Section, Sections
from acksm.ui.board import Board

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

QUIET_SECONDS = 24.0  # a log without a new line for longer gets a heartbeat, checked often enough to keep to 30 s
POLL_SECONDS = 5.0
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})? s\b")
DONE, UNDER_WAY, FAILED = "✓", "…", "✗"


@dataclass(frozen=True)
class _Work:
    """What a thread is doing, and since when (seconds by the clock)."""

    text: str
    since: float


class Progress:
    """Its methods are called by one thread at a time; `lock` is held for those of its own. `fit` puts text into the
    characters of the stream, `say` writes a line. `bars`: a section of a plan is a line."""

    def __init__(
        self,
        console: Callable[[], Console],
        fit: Callable[[str], str],
        say: Callable[[str], None],
        clock: Callable[[], float],
        lock: threading.RLock,
        *,
        bars: bool,
    ) -> None:
        self._console, self._fit, self._say, self._clock, self._lock, self._bars = console, fit, say, clock, lock, bars
        # Never changed in place: rich's refreshing thread reads it without the lock.
        self._working: Mapping[threading.Thread, _Work] = {}
        self._sections, self._board = Sections(), Board()
        self.said_at = clock()
        self._live: Live | None = None
        self._heart: threading.Event | None = None

    def started(self, data: Document) -> None:
        """A change of a plan is being applied."""
        self._sections.started(data, self._clock())

    def cluster(self, data: Document, line: str) -> None:
        """A cluster of a fleet has written a line, or ended; its row is shown until the region ends."""
        self._board = self._board.put(data, line, self._clock())
        self._show_live()

    def ended(self, data: Document | None) -> Section | None:
        """This thread's work has ended; `data` is of a change of a plan. Returns the section that it completes."""
        self._works("")
        complete = self._sections.ended(data, self._clock()) if data is not None else None
        if self._live is not None:
            self._live.refresh()
        return complete

    def now(self, text: str, *, silently: bool = False) -> None:
        """What this thread does, "" for nothing. `silently`: no line of its own where there is no live region, as its
        end will have one."""
        before = self._working.get(threading.current_thread())
        self._works(text)
        if not text:
            return
        if self._console().is_interactive:
            self._show_live()
            return
        if silently:
            self._start_heart()
            return
        same = before is not None and _SECONDS.sub("", before.text) == _SECONDS.sub("", text)
        if not same or self._clock() - self.said_at >= QUIET_SECONDS:
            self._say(f"  {text}")
        self._start_heart()

    def _works(self, text: str) -> None:
        """Record what this thread is doing ("" for nothing), and drop threads that have ended."""
        me = threading.current_thread()
        others = {thread: work for thread, work in self._working.items() if thread is not me and thread.is_alive()}
        before = self._working.get(me)
        mine = {me: _Work(text, before.since if before else self._clock())} if text else {}
        self._working = {**others, **mine}

    def _show_live(self) -> None:
        if self._live is None:
            from rich.live import Live

            self._live = Live(
                console=self._console(),
                get_renderable=self._region,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            atexit.register(self.rest)  # rich hides the cursor; it is shown again whatever happens
        self._live.refresh()

    def _region(self) -> RenderableType:
        """A row for each cluster, a line for each thread at work, cut to the size of the terminal."""
        from rich.console import Group
        from rich.text import Text

        lines = [
            f"{UNDER_WAY} {work.text.splitlines()[0]} ({self._clock() - work.since:.0f} s)"
            for work in self._working.values()
        ]
        board = self._board
        lines += board.lines(self._console().height - 1 - len(lines), self._clock()) if board.rows else []
        bars = [self.bar(section, UNDER_WAY) for section in list(self._sections.open.values()) if section.of > 1]
        return Group(*bars, *(Text(self._fit(line), no_wrap=True, overflow="ellipsis") for line in lines))

    def bar(self, section: Section, mark: str) -> RenderableType:
        """ "✓ CRDs  ━━━━━━━━━━  30/30  1.1 s"."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(
            self._fit(f"{mark} {section.title:14}"),
            ProgressBar(section.of, section.done, width=20),
            f"{section.done}/{section.of}",
            f"{self._clock() - section.since:.1f} s",
        )
        return grid

    def beat(self) -> None:
        """Repeat the work in progress when nothing was written for QUIET_SECONDS. Called by a thread of its own."""
        with self._lock:
            now = self._clock()
            if now - self.said_at < QUIET_SECONDS:
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

    def rest(self) -> None:
        """End the live region and the heartbeat; a section that is not complete is shown as far as it came."""
        self._working, self._board = {}, Board()
        unfinished = [section for section in self._sections.open.values() if section.of > 1]
        self._sections = Sections()
        if self._console().is_interactive and self._bars:
            for section in unfinished:
                self._console().print(self.bar(section, FAILED))
        if self._live is not None:
            self._live.stop()
            atexit.unregister(self.rest)
            self._live = None
        if self._heart is not None:
            self._heart.set()
            self._heart = None
