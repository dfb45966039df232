"""Parts of every report: the envelope, an error, a change, the target, a check."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json


class Envelope(TypedDict):
    """What every document begins with. A failed command has nothing else."""

    schema: str
    """Schema of this document: acksm.dev/report/v1."""
    command: str
    """The command as it is typed, without `acksm` and options."""
    exit_code: int
    """The process's exit code."""
    error: Error | None
    """What went wrong, or null."""


class Error(TypedDict):
    """Why the command ended without a result."""

    id: str
    """Stable; `acksm explain ID` and docs/errors.md have its cause."""
    message: str
    """What happened; the wording may change between versions."""
    where: str
    """The object, file or option at fault, or empty."""
    remedy: str
    """What to do: a command or a hint."""
    exit_code: int
    """The same as the document's."""
    details: Json
    """Details, by id: `diff` (lines), `done` and `failed` (changes of a run that stopped), `actions`, `owner`, …"""


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
    """Stable; `acksm explain ID` has its cause."""
    step: str
    """The section of the plan, such as iam-role or crds."""
    op: str
    """create, update or delete."""
    system: str
    """aws, kubernetes, helm or kubeconfig (a file on this machine)."""
    target: str
    """ARN or name of what is changed."""
    before: object
    """The current state, as far as it matters for the change; null when there is none."""
    after: object
    """The desired state."""
    reason: str
    danger: str
    """none, mild (has to be confirmed), or severe."""
    guide: str
    """The command of the manual guide that this change replaces, or empty."""


class KeptBy(TypedDict):
    """Who keeps a controller."""

    tool: str
    """acksm or helm (a release), flux, argocd, olm, or manifests (applied by kubectl or another tool)."""
    name: str
    """The engine's own object, as KIND NAMESPACE/NAME; of manifests, the field managers that applied them."""
    described: str
    """As text."""


class Drift(TypedDict):
    """Something that `acksm install` with the same options would change."""

    id: str
    target: str
    reason: str


class Changes(TypedDict):
    """The report of a command that has a plan."""

    target: Target
    dry_run: bool
    """True: the changes were planned and not applied."""
    notes: list[str]
    changes: list[Change]
    """In order; empty when all was up to date."""
    digest: NotRequired[str]
    """Only with --dry-run: equal plans have equal digests."""


class CheckResult(TypedDict):
    """One object that was checked."""

    id: str
    """Begins with `check.`; `acksm explain ID` has its cause."""
    state: str
    """ok, warning, failed, unknown (it could not be checked) or skipped."""
    where: str
    text: str
    remedy: str
    """Empty for ok and skipped."""
