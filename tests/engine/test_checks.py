"""Definitions judged in order: needs, severities, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acksm.engine.checks import Check, Definition, Severity, State, failed, judge, unread, worst
from acksm.errors import AcksmError

Facts = dict[str, State]


def definition(name: str, *needs: str, severity: Severity = Severity.ERROR) -> Definition[Facts]:
    """A check whose states are those of the facts that begin with its name."""

    def look(facts: Facts) -> Iterator[Check]:
        for key, state in facts.items():
            if key.startswith(name):
                yield Check(f"check.{name}", state, key, f"of {key}")

    return Definition(f"check.{name}", "all", severity, look, tuple(f"check.{need}" for need in needs))


def states(facts: Facts, *definitions: Definition[Facts]) -> list[tuple[str, str]]:
    return [(str(result.check.state), result.check.text) for result in judge(definitions, facts)]


def test_a_need_that_does_not_hold_skips_what_follows_all_the_way() -> None:
    line = (definition("a"), definition("b", "a"), definition("c", "b"))
    assert states({"a": State.FAILED, "b": State.OK, "c": State.OK}, *line) == [
        ("failed", "of a"),
        ("skipped", "needs check.a, which failed"),
        ("skipped", "needs check.a, which failed"),
    ]
    assert states({"a": State.UNKNOWN, "b": State.OK}, *line[:2])[1] == ("skipped", "needs check.a, which is unknown")
    assert states({"a": State.SKIPPED, "b": State.OK}, *line[:2])[1] == ("skipped", "of a")
    assert states({"a": State.WARNING, "b": State.OK}, *line[:2])[1] == ("ok", "of b")


def test_one_object_that_holds_is_enough_to_go_on() -> None:
    pair = (definition("a"), definition("b", "a"))
    assert states({"a1": State.FAILED, "a2": State.OK, "b": State.OK}, *pair)[-1] == ("ok", "of b")


def test_a_warning_never_breaks() -> None:
    assert states({"a": State.FAILED}, definition("a", severity=Severity.WARNING)) == [("warning", "of a")]
    assert states({"a": State.UNKNOWN}, definition("a", severity=Severity.WARNING)) == [("unknown", "of a")]


def test_a_need_that_stands_behind_is_a_defect() -> None:
    with pytest.raises(KeyError):
        judge((definition("b", "a"), definition("a")), {})


def test_errors_become_checks_with_their_remedies() -> None:
    error = AcksmError("helm-missing", "no helm", where="PATH", remedy="get one")
    assert unread("check.helm", "here", error) == Check(
        "check.helm", State.UNKNOWN, "here", "helm-missing: no helm", "get one"
    )
    assert failed("check.helm", "here", error) == Check(
        "check.helm", State.FAILED, "PATH", "helm-missing: no helm", "get one"
    )


def test_the_worst_of_all() -> None:
    assert worst([]) is State.OK
    order = [State.OK, State.SKIPPED, State.WARNING, State.UNKNOWN, State.FAILED]
    assert list(State) == order
    assert worst(Check("check.helm", state, "") for state in order) is State.FAILED
    assert Check("check.helm", State.SKIPPED, "").effective_remedy == ""
