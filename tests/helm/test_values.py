"""The values patcher: only what was asked for changes, and account ids stay whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from ruamel.yaml import YAML

from acksm.errors import AcksmError
from acksm.guide.install.release import overrides
from acksm.helm.values import Edit, flatten, leaves, parse_set, patch, plain, read_file, validate
from acksm.sandbox.practice.generations import Chart, all_charts
from acksm.sandbox.practice.values import schema, values_yaml

NEWEST = next(chart for chart in all_charts() if chart.service == "sagemaker" and chart.version == "1.9.1")
TEXT = values_yaml(NEWEST)
ROLE = ("serviceAccount", "annotations", "eks.amazonaws.com/role-arn")
ARN = "arn:aws:iam::012345678901:role/x"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def edit(path: str, value: Any) -> Edit:
    return Edit(tuple(path.split(".")), value, "test")


def test_no_edits_no_change() -> None:
    assert patch(TEXT, []).text == TEXT
    assert patch(TEXT, []).diff == ()


def test_comments_order_and_other_lines_stay() -> None:
    patched = patch(TEXT, [edit("aws.region", "us-west-2"), Edit(ROLE, ARN, "test")])
    before, after = TEXT.splitlines(), patched.text.splitlines()
    assert [line for line in before if line.strip().startswith("#")] == [
        line for line in after if line.strip().startswith("#")
    ]
    assert [line for line in after if line not in before] == [
        '  region: "us-west-2"',  # in the chart's own quotes
        "  annotations:",
        f"    eks.amazonaws.com/role-arn: {ARN}",
    ]


@pytest.mark.parametrize("item", ["  - ", "- "])
def test_lists_keep_the_charts_own_indentation(item: str) -> None:
    text = f"aws:\n  region: none\nresourceTags:\n{item}a=b\n{item}c=d\nreconcile:\n  resources:\n  {item}App\n"
    assert patch(text, [edit("aws.region", "us-west-2")]).text == text.replace("none", "us-west-2")


@settings(max_examples=20)
@given(st.from_regex(r"\A[0-9]{12}\Z"))
def test_account_ids_survive_as_quoted_texts(account: str) -> None:
    old = next(chart for chart in all_charts() if chart.generation == "0.0.3")
    patched = patch(values_yaml(old), [edit("aws.account_id", account)])
    assert f'account_id: "{account}"' in patched.text
    assert load(patched.text)["aws"]["account_id"] == account


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("log.levle", "log.level"),
        ("awss.region", "aws"),
        ("instalScope", "installScope"),
        ("featureGates.IAMRolSelector", "featureGates.IAMRoleSelector"),
    ],
)
def test_an_unknown_key_names_the_nearest(path: str, nearest: str) -> None:
    with pytest.raises(AcksmError) as caught:
        patch(TEXT, [edit(path, "x")])
    assert caught.value.id == "values-unknown-key"
    assert f"did you mean {nearest}" in caught.value.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("log.level", 3),
        ("enableCARM", "false"),
        ("deployment.replicas", "2"),
        ("deployment.replicas", True),
        ("resourceTags", "a=b"),
        ("aws", "x"),
    ],
)
def test_a_wrong_type_is_refused(path: str, value: Any) -> None:
    with pytest.raises(AcksmError) as caught:
        patch(TEXT, [edit(path, value)])
    assert caught.value.id == "values-type"


def test_keys_of_open_maps_are_the_users_own() -> None:
    patched = patch(
        TEXT,
        [
            edit("deployment.nodeSelector.disk", "fast"),
            edit("deployment.labels.team", "ml"),
            edit("resources.limits.ephemeral-storage", "1Gi"),
        ],
    )
    assert load(patched.text)["deployment"]["nodeSelector"] == {"kubernetes.io/os": "linux", "disk": "fast"}


def test_the_charts_schema_is_asked() -> None:
    with pytest.raises(AcksmError) as caught:
        validate(patch(TEXT, [edit("aws.region", "x"), edit("installScope", "world")]).values, schema(NEWEST), "x")
    assert caught.value.id == "values-schema"
    assert "installScope" in caught.value.message


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "nonsense", "properties": 7},
        {"properties": {"aws": {"pattern": "("}}, "patternProperties": {"(": {}}},
        {"$ref": "#/nowhere"},
        {"properties": {"aws": {"$ref": "https://schemas.invalid/x.json"}}},
        {"allOf": [{"$ref": "file:///etc/passwd"}]},
        {"$ref": "#"},
        {"required": "aws"},
    ],
)
def test_a_broken_schema_is_the_charts_fault(broken: dict[str, Any]) -> None:
    with pytest.raises(AcksmError) as caught:
        validate(plain(TEXT), broken, "x")
    assert caught.value.id == "chart-invalid"


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("log.level=debug", ("log", "level"), "debug"),
        ("enableCARM=false", ("enableCARM",), False),
        ("deployment.replicas=2", ("deployment", "replicas"), 2),
        ('resourceTags=["a=b","c=d"]', ("resourceTags",), ["a=b", "c=d"]),
        (r"serviceAccount.annotations.a\.b/c=1", ("serviceAccount", "annotations", "a.b/c"), "1"),
        ("aws.endpoint_url=http://x?a=b", ("aws", "endpoint_url"), "http://x?a=b"),
    ],
)
def test_set_takes_its_type_from_the_chart(text: str, path: tuple[str, ...], value: Any) -> None:
    assert parse_set(text, load(TEXT)) == Edit(path, value, "--set", explicit=True)


@pytest.mark.parametrize(
    "text", ["log.level", "=x", "a..b=1", "enableCARM=maybe", "deployment.replicas=two", "resourceTags=a=b"]
)
def test_bad_set(text: str) -> None:
    with pytest.raises(AcksmError) as caught:
        parse_set(text, load(TEXT))
    assert caught.value.id == "values-type"


def test_a_values_file_that_is_not_yaml_is_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    path.write_text("a: 1\nb: [\n")
    with pytest.raises(AcksmError) as caught:
        read_file(str(path))
    assert (caught.value.id, caught.value.where) == ("values-file", f"{path}:3:1")
    with pytest.raises(AcksmError):
        read_file(str(tmp_path / "nowhere"))


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, len(TEXT.splitlines()) - 1), st.sampled_from(["", "  ", "# note "])), max_size=6)
)
@example([(TEXT.splitlines().index('  region: ""') + 1, "  ")])
def test_spaces_that_mean_nothing_stay_as_they_are(inserted: list[tuple[int, str]]) -> None:
    lines = TEXT.splitlines()
    for location, line in inserted:
        lines.insert(location, line)
    lines = [
        f"{line}  " if index % 7 == 0 and line.strip().startswith("#") else line for index, line in enumerate(lines)
    ]
    patched = patch("\n".join(lines) + "\n", [edit("aws.region", "us-west-2")]).text
    assert patched.splitlines() == ['  region: "us-west-2"' if line == '  region: ""' else line for line in lines]


@pytest.mark.parametrize(
    "value",
    ["no", "Yes", "on", "null", "~", "1e3", "0x1f", "012", "a\x85b", "a\x1bb", "a\nb", " a", "#a", "a: b", "[a", "é"],
)
def test_a_text_stays_a_text_for_whoever_reads_the_yaml(value: str) -> None:
    import yaml as other  # YAML 1.1, as Go's libraries speak it

    patched = patch(TEXT, [edit("log.level", value)]).text
    assert load(patched)["log"]["level"] == value
    assert other.safe_load(patched)["log"]["level"] == value
    assert "\x1b" not in patched


@pytest.mark.parametrize("value", [[], None], ids=str)
def test_a_list_below_a_comment_becomes_an_empty_one(value: Any) -> None:
    text = "tags:\n  # what they are\n  # and for whom\n  - a=b\n  - c=d\n\nlast:\n  name: x\n  map: {}\n"
    patched = patch(text, [Edit(("tags",), value, "--set", kept=True)])
    assert plain(patched.text) == {"tags": value, "last": {"name": "x", "map": {}}}
    assert "# and for whom" in patched.text


def test_an_empty_mapping_in_a_file_says_nothing_about_the_charts_own() -> None:
    """Whoever copies the chart's values.yaml and changes a line does not clear labels that are set elsewhere."""
    chart = load(TEXT)
    given = {"deployment": {"labels": {}, "replicas": 2}, "resources": {}}
    assert list(flatten(given, chart, "f")) == [Edit(("deployment", "replicas"), 2, "f")]
    assert list(flatten({"nowhere": {}}, chart, "f")) == [Edit(("nowhere",), {}, "f")]


