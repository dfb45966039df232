"""IAM's wildcards: what they take, and that a dozen of them come to an end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

import linear
from acksm import globs


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("sts:Assume*", "sts:AssumeRole", True),
        ("sts:Assume*", "iam:AssumeRole", False),
        ("*Role", "sts:AssumeRole", True),
        ("*Role", "sts:AssumeRoleWithSAML", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("a*b*a", "aba", True),
        ("a*b*a", "ab", False),
        ("a**b", "ab", True),
        ("*ab*ab", "xab", False),
        ("*ab*ab", "xabab", True),
    ],
)
def test_what_they_take(pattern: str, text: str, fits: bool) -> None:
    assert bool(globs.pattern(pattern).fullmatch(text)) is fits


@given(st.text("ab?*", max_size=8), st.text("abA", max_size=12), st.booleans())
def test_they_take_what_a_plain_translation_takes(pattern: str, text: str, fold: bool) -> None:
    pieces = {"*": ".*", "?": "."}
    plain = re.compile("".join(pieces.get(c) or re.escape(c) for c in pattern), re.DOTALL | (re.I if fold else 0))
    assert bool(globs.pattern(pattern, fold=fold).fullmatch(text)) == bool(plain.fullmatch(text))


def test_many_stars_come_to_an_end() -> None:
    assert linear.problems(".*a.*a.*b", anchored=True)  # the plain translation does not
    assert not globs.pattern("*a" * 1000 + "b").fullmatch("a" * 2048)
