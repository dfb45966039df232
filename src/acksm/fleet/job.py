"""`acksm fleet job`: the fleet as a Kubernetes Indexed Job, for more clusters than one machine should change.

Each index is a shard; the pod failure policy knows acksm's exit codes: what a second try cannot put right fails its
index at once, a defect fails the whole Job, and the rest is tried again
(https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy). Pods need no rights in the hub
cluster, only an AWS identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acksm.exits import ExitCode
from acksm.fleet.file import FILE_NAME
from acksm.json_types import Json

_FOLDER = "/etc/acksm"
NAME = "acksm-fleet"
HOPELESS = (ExitCode.USAGE, ExitCode.REFUSED)


@dataclass(frozen=True)
class Request:
    """What the Job runs: `argv` after `acksm fleet`; `text` is fleet.yaml; `role_arn` is the pods' by IRSA, "" for EKS
    Pod Identity or a node's role."""

    argv: Sequence[str]
    text: str
    image: str
    namespace: str
    shards: int
    parallelism: int
    role_arn: str = ""
    name: str = NAME
    retries: int = 2
    failed_shards: int = 0
    labels: Json = field(default_factory=dict)


def manifests(request: Request) -> list[Json]:
    """ServiceAccount, ConfigMap and Job, in the order in which they are applied. Pure."""
    meta = {"name": request.name, "namespace": request.namespace, "labels": _labels(request)}
    account: Json = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            **meta,
            **({"annotations": {"eks.amazonaws.com/role-arn": request.role_arn}} if request.role_arn else {}),
        },
        "automountServiceAccountToken": False,
    }
    settings: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {FILE_NAME: request.text}}
    return [account, settings, {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": _job(request)}]


def _labels(request: Request) -> Json:
    return {"app.kubernetes.io/name": request.name, "app.kubernetes.io/managed-by": "acksm", **request.labels}


def _job(request: Request) -> Json:
    def on(codes: Sequence[ExitCode], action: str) -> Json:
        return {
            "action": action,
            "onExitCodes": {"containerName": "acksm", "operator": "In", "values": [int(code) for code in codes]},
        }

    return {
        "completionMode": "Indexed",
        "completions": request.shards,
        "parallelism": request.parallelism,
        "backoffLimitPerIndex": request.retries,
        "maxFailedIndexes": request.failed_shards,
        "podFailurePolicy": {"rules": [on([ExitCode.DEFECT], "FailJob"), on(HOPELESS, "FailIndex")]},
        "template": {"metadata": {"labels": _labels(request)}, "spec": _pod(request)},
    }


def _pod(request: Request) -> Json:
    return {
        "serviceAccountName": request.name,
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",  # a pod failure policy requires it
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "acksm",
                "image": request.image,
                "command": ["acksm", "fleet", *request.argv],
                "args": ["--file", f"{_FOLDER}/{FILE_NAME}", "--shard", f"/{request.shards}", "--output", "json"],
                "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108  the pod's own
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "fleet", "mountPath": _FOLDER, "readOnly": True},
                    {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108
                ],
            }
        ],
        "volumes": [
            {"name": "fleet", "configMap": {"name": request.name}},
            {"name": "scratch", "emptyDir": {}},
        ],
    }
