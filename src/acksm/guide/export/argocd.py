"""Argo CD: an Application for each layer, and one that has these (the app of apps pattern). Pure.

The CRDs are in Applications of their own, once in the cluster: the same CRD in two Applications is applied in turn by
both (argo-cd#18417). These have no finalizer, so that deleting them deletes no CRD, and with it every object. The
others delete in the background: with foreground deletion ACK's objects go before their controller has deleted the AWS
resources (community#1759).
"""

from __future__ import annotations

from collections.abc import Sequence

from acksm.guide.export.layers import Layer, kustomization
from acksm.guide.export.repository import Repository
from acksm.json_types import Object

FOLDER, NAMESPACE = "argocd", "argocd"
IN_CLUSTER = "https://kubernetes.default.svc"
WAVE = "argocd.argoproj.io/sync-wave"
BACKGROUND = "resources-finalizer.argocd.argoproj.io/background"


def files(layers: Sequence[Layer], at: Repository, root: str) -> dict[str, Object]:
    """argocd/ by path: root.yaml, and the Applications in apps/. `root` is the name of the Application over them."""
    apps = {f"{layer.name}.yaml": _application(layer, at) for layer in layers}
    found = {f"{FOLDER}/apps/{name}": item for name, item in apps.items()}
    found[f"{FOLDER}/apps/kustomization.yaml"] = kustomization(list(apps))
    found[f"{FOLDER}/root.yaml"] = _root(at, root)
    return found


def _application(layer: Layer, at: Repository) -> Object:
    metadata: Object = {"name": layer.name, "namespace": NAMESPACE, "annotations": {WAVE: str(layer.order)}}
    if not layer.kept:
        metadata["finalizers"] = [BACKGROUND]
    return _of(metadata, layer.path, at, prune=not layer.kept)


def _root(at: Repository, name: str) -> Object:
    """Without a finalizer: its Applications, and what they keep, remain when it is deleted."""
    return _of({"name": name, "namespace": NAMESPACE}, f"{FOLDER}/apps", at, prune=False)


def _of(metadata: Object, path: str, at: Repository, *, prune: bool) -> Object:
    source: Object = {"repoURL": at.url, "targetRevision": at.revision, "path": at.below(path)}
    found = spec(source, {"server": IN_CLUSTER})
    found["syncPolicy"] = {"automated": {"prune": prune, "selfHeal": True}, **found["syncPolicy"]}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": found}


def spec(source: Object, destination: Object) -> Object:
    """Of an Application that is not synced automatically.

    https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml
    """
    return {
        "project": "default",
        "source": source,
        "destination": destination,
        "syncPolicy": {
            "syncOptions": ["ServerSideApply=true"],
            "retry": {"limit": 10, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"}},
        },
    }
