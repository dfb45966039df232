"""The stand-in's FieldExports: what is written where, when again, and what is refused (docs/ack/versions.md)."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any, cast

import pytest

from acksm.sandbox.controllers.standin import versions
from acksm.sandbox.controllers.standin.field_export import BASE, FINALIZER, FieldExports
from acksm.sandbox.controllers.standin.log import Log
from acksm.sandbox.controllers.standin.work import RetryError, World

EXPORT, TARGET = f"{BASE}/team-a/fieldexports/arn", "/api/v1/namespaces/{}/{}/outputs"
SOURCE = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/team-a/models/m"
FIXED, FAULTY, OLDEST = "1.9.1", "1.5.1", "1.2.13"


class Apiserver:
    """Objects by path, with merge patches."""

    def __init__(self, **objects: Any) -> None:
        self.objects: dict[str, Any] = {}

    def get(self, path: str) -> Any:
        return copy.deepcopy(self.objects.get(path))

    def merge(self, path: str, patch: Any) -> None:
        self.objects[path.removesuffix("/status")] = _merged(self.objects[path.removesuffix("/status")], patch)


def _merged(live: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    kept = {key: value for key, value in (live or {}).items() if key not in patch}
    return kept | {key: _merged((live or {}).get(key), value) for key, value in patch.items() if value is not None}


def a_world(version: str, *, allowed: bool = True, group: str = "sagemaker.services.k8s.aws", **to: str) -> World:
    kube = Apiserver()
    release = versions.release("sagemaker", version)
    config = SimpleNamespace(cross_namespace=allowed)
    source = {"group": group, "kind": "Model", "name": "m"}
    target = {"kind": "configmap", "name": "outputs", **to}
    spec = {"from": {"path": ".status.ackResourceMetadata.arn", "resource": source}, "to": target}
    kube.objects[EXPORT] = {"metadata": {"name": "arn", "namespace": "team-a"}, "spec": spec}
    synced = [{"type": "ACK.ResourceSynced", "status": "True"}]
    kube.objects[SOURCE] = {
        "metadata": {"name": "m", "namespace": "team-a"},
        "spec": {"enableNetworkIsolation": True},
        "status": {"ackResourceMetadata": {"arn": "arn:one"}, "conditions": synced},
    }
    for namespace in ("team-a", "team-b"):
        for plural in ("configmaps", "secrets"):
            kube.objects[TARGET.format(namespace, plural)] = {"data": {"mine": "kept"}}
    world = SimpleNamespace(release=release, config=config, kube=kube, log=Log())
    found = cast(World, world)
    world.path = lambda kind, namespace, name: World.path(found, kind, namespace, name)
    world.merge = lambda path, patch: World.merge(found, path, patch)
    return found


def objects(world: World) -> dict[str, Any]:
    return cast(Apiserver, world.kube).objects


def conditions(world: World) -> list[tuple[str, str]]:
    found = (objects(world)[EXPORT].get("status") or {}).get("conditions") or []
    return [(item["type"], item.get("reason") or item.get("message", "")) for item in found]


def test_a_field_is_written_beside_what_is_there() -> None:
    world = a_world(FIXED)
    FieldExports(world).reconcile("team-a", "arn")
    assert objects(world)[TARGET.format("team-a", "configmaps")]["data"] == {"mine": "kept", "team-a.arn": "arn:one"}
    assert objects(world)[EXPORT]["metadata"]["finalizers"] == [FINALIZER]
    assert conditions(world) == []


def test_a_secret_and_a_key_of_its_own() -> None:
    world = a_world(FIXED, kind="secret", key="arn")
    FieldExports(world).reconcile("team-a", "arn")
    assert objects(world)[TARGET.format("team-a", "secrets")]["data"] == {"mine": "kept", "arn": "YXJuOm9uZQ=="}


@pytest.mark.parametrize(
    ("version", "allowed", "written", "told"),
    [
        (OLDEST, True, True, []),
        (FIXED, True, True, [("ACK.Advisory", "CrossNamespaceOptInRequired")]),
        (FIXED, False, False, ["ACK.Terminal"]),
    ],
)
def test_another_namespace(version: str, allowed: bool, written: bool, told: list[Any]) -> None:
    world = a_world(version, allowed=allowed, namespace="team-b")
    FieldExports(world).reconcile("team-a", "arn")
    assert ("team-a.arn" in objects(world)[TARGET.format("team-b", "configmaps")]["data"]) is written
    found = conditions(world)
    assert [item if isinstance(told[0], tuple) else item[0] for item in found] == told if told else found == []


@pytest.mark.parametrize(("version", "again"), [(OLDEST, True), (FAULTY, False), ("1.8.3", False), (FIXED, True)])
def test_whether_a_changed_source_is_written_again(version: str, again: bool) -> None:
    world = a_world(version)
    exports = FieldExports(world)
    exports.see({"type": "ADDED", "object": objects(world)[EXPORT]})
    assert exports.of("Model", "team-a", "m") == (["arn"] if again else [])
    assert exports.of("Model", "team-b", "m") == exports.of("Domain", "team-a", "m") == []
    exports.see({"type": "DELETED", "object": objects(world)[EXPORT]})
    assert exports.of("Model", "team-a", "m") == []


def test_a_source_that_is_not_synced_waits_without_a_condition() -> None:
    world = a_world(FIXED)
    objects(world)[SOURCE]["status"]["conditions"] = []
    FieldExports(world).reconcile("team-a", "arn")
    assert "team-a.arn" not in objects(world)[TARGET.format("team-a", "configmaps")]["data"]
    assert conditions(world) == []


@pytest.mark.parametrize(
    ("path", "condition"),
    [
        (".status.none", "ACK.Recoverable"),
        (".status.ackResourceMetadata", "ACK.Recoverable"),
        (".status.ackResourceMetadata.arn.more", "ACK.Terminal"),
        ("status", "ACK.Terminal"),
    ],
)
def test_a_path_that_gives_no_text(path: str, condition: str) -> None:
    world = a_world(FIXED)
    objects(world)[EXPORT]["spec"]["from"]["path"] = path
    try:
        FieldExports(world).reconcile("team-a", "arn")
    except RetryError:
        assert condition == "ACK.Recoverable"
    assert [kind for kind, _ in conditions(world)] == [condition]


def test_a_missing_target_is_tried_again() -> None:
    world = a_world(FIXED, name="absent")
    with pytest.raises(RetryError, match="unable to get existing configmap"):
        FieldExports(world).reconcile("team-a", "arn")


def test_another_services_is_left_alone() -> None:
    world = a_world(FIXED, group="applicationautoscaling.services.k8s.aws")
    before = copy.deepcopy(objects(world))
    FieldExports(world).reconcile("team-a", "arn")
    assert objects(world) == before


def test_a_deleted_one_is_let_go() -> None:
    world = a_world(FIXED)
    objects(world)[EXPORT]["metadata"] |= {"finalizers": [FINALIZER, "other"], "deletionTimestamp": "now"}
    FieldExports(world).reconcile("team-a", "arn")
    assert objects(world)[EXPORT]["metadata"]["finalizers"] == ["other"]
