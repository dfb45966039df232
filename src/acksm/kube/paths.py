"""The apiserver's paths of the kinds that acksm touches."""

from __future__ import annotations

from acksm.ack.kinds import KINDS
from acksm.dataclass import dataclass
from acksm.json_types import Manifest

# kind -> (api version, plural, namespaced); those of the two services follow from the table of kinds.
_KNOWN: dict[str, tuple[str, str, bool]] = {
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Pod": ("v1", "pods", True),
    "Event": ("v1", "events", True),
    "ConfigMap": ("v1", "configmaps", True),
    "Secret": ("v1", "secrets", True),
    "Service": ("v1", "services", True),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "Deployment": ("apps/v1", "deployments", True),
    "DaemonSet": ("apps/v1", "daemonsets", True),
    "ReplicaSet": ("apps/v1", "replicasets", True),
    "Role": ("rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "Lease": ("coordination.k8s.io/v1", "leases", True),
    "IAMRoleSelector": ("services.k8s.aws/v1alpha1", "iamroleselectors", False),
    "AdoptedResource": ("services.k8s.aws/v1alpha1", "adoptedresources", True),
    **{
        kind.name: (f"{service}.services.k8s.aws/v1alpha1", kind.plural, True)
        for service, kinds in KINDS.items()
        for kind in kinds.values()
    },
}


@dataclass(frozen=True)
class Ref:
    """One object (`name`) or a collection (`name` empty), in a namespace or in all (`namespace` empty)."""

    api_version: str
    plural: str
    kind: str
    name: str = ""
    namespace: str = ""

    @property
    def collection(self) -> str:
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return root + (f"/namespaces/{self.namespace}" if self.namespace else "") + f"/{self.plural}"

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind} " + (f"{self.namespace}/" if self.namespace else "") + self.name


def ref(kind: str, name: str = "", namespace: str = "") -> Ref:
    """A `Ref` to a kind that acksm touches. Raises KeyError for others, which is a defect."""
    api_version, plural, namespaced = _KNOWN[kind]
    return Ref(api_version, plural, kind, name, namespace if namespaced else "")


def knows(kind: str) -> bool:
    """Whether `ref` has this kind."""
    return kind in _KNOWN


def ref_of(manifest: Manifest) -> Ref:
    """The `Ref` of a manifest of a known kind."""
    metadata = manifest["metadata"]
    return ref(str(manifest["kind"]), str(metadata["name"]), str(metadata.get("namespace", "")))


def ref_in(manifest: Manifest, namespace: str) -> Ref:
    """The same for a manifest that may leave out its namespace, as a chart's may."""
    return ref_of({**manifest, "metadata": {"namespace": namespace, **manifest["metadata"]}})
