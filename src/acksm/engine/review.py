"""What is done with a command's plan before it is shown or applied: `acksm plan` saves it, `acksm apply` compares it.

A command knows nothing of this: its settings go through here, and the end of every command
(guide/connect/apply.py) hands its plan over.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from acksm.config import Resolved
from acksm.engine.change import Plan

if TYPE_CHECKING:
    from acksm import reports


class Review(Protocol):
    """`asks`: whether every plan is shown and has to be confirmed, even one without danger.

    `confirm` replaces the command's own answer to the question for the cluster's name. `resolved` returns the settings
    of the command, from `own`, the command line's, or elsewhere. `inspect` gets its plan before the first write, and
    raises AcksmError to stop it.
    """

    asks: bool
    confirm: str

    def resolved(self, own: Callable[[], Resolved]) -> Resolved: ...

    def inspect(self, plan: Plan, target: reports.Target) -> None: ...


CURRENT: ContextVar[Review | None] = ContextVar("acksm_review", default=None)
