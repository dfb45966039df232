"""Events: how code reports what it does. Only `acksm.ui` writes them anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from enum import StrEnum

from acksm.dataclass import dataclass
from acksm.json_types import Document


class Kind(StrEnum):
    """What an event is about; `ui` decides how it looks."""

    STEP = "step"  # a named piece of work starts
    PROGRESS = "progress"  # the thread's work in progress; `text` replaces the last one on a terminal, "" ends it
    DONE = "done"  # a change was applied, or a piece of work succeeded
    UP_TO_DATE = "up-to-date"  # nothing had to change
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Event:
    """One line of progress: `id` is stable (``sandbox.build``), `text` is for people, `data` for machines."""

    kind: Kind
    id: str
    text: str
    data: Document = field(default_factory=dict)


Emit = Callable[[Event], None]


def silent(_event: Event) -> None:
    """An `Emit` that drops everything."""
