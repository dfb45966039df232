"""What an upgrade over each line of `charts.FEATURES` changes, what of a cluster it can concern, and what to do.

The sources are those of the table (docs/ack/versions.md). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from acksm.ack import charts
from acksm.dataclass import dataclass


class Concerns(StrEnum):
    """What of a cluster a change can concern, in the words of the report."""

    NOTHING = "nothing"
    ADOPTED = "AdoptedResources"
    ADOPTING = "objects with an adoption policy"
    ADOPT_OR_CREATE = "objects with the adoption policy adopt-or-create"
    BOUND = "bound namespaces"
    CROSSING = "references and exports to another namespace"
    EXPORTS = "FieldExports"
    MOVED = "objects in another region or account than requested"
    READ_ONLY = "read-only objects"
    RETAINED = "objects and namespaces with a deletion policy"


@dataclass(frozen=True)
class Crossing:
    """What to do when a feature begins to hold (`begins`) or ends (`ends`); "" where nothing has to be done."""

    concerns: Concerns = Concerns.NOTHING
    begins: str = ""
    ends: str = ""


_PLAIN = Crossing()
CROSSINGS: Mapping[str, Crossing] = {
    "account-id": _PLAIN,  # acksm sets these values itself
    "watch-namespace-only": _PLAIN,
    "install-scope": _PLAIN,
    "watch-namespace": _PLAIN,
    "watch-many": _PLAIN,
    "enable-carm": _PLAIN,
    "feature-gates": _PLAIN,
    "carm": Crossing(Concerns.BOUND, "acksm carm verify   (afterwards)"),
    "carm-waits": Crossing(Concerns.BOUND, "acksm carm list   (before: a namespace without a map entry stops)"),
    "carm-levels": _PLAIN,
    "drift-refused": Crossing(Concerns.MOVED, "acksm region explain KIND/NAME -n NAMESPACE   (for each, before)"),
    "status-region": _PLAIN,
    "adopted-resource": Crossing(Concerns.ADOPTED, ends="acksm upgrade --convert-adopted   (what was adopted is kept)"),
    "adoption-gate": _PLAIN,
    "adoption-annotations": Crossing(
        Concerns.ADOPTING, "acksm doctor KIND/NAME -n NAMESPACE   (for each: from now on it adopts)"
    ),
    "adopt-or-create-updates": Crossing(
        Concerns.ADOPT_OR_CREATE, "acksm doctor KIND/NAME -n NAMESPACE   (for each: its spec now changes AWS)"
    ),
    "synced-condition": _PLAIN,
    "deletion-policy": Crossing(Concerns.RETAINED, "acksm cleanup --dry-run   (afterwards: it says what each keeps)"),
    "read-only": Crossing(Concerns.READ_ONLY, "acksm doctor KIND/NAME -n NAMESPACE   (for each: it no longer changes)"),
    "field-export": _PLAIN,
    "resource-tags": _PLAIN,
    "role-selector": _PLAIN,
    "arm64-image": _PLAIN,
    "cross-namespace": Crossing(Concerns.CROSSING, "acksm explain check.cross-namespace"),
    "adoption-errors": Crossing(
        Concerns.ADOPTING, "acksm doctor KIND/NAME -n NAMESPACE   (for each that does not become ready)"
    ),
    "call-timeout": _PLAIN,
    "namespace-rbac-broken": _PLAIN,
    "fixed-cluster-role-names": _PLAIN,
    "exports-once": Crossing(Concerns.EXPORTS, "acksm explain check.field-exports"),
    "system-tags": _PLAIN,
    "pipeline-spaces": _PLAIN,
    "v-tags": _PLAIN,
    "old-archive-format": _PLAIN,
}


@dataclass(frozen=True)
class Difference:
    """A feature that holds in one of two versions only. `begins`: in the newer one."""

    feature: str
    begins: bool

    @property
    def means(self) -> str:
        """What it is, as docs/charts.md has it."""
        return charts.FEATURES[self.feature].means

    @property
    def concerns(self) -> Concerns:
        """What of a cluster it concerns; nothing where there is nothing to do in this direction."""
        return CROSSINGS[self.feature].concerns if self.remedy else Concerns.NOTHING

    @property
    def remedy(self) -> str:
        """What to do, "" for nothing."""
        crossing = CROSSINGS[self.feature]
        return crossing.begins if self.begins else crossing.ends


def between(service: str, before: str, after: str) -> list[Difference]:
    """Every feature that one of the two versions has and the other has not, in the table's order.

    Error: `chart-version-unknown`.
    """
    return [
        Difference(name, charts.has(service, after, name))
        for name in charts.FEATURES
        if charts.has(service, before, name) != charts.has(service, after, name)
    ]
