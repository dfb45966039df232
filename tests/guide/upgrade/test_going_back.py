"""Whether an older controller can take over again, by what the cluster has."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.ack.kinds import KINDS
from acksm.guide.upgrade import going_back
from acksm.guide.upgrade.touched import Cluster
from acksm.kube.paths import ref
from acksm.live import managed
from acksm.live.bindings import Namespace
from acksm.live.inventory_objects import Common
from acksm.live.running import Running, from_values
from acksm.sandbox.practice.generations import VERSIONS

MARK = "services.k8s.aws/"
MODEL = KINDS["sagemaker"]["Model"]


def controller(version: str, **values: Any) -> Running:
    return from_values("sagemaker", "ack-system", version, values)


def model(annotations: dict[str, str] | None = None, *, adopted: bool = True) -> managed.Holder:
    metadata: dict[str, Any] = {"name": "m", "namespace": "team", "annotations": annotations or {}}
    metadata["finalizers"] = ["finalizers.sagemaker.services.k8s.aws/Model"] if adopted else []
    return managed.of_object(MODEL, {"kind": "Model", "metadata": metadata})


def cluster(*holders: managed.Holder, team: str = "", exports: tuple[Common, ...] = ()) -> Cluster:
    spaces = {"team": Namespace("team", {MARK + "team-id": team} if team else {})}
    return Cluster(holders, exports, spaces)


EXPORT = Common("FieldExport", ref("Model", "e", "team"), ("sagemaker",))
PENDING = model({MARK + "adoption-policy": "adopt"}, adopted=False)


@pytest.mark.parametrize(
    ("older", "has", "reason"),
    [
        ("1.9.1", cluster(PENDING), ""),
        ("1.4.0", cluster(PENDING), ""),
        ("1.2.20", cluster(PENDING), "creates an AWS resource instead of adopting"),
        ("1.2.4", cluster(PENDING), "creates an AWS resource instead of adopting"),
        ("1.2.4", cluster(model({MARK + "adoption-policy": "adopt"})), ""),  # managed: the annotation has no effect
        ("1.2.20", cluster(model({MARK + "read-only": "true"})), "changes them in AWS"),
        ("0.2.0", cluster(model({MARK + "deletion-policy": "retain"})), "deletes the AWS resource"),
        ("0.6.0", cluster(model({MARK + "deletion-policy": "retain"})), ""),
        ("1.2.4", cluster(team="blue"), "creates their resources in the cluster's account"),
        ("1.2.13", cluster(team="blue"), ""),
        ("0.2.0", cluster(exports=(EXPORT,)), "writes no FieldExport"),
        ("0.3.1", cluster(exports=(EXPORT,)), ""),
        ("0.0.3", cluster(model()), ""),
    ],
)
def test_what_the_older_one_would_harm(older: str, has: Cluster, reason: str) -> None:
    judged = going_back.of(has, controller("1.9.1"), controller(older))
    assert not judged.unread
    assert bool(judged.reasons) == bool(reason)
    assert reason in " ".join(judged.reasons)


def test_a_gate_that_is_on_counts() -> None:
    older = controller("1.2.20", featureGates={"ResourceAdoption": True, "ReadOnlyResources": True})
    assert not going_back.of(cluster(PENDING, model({MARK + "read-only": "true"})), controller("1.9.1"), older).reasons


def test_selectors_need_their_gate() -> None:
    newer = controller("1.9.1", featureGates={"IAMRoleSelector": True}, enableCARM=False)
    judged = going_back.of(cluster(), newer, controller("1.5.0", featureGates={"IAMRoleSelector": True}))
    assert "its own role" in judged.reasons[0]


def test_what_could_not_be_read_is_no_good() -> None:
    judged = going_back.of(Cluster(None, None, None), controller("1.9.1"), controller("0.0.3"))
    assert (len(judged.reasons), len(judged.unread)) == (0, 5)


@pytest.mark.parametrize("older", VERSIONS["sagemaker"])
def test_a_cluster_without_objects_can_go_back_to_any_version(older: str) -> None:
    assert going_back.of(cluster(), controller("1.9.1"), controller(older)) == going_back.Judged()
