"""What becomes of a command's plan before it is shown or carried out: `acksm plan` keeps it, `acksm apply` compares it.

A command knows nothing of this: its settings come from here instead of the command line when a plan file has them, and
the end of every command (guide/carry_out.py) hands its plan over.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from acksm import reports
from acksm.config import Settings
from acksm.engine.change import Plan


class Review(Protocol):
    """`settings` gives those that the command is to have, or None for the command line's own; `saw` gets its plan
    before the first write, and raises AcksmError to stop it."""

    def settings(self) -> Settings | None: ...

    def saw(self, plan: Plan, settings: Settings, target: reports.Target) -> None: ...


CURRENT: ContextVar[Review | None] = ContextVar("acksm_review", default=None)
