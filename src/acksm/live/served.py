"""Which kinds of the two services, and which common ones, the apiserver serves.

By its discovery documents: every authenticated identity may read them (ClusterRole `system:discovery`,
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles), and only administrators list CRDs.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.kube.api import Documents
from acksm.kube.paths import Ref

VERSION = "v1alpha1"


@dataclass(frozen=True)
class Served:
    """A kind. `service` is "" for a common one; `names`: kind, plural, singular and short names, in lower case."""

    service: str
    kind: Ref
    names: tuple[str, ...]

    @property
    def crd(self) -> str:
        """The name of its CRD."""
        return f"{self.kind.plural}.{self.group}"

    @property
    def group(self) -> str:
        return self.kind.api_version.partition("/")[0]


def observe(kube: Documents) -> list[Served]:
    """Every kind, by service; the common ones last."""
    groups = {f"{service}.{COMMON_GROUP}": service for service in charts.SERVICES} | {COMMON_GROUP: ""}
    with ThreadPoolExecutor(max_workers=len(groups)) as pool:
        found = pool.map(lambda item: list(_of_group(kube, *item)), groups.items())
        return [one for items in found for one in items]


def crds(kube: Documents) -> frozenset[str]:
    """The names of their CRDs."""
    return frozenset(one.crd for one in observe(kube))


def _of_group(kube: Documents, group: str, service: str) -> Iterable[Served]:
    try:
        document = kube.read(f"/apis/{group}/{VERSION}")
    except AcksmError as error:
        if error.id != "kube-not-found":
            raise
        return
    for item in document.get("resources") or []:
        plural, kind = str(item["name"]), str(item["kind"])
        if "/" in plural:  # a subresource
            continue
        names = (kind, plural, str(item.get("singularName") or ""), *map(str, item.get("shortNames") or ()))
        yield Served(
            service,
            Ref(f"{group}/{VERSION}", plural, kind),
            tuple(dict.fromkeys(name.lower() for name in names if name)),
        )
