"""FieldExport, as runtimes from 0.18 on have it: a field of an object is written to a ConfigMap or a Secret.

The real controllers evaluate `spec.from.path` as a jq program; here it is a path of names, such as
`.status.ackResourceMetadata.arn`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping

from acksm.ack.kinds import KINDS
from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers.standin.conditions import ADVISORY, RECOVERABLE, SYNCED, TERMINAL, Conditions
from acksm.sandbox.controllers.standin.work import RetryError, World

KIND = "FieldExport"
FINALIZER = "finalizers.services.k8s.aws/FieldExport"
BASE = "/apis/services.k8s.aws/v1alpha1/namespaces"
ADVICE = "CrossNamespaceOptInRequired"
_REFUSED = "cross-namespace resource reference is not allowed. Set --enable-cross-namespace=true to allow it"
_PATH = re.compile(r"(\.[A-Za-z_][A-Za-z0-9_]{0,127}){1,32}")


class ExportError(Exception):
    """Why nothing was written. `terminal`: trying again would not help."""

    def __init__(self, text: str, *, terminal: bool = False) -> None:
        super().__init__(text)
        self.terminal = terminal


class FieldExports:
    """Reconciles FieldExports whose source is of this controller's group; others are another controller's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sources: dict[tuple[str, str], tuple[str, str]] = {}

    def see(self, event: Manifest) -> None:
        """Keep which object each FieldExport reads."""
        item = event["object"]
        key = (str(item["metadata"]["namespace"]), str(item["metadata"]["name"]))
        if event["type"] == "DELETED":
            self._sources.pop(key, None)
            return
        source = _source(item)
        self._sources[key] = (str(source.get("kind", "")).lower(), str(source.get("name", "")).lower())

    def of(self, kind: str, namespace: str, name: str) -> list[str]:
        """The FieldExports to write again when this object has changed: none, with the fault of some runtimes."""
        if self.world.release.has("exports-once"):
            return []
        wanted = (kind.lower(), name.lower())
        return [one for (where, one), source in list(self._sources.items()) if where == namespace and source == wanted]

    def reconcile(self, namespace: str, name: str) -> None:
        """Write it once, where its source is synced. Raises RetryError."""
        world, path = self.world, f"{BASE}/{namespace}/fieldexports/{name}"
        found = world.kube.get(path)
        if found is None:
            return
        held = found["metadata"].get("finalizers") or []
        if found["metadata"].get("deletionTimestamp"):
            if FINALIZER in held:
                self.world.merge(path, {"metadata": {"finalizers": [one for one in held if one != FINALIZER] or None}})
            return
        source = _source(found)
        if source.get("group") != world.release.group:
            return
        if FINALIZER not in held:
            self.world.merge(path, {"metadata": {"finalizers": sorted({*held, FINALIZER})}})
        kind = KINDS[world.release.service].get(str(source.get("kind")))
        if kind is None:
            raise RetryError("resource manager factory not found")
        live = world.kube.get(world.path(kind, namespace, str(source.get("name"))))
        if live is None or not Conditions(live.get("status")).holds(SYNCED):
            return
        conditions = Conditions({})
        try:
            self._export(found, live, conditions)
        except ExportError as error:
            conditions.set(TERMINAL if error.terminal else RECOVERABLE, "True", str(error))
            self.world.merge(f"{path}/status", {"status": {"conditions": conditions.items}})
            if not error.terminal:
                raise RetryError(str(error)) from error
            return
        self.world.merge(f"{path}/status", {"status": {"conditions": conditions.items}})

    def _export(self, export: Object, source: Object, conditions: Conditions) -> None:
        meta, spec = export["metadata"], export["spec"]
        to = spec.get("to") or {}
        namespace, target = str(to.get("namespace") or meta["namespace"]), str(to.get("name", ""))
        if namespace != meta["namespace"] and self.world.release.has("cross-namespace"):
            if not self.world.config.cross_namespace:
                where = f"sourceNamespace:{meta['namespace']}, targetNamespace:{namespace}, name:{target}"
                raise ExportError(f"{_REFUSED}. {where}", terminal=True)
            conditions.set(
                ADVISORY,
                "True",
                f'FieldExport in namespace "{meta["namespace"]}" writes to namespace "{namespace}". '
                "Set --enable-cross-namespace=true to keep this.",
                ADVICE,
            )
        value = _value(source, str((spec.get("from") or {}).get("path", "")))
        secret = to.get("kind") == "secret"
        path = f"/api/v1/namespaces/{namespace}/{'secrets' if secret else 'configmaps'}/{target}"
        if self.world.kube.get(path) is None:
            raise ExportError(f"unable to get existing {'secret' if secret else 'configmap'}")
        key = str(to.get("key") or "").strip() or f"{meta['namespace']}.{meta['name']}"
        self.world.merge(path, {"data": {key: base64.b64encode(value.encode()).decode() if secret else value}})
        self.world.log.info("ackrt.exporter", "patched target", namespace=meta["namespace"], name=meta["name"])


def _source(export: Manifest) -> Manifest:
    found = ((export.get("spec") or {}).get("from") or {}).get("resource")
    return found if isinstance(found, Mapping) else {}


def _value(source: Object, path: str) -> str:
    """The text of a field. Raises ExportError."""
    if not _PATH.fullmatch(path):
        raise ExportError("unable to parse path", terminal=True)
    found: object = source
    for name in path[1:].split("."):
        if found is not None and not isinstance(found, Mapping):
            raise ExportError("unable to execute query", terminal=True)
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, (str, int)):
        return str(found)
    raise ExportError("path does not exist in this object")
