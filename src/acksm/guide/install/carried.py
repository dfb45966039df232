"""Guide §3.1.2: which values of the installed release carry over into the chart that it is to have.

What its user chose, and no default of the old chart. A release of acksm has nothing else in its values. One of another
hand may have the whole values.yaml there, or an edited one in its chart, as the guide has it (docs/upgrade.md#values).
"""

from __future__ import annotations

from dataclasses import replace

from acksm.ack import charts, defaults
from acksm.archive import Chart
from acksm.dataclass import dataclass
from acksm.guide.install import release
from acksm.helm import kept_values, values
from acksm.helm.values import Edit
from acksm.json_types import Document


@dataclass(frozen=True)
class Carried:
    """The values as edits of the chart, and what to know about those that do not carry over as they are."""

    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()


def chosen(observed: release.Observed, chart: Chart) -> Document:
    """The values of the release that are no default of `chart`. Pure."""
    if observed.owned:
        return observed.values
    return release.difference(values.plain(chart.values_text), observed.complete)


def carried(service: str, observed: release.Observed, chart: Chart) -> Carried:
    """What carries over to `chart`. Pure. Error: `chart-version-unknown`."""
    before, notes, found = charts.normalise(observed.version), list[str](), list[Edit]()
    moves = before != charts.normalise(chart.version)
    for edit in kept_values.edits(chosen(observed, chart), chart):
        if moves and defaults.is_default(service, before, edit.path, edit.value):
            if observed.owned and edit.path == defaults.TAG:
                notes.append(f"image.tag {edit.value} of the release is not kept, as it is the image of {before}")
            elif observed.owned and edit.path == defaults.KINDS_PATH:
                notes.append(
                    f"reconcile.resources of the release is not kept, as it has every kind of {before}: "
                    f"{chart.version} reconciles all of its own"
                )
            elif observed.owned:  # the user's, by --set: acksm writes no default of a chart
                found.append(replace(edit, explicit=True))
            continue
        if moves and edit.path == defaults.TAG:
            notes.append(
                f"image.tag {edit.value} of the release is kept, so the controller is not that of the chart; "
                f"--set image.tag={chart.version} uses it"
            )
        if edit.path == defaults.TAGS and charts.has(service, chart.version, "resource-tags"):
            edit, more = _renamed(edit, chart.version)
            notes += more
        found.append(replace(edit, explicit=observed.owned))
    return Carried(tuple(found), tuple(notes))


def _renamed(edit: Edit, version: str) -> tuple[Edit, list[str]]:
    """resourceTags whose placeholders the controller fills in: it would send others as they are, and AWS would
    refuse them."""
    if not isinstance(edit.value, list):
        return edit, []
    tags, notes = list[object](), list[str]()
    for tag in edit.value:
        text = str(tag)
        if lost := [name for name in defaults.LOST_FORMATS if name in text]:
            notes.append(f"{text} of resourceTags is not kept, as {version} has no {lost[0]}")
            continue
        for name, later in defaults.RENAMED_FORMATS.items():
            if name in text:
                notes.append(f"{name} of resourceTags is now {later}")
                text = text.replace(name, later)
        tags.append(text if text != str(tag) else tag)
    return replace(edit, value=tags), notes
