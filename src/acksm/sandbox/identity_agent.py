"""The agent of EKS Pod Identity: gives a pod the credentials of its association, for the pod's own token.

The real one listens on a link-local address of each node (https://github.com/aws/eks-pod-identity-agent) and asks EKS;
here one server of loopback answers for the nodes on which the agent's pod runs, and for no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC
from urllib.parse import quote

from acksm.json_types import Document, Json, Value
from acksm.sandbox.addons import AGENT, NAMESPACE
from acksm.sandbox.doors import StartResponse
from acksm.sandbox.faults import drop
from acksm.sandbox.identity_webhook import AUDIENCE
from acksm.sandbox.pod_identity import Owner, Pod, PodIdentity, RefusedError

PATH = "/v1/credentials"
_USER = re.compile(r"system:serviceaccount:([a-z0-9.-]{1,253}):([a-z0-9.-]{1,253})")
_POD, _UID, _NODE = (f"authentication.kubernetes.io/{name}" for name in ("pod-name", "pod-uid", "node-name"))
# method, path, body -> status and answer, as the cluster's administrator
Api = Callable[[str, str, object], tuple[int, Value]]


class Agent:
    """The WSGI application of one cluster. `built_in`: whether EKS Auto Mode runs the agent on its nodes."""

    def __init__(self, owner: Owner, associations: PodIdentity, api: Api, built_in: Callable[[], bool]) -> None:
        self._owner, self._associations, self._api, self._built_in = owner, associations, api, built_in

    def __call__(self, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        try:
            status, answer = "200 OK", json.dumps(self._credentials(environ))
        except RefusedError as refused:
            status, answer = f"{refused.status} refused", f"({refused.code}): {refused.message}\n"
        raw = answer.encode()
        kind = "application/json" if status == "200 OK" else "text/plain"
        begin(status, [("Content-Type", kind), ("Content-Length", str(len(raw)))])
        return [raw]

    def _credentials(self, environ: Json) -> Json:
        if environ["PATH_INFO"] != PATH:
            raise RefusedError(404, "NotFound", "404 page not found")
        token = str(environ.get("HTTP_AUTHORIZATION", ""))
        if not token:
            raise RefusedError(400, "BadRequest", "Service account token cannot be empty")
        pod, node = self._reviewed(token)
        if not self._runs_on(node):
            drop(environ)  # nothing listens on that node
        session, _ = self._associations.session(self._owner, pod)
        return {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "AccountId": session.role_arn.split(":")[4],
            "Expiration": session.expiration.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _reviewed(self, token: str) -> tuple[Pod, str]:
        """Whose token it is, and the node of that pod, as the apiserver says. Raises RefusedError."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [AUDIENCE]},
        }
        _, answer = self._api("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        status: Document = (answer or {}).get("status") or {}
        user: Document = status.get("user") or {}
        match, extra = _USER.fullmatch(str(user.get("username", ""))), user.get("extra") or {}
        if not status.get("authenticated") or AUDIENCE not in (status.get("audiences") or ()) or not match:
            raise RefusedError(400, "InvalidTokenException", str(status.get("error") or "The token is not valid."))
        if not extra.get(_POD):
            raise RefusedError(400, "InvalidTokenException", "The token is not bound to a pod.")
        return Pod(match[1], match[2], extra[_POD][0], extra[_UID][0]), str((extra.get(_NODE) or [""])[0])

    def _runs_on(self, node: str) -> bool:
        if self._built_in():
            return True
        labels = quote(f"app.kubernetes.io/name={AGENT}")
        _, answer = self._api("GET", f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={labels}", None)
        return any(
            item["spec"].get("nodeName") == node and (item.get("status") or {}).get("phase") == "Running"
            for item in (answer or {}).get("items") or []
        )
