"""What all engines share: their CRDs, RBAC and settings as their own installation has them, and each program as a
process that has the name of its service account at the apiserver.

They reach registries by their real names through the sandbox's network, and nothing else of the outside.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acksm.errors import AcksmError
from acksm.json_types import Manifest, Value
from acksm.sandbox.control_plane import ControlPlane, free_ports, tail
from acksm.sandbox.state import ClusterState

READY_SECONDS = 90.0
_OF_CLUSTER = frozenset({"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"})


@dataclass(frozen=True)
class Program:
    """A process of an engine by its name there: the part that it runs, its arguments, and the variables that it needs
    besides those of all. It is ready when `port` answers; `account` is its service account, "" where it has none."""

    name: str
    part: str
    arguments: Sequence[str]
    port: int
    account: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Engine:
    """`processes` are the names of its programs in the order of their start, `parts` those of the sandbox that it
    needs. `documents` gives the manifests of its installation without workloads, and `programs` the processes, of the
    paths of the parts, a folder of the engine's own, and the data of ConfigMap `settings`, "" for none."""

    title: str
    namespace: str
    processes: Sequence[str]
    parts: Sequence[str]
    documents: Callable[[Mapping[str, Path]], Iterator[Manifest]]
    programs: Callable[[Mapping[str, Path], Path, Mapping[str, str]], Sequence[Program]]
    settings: str = ""

    def runs(self, cluster: ClusterState) -> bool:
        """Whether all of its programs run."""
        return set(self.processes) <= {process.name for process in cluster.processes if process.alive()}

    def start(self, plane: ControlPlane, parts: Mapping[str, Path], outside: Mapping[str, str]) -> None:
        """Run the programs for a cluster, all of them again where only some run, and wait until they listen. `outside`
        are the variables that lead to the sandbox's network and AWS.

        Errors: `sandbox-failed`, `sandbox-part-failed` with the part's log.
        """
        for process in plane.state.processes:
            if process.name in self.processes:
                process.end(patience=2.0)
        namespace: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        for document in (namespace, *self.documents(parts)):
            self._create(plane, document)
        home = plane.home / self.namespace
        home.mkdir(exist_ok=True)
        for program in self.programs(parts, home, self._settings(plane)):
            variables = {**outside, "HOME": str(home), "TMPDIR": str(home), **program.variables}
            if program.account:
                account = f"system:serviceaccount:{self.namespace}:{program.account}"
                group = f"system:serviceaccounts:{self.namespace}"
                variables["KUBECONFIG"] = str(plane.kubeconfig(account, group))
            plane.start(program.name, [str(parts[program.part]), *program.arguments], variables)
            _await(plane, program)

    def _settings(self, plane: ControlPlane) -> Mapping[str, str]:
        if not self.settings:
            return {}
        status, answer = plane.api("GET", f"/api/v1/namespaces/{self.namespace}/configmaps/{self.settings}")
        if status != 200 or not isinstance(answer, dict):
            raise AcksmError("sandbox-failed", f"ConfigMap {self.settings}: {_message(answer)}", where=self.settings)
        return dict(answer.get("data") or {})

    def _create(self, plane: ControlPlane, document: Manifest) -> None:
        path = self._collection(document)
        limit = time.monotonic() + READY_SECONDS
        while True:
            status, answer = plane.api("POST", path, document)
            if status in {201, 409}:
                return
            if status != 404 or time.monotonic() > limit:  # its CRD is not established yet
                name = document["metadata"]["name"]
                raise AcksmError("sandbox-failed", f"{document['kind']} {name}: {_message(answer)}", where=path)
            time.sleep(0.1)

    def _collection(self, document: Manifest) -> str:
        version, kind = str(document["apiVersion"]), str(document["kind"])
        root = "/api/v1" if version == "v1" else f"/apis/{version}"
        place = "" if kind in _OF_CLUSTER else f"/namespaces/{self.namespace}"
        return f"{root}{place}/{kind.lower()}s"


def ports(names: Sequence[str]) -> dict[str, int]:
    """A free port for each name."""
    return dict(zip(names, free_ports(len(names)), strict=True))


def _message(answer: Value) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else "no answer"


def _await(plane: ControlPlane, program: Program) -> None:
    process = plane.state.processes[-1]
    limit = time.monotonic() + READY_SECONDS
    while not _listens(program.port):
        if not process.alive() or time.monotonic() > limit:
            what = "does not get ready" if process.alive() else "ended"
            details = {"diff": tail(Path(process.log))}
            raise AcksmError("sandbox-part-failed", f"{program.name} {what}", where=process.log, details=details)
        time.sleep(0.1)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
