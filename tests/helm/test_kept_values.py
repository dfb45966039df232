"""Values of an installed release: kept where they have an effect, dropped with a note where they have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from acksm.archive import Chart
from acksm.errors import AcksmError
from acksm.guide.install.release import overrides
from acksm.helm.kept_values import edits, note, references, unknown
from acksm.helm.values import flatten, is_open, patch, plain, validate
from acksm.sandbox.practice.generations import all_charts
from acksm.sandbox.practice.values import schema, values_yaml

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
VALUES = """
aws: {region: ""}
log: {level: info, verbose: false}
serviceAccount: {annotations: {}}
resources: {}
labels: {}
replicas: 1
tags: [a=b]
gates: {One: true}
"""
TEMPLATE = '{{ .Values.log.level }} {{ range $k, $v := .Values.gates }} {{ index .Values "aws" "zone" }}'
CHART = Chart("c", "2", "2", {"values.yaml": VALUES.encode(), "templates/a.yaml": TEMPLATE.encode()})


def desired(installed: dict[str, Any], chart: Chart = CHART) -> Any:
    patched = patch(chart.values_text, edits(installed, chart))
    validate(patched.values, chart.schema, chart.name)
    return overrides(patched)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"log": {"level": "debug"}}, []),
        ({"log": {"levle": "debug"}}, ["log.levle"]),
        ({"moon": 1, "aws": {"region": "x", "sun": {"a": 1, "b": 2}}}, ["moon", "aws.sun.a", "aws.sun.b"]),
        ({"serviceAccount": {"annotations": {"their": "own"}}, "resources": {"limits": {"gpu": 1}}}, []),
        ({"labels": {"theirs": "x"}}, []),
        ({"log": "debug"}, []),
        ({"moon": None}, ["moon"]),
        # the template reads the whole map, and a value that values.yaml does not name
        ({"gates": {"Two": True}, "aws": {"zone": "a", "moon": 1}}, ["aws.moon"]),
    ],
)
def test_values_that_the_chart_does_not_read(given: dict[str, Any], expected: list[str]) -> None:
    assert unknown(given, CHART) == expected
    kept = {".".join(edit.path) for edit in edits(given, CHART)}
    assert not kept & set(expected)
    assert ("dropped" in note(given, CHART, {})) is bool(expected)


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"gates": {"Two": True}}, {"gates": {"Two": True}}),
        ({"log": {"level": None}}, {"log": {"level": None}}),  # helm removes the default
        ({"resources": None}, {"resources": None}),
        ({"replicas": "2"}, {"replicas": 2}),
        ({"log": {"verbose": "true", "level": 5}}, {"log": {"verbose": True, "level": "5"}}),
        ({"tags": ""}, {"tags": []}),
        ({"tags": "[c=d]"}, {"tags": ["c=d"]}),
        ({"replicas": "two"}, {"replicas": "two"}),  # the schema judges it, and the error names the key
        (
            {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
            {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
        ),
    ],
)
def test_what_a_release_has_is_kept_in_the_charts_types(installed: dict[str, Any], expected: dict[str, Any]) -> None:
    assert desired(installed) == expected
    assert desired(expected) == expected


def test_what_a_newer_chart_no_longer_has_is_told_apart_from_what_never_had_an_effect() -> None:
    told = note({"moon": 1, "log": {"old": True}, "aws": {"account_id": "1"}}, CHART, {"log": {"old": False}})
    assert told == "dropped 3 values of the release: moon, aws.account_id (never had an effect); log.old (not in c 2)"
    assert note({"aws": {"account_id": "1"}}, CHART, {}, {("aws", "account_id")}) == ""


def test_a_null_of_ones_own_is_helms_and_is_judged_by_the_schema() -> None:
    chart = {"type": "object", "properties": {"log": {"required": ["level"], "type": "object"}}}
    found = patch(VALUES, list(flatten({"replicas": None}, plain(VALUES), "f"))).values
    assert found["replicas"] is None
    validate(found, chart, "c")
    with pytest.raises(AcksmError) as caught:
        validate(patch(VALUES, list(flatten({"log": {"level": None}}, plain(VALUES), "f"))).values, chart, "c")
    assert caught.value.id == "values-schema"
    with pytest.raises(AcksmError) as caught:
        patch(VALUES, list(flatten({"moon": None}, plain(VALUES), "f")))
    assert caught.value.id == "values-unknown-key"


def real_and_practice() -> list[Chart]:
    found = []
    for chart in all_charts():
        home = SHARED / chart.service / chart.version
        text = (home / "values.yaml").read_bytes() if home.is_dir() else values_yaml(chart).encode()
        files = {"values.yaml": text}
        if (home / "values.schema.json").is_file():
            files["values.schema.json"] = (home / "values.schema.json").read_bytes()
        elif found_schema := schema(chart):
            files["values.schema.json"] = json.dumps(found_schema).encode()
        found.append(Chart(f"{chart.service}-chart", chart.version, chart.version, files))
    return found


CHARTS = real_and_practice()
TEXTS = st.sampled_from(
    ["", "a", "1", "0.5", "1024Mi", "007", "on", "no", "true", "null", "~", "1e3", "0x1f", "a: b", " x"]
)
SCALARS = st.none() | st.booleans() | st.integers(-9, 2**40) | st.sampled_from([0.5, 1e3, 1e-7, 2.0]) | TEXTS
FREE = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=2) | st.dictionaries(TEXTS, one, max_size=2), max_leaves=6
)


def like(default: object) -> st.SearchStrategy[Any]:
    """Values that a user may write for a default: of its type, or null."""
    if isinstance(default, dict):
        return st.fixed_dictionaries({}, optional={key: like(item) for key, item in default.items()}).flatmap(
            lambda known: st.just(known) if default else st.dictionaries(TEXTS, FREE, max_size=2)
        )
    kinds: dict[type, st.SearchStrategy[Any]] = {
        bool: st.booleans(),
        int: st.integers(0, 99),
        str: TEXTS,
        list: st.lists(FREE, max_size=2),
    }
    return st.none() | kinds.get(type(default), FREE)


@settings(max_examples=30)
@given(st.data())
def test_the_next_install_has_the_same_values_whatever_they_are(data: st.DataObject) -> None:
    """What goes to helm comes back from its record as JSON, and leads to itself."""
    chart = data.draw(st.sampled_from(CHARTS), label="chart")
    default = plain(chart.values_text)
    given = data.draw(like(default), label="values")
    try:
        patched = patch(chart.values_text, list(flatten(given, default, "f")))
        validate(patched.values, chart.schema, chart.name)
    except AcksmError as error:
        if error.id not in {"values-schema", "values-type"}:
            raise
        return
    first = json.loads(json.dumps(overrides(patched)))
    assert desired(first, chart) == first
    assert unknown(first, chart) == []


def test_references_of_templates() -> None:
    assert references(CHART) == {("log", "level"), ("gates",), ("aws", "zone")}
    assert is_open(("labels",), {})
