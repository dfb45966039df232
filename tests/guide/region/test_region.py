"""Regions of namespaces: what is checked, planned and listed, and which source decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import discovery_document
from acksm.errors import AcksmError
from acksm.guide.region import command as region, explain as region_explain
from acksm.guide.region.explain import explain
from acksm.live.bindings import OBJECT_REGION, REGION, ManagedObject, Namespace
from carm_cluster import BOTH, apply_plan, running, state
from memory_kube import MemoryKube, namespace

TABLE = {
    "sts": ["eu-west-1", "us-east-1", "us-west-2", "me-west-1"],
    "sagemaker": ["eu-west-1", "us-east-1", "us-west-2"],
    "application-autoscaling": ["eu-west-1", "us-east-1", "us-west-2", "me-west-1"],
}


def regions(service: str, partition: str) -> Sequence[str]:
    return TABLE[service] if partition == "aws" else ["cn-north-1"]


def observed(kube: MemoryKube, found: Any = BOTH) -> region.Observed:
    from acksm.live import bindings

    return region.Observed(found, bindings.observe(kube))


@pytest.mark.parametrize(
    ("asked", "partition", "expected"),
    [
        ("us-wset-2", "aws", "region-unknown"),
        ("cn-north-1", "aws", "region-unknown"),
        ("us-east-1", "aws-cn", "region-unknown"),
        ("", "aws", "region-unknown"),
        ("US-EAST-1", "aws", "region-unknown"),
        ("me-west-1", "aws", "region-no-service"),
    ],
)
def test_regions_that_cannot_be(asked: str, partition: str, expected: str) -> None:
    with pytest.raises(AcksmError) as caught:
        region.check_region(asked, partition, ["sagemaker"], regions, "x")
    assert caught.value.id == expected


def test_a_typing_error_is_met_with_the_nearest() -> None:
    with pytest.raises(AcksmError) as caught:
        region.check_region("us-wset-2", "aws", [], regions, "x")
    assert "us-west-2" in caught.value.message
    region.check_region("me-west-1", "aws", ["applicationautoscaling"], regions, "x")


def test_bind_changes_one_annotation_and_unbind_takes_it_away() -> None:
    kube = MemoryKube()
    item = namespace("production", owner_account_id="111111111111")
    kube.put(item)
    start = state(kube)
    apply_plan(kube, region.plan(observed(kube), {"production": "eu-west-1"}))
    assert state(kube)["/api/v1/namespaces/production"][REGION] == "eu-west-1"
    assert region.plan(observed(kube), {"production": "eu-west-1"}) == []
    apply_plan(kube, region.plan(observed(kube), {"production": None}))
    assert state(kube) == start


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        (running(watched=("production",)), "annotations-ignored"),
        (running(watched=("a", "b")), "binding-not-watched"),
        (running(version="1.4.1", enable_carm=False), "carm-disabled"),
    ],
)
def test_a_region_that_nobody_would_follow_is_refused_but_can_be_taken_away(controller: Any, expected: str) -> None:
    kube = MemoryKube()
    kube.put(namespace("production", default_region="us-east-1"))
    with pytest.raises(AcksmError) as caught:
        region.plan(observed(kube, [controller]), {"production": "eu-west-1"})
    assert caught.value.id == expected
    assert region.plan(observed(kube, [controller]), {"production": None})


def test_with_role_selectors_regions_are_followed_still() -> None:
    kube = MemoryKube()
    kube.put(namespace("production"))
    found = [running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False)]
    assert region.plan(observed(kube, found), {"production": "eu-west-1"})


def managed_objects(where: str = "us-west-2", pinned: str = "") -> ManagedObject:
    return ManagedObject("Model", "production", "churn", "1", where, "sagemaker", pinned)


@pytest.mark.parametrize(
    ("version", "after", "thing", "expected"),
    [
        ("1.9.1", "eu-west-1", managed_objects(), "region-objects-stuck"),
        ("1.5.1", None, managed_objects("eu-west-1"), "region-objects-stuck"),  # back to the controller's us-west-2
        ("1.9.1", None, managed_objects(), ""),
        ("1.9.1", "us-west-2", managed_objects(), ""),
        ("1.9.1", "eu-west-1", managed_objects(pinned="us-west-2"), ""),
        ("1.9.1", "eu-west-1", managed_objects(""), ""),
        ("1.4.1", "eu-west-1", managed_objects(), "remains in us-west-2"),
        ("0.2.0", "eu-west-1", managed_objects(""), "region-objects-move"),
        ("0.2.0", None, managed_objects(""), "region-objects-move"),
    ],
)
def test_what_a_region_does_to_objects_that_live_there(
    version: str, after: Any, thing: ManagedObject, expected: str
) -> None:
    found = region.Observed([running(version=version, region="us-west-2")], {})
    try:
        told = "".join(region.check_objects(found, {"production": after}, [thing]))
    except AcksmError as error:
        told = error.id
    assert bool(told) is bool(expected)
    assert expected in told


def test_objects_of_other_namespaces_and_of_controllers_that_are_gone_do_not_count() -> None:
    found = region.Observed([running(region="us-west-2")], {})
    assert region.check_objects(found, {"other": "eu-west-1"}, [managed_objects()]) == []
    assert region.check_objects(region.Observed([], {}), {"production": "eu-west-1"}, [managed_objects()]) == []


def test_the_list_says_what_is_not_followed() -> None:
    kube = MemoryKube()
    for item in (
        namespace("fine", default_region="eu-west-1"),
        namespace("typo", default_region="eu-wset-1"),
        namespace("wrong-key", region="eu-west-1"),
        namespace("kube-system", default_region="eu-west-1"),
        namespace("free"),
    ):
        kube.put(item)
    assert [(row["namespace"], row["problem"]) for row in region.rows(observed(kube), "aws", regions)] == [
        ("fine", ""),
        ("kube-system", "namespace-ignored"),
        ("typo", "region-unknown"),
        ("wrong-key", "region-annotation-ignored"),
    ]
    one = observed(kube, [running(watched=("fine",))])
    assert region.rows(one, "aws", regions)[0]["problem"] == "annotations-ignored"
    assert region.rows(observed(kube, []), "aws", regions)[0]["problem"] == "controllers-missing"


# explain

PLACE = Namespace("production", {REGION: "eu-west-1"})
ENV = {"AWS_REGION": "ap-south-1"}


def thing(status: str = "", annotation: str = "") -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "churn", "annotations": {OBJECT_REGION: annotation} if annotation else {}}
    return {"metadata": metadata, "status": {"ackResourceMetadata": {"region": status}} if status else {}}


@pytest.mark.parametrize(
    ("manifest", "location", "controller", "expected"),
    [
        (thing("us-east-1", "us-east-2"), PLACE, running(region="us-west-2"), "us-east-1"),
        (thing("", "us-east-2"), PLACE, running(region="us-west-2"), "us-east-2"),
        (thing(), PLACE, running(region="us-west-2"), "eu-west-1"),
        (None, PLACE, running(region="us-west-2"), "eu-west-1"),
        (thing(), Namespace("production"), running(region="us-west-2"), "us-west-2"),
        (thing(), Namespace("production"), running(), "ap-south-1"),
        (thing(), Namespace("production"), None, "ap-south-1"),
        # what the version or the scope does not read does not decide
        (thing("us-east-1"), PLACE, running(version="0.2.0", region="us-west-2"), "eu-west-1"),
        (thing(), PLACE, running(watched=("production",), region="us-west-2"), "us-west-2"),
        (thing(), PLACE, running(enable_carm=False, region="us-west-2"), "us-west-2"),
        (thing(), Namespace("kube-system", {REGION: "eu-west-1"}), running(region="us-west-2"), "us-west-2"),
        # a region annotation on a namespace is nothing
        (thing(), Namespace("production", {OBJECT_REGION: "eu-west-1"}), running(region="us-west-2"), "us-west-2"),
    ],
)
def test_the_source_that_decides(manifest: Any, location: Namespace, controller: Any, expected: str) -> None:
    assert explain(manifest, location, controller, ENV).region == expected


def test_what_is_ignored_is_told_with_its_reason() -> None:
    told = explain(thing("us-east-1", "us-east-2"), Namespace("production", {OBJECT_REGION: "x"}), running(), {})
    assert len(told.notes) == 2
    assert "applies to objects only" in told.notes[0]
    assert "no longer reconciles it" in told.notes[1]
    told = explain(thing("us-east-1"), PLACE, running(version="1.4.1"), {})
    assert "it remains in us-east-1" in told.notes[0]
    assert explain(thing("eu-west-1"), PLACE, running(), {}).notes == []
    told = explain(None, PLACE, running(watched=("production",)), {})
    assert "single watched namespace" in told.sources[2].ignored
    assert "are not reconciled" in explain(None, PLACE, None, {}).notes[0]
    assert explain(None, Namespace("x"), None, {}).region == ""


class Kinds:
    """Serves the discovery documents of CRDs only."""

    def read(self, path: str, _accept: str = "") -> dict[str, Any]:
        crds = [
            {
                "spec": {
                    "group": f"{group}.services.k8s.aws",
                    "names": {"kind": kind, "plural": plural, "singular": kind.lower(), **more},
                }
            }
            for group, kind, plural, more in (
                ("sagemaker", "TrainingJob", "trainingjobs", {"shortNames": ["tj"]}),
                ("sagemaker", "Model", "models", {}),
                ("applicationautoscaling", "ScalableTarget", "scalabletargets", {}),
                ("s3", "Bucket", "buckets", {}),
            )
        ]
        return discovery_document.of_crds(path, crds)


@pytest.mark.parametrize(
    "asked",
    [
        "TrainingJob",
        "trainingjob",
        "trainingjobs",
        "tj",
        "trainingjobs.sagemaker",
        "trainingjob.sagemaker.services.k8s.aws",
    ],
)
def test_a_kind_is_found_by_each_of_its_names(asked: str) -> None:
    service, kind = region_explain.find_kind(Kinds(), asked)
    assert (service, kind.plural) == ("sagemaker", "trainingjobs")


@pytest.mark.parametrize("asked", ["TrainingJbo", "bucket", "", "pods"])
def test_other_kinds_are_refused_with_the_nearest(asked: str) -> None:
    with pytest.raises(AcksmError) as caught:
        region_explain.find_kind(Kinds(), asked)
    assert caught.value.id == "kind-unknown"
    assert ("TrainingJob" in caught.value.message) is (asked == "TrainingJbo")
