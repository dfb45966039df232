"""What deleting an object does in AWS: by its policy, its kind and its state; and who else of ACK is here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack.kinds import KINDS, deletion_rank
from acksm.kube.paths import Ref, ref
from acksm.live.bindings import Namespace
from acksm.live.discovery import Controllers
from acksm.live.inventory import Inventory, Record
from acksm.live.inventory_objects import (
    Crd,
    Effect,
    Policy,
    common_of,
    effect_of,
    is_ack_finalizer,
    item_of,
    policy_of,
)
from acksm.live.running import Running
from carm_cluster import running

GROUP = "sagemaker.services.k8s.aws"
OBJECT, SPACE = "services.k8s.aws/deletion-policy", f"{GROUP.partition('.')[0]}.services.k8s.aws/deletion-policy"
RETAINS = running(deletion_policy="retain")
ONE_NAMESPACE = running(watched=("team",))
OLD = running(version="0.4.5")


@pytest.mark.parametrize(
    ("annotations", "namespace", "by", "value", "source"),
    [
        ({}, {}, running(), "delete", "controller"),
        ({}, {}, RETAINS, "retain", "controller"),
        ({}, {SPACE: "retain"}, running(), "retain", "namespace"),
        ({}, {SPACE: "delete"}, RETAINS, "delete", "namespace"),
        ({OBJECT: "delete"}, {SPACE: "retain"}, RETAINS, "delete", "object"),
        ({OBJECT: "retain"}, {SPACE: "delete"}, running(), "retain", "object"),
        # the other service's annotation is not this one's
        ({}, {"applicationautoscaling." + OBJECT: "retain"}, running(), "delete", "controller"),
        # a controller of one namespace reads none of its annotations (docs/ack/accounts-and-regions.md#scope)
        ({}, {SPACE: "retain"}, ONE_NAMESPACE, "delete", "controller"),
        ({OBJECT: "retain"}, {}, ONE_NAMESPACE, "retain", "object"),
        # before 0.6.0 nothing is retained, whatever is written down
        ({OBJECT: "retain"}, {SPACE: "retain"}, OLD, "delete", "version"),
        ({OBJECT: "Retain"}, {}, running(), "delete", "object"),
        ({}, {SPACE: "retain"}, None, "retain", "namespace"),
    ],
)
def test_the_policy_that_holds_and_where_it_comes_from(
    annotations: dict[str, str], namespace: dict[str, str], by: Running | None, value: str, source: str
) -> None:
    assert policy_of(annotations, Namespace("team", namespace), "sagemaker", by) == Policy(value, source)


@pytest.mark.parametrize(
    ("kind", "policy", "state", "effect"),
    [
        ("Model", "delete", "", Effect.DELETES),
        ("Model", "retain", "", Effect.LEAVES),
        ("Endpoint", "delete", "InService", Effect.DELETES),
        ("TrainingJob", "delete", "InProgress", Effect.STOPS),
        ("TrainingJob", "delete", "", Effect.STOPS),
        ("TrainingJob", "delete", "Completed", Effect.LEAVES),
        ("TrainingJob", "retain", "InProgress", Effect.LEAVES),
        ("PipelineExecution", "delete", "Executing", Effect.STOPS),
        ("ModelPackage", "delete", "Completed", Effect.DELETES),
    ],
)
def test_what_a_deletion_does(kind: str, policy: str, state: str, effect: Effect) -> None:
    known = KINDS["sagemaker"][kind]
    assert effect_of(known, policy, state, managed=True, read_only=False) is effect
    assert effect_of(known, policy, state, managed=False, read_only=False) is Effect.NOTHING
    assert effect_of(known, policy, state, managed=True, read_only=True) is Effect.LEAVES


def test_a_kind_that_is_not_known_is_taken_for_the_worse() -> None:
    assert effect_of(None, "delete", "", managed=True, read_only=False) is Effect.DELETES


def test_the_roles_of_a_spec_are_found_at_any_depth() -> None:
    role = "arn:aws:iam::012345678901:role/execution"
    spec = {"executionRoleARN": role, "jobs": [{"roleARN": role + "2", "image": "arn:aws:s3:::x"}], "name": "role/x"}
    location = Ref(f"{GROUP}/v1alpha1", "models", "models")
    read = item_of({**manifest(), "spec": spec}, "sagemaker", location, {}, [])
    assert read.roles == (role, role + "2")


def manifest(**metadata: Any) -> dict[str, Any]:
    status = {
        "trainingJobStatus": "InProgress",
        "ackResourceMetadata": {"arn": "arn:x", "ownerAccountID": "012345678901", "region": "us-west-2"},
    }
    return {"kind": "TrainingJob", "metadata": {"name": "one", "namespace": "team", **metadata}, "status": status}


def test_an_object_is_read_whole() -> None:
    location = Ref(f"{GROUP}/v1alpha1", "trainingjobs", "trainingjobs")
    mine = f"finalizers.{GROUP}/TrainingJob"
    read = item_of(
        manifest(uid="u", finalizers=[mine, "example.com/keep"], annotations={"services.k8s.aws/adopted": "true"}),
        "sagemaker",
        location,
        {"team": Namespace("team", {SPACE: "delete"})},
        [running()],
    )
    assert (read.kind, read.state, read.effect, read.account) == (
        "TrainingJob",
        "InProgress",
        Effect.STOPS,
        "012345678901",
    )
    assert (read.policy, read.adopted, read.read_only, read.terminating) == (
        Policy("delete", "namespace"),
        True,
        False,
        False,
    )
    assert read.ours == (mine,)
    assert read.location == Ref(f"{GROUP}/v1alpha1", "trainingjobs", "TrainingJob", "one", "team")
    untaken = item_of(manifest(), "sagemaker", location, {}, [running()])
    assert (untaken.effect, untaken.live) == (Effect.NOTHING, False)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("finalizers.sagemaker.services.k8s.aws/Model", True),
        ("finalizers.applicationautoscaling.services.k8s.aws/ScalableTarget", True),
        ("finalizers.services.k8s.aws/FieldExport", True),
        ("services.k8s.aws/FieldExport", False),
        ("finalizers.services.k8s.aws.example.com/Model", False),
        ("finalizers.evilservices.k8s.aws/Model", False),
        ("finalizers.sagemaker.services.k8s.aws", False),
        ("foregroundDeletion", False),
        ("kubernetes.io/pvc-protection", False),
    ],
)
def test_acks_finalizers_are_known_exactly(name: str, is_ours: bool) -> None:
    assert is_ack_finalizer(name) is is_ours


@given(st.text())
def test_no_other_finalizer_is_taken_for_acks(name: str) -> None:
    assert not is_ack_finalizer(name) or "services.k8s.aws/" in name


def test_whose_common_objects_are() -> None:
    location = Ref("services.k8s.aws/v1alpha1", "x", "x")
    export = {"metadata": {"name": "a", "namespace": "b"}, "spec": {"from": {"resource": {"group": GROUP}}}}
    adopted = {"metadata": {"name": "a", "namespace": "b"}, "spec": {"kubernetes": {"group": "s3.services.k8s.aws"}}}
    selector: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"arn": "arn:x"}}
    assert common_of(export, "FieldExport", location).services == ("sagemaker",)
    assert common_of(adopted, "AdoptedResource", location).services == ("s3",)
    assert set(common_of(selector, "IAMRoleSelector", ref("IAMRoleSelector")).services) == set(KINDS)


def test_what_else_of_ack_is_here() -> None:
    sagemaker, autoscaling = running(), running("applicationautoscaling", "1.4.1")
    crds = {name: Crd(name) for name in (f"models.{GROUP}", "fieldexports.services.k8s.aws")}
    both = Inventory(
        crds=crds,
        controllers=Controllers((sagemaker, autoscaling)),
        records=(Record("ack-sagemaker-controller", "ack-system", "r"),),
    )
    assert both.others(["sagemaker", "applicationautoscaling"], "ack-system") == []
    assert both.others(["sagemaker"], "ack-system") == ["applicationautoscaling 1.4.1 in namespace ack-system"]
    elsewhere = Inventory(crds=crds, controllers=Controllers(others=(sagemaker, autoscaling)))
    assert len(elsewhere.others(["sagemaker", "applicationautoscaling"], "ack-system")) == 2
    renamed = Inventory(controllers=Controllers((replace(sagemaker, release="ack-sm"),)))
    assert renamed.others(["sagemaker"], "ack-system") == ["sagemaker 1.9.1 in namespace ack-system"]
    s3 = Inventory(crds={**crds, "buckets.s3.services.k8s.aws": Crd("buckets.s3.services.k8s.aws")})
    assert s3.others(["sagemaker"], "ack-system") == ["CRDs of s3.services.k8s.aws"]
    release = Inventory(records=(Record("ack-s3-controller", "ack-system", "r"),))
    assert release.others(list(KINDS), "ack-system") == ["release ack-system/ack-s3-controller"]


def test_what_uses_another_goes_before_it() -> None:
    kinds = {kind.name: kind for of_service in KINDS.values() for kind in of_service.values()}
    for kind in kinds.values():
        for used in kind.uses:
            assert used in kinds, kind.name
            assert deletion_rank(kind.name) < deletion_rank(used)
    chain = ["MonitoringSchedule", "Endpoint", "EndpointConfig", "Model"]
    assert [deletion_rank(name) for name in chain] == sorted(deletion_rank(name) for name in chain)
    assert max(map(deletion_rank, kinds)) < 12
