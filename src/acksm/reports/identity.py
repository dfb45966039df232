"""`identity status|migrate`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes, Target


class IdentityProblem(TypedDict):
    id: str
    """`acksm explain ID` says more."""
    text: str
    remedy: str
    """A command, or empty."""


class IdentityAssociation(TypedDict):
    """An association of EKS Pod Identity."""

    id: str
    role: str
    """ARN of the role that EKS assumes."""
    target_role: str
    """ARN of the role that it assumes with it, which is then that of the pods; empty for none."""
    session_tags: bool
    """Whether sessions have tags, which they pass on to roles that they assume."""
    owner: str
    """ARN of the EKS add-on that manages it; empty for none."""


class IdentityPod(TypedDict):
    name: str
    created: str
    """RFC 3339."""
    ready: bool
    mechanism: str
    """irsa, pod-identity, static (keys or a profile of its own), node (nothing of its own, and it runs) or none."""
    role: str | None
    """ARN of its role, empty for none; null where it could not be read."""
    proven_by: list[str]
    """variables, token (the mounted one has the mechanism's audience), ready (the controller asked STS who it is)."""
    problems: list[IdentityProblem]


class IdentityController(TypedDict):
    """One controller of the controllers' namespace."""

    service: str
    namespace: str
    deployment: str
    service_account: str
    annotation: str | None
    """The role that its service account is annotated with, empty for none; null where it could not be read."""
    associated: bool | None
    """Null where the association could not be read."""
    association: IdentityAssociation | None
    mechanism: str | None
    """Of a pod that is created now: irsa, pod-identity or none; null where it is unknown."""
    role: str | None
    """Of a pod that is created now, as in `pods`."""
    pods: list[IdentityPod] | None
    """Null where they could not be read."""
    problems: list[IdentityProblem]
    """Those of no single pod."""


class IdentityStatusReport(TypedDict):
    target: Target
    healthy: bool | None
    """False with a problem; null where too little could be read to tell."""
    controllers: list[IdentityController] | None
    """Null where the controllers could not be read."""
    notes: list[str]
    incomplete: list[str]
    """What could not be read, and why."""


class IdentityMigrated(TypedDict):
    """What one controller had, and what it has after the command."""

    service: str
    role: str
    before: list[str]
    """Mechanisms of its pods, each once."""
    now: list[str]
    proven_by: list[str]
    """What shows it in each of its pods."""


class IdentityMigrateFacts(TypedDict):
    """Result of `acksm identity migrate`."""

    to: str
    """irsa or pod-identity."""
    finished: bool
    """Whether the other way is removed."""
    controllers: list[IdentityMigrated]


class IdentityMigrateReport(Changes):
    result: IdentityMigrateFacts
