"""The clusters of a fleet on a terminal: a row for each, redrawn, in as many lines as the screen has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field, replace

from acksm.dataclass import dataclass
from acksm.json_types import Document

RUNNING, WAITING = "running", "waiting"
WIDTH = 40  # of the longest name


@dataclass(frozen=True)
class Row:
    """A cluster: its state, the last line of what it wrote, since when it runs and how long it ran (seconds)."""

    name: str
    state: str
    line: str
    since: float
    took: float | None = None


@dataclass(frozen=True)
class Board:
    """The rows by cluster id, in the order in which they were started; `total` has those that were not started too.

    Never changed in place: another thread draws it.
    """

    total: int = 0
    since: float = 0.0
    rows: dict[str, Row] = field(default_factory=dict)

    def put(self, data: Document, line: str, now: float) -> Board:
        """The board after an event of a cluster: `cluster` is its id, `name` its name, `state` "running" or how it
        ended, `of` the number of clusters."""
        cluster, state = str(data["cluster"]), str(data.get("state", RUNNING))
        before = self.rows.get(cluster)
        since = before.since if before and before.took is None else now
        line = line.splitlines()[0] if line else ""
        row = Row(str(data.get("name", cluster)), state, line, since, None if state == RUNNING else now - since)
        return Board(int(data.get("of", self.total)), self.since if self.rows else now, {**self.rows, cluster: row})

    def lines(self, height: int, now: float) -> list[str]:
        """At most `height` lines: clusters that run first, then those that failed, then those that ended, and the
        totals. What does not fit is only counted."""
        room = max(height - 1, 0)
        ranked = sorted(self._named(), key=_rank)
        shown = ranked if len(ranked) <= room else ranked[: max(room - 1, 0)]
        width = min(max((len(row.name) for row in shown), default=0), WIDTH)
        found = [_line(row, width, now) for row in shown]
        if len(shown) < len(ranked) and room:
            found.append(f"  and {len(ranked) - len(shown)} more: {_counts(ranked[len(shown) :])}")
        return [*found, self._totals(ranked, now)][-height:] if height > 0 else []

    def _named(self) -> list[Row]:
        """The rows; two clusters of one name by their ids."""
        count = Counter(row.name for row in self.rows.values())
        return [replace(row, name=key) if count[row.name] > 1 else row for key, row in self.rows.items()]

    def _totals(self, rows: Sequence[Row], now: float) -> str:
        ended = sum(row.took is not None for row in rows)
        waiting = max(self.total - len(rows), 0)
        counts = ", ".join(filter(None, (_counts(rows), f"{waiting} {WAITING}" if waiting else "")))
        return f"{ended} of {self.total} clusters ({counts}), {now - self.since:.0f} s"


def _rank(row: Row) -> int:
    return 0 if row.took is None else 1 if row.state == "failed" else 2


def _counts(rows: Sequence[Row]) -> str:
    return ", ".join(f"{number} {state}" for state, number in Counter(row.state for row in rows).items())


def _line(row: Row, width: int, now: float) -> str:
    name = row.name if len(row.name) <= width else "…" + row.name[1 - width :]
    took = now - row.since if row.took is None else row.took
    return f"{name:{width}}  {row.state:15}  {took:4.0f} s  {row.line}".rstrip()
