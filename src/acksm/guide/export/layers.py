"""The Kubernetes half in five layers, each a folder of plain manifests: namespaces, the CRDs that all of ACK's charts
share, each service's CRDs, its controller, and bindings. A layer needs those before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.guide.export.reading import Source
from acksm.guide.install import crds
from acksm.guide.install.kept import FOLDER
from acksm.json_types import Manifest, Object
from acksm.kube.owners import EXPORT_LABEL, OWNED_LABEL
from acksm.settings import CONTROLLER_NAMESPACE

# What keeps an engine from deleting an object although it is no longer exported, or its application is deleted:
# deleting a CRD or a namespace deletes every object in it.
KEEPS: Mapping[str, Mapping[str, str]] = {
    "flux": {"kustomize.toolkit.fluxcd.io/prune": "disabled"},  # https://fluxcd.io/flux/components/kustomize/
    # its user guide, "Sync Options" and "Compare Options": else an Application that keeps something is never Synced
    "argocd": {
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    },
    "kustomize": {},
}
_KEPT = frozenset({"CustomResourceDefinition", "Namespace"})


@dataclass(frozen=True)
class Layer:
    """One folder below manifests/. `needs` are names of layers, `kept`: its objects outlive their engine."""

    order: int
    name: str
    folder: str
    objects: Sequence[Object]
    needs: tuple[str, ...] = ()
    kept: bool = False

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.folder}"

    @property
    def deployments(self) -> list[tuple[str, str]]:
        """(namespace, name) of each Deployment."""
        found = [item["metadata"] for item in self.objects if item["kind"] == "Deployment"]
        return [(str(item["namespace"]), str(item["name"])) for item in found]

    def files(self) -> dict[str, Object]:
        """Its objects by path, one in each file, and its kustomization.yaml."""
        found = {f"{self.path}/{name}": item for name, item in _named(self.objects)}
        names = sorted(path.rpartition("/")[2] for path in found)
        return {**found, f"{self.path}/kustomization.yaml": kustomization(names)}


def kustomization(resources: Sequence[str]) -> Object:
    """https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/"""
    return {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(resources)}


def of(source: Source, engine: str, bindings: Sequence[Manifest] = ()) -> list[Layer]:
    """The layers of an export, in order; without those that have no objects."""

    def marked(items: Iterable[Manifest]) -> list[Object]:
        return [_marked(item, engine) for item in items]

    def name(middle: str) -> str:
        return f"{prefix(source)}-{middle}"

    of_namespaces = {item["metadata"]["name"]: item for item in bindings if item["kind"] == "Namespace"}
    created = [of_namespaces.get(one) or _namespace(one) for one in source.namespaces]
    bindings = [item for item in bindings if item not in created]
    services = list(source.objects)
    common = [crd for crd in source.crds if crd.is_common]
    first, shared = name("namespaces"), name("common-crds")
    found = [
        Layer(0, first, "0-namespaces", marked(created), kept=True),
        Layer(1, shared, "1-common-crds", marked(map(crds.plain, common)), kept=True),
    ]
    for service in services:
        own = [
            crd
            for crd in source.crds
            if not crd.is_common and crd.manifest["spec"]["group"] == f"{service}.{COMMON_GROUP}"
        ]
        found.append(
            Layer(2, name(f"{service}-crds"), f"2-crds-{service}", marked(map(crds.plain, own)), (shared,), kept=True)
        )
    controllers = [name(f"{service}-controller") for service in services]
    for service, own_name in zip(services, controllers, strict=True):
        needs = (first, shared, name(f"{service}-crds"))
        found.append(Layer(3, own_name, f"3-controllers-{service}", marked(source.objects[service]), needs))
    found.append(Layer(4, name("bindings"), "4-bindings", marked(bindings), (first, shared, *controllers)))
    exported = [layer for layer in found if layer.objects]
    names = {layer.name for layer in exported}
    return [
        Layer(
            one.order, one.name, one.folder, one.objects, tuple(need for need in one.needs if need in names), one.kept
        )
        for one in exported
    ]


def prefix(source: Source) -> str:
    """What the names of an engine's objects begin with: ack, and a controllers' namespace other than the usual one."""
    return "ack" if source.namespace == CONTROLLER_NAMESPACE else f"ack-{source.namespace}"


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _marked(manifest: Manifest, engine: str) -> Object:
    """The object with the engine that keeps it as a label, and without acksm's own mark: acksm does not create it."""
    metadata = dict(manifest["metadata"])
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if value is not None}
    if manifest["kind"] != "Deployment":  # there it is a value of the release
        labels.pop(OWNED_LABEL, None)
    metadata["labels"] = {**labels, EXPORT_LABEL: engine}
    if manifest["kind"] in _KEPT and KEEPS[engine]:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **KEEPS[engine]}
    return {**manifest, "metadata": metadata}


def _named(objects: Sequence[Object]) -> list[tuple[str, Object]]:
    """A file name for each object: GROUP_PLURAL.yaml for a CRD, as controller-gen names it, else KIND-NAME.yaml, with
    the namespace where several have that name."""
    plain = [_file(item) for item in objects]
    return [
        (f"{name if plain.count(name) == 1 else _file(item, spaced=True)}.yaml", item)
        for name, item in zip(plain, objects, strict=True)
    ]


def _file(item: Manifest, *, spaced: bool = False) -> str:
    metadata = item["metadata"]
    if item["kind"] == "CustomResourceDefinition":
        return f"{item['spec']['group']}_{item['spec']['names']['plural']}"
    namespace = [str(metadata["namespace"])] if spaced and metadata.get("namespace") else []
    return "-".join([str(item["kind"]).lower(), *namespace, str(metadata["name"])]).replace(":", "-")
