"""What can go wrong, as data: the one exception that a user may see.

The text of an id (title, cause, remedy) is in `acksm.catalog`; `acksm explain ID` prints it offline.
An error names where, what and the command that puts it right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acksm.exits import ExitCode
from acksm.json_types import Document, Json

if TYPE_CHECKING:
    from acksm import reports
    from acksm.catalog import Entry


LONGEST_MESSAGE = 4000  # characters: what others wrote may stand in it


class AcksmError(Exception):
    """An error told to the user in three parts: what is wrong, where, and the remedy.

    `id` is an entry of `acksm.catalog` (for example ``helm-missing``); the entry gives the exit code and,
    where `remedy` is empty, the remedy. `details` is JSON-serialisable and goes into `-o json` as it is.
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
        from acksm.catalog import lookup  # late: the catalogue is read only when something went wrong

        return lookup(self.id)

    @property
    def remedy(self) -> str:
        return self._remedy or self.entry.remedy

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
    """What a plan was made from has changed since by another acksm or helm: the command plans again, with these
    settings in the place of its own (what is left of its times, in seconds)."""

    def __init__(self, left: Mapping[str, float]) -> None:
        super().__init__("planning again")
        self.left = dict(left)
