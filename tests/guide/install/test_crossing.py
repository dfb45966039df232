"""enableCrossNamespace is kept on where objects of the cluster need it, and what would be refused is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acksm.guide.install import crossing
from acksm.helm.values import Edit
from acksm.kube.paths import Ref
from acksm.live.crossing import EXPORT, namespaces, targets
from acksm.live.inventory import Inventory
from acksm.live.inventory_objects import common_of
from acksm.live.running import CROSS_NAMESPACE
from carm_cluster import running
from doctor_facts import export, inventory_of, item

ON = running(version="1.9.1", watched=())
OFF = replace(ON, cross_namespace=False)
THERE = inventory_of(item(crosses=("team-b",)), common=[export("team-b"), export()])


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "ScalableTarget", "metadata": {"namespace": "team-a", "name": "x"}, "spec": fields}


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        (spec(roleRef={"from": {"name": "r", "namespace": "team-b"}}), ["team-b"]),
        (spec(roleRef={"from": {"name": "r", "namespace": "team-a"}}), []),
        (spec(roleRef={"from": {"name": "r"}}), []),
        (spec(policyRefs=[{"from": {"name": "r", "namespace": n}} for n in ("z", "b", "z")]), ["b", "z"]),
        (spec(deep={"password": {"name": "s", "namespace": "team-b", "key": "k"}}), ["team-b"]),
        (spec(to={"name": "s", "namespace": "team-b"}), []),  # a field of that name, of no export
        (spec(namespace="team-b", name="n"), []),
        ({"metadata": {"name": "x"}}, []),
    ],
)
def test_what_names_another_namespace(manifest: dict[str, Any], named: list[str]) -> None:
    assert namespaces(manifest) == named


@pytest.mark.parametrize(
    ("export", "named"),
    [
        (spec(to={"name": "s", "namespace": "team-b"}), ["team-b"]),
        (spec(to={"name": "s", "namespace": "team-a"}), []),
        (spec(to={"name": "s"}), []),
        ({"metadata": {"name": "x"}}, []),
    ],
)
def test_where_an_export_writes(export: dict[str, Any], named: list[str]) -> None:
    assert targets(export) == named


def test_the_service_of_an_export() -> None:
    source = {"resource": {"group": "sagemaker.services.k8s.aws", "kind": "Model", "name": "m"}}
    location = Ref("services.k8s.aws/v1alpha1", "fieldexports", EXPORT)
    assert common_of(spec(**{"from": source}), EXPORT, location).services == ("sagemaker",)
    assert common_of(spec(), EXPORT, location).services == ("",)


def found(inventory: Inventory = THERE) -> Any:
    return lambda: inventory


def unread() -> Inventory:
    raise AssertionError("nothing is to be read")


def test_the_value_is_set_where_something_needs_it_and_the_chart_refuses() -> None:
    note = crossing.kept(OFF, [], found())
    assert note == (
        f"sagemaker: {CROSS_NAMESPACE} is set to true, as Model team/m, FieldExport team-a/arn name another namespace, "
        "which the chart's default refuses"
    )


@pytest.mark.parametrize(
    ("after", "edits", "read"),
    [
        (ON, [], unread),  # the chart's default allows it
        (OFF, [Edit((CROSS_NAMESPACE,), False, "--set")], unread),  # the user's own decision
        (OFF, [], found(inventory_of(item(), common=[export()]))),
        (replace(OFF, watched=("other",)), [], found()),
        (replace(OFF, service="applicationautoscaling"), [], found()),
    ],
)
def test_the_value_is_left_alone(after: Any, edits: list[Edit], read: Any) -> None:
    assert crossing.kept(after, edits, read) == ""


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [(ON, OFF, 2), (OFF, OFF, 0), (ON, ON, 0), (None, OFF, 0), (ON, replace(OFF, watched=("team",)), 1)],
)
def test_what_would_be_refused_from_now_on(before: Any, after: Any, count: int) -> None:
    assert len(crossing.refused(before, after, found())) == count
