"""`doctor`, `report`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.common import Change, CheckResult, Target


class DoctorCheck(CheckResult):
    """A check of `acksm doctor`."""

    category: str
    severity: str
    """error (a failed check makes the exit code 3) or warning."""
    anchor: str
    """Link into docs/."""


class Symptom(TypedDict):
    """Something that a controller says in its log or in an object's conditions, and what it means."""

    id: str
    place: str
    """log, condition or helm."""
    object: str
    """Kind NAMESPACE/NAME, or empty."""
    text: str
    count: int
    cause: str
    remedy: str


class Policy(TypedDict):
    """What a caller of a command needs to be allowed in IAM."""

    command: str
    document: Json
    """An IAM policy document."""
    notes: list[str]


class Rbac(TypedDict):
    """The rights in the cluster that a command needs."""

    command: str
    manifests: list[Json]
    """Roles and ClusterRoles, without bindings."""
    notes: list[str]


class DoctorReport(TypedDict):
    """The checks. With --print-policy only `policy`, with --print-rbac only `rbac`."""

    target: NotRequired[Target | None]
    """null when the cluster could not be reached."""
    healthy: NotRequired[bool | None]
    """No check of severity error failed; null when too little could be checked to tell (exit 7)."""
    object: NotRequired[str]
    """KIND NAMESPACE/NAME, where an object was followed."""
    first: NotRequired[DoctorCheck | None]
    """Of a followed object: the first failed check or warning."""
    checks: NotRequired[list[DoctorCheck]]
    ignored: NotRequired[list[DoctorCheck]]
    """Checks that --ignore names and that were made; they count neither for `healthy` nor for the exit code."""
    symptoms: NotRequired[list[Symptom]]
    fix: NotRequired[list[Change]]
    """With --fix: the changes that were applied, or with --dry-run planned."""
    dry_run: NotRequired[bool]
    policy: NotRequired[Policy]
    rbac: NotRequired[Rbac]


class LogLine(TypedDict):
    """A line of a pod's log, redacted."""

    pod: str
    text: str


class LogsReport(TypedDict):
    """The log of a controller; with --follow a document for each line."""

    service: str
    lines: list[LogLine]


class BundleFile(TypedDict):
    """A file of the support bundle."""

    name: str
    bytes: int


class BundleReport(TypedDict):
    """The support bundle that was written."""

    target: Target | None
    file: str
    files: list[BundleFile]
    missing: dict[str, str]
    """What could not be read, and why."""
    accounts_shown: bool
