"""`sandbox build|up|gitops|list|down|status|env|logs`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11


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
    """What runs and why."""
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


class SandboxRow(TypedDict):
    """A sandbox of this user."""

    name: str
    running: bool
    clusters: list[str]


class SandboxListReport(TypedDict):
    sandboxes: list[SandboxRow]


class SandboxDownReport(TypedDict):
    name: str
    existed: bool


class SandboxEngineReport(TypedDict):
    """A GitOps engine that runs for a cluster."""

    name: str
    cluster: str
    engine: str
    namespace: str
    """Of the engine's own objects."""


class SandboxEnvReport(TypedDict):
    variables: dict[str, str]


class SandboxLogsReport(TypedDict):
    lines: list[str]
