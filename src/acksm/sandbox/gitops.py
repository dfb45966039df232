"""Flux's and Argo CD's own controllers, outside of a practice cluster: their CRDs and RBAC as their modules have them,
and each controller as a process that has the name of its service account at the apiserver.

They reach registries by their real names through the sandbox's network, and nothing else of the outside.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from acksm import yaml_reader
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Value
from acksm.sandbox import parts
from acksm.sandbox.control_plane import ControlPlane, free_ports, tail
from acksm.sandbox.state import ClusterState

FLUX, ARGOCD = "flux", "argocd"
NAMESPACES = {FLUX: "flux-system", ARGOCD: "argocd"}
# Argo CD's repo server starts kustomize where a directory has a kustomization.
NEEDED = {FLUX: ("source-controller", "kustomize-controller"), ARGOCD: ("argocd", "argocd-cache", "kustomize")}
PROCESSES = {
    FLUX: NEEDED[FLUX],
    ARGOCD: ("argocd-cache", "argocd-repo-server", "argocd-application-controller"),
}
READY_SECONDS = 90.0
_RBAC, _CRDS = "apis/rbac.authorization.k8s.io/v1", "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
# What a controller needs in the cluster; its own Deployments, Services and network policies are of no use outside.
_CLUSTERED = {
    "CustomResourceDefinition": _CRDS,
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
}
_NAMESPACED = {
    "Role": (_RBAC, "roles"),
    "RoleBinding": (_RBAC, "rolebindings"),
    "ServiceAccount": ("api/v1", "serviceaccounts"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
}


def runs(engine: str, cluster: ClusterState) -> bool:
    """Whether all of the engine's processes run."""
    return set(PROCESSES[engine]) <= {process.name for process in cluster.processes if process.alive()}


def start(engine: str, plane: ControlPlane, programs: Mapping[str, Path], outside: Mapping[str, str]) -> None:
    """Run the engine's controllers for a cluster, anew where only some of them run, and wait until they listen.
    `programs` are the paths of NEEDED; `outside` are the variables that lead to the sandbox's network and AWS.

    Errors: `sandbox-failed`, `sandbox-part-failed` with the part's log.
    """
    for process in plane.state.processes:
        if process.name in PROCESSES[engine]:
            process.end(patience=2.0)
    namespace = NAMESPACES[engine]
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for document in _documents(engine, programs):
        _create(plane, document, namespace)
    home = plane.home / engine
    home.mkdir(exist_ok=True)
    environment = {**outside, "HOME": str(home), "TMPDIR": str(home)}
    if engine == FLUX:
        _flux(plane, home, programs, environment)
    else:
        _argocd(plane, home, programs, environment)


