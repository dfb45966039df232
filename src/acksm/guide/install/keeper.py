"""Who keeps a controller that acksm does not keep by helm: Flux, Argo CD, or whoever applied the manifests; and what is
known of one without helm's record: what its Deployment has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.guide.install import mirrored
from acksm.helm.releases import MARK_PATH, Release
from acksm.json_types import Json, Manifest, Value
from acksm.kube import owners
from acksm.kube.api import Reader
from acksm.kube.owners import MANIFESTS, Owner
from acksm.kube.paths import ref
from acksm.live import running
from acksm.live.drift import Drift, object_name
from acksm.live.readiness import INSTANCE_LABEL, ROLE_ANNOTATION
from acksm.live.running import Running
from acksm.settings import DEFAULT_REGISTRY

# Field managers of Kubernetes' own controllers, and acksm's, which writes only what a restart does.
_OTHERS = frozenset({"kube-controller-manager", "kube-apiserver", "kubelet", "acksm"})
# Each engine's field manager (fluxcd/kustomize-controller and helm-controller, argoproj/argo-cd: common.go).
_MANAGERS = {
    "Kustomization": "kustomize-controller",
    "HelmRelease": "helm-controller",
    "Application": "argocd-controller",
}


def keeper_of(deployment: Manifest, *, recorded: bool) -> Owner | None:
    """Who keeps a controller; None where helm does, by its record or by its marks on the objects."""
    owner = owners.owner_of(deployment)
    if owner is not None and owner.tool not in {"helm", "acksm"}:
        return owner
    if recorded or owners.helm_release(deployment):
        return None
    return Owner(MANIFESTS, _writers(deployment))


def exported(manifest: Manifest) -> bool:
    """Whether `acksm export` wrote the object."""
    return owners.EXPORT_LABEL in (manifest["metadata"].get("labels") or {})


def expected(service: str, crds: Iterable[Manifest]) -> Owner | None:
    """Who is to create a controller that does not exist: who keeps the exported CRDs of its group; None for no one."""
    group = f"{service}.{COMMON_GROUP}"
    found = next((crd for crd in crds if crd["spec"]["group"] == group and exported(crd)), None)
    if found is None:
        return None
    owner = owners.owner_of(found)
    return owner if owner is not None and owner.tool in owners.ENGINES else Owner(MANIFESTS, _writers(found))


def _writers(manifest: Manifest) -> str:
    """The field managers that applied an object; where none did, all that wrote it."""
    entries = manifest["metadata"].get("managedFields") or []
    applied = {str(one.get("manager")) for one in entries if one.get("operation") == "Apply" or _is_client_side(one)}
    found = applied - _OTHERS or {name for name, _ in owners.writers(manifest)} - _OTHERS
    return " and ".join(sorted(found))


def _is_client_side(entry: Manifest) -> bool:
    return str(entry.get("manager")) in {"kubectl-client-side-apply", "kubectl-create"}


def by_release(deployments: Iterable[Manifest], namespace: str) -> dict[str, Manifest]:
    """The Deployments of `namespace` by the name of their release, as every generation of the charts labels them."""
    return {
        str((item["metadata"].get("labels") or {})[INSTANCE_LABEL]): item
        for item in deployments
        if item["metadata"].get("namespace") == namespace
        and INSTANCE_LABEL in (item["metadata"].get("labels") or {})
        and not item["metadata"].get("deletionTimestamp")
    }


def release_of(service: str, deployment: Manifest, account: Manifest | None) -> Release:
    """The release that helm would have recorded, as far as the Deployment and its service account say. Pure."""
    found = running.of_service(deployment, service)
    metadata = deployment["metadata"]
    written = [at for _, at in owners.writers(deployment) if at]
    return Release(
        charts.release_name(service),
        found.namespace,
        "deployed",
        charts.chart_name(service),
        found.version,
        0,
        max(written, default=str(metadata.get("creationTimestamp") or "")),
        values_of(found, deployment, account),
    )


def values_of(found: Running, deployment: Manifest, account: Manifest | None) -> Json:
    """The values that options of acksm set, where the Deployment has others than the charts' defaults. The list of
    kinds is not among them: an old one would be kept by an upgrade (docs/ack/versions.md#reused-values)."""
    service, version, values = found.service, found.version, Json()
    template = deployment["spec"]["template"].get("metadata") or {}
    labels, annotations = template.get("labels") or {}, template.get("annotations") or {}
    if found.watched:
        _set(values, ("watchNamespace",), ",".join(found.watched))
        if charts.has(service, version, "install-scope"):
            _set(values, ("installScope",), "namespace")
    gates = dict.fromkeys(found.gates, True) | dict.fromkeys(found.gates_off, False)
    if gates and charts.has(service, version, "feature-gates"):
        _set(values, ("featureGates",), dict(sorted(gates.items())))
    if not found.enable_carm and charts.has(service, version, "enable-carm"):
        _set(values, ("enableCARM",), False)
    if found.deletion_policy != "delete":
        _set(values, ("deletionPolicy",), found.deletion_policy)
    if not found.cross_namespace and charts.has(service, version, "cross-namespace"):
        _set(values, (running.CROSS_NAMESPACE,), False)
    if found.service_account != charts.release_name(service):
        _set(values, ("serviceAccount", "name"), found.service_account)
    if role := ((account or {}).get("metadata", {}).get("annotations") or {}).get(ROLE_ANNOTATION):
        _set(values, ("serviceAccount", "annotations", ROLE_ANNOTATION), str(role))
    if labels.get(MARK_PATH[-1]) == "true":
        _set(values, MARK_PATH, "true")
    if mirror := annotations.get(mirrored.REGISTRY_PATH[-1]):
        _set(values, mirrored.REGISTRY_PATH, str(mirror))
    image = _repository(deployment)
    if image and image != f"{DEFAULT_REGISTRY}/{charts.image_name(service)}":
        _set(values, mirrored.IMAGE_PATH, image)
    return values


def _repository(deployment: Manifest) -> str:
    """HOST/PATH of the controller's image, without its tag and digest."""
    image = str(running.container_of(deployment).get("image", "")).partition("@")[0]
    path, slash, last = image.rpartition("/")
    return path + slash + last.partition(":")[0]


def _set(values: Json, path: Sequence[str], value: Value) -> None:
    for key in path[:-1]:
        values = values.setdefault(key, {})
    values[path[-1]] = value


def managers_of(by: Owner) -> frozenset[str]:
    """The field managers by which a keeper applies."""
    return frozenset(by.name.split(" and ") if by.tool == MANIFESTS else [_MANAGERS.get(by.kind, "")])


def changed(kube: Reader, deployment: Manifest, by: Owner) -> list[Drift]:
    """What was changed since the keeper applied a controller: of its Deployment and its service account."""
    namespace = str(deployment["metadata"]["namespace"])
    name = str(deployment["spec"]["template"]["spec"].get("serviceAccountName") or "default")
    account = kube.get(ref("ServiceAccount", name, namespace))
    objects = [("Deployment", deployment), *([("ServiceAccount", account)] if account else [])]
    return [one for kind, item in objects if (one := edited({"kind": kind, **item}, by))]


def edited(manifest: Manifest, by: Owner) -> Drift | None:
    """The fields that another field manager than the keeper's has changed or added since it applied the object; None
    for none. What was removed has no manager, so it is not seen. Pure."""
    entries = [one for one in manifest["metadata"].get("managedFields") or [] if not one.get("subresource")]
    own = managers_of(by)
    kept = {path for one in entries if one.get("manager") in own for path in _paths(one.get("fieldsV1") or {})}
    if not kept:
        return None
    found: dict[str, str] = {}
    at = ""
    for one in entries:
        if one.get("manager") in own | _OTHERS:
            continue
        for path in _paths(one.get("fieldsV1") or {}):
            if path not in kept and path[:1] in {("spec",), ("metadata",)} and not _is_restart(path):
                found[_text(path)] = str(one.get("manager"))
                at = max(at, str(one.get("time", "")))
    if not found:
        return None
    return Drift(object_name(manifest), fields=tuple(sorted(found)), by=tuple(sorted(set(found.values()))), at=at)


def _is_restart(path: Sequence[str]) -> bool:
    return path[-1] == "kubectl.kubernetes.io/restartedAt"


def _paths(fields: Value, path: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    """The leaves of managedFields, as paths: ("spec", "replicas"), an item of a list by its key."""
    if isinstance(fields, Mapping):
        inner = [(key, item) for key, item in fields.items() if key != "."]
        for key, item in inner:
            kind, _, name = str(key).partition(":")
            yield from _paths(item, (*path, name if kind == "f" else f"[{name}]"))
        if inner:
            return
    if path:
        yield path


def _text(path: Sequence[str]) -> str:
    return ".".join(path).replace(".[", "[")
