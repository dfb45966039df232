"""EKS's pod identity webhook: a pod gets the variables and the token volume of its service account's role.

An association of EKS Pod Identity wins over the annotation of IRSA, and a pod never gets both
(https://github.com/aws/amazon-eks-pod-identity-webhook/blob/master/pkg/handler/handler.go).
"""

from __future__ import annotations

import base64
import json
from typing import NamedTuple

from acksm.json_types import Document, Json, Manifest

ROLE = "eks.amazonaws.com/role-arn"
LABEL = "eks.amazonaws.com/pod-identity"  # of a pod that has an association's credentials
AUDIENCE = "pods.eks.amazonaws.com"
# Of EKS's agent on each node; the sandbox's kubelet puts its own agent there.
AGENT_HOST = "169.254.170.23"
FULL_URI, TOKEN_FILE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"


class Way(NamedTuple):
    """How a pod gets credentials: the variables, and where the projected token is."""

    variables: dict[str, str]
    volume: str
    directory: str
    file: str
    audience: str


def by_annotation(role: str) -> Way:
    """IRSA: the pod assumes the role itself."""
    directory = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
    variables = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{directory}/token"}
    return Way(variables, "aws-iam-token", directory, "token", "sts.amazonaws.com")


def by_association() -> Way:
    """EKS Pod Identity: the node's agent gives the pod credentials."""
    directory, file = f"/var/run/secrets/{AUDIENCE}/serviceaccount", "eks-pod-identity-token"
    variables = {FULL_URI: f"http://{AGENT_HOST}/v1/credentials", TOKEN_FILE: f"{directory}/{file}"}
    return Way(variables, file, directory, file, AUDIENCE)


def patch(pod: Manifest, way: Way, region: str) -> list[Json]:
    """JSON patch operations; [] for a pod that already has them."""
    spec = pod.get("spec") or {}
    if any(volume.get("name") == way.volume for volume in spec.get("volumes") or []):
        return []
    operations: list[Json] = []
    for index, container in enumerate(spec.get("containers") or []):
        mounts = [
            *(container.get("volumeMounts") or []),
            {"name": way.volume, "mountPath": way.directory, "readOnly": True},
        ]
        path = f"/spec/containers/{index}"
        operations += [
            {"op": "add", "path": f"{path}/env", "value": _env(container.get("env") or [], way, region)},
            {"op": "add", "path": f"{path}/volumeMounts", "value": mounts},
        ]
    token = {"serviceAccountToken": {"audience": way.audience, "expirationSeconds": 86400, "path": way.file}}
    volume = {"name": way.volume, "projected": {"sources": [token]}}
    operations.append({"op": "add", "path": "/spec/volumes", "value": [*(spec.get("volumes") or []), volume]})
    if way.audience == AUDIENCE:
        labels = {**(pod["metadata"].get("labels") or {}), LABEL: "enabled"}
        operations.append({"op": "add", "path": "/metadata/labels", "value": labels})
    return operations


def _env(own: list[Json], way: Way, region: str) -> list[Json]:
    """A container's variables with those of `way`. One that exists keeps all of its group from being set."""
    has = {item["name"] for item in own}
    regions = {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    groups = ({"AWS_STS_REGIONAL_ENDPOINTS": "regional"}, regions, way.variables)
    return [
        *own,
        *({"name": key, "value": value} for group in groups if not has & {*group} for key, value in group.items()),
    ]


def answer(review: Document, way: Way | None, region: str) -> Json:
    """The AdmissionReview to send back; `way` is None for a service account without a role."""
    request = review["request"]
    response: Json = {"uid": request["uid"], "allowed": True}
    operations = patch(request["object"], way, region) if way else []
    if operations:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def configuration(url: str, ca_data: str) -> Json:
    """The MutatingWebhookConfiguration; as on EKS, a failing webhook does not block the pod."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook"},
        "webhooks": [
            {
                "name": "iam-for-pods.amazonaws.com",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
                "clientConfig": {"url": url, "caBundle": ca_data},
                "timeoutSeconds": 5,
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            }
        ],
    }
