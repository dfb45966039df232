"""Defaults of the charts' values that changed from one version to another, as a table.

A release holds all defaults of its chart where values.yaml was edited in place, as the guide does, or given whole
(`helm install -f values.yaml`). They must not become values of a newer chart. Read at every tag of both controllers
(docs/ack/versions.md#values).
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from acksm.ack import charts
from acksm.ack.charts import ALWAYS
from acksm.ack.kinds import KINDS, SINCE
from acksm.dataclass import dataclass

Path = tuple[str, ...]
TAG, KINDS_PATH, TAGS = ("image", "tag"), ("reconcile", "resources"), ("resourceTags",)
# Placeholders of resourceTags that no controller with the feature `resource-tags` fills in, and what replaced them.
RENAMED_FORMATS = {"%KUBERNETES_NAMESPACE%": "%K8S_NAMESPACE%"}
LOST_FORMATS = ("%UTCNOW%",)


@dataclass(frozen=True)
class Default:
    """A default of earlier charts. `until`: the first version of each chart that has another one."""

    value: object
    until: tuple[str, str]
    since: tuple[str, str] = (ALWAYS, ALWAYS)

    def holds(self, service: str, version: Version) -> bool:
        index = charts.SERVICES.index(service)
        return Version(self.since[index]) <= version < Version(self.until[index])


_FIRST_TAGS = [
    "services.k8s.aws/managed=true",
    "services.k8s.aws/created=%UTCNOW%",
    "services.k8s.aws/namespace=%KUBERNETES_NAMESPACE%",
]
_SECOND_TAGS = [
    "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
    "services.k8s.aws/namespace=%K8S_NAMESPACE%",
]
CHANGED: Mapping[Path, tuple[Default, ...]] = {
    ("log", "level"): (Default("debug", ("0.0.4", "0.0.2")),),
    ("log", "enable_development_logging"): (Default(True, ("0.0.4", ALWAYS), ("0.0.2", ALWAYS)),),
    ("reconcile", "defaultResyncPeriod"): (Default(0, ("1.2.3", "1.0.6")),),
    ("featureGates", "ReadOnlyResources"): (Default(False, ("1.4.0", "1.1.0")),),
    ("featureGates", "ResourceAdoption"): (Default(False, ("1.4.0", "1.1.0")),),
    TAGS: (
        Default(_FIRST_TAGS, ("0.3.2", "0.2.10")),
        Default(_SECOND_TAGS, ("1.6.0", "1.2.0"), ("0.3.2", "0.2.10")),
    ),
}


def is_default(service: str, version: str, path: Path, value: object) -> bool:
    """Whether the chart of this version has `value` as its default, and a later one has another."""
    if path == TAG:
        return charts.normalise(str(value)) == charts.normalise(version)
    if path == KINDS_PATH:
        return isinstance(value, list) and set(map(str, value)) == kinds(service, version)
    return any(
        one.value == value and isinstance(value, type(one.value)) and one.holds(service, charts.parse(version))
        for one in CHANGED.get(path, ())
    )


def kinds(service: str, version: str) -> set[str]:
    """Every kind of the service that its controller of this version reconciles."""
    newest = charts.parse(version)
    return {kind for kind in KINDS[service] if Version(SINCE.get(kind, ALWAYS)) <= newest}
