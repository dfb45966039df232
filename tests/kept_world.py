"""The controllers in memory as somebody else keeps them: acksm's install with an engine's marks and without helm's
record, as Flux, Argo CD and kubectl leave what they apply."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import typed
from acksm.kube.owners import RELEASE_NAME, RELEASE_NAMESPACE
from acksm.kube.paths import Ref, ref_of
from memory_account import HOME
from memory_kube import Json
from memory_world import MemoryWorld, Said, run_install

ACKSM, BY_HAND, FLUX, FLUX_HELM, ARGOCD, KUBECTL = "acksm", "helm", "flux", "flux-helm", "argocd", "kubectl"
KEEPERS = (ACKSM, BY_HAND, FLUX, FLUX_HELM, ARGOCD, KUBECTL)
DESCRIBED = {
    ACKSM: "acksm",
    BY_HAND: "helm",
    FLUX: "Flux Kustomization flux-system/ack-controllers",
    FLUX_HELM: "Flux HelmRelease flux-system/ack-sagemaker",
    ARGOCD: "Argo CD Application ack-controllers",
    KUBECTL: "kubectl (applied manifests)",
}
MANAGER = {FLUX: "kustomize-controller", FLUX_HELM: "helm-controller", ARGOCD: "argocd-controller", KUBECTL: "kubectl"}
_MARK = "acksm.dev/owned"
KINDS = ("Namespace", "CustomResourceDefinition", "Deployment", "ServiceAccount", "ClusterRole")


def labels_of(keeper: str) -> dict[str, str]:
    group = {FLUX: "kustomize.toolkit.fluxcd.io", FLUX_HELM: "helm.toolkit.fluxcd.io"}.get(keeper)
    name = "ack-controllers" if keeper == FLUX else "ack-sagemaker"
    return {f"{group}/name": name, f"{group}/namespace": "flux-system"} if group else {}


def annotations_of(keeper: str, item: Json) -> dict[str, str]:
    where = f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
    tracked = f"ack-controllers:{item['apiVersion'].rpartition('/')[0]}/{item['kind']}:{where}"
    return {"argocd.argoproj.io/tracking-id": tracked} if keeper == ARGOCD else {}


def kept(keeper: str, world: MemoryWorld | None = None, **options: Any) -> MemoryWorld:
    """A world whose controllers `keeper` has installed with the settings `options` of acksm."""
    world = typed.Holder.world = world or MemoryWorld()
    world.restore(_installed(**options))
    if keeper == ACKSM:
        return world
    for path, item in list(world.kube.objects.items()):
        if item.get("kind") == "Secret" and keeper in {FLUX, ARGOCD, KUBECTL}:
            del world.kube.objects[path]
        elif item.get("kind") in KINDS:
            hand_over(keeper, item)
    if keeper in {BY_HAND, FLUX_HELM}:
        _unmark(world)
    if keeper in ENGINES:
        world.kube.objects[ENGINES[keeper].path] = engine(keeper)
        world.kube.objects[SOURCE.path] = source(REPO, {"branch": "live"})
    return world


ENGINES = {
    FLUX: Ref("kustomize.toolkit.fluxcd.io/v1", "kustomizations", "Kustomization", "ack-controllers", "flux-system"),
    FLUX_HELM: Ref("helm.toolkit.fluxcd.io/v2", "helmreleases", "HelmRelease", "ack-sagemaker", "flux-system"),
    ARGOCD: Ref("argoproj.io/v1alpha1", "applications", "Application", "ack-controllers", "argocd"),
}
REPO = "https://git.example.com/clusters.git"
SOURCE = Ref("source.toolkit.fluxcd.io/v1", "gitrepositories", "GitRepository", "ack", "flux-system")
# where each reads its files: the layer of the controllers, as an export has it
SPECS: dict[str, Json] = {
    FLUX: {
        "sourceRef": {"kind": "GitRepository", "name": "ack"},
        "path": "./clusters/demo/manifests/3-controllers-sagemaker",
    },
    ARGOCD: {
        "source": {
            "repoURL": REPO,
            "targetRevision": "live",
            "path": "clusters/demo/manifests/3-controllers-sagemaker",
        }
    },
}


def source(url: str, revision: Json | None, kind: str = SOURCE.kind) -> Json:
    metadata = {"name": SOURCE.name, "namespace": SOURCE.namespace}
    return {"kind": kind, "metadata": metadata, "spec": {"url": url, "ref": revision}}


def engine(keeper: str, *, well: bool = True, **spec: Any) -> Json:
    """The engine's own object, as its controller reports it."""
    where = ENGINES[keeper]
    ready = {"type": "Ready", "status": str(well), "reason": "BuildFailed", "message": "no such path"}
    status: Json = {"conditions": [ready]}
    if keeper == ARGOCD:
        sync, health = ("Synced", "Healthy") if well else ("OutOfSync", "Missing")
        status = {"sync": {"status": sync}, "health": {"status": health}}
    metadata = {"name": where.name, "namespace": where.namespace}
    return {"kind": where.kind, "metadata": metadata, "spec": {**SPECS.get(keeper, {}), **spec}, "status": status}


