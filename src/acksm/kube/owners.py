"""Who owns an object, read from the marks that the tools of this field leave in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field

from acksm.dataclass import dataclass
from acksm.json_types import Manifest, Value

OWNED_LABEL = "acksm.dev/owned"
EXPORT_LABEL = "acksm.dev/export"  # of what acksm export wrote: the engine that keeps the object
BY_HELM = "app.kubernetes.io/managed-by=Helm"  # helm sets it on all that it creates, whatever the chart says
RELEASE_NAME, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
# Controllers that restore objects: they revert a change of what they own.
_ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")
_FLUX = {"kustomize.toolkit.fluxcd.io": "Kustomization", "helm.toolkit.fluxcd.io": "HelmRelease"}
_OLM = "olm.managed"


@dataclass(frozen=True)
class Owner:
    """`tool` is helm, argocd, flux, olm, kro, acksm or manifests; `name` says which one, "namespace/release" for helm,
    the field managers for manifests. `kind` and `namespace`: of the engine's own object, as far as marks have them."""

    tool: str
    name: str
    kind: str = field(default="", compare=False)
    namespace: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.tool} {self.name}".strip()

    @property
    def described(self) -> str:
        """As a message has it: "Flux Kustomization flux-system/ack"."""
        if self.tool == MANIFESTS:
            return f"{self.name or 'an unknown tool'} (applied manifests)"
        return " ".join(part for part in (_NAMES.get(self.tool, self.tool), self.object_name) if part)

    @property
    def object_name(self) -> str:
        """The engine's own object: "Kustomization flux-system/ack", without what the marks do not have."""
        name = f"{self.namespace}/{self.engine_object}" if self.namespace else self.engine_object
        return f"{self.kind} {name}".strip()

    @property
    def engine_object(self) -> str:
        """The name of the engine's own object, without the rest that a tracking id of Argo CD has."""
        if self.tool != "argocd":
            return self.name
        name = self.name.partition(":")[0]
        return name.partition("_")[2] or name  # NAMESPACE_NAME outside of Argo CD's own namespace


MANIFESTS = "manifests"
ENGINES = frozenset({"argocd", "flux"})  # they restore what is changed, and create what is deleted, again
_NAMES = {"argocd": "Argo CD", "flux": "Flux", "olm": "OLM", "helm": "helm release"}


def owner_of(manifest: Manifest) -> Owner | None:
    """The owner that the object's labels and annotations name, or None when no tool marked it."""
    metadata = manifest.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    both = {**labels, **annotations}
    for key in _ARGO:
        if key in both:
            of, named, _ = str(both[key]).partition(":")[0].partition("_")
            return Owner("argocd", str(both[key]), "Application", of if named else "")
    for group, engine in _FLUX.items():
        if f"{group}/name" in both:
            return Owner("flux", str(both[f"{group}/name"]), engine, str(both.get(f"{group}/namespace", "")))
    if str(both.get(_OLM, "")).lower() == "true":
        return Owner("olm", str(both.get("olm.owner", "")))
    if release := helm_release(manifest):
        return Owner("helm", "/".join(release))
    if labels.get(OWNED_LABEL) == "true":
        return Owner("acksm", "")
    return None


def helm_release(manifest: Manifest) -> tuple[str, str] | None:
    """(namespace, name) of the release that helm marked the object with."""
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    if RELEASE_NAME not in annotations:
        return None
    return str(annotations.get(RELEASE_NAMESPACE, "")), str(annotations[RELEASE_NAME])


def is_owned(manifest: Manifest) -> bool:
    """Whether the object has acksm's own mark, even beside another tool's."""
    return bool((manifest["metadata"].get("labels") or {}).get(OWNED_LABEL) == "true")


def managers(manifest: Manifest) -> list[str]:
    """Field managers of the object, sorted."""
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    return sorted({str(entry.get("manager", "")) for entry in entries})


def writers(manifest: Manifest) -> list[tuple[str, str]]:
    """(field manager, time of its last change) of all but helm, and without those that write only the status."""
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    return [
        (str(entry.get("manager", "")), str(entry.get("time", "")))
        for entry in entries
        if entry.get("manager") != "helm" and not entry.get("subresource")
    ]


def of_field(manifest: Manifest, path: Sequence[str | int]) -> list[tuple[str, str]]:
    """(field manager, time of its last change) of those that own the field at `path`, or all that it is part of.

    The form of managedFields: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management.
    """
    entries = (manifest.get("metadata") or {}).get("managedFields") or []
    return [
        (str(entry.get("manager", "")), str(entry.get("time", "")))
        for entry in entries
        if _owns(entry.get("fieldsV1") or {}, manifest, path)
    ]


def _owns(fields: Value, value: Value, path: Sequence[str | int]) -> bool:
    for step in path:
        if isinstance(step, int):
            value = value[step]
        elif isinstance(value, Mapping):
            value = value.get(step)
        key = f"f:{step}" if isinstance(step, str) else next((key for key in fields if _is_key(key, value)), "")
        if key not in fields:
            return False
        fields = fields[key]
        if not fields:  # it owns this whole
            return True
    return True


def _is_key(key: str, item: Value) -> bool:
    """Whether a key of a list in managedFields, `k:{"name":"controller"}`, is that of this item."""
    if not key.startswith("k:") or not isinstance(item, Mapping):
        return False
    return all(item.get(name) == value for name, value in json.loads(key[2:]).items())
