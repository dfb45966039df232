"""Flux's own controllers, with the CRDs and RBAC of their modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from acksm import yaml_reader
from acksm.json_types import Manifest, Object
from acksm.sandbox import parts
from acksm.sandbox.gitops.engine import Engine, Program, ports

NAMESPACE = "flux-system"
CONTROLLERS = ("source-controller", "kustomize-controller")


def _documents(found: Mapping[str, Path]) -> Iterator[Manifest]:
    """Each controller's CRDs, service account and RBAC."""
    for name in CONTROLLERS:
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        for path in sorted(parts.manifests(found[name]).glob("*.yaml")):
            if path.name != "kustomization.yaml":
                yield _of_controller(dict(yaml_reader.load(path.read_text())), name)


def _of_controller(document: Object, name: str) -> Object:
    """A manifest of a controller's module as Flux's own installation has it, with names of its own and bound to its own
    service account: in the modules both roles are `manager-role`, of the namespace's default service account."""
    if document["kind"] == "CustomResourceDefinition":
        return document
    document["metadata"]["name"] = f"{name}-{document['metadata']['name']}"
    document["metadata"].pop("namespace", None)
    if "subjects" in document:
        document["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
        if document["roleRef"]["name"] != "cluster-admin":
            document["roleRef"]["name"] = f"{name}-{document['roleRef']['name']}"
    return document


def _programs(found: Mapping[str, Path], home: Path, _settings: Mapping[str, str]) -> list[Program]:
    """Without leader election: outside of a cluster they have no namespace for a Lease. A dependency is checked again
    after a tenth of the usual time, as the sandbox's other waits are."""
    data = home / "data"  # source-controller's artifacts, which kustomize-controller fetches
    data.mkdir(exist_ok=True)
    free = ports((*CONTROLLERS, "data"))
    address = f"127.0.0.1:{free['data']}"
    more = {
        "source-controller": [f"--storage-path={data}", f"--storage-addr={address}", f"--storage-adv-addr={address}"]
    }
    common = ["--watch-all-namespaces", "--requeue-dependency=3s", "--metrics-addr=0"]
    return [
        Program(
            name,
            name,
            [*common, f"--health-addr=127.0.0.1:{free[name]}", *more.get(name, [])],
            free[name],
            name,
            {"RUNTIME_NAMESPACE": NAMESPACE},
        )
        for name in CONTROLLERS
    ]


ENGINE = Engine("Flux", NAMESPACE, CONTROLLERS, CONTROLLERS, _documents, _programs)
