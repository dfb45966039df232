"""What the children of a fleet reported, as rows, totals and one exit code. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import inf

from acksm import reports
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.fleet.children import Ended
from acksm.fleet.file import Member
from acksm.fleet.rollout import FINE, INTERRUPTED, Step, worst
from acksm.json_types import Json, Untyped
from acksm.words import counted

DONE, UP_TO_DATE, PENDING, FAILED = "done", "up to date", "changes pending", "failed"
INCOMPLETE, NOT_STARTED = "incomplete", "not started"
MOST = 200  # characters of a reason
STATES = (FAILED, INCOMPLETE, NOT_STARTED, PENDING, DONE, UP_TO_DATE)


def place(one: Member, wave: str) -> reports.FleetPlace:
    """Which cluster it is, and its wave."""
    return {
        "id": one.id,
        "cluster": one.cluster,
        "account": one.account,
        "region": one.region,
        "labels": dict(one.labels),
        "wave": wave,
    }


def row(one: Member, wave: str, ended: Ended | None) -> reports.FleetRow:
    """The row of a cluster; `ended` is None where nothing was started."""
    report: Untyped = ended.report if ended else {}
    changes = report.get("changes")
    count = len(changes) if isinstance(changes, list) else None
    code = ended.code if ended else None
    failed = code is not None and code not in FINE
    return {
        **place(one, wave),
        "state": _state(code, count, dry_run=bool(report.get("dry_run"))),
        "exit_code": code,
        "changes": count,
        "error": report.get("error"),
        "report": report,
        "log": list(ended.tail) if ended and failed else [],
    }


def _state(code: int | None, changes: int | None, *, dry_run: bool) -> str:
    if code is None:
        return NOT_STARTED
    if code == ExitCode.INCOMPLETE:
        return INCOMPLETE
    if code not in FINE:
        return FAILED
    if code == ExitCode.CHANGES_PENDING or (dry_run and changes):
        return PENDING
    return UP_TO_DATE if changes == 0 else DONE


def reason(item: reports.FleetRow) -> str:
    """Why it is in its state, in a few words."""
    report: Untyped = item["report"]
    if error := item["error"]:
        return f"{error['id']}: {error['message']}"[:MOST]
    if item["changes"]:
        return counted(item["changes"], "change")
    if item["exit_code"] in {None, *FINE}:
        return ""
    said = [f"{one['id']}: {one['text']}" for one in report.get("checks") or () if one["state"] == "failed"]
    said += [problem for one in report.get("controllers") or () for problem in one["problems"]]
    said += [*(report.get("problems") or ()), *(report.get("incomplete") or ())]
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return f"{str(said[0])[:MOST]}{more}" if said else f"exit code {item['exit_code']}"


def age(report: Untyped, now: datetime | None = None) -> float:
    """Seconds since a controller of an `acksm status` was last changed; infinite where it does not say."""
    found = inf
    for item in report.get("controllers") or ():
        try:
            changed = datetime.fromisoformat(str(item["updated"]))
            found = min(found, ((now or datetime.now(UTC)) - changed).total_seconds())
        except (KeyError, TypeError, ValueError):  # not installed
            continue
    return found


def rows(rollout: Sequence[Step], ended: Mapping[str, Ended]) -> list[reports.FleetRow]:
    """A row for each cluster, in the order of the waves."""
    return [row(one, step.wave.name, ended.get(one.id)) for step in rollout for one in step.members]


def exit_code(
    found: Sequence[reports.FleetRow],
    stopped: str = "",
    incomplete: Sequence[str] = (),
    findings: Sequence[reports.FleetFinding] = (),
) -> int:
    """One exit code for all: the worst by a fixed order. A cluster that was not started counts as interrupted where
    the run was, and otherwise follows from the ones that failed."""
    codes = [item["exit_code"] for item in found if item["exit_code"] is not None]
    codes += [ExitCode.INTERRUPTED] if INTERRUPTED in stopped.split("; ") else []
    codes += [ExitCode.INCOMPLETE] if incomplete else []
    codes += [ExitCode.CHECK_FAILED] if any(item["severity"] == "error" for item in findings) else []
    return worst(codes)


def totals(found: Sequence[reports.FleetRow]) -> dict[str, int]:
    """Number of clusters by state, those without one left out."""
    counts = Counter(item["state"] for item in found)
    return {state: counts[state] for state in STATES if counts[state]}


def failed_of(report: Json) -> list[str]:
    """The ids of a report's clusters that failed, were incomplete or not started. Error: `fleet-report-invalid`."""
    return [item["id"] for item in checked(report) if item["state"] in {FAILED, INCOMPLETE, NOT_STARTED}]


def checked(report: Json) -> list[reports.FleetRow]:
    """The rows of a report of `acksm fleet`. Error: `fleet-report-invalid`."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(list[reports.FleetRow]).validate_python(report.get("clusters"))
    except ValidationError as error:
        raise AcksmError("fleet-report-invalid", "not a report of acksm fleet -o json") from error


def merged(parts: Sequence[Json]) -> list[reports.FleetRow]:
    """The rows of several reports of one command, each cluster once: a later row outdoes an earlier one, unless nothing
    was started.

    Error: `fleet-report-invalid`.
    """
    found: dict[str, reports.FleetRow] = {}
    for part in parts:
        for item in checked(part):
            if item["id"] not in found or item["exit_code"] is not None:
                found[item["id"]] = item
    return list(found.values())
