"""A cluster in memory for property tests: the few requests that bindings make, with an apiserver's rules.

Versions, optimistic locks, merge patches and field managers behave as on the real one; the contract tests run the same
code there. `gate` is called before each request, so that a test can decide who goes next.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Mapping
from functools import cache
from typing import Any, TypeVar

from acksm.errors import AcksmError
from acksm.kube.api import Keep, whole
from acksm.kube.client import FIELD_MANAGER
from acksm.kube.paths import Ref, ref_of

Json = dict[str, Any]
T = TypeVar("T")


def copied(value: T) -> T:
    """An object of its own, as JSON would give it back; `copy.deepcopy` takes five times as long."""
    found: Any = value
    if isinstance(value, dict):
        found = {key: copied(item) for key, item in value.items()}
    elif isinstance(value, list):
        found = [copied(item) for item in value]
    made: T = found
    return made


@cache
def collections_of(path: str) -> tuple[str, str]:
    """Where an object of this path is listed: in its namespace, and in all of them."""
    location = path.rpartition("/")[0]
    return location, re.sub(r"/namespaces/[^/]+(?=/[^/]+$)", "", location)


class MemoryKube:
    """Objects by path. Only what `acksm.kube.keys` and the guide's bindings call."""

    def __init__(self, gate: Callable[[str], None] = lambda _request: None) -> None:
        self.objects: dict[str, Json] = {}
        self.gate = gate
        self._version = 0
        self._lock = threading.Lock()

    def put(self, manifest: Mapping[str, Any], manager: str = "kubectl") -> None:
        """Make an object as somebody else would."""
        made = copied(dict(manifest))
        made["metadata"]["managedFields"] = []
        self._own(made, made, manager)
        self.objects[ref_of(made).path] = self._stamped(made)

    def get(self, ref: Ref) -> Json | None:
        self.gate("get")
        return copied(self.objects.get(ref.path))

    def snapshot(self, ref: Ref) -> tuple[list[Json], str]:
        return self.list(ref, metadata_only=True), str(self._version)

    def _listed(self, ref: Ref) -> list[Json]:
        collection = ref.collection
        return [item for path, item in sorted(self.objects.items()) if collection in collections_of(path)]

    def list(
        self, ref: Ref, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Json]:
        self.gate("list")
        return [keep(copied(item)) for item in self._listed(ref)]

    def changes(self, ref: Ref, version: str, *, seconds: int = 30) -> Generator[tuple[str, Json], None, None]:
        """It remembers no versions: whoever watches has to list again."""
        self.gate("changes")
        raise AcksmError("kube-gone", f"version {version} of {ref.collection} is not kept for {seconds} s")
        yield

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Json:
        self.gate("create")
        with self._lock:
            path = ref_of(manifest).path
            if dry_run:
                return dict(manifest)
            if path in self.objects:
                raise AcksmError("kube-exists", f"{path} exists")
            self.put(manifest, FIELD_MANAGER)
            return self.objects[path]

    def apply(
        self, manifest: Mapping[str, Any], force: bool = False, dry_run: bool = False, *, manager: str = ""
    ) -> Json:
        self.gate("apply")
        with self._lock:
            path = ref_of(manifest).path
            if dry_run:
                return copied(self.objects.get(path) or dict(manifest))
            if path not in self.objects:
                self.put(manifest, FIELD_MANAGER)
            return self.objects[path]

    def patch(self, ref: Ref, body: Mapping[str, Any]) -> Json:
        self.gate("patch")
        with self._lock:
            live = self.objects.get(ref.path)
            if live is None:
                raise AcksmError("kube-not-found", f"{ref} does not exist")
            desired = (body.get("metadata") or {}).get("resourceVersion")
            if desired and desired != live["metadata"]["resourceVersion"]:
                raise AcksmError("kube-conflict", f"{ref} is newer")
            changed = _merged(live, body)
            self._own(changed, body, FIELD_MANAGER)
            self.objects[ref.path] = self._stamped(changed)
            if changed["metadata"].get("deletionTimestamp") and not changed["metadata"].get("finalizers"):
                del self.objects[ref.path]
            return copied(changed)

    def delete(self, ref: Ref, resource_version: str = "", uid: str = "") -> None:
        self.gate("delete")
        with self._lock:
            live = self.objects.get(ref.path)
            if live is None:
                return
            if resource_version not in {"", live["metadata"]["resourceVersion"]}:
                raise AcksmError("kube-conflict", f"{ref} is newer")
            if uid not in {"", live["metadata"].get("uid")}:
                raise AcksmError("kube-conflict", f"{ref} is another")
            if live["metadata"].get("finalizers"):
                live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
                self._stamped(live)
            else:
                del self.objects[ref.path]

    def _stamped(self, manifest: Json) -> Json:
        self._version += 1
        manifest["metadata"]["resourceVersion"] = str(self._version)
        return manifest

    def _own(self, manifest: Json, body: Mapping[str, Any], manager: str) -> None:
        """`manager` owns the keys of the maps that `body` writes, and nobody else does."""
        fields = manifest["metadata"].setdefault("managedFields", [])
        for path in (("metadata", "annotations"), ("data",)):
            written: Any = body
            for name in path:
                written = (written or {}).get(name)
            for key in written or {}:
                for entry in fields:
                    _at(entry["fieldsV1"], path).pop(f"f:{key}", None)
                if (written or {})[key] is not None:
                    entry = next((item for item in fields if item["manager"] == manager), None)
                    if entry is None:
                        entry = {"manager": manager, "operation": "Update", "fieldsV1": {}}
                        fields.append(entry)
                    _at(entry["fieldsV1"], path)[f"f:{key}"] = {}


def _at(fields: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        fields = fields.setdefault(f"f:{name}", {})
    return fields


def _merged(live: Any, body: Any) -> Any:
    """RFC 7396."""
    if not isinstance(body, Mapping):
        return copied(body)
    before = live if isinstance(live, Mapping) else {}
    kept = {key: _merged(value, body[key]) if key in body else copied(value) for key, value in before.items()}
    added = {key: _merged(None, value) for key, value in body.items() if key not in before}
    return {key: value for key, value in (kept | added).items() if body.get(key, "") is not None}


def namespace(name: str, **annotations: str) -> Json:
    """A namespace as the apiserver has it; annotations are given without their domain."""
    marks = {f"services.k8s.aws/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata: Json = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata | ({"annotations": marks} if marks else {})}


def config_map(name: str, data: Mapping[str, str], where: str = "ack-system") -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": where}, "data": dict(data)}
