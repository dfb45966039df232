"""YAML of charts is read as Go reads it, and nothing but JSON comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm import bounded, yaml_reader
from acksm.yaml_reader import YamlError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
        ("12:30", "12:30"),
        ("=", "="),
        ("012345678901", "012345678901"),
        ("123456789012", 123456789012),
        ("010", 8),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.9.1", "1.9.1"),
        ("v1", "v1"),
        (".", "."),
        ("yes", True),
        ("off", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"1"', "1"),
        ("{a: [1, b]}", {"a": [1, "b"]}),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = yaml_reader.load(f"x: {text}\n")["x"]
    assert found == value
    assert type(found) is type(value)


def test_every_document_and_empty_ones() -> None:
    assert yaml_reader.load_all("a: 1\n---\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]
    assert yaml_reader.load("") is None


@pytest.mark.parametrize(
    ("text", "unsafe"),
    [
        ("a: &x [1]\nb: *x\n", True),
        ("[" * 100_000, True),
        ("- " * 50_000, True),
        ("a: " + "[" * 61 + "]" * 61, True),
        ("a: 1\na: 2\n", False),
        ("a: b: c\n", False),
        ("a: !!python/object/apply:os.getcwd []\n", False),
        ("? [1]\n: 2\n", False),
        ("a: 1\n---\nb: 2\n", False),
    ],
)
def test_what_is_refused(text: str, unsafe: bool) -> None:
    with pytest.raises(YamlError) as caught:
        yaml_reader.load(text)
    assert caught.value.unsafe is unsafe


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 3000, "a: " + "[" * 61 + "]" * 61, "a: " + "[" * 60 + "{"])
def test_what_is_too_deep_for_ruamel_is_refused_before_it(text: str) -> None:
    with pytest.raises(YamlError) as caught:
        yaml_reader.not_deep(text)
    assert caught.value.unsafe


@pytest.mark.parametrize("text", ["a: " + "[" * 59 + "]" * 59, "a: &x [1]\nb: *x\n" + "c: []\n" * 99, "]" + "[" * 61])
def test_the_rest_is_left_to_ruamel(text: str) -> None:
    assert yaml_reader.not_deep(text) == text


def _doubled(times: int) -> list[Any]:
    """A list of 2^times texts, of which one is in memory."""
    below = ["x"] if times == 0 else _doubled(times - 1)
    return below if times == 0 else [below, below]


def test_what_aliases_expand_to_is_counted_and_not_expanded() -> None:
    assert bounded.check(small := _doubled(18)) is small  # with the lists themselves 2^19 values
    loop: dict[str, Any] = {"a": [1]}
    loop["a"].append(loop)
    for one in (_doubled(19), _doubled(200), loop, dict.fromkeys(range(500_001))):
        with pytest.raises(ValueError, match="more than 1000000 values"):
            bounded.check(one)
    bounded.check(dict.fromkeys(range(500_000)))


_TEXT = st.text(st.characters(codec="ascii"), max_size=20)  # JSON escapes the rest by surrogates, which YAML lacks
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_json_is_yaml(value: Any) -> None:
    assert yaml_reader.load(json.dumps({"x": value})) == {"x": value}


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = yaml_reader.load_all(text)
    except YamlError:
        return
    json.dumps(found)
