"""What is asked, and which answers count. The writer is `acksm.ui.Ui`, which has `_ask`."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from typing import TextIO

from acksm.errors import AcksmError

_REVIEW_FIRST = "review the plan with --dry-run, then "


class Questions(ABC):
    """The questions of `acksm.output.Output`."""

    @abstractmethod
    def _ask(self, question: str, answers: str, remedy: str) -> str:
        """The line that a person answers. Error: `needs-confirmation` where no one can answer."""

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


def silent(stdin: TextIO, stderr: TextIO) -> list[str]:
    """Why no one can answer; [] where a person can."""
    reasons = ["CI is set"] if os.environ.get("CI") else []
    streams = {"stdin": stdin, "stderr": stderr}
    return reasons + [f"{name} is not a terminal" for name, stream in streams.items() if not stream.isatty()]


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
