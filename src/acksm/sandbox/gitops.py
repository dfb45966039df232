"""Flux's own controllers, outside of a practice cluster: their CRDs and RBAC as their modules have them, and each
controller as a process that has the name of its service account at the apiserver.

They reach registries by their real names through the sandbox's network, and nothing else of the outside.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from acksm import yaml_reader
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object, Value
from acksm.sandbox import parts
from acksm.sandbox.control_plane import ControlPlane, free_ports, tail
from acksm.sandbox.state import ClusterState

NAMESPACE = "flux-system"
CONTROLLERS = ("source-controller", "kustomize-controller")
READY_SECONDS = 90.0
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "Role": f"{_RBAC}/namespaces/{NAMESPACE}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{NAMESPACE}/rolebindings",
    "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "Namespace": "/api/v1/namespaces",
}


def runs(cluster: ClusterState) -> bool:
    """Whether all controllers run."""
    return set(CONTROLLERS) <= {process.name for process in cluster.processes if process.alive()}


def start(plane: ControlPlane, programs: Mapping[str, Path], outside: Mapping[str, str]) -> None:
    """Run the controllers for a cluster, all of them again where only some run, and wait until they listen.
    `programs` are their paths; `outside` are the variables that lead to the sandbox's network and AWS.

    Errors: `sandbox-failed`, `sandbox-part-failed` with the part's log.
    """
    for process in plane.state.processes:
        if process.name in CONTROLLERS:
            process.end(patience=2.0)
    for document in _documents(programs):
        path = _PATHS[document["kind"]]
        status, answer = plane.api("POST", path, document)
        if status not in {201, 409}:
            name = document["metadata"]["name"]
            raise AcksmError("sandbox-failed", f"{document['kind']} {name}: {_message(answer)}", where=path)
    home = plane.home / "flux"
    (home / "data").mkdir(parents=True, exist_ok=True)
    for name in CONTROLLERS:
        _start(plane, home, name, programs[name], outside)


def _documents(programs: Mapping[str, Path]) -> Iterator[Manifest]:
    """The namespace, and each controller's CRDs, service account and RBAC."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for name in CONTROLLERS:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        for path in sorted(parts.manifests(programs[name]).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                yield _of_controller(dict(yaml_reader.load(path.read_text())), name)


def _of_controller(document: Object, name: str) -> Object:
    """A manifest of a controller's module as Flux's own installation has it, with names of its own and bound to its own
    service account: in the modules both roles are `manager-role`, of the namespace's default service account."""
    if document["kind"] == "CustomResourceDefinition":
        return document
    document["metadata"]["name"] = f"{name}-{document['metadata']['name']}"
    if "subjects" in document:
        document["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
        if document["roleRef"]["name"] != "cluster-admin":
            document["roleRef"]["name"] = f"{name}-{document['roleRef']['name']}"
    return document


def _message(answer: Value) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else "no answer"


def _start(plane: ControlPlane, home: Path, name: str, program: Path, outside: Mapping[str, str]) -> None:
    """Without leader election: outside of a cluster it has no namespace for its Lease. A dependency is checked again
    after a tenth of the usual time, as the sandbox's other waits are."""
    health, storage = free_ports(2)
    flags = ["--watch-all-namespaces", "--requeue-dependency=3s", "--metrics-addr=0"]
    flags += [f"--health-addr=127.0.0.1:{health}"]
    if name == "source-controller":  # its artifacts, which kustomize-controller fetches
        address = f"127.0.0.1:{storage}"
        flags += [f"--storage-path={home / 'data'}", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
    account = f"system:serviceaccount:{NAMESPACE}:{name}"
    environment = {
        **outside,
        "HOME": str(home),
        "TMPDIR": str(home),
        "RUNTIME_NAMESPACE": NAMESPACE,
        "KUBECONFIG": str(plane.kubeconfig(account, f"system:serviceaccounts:{NAMESPACE}")),
    }
    plane.start(name, [str(program), *flags], environment)
    process = plane.state.processes[-1]
    limit = time.monotonic() + READY_SECONDS
    while not _listens(health):
        if not process.alive() or time.monotonic() > limit:
            what = "does not get ready" if process.alive() else "ended"
            details = {"diff": tail(Path(process.log))}
            raise AcksmError("sandbox-part-failed", f"{name} {what}", where=process.log, details=details)
        time.sleep(0.1)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