def test_a_mapping_given_by_set_is_merged_and_its_keys_are_seen() -> None:
    chart = load(TEXT)
    whole = parse_set('serviceAccount.annotations={"eks.amazonaws.com/role-arn":"x","a":"b"}', chart)
    assert {item.path[-1]: item.value for item in leaves(whole, chart)} == {"eks.amazonaws.com/role-arn": "x", "a": "b"}
    assert list(leaves(parse_set("deployment.labels={}", chart), chart)) == []
    one = parse_set("log.level=debug", chart)
    assert list(leaves(one, chart)) == [one]


_EDITS = st.lists(
    st.one_of(
        st.builds(lambda v: edit("log.level", v), st.text(min_size=1, max_size=8)),
        st.builds(lambda v: edit("aws.region", v), st.from_regex(r"\A[a-z]{2}-[a-z]{4}-[0-9]\Z")),
        st.builds(lambda v: edit("enableCARM", v), st.booleans()),
        st.builds(lambda v: edit("deployment.replicas", v), st.integers(0, 9)),
        st.builds(lambda v: edit("watchNamespace", v), st.from_regex(r"\A[a-z0-9,]{1,9}\Z")),
        st.builds(
            lambda k, v: Edit(("deployment", "labels", k), v, "t"),
            st.from_regex(r"\A[a-z0-9./]{1,9}\Z"),
            st.text(max_size=9),
        ),
    ),
    max_size=6,
)


