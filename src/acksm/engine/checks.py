"""Checks: what was looked at, and whether it holds. An id begins with `check.` and is in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from acksm import reports


class State(StrEnum):
    """`UNKNOWN`: it could not be looked at, which proves nothing. `WARNING`: it works, and may not stay so."""

    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """One thing looked at. `where` is the object, `text` what was found, `remedy` "" for the catalogue's."""

    id: str
    state: State
    where: str
    text: str = ""
    remedy: str = ""

    def as_data(self) -> reports.CheckResult:
        return {
            "id": self.id,
            "state": str(self.state),
            "where": self.where,
            "text": self.text,
            "remedy": self.told_remedy,
        }

    @property
    def told_remedy(self) -> str:
        """What puts it right; "" when nothing is to be put right."""
        if self.state is State.OK:
            return ""
        from acksm.catalog import lookup

        return self.remedy or lookup(self.id).remedy


def worst(checks: Iterable[Check]) -> State:
    """The worst state of all; OK for none."""
    order = list(State)
    return max((check.state for check in checks), key=order.index, default=State.OK)
