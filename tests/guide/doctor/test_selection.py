"""`doctor --only`, `--ignore`, `-o junit` and `-o markdown`: what counts, and how it is shown."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from acksm.engine.checks import Check, Definition, Result, Severity, State, exit_code, judge
from acksm.errors import AcksmError
from acksm.guide.doctor import command, forms, selection, trace
from acksm.guide.doctor.selection import select
from acksm.ui import clean

States = dict[str, State]


def definition(name: str, category: str, needs: tuple[str, ...] = (), weak: bool = False) -> Definition[States]:
    def look(facts: States) -> list[Check]:
        return [Check(f"check.{name}", facts[name], "here", f"{name} is {facts[name]}", "do it")]

    severity = Severity.WARNING if weak else Severity.ERROR
    return Definition(f"check.{name}", category, severity, look, tuple(f"check.{need}" for need in needs))


DEFINITIONS = (
    definition("helm", "machine"),
    definition("cluster", "cluster", ("helm",)),
    definition("pods", "controllers", ("cluster",)),
    definition("log", "controllers", ("pods",), weak=True),
    definition("role", "iam"),
)
NAMES = [item.id.removeprefix("check.") for item in DEFINITIONS]


def results(**states: State) -> list[Result]:
    return judge(DEFINITIONS, {name: states.get(name, State.OK) for name in NAMES})


def ids(found: list[Result]) -> list[str]:
    return [item.check.id.removeprefix("check.") for item in found]


def test_only_takes_ids_and_categories() -> None:
    for only, expected in (
        (["pods"], ["pods"]),
        (["controllers"], ["pods", "log"]),
        (["check.role", "machine"], ["helm", "role"]),
    ):
        kept, ignored = select(DEFINITIONS, only, ()).of(results(role=State.FAILED))
        assert (ids(kept), ignored) == (expected, [])


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN])
def test_what_a_selected_check_needs_is_no_all_clear(state: State) -> None:
    kept, _ = select(DEFINITIONS, ["log"], ()).of(results(helm=state))
    assert ids(kept) == ["helm", "log"]
    assert exit_code(kept) == (3 if state is State.FAILED else 7)


def test_what_is_ignored_is_listed_and_does_not_count() -> None:
    kept, ignored = select(DEFINITIONS, (), ["role", "check.log"]).of(results(role=State.FAILED))
    assert (ids(kept), ids(ignored)) == (["helm", "cluster", "pods"], ["log", "role"])
    assert exit_code(kept) == 0
    assert (
        "ignored: check.role (the controllers' role exists and has policies): failed: role is failed"
        in command.text_of(kept, ignored, full=False)
    )


def test_an_ignored_need_counts_no_more_than_what_rests_on_it() -> None:
    kept, ignored = select(DEFINITIONS, (), ["cluster"]).of(results(cluster=State.FAILED))
    assert (exit_code(kept), ids(ignored)) == (0, ["cluster"])
    kept, ignored = select(DEFINITIONS, ["pods"], ["cluster"]).of(results(cluster=State.FAILED))
    assert (exit_code(kept), ids(ignored)) == (0, ["cluster"])


@given(st.fixed_dictionaries({name: st.sampled_from(State) for name in NAMES}), st.sets(st.sampled_from(NAMES)))
def test_ignoring_never_hides_and_never_adds(states: States, ignore: set[str]) -> None:
    every = judge(DEFINITIONS, states)
    kept, ignored = select(DEFINITIONS, (), sorted(ignore)).of(every)
    assert {*ids(kept)}.isdisjoint(ids(ignored))
    hidden = {*ids(every)} - {*ids(kept)} - {*ids(ignored)}
    assert all(item.check.state is State.SKIPPED for item in every if item.check.id.removeprefix("check.") in hidden)
    assert not ignore or {*ids(ignored)} <= ignore
    if not ignore:
        assert kept == every


@pytest.mark.parametrize(("only", "ignore"), [(["podz"], []), ([], ["podz"]), ([], ["controllers"])])
def test_unknown_names(only: list[str], ignore: list[str]) -> None:
    with pytest.raises(AcksmError) as caught:
        select(DEFINITIONS, only, ignore)
    assert caught.value.id == "check-unknown"
    assert "controllers" in ignore or "did you mean pods" in caught.value.message


def test_the_real_definitions_have_needs_that_exist() -> None:
    for definitions in (command.CHECKS, trace.CHECKS):
        known = {item.id for item in definitions}
        assert all(need in known for item in definitions for need in item.needs)
        assert selection.select(definitions, sorted(known), sorted(known)).only == known  # type: ignore[misc]


# forms

MIXED = {"helm": State.OK, "role": State.FAILED, "log": State.WARNING, "pods": State.WARNING, "cluster": State.OK}


def test_junit_has_a_case_for_each_check() -> None:
    kept, ignored = select(DEFINITIONS, (), ["pods"]).of(results(**MIXED))
    root = ElementTree.fromstring(forms.junit("cluster demo", kept, ignored, clean))
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("skipped")) == ("testsuites", "5", "1", "1")
    failure = root.find(".//testcase/failure")
    assert failure is not None
    assert (failure.get("type"), "remedy: " in str(failure.text)) == ("check.role", True)
    skipped = root.find(".//testcase/skipped")
    assert skipped is not None
    assert str(skipped.get("message")).startswith("ignored: warning")
    unknown = ElementTree.fromstring(forms.junit("x", results(helm=State.UNKNOWN), (), clean))
    assert (unknown.get("errors"), unknown.get("failures")) == ("1", "0")


def test_markdown_has_what_is_not_ok_the_worst_first() -> None:
    kept, ignored = select(DEFINITIONS, (), ["pods"]).of(results(**MIXED))
    lines = forms.markdown("cluster demo", kept, ignored, clean).splitlines()
    assert lines[0] == "## cluster demo"
    assert lines[2] == "2 ok, 1 warning, 1 failed"
    table = [line for line in lines if line.startswith("| ")]
    assert [line.split(" | ")[1] for line in table[1:]] == [
        "check.role: the controllers' role exists and has policies",
        "check.log: the controllers' logs show no known symptom",
    ]
    assert "1 check ignored:" in lines
    assert forms.markdown("x", results(helm=State.UNKNOWN), (), clean).count("incomplete") == 1


@given(st.text())
def test_any_text_stays_in_its_place(text: str) -> None:
    found = [Result(Check("check.role", State.FAILED, text, text, text), "iam", Severity.ERROR)]
    root = ElementTree.fromstring(forms.junit(text, found, found, clean))
    assert len(list(root.iter("testcase"))) == 2
    lines = forms.markdown(text, found, (), clean).split("\n")
    row = next(line for line in lines if line.startswith("| failed"))
    assert len([part for index, part in enumerate(row) if part == "|" and row[index - 1] != "\\"]) == 6
    assert "<" not in row.replace("\\<", "")
