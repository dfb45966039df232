"""The report documents of `-o json` and `-o yaml`: their shapes, written once.

docs/schemas/report.json is generated from here (docs/generate.py), mypy checks the places that fill them, and the tests
validate what commands print. A field may be added within v1; none changes its meaning or goes.
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11


class Envelope(TypedDict):
    """What every document begins with. A failed command has nothing else."""

    schema: str
    """The form of this document: acksm.dev/report/v1."""
    command: str
    """The command as it is typed, without `acksm` and options."""
    exit_code: int
    """The process's exit code."""
    error: Error | None
    """What went wrong, or null."""


class Error(TypedDict):
    """Why the command ended without a result."""

    id: str
    """Stable; `acksm explain ID` and docs/errors.md tell more."""
    message: str
    """What is wrong, in words; these may change from version to version."""
    where: str
    """The object, file or option at fault, or empty."""
    remedy: str
    """A command or a hint that puts it right."""
    exit_code: int
    """The same as the document's."""
    details: dict[str, Any]
    """More, by id: `diff` (lines), `done` and `failed` (changes of a run that stopped), `actions`, `owner`, …"""


class Target(TypedDict):
    """The cluster and account that the command worked on."""

    cluster: str
    cluster_arn: str
    region: str
    account: str
    """12 digits."""
    identity: str
    """ARN of the caller."""
    endpoint: str
    """URL of the apiserver, as EKS gives it."""
    kubernetes: str
    """Version of the control plane, such as 1.35."""
    namespace: str
    """Namespace of the controllers."""


class Change(TypedDict):
    """One change of the plan."""

    id: str
    """Stable; `acksm explain ID` tells more."""
    step: str
    """The section of the plan, such as iam-role or crds."""
    op: str
    """create, update or delete."""
    system: str
    """aws, kubernetes or helm."""
    target: str
    """ARN or name of what is changed."""
    before: Any
    """What is there now, as far as it matters for the change; null when nothing is."""
    after: Any
    """What is wanted."""
    reason: str
    danger: str
    """none, mild (asked about), or severe."""
    guide: str
    """The command of the hand-run guide that this change stands for, or empty."""


class Drift(TypedDict):
    """Something that `acksm install` with the same options would change."""

    id: str
    target: str
    reason: str


class OidcFacts(TypedDict):
    """Result of `acksm oidc`."""

    oidc_provider_arn: str


class RoleFacts(TypedDict):
    """Result of `acksm iam-role`."""

    role_arn: str


class ControllerFacts(TypedDict):
    """One controller as the plan wants it."""

    release: str
    """NAMESPACE/RELEASE."""
    version: str
    """Chart version."""
    scope: str
    """What it watches, in words."""
    digest: str
    """sha256 of the chart's archive."""
    values: dict[str, Any]
    """What is given to helm on top of the chart's own values."""
    values_diff: list[str]
    """The chart's values.yaml against the patched one, as lines of a unified diff."""
    objects: list[str]
    """Objects that the release would make; only of a release that changes."""
    changes: int
    """How many changes the release itself gets."""


class InstallFacts(TypedDict):
    """Result of `acksm install`."""

    oidc_provider_arn: NotRequired[str]
    """Not there where IAM is left alone (--role-arn)."""
    role_arn: str
    controllers: dict[str, ControllerFacts]
    """By service."""


class Changes(TypedDict):
    """What a command that makes a plan reports."""

    target: Target
    dry_run: bool
    """True: the changes were planned and not made."""
    notes: list[str]
    changes: list[Change]
    """In order; empty when all was up to date."""
    digest: NotRequired[str]
    """Only with --dry-run: equal plans have equal digests."""


class OidcReport(Changes):
    result: OidcFacts


class RoleReport(Changes):
    result: RoleFacts


class InstallReport(Changes):
    result: InstallFacts


class Controller(TypedDict):
    """One controller as it is. The fields after `installed` are empty when it is not."""

    service: str
    installed: bool
    version: str
    status: str
    """helm's word for the release's state."""
    scope: str
    role_arn: str
    """The role that the service account names."""
    owned_by_acksm: bool
    healthy: bool
    problems: list[str]


class StatusReport(TypedDict):
    """What is installed."""

    target: Target
    healthy: bool
    """At least one controller is installed, and none is unhealthy."""
    controllers: list[Controller]
    drift: list[Drift]
    drift_unknown: str
    """Why drift could not be told, or empty."""


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


class RegionBinding(TypedDict):
    namespace: str
    region: str | None
    """null: none of its own any more."""


class RegionFacts(TypedDict):
    """Result of `acksm region bind` and `unbind`."""

    regions: list[RegionBinding]


class RegionReport(Changes):
    result: RegionFacts


class RegionRow(TypedDict):
    """A namespace with a default region."""

    namespace: str
    region: str
    """Empty where only `problem` is to be told."""
    problem: str
    """The id of why it is not followed, or empty."""


class RegionListReport(TypedDict):
    target: Target
    regions: list[RegionRow]
    controllers: list[RunningController]


class RegionSource(TypedDict):
    """A place where an object's region may stand."""

    name: str
    region: str
    """What stands there, or empty."""
    ignored: str
    """Why it does not count, or empty."""
    decides: bool


class RegionExplainReport(TypedDict):
    """Where an object's region comes from."""

    target: Target
    object: str
    region: str
    """The one that counts, or empty."""
    sources: list[RegionSource]
    """In the controller's order."""
    notes: list[str]
    controller: RunningController | None


