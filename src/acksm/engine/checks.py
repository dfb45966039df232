"""Checks and their states (docs/glossary.md#states). An id begins with `check.` and is in the catalogue.

Definitions are judged over facts that were read before. A check whose need failed is skipped, so that one cause is
reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.remedies import filled
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports

Facts = TypeVar("Facts")


class State(StrEnum):
    """From best to worst. `WARNING`: it works, and may stop working. `UNKNOWN`: it could not be checked, which proves
    nothing. `SKIPPED`: it does not apply, or a check that it needs failed."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    """One object checked: `where` names it, `text` says what was found, `remedy` is "" for the catalogue's."""

    id: str
    state: State
    where: str
    text: str = ""
    remedy: str = ""
    expected: bool = False
    """Unknown only because of what this run was not given, such as credentials of another account."""

    def as_data(self) -> reports.CheckResult:
        return {
            "id": self.id,
            "state": str(self.state),
            "where": self.where,
            "text": self.text,
            "remedy": self.effective_remedy,
        }

    @property
    def title(self) -> str:
        """What it checks, from the catalogue."""
        from acksm.catalog import lookup

        return lookup(self.id).title

    def detail(self, apart_from: str = "") -> str:
        """Where and what was found, after the title where that is a problem; `apart_from` is a place not to repeat."""
        problem = self.title if self.state not in {State.OK, State.SKIPPED} else ""
        where = self.where if self.where != apart_from else ""
        return ": ".join(part for part in (problem, where, self.text) if part)

    @property
    def effective_remedy(self) -> str:
        """Its own remedy or the catalogue's; "" for a state that needs none."""
        if self.state in {State.OK, State.SKIPPED}:
            return ""
        from acksm.catalog import lookup

        return filled(self.remedy or lookup(self.id).remedy, self.where)


def worst(checks: Iterable[Check]) -> State:
    """The worst state of all; OK for none."""
    order = list(State)
    return max((check.state for check in checks), key=order.index, default=State.OK)


class Severity(StrEnum):
    """`ERROR`: a failed check makes the exit code 3, an unknown one 7. `WARNING`: it is at most a warning."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Definition(Generic[Facts]):
    """A check as data. `look` judges facts that were read before; `needs` are ids of checks that must not have failed;
    `fixes` are ids of the changes that fix it."""

    id: str
    category: str
    severity: Severity
    look: Callable[[Facts], Iterable[Check]]
    needs: tuple[str, ...] = ()
    fixes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Result:
    """One check of a definition, with the definition's category and severity; there is one for each object."""

    check: Check
    category: str
    severity: Severity
    fixes: frozenset[str] = frozenset()
    needed: bool = False
    """Whether another check needs it."""

    def as_data(self) -> reports.DoctorCheck:
        return {
            "category": self.category,
            "severity": str(self.severity),
            "anchor": f"errors.md#{self.check.id}",
            **self.check.as_data(),
        }


def judge(definitions: Sequence[Definition[Facts]], facts: Facts) -> list[Result]:
    """The checks of every definition, in order. A need has to precede what needs it (KeyError: a defect)."""
    needs = {need for item in definitions for need in item.needs}
    blocked: dict[str, str] = {}  # id -> why checks that need it are skipped, or ""
    results = []
    for item in definitions:
        failed_need = next((need for need in item.needs if blocked[need]), "")
        if failed_need:
            found = [Check(item.id, State.SKIPPED, "", blocked[failed_need])]
            blocked[item.id] = blocked[failed_need]
        else:
            found = [_capped(check, item.severity) for check in item.look(facts)]
            found = found or [Check(item.id, State.SKIPPED, "", "nothing to check")]
            blocked[item.id] = _why_not(item, found)
        results += [Result(check, item.category, item.severity, item.fixes, item.id in needs) for check in found]
    return results


def missing(results: Iterable[Result]) -> list[Check]:
    """Unknown checks without which the answer is incomplete: of severity error, or needed by others."""
    return [
        item.check
        for item in results
        if item.check.state is State.UNKNOWN
        and not item.check.expected
        and (item.needed or item.severity is Severity.ERROR)
    ]


def healthy(results: Sequence[Result]) -> bool | None:
    """False when a check of severity error failed; None when too little could be checked to tell."""
    if any(item.check.state is State.FAILED and item.severity is Severity.ERROR for item in results):
        return False
    return None if missing(results) else True


def exit_code(results: Sequence[Result]) -> ExitCode:
    """0 for healthy, 3 for not, 7 where too little could be checked."""
    return {True: ExitCode.OK, False: ExitCode.CHECK_FAILED, None: ExitCode.INCOMPLETE}[healthy(results)]


def incomplete(results: Sequence[Result]) -> list[str]:
    """The last lines of an incomplete answer: what could not be checked, and why; [] for a complete one."""
    unread = missing(results)
    if not unread:
        return []
    reasons = dict.fromkeys(f"  {check.id} ({check.title}): {check.text}" for check in unread)
    return ["", f"incomplete: {counted(len(unread), 'check')} could not be made", *reasons]


def _capped(check: Check, severity: Severity) -> Check:
    """A check of severity WARNING is at most a warning."""
    fails = check.state is State.FAILED and severity is Severity.WARNING
    return replace(check, state=State.WARNING) if fails else check


def _why_not(item: Definition[Facts], found: Sequence[Check]) -> str:
    """Why checks that need it are skipped; "" when at least one object is ok, so that there is something to check."""
    if any(check.state in {State.OK, State.WARNING} for check in found):
        return ""
    if found and all(check.state is State.SKIPPED for check in found):
        return found[0].text
    return f"needs {item.id}, which {'failed' if worst(found) is State.FAILED else 'is unknown'}"


def unread(id: str, where: str, error: AcksmError) -> Check:
    """The check of something that could not be read."""
    return Check(id, State.UNKNOWN, where, f"{error.id}: {error.message}", error.remedy)


def failed(id: str, where: str, error: AcksmError) -> Check:
    """The check of something whose error is the failure itself."""
    return Check(id, State.FAILED, error.where or where, f"{error.id}: {error.message}", error.remedy)
