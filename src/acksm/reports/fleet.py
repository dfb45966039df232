"""`acksm fleet`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.common import Error, Target


class FleetPlace(TypedDict):
    """A cluster of the fleet."""

    id: str
    """ACCOUNT/REGION/CLUSTER."""
    cluster: str
    account: str
    region: str
    labels: dict[str, str]
    wave: str


class FleetListReport(TypedDict):
    """The clusters, in the order of the waves."""

    clusters: list[FleetPlace]
    incomplete: list[str]
    """Where clusters could not be discovered."""


class FleetRow(FleetPlace):
    """What a command did on one cluster."""

    state: str
    """done, up to date, changes pending, failed, incomplete or not started."""
    exit_code: int | None
    """Of the command on this cluster; null where it was not started."""
    changes: int | None
    """How many changes were applied or planned; null where the command has no plan, or did not get that far."""
    error: Error | None
    report: Json
    """The command's own report (docs/schemas/report.json), {} where it wrote none."""
    log: list[str]
    """The last lines that it wrote besides, of a cluster that failed."""


class FleetFinding(TypedDict):
    """Something that is wrong between clusters."""

    id: str
    """Begins with `fleet.`; `acksm explain ID` has its cause."""
    severity: str
    """error (it makes the exit code 3) or warning."""
    clusters: list[str]
    """Ids of those that it concerns."""
    text: str
    remedy: str


class FleetReport(TypedDict):
    """A row for each cluster, in the order of the waves."""

    argv: list[str]
    """What ran on each cluster, as typed after `acksm`."""
    dry_run: bool
    shard: str
    """I/N with --shard, or empty: the part of the fleet that this is the report of."""
    clusters: list[FleetRow]
    totals: dict[str, int]
    """Number of clusters by state."""
    stopped: str
    """Why the rest was not started, or empty."""
    findings: list[FleetFinding]
    """What is wrong between clusters; only of `acksm fleet doctor`."""
    incomplete: list[str]
    """What could not be read: clusters that could not be discovered."""


class FleetJobReport(TypedDict):
    """`fleet job`: the objects, in the order in which they are applied."""

    manifests: list[Json]
    notes: list[str]


class FleetHeld(TypedDict):
    """An AWS resource that an object of the cluster holds."""

    object: str
    """KIND NAMESPACE/NAME."""
    aws: list[str]
    """Service, kind, account, region and key: equal for two objects of one AWS resource."""
    read_only: bool
    """It is marked read-only, and its controller follows that: nothing is changed in AWS."""
    adopted: bool
    """The AWS resource existed before the object."""


class FleetController(TypedDict):
    service: str
    version: str
    role_arn: str
    """Of its pods, by EKS Pod Identity or the service account's annotation; empty for none."""
    mode: str
    read_only: bool
    """It follows objects that are marked read-only."""


class FleetBinding(TypedDict):
    """A namespace whose objects are created with a role of their own."""

    namespace: str
    mode: str
    """carm, by annotation and map, or role-selector."""
    account: str
    """The account of the objects; empty for a team that has no role."""
    team: str
    role_arns: list[str]


class FleetTrust(TypedDict):
    """A controller role, and the OIDC issuers of EKS whose tokens its trust policy names."""

    role_arn: str
    issuers: list[str]
    """Without https://."""
    policy: Json
    """The trust policy, {} where it could not be read."""


class FleetFactsReport(TypedDict):
    """What `acksm fleet doctor` compares between clusters, of one cluster."""

    target: Target
    context: str
    """The kubeconfig context of the cluster, or empty."""
    issuer: str
    """URL of the cluster's OIDC issuer, or empty."""
    controllers: list[FleetController]
    trusts: list[FleetTrust]
    held: list[FleetHeld]
    adopted_resources: list[str]
    """AdoptedResources of the cluster."""
    crossing: list[str]
    """Objects that name another namespace."""
    bound: list[FleetBinding]
    """Namespaces that are bound to an account, a team or a role."""
    incomplete: list[str]
