"""What install must not do to bound namespaces."""

from __future__ import annotations

from typing import Any

import pytest

import discovery_document
from acksm.errors import AcksmError
from acksm.guide.install import switching
from acksm.live import bindings
from acksm.live.bindings import OBJECT_REGION
from acksm.live.running import Running
from carm_cluster import OWN, ROLE, B, running
from memory_kube import namespace

GATE = frozenset({"IAMRoleSelector"})
CARM, SELECTOR = running(), running(gates=GATE, enable_carm=False)
ONE, OFF = running(watched=("production",)), running(enable_carm=False)


class Served:
    """A cluster with one synced Model and perhaps an IAMRoleSelector."""

    def __init__(self, owner: str = "", selector: bool = False, region: str = "", pinned: str = "") -> None:
        self.owner, self.selector, self.region, self.pinned = owner, selector, region, pinned

    def list(self, ref: Any, **_options: Any) -> list[dict[str, Any]]:
        if ref.kind == "IAMRoleSelector":
            return [{"metadata": {"name": "s"}, "spec": {"arn": ROLE.format(B)}}] if self.selector else []
        where = {"ownerAccountID": self.owner, "region": self.region}
        metadata = {"name": "m", "namespace": "production", "annotations": {OBJECT_REGION: self.pinned}}
        return [{"kind": "Model", "metadata": metadata, "status": {"ackResourceMetadata": where} if self.owner else {}}]

    def read(self, path: str, _accept: str = "") -> dict[str, Any]:
        names = {"kind": "Model", "plural": "models"}
        return discovery_document.of_crds(path, [{"spec": {"group": "sagemaker.services.k8s.aws", "names": names}}])


def check(before: Running | None, after: Running, served: Served | None = None, **annotations: str) -> str:
    item = namespace("production", **annotations)
    kube = served or Served()
    try:
        switching.check(kube, OWN, before, after, {"production": item}, lambda: bindings.managed_objects(kube))
    except AcksmError as error:
        return error.id
    return ""


@pytest.mark.parametrize(
    ("after", "annotations", "expected"),
    [
        (CARM, {"owner_account_id": B, "default_region": "x"}, ""),
        (ONE, {}, ""),
        (ONE, {"owner_account_id": B}, "bindings-would-be-ignored"),
        (ONE, {"team_id": "a"}, "bindings-would-be-ignored"),
        (ONE, {"default_region": "eu-west-1"}, "bindings-would-be-ignored"),
        (ONE, {"endpoint_url": "http://x"}, "bindings-would-be-ignored"),
        (OFF, {"default_region": "eu-west-1"}, "bindings-would-be-ignored"),
        (SELECTOR, {"default_region": "eu-west-1"}, ""),
        (SELECTOR, {"owner_account_id": B}, "bindings-would-be-ignored"),
        (running(version="0.0.3", watched=("production",)), {"owner_account_id": B}, ""),
        (running(watched=("production", "other")), {"owner_account_id": B}, ""),
        (running(gates=GATE), {}, "selector-needs-carm-off"),
        (running(gates=GATE, enable_carm=False, watched=("a", "b")), {}, "selector-scope"),
    ],
)
def test_combinations_that_would_ignore_a_binding(after: Running, annotations: Any, expected: str) -> None:
    assert check(None, after, **annotations) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (CARM, running(watched=("other",)), ["Model production/m"]),
        (ONE, running(watched=("other", "more")), ["Model production/m"]),
        (CARM, ONE, []),
        (ONE, CARM, []),
        (ONE, running(watched=("other", "production")), []),
        (running(watched=("other",)), running(watched=("more",)), []),  # nobody watched it
        (None, running(watched=("other",)), []),
    ],
)
def test_objects_that_would_be_watched_no_more(before: Running | None, after: Running, expected: list[str]) -> None:
    found = switching.unmanaged(lambda: bindings.managed_objects(Served(OWN)), before, after)
    assert [str(item) for item in found] == expected
    assert switching.unmanaged(lambda: bindings.managed_objects(Served()), before, after) == []  # nothing in AWS


def test_a_deletion_policy_of_the_service_counts_and_another_services_does_not() -> None:
    item = namespace("production")
    item["metadata"]["annotations"] = {"applicationautoscaling.services.k8s.aws/deletion-policy": "retain"}
    assert switching.ignored(ONE.reading, "sagemaker", {"production": item}) == {}
    assert list(switching.ignored(ONE.reading, "applicationautoscaling", {"production": item})) == ["production"]


def test_namespaces_that_are_never_read_or_are_going_do_not_count() -> None:
    system, going = namespace("kube-system", owner_account_id=B), namespace("going", owner_account_id=B)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert switching.ignored(ONE.reading, "sagemaker", {"kube-system": system, "going": going}) == {}


@pytest.mark.parametrize(
    ("before", "after", "owner", "expected"),
    [
        (CARM, OFF, B, "objects-would-be-lost"),
        (CARM, ONE, B, "objects-would-be-lost"),
        (CARM, SELECTOR, B, "objects-would-be-lost"),
        (SELECTOR, CARM, B, "objects-would-be-lost"),
        (CARM, OFF, OWN, ""),
        (CARM, OFF, "", ""),
        (CARM, CARM, B, ""),
        (OFF, ONE, B, ""),  # it did not follow before either
        (None, OFF, B, ""),
    ],
)
def test_objects_of_another_account_are_not_cut_off(
    before: Running | None, after: Running, owner: str, expected: str
) -> None:
    assert check(before, after, Served(owner)) == expected


def test_selectors_are_not_left_behind() -> None:
    assert check(SELECTOR, CARM, Served(selector=True)) == "bindings-would-be-ignored"
    assert check(CARM, CARM, Served(selector=True)) == ""
    assert check(SELECTOR, SELECTOR, Served(selector=True)) == ""


OLD, NEW = running(version="1.4.1", region="us-east-1"), running(region="us-east-1")
MOVED = running(region="eu-west-1")


@pytest.mark.parametrize(
    ("before", "after", "served", "annotations", "expected"),
    [
        # from 1.5.1 on, an object in another region is worked on no more (docs/ack/accounts-and-regions.md#drift)
        (OLD, NEW, Served(OWN, region="eu-west-1"), {}, "region-objects-stuck"),
        (OLD, NEW, Served(OWN, region="us-east-1"), {"default_region": "eu-west-1"}, "region-objects-stuck"),
        (OLD, NEW, Served(OWN, region="eu-west-1"), {"default_region": "eu-west-1"}, ""),
        (OLD, NEW, Served(OWN, region="eu-west-1", pinned="eu-west-1"), {}, ""),
        (OLD, NEW, Served(OWN, region="us-east-1"), {}, ""),
        (OLD, NEW, Served(OWN), {}, ""),  # nothing recorded
        (OLD, OLD, Served(OWN, region="eu-west-1"), {}, ""),
        (NEW, MOVED, Served(OWN, region="us-east-1"), {}, "region-objects-stuck"),
        (NEW, MOVED, Served(OWN, region="us-east-1"), {"default_region": "us-east-1"}, ""),
        (NEW, MOVED, Served(OWN, region="ap-south-1"), {}, ""),  # it was stuck before
        (None, NEW, Served(OWN, region="eu-west-1"), {}, ""),
    ],
)
def test_objects_in_another_region_are_not_left_without_a_controller(
    before: Running | None, after: Running, served: Served, annotations: Any, expected: str
) -> None:
    assert check(before, after, served, **annotations) == expected
