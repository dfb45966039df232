"""docs/errors.md: every id of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acksm.catalog import Entry, areas
from acksm.explain import ISSUE, url
from generator.markdown import NOTICE, anchor, code, heading_anchor, page as _page, slug, table

KINDS = {
    "error": (
        "Errors",
        "A command that fails prints `error[ID]`; in `-o json` the id is `error.id`.",
    ),
    "check": ("Checks", "What is checked, and what a failure means."),
    "symptom": (
        "Symptoms",
        "Known messages in a controller's log or an object's conditions, recognised by `acksm doctor` and by commands "
        "that wait for an object.",
    ),
    "change": (
        "Changes",
        "Steps of plans: `--dry-run` shows them, and in `-o json` the id is `changes[].id`. Those that wait change "
        "nothing.",
    ),
    "event": ("Events", "What a command reports on stderr while it runs."),
}
_SHORT = {"change", "event"}  # kinds for which one line is enough
TITLES = {
    "aws": "AWS",
    "charts": "Charts, values, registry and helm",
    "common": "Everywhere",
    "controllers": "Controllers",
    "events": "Of all commands",
    "kube": "Kubernetes",
    "sandbox": "Sandbox",
}
PROGRAMS = {"acksm", "aws", "eksctl", "go", "helm", "kubectl", "ls", "pip"}
_INTRO = """\
Every id that acksm prints. Ids are stable; messages are not. `acksm explain ID` prints the same offline, and
`acksm explain --list` lists all ids."""


def page() -> str:
    """The page's text."""
    unknown = {entry.kind for _, entries in areas().values() for entry in entries} - {*KINDS}
    if unknown:
        raise ValueError(f"docs/generator/errors.py has no heading for ids of kind {', '.join(sorted(unknown))}")
    by_symptom = "By symptom, the most common first: [Troubleshooting](troubleshooting.md)."
    parts = ["# Errors and changes", NOTICE, _INTRO, by_symptom, _contents()]
    for kind, (heading, text) in KINDS.items():
        found = [(area, [entry for entry in entries if entry.kind == kind]) for area, (_, entries) in areas().items()]
        found = [(area, entries) for area, entries in found if entries]
        if not found:
            continue
        parts += [f"## {heading}", text]
        for area, entries in found:
            parts.append(f"### {heading}: {title(area)}")
            parts += [_rows(entries)] if kind in _SHORT else [part for entry in entries for part in _entry(entry)]
    return _page(*parts)


def title(area: str) -> str:
    """The heading of an area of the catalogue."""
    return TITLES.get(area, area.replace("_", " ").capitalize())


def _contents() -> str:
    lines = []
    for kind, (heading, _) in KINDS.items():
        names = [area for area, (_, entries) in areas().items() if any(entry.kind == kind for entry in entries)]
        links = [f"[{title(area)}](#{slug(f'{heading}: {title(area)}')})" for area in names]
        if links:
            lines.append(f"- {heading}: " + " · ".join(links))
    return "\n".join(lines)


def _entry(entry: Entry) -> list[str]:
    parts = [
        f"**{_sentence(entry.title)}** {_linked(entry.cause)}"
        + (" Retired: no longer printed." if entry.retired else "")
    ]
    if entry.remedy:
        parts.append(f"Remedy: {_remedy(entry.remedy)}")
    parts.append(f"Exit code: {int(entry.exit_code)} ({entry.exit_code.name})")
    return [f"#### {entry.id}", heading_anchor(entry.id), "  \n".join(parts)]


def _linked(text: str) -> str:
    """Pages of docs/ and issues that a text cites, as links."""
    text = re.sub(r"\bdocs/([\w/-]+\.md(?:#[\w.-]*\w)?)", r"[\1](\1)", text)
    return ISSUE.sub(lambda cited: f"[{cited[0]}]({url(cited)})", text)


def _remedy(text: str) -> str:
    """A command as code, and the note that stands behind it after three spaces; words as words."""
    command, _, note = text.partition("   ")
    if command.split(" ")[0] not in PROGRAMS:
        return text
    return f"{code(command)} {note.strip()}".strip()


def _rows(entries: Sequence[Entry]) -> str:
    rows = (
        (
            anchor(entry.id) + code(entry.id) + (" (retired)" if entry.retired else ""),
            entry.title,
            _linked(entry.cause),
        )
        for entry in entries
    )
    return table(("Id", "What", "When"), rows)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".") + "."