@settings(max_examples=20)
@given(_EDITS)
def test_patching_is_repeatable_and_changes_only_what_was_asked(edits: list[Edit]) -> None:
    one, other = patch(TEXT, edits), patch(TEXT, edits)
    assert one.text == other.text
    assert load(one.text) == plain(one.text) == one.values
    assert patch(one.text, edits).values == one.values
    expected = load(TEXT)
    for item in edits:
        node = expected
        for key in item.path[:-1]:
            node = node.setdefault(key, {})
        node[item.path[-1]] = item.value
    assert one.values == expected


def test_neither_the_charts_values_nor_those_of_an_edit_are_changed_by_another() -> None:
    given: dict[str, Any] = {"disk": "fast"}
    edits = [Edit(("deployment", "nodeSelector"), given, "test"), edit("deployment.nodeSelector.zone", "a")]
    assert patch(TEXT, edits).values["deployment"]["nodeSelector"] == {"disk": "fast", "zone": "a"}
    assert given == {"disk": "fast"}
    assert plain(TEXT) == load(TEXT)


@settings(max_examples=20)
@given(_EDITS)
def test_overrides_on_the_charts_values_give_the_patched_ones(edits: list[Edit]) -> None:
    patched = patch(TEXT, edits)
    again = patch(TEXT, list(flatten(overrides(patched), patched.chart_values, "t")))
    assert again.values == patched.values


def keys(node: Any, prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(node, dict) or not node:
        return {prefix}
    return {found for key, value in node.items() for found in keys(value, (*prefix, str(key)))}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
@pytest.mark.parametrize("chart", all_charts(), ids=lambda chart: f"{chart.service}-{chart.version}")
def test_practice_charts_have_the_keys_of_the_real_ones(chart: Chart) -> None:
    real = SHARED / chart.service / chart.version / "values.yaml"
    if not real.is_file():
        pytest.skip("this version is not among the shared data")
    assert keys(load(values_yaml(chart))) == keys(load(real.read_text()))
