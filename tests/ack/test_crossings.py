"""Every line that an upgrade can cross is told, and each difference is told once in either direction."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.ack.crossings import CROSSINGS, Concerns, between

LINES = sorted(
    {version for feature in charts.FEATURES.values() for version in (*feature.since, *(feature.until or ()))}
)


def test_no_feature_is_forgotten() -> None:
    assert set(CROSSINGS) == set(charts.FEATURES)


@pytest.mark.parametrize("name", sorted(CROSSINGS))
def test_what_concerns_something_says_what_to_do(name: str) -> None:
    crossing = CROSSINGS[name]
    assert (crossing.concerns is not Concerns.NOTHING) == bool(crossing.begins or crossing.ends)


@given(st.sampled_from(charts.SERVICES), st.sampled_from(LINES), st.sampled_from(LINES))
def test_back_and_forth_are_the_same_lines(service: str, one: str, other: str) -> None:
    forth, back = between(service, one, other), between(service, other, one)
    assert [(item.feature, not item.begins) for item in forth] == [(item.feature, item.begins) for item in back]
    assert between(service, one, one) == []
    for item in forth:
        assert charts.has(service, other, item.feature) is item.begins


@given(st.sampled_from(charts.SERVICES), st.lists(st.sampled_from(LINES), min_size=3, max_size=3))
def test_a_long_step_is_the_sum_of_short_ones(service: str, versions: list[str]) -> None:
    first, middle, last = versions
    summed = {item.feature: item.begins for item in between(service, first, middle)}
    for item in between(service, middle, last):
        if summed.get(item.feature) == (not item.begins):
            del summed[item.feature]
        else:
            summed[item.feature] = item.begins
    assert summed == {item.feature: item.begins for item in between(service, first, last)}
