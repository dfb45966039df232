"""Argo CD's own controllers and repository server, with its core installation
(https://argo-cd.readthedocs.io/en/stable/operator-manual/core/) and everything at its defaults.

One binary is each of them by ARGOCD_BINARY_NAME, and git's password prompt, so it is on the PATH of the repository
server beside kustomize. Outside of a cluster https://kubernetes.default.svc is the cluster of KUBECONFIG, as where
Argo CD is developed (ARGOCD_FAKE_IN_CLUSTER).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from acksm import yaml_reader
from acksm.json_types import Manifest
from acksm.sandbox import parts
from acksm.sandbox.gitops.engine import Engine, Program, ports

NAMESPACE = "argocd"
CACHE, REPO_SERVER = "argocd-redis", "argocd-repo-server"
CONTROLLER, APPLICATION_SETS = "argocd-application-controller", "argocd-applicationset-controller"
PROCESSES = (CACHE, REPO_SERVER, CONTROLLER, APPLICATION_SETS)
PARAMETERS = "argocd-cmd-params-cm"
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "Service", "NetworkPolicy"})


def _documents(found: Mapping[str, Path]) -> Iterator[Manifest]:
    """The CRDs, service accounts, RBAC and settings, not what only pods and Redis need; and what the API server, which
    the core installation has not, adds when it first starts."""
    (path,) = parts.manifests(found["argocd"]).glob("*.yaml")
    for document in yaml_reader.load_all(path.read_text()):
        if document["kind"] == "Secret":
            document["stringData"] = {"server.secretkey": secrets.token_urlsafe(32)}
        if document["kind"] not in _WORKLOADS and document["metadata"]["name"] != CACHE:
            yield document
    everything = {"group": "*", "kind": "*"}
    yield {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [everything],
        },
    }


def _programs(found: Mapping[str, Path], home: Path, settings: Mapping[str, str]) -> list[Program]:
    free = ports((*PROCESSES, "metrics", "webhook"))
    cache = f"127.0.0.1:{free[CACHE]}"
    for name in ("tls", "ssh"):
        (home / name).mkdir(exist_ok=True)
    common = {
        "REDIS_PASSWORD": secrets.token_urlsafe(16),
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_APP_CONF_PATH": str(home),
        "ARGOCD_TLS_DATA_PATH": str(home / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(home / "ssh"),
    }

    def program(name: str, account: str, *arguments: str, **variables: str) -> Program:
        given = {**common, "ARGOCD_BINARY_NAME": name, **_set(found, name, settings), **variables}
        return Program(name, "argocd", arguments, free[name], account, given)

    space, at_repo = f"--namespace={NAMESPACE}", f"127.0.0.1:{free[REPO_SERVER]}"
    tools = {str(path.parent): None for path in (found["argocd"], found["kustomize"])}
    return [
        Program(CACHE, "argocd-cache", [cache], free[CACHE], variables=common),
        program(
            REPO_SERVER,
            "",
            f"--redis={cache}",
            "--address=127.0.0.1",
            f"--port={free[REPO_SERVER]}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={free['metrics']}",
            PATH=os.pathsep.join((*tools, os.environ.get("PATH", os.defpath))),
            ARGOCD_GPG_ENABLED="false",  # commits are not verified
            ARGOCD_ASK_PASS_SOCK=str(home / "ask.sock"),
        ),
        program(
            CONTROLLER,
            CONTROLLER,
            space,
            f"--redis={cache}",
            f"--repo-server={at_repo}",
            f"--metrics-port={free[CONTROLLER]}",
            KUBECACHEDIR=str(home / "kubecache"),
        ),
        program(
            APPLICATION_SETS,
            APPLICATION_SETS,
            space,
            f"--argocd-repo-server={at_repo}",
            "--metrics-addr=0",
            f"--probe-addr=127.0.0.1:{free[APPLICATION_SETS]}",
            f"--webhook-addr=127.0.0.1:{free['webhook']}",
        ),
    ]


def _set(found: Mapping[str, Path], name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The variables of a workload's container that the ConfigMap sets."""
    (path,) = parts.manifests(found["argocd"]).glob("*.yaml")
    workloads = [one for one in yaml_reader.load_all(path.read_text()) if one["kind"] in {"Deployment", "StatefulSet"}]
    references = {
        variable["name"]: variable["valueFrom"]["configMapKeyRef"]
        for workload in workloads
        if workload["metadata"]["name"] == name
        for variable in workload["spec"]["template"]["spec"]["containers"][0].get("env") or ()
        if "configMapKeyRef" in variable.get("valueFrom", {})
    }
    return {
        variable: settings[at["key"]]
        for variable, at in references.items()
        if at["name"] == PARAMETERS and at["key"] in settings
    }


ENGINE = Engine(
    "Argo CD", NAMESPACE, PROCESSES, ("argocd", "argocd-cache", "kustomize"), _documents, _programs, PARAMETERS
)
