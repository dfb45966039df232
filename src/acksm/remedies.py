"""Remedies with the names of a run: `acksm …` in one is the command as it was typed.

The command line (`acksm.cli.remedies`) says how that is filled in. Without a command, as in `acksm explain`, a remedy
is as the catalogue has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

KNOWN: ContextVar[Mapping[str, str]] = ContextVar("acksm_known", default={})  # noqa: B039 (never changed)
FILL: ContextVar[Callable[[str], str] | None] = ContextVar("acksm_remedies", default=None)


def filled(text: str) -> str:
    """`text` as the user of this run can paste it; the same once it is."""
    fill = FILL.get()
    return fill(text) if fill else text
