"""What `acksm status` reads of a cluster: each collection once, and objects only where one of them may be unwatched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from acksm.ack.kinds import KINDS
from acksm.guide.install import command as install, status
from acksm.kube.paths import Ref, ref
from memory_account import HOME
from memory_cluster import MemoryCluster
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

OBJECTS = {kind.plural for kinds in KINDS.values() for kind in kinds.values()}


class Counting(MemoryCluster):
    """`asked` is what was read, and how often."""

    asked: Counter[tuple[object, ...]]

    def get(self, ref: Ref) -> Any:
        self.asked["get", ref] += 1
        return super().get(ref)

    def list(self, ref: Ref, **more: Any) -> Any:
        self.asked["list", ref, *sorted(more.items(), key=str)] += 1
        return super().list(ref, **more)

    @property
    def kinds(self) -> set[str]:
        """The kinds of ACK whose objects were listed, by their plurals."""
        return {one.plural for _, one, *_ in self.asked if isinstance(one, Ref)} & OBJECTS


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> MemoryWorld:
    """Two namespaces; nothing is installed."""
    made = MemoryWorld()
    commands_run_on(monkeypatch, lambda: made, (install, status))
    for name in ("team-a", "team-b"):
        made.kube.put(namespace(name))
    return made


def put_model(world: MemoryWorld, **more: object) -> None:
    metadata: dict[str, object] = {
        "name": "m",
        "namespace": "team-b",
        "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
    }
    metadata |= more
    world.kube.put({"apiVersion": ref("Model").api_version, "kind": "Model", "metadata": metadata, "spec": {}})


def status_of(world: MemoryWorld) -> tuple[dict[str, Any], Counting]:
    world.kube.__class__ = Counting
    kube: Any = world.kube
    kube.asked = Counter()
    at, ui = world.settings(), Said()
    status.run(at.target, at.controllers, at.role, at.run, ui)
    return ui.results[-1], kube


def test_each_collection_is_read_once_and_no_objects_that_a_controller_watches(world: MemoryWorld) -> None:
    run_install(world.settings(), Said())
    put_model(world)
    found, kube = status_of(world)
    assert found["problems"] == found["incomplete"] == []
    assert ("get", ref("Namespace", HOME)) not in kube.asked
    assert {key: count for key, count in kube.asked.items() if count > 1} == {}
    assert kube.kinds == set()


def test_objects_of_a_service_whose_controller_watches_some_namespaces_are_read(world: MemoryWorld) -> None:
    run_install(world.settings(scope="namespace", watch_namespace=["team-a"]), Said())
    put_model(world, deletionTimestamp="2026-01-01T00:00:00Z")
    found, kube = status_of(world)
    assert [text for text in found["problems"] if "stuck in Terminating" in text and "Model team-b/m" in text]
    assert kube.kinds == OBJECTS
