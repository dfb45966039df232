"""What an engine says of the objects that it keeps: whether it applies them at all, and what failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.api import Getter
from acksm.kube.owners import ENGINES, Owner, owner_of
from acksm.kube.paths import Ref

# https://fluxcd.io/flux/components/, https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
_KINDS = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
    "Application": ("argoproj.io/v1alpha1", "applications"),
}
ARGO_NAMESPACE = "argocd"  # of Applications whose tracking id has none


@dataclass(frozen=True)
class Engine:
    """An engine's own object, and why what it keeps is not as in its source; `problem` "" where it is, None where the
    object does not exist."""

    by: Owner
    problem: str | None = ""
    text: str = ""


def keepers(objects: Iterable[Manifest]) -> list[Owner]:
    """The engines that keep these objects, each once."""
    found = {owner.described: owner for item in objects if (owner := owner_of(item)) and owner.tool in ENGINES}
    return [found[name] for name in sorted(found)]


def location(by: Owner) -> Ref | None:
    """The engine's own object, None where the marks do not name one."""
    if by.kind not in _KINDS:
        return None
    version, plural = _KINDS[by.kind]
    namespace = by.namespace or (ARGO_NAMESPACE if by.tool == "argocd" else "")
    return Ref(version, plural, by.kind, by.engine_object, namespace) if namespace else None


def read(kube: Getter, by: Owner) -> Engine:
    """Its state now. Errors: what the read raises."""
    where = location(by)
    found = kube.get(where) if where else None
    return Engine(by, None) if found is None else judge(by, found)


def judge(by: Owner, manifest: Manifest) -> Engine:
    """Pure part of `read`."""
    spec, status = manifest.get("spec") or {}, manifest.get("status") or {}
    if by.tool == "argocd":
        sync = str((status.get("sync") or {}).get("status") or "Unknown")
        health = str((status.get("health") or {}).get("status") or "Unknown")
        said = str((status.get("operationState") or {}).get("message") or "")
        good = sync == "Synced" and health in {"Healthy", "Progressing"}
        return Engine(by, "" if good else ": ".join(filter(None, [f"{sync}, {health}", said])), f"{sync}, {health}")
    if spec.get("suspend"):
        return Engine(by, "is suspended, so that nothing of its source is applied")
    ready = next((one for one in status.get("conditions") or [] if one.get("type") == "Ready"), None)
    if conditions.holds(manifest, "Ready"):
        return Engine(by, "", str((ready or {}).get("message") or ""))
    if ready is None:
        return Engine(by, "has not been reconciled yet")
    return Engine(by, f"is not ready: {ready.get('reason', '')}: {ready.get('message', '')}")
