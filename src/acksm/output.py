"""What a command writes to: events while it works, questions, and one result. `acksm.ui.Ui` is the terminal's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from acksm.events import Event
from acksm.json_types import Document


class Table(Protocol):
    """`Output.table`, for functions that make text."""

    def __call__(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, drop: Sequence[str] = ()) -> str: ...


class Output(Protocol):
    """The writer that a command gets. Only `acksm.ui` writes anywhere."""

    def emit(self, event: Event, /) -> None:
        """Show one event; the `Emit` that is passed to code that only reports."""

    def show(self, text: str) -> None:
        """Text for people other than the result: a plan before a question, the next command."""

    def result(self, command: str, data: Document, text: str, exit_code: int = 0) -> None:
        """The command's one result: `text` for people, `data` the report document (docs/schemas/report.json)."""

    def changed(self, command: str, data: Document, text: str, lines: Sequence[str], exit_code: int = 0) -> None:
        """A new state of what is watched; `lines` are what is new in it."""

    def verbatim(self, text: str) -> None:
        """`text` on stdout for the program that reads it, in every output format."""

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, drop: Sequence[str] = ()) -> str:
        """Aligned columns, as text for `result`; `drop` are those that a narrow terminal lacks, first to last."""

    def ask(self, question: str, default: str = "") -> str:
        """A line of text, or `default`. Errors: `needs-confirmation`, `not-confirmed`."""

    def is_text(self) -> bool:
        """Whether the result is text for people, and no document."""

    def can_ask(self) -> bool:
        """Whether a person can answer."""

    def choose(self, question: str, count: int, *, yes: bool, flag: str = "--yes") -> list[int]:
        """Which of `count` items are meant, from 0. Errors: `needs-confirmation`, `not-confirmed`."""

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes", before: str = ...) -> None:
        """Ask y/N. Errors: `needs-confirmation`, `not-confirmed`."""

    def confirm_name(self, question: str, name: str, *, given: str, before: str = ...) -> None:
        """Ask for `name` to be typed, unless it was `given`. Errors: `needs-confirmation`, `not-confirmed`."""
