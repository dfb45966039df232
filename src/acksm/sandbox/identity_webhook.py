"""EKS's pod identity webhook: a pod whose service account names a role gets the two variables and the token volume."""

from __future__ import annotations

import base64
import json

from acksm.json_types import Document, Json, Manifest

ROLE = "eks.amazonaws.com/role-arn"
TOKEN_DIRECTORY = "/var/run/secrets/eks.amazonaws.com/serviceaccount"  # noqa: S105 (a path, not a secret)
VOLUME = "aws-iam-token"


def patch(pod: Manifest, role: str, region: str) -> list[Json]:
    """JSON patch operations; [] for a pod that already has them."""
    spec = pod.get("spec") or {}
    if any(volume.get("name") == VOLUME for volume in spec.get("volumes") or []):
        return []
    values = {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_DEFAULT_REGION": region,
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{TOKEN_DIRECTORY}/token",
    }
    operations: list[Json] = []
    for index, container in enumerate(spec.get("containers") or []):
        has = {item["name"] for item in container.get("env") or []}
        env = [
            *(container.get("env") or []),
            *({"name": key, "value": value} for key, value in values.items() if key not in has),
        ]
        mounts = [
            *(container.get("volumeMounts") or []),
            {"name": VOLUME, "mountPath": TOKEN_DIRECTORY, "readOnly": True},
        ]
        path = f"/spec/containers/{index}"
        operations += [
            {"op": "add", "path": f"{path}/env", "value": env},
            {"op": "add", "path": f"{path}/volumeMounts", "value": mounts},
        ]
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}
    volume = {"name": VOLUME, "projected": {"sources": [token]}}
    return [*operations, {"op": "add", "path": "/spec/volumes", "value": [*(spec.get("volumes") or []), volume]}]


def answer(review: Document, role: str, region: str) -> Json:
    """The AdmissionReview to send back; `role` is "" when the service account names none."""
    request = review["request"]
    response: Json = {"uid": request["uid"], "allowed": True}
    operations = patch(request["object"], role, region) if role else []
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
