"""Reports of shards as one. A file is a report, or the log of a pod that has one among the lines of its progress."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from acksm import reports
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.fleet import rows
from acksm.json_types import Json, Untyped


@dataclass(frozen=True)
class Merged:
    """What the shards did together. `notes`: files without a report that nothing was missed of."""

    argv: Sequence[str]
    dry_run: bool
    rows: list[reports.FleetRow]
    stopped: str
    findings: list[reports.FleetFinding]
    incomplete: list[str]
    notes: list[str]


def document_of(text: str) -> Json:
    """The report of a file, or the last in a log. ValueError where there is none.

    A container runtime reads stdout and stderr by themselves, so that a line of progress may be among those of the
    report: what no line of a report begins with is left out then.
    """
    if (found := _last_in(text)) is None:
        found = _last_in("".join(line for line in text.splitlines(keepends=True) if _is_of_report(line)))
    if found is None:
        raise ValueError("no JSON report in it")
    return found


def _last_in(text: str) -> Json | None:
    try:
        whole: Untyped = json.loads(text)
        return whole if isinstance(whole, dict) else None
    except ValueError:
        pass
    decoder, position = json.JSONDecoder(), len(text)
    while position > 0:
        position = text.rfind("\n{", 0, position)
        try:
            found, _ = decoder.raw_decode(text, position + 1)
        except ValueError:
            continue
        if isinstance(found, dict) and "exit_code" in found:
            return found
    return None


def _is_of_report(line: str) -> bool:
    return line.rstrip() in {"{", "}"} or (line.startswith("  ") and line.lstrip()[:1] in set('"{}[]-0123456789tfn'))


def merged(files: Sequence[tuple[str, str]]) -> Merged:
    """One report of the (name, text) of many, in the order of time: a later report of a shard outdoes an earlier one,
    as where a Job retried it. A shard without a report is named. Error: `fleet-report-invalid`."""
    parts, unread = [], []
    for name, text in files:
        try:
            part = document_of(text)
        except ValueError as error:
            unread.append(f"{name}: {error}")
            continue
        if part.get("error") and "clusters" not in part:
            unread.append(f"{name}: {part['error']['id']}: {part['error']['message']}")
        else:
            rows.checked(part)
            parts.append(part)
    if not parts:
        message = "; ".join(unread)[:300] or "no report"
        raise AcksmError("fleet-report-invalid", message, where=files[0][0] if files else "")
    if len(commands := {str(part.get("command")) for part in parts}) > 1:
        message = f"reports of {', '.join(sorted(commands))}: they are of different commands"
        raise AcksmError("fleet-report-invalid", message, where=files[0][0])
    shards = {str(part["shard"]): part for part in parts if part.get("shard")}
    latest = [part for part in parts if not part.get("shard") or shards[str(part["shard"])] is part]
    latest.sort(key=lambda part: int(str(part.get("shard") or "0").partition("/")[0]))
    missing = [f"no report of shard {shard}" for shard in _missing(shards)]
    # a pod that was killed left no report; nothing is missed where another had its shard
    complete = not missing and len(shards) == len(latest)
    notes = [str(note) for part in latest for note in part.get("incomplete") or ()]
    return Merged(
        list(latest[0].get("argv") or ()),
        bool(latest[0].get("dry_run")),
        rows.merged(latest),
        "; ".join(dict.fromkeys(str(part["stopped"]) for part in latest if part.get("stopped"))),
        _each_once(latest),
        list(dict.fromkeys([*notes, *missing, *([] if complete else unread)])),
        unread if complete else [],
    )


def _missing(shards: Sequence[str] | dict[str, Json]) -> Iterator[str]:
    """I/N of each shard that has no report."""
    for number in sorted({int(shard.partition("/")[2]) for shard in shards}):
        yield from (f"{index}/{number}" for index in range(1, number + 1) if f"{index}/{number}" not in shards)


def _each_once(parts: Sequence[Json]) -> list[reports.FleetFinding]:
    found: dict[str, reports.FleetFinding] = {}
    for part in parts:
        for finding in part.get("findings") or ():
            found.setdefault(json.dumps(finding, sort_keys=True), finding)
    return list(found.values())
