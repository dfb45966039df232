"""Which cases `make soak` has, and where its numbers go."""

from __future__ import annotations

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
    while made.next("install"):
        pass
    assert made.over()


def test_crds_which_are_many_and_alike_come_last() -> None:
    made = soak.Soak(0.0, random.Random(1))
    made.expect("x", ["kubernetes patch /apis/x/customresourcedefinitions/a", "aws iam:CreateRole"])
    taken = [case.at for case in iter(lambda: made.next("x"), None)]
    assert taken == [2, 2, 1, 1]


def test_only_its_own_section_is_written() -> None:
    assert soak.written(PAGE, "kills", r"new \1") == PAGE.replace("old", r"new \1")
    with pytest.raises(AssertionError, match="no section faults"):
        soak.written(PAGE, "faults", "new")
