"""Which cases `make soak` has, and where its numbers go."""

from __future__ import annotations

import math
import random

import pytest

import soak
from killer import AFTER, BEFORE, OF_HELM

PAGE = "# x\n<!-- make soak: kills -->\nold\n<!-- end: kills -->\nrest \\1\n"


def test_every_call_has_its_kill_before_and_after_and_helm_its_other_moments() -> None:
    made = soak.Soak(0.0, random.Random(1))
    made.expect("install", ["aws iam:CreateRole", "helm install x"])
    cases = made.open["install"]
    assert {(case.at, case.moment) for case in cases} == {
        *((1, moment) for moment in (BEFORE, AFTER)),
        *((2, moment) for moment in (BEFORE, *OF_HELM, AFTER)),
    }
    assert made.all["install"] == len(cases) == 8
    made.expect("install", ["what the other worker saw"])
    assert made.open["install"] is cases
    assert made.over(), "its time is"
    made.until = math.inf
    while made.next("install"):
        pass
    assert made.over()


def test_crds_which_are_many_and_alike_come_last() -> None:
    made = soak.Soak(math.inf, random.Random(1))
    made.expect("x", ["kubernetes patch /apis/x/customresourcedefinitions/a", "aws iam:CreateRole"])
    taken = [case.at for case in iter(lambda: made.next("x"), None) if isinstance(case, soak.Case)]
    assert taken == [2, 2, 1, 1]


def test_kills_by_the_clock_come_first_and_are_not_left_out_when_the_time_is_over() -> None:
    made, same = soak.Soak(0.0, random.Random(7)), soak.Soak(0.0, random.Random(7))
    for one in (made, same):
        one.draw(20)
        one.expect("x", ["aws iam:CreateRole"])
    assert made.instants == same.instants, "the seed decides"
    assert {instant.whole for instant in made.instants} == {True, False}
    taken = [made.next("x") for _ in range(20)]
    assert all(isinstance(one, soak.Instant) and 0 <= one.share < 1 for one in taken)
    assert (made.next("x"), made.over()) == (None, True)


def test_the_page_says_where_they_hit() -> None:
    made = soak.Soak(0.0, random.Random(7))
    call = "kubernetes patch /api/v1/namespaces/ack-12/secrets/a"
    made.hit = [("install", soak.Instant(0.5, True), call), ("adopt", soak.Instant(0.25, False), "none")]
    text = soak.by_clock(made, 7)
    assert "2 kills (1 of acksm alone)" in text
    assert text.splitlines()[-2:] == [
        "| adopt | 0.25 | acksm | `none` |",
        "| install | 0.50 | acksm and its helms | `kubernetes patch /api/v1/namespaces/NS/secrets/a` |",
    ]


def test_only_its_own_section_is_written() -> None:
    assert soak.written(PAGE, "kills", r"new \1") == PAGE.replace("old", r"new \1")
    with pytest.raises(AssertionError, match="no section faults"):
        soak.written(PAGE, "faults", "new")