def _documents(engine: str, programs: Mapping[str, Path]) -> Iterator[Manifest]:
    """The engine's CRDs, service accounts and RBAC."""
    if engine == ARGOCD:
        for document in yaml_reader.load_all(_text(programs["argocd"], "core-install.yaml")):
            yield dict(document)
        return
    for name in NEEDED[FLUX]:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        for path in sorted(parts.manifests(programs[name]).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                yield _of_controller(dict(yaml_reader.load(path.read_text())), name)


def _text(program: Path, name: str) -> str:
    return (parts.manifests(program) / name).read_text()


def _of_controller(document: Manifest, name: str) -> Manifest:
    """A manifest of Flux's modules, with the names that Flux's own installation gives: their roles are both called
    `manager-role`, and of the namespace's default service account."""
    if document["kind"] == "CustomResourceDefinition":
        return document
    document["metadata"]["name"] = f"{name}-{document['metadata']['name']}"
    if "subjects" in document:
        document["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACES[FLUX]}]
        if document["roleRef"]["name"] != "cluster-admin":
            document["roleRef"]["name"] = f"{name}-{document['roleRef']['name']}"
    return document


def _create(plane: ControlPlane, document: Manifest, namespace: str) -> None:
    """Create an object, unless it exists or is of no use here."""
    kind, metadata = document["kind"], document["metadata"]
    if kind in _NAMESPACED:
        group, plural = _NAMESPACED[kind]
        path = f"{group}/namespaces/{namespace}/{plural}"
    elif kind in _CLUSTERED:
        path = _CLUSTERED[kind]
    else:
        return
    status, answer = plane.api("POST", f"/{path}", document)
    if status not in {201, 409}:
        raise AcksmError("sandbox-failed", f"{kind} {metadata['name']}: {_message(answer)}", where=f"/{path}")


def _message(answer: Value) -> str:
    return str(answer.get("message", "")) if isinstance(answer, dict) else "no answer"


def _flux(plane: ControlPlane, home: Path, programs: Mapping[str, Path], outside: Mapping[str, str]) -> None:
    """Without leader election: outside of a cluster it has no namespace for its Lease. A dependency is looked at again
    after a tenth of the usual time, as the sandbox's other waits are."""
    for name in NEEDED[FLUX]:
        health, storage = free_ports(2)
        flags = ["--watch-all-namespaces", "--requeue-dependency=3s", "--metrics-addr=0"]
        flags += [f"--health-addr=127.0.0.1:{health}"]
        if name == "source-controller":  # its artifacts, which kustomize-controller fetches
            (home / "data").mkdir(exist_ok=True)
            address = f"127.0.0.1:{storage}"
            flags += [f"--storage-path={home / 'data'}", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
        namespace = NAMESPACES[FLUX]
        environment = {**outside, "RUNTIME_NAMESPACE": namespace, "KUBECONFIG": _kubeconfig(plane, namespace, name)}
        plane.start(name, [str(programs[name]), *flags], environment)
        _await(plane, name, health)


def _argocd(plane: ControlPlane, home: Path, programs: Mapping[str, Path], outside: Mapping[str, str]) -> None:
    """Its core: repo server and application controller, with a cache; https://argo-cd.readthedocs.io, "core"."""
    namespace, server, controller = NAMESPACES[ARGOCD], "argocd-repo-server", "argocd-application-controller"
    cache, serving, repo_metrics, metrics = free_ports(4)
    password = secrets.token_urlsafe()
    for folder in ("ssh", "tls", "gpg", "plugins"):
        (home / folder).mkdir(exist_ok=True)
    shared = {
        "ARGOCD_REPO_SERVER_LISTEN_ADDRESS": "127.0.0.1",
        "ARGOCD_REPO_SERVER_METRICS_LISTEN_ADDRESS": "127.0.0.1",
        **outside,
        "ARGOCD_FAKE_IN_CLUSTER": "true",  # "the cluster that it runs in" is that of the kubeconfig
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_SSH_DATA_PATH": str(home / "ssh"),
        "ARGOCD_TLS_DATA_PATH": str(home / "tls"),
        "ARGOCD_GNUPGHOME": str(home / "gpg"),
        "ARGOCD_PLUGINSOCKFILEPATH": str(home / "plugins"),
        "ARGOCD_ASK_PASS_SOCK": str(home / "ask-pass.sock"),
        "PATH": os.pathsep.join([str(programs["kustomize"].parent), os.environ.get("PATH", os.defpath)]),
        "REDIS_PASSWORD": password,
        "REDIS_SERVER": f"127.0.0.1:{cache}",
    }
    plane.start("argocd-cache", [str(programs["argocd-cache"]), f"127.0.0.1:{cache}"], {"REDIS_PASSWORD": password})
    _await(plane, "argocd-cache", cache)
    flags = {
        server: [
            "--address=127.0.0.1",
            f"--port={serving}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={repo_metrics}",
        ],
        controller: [f"--repo-server=127.0.0.1:{serving}", f"--metrics-port={metrics}"],
    }
    for name, port in ((server, serving), (controller, metrics)):
        own = {"ARGOCD_BINARY_NAME": name, "KUBECONFIG": _kubeconfig(plane, namespace, name)}
        argv = [str(programs["argocd"]), *flags[name], f"--namespace={namespace}"]
        plane.start(name, argv, shared | own)
        _await(plane, name, port)


def _kubeconfig(plane: ControlPlane, namespace: str, account: str) -> str:
    """A service account's, by a certificate in its name."""
    name, groups = f"system:serviceaccount:{namespace}:{account}", f"system:serviceaccounts:{namespace}"
    return str(plane.kubeconfig(name, groups))


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _await(plane: ControlPlane, name: str, port: int) -> None:
    """Wait until a controller listens, as each does that has read its flags and reached the apiserver."""
    process = next(item for item in reversed(plane.state.processes) if item.name == name)
    limit = time.monotonic() + READY_SECONDS
    while not _listens(port):
        if not process.alive() or time.monotonic() > limit:
            what = "does not get ready" if process.alive() else "ended"
            raise AcksmError(
                "sandbox-part-failed",
                f"{name} {what}",
                where=process.log,
                details={"diff": tail(Path(process.log))},
            )
        time.sleep(0.1)
