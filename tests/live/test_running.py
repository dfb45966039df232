"""What runs and what it reads: Deployments and values as controllers, and the matrix of scope and version."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.ack import charts
from acksm.catalog import entries
from acksm.errors import AcksmError
from acksm.live import running
from acksm.live.running import CARM, SELECTOR, Flags, Running, from_deployment, from_values
from carm_cluster import running as controller

ONE, MANY = ("a",), ("a", "b")


@pytest.mark.parametrize(
    ("service", "version", "watched", "enable", "selector", "expected"),
    [
        # docs/ack/accounts-and-regions.md#scope, row by row: (carm, defaults, id)
        ("sagemaker", "0.0.3", (), True, False, (True, True, "")),
        ("sagemaker", "1.9.1", (), True, False, (True, True, "")),
        ("sagemaker", "0.0.3", ONE, True, False, (True, True, "")),
        ("sagemaker", "0.0.4", ONE, True, False, (False, False, "annotations-ignored")),
        ("sagemaker", "1.9.1", ONE, True, False, (False, False, "annotations-ignored")),
        ("sagemaker", "1.2.7", MANY, True, False, (True, True, "")),
        ("sagemaker", "1.4.1", (), False, False, (False, False, "carm-disabled")),
        ("sagemaker", "1.4.0", (), False, False, (True, True, "")),  # it has no such value
        ("sagemaker", "1.4.1", MANY, False, False, (False, False, "carm-disabled")),
        ("sagemaker", "1.5.1", (), True, True, (False, False, "selector-needs-carm-off")),
        ("sagemaker", "1.5.1", (), False, True, (False, True, "mode-is-role-selector")),
        ("sagemaker", "1.5.1", ONE, False, True, (False, False, "selector-scope")),
        ("sagemaker", "1.5.1", MANY, False, True, (False, False, "selector-scope")),
        ("sagemaker", "1.4.1", (), True, True, (True, True, "")),  # no such gate
        ("applicationautoscaling", "1.1.2", (), True, True, (False, False, "selector-needs-carm-off")),
        ("applicationautoscaling", "1.4.1", ONE, True, False, (False, False, "annotations-ignored")),
        ("applicationautoscaling", "1.1.1", (), False, False, (False, False, "carm-disabled")),
    ],
)
def test_the_matrix(service: str, version: str, watched: Any, enable: bool, selector: bool, expected: Any) -> None:
    found = charts.reading(service, version, watched, enable, selector)
    assert (found.carm, found.defaults, found.id) == expected
    assert found.starts is (found.id != "selector-needs-carm-off")
    assert found.selectors is (found.id == "mode-is-role-selector")


@pytest.mark.parametrize("row", charts.MATRIX)
def test_every_row_that_does_not_follow_everything_says_so_in_the_catalogue(row: charts.Row) -> None:
    assert bool(row.reading.id) is not (row.reading.carm and row.reading.defaults)
    assert not row.reading.id or entries()[row.reading.id].remedy


def deployment(arguments: list[str], env: dict[str, str] | None = None) -> dict[str, Any]:
    container = {
        "image": "registry.example/aws-controllers-k8s/sagemaker-controller:1.9.1",
        "args": arguments,
        "env": [{"name": name, "value": value} for name, value in (env or {}).items()]
        + [{"name": "X", "valueFrom": {}}],
    }
    marks = {
        "helm.sh/chart": "sagemaker-chart-1.9.1",
        "app.kubernetes.io/instance": "ack-sagemaker-controller",
    }
    return {
        "metadata": {"name": "d", "namespace": "ack-system", "uid": "1", "labels": marks},
        "spec": {"template": {"metadata": {}, "spec": {"serviceAccountName": "sa", "containers": [container]}}},
    }


def test_arguments_are_read_with_the_containers_own_variables_as_the_real_chart_has_them() -> None:
    arguments = ["--aws-region", "$(AWS_REGION)", "--watch-namespace", "$(WATCH)", "--enable-leader-election"]
    arguments += ["--enable-carm=false", "--feature-gates", "$(GATES)"]
    env = {"AWS_REGION": "us-west-2", "WATCH": "a,b", "GATES": "ServiceLevelCARM=true,TeamLevelCARM=false,"}
    found = from_deployment(deployment(arguments, env))
    assert found is not None
    assert (found.service, found.version, found.release) == ("sagemaker", "1.9.1", "ack-sagemaker-controller")
    assert (found.region, found.watched, found.enable_carm) == ("us-west-2", ("a", "b"), False)
    assert found.gates == {"ServiceLevelCARM"}


@pytest.mark.parametrize(
    ("arguments", "watched"),
    [([], ()), (["--watch-namespace", ""], ()), (["--watch-namespace=a"], ("a",)), (["--watch-namespace"], ("true",))],
)
def test_scope_from_arguments(arguments: list[str], watched: tuple[str, ...]) -> None:
    found = from_deployment(deployment(arguments))
    assert found is not None
    assert found.watched == watched


def test_a_version_is_the_charts_or_the_images_and_other_deployments_are_none() -> None:
    old = deployment([])
    old["metadata"]["labels"]["helm.sh/chart"] = "sagemaker-chart-v0.0.3"
    assert (from_deployment(old) or controller()).version == "0.0.3"
    bare = deployment([])
    bare["metadata"]["labels"] = {}
    assert (from_deployment(bare) or controller()).version == "1.9.1"
    other = deployment([])
    other["metadata"]["labels"] = {}
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/s3-controller:1"
    assert from_deployment(other) is None
    assert Flags.of({"args": ["x", "--a"]}).values == {"a": "true"}


@pytest.mark.parametrize(
    ("version", "values", "watched", "mode", "carm"),
    [
        ("1.9.1", {}, (), CARM, True),
        ("1.9.1", {"installScope": "cluster", "watchNamespace": "a"}, (), CARM, True),
        ("1.9.1", {"installScope": "namespace"}, ("ack-system",), CARM, False),
        ("1.9.1", {"installScope": "namespace", "watchNamespace": "a,b"}, ("a", "b"), CARM, True),
        ("0.0.3", {"watchNamespace": "a"}, ("a",), CARM, True),
        ("0.0.4", {"installScope": "namespace"}, ("ack-system",), CARM, False),
        ("1.9.1", {"enableCARM": False}, (), CARM, False),
        ("1.9.1", {"enableCARM": False, "featureGates": {"IAMRoleSelector": True}}, (), SELECTOR, False),
        ("1.9.1", {"featureGates": {"IAMRoleSelector": "true"}}, (), SELECTOR, False),
    ],
)
def test_values_as_a_controller(version: str, values: Any, watched: Any, mode: str, carm: bool) -> None:
    found = from_values("sagemaker", "ack-system", version, values)
    assert (found.watched, found.mode, found.reading.carm) == (watched, mode, carm)


def test_modes() -> None:
    by_selector = controller(gates=frozenset({"IAMRoleSelector"}), enable_carm=False)
    assert running.mode_of([controller()]) == CARM
    assert running.mode_of([by_selector], SELECTOR) == SELECTOR
    for found, asked, expected in (
        ([controller(), by_selector], "", "mode-mixed"),
        ([controller()], SELECTOR, "mode-differs"),
        ([by_selector], CARM, "mode-differs"),
    ):
        with pytest.raises(AcksmError) as caught:
            running.mode_of(found, asked)
        assert caught.value.id == expected


def test_values_of_a_mode() -> None:
    edits = {edit.path: edit.value for edit in running.mode_edits(SELECTOR, "sagemaker", "1.9.1")}
    assert edits == {("featureGates", "IAMRoleSelector"): True, ("enableCARM",): False}
    edits = {edit.path: edit.value for edit in running.mode_edits(CARM, "sagemaker", "1.4.1")}
    assert edits == {("enableCARM",): True}
    assert running.mode_edits(None, "sagemaker", "1.9.1") == []
    assert running.mode_edits(CARM, "sagemaker", "0.2.0") == []
    with pytest.raises(AcksmError) as caught:
        running.mode_edits(SELECTOR, "sagemaker", "1.4.1")
    assert caught.value.id == "mode-unsupported"


def test_a_controller_as_data_is_whole() -> None:
    data = Running("sagemaker", "ack-system", "r", "d", "1.9.1", "sa").as_data()
    assert (data["mode"], data["reads_accounts"], data["watched"]) == ("carm", True, [])
