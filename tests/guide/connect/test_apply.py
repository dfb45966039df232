"""The end of a command: who answers the question for the cluster's name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from acksm.engine import plan_file
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.engine.review import CURRENT
from acksm.guide.connect import rights
from acksm.guide.connect.apply import apply_plan
from acksm.settings import RunSettings, Settings

DELETE = Change(id="x", step="s", op=Op.DELETE, system="aws", target="a", call="do", params={}, danger=Danger.SEVERE)
PLAN = Plan("cleanup", (DELETE,))
TARGET: Any = SimpleNamespace(
    run=RunSettings(),
    cluster=SimpleNamespace(name="demo"),
    as_data=lambda: {"cluster": "demo", "cluster_arn": "arn", "region": "r", "account": "1", "namespace": "n"},
)


class StoppedError(Exception):
    """In the place of an answer."""


class Asked:
    """A user interface that keeps what it was given as the cluster's name."""

    given: str | None = None

    def emit(self, _event: object) -> None: ...

    def show(self, _text: str) -> None: ...

    def confirm_name(self, _question: str, _name: str, *, given: str, before: str = "") -> None:
        self.given = given
        raise StoppedError


def answer(monkeypatch: pytest.MonkeyPatch, confirm: str | None, approval: plan_file.Approval | None) -> str | None:
    monkeypatch.setattr(rights, "check", lambda *_: [])
    asked = Asked()
    ui: Any = asked
    token = CURRENT.set(approval)
    try:
        with pytest.raises(StoppedError):
            apply_plan(TARGET, ui, PLAN, {}, "", confirm=confirm)
    finally:
        CURRENT.reset(token)
    return asked.given


@pytest.mark.parametrize(
    ("confirm", "of_apply", "expected"),
    [
        ("demo", None, "demo"),
        (None, None, ""),
        ("demo", "", ""),  # the words of a plan file answer nothing
        ("", "demo", "demo"),
        (None, "demo", ""),  # a command without --confirm has no such question to be answered beforehand
    ],
)
def test_the_name_is_given_by_the_run_that_carries_it_out(
    monkeypatch: pytest.MonkeyPatch, confirm: str | None, of_apply: str | None, expected: str
) -> None:
    document = plan_file.of(["cleanup"], PLAN, Settings.of(), TARGET.as_data())
    approval = None if of_apply is None else plan_file.Approval("plan", document, {}, of_apply)
    assert answer(monkeypatch, confirm, approval) == expected
