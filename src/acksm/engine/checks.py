"""Checks: what was looked at, and whether it holds. An id begins with `check.` and is in the catalogue.

A list of definitions is judged over facts that were read before; a check whose need does not hold is skipped and says
so, for what it would say follows from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar

from acksm import reports
from acksm.errors import AcksmError

Facts = TypeVar("Facts")


class State(StrEnum):
    """`UNKNOWN`: it could not be looked at, which proves nothing. `WARNING`: it works, and may not stay so.
    `SKIPPED`: it does not apply, or what it needs does not hold."""

    OK = "ok"
    SKIPPED = "skipped"
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
        if self.state in {State.OK, State.SKIPPED}:
            return ""
        from acksm.catalog import lookup

        return self.remedy or lookup(self.id).remedy


def worst(checks: Iterable[Check]) -> State:
    """The worst state of all; OK for none."""
    order = list(State)
    return max((check.state for check in checks), key=order.index, default=State.OK)


class Severity(StrEnum):
    """What a check that does not hold means: `ERROR` ends with exit code 3, `WARNING` does not."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Definition(Generic[Facts]):
    """A check as data. `look` judges facts that are there already; `needs` are ids that have to hold first; `fixes`
    are ids of changes that are its remedy and are safe."""

    id: str
    category: str
    severity: Severity
    look: Callable[[Facts], Iterable[Check]]
    needs: tuple[str, ...] = ()
    fixes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Result:
    """One answer of a definition; a definition may have several, for several objects. `category`, `severity`: its."""

    check: Check
    category: str
    severity: Severity
    fixes: frozenset[str] = frozenset()

    def as_data(self) -> reports.DoctorCheck:
        return {
            "category": self.category,
            "severity": str(self.severity),
            "anchor": f"errors.md#{self.check.id}",
            **self.check.as_data(),
        }


def judge(definitions: Sequence[Definition[Facts]], facts: Facts) -> list[Result]:
    """Every definition over `facts`, in their order. A need has to stand before what needs it (KeyError: a defect)."""
    holds: dict[str, str] = {}  # id -> "" or why it does not hold
    results = []
    for item in definitions:
        failed = next((need for need in item.needs if holds[need]), "")
        if failed:
            found = [Check(item.id, State.SKIPPED, "", holds[failed])]
            holds[item.id] = holds[failed]
        else:
            found = [_capped(check, item.severity) for check in item.look(facts)]
            found = found or [Check(item.id, State.SKIPPED, "", "there is nothing to look at")]
            holds[item.id] = _why_not(item, found)
        results += [Result(check, item.category, item.severity, item.fixes) for check in found]
    return results


def _capped(check: Check, severity: Severity) -> Check:
    """What breaks a check of severity WARNING is a warning."""
    broken = check.state is State.BROKEN and severity is Severity.WARNING
    return replace(check, state=State.WARNING) if broken else check


def _why_not(item: Definition[Facts], found: Sequence[Check]) -> str:
    """Why what needs it cannot be judged, "" when it can: at least one object of it is as it should be."""
    if any(check.state in {State.OK, State.WARNING} for check in found):
        return ""
    if found and all(check.state is State.SKIPPED for check in found):
        return found[0].text
    return f"needs {item.id}, which does not hold" if worst(found) is State.BROKEN else f"needs {item.id}, not known"


def unread(id: str, where: str, error: AcksmError) -> Check:
    """The check of something that could not be looked at."""
    return Check(id, State.UNKNOWN, where, f"{error.id}: {error.message}", error.remedy)


def broken(id: str, where: str, error: AcksmError) -> Check:
    """The check of something whose very error says that it does not hold."""
    return Check(id, State.BROKEN, error.where or where, f"{error.id}: {error.message}", error.remedy)
