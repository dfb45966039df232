"""EKS's own ACK: a capability of type ACK runs AWS's controllers for the same kinds.

Which services it reconciles, and whether a controller beside it takes turns with it (docs/capability.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from acksm.ack import charts
from acksm.aws.account import Aws
from acksm.aws.eks import Capability
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest
from acksm.live.running import Running
from acksm.remedies import filled

LEASES = "kube-system"  # the namespace of the Leases that AWS's controllers hold
BUSY = frozenset({"CREATING", "UPDATING"})  # EKS changes it, and refuses other changes
ENDED = frozenset({"CREATE_FAILED"})  # it runs nothing
WORKING = frozenset({"ACTIVE", "UPDATING"})
_OPTION = " --service "  # between the services of a command
UNREAD = "not checked: EKS capabilities"  # how the note begins


def lease_name(service: str) -> str:
    """The Lease by which the controllers of a service take turns."""
    return f"ack-{service}.services.k8s.aws"


def reconciled(item: Capability, services: Collection[str]) -> list[str]:
    """Those of `services` that the capability reconciles, or may reconcile while it is changed."""
    if item.status in ENDED:
        return []
    return [service for service in services if item.status == "UPDATING" or service not in item.disabled]


def values_share(values: Manifest) -> bool:
    """Whether a release with these complete values takes turns with the capability. The charts ignore the namespace
    where leader election is not enabled."""
    found = values.get("leaderElection")
    election = found if isinstance(found, Mapping) else {}
    return str(election.get("enabled")).lower() == "true" and election.get("namespace") == LEASES


def flags_share(flags: Mapping[str, str], namespace: str) -> bool:
    """The same of a running controller, by its flags; `namespace` is its pods'."""
    where = flags.get("leader-election-namespace") or namespace
    return flags.get("enable-leader-election") == "true" and where == LEASES


@dataclass(frozen=True)
class Judged:
    """Where the controllers of some services stand beside the capabilities. `conflicts`: what a capability reconciles
    without taking turns; `notes`: what else there is to know."""

    conflicts: Sequence[tuple[Capability, Sequence[str]]] = ()
    notes: Sequence[str] = ()

    @property
    def services(self) -> list[str]:
        """The services in conflict."""
        return list(dict.fromkeys(service for _, services in self.conflicts for service in services))

    def raise_conflict(self, cluster: str, remaining: Sequence[str], installed: Collection[str]) -> None:
        """Error: `capability-conflict`, with both remedies. `remaining`: the requested services without conflict,
        `installed`: those that have a release."""
        if self.conflicts:
            raise AcksmError(
                "capability-conflict",
                f"EKS already runs ACK's controllers for cluster {cluster}: {self}",
                where=f"cluster {cluster}",
                remedy=self._remedy(remaining, installed),
                details={"services": self.services, "capabilities": [item.name for item, _ in self.conflicts]},
            )

    def __str__(self) -> str:
        return "; ".join(f"capability {described(item)} reconciles {', '.join(own)}" for item, own in self.conflicts)

    def _remedy(self, remaining: Sequence[str], installed: Collection[str]) -> str:
        if all(item.status == "DELETING" for item, _ in self.conflicts):
            return "acksm capability status   (until the capability is deleted; then run this command again)"
        left = [service for service in self.services if service in installed]
        leave = "install nothing for them"
        if left:
            leave = filled(f"acksm cleanup --service {_OPTION.join(left)}")
        elif remaining:
            leave = filled(f"acksm install --service {_OPTION.join(remaining)}")
        return (
            f"acksm capability share --service {_OPTION.join(self.services)}   (then run this command again; or leave "
            f"{' and '.join(left or self.services)} to the capability: {leave})"
        )


def judge(found: Sequence[Capability], services: Mapping[str, bool]) -> Judged:
    """`services`: each one that acksm's controllers reconcile or are to, and whether its controller takes turns."""
    conflicts, notes = [], []
    for item in found:
        both = reconciled(item, services)
        alone = [service for service in both if not services[service]]
        if alone:
            conflicts.append((item, alone))
        for service in both:
            if services[service]:
                notes.append(
                    f"{service} is reconciled by whoever holds Lease {LEASES}/{lease_name(service)}: this controller "
                    f"or EKS capability {described(item)}"
                )
        if item.status in ENDED:
            notes.append(f"EKS capability {described(item)} runs no controllers")
        elif free := [service for service in services if service not in both]:
            notes.append(f"EKS capability {described(item)} leaves out {', '.join(free)}")
    return Judged(conflicts, notes)


def described(item: Capability) -> str:
    """Its name and status, and what EKS says of its health."""
    return f"{item.name} ({item.status}" + "".join(f"; {issue}" for issue in item.issues) + ")"


def visible(aws: Aws, cluster: str) -> tuple[list[Capability], list[str]]:
    """The capabilities, and notes on what the caller is not allowed to read. Other errors are raised."""
    try:
        return aws.eks.ack_capabilities(cluster), []
    except AcksmError as error:
        if error.id != "aws-access-denied":
            raise
        return [], [f"{UNREAD}, which may run the same controllers ({error.message})"]


def controllers(found: Sequence[Capability], services: Collection[str]) -> list[Running]:
    """What the capabilities run, as controllers beside acksm's: of the tested version, as theirs is not known, and
    not ready where they may run nothing."""
    return [
        Running(
            service,
            LEASES,
            "",
            "",
            charts.TESTED[service],
            "",
            ready=int(item.status in WORKING),
            capability=item.name,
        )
        for item in found
        for service in reconciled(item, services)
    ]
