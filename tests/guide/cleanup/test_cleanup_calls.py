"""What a cleanup's changes do when the cluster has changed since they were planned; on a cluster in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from acksm.aws.account import Aws
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide.cleanup.calls import Calls, is_transient
from acksm.kube.paths import Ref, ref
from memory_kube import MemoryKube, namespace

POLICY = "services.k8s.aws/deletion-policy"
OURS, THEIRS = "finalizers.sagemaker.services.k8s.aws/Model", "example.com/keep"
PLACE = ref("Model", "one", "team")


def model(*finalizers: str, uid: str = "u", **annotations: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "one", "namespace": "team", "uid": uid, "finalizers": list(finalizers)}
    marks = {f"services.k8s.aws/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"kind": "Model", "apiVersion": PLACE.api_version, "metadata": metadata | {"annotations": marks}}


class Served(MemoryKube):
    """Adds what is asked before objects and namespaces go: nothing else is there, and nobody wrote a log."""

    def can(self, *_: str, account: tuple[str, str] | None = None) -> bool:
        return True

    def read(self, *_: str) -> dict[str, Any]:
        return {"kind": "APIGroupDiscoveryList", "items": []}

    def logs(self, *_: str, **_options: object) -> str:
        return ""


def calls(kube: Served) -> Calls:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Calls(kube, cast(Aws, None), "0" * 12, Deadline(30, lambda: now[0], sleep))


def cluster(manifest: Mapping[str, Any], **gate: Any) -> Served:
    kube = Served(**gate)
    kube.put(manifest)
    return kube


def location(of: Ref = PLACE) -> dict[str, str]:
    return {
        "api_version": of.api_version,
        "plural": of.plural,
        "kind": of.kind,
        "name": of.name,
        "namespace": of.namespace,
    }


def live(kube: MemoryKube) -> dict[str, Any]:
    found: dict[str, Any] = kube.objects[PLACE.path]["metadata"]
    return found


def test_retain_is_written_once() -> None:
    kube = cluster(model(OURS))
    for _ in range(2):
        calls(kube).retain("u", **location())
    assert live(kube)["annotations"] == {POLICY: "retain"}
    assert live(kube)["resourceVersion"] == "2"


def test_an_object_whose_policy_was_taken_off_again_is_not_deleted() -> None:
    kube = cluster(model(OURS, deletion_policy="delete"))
    with pytest.raises(AcksmError) as caught:
        calls(kube).delete("u", True, **location())
    assert caught.value.id == "cleanup-policy-changed"
    assert "deletionTimestamp" not in live(kube)
    calls(kube).delete("u", False, **location())
    assert "deletionTimestamp" in live(kube)


def test_a_policy_taken_off_between_the_look_and_the_deletion_stops_it() -> None:
    """The deletion is of the object as it was looked at; the apiserver refuses it for any other."""
    kube = cluster(model(OURS, deletion_policy="retain"))
    meddled: list[str] = []

    def meddle(request: str) -> None:
        if request == "delete" and not meddled:
            meddled.append(request)
            kube.patch(PLACE, {"metadata": {"annotations": {POLICY: None}}})

    kube.gate = meddle
    with pytest.raises(AcksmError) as caught:
        calls(kube).delete("u", True, **location())
    assert (caught.value.id, meddled) == ("cleanup-policy-changed", ["delete"])
    assert "deletionTimestamp" not in live(kube)


def test_another_object_of_the_same_name_is_left_alone() -> None:
    kube = cluster(model(OURS, uid="another"))
    before = str(kube.objects)
    calls(kube).retain("u", **location())
    calls(kube).delete("u", False, **location())
    calls(kube).orphan("u", [OURS], **location())
    assert str(kube.objects) == before
    calls(kube).gone([{**location(), "uid": "u"}])


@pytest.mark.parametrize("ending", [False, True])
def test_an_orphan_loses_acks_finalizers_and_no_other(ending: bool) -> None:
    kube = cluster(model(THEIRS, OURS))
    if ending:
        kube.delete(PLACE)
    calls(kube).orphan("u", [OURS], **location())
    assert live(kube)["finalizers"] == [THEIRS]
    assert "deletionTimestamp" in live(kube)
    assert live(kube)["annotations"][POLICY] == "retain"  # for a controller that comes back
    calls(kube).orphan("u", [OURS, THEIRS], **location())
    assert live(kube)["finalizers"] == [THEIRS]
    alone = cluster(model(OURS))
    calls(alone).orphan("u", [OURS], **location())
    assert alone.objects == {}


def test_what_does_not_go_is_told_with_all_that_is_known() -> None:
    manifest = model(THEIRS)
    condition = {"type": "ACK.Recoverable", "status": "True", "message": "it is InUse"}
    manifest["status"] = {"conditions": [condition]}
    kube = cluster(manifest)
    kube.delete(PLACE)
    with pytest.raises(AcksmError) as caught:
        calls(kube).gone([{**location(), "uid": "u"}])
    error = caught.value
    assert (error.id, int(error.exit_code)) == ("cleanup-object-stuck", 5)
    assert error.details["diff"] == [f"Model team/one: finalizers {THEIRS}", "  ACK.Recoverable=True: it is InUse"]
    assert THEIRS in error.remedy


@pytest.mark.parametrize(
    ("since", "failure"),
    [("2026-01-01T00:00:09Z", "cleanup-object-refused"), ("2025-12-31T23:59:00Z", "cleanup-object-stuck")],
)
def test_a_controller_that_gave_up_is_not_waited_for(since: str, failure: str) -> None:
    manifest = model(OURS)
    condition = {"type": "ACK.Terminal", "status": "True", "message": "no", "lastTransitionTime": since}
    manifest["status"] = {"conditions": [condition]}
    kube = cluster(manifest)
    kube.delete(PLACE)
    with pytest.raises(AcksmError) as caught:
        calls(kube).gone([{**location(), "uid": "u"}])
    assert caught.value.id == failure


def test_a_crd_with_objects_is_not_deleted() -> None:
    kube = cluster(model())
    with pytest.raises(AcksmError) as caught:
        calls(kube).crd("models.sagemaker.services.k8s.aws")
    assert caught.value.id == "cleanup-objects-appeared"
    assert "team/one" in caught.value.message


def test_a_namespace_that_acksm_did_not_make_is_not_deleted() -> None:
    kube = cluster(namespace("production"))
    with pytest.raises(AcksmError) as caught:
        calls(kube).namespace("production")
    assert caught.value.id == "cleanup-namespace-used"
    kube.patch(ref("Namespace", "production"), {"metadata": {"labels": {"acksm.dev/owned": "true"}}})
    calls(kube).namespace("production")
    assert kube.objects == {}
    calls(kube).namespace("production")


def test_what_a_deleted_namespace_may_contain() -> None:
    plain: dict[str, Any] = {"metadata": {}}
    assert is_transient(ref("Lease", "ack-sagemaker.services.k8s.aws", "x"), plain)
    assert is_transient(ref("Lease", "acksm", "x"), plain)
    assert not is_transient(ref("Lease", "kube-scheduler", "x"), plain)
    assert not is_transient(ref("ConfigMap", "ack-sagemaker.services.k8s.aws", "x"), plain)
    assert is_transient(ref("ConfigMap", "x", "x"), {"metadata": {"deletionTimestamp": "now"}})
