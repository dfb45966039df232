"""`oidc`, `iam-role`, `install`, `status`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.adopt import AdoptedObject
from acksm.reports.common import Changes, Drift, KeptBy, Target


class OidcFacts(TypedDict):
    """Result of `acksm oidc`."""

    oidc_provider_arn: str


class RoleFacts(TypedDict):
    """Result of `acksm iam-role`."""

    role_arn: str
    identity: str
    """How pods get the role: irsa, pod-identity, or both with a comma between."""


class ControllerFacts(TypedDict):
    """The desired state of one controller."""

    release: str
    """NAMESPACE/RELEASE."""
    version: str
    """Chart version."""
    scope: str
    """What it watches, as text."""
    digest: str
    """sha256 of the chart's archive."""
    registry: str
    """HOST/PATH of the registry that the chart is read from; images too, where it is a mirror."""
    values: Json
    """What is passed to helm on top of the chart's own values."""
    values_diff: list[str]
    """The chart's values.yaml against the patched one, as lines of a unified diff; only of a release that changes."""
    objects: list[str]
    """Objects that the release would create; only of a release that changes."""
    objects_created: list[str]
    """Those of them that the installed release does not have."""
    objects_deleted: list[str]
    """Objects of the installed release that the new one does not have: helm deletes them."""
    watched: list[str]
    """The namespaces that it would watch; empty for all."""
    watched_before: list[str] | None
    """The namespaces that the installed one watches; null where none is installed."""
    changes: int
    """Number of changes of the release itself."""
    kept_by: KeptBy | None
    """Who keeps the installed one; null where none is installed."""


class Kept(TypedDict):
    """Differences to what another tool keeps."""

    differs: list[str]
    """The objects, with their fields."""
    commit: str
    """The command whose output is to be committed."""


class UpgradeAdoptedResource(TypedDict):
    """An AdoptedResource."""

    namespace: str
    name: str
    service: str
    """Empty where its group is of no service."""
    object: str
    """What it creates, or empty for an unknown kind."""
    state: str
    """done, pending, failing, terminating, or stuck in Terminating."""
    why: str
    """What is known beyond the state, or empty."""
    finalizers: list[str]


class InstallFacts(TypedDict):
    """Result of `acksm install`."""

    oidc_provider_arn: NotRequired[str]
    """Missing where it is not used: --role-arn, and EKS Pod Identity."""
    role_arn: str
    identity: str
    """How pods get the role: irsa, pod-identity, or both with a comma between."""
    controllers: dict[str, ControllerFacts]
    """By service."""
    adopted_resources: NotRequired[list[UpgradeAdoptedResource]]
    """Only with --convert-adopted: what is converted, as it was before."""
    adoptions: NotRequired[list[AdoptedObject]]
    """Only with --convert-adopted: the adoptions that replace pending ones."""
    kept: NotRequired[Kept]
    """What would change in controllers that another tool keeps, which is not written (kept-by-engine)."""


class OidcReport(Changes):
    result: OidcFacts


class RoleReport(Changes):
    result: RoleFacts


class InstallReport(Changes):
    result: InstallFacts


class UpgradeDifference(TypedDict):
    """A feature that only one of the two versions has."""

    feature: str
    """Its name in docs/charts.md."""
    begins: bool
    """True: the newer version has it; false: it ends there."""
    means: str
    concerns: str
    """What of a cluster it can concern, as text; `nothing` where nothing has to be done."""
    here: list[str] | None
    """Which objects and namespaces of the cluster that are; null where they were not read."""
    remedy: str
    """What to do, or empty."""


UpgradeService = TypedDict(
    "UpgradeService", {"service": str, "from": str, "to": str, "differences": list[UpgradeDifference]}
)
"""What changes for one service between the two versions."""


class UpgradeExplainReport(TypedDict):
    """Result of `acksm upgrade --explain`."""

    target: Target | None
    """Null with --from."""
    services: list[UpgradeService]
    incomplete: list[str]
    """What could not be read."""


class WorseObject(TypedDict):
    """An object that was synced before an upgrade and is not afterwards."""

    object: str
    service: str
    reason: str
    """What its condition or the controller's log says."""
    remedy: str
    """What fixes it, or empty."""


class UpgradeAfter(TypedDict):
    """What was synced before, compared with what is afterwards."""

    compared: bool
    """False with --no-wait; the next `acksm upgrade` compares then."""
    worse: list[WorseObject]
    unchanged: list[str]
    """Objects that are synced by the new controller too."""
    unread: list[str]
    """What could not be compared, and why; the exit code is 7 then, unless something is worse."""


