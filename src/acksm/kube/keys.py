"""Single keys of a map of strings (annotations, a ConfigMap's data), set so that no one's entry is ever lost.

Why not server-side apply: an apply is all that its field manager owns, so one that names a single key removes the
manager's other keys, and a manager for each key fills managedFields; nor does it detect that the same key was changed
in the meantime. A merge patch of exactly the keys, bound to the version that was read, avoids all three.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Editor
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref

ANNOTATIONS, DATA = ("metadata", "annotations"), ("data",)
TRIES = 25  # each round of conflicting writes has one winner; no map has 25 writers at once

# key -> [its value when it was read, its new value]; None: the key does not exist
Moves = Mapping[str, Sequence[str | None]]


def values_at(manifest: Manifest, field: Sequence[str]) -> dict[str, str]:
    """The map of strings at `field` of an object; {} when it has none."""
    found: object = manifest
    for name in field:
        found = found.get(name) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def managers_at(manifest: Manifest, field: Sequence[str]) -> dict[str, list[str]]:
    """For each key of the map at `field` the field managers that own it."""
    found: dict[str, list[str]] = {}
    for entry in (manifest.get("metadata") or {}).get("managedFields") or []:
        inner: Object = entry.get("fieldsV1") or {}
        for name in field:
            inner = inner.get(f"f:{name}") or {}
        for key in inner:
            if key.startswith("f:"):
                found.setdefault(key[2:], []).append(str(entry.get("manager", "")))
    return found


def unmanaged(manifest: Object) -> Object:
    """The object without managedFields, which are most of it (a `Keep` of `acksm.kube.api`)."""
    manifest["metadata"].pop("managedFields", None)
    return manifest


def managed_annotations(manifest: Object) -> Object:
    """The object with as much of managedFields as `managers_at` reads of annotations (a `Keep`)."""
    entries = [
        {"manager": entry.get("manager"), "fieldsV1": {"f:metadata": {"f:annotations": owned}}}
        for entry in manifest["metadata"].get("managedFields") or []
        if (owned := ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations"))
    ]
    manifest["metadata"]["managedFields"] = entries
    return manifest


def set_keys(
    kube: Editor,
    kind: str,
    name: str,
    keys: Moves,
    *,
    field: Sequence[str],
    namespace: str = "",
    create: Manifest | None = None,
) -> None:
    """Compare and swap. With `create` (a manifest without the keys) a missing object is created.

    Errors: `kube-key-changed` when a key has a third value since it was read, `kube-not-found`.
    """
    target = ref(kind, name, namespace)
    for attempt in range(TRIES):
        try:
            if _once(kube, target, keys, field, create):
                return
        except AcksmError as error:
            if error.id not in {"kube-conflict", "kube-exists"}:
                raise
        time.sleep(random.uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 (no secret)
    raise AcksmError("kube-busy", f"{target} is changed continually by other clients", where=str(target))


def _once(kube: Editor, target: Ref, keys: Moves, field: Sequence[str], create: Manifest | None) -> bool:
    live = kube.get(target)
    if live is None:
        desired = {key: after for key, (_, after) in keys.items() if after is not None}
        if not desired:
            return True
        if create is None:
            raise AcksmError("kube-not-found", f"{target} does not exist", where=str(target))
        kube.create({**create, **_nested(field, desired, create)})
        return True
    now = values_at(live, field)
    moved = {key: now.get(key) for key, known in keys.items() if now.get(key) not in known}
    if moved:
        key, value = next(iter(moved.items()))
        raise AcksmError(
            "kube-key-changed",
            f"{key} of {target} changed from {keys[key][0]!r} to {value!r} since it was read",
            where=str(target),
        )
    todo = {key: after for key, (_, after) in keys.items() if now.get(key) != after}
    if todo:
        version = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}}
        try:
            kube.patch(target, {**version, **_nested(field, todo, version)})
        except AcksmError as error:
            if error.id == "kube-not-found":  # deleted since it was read: the next attempt notices
                return False
            raise
    return True


def _nested(field: Sequence[str], values: Manifest, around: Manifest) -> Object:
    """`values` at `field`, with what `around` has beside it on the first level."""
    if len(field) == 1:
        return {field[0]: values}
    return {field[0]: {**(around.get(field[0]) or {}), field[1]: values}}


def delete_when_empty(kube: Editor, kind: str, name: str, *, field: Sequence[str], namespace: str = "") -> None:
    """Delete an object that acksm created once its map is empty; it is kept when another client added a key."""
    target = ref(kind, name, namespace)
    live = kube.get(target)
    if live is None or values_at(live, field) or not _is_owned(live):
        return
    try:
        kube.delete(target, str(live["metadata"]["resourceVersion"]))
    except AcksmError as error:
        if error.id != "kube-conflict":
            raise


def _is_owned(manifest: Manifest) -> bool:
    return (manifest["metadata"].get("labels") or {}).get(OWNED_LABEL) == "true"