class CarmSetupFacts(TypedDict):
    """Result of `acksm carm setup`."""

    account: str
    """The other account."""
    target_role: str
    """ARN of the role in it."""
    controller_roles: list[str]
    """ARNs of the roles that it trusts."""
    template: NotRequired[str]
    """Only with --print: a CloudFormation template."""
    commands: NotRequired[list[str]]
    """Only with --print: aws commands that make the same."""


class CarmSetupReport(Changes):
    result: CarmSetupFacts


class CarmBinding(TypedDict):
    """A namespace and whose objects are made in it."""

    namespace: str
    level: str
    """account or team; empty with role selectors."""
    id: str
    """The account's or team's id, as the annotation has it."""
    roles: dict[str, str]
    """Role ARN by service; `all` stands for every service without one of its own."""


class CarmBindFacts(TypedDict):
    """Result of `acksm carm bind`."""

    bindings: list[CarmBinding]


class CarmBindReport(Changes):
    result: CarmBindFacts


class CarmUnbound(TypedDict):
    namespace: str
    was: list[str]
    """What it was bound to: accounts, teams, or the roles of its selectors."""


class CarmUnbindFacts(TypedDict):
    """Result of `acksm carm unbind`."""

    bindings: list[CarmUnbound]


class CarmUnbindReport(Changes):
    result: CarmUnbindFacts


class CarmRow(CarmBinding):
    """A bound namespace. `roles` is by service here, empty where none is found."""

    assumable: str
    """yes, `not proven`, or `no: ` and the id of the first broken link."""


class CarmListReport(TypedDict):
    target: Target
    mode: str
    """carm or role-selector."""
    proven: bool
    """Every link holds and could be looked at."""
    bindings: list[CarmRow]


class CheckResult(TypedDict):
    """Something that was looked at."""

    id: str
    """Begins with `check.`; `acksm explain ID` tells more."""
    state: str
    """ok, warning, unknown (it could not be looked at) or broken."""
    where: str
    text: str
    remedy: str
    """Empty where nothing is to be put right."""


class CarmVerifyReport(CarmListReport):
    checks: list[CheckResult]


class CatalogEntry(TypedDict):
    """An id of the catalogue."""

    id: str
    title: str
    cause: str
    remedy: str
    exit_code: int


class ExplainReport(TypedDict):
    """One of the two, by whether an id was asked for."""

    entry: NotRequired[CatalogEntry]
    entries: NotRequired[list[CatalogEntry]]


class ConfigReport(TypedDict):
    """Every setting."""

    settings: dict[str, Any]
    """By name; their types are those of docs/schemas/settings.json."""
    origins: dict[str, str]
    """Where each came from: `flag --X`, `variable X`, `file X` or `default`."""


class VersionReport(TypedDict):
    version: str


class PartsReport(TypedDict):
    """The sandbox's programs."""

    parts: dict[str, str]
    """Path of each."""


class SandboxCluster(TypedDict):
    name: str
    endpoint: str
    region: str
    account: str


class SandboxPart(TypedDict):
    """A process of the sandbox."""

    name: str
    pid: int
    alive: bool
    log: str
    """Path of its log."""


class SandboxController(TypedDict):
    """A controller that the sandbox runs for a pod."""

    cluster: str
    namespace: str
    pod: str
    service: str
    image: str
    program: str
    """`stand-in`, `binary` (of --controller) or `image`."""
    note: str
    """What runs and why, in a sentence."""
    state: str
    """`ready`, `running`, or the reason why it waits, as in the pod's status."""
    restarts: int
    log: str
    """Path of its log."""


class SandboxReport(TypedDict):
    """A sandbox that runs."""

    name: str
    aws_endpoint: str
    registry: str
    accounts: list[str]
    clusters: list[SandboxCluster]
    parts: list[SandboxPart]
    controllers: list[SandboxController]


class SandboxStatusReport(SandboxReport):
    problems: list[str]


class SandboxDownReport(TypedDict):
    name: str
    existed: bool


class SandboxEnvReport(TypedDict):
    variables: dict[str, str]


class SandboxLogsReport(TypedDict):
    lines: list[str]


# The data of each command, beside the envelope. A new command has to have its line here; docs/generate.py asks for it.
REPORTS: dict[str, Any] = {
    "oidc": OidcReport,
    "iam-role": RoleReport,
    "install": InstallReport,
    "status": StatusReport,
    "region bind": RegionReport,
    "region unbind": RegionReport,
    "region list": RegionListReport,
    "region explain": RegionExplainReport,
    "carm setup": CarmSetupReport,
    "carm bind": CarmBindReport,
    "carm unbind": CarmUnbindReport,
    "carm list": CarmListReport,
    "carm verify": CarmVerifyReport,
    "explain": ExplainReport,
    "config show": ConfigReport,
    "version": VersionReport,
    "sandbox build": PartsReport,
    "sandbox up": SandboxReport,
    "sandbox status": SandboxStatusReport,
    "sandbox down": SandboxDownReport,
    "sandbox env": SandboxEnvReport,
    "sandbox logs": SandboxLogsReport,
}
# Commands whose output is another program's format, whatever -o says; only their errors are report documents.
VERBATIM = {"token": "an ExecCredential of client.authentication.k8s.io/v1, for kubectl"}