class UpgradeRollback(TypedDict):
    """A release that was rolled back, as objects became worse."""

    service: str
    version: str
    """The version that runs again."""
    revision: int
    """helm's revision that was rolled back to."""
    ready: bool
    """Whether its controller is ready again."""
    worse: list[WorseObject]
    """What is still not synced with it."""
    unchanged: list[str]
    unread: list[str]


class UpgradeFacts(InstallFacts):
    after: NotRequired[UpgradeAfter | None]
    """Null where nothing was upgraded, and with --dry-run."""
    rolled_back: NotRequired[list[UpgradeRollback]]
    """With --rollback-on-worse."""


class UpgradedReport(Changes):
    result: UpgradeFacts


UpgradeReport = UpgradedReport | UpgradeExplainReport
"""Of `acksm upgrade`; with --explain the second."""


class Controller(TypedDict):
    """One controller as it is. The fields after `installed` are empty when it is not."""

    service: str
    installed: bool | None
    """Null where the caller may read neither releases nor Deployments."""
    version: str
    status: str
    """State of the release, by helm."""
    scope: str
    role_arn: str
    """The role that EKS Pod Identity gives the service account, else the one that its annotation names."""
    owned_by_acksm: bool
    healthy: bool | None
    """Null where it could not be read."""
    problems: list[str]
    registry: str
    """HOST/PATH of the mirror that the release is from, else of the public registry."""
    remedies: list[str]
    """Commands that fix the problems, as far as their causes are known."""
    watched: list[str]
    """The namespaces that it watches; empty for all."""
    pods: int
    pods_ready: int
    restarts: int
    """Of all its containers."""
    updated: str
    """When the release was last changed, RFC 3339."""
    chart: str
    """HOST/PATH/NAME:VERSION of its chart, or empty."""
    newer: str
    """The tested version, where it is newer than the installed one, or empty."""
    kept_by: KeptBy | None
    """Who keeps it; null where none is installed, or where that could not be read."""


class HistoryEvent(TypedDict):
    """Something that was changed."""

    time: str
    """RFC 3339 in UTC, to the minute."""
    by: str
    """The tool: acksm, helm, or who keeps the controllers instead. No source records the user."""
    what: str
    object: str
    source: str
    """Where it is kept: helm, kubernetes or iam."""


class HistoryReport(TypedDict):
    """What was changed, the oldest first."""

    target: Target
    events: list[HistoryEvent]
    unread: list[str]
    """Why a source could not be read."""
    notes: list[str]
    """What no source keeps."""


class ServiceVersions(TypedDict):
    """The versions of one chart."""

    service: str
    registry: str
    installed: str | None
    """Empty where it is not installed; null where that is unknown, as no cluster could be read."""
    tested: str
    """The version that this acksm was tested with."""
    latest: str
    """The newest final release in the registry, or empty."""
    versions: list[str]
    """All in the registry, the newest first."""


class VersionsReport(TypedDict):
    target: Target | None
    """null where no cluster could be read."""
    services: list[ServiceVersions]


class StatusReport(TypedDict):
    """What is installed."""

    target: Target
    healthy: bool | None
    """Every requested controller is installed, and none is unhealthy; null when too little could be read to tell (exit
    7)."""
    controllers: list[Controller]
    drift: list[Drift]
    drift_unknown: str
    """Why drift is unknown, or empty."""
    notes: list[str]
    """What differs from the releases although every write is undone, with who changes it where that is known;
    controllers elsewhere, and objects that no controller watches."""
    problems: NotRequired[list[str]]
    """What is wrong besides the controllers, such as objects that are stuck in Terminating."""
    incomplete: NotRequired[list[str]]
    """What could not be read, and why."""


class RunningController(TypedDict):
    """A controller as it runs, read from its Deployment."""

    service: str
    version: str
    namespace: str
    watched: list[str]
    """The namespaces that it watches; empty for all."""
    mode: str
    """carm or role-selector: how it reaches other accounts."""
    role_arn: str
    """The role that its service account names, or empty."""
    region: str
    """Its --aws-region."""
    reads_accounts: bool
    """It follows accounts of namespaces (or IAMRoleSelectors) in its scope and with its values."""
    reads_regions: bool
    """It follows default regions of namespaces."""
