"""`doctor --watch`: printed at changes only, continues after failures, and ends with the last answer's exit code."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from acksm.cli import app
from acksm.engine.checks import Check, Result, Severity, State
from acksm.errors import AcksmError
from acksm.guide.doctor import command, watching
from acksm.guide.doctor.selection import Answer, Options
from acksm.settings import Settings
from acksm.ui import Ui
from report_schema import complaints
from streams import Stream

PODS = Check("check.pods", State.FAILED, "controller of sagemaker", "scaled to zero")


def answer(*checks: Check) -> Answer:
    results = [Result(check, "controllers", Severity.ERROR) for check in checks]
    data: Any = {
        "target": None,
        "healthy": all(check.state is State.OK for check in checks),
        "checks": [],
        "symptoms": [],
        "ignored": [],
    }
    return Answer(data, "acksm doctor", command.text_of(results, full=False), results, ())


GOOD, BAD = answer(replace(PODS, state=State.OK)), answer(PODS)
AWAY = AcksmError("kube-unreachable", "no answer")


def watch(
    monkeypatch: pytest.MonkeyPatch, *answers: Answer | AcksmError, output: str = "text", requested: str = ""
) -> tuple[int, str]:
    waiting = list(answers)

    def read(*_: object) -> Answer:
        if not waiting:
            raise KeyboardInterrupt
        found = waiting.pop(0)
        if isinstance(found, AcksmError):
            raise found
        return found

    monkeypatch.setattr(command, "answer_now", read)
    monkeypatch.setattr(command, "answer_of_object", read)
    monkeypatch.setattr(watching, "connect", lambda *_: nullcontext())
    ui = Ui(output, stdout=Stream(), stderr=Stream())
    code = watching.run(Settings.of(), ui, Options(), requested, sleep=lambda _: None)
    return code, ui.stdout.text  # type: ignore[attr-defined]


@pytest.mark.parametrize("requested", ["", "Model/churn"])
def test_a_line_for_each_change_with_the_title_and_none_without(
    requested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out = watch(monkeypatch, GOOD, GOOD, BAD, BAD, GOOD, BAD, requested=requested)
    lines = [line[9:] for line in out.splitlines()]
    failed = "failed check.pods the controllers are running: controller of sagemaker: scaled to zero"
    assert lines[:3] == ["1 ok", failed, "1 failed"]
    assert lines.count(failed) == 2
    assert code == 3


def test_a_reading_that_fails_is_an_answer_unless_it_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = watch(monkeypatch, GOOD, AWAY, AWAY, GOOD)
    assert (code, out.count("not checked: kube-unreachable")) == (0, 2)  # said, and then removed
    assert watch(monkeypatch, GOOD, AWAY)[0] == int(AWAY.exit_code)
    with pytest.raises(AcksmError):
        watch(monkeypatch, AWAY)
    assert watch(monkeypatch)[0] == 130


def test_a_document_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = watch(monkeypatch, GOOD, BAD, output="json")
    documents = [json.loads(line) for line in out.splitlines()]
    assert [item["exit_code"] for item in documents] == [0, 3]
    assert [complaints(item) for item in documents] == [[], []]


@pytest.mark.parametrize("other", ["--fix", "-o junit"])
def test_what_does_not_go_with_it_is_refused(other: str) -> None:
    result = CliRunner().invoke(app, ["doctor", "--watch", *other.split()], env={"HOME": "/nonexistent"})
    assert (result.exit_code, "mutually exclusive" in result.stderr) == (2, True)
