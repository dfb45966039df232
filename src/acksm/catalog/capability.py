"""Ids of EKS capabilities of type ACK: `acksm capability`, and what install refuses beside one."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_OK, _REFUSED = ExitCode.OK, ExitCode.REFUSED

ENTRIES = (
    Entry(
        "capability-conflict",
        "an EKS capability for ACK reconciles the same services",
        "Two controllers would reconcile the same objects. Either the service is taken out of the capability, or it is "
        "left to it. A release whose values enable leader election in kube-system takes turns with the capability, and "
        "is no conflict; the namespace alone has no effect (docs/capability.md).",
        "acksm capability share --service SERVICE   (or acksm cleanup --service SERVICE, which leaves it to the "
        "capability)",
        _REFUSED,
    ),
    Entry(
        "capability-busy",
        "EKS is changing the capability",
        "EKS accepts one change of a capability at a time.",
        "acksm capability status   (until it is ACTIVE; then run the same command again)",
    ),
    Entry(
        "capability-not-active",
        "the capability does not become ACTIVE",
        "EKS reports why in the capability's health: for example that its role lacks permissions, or that it cannot "
        "reach the cluster.",
        "acksm capability status",
    ),
    Entry(
        "capability-full",
        "the capability's list of disabled services would be too long",
        "EKS allows 200 names, unknown ones included; acksm removes none.",
        "aws eks describe-capability --cluster-name CLUSTER --capability-name NAME   (which names mean no service?)",
        _REFUSED,
    ),
    Entry(
        "capability.disable",
        "services are taken out of an EKS capability",
        "The capability would reconcile the objects that acksm's controllers reconcile.",
        "",
        _OK,
    ),
    Entry("capability.active", "waiting until the capability is ACTIVE", "EKS applies the change.", "", _OK),
)
