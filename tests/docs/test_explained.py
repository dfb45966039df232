"""No id is without its place in docs/errors.md and its remedy, and errors.md has no place without an id."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acksm.catalog import Entry, entries
from acksm.exits import ExitCode
from acksm.guide.doctor import command as doctor, trace
from acksm.live.symptoms import SYMPTOMS
from generator.errors import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text("utf-8")
HEADINGS = re.findall(r"^#### (.+)$", PAGE, re.M)
ROWS = re.findall(r'^\| (?:<a id="[^"]+"></a>)?`([^`]+)`', PAGE, re.M)


def section(id: str) -> str:
    """What stands below the heading of an id, with what it links to as `explain` names it."""
    found = re.split(r"^#{1,4} ", PAGE.split(f"\n#### {id}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    found = re.sub(r"\[([^\]]+)\]\(\1\)", r"docs/\1", found)
    return re.sub(r"\[([\w-]+#\d+)\]\(https:[^)]+\)", r"\1", found)


def test_ids_and_places_are_the_same() -> None:
    assert sorted([*HEADINGS, *ROWS]) == sorted(entries())


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.id)
def test_each_place_has_what_explain_tells(entry: Entry) -> None:
    assert entry.kind in KINDS
    if entry.id in ROWS:
        assert entry.exit_code is ExitCode.OK  # changes and events need no remedy
        return
    told = section(entry.id)
    assert entry.cause in told
    assert f"Exit code: {int(entry.exit_code)}" in told
    if entry.exit_code is not ExitCode.OK:
        assert f"Remedy: {'`' if entry.remedy.startswith(('acksm ', 'kubectl ', 'aws ')) else ''}" in told
        assert entry.remedy.partition("   ")[0] in told.replace("``", "`")


def test_every_check_and_symptom_is_explained() -> None:
    checks = [*(one.id for one in doctor.CHECKS), *(one.id for one in trace.CHECKS)]
    assert [name for name in [*checks, *(one.id for one in SYMPTOMS)] if name not in HEADINGS] == []
    known = {entry.id for entry in entries().values() if entry.kind == "check"}
    assert {name for name in known if not name.startswith(("check.carm-", "check.region-"))} <= {*checks} | {
        name for name in known if name.startswith("check.adopt")
    }
