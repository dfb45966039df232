"""`acksm explain`: what the catalogue has for an id."""

from __future__ import annotations

from difflib import get_close_matches

from acksm.catalog import Entry, entries
from acksm.errors import AcksmError


def explain(id: str | None, list_all: bool = False) -> tuple[dict[str, object], str]:
    """Data and text for `acksm explain`. An unknown id raises `explain-unknown` with the nearest ones."""
    known = entries()
    if list_all or id is None:
        rows = [f"{entry.id:32} {entry.title}" for entry in known.values()]
        return {"entries": [_data(entry) for entry in known.values()]}, "\n".join(rows)
    if id not in known:
        near = ", ".join(get_close_matches(id, known, n=3)) or "none near"
        raise AcksmError("explain-unknown", f"no id {id!r}; nearest: {near}")
    entry = known[id]
    title = entry.title + (" (retired)" if entry.retired else "")
    text = f"{entry.id}: {title}\n\nwhy\n  {entry.cause}\n"
    if entry.remedy:
        text += f"\nremedy\n  {entry.remedy}\n"
    return {"entry": _data(entry)}, text + f"\nexit code {int(entry.exit_code)} ({entry.exit_code.name})"


def _data(entry: Entry) -> dict[str, object]:
    """`acksm.reports.CatalogEntry`."""
    return {
        "id": entry.id,
        "title": entry.title,
        "cause": entry.cause,
        "remedy": entry.remedy,
        "exit_code": int(entry.exit_code),
    }
