"""The one exception that users see: what happened, where, and what to do.

The text of an id (title, cause, remedy) is in `acksm.catalog`; `acksm explain ID` prints it offline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acksm.exits import ExitCode
from acksm.json_types import Document, Json
from acksm.remedies import filled
from acksm.words import without_login

if TYPE_CHECKING:
    from acksm import reports
    from acksm.catalog import Entry


LONGEST_MESSAGE = 4000  # characters: a message may quote what others wrote


class AcksmError(Exception):
    """An error in three parts: what happened, where, and the remedy.

    `id` is an entry of `acksm.catalog` (for example ``helm-missing``); the entry gives the exit code and,
    where `remedy` is empty, the remedy. `details` is JSON-serialisable and is part of `-o json`.
    """

    def __init__(
        self,
        id: str,
        message: str,
        *,
        where: str = "",
        remedy: str = "",
        details: Document | None = None,
    ) -> None:
        message, where = without_login(message), without_login(where)
        message = message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + " …"
        super().__init__(message)
        self.id = id
        self.message = message
        self.where = where
        self._remedy = remedy
        self.details: Json = dict(details or {})

    @property
    def entry(self) -> Entry:
        """The catalogue's entry for this id."""
        from acksm.catalog import lookup  # late: the catalogue is imported only for an error

        return lookup(self.id)

    @property
    def remedy(self) -> str:
        return filled(self._remedy or self.entry.remedy, self.where)

    @property
    def exit_code(self) -> ExitCode:
        return self.entry.exit_code

    def as_data(self) -> reports.Error:
        """The `error` object of `-o json`: id, message, where, remedy, exit_code, details."""
        return {
            "id": self.id,
            "message": self.message,
            "where": self.where,
            "remedy": self.remedy,
            "exit_code": int(self.exit_code),
            "details": self.details,
        }


class OutdatedError(Exception):
    """Another acksm or helm changed what a plan was based on: the command plans again. `left` replaces its time
    settings (seconds that are left)."""

    def __init__(self, left: Mapping[str, float]) -> None:
        super().__init__("planning again")
        self.left = dict(left)
