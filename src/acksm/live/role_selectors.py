"""IAMRoleSelector objects: which role is used for objects, by their namespace and kind (docs/carm.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from acksm.ack.charts import SERVICES
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.json_types import Manifest, Object
from acksm.kube.api import Lister
from acksm.kube.owners import OWNED_LABEL, is_owned
from acksm.kube.paths import ref
from acksm.live.bindings import Namespace

KIND = "IAMRoleSelector"
Type = tuple[str, str, str]  # group, version, kind; "" is any


@dataclass(frozen=True)
class Selector:
    """An IAMRoleSelector. None for `names`, `types`: the block is absent, which matches everything."""

    name: str
    arn: str
    names: tuple[str, ...] | None = None
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    types: tuple[Type, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    owned: bool = False

    @classmethod
    def of(cls, manifest: Manifest) -> Selector:
        spec, metadata = manifest.get("spec") or {}, manifest["metadata"]
        where = spec.get("namespaceSelector")
        types = spec.get("resourceTypeSelector")
        return cls(
            str(metadata["name"]),
            str(spec.get("arn", "")),
            None if where is None else tuple(map(str, where.get("names") or ())),
            dict(((where or {}).get("labelSelector") or {}).get("matchLabels") or {}),
            None
            if not types
            else tuple((str(t.get("group", "")), str(t.get("version", "")), str(t.get("kind", ""))) for t in types),
            dict((spec.get("resourceLabelSelector") or {}).get("matchLabels") or {}),
            is_owned(manifest),
        )

    def fits(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether objects in this namespace may match: AND between blocks, OR inside lists."""
        if self.names and namespace not in self.names:
            return False
        return all(labels.get(key) == value for key, value in self.namespace_labels.items())

    def manifest(self) -> Object:
        """As it is applied. Only what acksm creates: names and types."""
        spec: Object = {"arn": self.arn, "namespaceSelector": {"names": list(self.names or ())}}
        if self.types:
            spec["resourceTypeSelector"] = [
                {"group": group, "version": version, "kind": kind} for group, version, kind in self.types
            ]
        return {
            "apiVersion": f"{COMMON_GROUP}/v1alpha1",
            "kind": KIND,
            "metadata": {"name": self.name, "labels": {OWNED_LABEL: "true"}},
            "spec": spec,
        }


class Selectors:
    """Selectors by the namespaces that they name: as many as there are namespaces are not compared with each."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self._of: dict[str, list[tuple[int, Selector]]] = {}
        for number, item in enumerate(selectors):
            for name in item.names or (_ANY,):
                self._of.setdefault(name, []).append((number, item))

    def fitting(self, namespace: str, labels: Mapping[str, str]) -> list[Selector]:
        """Those that may match objects in this namespace, in their order."""
        found = sorted([*self._of.get(namespace, ()), *self._of.get(_ANY, ())], key=lambda one: one[0])
        return [item for _, item in found if item.fits(namespace, labels)]


_ANY = ""


def list_all(kube: Lister) -> list[Selector]:
    """Every selector of the cluster; [] when the kind is not served."""
    return [Selector.of(item) for item in kube.list(ref(KIND))]


def services_of(item: Selector) -> list[str]:
    """The services whose objects the selector may match."""
    groups = {f"{service}.{COMMON_GROUP}": service for service in SERVICES}
    return [service for group, service in groups.items() if _types_meet(item.types, [(group, "", "")])]


def overlap(one: Selector, other: Selector, namespaces: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """The first namespace where both may match one object, "" for none."""
    if not _types_meet(one.types, other.types):
        return ""
    if any(other.labels.get(key, value) != value for key, value in one.labels.items()):
        return ""
    return next((name for name, labels in namespaces if one.fits(name, labels) and other.fits(name, labels)), "")


def _types_meet(one: Sequence[Type] | None, other: Sequence[Type] | None) -> bool:
    if not one or not other:
        return True
    return any(
        all(left == right or not left or not right for left, right in zip(a, b, strict=True))
        for a in one
        for b in other
    )


def overlaps(selectors: Sequence[Selector], namespaces: Mapping[str, Namespace]) -> list[tuple[str, str, str]]:
    """(selector, selector, namespace) of each pair that may match one object of these namespaces."""
    found, indexed = [], Selectors(selectors)
    for name, live in namespaces.items():
        here = indexed.fitting(name, live.labels)
        for index, one in enumerate(here):
            for other in here[index + 1 :]:
                if overlap(one, other, [(name, live.labels)]):
                    found.append((one.name, other.name, name))
    return found
