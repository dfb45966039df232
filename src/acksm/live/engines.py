"""What an engine says of the objects that it keeps: whether it applies them at all, what failed, and from where they
come."""

from __future__ import annotations

from collections.abc import Iterable

from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.api import Getter
from acksm.kube.owners import ENGINES, Owner, owner_of
from acksm.kube.paths import Ref
from acksm.live.unread import unless_forbidden

# https://fluxcd.io/flux/components/, https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
_KINDS = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
    "Application": ("argoproj.io/v1alpha1", "applications"),
}
# A source's reference by its kind, in the order in which the first one set counts
# (https://fluxcd.io/flux/components/source/gitrepositories/#reference, …/ocirepositories/#reference)
_SOURCES = {
    "GitRepository": ("gitrepositories", ("commit", "semver", "tag", "branch")),
    "OCIRepository": ("ocirepositories", ("digest", "semver", "tag")),
}
ARGO_NAMESPACE = "argocd"  # of Applications whose tracking id has none


@dataclass(frozen=True)
class Engine:
    """An engine's own object, and why what it keeps is not as in its source; `problem` "" where it is, None where the
    object does not exist."""

    by: Owner
    problem: str | None = ""
    text: str = ""


@dataclass(frozen=True)
class Source:
    """Where an engine's own object reads files: the URL of a Git repository or of an OCI artifact, a revision ("" for
    its default), and the path in it without ./."""

    url: str
    revision: str
    path: str


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


def source(kube: Getter, by: Owner) -> Source | None:
    """From where a Kustomization or an Application has what it applies; None where it names no such repository, or may
    not be read. Errors: what the reads raise."""
    if by.kind not in {"Kustomization", "Application"} or (where := location(by)) is None:
        return None
    spec = (unless_forbidden(lambda: kube.get(where), None) or {}).get("spec") or {}
    if by.kind == "Application":
        found = spec.get("source") or {}
        return _source(found.get("repoURL"), found.get("targetRevision"), found.get("path"))
    reference = spec.get("sourceRef") or {}
    kind = str(reference.get("kind"))
    if kind not in _SOURCES:
        return None
    plural, order = _SOURCES[kind]
    named, namespace = str(reference.get("name")), str(reference.get("namespace") or where.namespace)
    at = Ref("source.toolkit.fluxcd.io/v1", plural, kind, named, namespace)
    of = (unless_forbidden(lambda: kube.get(at), None) or {}).get("spec") or {}
    revision = of.get("ref") or {}
    return _source(of.get("url"), next((revision[key] for key in order if revision.get(key)), ""), spec.get("path"))


def _source(url: object, revision: object, path: object) -> Source | None:
    return Source(str(url), str(revision or ""), str(path or "").removeprefix("./")) if url else None
