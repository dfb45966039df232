"""Who a controller is: its service account's tokens and kubeconfig, and the AWS keys of its role."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import urlencode

import urllib3

from acksm.json_types import Manifest, Object
from acksm.private_file import write as write_private
from acksm.sandbox.controllers.kube import Kube

# A kubelet renews tokens; these outlive any practice cluster, and are bound to their pod, so they end with it.
TOKEN_SECONDS = 30 * 24 * 3600


def token(kube: Kube, pod: Manifest, audience: str = "") -> str:
    """A token of the pod's service account by TokenRequest, bound to the pod as a kubelet requests it."""
    meta = pod["metadata"]
    bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
    spec: Object = {"expirationSeconds": TOKEN_SECONDS, "boundObjectRef": bound}
    if audience:
        spec["audiences"] = [audience]
    account = pod["spec"].get("serviceAccountName") or "default"
    path = f"/api/v1/namespaces/{meta['namespace']}/serviceaccounts/{account}/token"
    answer = kube.request(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    )
    return str(answer["status"]["token"])


def kubeconfig(path: Path, server: str, ca_file: str, namespace: str, bearer: str) -> None:
    """A kubeconfig of that token, as JSON (which is YAML)."""
    ca_data = base64.b64encode(Path(ca_file).read_bytes()).decode()
    context = {"cluster": "practice", "user": "controller", "namespace": namespace}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "practice",
        "clusters": [{"name": "practice", "cluster": {"server": server, "certificate-authority-data": ca_data}}],
        "users": [{"name": "controller", "user": {"token": bearer}}],
        "contexts": [{"name": "practice", "context": context}],
    }
    write_private(path, json.dumps(document))


class RefusedError(Exception):
    """STS refuses the web identity; code and message are its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def web_identity(endpoint: str, role: str, bearer: str) -> dict[str, str]:
    """The role's keys as variables, from AssumeRoleWithWebIdentity. Raises RefusedError."""
    asked = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": "practice",
        "WebIdentityToken": bearer,
    }
    answer = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10)).request(
        "POST", endpoint, body=urlencode(asked), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    text = answer.data.decode("utf-8", "replace")
    if answer.status != 200:
        raise RefusedError(_between(text, "Code") or str(answer.status), _between(text, "Message"))
    return {
        "AWS_ACCESS_KEY_ID": _between(text, "AccessKeyId"),
        "AWS_SECRET_ACCESS_KEY": _between(text, "SecretAccessKey"),
        "AWS_SESSION_TOKEN": _between(text, "SessionToken"),
    }


def _between(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