_KNOWN: dict[str, Any] = {}


def _installed(**options: Any) -> Any:
    """An install of acksm's with these settings, made once."""
    if (key := repr(sorted(options.items()))) not in _KNOWN:
        before, world = typed.Holder.world, MemoryWorld()
        typed.Holder.world = world
        settings = world.settings(**options)
        run = settings.run.model_copy(update={"timeout": 300.0})
        run_install(replace(settings, run=run), Said())
        _KNOWN[key], typed.Holder.world = world.snapshot(), before
    return _KNOWN[key]


def hand_over(keeper: str, item: Json) -> None:
    metadata = item["metadata"]
    if keeper in {FLUX, ARGOCD, KUBECTL}:
        for key in (RELEASE_NAME, RELEASE_NAMESPACE):
            (metadata.get("annotations") or {}).pop(key, None)
    if keeper in {BY_HAND, FLUX_HELM} and item["kind"] in {"Namespace", "CustomResourceDefinition"}:
        for marks in (metadata.get("labels") or {}, metadata.get("annotations") or {}):
            for key in [key for key in marks if key.startswith("acksm.dev/")]:
                del marks[key]
    if keeper == FLUX_HELM and item["kind"] in {"Namespace", "CustomResourceDefinition"}:
        return
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels_of(keeper)}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations_of(keeper, item)}
    metadata["managedFields"] = [entry(MANAGER.get(keeper, "helm"), item)]


def entry(manager: str, item: Json, time: str = "2026-01-01T00:00:00Z") -> Json:
    """What `manager` owns of an object that it applied whole."""
    applied = {key: item[key] for key in ("spec", "rules") if key in item}
    own = {key: item["metadata"][key] for key in ("labels", "annotations") if item["metadata"].get(key)}
    fields = {**_fields(applied), **({"f:metadata": _fields(own)} if own else {})}
    return {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": fields}


def _fields(value: Any) -> Json:
    if isinstance(value, dict):
        return {f"f:{key}": _fields(item) for key, item in value.items() if key != "restarted"}
    if isinstance(value, list) and value and all(isinstance(item, dict) and "name" in item for item in value):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **_fields(item)} for item in value}
    return {}


def _unmark(world: MemoryWorld) -> None:
    """Helm's record without acksm's mark: another user's release."""
    for release in ("ack-sagemaker-controller", "ack-applicationautoscaling-controller"):
        records = world.helm._records(release, HOME)
        record = copy.deepcopy(records[max(records)])
        record["config"].pop("deployment", None)
        world.helm._record(record)
    for item in world.kube.objects.values():
        if item.get("kind") == "Deployment":
            item["spec"]["template"]["metadata"]["labels"].pop(_MARK, None)


def edit(
    world: MemoryWorld, kind: str, name: str, path: Sequence[str], value: Any, manager: str = "kubectl-edit"
) -> None:
    """Another client changes a field: its field manager takes it from the engine's."""
    item = next(
        one for one in world.kube.objects.values() if one.get("kind") == kind and one["metadata"]["name"] == name
    )
    at: Any = item
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    fields: Json = {}
    for one in item["metadata"]["managedFields"]:
        inner = one["fieldsV1"]
        for key in path[:-1]:
            inner = inner.get(f"f:{key}", {})
        inner.pop(f"f:{path[-1]}", None)
    inner = fields
    for key in path[:-1]:
        inner = inner.setdefault(f"f:{key}", {})
    inner[f"f:{path[-1]}"] = {}
    item["metadata"]["managedFields"].append(
        {"manager": manager, "operation": "Update", "time": "2026-02-01T00:00:00Z", "fieldsV1": fields}
    )
    world.kube.settle(ref_of(item))
