"""Values between generations: what a user chose carries over, and no default of an old chart does."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack import charts, defaults
from acksm.ack.kinds import KINDS
from acksm.guide.install import controller_values, release
from acksm.guide.install.controller_values import Controller
from acksm.helm import values
from acksm.helm.releases import completed, is_marked
from acksm.sandbox.practice.generations import VERSIONS
from acksm.settings import ControllerSettings
from memory_helm import pulled
from release_values import OURS, REGION, ROLE, given_values

SHARED = Path(__file__).parents[4] / "shared" / "data"
PAIRS = [
    (service, before, after)
    for service, versions in VERSIONS.items()
    for before, after in [*pairwise(versions), (next(iter(versions)), list(versions)[-1])]
]


def plain(service: str, version: str) -> dict[str, Any]:
    return dict(values.plain(pulled(service, version).chart.values_text))


def item(service: str, before: str, after: str, config: Any, chart_values: Any = None) -> Controller:
    """An installed release of `before`, which is to be of `after`."""
    base = plain(service, before) if chart_values is None else chart_values
    observed = release.Observed(before, "deployed", config, is_marked(config), chart_values=base)
    return Controller(service, pulled(service, after), observed, [])


def upgraded(service: str, before: str, after: str, config: Any, chart_values: Any = None, **options: Any) -> Any:
    """The values that go to helm."""
    return given_values(item(service, before, after, config, chart_values), **options)


def notes(service: str, before: str, after: str, config: Any, chart_values: Any = None) -> list[str]:
    found = item(service, before, after, config, chart_values)
    return controller_values.not_carried(ControllerSettings(), found)


@cache
def fresh(service: str, version: str) -> Any:
    return given_values(Controller(service, pulled(service, version), release.Observed(), []))


@pytest.mark.parametrize(("service", "before", "after"), PAIRS)
def test_no_default_of_the_old_chart_becomes_a_value_of_the_new_one(service: str, before: str, after: str) -> None:
    """A release of acksm, one of `helm install`, one with a copy of values.yaml, one whose chart was edited."""
    old, desired = plain(service, before), fresh(service, after)
    edited = completed(old, {"aws": {"region": REGION, "account_id": "012345678901"}})
    for config, chart_values in ((fresh(service, before), old), ({}, old), (old, old), ({}, edited), (old, edited)):
        assert upgraded(service, before, after, config, chart_values) == desired
        assert notes(service, before, after, config, chart_values) == []


CHOSEN: list[tuple[str, dict[str, Any]]] = [
    ("0.0.0", {"log": {"level": "warn"}}),
    ("0.0.0", {"resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}),
    ("0.0.0", {"serviceAccount": {"name": "their-account", "annotations": {"their": "own"}}}),
    ("0.0.0", {"resourceTags": ["team=ml"]}),
    ("0.0.0", {"deployment": {"annotations": {"their": "own"}}}),
    ("0.0.0", {"metrics": {"service": {"create": True}}}),
    ("0.0.4", {"aws": {"endpoint_url": "https://sagemaker.example.com"}}),
    ("1.2.4", {"deletionPolicy": "retain"}),
    ("1.2.4", {"leaderElection": {"enabled": True, "namespace": "their"}}),
    ("1.2.4", {"aws": {"credentials": {"secretName": "their"}}}),
    ("1.2.4", {"deployment": {"replicas": 2, "tolerations": [{"key": "a"}], "priorityClassName": "high"}}),
    ("1.2.4", {"reconcile": {"defaultResyncPeriod": 60, "resourceResyncPeriods": {"Model": 5}}}),
    ("1.2.13", {"featureGates": {"TeamLevelCARM": True}}),
    ("1.4.1", {"enableCARM": False}),
    ("1.4.1", {"featureGates": {"ResourceAdoption": False}}),
    ("1.4.1", {"reconcile": {"resources": ["Model", "Endpoint"]}}),
    ("1.4.1", {"watchSelectors": "team=ml"}),
    ("1.5.1", {"featureGates": {"IAMRoleSelector": True}, "enableCARM": False}),
    ("1.9.1", {"enableCrossNamespace": False}),
]


@pytest.mark.parametrize(("before", "after"), [pair[1:] for pair in PAIRS if pair[0] == "sagemaker"])
def test_what_the_user_chose_survives_every_pair(before: str, after: str) -> None:
    """Set by acksm, by helm --set, in a copy of values.yaml, and in an edited chart."""
    old, new = plain("sagemaker", before), plain("sagemaker", after)
    chosen: dict[str, Any] = {}
    for since, more in CHOSEN:
        chosen = completed(chosen, more) if charts.parse(before) >= charts.parse(since) else chosen
    desired = completed(completed(new, fresh("sagemaker", after)), chosen)
    ours = completed(fresh("sagemaker", before), chosen)
    for config, chart_values in (
        (ours, old),
        (chosen, old),
        (completed(old, chosen), old),
        ({}, completed(old, chosen)),
    ):
        assert completed(new, upgraded("sagemaker", before, after, config, chart_values)) == desired


@pytest.mark.parametrize(
    ("before", "watch", "scope"),
    [
        ("0.0.3", {"watchNamespace": "team-a"}, {"installScope": "namespace", "watchNamespace": "team-a"}),
        ("0.0.4", {"installScope": "namespace"}, {"installScope": "namespace", "watchNamespace": "ack-system"}),
        ("1.2.13", {"installScope": "namespace", "watchNamespace": "a,b"}, None),
        ("1.5.1", {"installScope": "namespace"}, {"installScope": "namespace", "watchNamespace": "ack-system"}),
    ],
)
def test_what_is_watched_carries_over_wherever_it_was_written(before: str, watch: Any, scope: Any) -> None:
    old = plain("sagemaker", before)
    for config, chart_values in (
        (completed(fresh("sagemaker", before), watch), old),
        (watch, old),
        ({}, completed(old, watch)),
    ):
        got = upgraded("sagemaker", before, "1.9.1", config, chart_values)
        assert {key: got[key] for key in ("installScope", "watchNamespace")} == (scope or watch)


def test_a_default_that_was_set_by_hand_is_kept_when_the_default_changes() -> None:
    """Else --set featureGates.ResourceAdoption=false of 1.2.13 would be on in 1.4.1."""
    before = plain("sagemaker", "1.2.13") | {"featureGates": {"ResourceAdoption": False}}
    gate = {"featureGates": {"ResourceAdoption": False}}
    assert upgraded("sagemaker", "1.2.13", "1.4.1", OURS | gate, before)["featureGates"] == gate["featureGates"]
    first = given_values(
        Controller("sagemaker", pulled("sagemaker", "1.9.1"), release.Observed(), []), set=["log.level=info"]
    )
    assert first["log"] == {"level": "info"}
    assert upgraded("sagemaker", "1.9.1", "1.9.1", first) == first
    cross = upgraded("sagemaker", "1.9.1", "1.9.1", OURS, set=["enableCrossNamespace=true"])
    assert cross["enableCrossNamespace"] is True
    assert "log" not in upgraded("sagemaker", "1.9.1", "1.9.1", first, reset_values=True)


def test_a_list_of_every_old_kind_is_not_a_list_of_the_user() -> None:
    every = sorted(defaults.kinds("sagemaker", "1.4.1"))
    listed = OURS | {"reconcile": {"resources": every}}
    assert "reconcile" not in upgraded("sagemaker", "1.4.1", "1.9.1", listed)
    (note,) = notes("sagemaker", "1.4.1", "1.9.1", listed)
    assert note.startswith("reconcile.resources of the release is not kept, as it has every kind of 1.4.1")
    assert upgraded("sagemaker", "1.4.1", "1.4.1", listed) == listed
    fewer = OURS | {"reconcile": {"resources": every[1:]}}
    assert upgraded("sagemaker", "1.4.1", "1.9.1", fewer)["reconcile"] == fewer["reconcile"]
    assert notes("sagemaker", "1.4.1", "1.9.1", fewer) == []


@pytest.mark.parametrize(
    ("tag", "kept", "note"),
    [
        ("1.4.1", False, "image.tag 1.4.1 of the release is not kept, as it is the image of 1.4.1"),
        ("v1.4.1", False, "image.tag v1.4.1 of the release is not kept"),
        ("1.4.1-patched", True, "image.tag 1.4.1-patched of the release is kept, so the controller is not that of"),
        ("sha256:abc", True, "--set image.tag=1.9.1 uses it"),
    ],
)
def test_the_image_of_the_old_version_is_not_that_of_the_new_chart(tag: str, kept: bool, note: str) -> None:
    pinned = OURS | {"image": {"tag": tag}}
    assert ("image" in upgraded("sagemaker", "1.4.1", "1.9.1", pinned)) is kept
    assert note in " ".join(notes("sagemaker", "1.4.1", "1.9.1", pinned))
    assert upgraded("sagemaker", "1.4.1", "1.4.1", pinned) == pinned
    assert notes("sagemaker", "1.4.1", "1.4.1", pinned) == []


def test_placeholders_of_tags_that_controllers_no_longer_fill_in() -> None:
    """AWS refuses a tag whose value has a percent sign, so each object would fail."""
    tags = {"resourceTags": ["a=%UTCNOW%", "team=ml", "ns=%KUBERNETES_NAMESPACE%/x"]}
    for config, chart_values in ((OURS | tags, None), ({}, plain("sagemaker", "0.2.0") | tags)):
        got = upgraded("sagemaker", "0.2.0", "1.9.1", config, chart_values)
        assert got["resourceTags"] == ["team=ml", "ns=%K8S_NAMESPACE%/x"]
        assert notes("sagemaker", "0.2.0", "1.9.1", config, chart_values) == [
            "a=%UTCNOW% of resourceTags is not kept, as 1.9.1 has no %UTCNOW%",
            "%KUBERNETES_NAMESPACE% of resourceTags is now %K8S_NAMESPACE%",
        ]
    assert upgraded("sagemaker", "0.0.4", "0.2.0", OURS | tags)["resourceTags"] == tags["resourceTags"]


def test_a_release_whose_defaults_are_an_older_charts_is_not_up_to_date() -> None:
    """`helm upgrade --reuse-values` records the old chart's values as those of the new one."""
    role = fresh("sagemaker", "1.9.1")
    for chart_values, reason in ((plain("sagemaker", "1.9.1"), ""), (plain("sagemaker", "1.4.1"), "1.4.1")):
        observed = release.Observed("1.9.1", "deployed", role, True, chart_values=chart_values)
        desired = release.Desired(
            "sagemaker", "r", "n", "/c", "sagemaker-chart", "1.9.1", "sha256:x", role, ROLE,
            chart_values=plain("sagemaker", "1.9.1"),
        )  # fmt: skip
        changes = release.plan(observed, desired, wait=False, iam_is_new=False, adopt=False)
        assert [change.id for change in changes] == (["release.upgrade"] if reason else [])
        assert all("--reuse-values" in change.reason and reason in change.reason for change in changes)


