"""Where a sandbox is on disk, and what it has there: one directory, which `down` removes."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acksm import private_file
from acksm.config import state_dir
from acksm.errors import AcksmError
from acksm.json_types import Json

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")
ACCOUNT, OTHER_ACCOUNT = "012345678901", "111111111111"
CLUSTER, REGION = "practice", "us-west-2"
VERSION = 5  # of state.json; raised whenever a running sandbox of the previous code could not be used


@dataclass
class Process:
    """A process of the sandbox. `started` (clock ticks since boot) distinguishes it from a later one of the same id."""

    name: str
    pid: int
    started: int
    log: str

    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def end(self, patience: float = 5.0) -> None:
        """SIGTERM, and SIGKILL after `patience` seconds; only ever the process that was started."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            if not self.alive():
                return
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return
            limit = time.monotonic() + seconds
            while self.alive() and time.monotonic() < limit:
                time.sleep(0.02)


@dataclass
class ClusterState:
    """One cluster: its ports, processes and EKS record. `own` is False for a cluster that the user brought; `handle` is
    its name in the sandbox, which differs where another account or region has a cluster of this name; `etcd` is the URL
    of its etcd, "" for a cluster that the user brought."""

    name: str
    region: str
    account: str
    endpoint: str
    ca_data: str
    issuer: str
    processes: list[Process] = field(default_factory=list)
    own: bool = True
    handle: str = ""
    etcd: str = ""

    def __post_init__(self) -> None:
        self.handle = self.handle or self.name


@dataclass
class State:
    """The whole sandbox as state.json has it. `token` opens the control port, which can change everything."""

    name: str
    daemon: Process
    aws_endpoint: str
    control: str
    token: str
    registry: str
    registry_process: Process | None
    helm: str
    accounts: dict[str, dict[str, str]]  # account id -> its keys
    clusters: dict[str, ClusterState] = field(default_factory=dict)
    network: str = ""  # the proxy that leads to the outside, "127.0.0.1:PORT", and the authority of its certificates
    network_ca: str = ""
    version: int = VERSION

    def processes(self) -> list[Process]:
        """Everything that runs, the daemon first."""
        extra = [self.registry_process] if self.registry_process else []
        return [self.daemon, *extra, *(item for cluster in self.clusters.values() for item in cluster.processes)]


def directory(name: str) -> Path:
    """The sandbox's directory. Error: `sandbox-name`."""
    if not _NAME.fullmatch(name):
        raise AcksmError(
            "sandbox-name", f'invalid name "{name}": expected lower-case letters, digits or hyphens', where="--name"
        )
    return _base() / name


def _base() -> Path:
    base = os.environ.get("ACKSM_SANDBOX_DIR")
    return Path(base) if base else state_dir() / "sandbox"


def names() -> list[str]:
    """The sandboxes that have a state on this machine, running or not."""
    return sorted(path.parent.name for path in _base().glob("*/state.json") if _NAME.fullmatch(path.parent.name))


def load(name: str) -> State | None:
    """The state, or None without a complete sandbox of that name: `up` starts again, `down` removes the rest.

    Error: `sandbox-version`, for a running one of another version of acksm.
    """
    raw = _read(name)
    if raw and raw.get("version") == VERSION:
        return _state(raw)
    if any(process.alive() for process in recorded(name)):
        raise AcksmError("sandbox-version", f"sandbox {name} was started by another version of acksm and is running")
    return None


def recorded(name: str) -> list[Process]:
    """The processes that the state names, the daemon first, also where another version of acksm wrote it."""
    raw = _read(name)
    if not raw:
        return []
    listed = [raw.get("daemon"), raw.get("registry_process")]
    listed += [item for cluster in raw.get("clusters", {}).values() for item in cluster["processes"]]
    return [Process(**item) for item in listed if item]


def cluster_names(name: str) -> list[str]:
    """The clusters that the state names."""
    return sorted(_read(name).get("clusters", {}))


def _read(name: str) -> Json:
    try:
        return dict(json.loads((directory(name) / "state.json").read_text()))
    except (OSError, ValueError):
        return {}


def _state(raw: Json) -> State:
    clusters = {
        key: ClusterState(**{**item, "processes": [Process(**p) for p in item["processes"]]})
        for key, item in raw.pop("clusters").items()
    }
    daemon, registry = Process(**raw.pop("daemon")), raw.pop("registry_process")
    return State(**raw, daemon=daemon, registry_process=Process(**registry) if registry else None, clusters=clusters)


def save(state: State) -> None:
    """Write it atomically, readable only by its owner: it has keys, if only of practice accounts."""
    private_file.write(directory(state.name) / "state.json", json.dumps(asdict(state), indent=1))


def start_time(pid: int) -> int:
    """When the process began, in clock ticks since boot; 0 when there is none (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError):
        return 0
    return 0 if fields[0] in {"Z", "X"} else int(fields[19])
