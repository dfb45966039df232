"""Flux: one source, and a Kustomization for each layer. CRDs are in Kustomizations that never delete, since a
HelmRelease leaves old CRDs by default, or replaces those that all of ACK's charts share
(https://fluxcd.io/flux/components/helm/helmreleases/#crds). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from acksm.guide.export.layers import Layer, kustomization
from acksm.guide.export.repository import Repository
from acksm.json_types import Object

FOLDER, NAMESPACE = "flux", "flux-system"
INTERVAL, RETRY, TIMEOUT = "10m", "1m", "10m"


def files(layers: Sequence[Layer], at: Repository, source: str) -> dict[str, Object]:
    """flux/ by path; `source` is the name of the source object."""
    found = {"source.yaml": _source(at, source)}
    found |= {f"{layer.name}.yaml": _kustomization(layer, at, source) for layer in layers}
    found["kustomization.yaml"] = kustomization(["source.yaml", *(f"{layer.name}.yaml" for layer in layers)])
    return {f"{FOLDER}/{name}": item for name, item in found.items()}


def _source(at: Repository, name: str) -> Object:
    """https://fluxcd.io/flux/components/source/ocirepositories/ and …/gitrepositories/"""
    kind = "OCIRepository" if at.is_oci else "GitRepository"
    spec: Object = {"interval": INTERVAL, "url": _url(at.url), "ref": {at.revision_kind: at.revision}}
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _url(url: str) -> str:
    """git@HOST:PATH as an SSH URL: Flux reads no other form."""
    if "://" in url:
        return url
    host, _, path = url.partition(":")
    return f"ssh://{host}/{path}"


def _kustomization(layer: Layer, at: Repository, source: str) -> Object:
    """https://fluxcd.io/flux/components/kustomize/kustomizations/; with `wait`, healthChecks are ignored."""
    spec: Object = {
        "interval": INTERVAL,
        "retryInterval": RETRY,
        "timeout": TIMEOUT,
        "sourceRef": {"kind": "OCIRepository" if at.is_oci else "GitRepository", "name": source},
        "path": f"./{at.below(layer.path)}",
        "prune": not layer.kept,
    }
    if layer.kept:
        spec["deletionPolicy"] = "Orphan"
    if layer.deployments:
        spec["healthChecks"] = [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "namespace": namespace}
            for namespace, name in layer.deployments
        ]
    else:
        spec["wait"] = True
    if layer.needs:
        spec["dependsOn"] = [{"name": name} for name in layer.needs]
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": layer.name, "namespace": NAMESPACE},
        "spec": spec,
    }
