"""A mutating admission webhook of a test, as a policy engine in the cluster would be."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acksm.kube.paths import Ref
from acksm.sandbox.certificates import Authority
from world import World


@contextmanager
def changing(world: World, home: Path, group: str, resource: str, *operations: Any) -> Iterator[None]:
    """Every write of this resource gets these JSON patch operations, while the block lasts."""
    from werkzeug.serving import make_server
    from werkzeug.wrappers import Request, Response

    def answer(environ: Any, start: Any) -> Any:
        review = Request(environ).get_json()
        patch = base64.b64encode(json.dumps(operations).encode()).decode()
        response = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return Response(json.dumps(body), content_type="application/json")(environ, start)

    authority = Authority(home)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("policy", server=True))
    server = make_server("127.0.0.1", 0, answer, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    where = Ref(
        "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "policy"
    )
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [resource]}
    hook = {
        "name": "policy.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {
            "url": f"https://127.0.0.1:{server.server_port}/",
            "caBundle": base64.b64encode(authority.pem.encode()).decode(),
        },
        "rules": [rule],
    }
    body = {"apiVersion": where.api_version, "kind": where.kind, "metadata": {"name": where.name}, "webhooks": [hook]}
    world.kube._request("post", where.collection, body=body, query_params=[])
    try:
        yield
    finally:
        world.kube.delete(where)
        server.shutdown()
        thread.join()
