"""Which checks of `acksm doctor` count, and in which form they are shown: `--only`, `--ignore` and `-o`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from acksm.dataclass import dataclass
from acksm.engine.checks import Definition, Result, State, exit_code
from acksm.errors import AcksmError
from acksm.output import Output
from acksm.words import did_you_mean

if TYPE_CHECKING:
    from acksm import reports

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Selection:
    """`only` are ids or categories, () for all; `ignored` are ids. Both have been found among the definitions."""

    only: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    needs: Mapping[str, tuple[str, ...]] | None = None

    def of(self, results: Sequence[Result]) -> tuple[list[Result], list[Result]]:
        """The results that count, and those that are ignored. Where a check that a selected one needs failed or is
        unknown, it counts too: without it, the selected one was skipped, which proves nothing."""
        chosen = {item.check.id for item in results if not self.only or {item.check.id, item.category} & self.only}
        blocking = self._needed(chosen)
        kept = [
            item
            for item in results
            if item.check.id in chosen
            or (item.check.id in blocking and item.check.state in {State.FAILED, State.UNKNOWN})
        ]
        return (
            [item for item in kept if item.check.id not in self.ignored],
            [item for item in kept if item.check.id in self.ignored and item.check.state is not State.SKIPPED],
        )

    def _needed(self, ids: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(ids)
        while waiting:
            more = {need for need in (self.needs or {}).get(waiting.pop(), ()) if need not in found}
            found |= more
            waiting += more
        return found


def select(definitions: Sequence[Definition[Facts]], only: Sequence[str], ignore: Sequence[str]) -> Selection:
    """The selection by ids, also without `check.`, and categories. Error: `check-unknown` with close names."""
    ids, categories = {item.id for item in definitions}, {item.category for item in definitions}
    return Selection(
        frozenset(_known(name, ids, categories, "--only") for name in only),
        frozenset(_known(name, ids, (), "--ignore") for name in ignore),
        {item.id: item.needs for item in definitions},
    )


def _known(name: str, ids: Collection[str], categories: Collection[str], flag: str) -> str:
    for form in (name, f"check.{name}"):
        if form in ids or form in categories:
            return form
    names = [*categories, *ids, *(one.removeprefix("check.") for one in ids)]
    what = "check or category" if categories else "check"
    near = did_you_mean(get_close_matches(name, names, n=3))
    more = f"; categories: {', '.join(sorted(categories))}" if categories and not near else ""
    raise AcksmError("check-unknown", f'unknown {what} "{name}"{near}{more}', where=flag)


@dataclass(frozen=True)
class Answer:
    """What doctor found: the report, and the same as text; `results` are those that count."""

    data: reports.DoctorReport
    title: str
    text: str
    results: Sequence[Result]
    ignored: Sequence[Result]

    @property
    def code(self) -> int:
        return int(exit_code(self.results))


@dataclass(frozen=True)
class Options:
    """What is checked and how it is shown: `form` is one of `forms.FORMS` or "" for the output's own."""

    only: Sequence[str] = ()
    ignore: Sequence[str] = ()
    form: str = ""
    clean: Callable[[str], str] = str

    def show(self, ui: Output, answer: Answer) -> None:
        """The result in its form."""
        if self.form:
            from acksm.guide.doctor import forms

            ui.verbatim(forms.render(self.form, answer.title, answer.results, answer.ignored, self.clean))
        else:
            ui.result("doctor", answer.data, answer.text, answer.code)


ALL = Options()
