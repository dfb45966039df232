"""One row for each cluster, and one exit code for all."""

from datetime import UTC, datetime
from math import inf

import pytest

from acksm import reports
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.fleet import rows
from acksm.fleet.children import Ended
from acksm.fleet.file import Member, Wave
from acksm.fleet.rollout import INTERRUPTED, Step
from acksm.json_types import Json

A, B = Member("a", "111111111111", "eu-west-1"), Member("b", "111111111111", "eu-west-1")
ERROR = {"id": "timed-out", "message": "no answer", "where": "", "remedy": "", "exit_code": 5, "details": {}}
STATES: dict[str, tuple[Ended | None, str, str]] = {
    "not started": (None, "not started", ""),
    "changed": (Ended(0, {"changes": [{}, {}], "dry_run": False}), "done", "2 changes"),
    "nothing to do": (Ended(0, {"changes": []}), "up to date", ""),
    "planned": (Ended(0, {"changes": [{}], "dry_run": True}), "changes pending", "1 change"),
    "saved": (Ended(10, {"changes": [{}]}), "changes pending", "1 change"),
    "read": (Ended(0, {"controllers": []}), "done", ""),
    "failed": (Ended(5, {"error": ERROR}, ("a line",)), "failed", "timed-out: no answer"),
    "unhealthy": (
        Ended(3, {"controllers": [{"problems": ["no pod is ready", "another"]}]}),
        "failed",
        "no pod is ready (and 1 more)",
    ),
    "a failed check": (
        Ended(
            3,
            {
                "checks": [
                    {"id": "check.a", "state": "ok", "text": ""},
                    {"id": "check.b", "state": "failed", "text": "no"},
                ]
            },
        ),
        "failed",
        "check.b: no",
    ),
    "not read whole": (Ended(7, {"incomplete": ["denied"]}), "incomplete", "denied"),
    "killed": (Ended(130), "failed", "exit code 130"),
}


@pytest.mark.parametrize("name", STATES)
def test_a_row_says_its_state_and_why(name: str) -> None:
    ended, state, reason = STATES[name]
    found = rows.row(A, "all", ended)
    assert (found["state"], rows.reason(found)) == (state, reason)
    assert bool(found["log"]) == (name == "failed")


def test_the_worst_counts_and_what_was_not_looked_at_is_never_0() -> None:
    fine = [rows.row(A, "all", Ended(0, {"changes": []}))]
    finding: reports.FleetFinding = {"id": "fleet.x", "severity": "error", "clusters": [], "text": "", "remedy": ""}
    assert rows.exit_code(fine) == 0
    assert rows.exit_code(fine, incomplete=["accounts"]) == ExitCode.INCOMPLETE
    assert rows.exit_code(fine, findings=[finding]) == ExitCode.CHECK_FAILED
    assert rows.exit_code(fine, findings=[{**finding, "severity": "warning"}]) == 0
    assert rows.exit_code([*fine, rows.row(B, "all", None)], INTERRUPTED) == ExitCode.INTERRUPTED
    assert rows.exit_code([*fine, rows.row(B, "all", Ended(6))]) == ExitCode.REFUSED


def report(*members: tuple[Member, Ended | None]) -> Json:
    return {"clusters": [rows.row(one, "all", ended) for one, ended in members]}


def test_shards_become_one_report() -> None:
    parts = [report((A, Ended(0, {"changes": []})), (B, None)), report((B, Ended(4, {"error": ERROR})))]
    found = rows.merged(parts)
    assert [(item["id"], item["exit_code"]) for item in found] == [(A.id, 0), (B.id, 4)]
    assert rows.failed_of({"clusters": found}) == [B.id]
    assert rows.totals(found) == {"failed": 1, "up to date": 1}


@pytest.mark.parametrize("broken", [{}, {"clusters": [{"id": "a"}]}, {"clusters": "a"}])
def test_another_report_is_refused(broken: Json) -> None:
    with pytest.raises(AcksmError) as raised:
        rows.failed_of(broken)
    assert raised.value.id == "fleet-report-invalid"


def test_rows_are_in_the_order_of_the_waves() -> None:
    plan = [Step(Wave(name="canary"), (B,)), Step(Wave(name="rest"), (A,))]
    assert [(item["id"], item["wave"]) for item in rows.rows(plan, {})] == [(B.id, "canary"), (A.id, "rest")]


def test_the_age_of_a_cluster_is_that_of_its_newest_release() -> None:
    now = datetime(2026, 5, 1, 12, 0, 10, tzinfo=UTC)
    times = ["2026-05-01T11:00:00.123456789Z", "2026-05-01T12:00:00Z", "", "unknown", "2026-05-01T12:00:09"]
    assert rows.age({"controllers": [{"updated": time} for time in times]}, now) == 10
    assert rows.age({}, now) == inf
