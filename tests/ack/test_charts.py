"""The table of chart generations: versions, features, and what each can watch.

docs/ack/versions.md, docs/ack/accounts-and-regions.md.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st
from packaging.version import Version
from ruamel.yaml import YAML

from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.sandbox.practice.generations import Chart, all_charts
from acksm.sandbox.practice.values import values_yaml

TAGS = ["v0.0.3", "v0.2.0", "1.2.4", "1.9.1", "1.10.0", "1.11.0-rc.1", "latest", "sha256-abc", "1.4.1"]


def failure(service: str, asked: str, tags: list[str]) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        charts.resolve(service, asked, tags)
    return caught.value


@pytest.mark.parametrize(
    ("asked", "tag"),
    [
        ("0.0.3", "v0.0.3"),
        ("v0.0.3", "v0.0.3"),
        ("1.9.1", "1.9.1"),
        ("v1.9.1", "1.9.1"),
        ("latest", "1.10.0"),  # numbers, not letters, and no candidate
        ("1.11.0-rc.1", "1.11.0-rc.1"),
    ],
)
def test_resolve(asked: str, tag: str) -> None:
    assert charts.resolve("sagemaker", asked, TAGS) == tag
    assert charts.resolve("sagemaker", asked, reversed(TAGS)) == tag


def test_where_both_forms_exist_the_one_without_v_wins() -> None:
    for tags in (["v1.0.0", "1.0.0"], ["1.0.0", "v1.0.0"]):
        assert charts.resolve("sagemaker", "v1.0.0", tags) == "1.0.0"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("1.9.2", "1.9.1, 1.10.0"),
        ("0.0.4", "0.0.3, 0.2.0"),
        ("9.9.9", "1.11.0rc1"),
        ("1.2.7", "1.2.4, 1.4.1"),
    ],
)
def test_close_ones_are_suggested(asked: str, near: str) -> None:
    error = failure("sagemaker", asked, TAGS)
    assert error.id == "chart-version-unknown"
    suggested = error.message.partition("did you mean ")[2]
    assert all(version in suggested for version in near.split(", "))


@pytest.mark.parametrize("asked", ["", "newest", "1.x", "v", "../1.9.1", "1.9.1 --debug", "=1"])
def test_what_is_no_version(asked: str) -> None:
    assert f'invalid version "{asked}"' in failure("sagemaker", asked, TAGS).message


def test_a_registry_without_releases() -> None:
    for asked in ("latest", "1.0.0"):
        assert failure("sagemaker", asked, []).id == "chart-version-unknown"
    assert failure("sagemaker", "latest", ["1.0.0-rc.1"]).id == "chart-version-unknown"


_versions = st.builds("{}.{}.{}".format, st.integers(0, 3), st.integers(0, 30), st.integers(0, 30))


@given(st.lists(_versions, min_size=1, unique=True), _versions, st.booleans())
def test_a_version_that_exists_is_found_and_suggested_ones_exist(known: list[str], asked: str, v: bool) -> None:
    tags = [f"v{tag}" if v else tag for tag in known]
    if asked in known:
        assert charts.resolve("sagemaker", asked, tags) in tags
    else:
        suggested = failure("sagemaker", asked, tags).message.partition("did you mean ")[2]
        named = suggested.removesuffix("?").replace(" or ", ", ").split(", ")
        assert set(named) <= set(known)
        assert len(named) == min(3, len(known))
    newest = charts.resolve("sagemaker", "latest", tags).lstrip("v")
    assert Version(newest) == max(map(Version, known))


def test_names_of_the_guide() -> None:
    assert charts.release_name("sagemaker") == "ack-sagemaker-controller"
    assert charts.chart_name("applicationautoscaling") == "applicationautoscaling-chart"
    assert set(charts.TESTED) == set(charts.SERVICES)


# features


HISTORY = {  # sagemaker: the first version with it, and the last before (docs/ack/versions.md#values)
    "install-scope": ("0.0.4", "0.0.3"),
    "watch-namespace": ("1.2.2", "1.2.1"),
    "watch-many": ("1.2.7", "1.2.6"),
    "feature-gates": ("1.2.12", "1.2.11"),
    "status-region": ("0.3.1", "0.3.0"),
    "drift-refused": ("1.5.1", "1.5.0"),
    "carm-waits": ("1.2.8", "1.2.7"),
    "carm": ("1.2.13", "1.2.12"),
    "carm-levels": ("1.2.13", "1.2.12"),
    "adoption-gate": ("1.2.14", "1.2.13"),
    "adoption-annotations": ("1.4.0", "1.3.4"),
    "adopt-or-create-updates": ("1.2.17", "1.2.16"),
    "synced-condition": ("0.3.1", "0.3.0"),
    "enable-carm": ("1.4.1", "1.4.0"),
    "role-selector": ("1.5.1", "1.5.0"),
    "deletion-policy": ("0.6.0", "0.5.3"),
    "read-only": ("1.2.14", "1.2.13"),
    "field-export": ("0.3.1", "0.3.0"),
    "arm64-image": ("1.2.6", "1.2.5"),
    "cross-namespace": ("1.8.1", "1.8.0"),
    "resource-tags": ("0.3.2", "0.3.1"),
    "call-timeout": ("1.8.0", "1.7.3"),
    "adoption-errors": ("1.8.0", "1.7.3"),
}
ENDED = {  # the last version with it, and the first without
    "account-id": ("0.1.0", "0.2.0"),
    "watch-namespace-only": ("0.0.3", "0.0.4"),
    "adopted-resource": ("1.5.0", "1.5.1"),
    "namespace-rbac-broken": ("1.2.6", "1.2.7"),
    "fixed-cluster-role-names": ("1.2.18", "1.2.20"),
    "exports-once": ("1.8.3", "1.9.0"),
    "system-tags": ("1.8.0", "1.8.1"),
    "pipeline-spaces": ("1.8.1", "1.8.3"),
    "v-tags": ("1.2.1", "1.2.2"),
    "old-archive-format": ("0.1.0", "0.2.0"),
}


@pytest.mark.parametrize(("feature", "versions"), [*HISTORY.items(), *ENDED.items()])
def test_when_features_come_and_go(feature: str, versions: tuple[str, str]) -> None:
    has, has_not = versions
    for prefix in ("", "v"):
        assert charts.has("sagemaker", prefix + has, feature)
        assert not charts.has("sagemaker", prefix + has_not, feature)


def test_the_history_is_whole_and_every_feature_is_told() -> None:
    assert {*HISTORY, *ENDED} == set(charts.FEATURES)
    assert all(feature.means for feature in charts.FEATURES.values())


@pytest.mark.parametrize("chart", all_charts(), ids=lambda chart: f"{chart.service}-{chart.version}")
def test_features_agree_with_the_keys_of_each_generation(chart: Chart) -> None:
    values = YAML(typ="safe", pure=True).load(values_yaml(chart))

    def has(feature: str) -> bool:
        return charts.has(chart.service, chart.version, feature)

    assert has("account-id") == ("account_id" in values["aws"])
    assert has("install-scope") == ("installScope" in values)
    assert (has("watch-namespace") or has("watch-namespace-only")) == ("watchNamespace" in values)
    assert has("enable-carm") == ("enableCARM" in values)
    assert has("feature-gates") == ("featureGates" in values)
    assert has("cross-namespace") == ("enableCrossNamespace" in values)
    assert has("v-tags") == chart.tag.startswith("v")
    assert has("adopted-resource") == ("AdoptedResource" in chart.common_kinds)
    assert has("role-selector") == ("IAMRoleSelector" in chart.common_kinds)


@given(_versions, st.sampled_from(charts.SERVICES), st.sampled_from(sorted(charts.FEATURES)))
def test_a_feature_holds_in_one_stretch_of_versions(version: str, service: str, feature: str) -> None:
    order = sorted({Version(version), *map(Version, ("0.0.1", "0.2.0", "1.2.2", "1.2.7", "1.5.1", "3.0.0"))})
    holds = [charts.has(service, str(item), feature) for item in order]
    assert sum(one != other for one, other in pairwise([False, *holds, False])) <= 2


# scope


CLUSTER = [
    ("0.0.3", {"watchNamespace": ""}),
    ("0.0.4", {"installScope": "cluster"}),
    ("1.2.1", {"installScope": "cluster"}),
    ("1.2.4", {"installScope": "cluster", "watchNamespace": ""}),
    ("1.9.1", {"installScope": "cluster", "watchNamespace": ""}),
]


@pytest.mark.parametrize(("version", "values"), CLUSTER)
def test_cluster_scope(version: str, values: dict[str, str]) -> None:
    scope = charts.scope("sagemaker", version, "cluster", [], "ack-system")
    assert (scope.values, scope.text, scope.reads_namespaces) == (values, "all namespaces", True)


NAMESPACE = [
    # version, watched, values or the error's id, whether annotations of namespaces are read
    ("0.0.3", [], {"watchNamespace": "ack-system"}, True),
    ("0.0.3", ["ml"], {"watchNamespace": "ml"}, True),
    ("0.0.3", ["ml", "dev"], "scope-unsupported", None),
    ("0.0.4", [], {"installScope": "namespace"}, False),
    ("0.0.4", ["ack-system"], {"installScope": "namespace"}, False),
    ("0.0.4", ["ml"], "scope-unsupported", None),
    ("0.0.4", ["ack-system", "ml"], "scope-unsupported", None),
    ("1.2.1", [], {"installScope": "namespace"}, False),
    ("1.2.2", [], "scope-broken", None),
    ("1.2.5", ["ml"], "scope-broken", None),
    ("1.2.6", [], "scope-broken", None),
    ("1.2.6", ["ml", "dev"], "scope-broken", None),
    ("1.2.7", [], {"installScope": "namespace", "watchNamespace": "ack-system"}, False),
    ("1.2.7", ["ml"], {"installScope": "namespace", "watchNamespace": "ml"}, False),
    ("1.2.7", ["ml", "dev"], {"installScope": "namespace", "watchNamespace": "ml,dev"}, True),
    ("1.9.1", ["ml", "dev", "ml"], {"installScope": "namespace", "watchNamespace": "ml,dev"}, True),
    ("1.9.1", ["ml", "ml"], {"installScope": "namespace", "watchNamespace": "ml"}, False),
    ("v1.9.1", ["ml"], {"installScope": "namespace", "watchNamespace": "ml"}, False),
]


@pytest.mark.parametrize(("version", "watch", "expected", "reads"), NAMESPACE)
def test_namespace_scope(version: str, watch: list[str], expected: dict[str, str] | str, reads: bool | None) -> None:
    if isinstance(expected, str):
        with pytest.raises(AcksmError) as caught:
            charts.scope("sagemaker", version, "namespace", watch, "ack-system")
        assert caught.value.id == expected
        assert f"sagemaker-chart {version}" in caught.value.where
        return
    scope = charts.scope("sagemaker", version, "namespace", watch, "ack-system")
    assert (scope.values, scope.reads_namespaces) == (expected, reads)
    assert all(name in scope.text for name in watch or ["ack-system"])


def test_a_namespace_that_an_old_chart_cannot_watch_has_a_way_out() -> None:
    with pytest.raises(AcksmError) as caught:
        charts.scope("sagemaker", "0.0.4", "namespace", ["ml"], "ack-system")
    assert "--controller-namespace ml" in caught.value.remedy


def test_scope_in_words() -> None:
    def text(*watch: str) -> str:
        return charts.scope("sagemaker", "1.9.1", "namespace", watch, "ack-system").text

    assert (text(), text("a"), text("a", "b")) == ("namespace ack-system", "namespace a", "namespaces a, b")


@given(st.sampled_from(charts.SERVICES), _versions, st.lists(st.sampled_from(["a", "b", "ack-system"]), max_size=3))
def test_lists_have_no_spaces_and_no_doubles(service: str, version: str, watch: list[str]) -> None:
    """The controller exits on both (docs/ack/messages.md#at-start)."""
    try:
        values = charts.scope(service, version, "namespace", watch, "ack-system").values
    except AcksmError as error:
        values, failure = {}, error.id
    else:
        failure = ""
    names = values.get("watchNamespace", "").split(",")
    assert failure in {"", "scope-broken", "scope-unsupported"}
    assert len(names) == len(set(names))
    assert " " not in "".join(names)
