"""Reports of shards, and logs with one, as one."""

import json

import pytest

from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.fleet import rows
from acksm.fleet.children import Ended
from acksm.fleet.file import Member
from acksm.fleet.merging import document_of, merged
from acksm.json_types import Json

A, B = Member("a", "111111111111", "eu-west-1"), Member("b", "111111111111", "eu-west-1")
ERROR = {"id": "timed-out", "message": "no answer", "where": "", "remedy": "", "exit_code": 5, "details": {}}
DONE, FAILED = Ended(0, {"changes": [{}]}), Ended(5, {"error": ERROR})


def report(shard: str, *members: tuple[Member, Ended | None], **more: object) -> Json:
    found = [rows.row(one, "all", ended) for one, ended in members]
    return {"command": "fleet apply", "exit_code": 0, "error": None, "shard": shard, "clusters": found, **more}


def text(document: Json) -> str:
    return json.dumps(document, indent=2) + "\n"


FIRST, SECOND = text(report("1/2", (A, DONE))), text(report("2/2", (B, DONE)))


def test_the_report_is_found_among_the_lines_of_a_log() -> None:
    lines = FIRST.splitlines(keepends=True)
    progress = ["▸ a: started\n", "note: x\n", "warning: {\n"]
    assert document_of("".join([*progress, *lines])) == json.loads(FIRST)
    # a line of the other stream may come late
    for index in range(1, len(lines)):
        assert document_of("".join([*lines[:index], "✓ a: done\n", *lines[index:]])) == json.loads(FIRST)
    assert document_of(text({"exit_code": 1, "later": False}) + FIRST) == json.loads(FIRST)


@pytest.mark.parametrize("broken", ["", "▸ a\n", FIRST[:-20], "[]", '"x"', "{}\n{}\n"])
def test_a_log_without_a_whole_report_has_none(broken: str) -> None:
    with pytest.raises(ValueError, match="no JSON report"):
        document_of(broken)


def test_a_retried_shard_counts_as_its_last_pod() -> None:
    early = text(report("2/2", (B, FAILED), stopped="wave all: 1 cluster failed, and 0 may", incomplete=["eu"]))
    found = merged([("1.log", FIRST), ("2.log", early), ("3.log", SECOND)])
    assert [(item["id"], item["exit_code"]) for item in found.rows] == [(A.id, 0), (B.id, 0)]
    assert (found.stopped, found.incomplete, found.notes) == ("", [], [])
    found = merged([("1.log", FIRST), ("3.log", SECOND), ("2.log", early)])
    assert (found.stopped[:8], found.incomplete) == ("wave all", ["eu"])
    assert rows.exit_code(found.rows, found.stopped, found.incomplete) == ExitCode.TIMED_OUT


def test_a_shard_without_a_report_is_never_good() -> None:
    killed = ("2.log", "▸ b: started\n")
    found = merged([("1.log", FIRST), killed])
    assert found.incomplete == ["no report of shard 2/2", "2.log: no JSON report in it"]
    assert rows.exit_code(found.rows, found.stopped, found.incomplete) == ExitCode.INCOMPLETE
    # the pod that replaced it has the shard
    found = merged([("1.log", FIRST), killed, ("3.log", SECOND)])
    assert (found.incomplete, found.notes) == ([], ["2.log: no JSON report in it"])
    refused = {"command": "fleet apply", "exit_code": 2, "error": {**ERROR, "id": "fleet-invalid"}}
    found = merged([("1.log", FIRST), ("2.log", text(refused))])
    assert found.incomplete == ["no report of shard 2/2", "2.log: fleet-invalid: no answer"]


def test_what_is_no_report_of_one_command_is_refused() -> None:
    other = text(report("2/2", (B, DONE), command="fleet status"))
    for files in ([("1.log", "")], [("1.log", FIRST), ("2.log", other)], [("1", '{"clusters": 1}')]):
        with pytest.raises(AcksmError) as raised:
            merged(files)
        assert raised.value.id == "fleet-report-invalid"


def test_findings_are_kept() -> None:
    finding = {"id": "fleet.x", "severity": "error", "clusters": [], "text": "", "remedy": ""}
    parts = [("1", text(report("", (A, DONE), findings=[finding]))), ("2", text(report("", findings=[finding])))]
    found = merged(parts)
    assert found.findings == [finding]
    assert rows.exit_code(found.rows, "", (), found.findings) == ExitCode.CHECK_FAILED


def test_one_that_was_interrupted_is() -> None:
    parts = [("1", text(report("1/2", (A, None), stopped="interrupted"))), ("2", text(report("2/2", stopped="wave x")))]
    found = merged(parts)
    assert rows.exit_code(found.rows, found.stopped) == ExitCode.INTERRUPTED
