"""`capability status|share`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes, Target
from acksm.reports.controllers import RunningController


class CapabilityFacts(TypedDict):
    """Result of `acksm capability share`."""

    capability: str | None
    """Its name; null where the cluster has none of type ACK."""
    services: list[str]
    """What the capability is not to reconcile."""
    disabled_services: list[str]
    """Every service that it leaves out then."""


class CapabilityShareReport(Changes):
    result: CapabilityFacts


class Capability(TypedDict):
    """An EKS capability of type ACK."""

    name: str
    status: str
    """EKS's: ACTIVE, CREATING, UPDATING, DEGRADED, …"""
    version: str
    role_arn: str
    disabled_services: list[str]
    issues: list[str]
    """Of its health, as "CODE: message"."""


class CapabilityLease(TypedDict):
    namespace: str
    holder: str
    """Empty: no one."""
    renewed: str
    """RFC 3339."""


class CapabilityService(TypedDict):
    """Who reconciles a service. What could not be read is null."""

    service: str
    capability: str | None
    """The capability that reconciles it, or empty."""
    controllers: list[RunningController] | None
    """Those in the cluster."""
    takes_turns: bool | None
    """Whether each of them waits for the Lease that the capability's controller holds."""
    leases: list[CapabilityLease] | None


class CapabilityStatusReport(TypedDict):
    target: Target
    capabilities: list[Capability] | None
    """null: they could not be read."""
    services: list[CapabilityService]
    problems: list[str]
    incomplete: list[str]
    """What could not be read, and why."""
