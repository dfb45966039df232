"""What one observation reads: each collection once, objects of releases by lists, the rest one by one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.kube.api import Keep, whole
from acksm.kube.owners import BY_HELM
from acksm.kube.paths import Ref, ref
from acksm.live.once import Once, WholeOnce, once as once_each
from memory_kube import MemoryKube

HELM = dict([BY_HELM.split("=")])


class Counting(MemoryKube):
    """Which requests were made, and which kinds may not be listed, in all namespaces or in any."""

    def __init__(self, *forbidden: str) -> None:
        super().__init__()
        self.forbidden, self.requests = forbidden, list[str]()

    def get(self, ref: Ref) -> Any:
        self.requests.append(f"get {ref}")
        return super().get(ref)

    def list(
        self, ref: Ref, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> Any:
        self.requests.append(f"list {ref.kind} {ref.namespace} {selector}".strip())
        if ref.kind in self.forbidden or (not ref.namespace and f"{ref.kind} everywhere" in self.forbidden):
            raise AcksmError("kube-forbidden", f"{ref.kind} may not be listed")
        key, _, value = selector.partition("=")
        return [
            item for item in super().list(ref) if not key or (item["metadata"].get("labels") or {}).get(key) == value
        ]

    def can(self, *_: Any, **__: Any) -> bool:
        return True


def _put(kube: MemoryKube, kind: str, name: str, namespace: str = "", labels: dict[str, str] | None = None) -> None:
    where = ref(kind, name, namespace)
    metadata = {"name": name, "labels": labels or {}} | ({"namespace": namespace} if namespace else {})
    kube.put({"apiVersion": where.api_version, "kind": kind, "metadata": metadata})


def _world(*forbidden: str) -> Counting:
    kube = Counting(*forbidden)
    for name in ("a", "b"):
        _put(kube, "ServiceAccount", name, "here")
        _put(kube, "ClusterRole", name, labels=HELM)
        _put(kube, "Deployment", name, "here", {"app": name})
    _put(kube, "ClusterRole", "by-hand")
    _put(kube, "Deployment", "c", "there", {"app": "a"})
    return kube


def _names(found: Any) -> list[str]:
    return [item["metadata"]["name"] for item in found]


def test_objects_of_releases_come_from_one_list_and_others_are_read() -> None:
    kube = _world()
    once = Once(kube)
    for name in ("a", "b"):
        assert (once.get(ref("ServiceAccount", name, "here")) or {})["metadata"]["name"] == name
        assert (once.get(ref("ClusterRole", name)) or {})["metadata"]["name"] == name
    assert kube.requests == ["list ServiceAccount here", f"list ClusterRole  {BY_HELM}"]
    assert (once.get(ref("ClusterRole", "by-hand")) or {})["metadata"]["name"] == "by-hand"
    assert once.get(ref("ServiceAccount", "none", "here")) is None
    assert once.get(ref("ConfigMap", "none", "here")) is None
    assert kube.requests[2:] == ["get ClusterRole by-hand", "get ServiceAccount here/none", "get ConfigMap here/none"]


def test_deployments_of_a_namespace_are_those_of_the_cluster_that_are_there() -> None:
    kube = _world()
    once = Once(kube)
    assert _names(once.list(ref("Deployment"))) == ["a", "b", "c"]
    assert _names(once.list(ref("Deployment", namespace="here"))) == ["a", "b"]
    assert _names(once.list(ref("Deployment", namespace="here"), selector="app=a")) == ["a"]
    assert _names(once.list(ref("Deployment", namespace="here"), selector="app=a,x=y")) == []
    assert once.get(ref("Deployment", "c", "there"))
    assert kube.requests == ["list Deployment"]


def test_what_may_not_be_listed_is_read_one_by_one() -> None:
    kube = _world("Deployment everywhere", "ServiceAccount")
    once = Once(kube)
    with pytest.raises(AcksmError):
        once.list(ref("Deployment"))
    assert _names(once.list(ref("Deployment", namespace="here"))) == ["a", "b"]
    for name in ("a", "b"):
        assert once.get(ref("ServiceAccount", name, "here"))
    reads = ["get ServiceAccount here/a", "get ServiceAccount here/b"]
    assert kube.requests == ["list Deployment", "list Deployment here", "list ServiceAccount here", *reads]


def test_who_asks_meanwhile_waits_for_the_same_answer_also_for_an_error() -> None:
    kube, asked = _world(), threading.Event()
    both = threading.Barrier(2, timeout=20)

    def slow(request: str) -> None:
        asked.set()
        both.wait()
        raise AcksmError("kube-failed", request)

    kube.gate = slow
    once = Once(kube)
    with ThreadPoolExecutor(max_workers=2) as pool:
        first = pool.submit(once.list, ref("Node"))
        assert asked.wait(20)
        second = pool.submit(once.list, ref("Node"))
        both.wait()
        for one in (first, second):
            with pytest.raises(AcksmError, match="list"):
                one.result()
    assert kube.requests == ["list Node"]


def test_an_observation_of_everything_reads_definitions_once_and_whole() -> None:
    kube: Any = _world()
    for name in ("logs", "log_lines", "watch", "token", "snapshot", "changes", "read", "version", "restart"):
        setattr(kube, name, None)
    _put(kube, "CustomResourceDefinition", "models.sagemaker.services.k8s.aws")
    once = WholeOnce(kube)
    for metadata_only in (True, False, True):
        found = once.list(ref("CustomResourceDefinition"), metadata_only=metadata_only)
        assert _names(found) == ["models.sagemaker.services.k8s.aws"]
    assert kube.requests == ["list CustomResourceDefinition"]


class _Calls:
    def __init__(self) -> None:
        self.made: list[tuple[str, ...]] = []

    def role(self, name: str) -> str:
        self.made.append(("role", name))
        if name == "none":
            raise AcksmError("aws-failed", name)
        return f"role {name}"

    def both(self, name: str) -> str:
        return f"{self.role(name)} and {self.other(name)}"

    def other(self, name: str) -> str:
        self.made.append(("other", name))
        return f"other {name}"


def test_reads_of_aws_are_made_once_also_those_that_another_one_makes() -> None:
    calls = _Calls()
    found = once_each(calls, "role")
    assert [found.role(name) for name in ("a", "a", "b")] == ["role a", "role a", "role b"]
    assert found.both("a") == "role a and other a"
    assert calls.made == [("role", "a"), ("role", "b"), ("other", "a")]
    for _ in range(2):
        with pytest.raises(AcksmError, match="none"):
            found.role("none")
    assert calls.made[3:] == [("role", "none")]
    calls.role("a")
    assert calls.made[4:] == [("role", "a")], "the calls themselves are not changed"