# the table


@given(st.data())
def test_only_a_default_of_the_version_counts_as_one(data: st.DataObject) -> None:
    service, before, _ = data.draw(st.sampled_from(PAIRS))
    edits = list(values.flatten(plain(service, before), plain(service, before), "t"))
    edit = data.draw(st.sampled_from(edits))
    other = data.draw(st.sampled_from(["x", 7, ["x"], {"x": 1}]))
    if edit.value != other:
        assert not defaults.is_default(service, before, edit.path, other)


def test_kinds_of_a_version() -> None:
    assert defaults.kinds("sagemaker", "1.9.1") == set(KINDS["sagemaker"])
    assert "Space" not in defaults.kinds("sagemaker", "v1.4.1")
    assert defaults.kinds("applicationautoscaling", "0.0.3") == {"ScalableTarget", "ScalingPolicy"}


REAL = sorted(SHARED.glob("*/*/values.yaml"))


@pytest.mark.skipif(not REAL, reason="the shared data are not here")
def test_the_table_has_every_default_of_the_real_charts_that_changed() -> None:
    """And nothing that a later chart does not have differently."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for path in REAL:
        found.setdefault(path.parts[-3], []).append((path.parts[-2], values.plain(path.read_text())))
    for service, each in found.items():
        each.sort(key=lambda pair: charts.parse(pair[0]))
        for at, (version, old) in enumerate(each):
            for _, new in each[at + 1 :]:
                for edit in values.flatten(old, new, "t"):
                    default: Any = new
                    for key in edit.path:
                        default = default.get(key, ...) if isinstance(default, dict) else ...
                    if default is not ... and default != edit.value:
                        assert defaults.is_default(service, version, edit.path, edit.value), (version, edit)
