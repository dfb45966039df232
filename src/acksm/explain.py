"""`acksm explain`: what the catalogue has for an id."""

from __future__ import annotations

from difflib import get_close_matches

from acksm.catalog import Entry, entries
from acksm.errors import AcksmError
from acksm.words import did_you_mean


def explain(id: str | None, list_all: bool = False) -> tuple[dict[str, object], str]:
    """Data and text for `acksm explain`. Error: `explain-unknown`, with similar ids."""
    known = entries()
    if list_all or id is None:
        rows = [f"{entry.id:32} {entry.title}" for entry in known.values()]
        return {"entries": [_data(entry) for entry in known.values()]}, "\n".join(rows)
    if id not in known:
        raise AcksmError("explain-unknown", f'unknown id "{id}"{did_you_mean(get_close_matches(id, known, n=3))}')
    entry = known[id]
    title = entry.title + (" (retired)" if entry.retired else "")
    text = f"{entry.id}: {title}\n\ncause\n  {entry.cause}\n"
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
