"""IAMRoleSelectors: overlaps found before anything is made, and never a moment without one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.guide.carm import command as carm, role_selector
from acksm.guide.carm.role_map import Subject
from acksm.guide.carm.role_selector import ObservedSelectors, binding_selector
from acksm.live.bindings import ManagedObject, Namespace
from acksm.live.role_selectors import Selector, overlap, overlaps
from carm_cluster import OWN, ROLE, B, C, account, desired, running

FAR = ROLE.format(B)
SM, AAS = "sagemaker.services.k8s.aws", "applicationautoscaling.services.k8s.aws"
CONTROLLER = running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False)


def seen(*selectors: Selector, objects: Any = (), **labels: str) -> ObservedSelectors:
    spaces = {name: Namespace(name, labels=labels | {"kubernetes.io/metadata.name": name}) for name in ("one", "two")}
    return ObservedSelectors(carm.Observed((CONTROLLER,), spaces, {}, objects), selectors)


def test_a_selector_reads_back_as_it_was_applied() -> None:
    for service in ("", "sagemaker"):
        made = binding_selector("one", FAR, service)
        assert Selector.of(made.manifest()) == made


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (binding_selector("one", FAR), binding_selector("one", ROLE.format(C)), "one"),
        (binding_selector("one", FAR), binding_selector("two", FAR), ""),
        (binding_selector("one", FAR, "sagemaker"), binding_selector("one", FAR, "applicationautoscaling"), ""),
        (binding_selector("one", FAR, "sagemaker"), binding_selector("one", FAR), "one"),
        (binding_selector("one", FAR), Selector("all", FAR), "one"),
        (binding_selector("one", FAR), Selector("all", FAR, names=()), "one"),
        (binding_selector("one", FAR), Selector("x", FAR, namespace_labels={"team": "a"}), "one"),
        (binding_selector("one", FAR), Selector("x", FAR, namespace_labels={"team": "b"}), ""),
        (binding_selector("one", FAR), Selector("x", FAR, names=("two",), namespace_labels={"team": "a"}), ""),
        (Selector("x", FAR, types=((SM, "", "Model"),)), Selector("y", FAR, types=((SM, "v1alpha1", ""),)), "one"),
        (
            Selector("x", FAR, types=((SM, "", "Model"),)),
            Selector("y", FAR, types=((SM, "", "App"), (AAS, "", ""))),
            "",
        ),
        (Selector("x", FAR, types=(("", "", "Model"),)), Selector("y", FAR, types=((SM, "", ""),)), "one"),
        (Selector("x", FAR, labels={"a": "1"}), Selector("y", FAR, labels={"a": "2"}), ""),
        (Selector("x", FAR, labels={"a": "1"}), Selector("y", FAR, labels={"b": "2"}), "one"),
    ],
)
def test_overlaps(one: Selector, other: Selector, expected: str) -> None:
    spaces = [("one", {"team": "a"}), ("two", {"team": "b"})]
    assert overlap(one, other, spaces[:1]) == overlap(other, one, spaces[:1]) == expected


TYPES = st.tuples(st.sampled_from(["", SM, AAS]), st.just(""), st.sampled_from(["", "Model", "App"]))
LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))
SELECTORS = st.builds(
    Selector,
    st.just("x"),
    st.just(FAR),
    st.none() | st.lists(st.sampled_from(["one", "two"])).map(tuple),
    LABELS,
    st.none() | st.lists(TYPES, min_size=1, max_size=2).map(tuple),
    LABELS,
)


def matches(selector: Selector, space: str, labels: Any, kind: tuple[str, str], own: Any) -> bool:
    """What the controller does with one object (docs/ack/accounts-and-regions.md#role-selectors)."""
    types = not selector.types or any(g in ("", kind[0]) and k in ("", kind[1]) for g, _, k in selector.types)
    return selector.fits(space, labels) and types and all(own.get(k) == v for k, v in selector.labels.items())


@given(SELECTORS, SELECTORS, LABELS, st.sampled_from([SM, AAS]), st.sampled_from(["Model", "App"]), LABELS)
def test_whatever_two_selectors_match_both_is_an_overlap(
    one: Selector, other: Selector, space: Any, group: str, kind: str, own: Any
) -> None:
    if all(matches(selector, "one", space, (group, kind), own) for selector in (one, other)):
        assert overlap(one, other, [("one", space)]) == "one"


def test_binding_makes_one_selector_a_namespace_and_a_second_run_nothing() -> None:
    planned = role_selector.plan(seen(), desired({"one": account(B), "two": account(C)}))
    assert [change.id for change in planned.changes] == ["selector.create"] * 2 + ["selector.confirm"]
    made = [Selector.of(change.params["manifest"]) for change in planned.changes[:2]]
    assert [item.arn for item in made] == [FAR, ROLE.format(C)]
    assert role_selector.plan(seen(*made), desired({"one": account(B), "two": account(C)})).changes == []


def test_another_role_comes_before_the_old_one_goes() -> None:
    old = binding_selector("one", FAR)
    role = f"arn:aws:iam::{B}:role/other"
    planned = role_selector.plan(seen(old), desired({"one": account(B)}, {account(B): {"": role}}))
    assert [change.id for change in planned.changes] == ["selector.create", "selector.delete", "selector.confirm"]
    assert len({change.lane for change in planned.changes[:2]}) == 1  # in order


def test_the_role_that_is_there_stays_when_none_is_named() -> None:
    kept = binding_selector("one", f"arn:aws:iam::{B}:role/other")
    assert role_selector.plan(seen(kept), desired({"one": account(B)})).changes == []


@pytest.mark.parametrize(
    ("start", "subject", "roles", "expected"),
    [
        (seen(Selector("by-hand", FAR)), account(B), {"": ""}, "selector-overlap"),
        (seen(binding_selector("one", FAR)), account(B), {"sagemaker": FAR}, "selector-overlap"),
        (seen(), Subject(carm.TEAM_LEVEL, "a"), {"": FAR}, "selector-team"),
        (seen(), account(OWN), {"": ""}, "carm-own-account"),
        (seen(), account(B), {"": ROLE.format(C)}, "carm-role-account"),
        (
            seen(objects=[ManagedObject("Model", "one", "m", OWN, "", "sagemaker")]),
            account(B),
            {"": ""},
            "carm-objects-live",
        ),
    ],
)
def test_refusals(start: ObservedSelectors, subject: Subject, roles: Any, expected: str) -> None:
    with pytest.raises(AcksmError) as caught:
        role_selector.plan(start, desired({"one": subject}, {subject: roles}))
    assert caught.value.id == expected


def test_unbinding_takes_only_acksms_own_and_says_what_else_matches() -> None:
    mine, theirs = binding_selector("one", FAR), Selector("by-hand", FAR, types=((AAS, "", ""),))
    planned = role_selector.plan_unbind(seen(mine, theirs), ["one"], OWN)
    assert [change.params["name"] for change in planned.changes] == [mine.name]
    assert "by-hand" in planned.notes[0]
    objects = [ManagedObject("Model", "one", "m", B, "", "sagemaker")]
    with pytest.raises(AcksmError) as caught:
        role_selector.plan_unbind(seen(mine, objects=objects), ["one"], OWN)
    assert caught.value.id == "carm-objects-live"


def test_overlaps_of_a_whole_cluster() -> None:
    found = overlaps(
        [binding_selector("one", FAR), Selector("all", FAR), binding_selector("two", FAR)], seen().base.namespaces
    )
    assert [(one, where) for one, _, where in found] == [(binding_selector("one", FAR).name, "one"), ("all", "two")]
