"""What a cleanup's changes do when the cluster has changed since they were planned; on a cluster in memory."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, cast

import pytest

from acksm.aws.account import Aws
from acksm.errors import AcksmError
from acksm.guide.cleanup import calls as calls_module
from acksm.guide.cleanup.calls import Calls, is_transient
from acksm.kube import contents
from acksm.kube.paths import Ref, ref
from clock import Clock
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

    def can(self, *_: str, account: tuple[str, str] | None = None, name: str = "") -> bool:
        return True

    def read(self, _path: str, _accept: str = "", /) -> dict[str, Any]:
        return {"kind": "APIGroupDiscoveryList", "items": []}

    def logs(self, *_: str, **_options: object) -> str:
        return ""


def calls(kube: Served) -> Calls:
    return Calls(kube, cast(Aws, None), "0" * 12, Clock().deadline(30))


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


class Ending(Served):
    """Namespaces in Terminating, of which some end at each look at what changed."""

    def __init__(self, names: list[str], *, watches: str = "") -> None:
        self.requests: list[str] = []
        super().__init__(self.requests.append)
        self.left, self.refusal = names, watches
        for name in names:
            self.put(namespace(name))

    def changes(self, ref: Ref, version: str, *, seconds: int = 30) -> Generator[tuple[str, Any], None, None]:
        self.gate("changes")
        if self.refusal:
            self.objects.pop(f"/api/v1/namespaces/{self.left.pop()}")
            raise AcksmError(self.refusal, "no")
        yield "BOOKMARK", {"metadata": {"resourceVersion": version}}
        yield "MODIFIED", {"metadata": {"name": self.left[0], "resourceVersion": str(int(version) + 1)}}
        for _ in range(100):
            version = str(int(version) + 2)
            yield "DELETED", {"metadata": {"name": self.left.pop(), "resourceVersion": version}}


def test_many_namespaces_are_waited_for_by_one_watch() -> None:
    """1,000 of them that end 100 at a time: one list and ten windows of a watch, not a request for each."""
    names = [f"n{number}" for number in range(1000)]
    kube = Ending([*names])
    calls(kube).namespace_gone([*names, "long-gone"])
    assert kube.requests == ["list", *["changes"] * 10]
    assert kube.left == []


@pytest.mark.parametrize("refusal", ["kube-gone", "kube-forbidden"])
def test_who_may_not_watch_lists_them_together(refusal: str) -> None:
    kube = Ending(["a", "b"], watches=refusal)
    calls(kube).namespace_gone(["a", "b"])
    assert kube.requests == ["list", "changes", "list", "changes", "list"]


def test_a_watch_that_fails_is_no_deletion() -> None:
    kube = Ending(["a"], watches="kube-unreachable")
    with pytest.raises(AcksmError) as caught:
        calls(kube).namespace_gone(["a"])
    assert caught.value.id == "kube-unreachable"


def test_many_namespaces_are_read_together_before_they_are_deleted() -> None:
    """All kinds are listed once a second at most; what appears in one of the namespaces in between is kept."""
    requests: list[str] = []
    kube = OneKind(requests.append)
    names = [f"n{number}" for number in range(60)]
    for name in names:
        kube.put({**namespace(name), "metadata": {"name": name, "labels": {"acksm.dev/owned": "true"}, "uid": name}})
    kube.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept", "namespace": "n50"}})
    cleanup = calls(kube)
    for name in names:
        if name == "n50":
            with pytest.raises(AcksmError, match="contains Secret n50/kept"):
                cleanup.namespace(name)
        else:
            cleanup.namespace(name)
    few = contents.MANY - 1
    assert requests.count("list") == few + 1
    cleanup.deadline.sleep(calls_module.FRESH_SECONDS + 0.1)
    kube.put({**namespace("late"), "metadata": {"name": "late", "labels": {"acksm.dev/owned": "true"}}})
    kube.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "new", "namespace": "late"}})
    with pytest.raises(AcksmError, match="contains Secret late/new"):
        cleanup.namespace("late")
    assert requests.count("list") == few + 2


class OneKind(Served):
    """A cluster whose namespaces have Secrets and nothing else."""

    def read(self, path: str, _accept: str = "", /) -> dict[str, Any]:
        secret = {
            "resource": "secrets",
            "scope": "Namespaced",
            "verbs": ["list", "delete"],
            "responseKind": {"kind": "Secret"},
        }
        versions = [{"version": "v1", "resources": [secret]}]
        groups = [{"metadata": {}, "versions": versions}] if path == "/api" else []
        return {"kind": "APIGroupDiscoveryList", "items": groups}


def test_what_a_deleted_namespace_may_contain() -> None:
    plain: dict[str, Any] = {"metadata": {}}
    assert is_transient(ref("Lease", "ack-sagemaker.services.k8s.aws", "x"), plain)
    assert is_transient(ref("Lease", "acksm", "x"), plain)
    assert not is_transient(ref("Lease", "kube-scheduler", "x"), plain)
    assert not is_transient(ref("ConfigMap", "ack-sagemaker.services.k8s.aws", "x"), plain)
    assert is_transient(ref("ConfigMap", "x", "x"), {"metadata": {"deletionTimestamp": "now"}})
