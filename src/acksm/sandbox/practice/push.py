"""Pushing a chart over the OCI distribution API: three requests, while `helm push` starts a process for each chart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import urljoin

import urllib3

from acksm import archive
from acksm.errors import AcksmError
from acksm.sandbox.content import Repository

CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Target:
    """The registry "127.0.0.1:PORT" and the password for pushes."""

    registry: str
    password: str


def push_image(target: Target, repository: str, tag: str, image: Repository) -> str:
    """Push an image as `repository:tag`; the reference is returned. Error: `sandbox-registry`."""
    base, http = f"http://{target.registry}/v2/{repository}", _http(target)
    for data in image.blobs.values():
        _blob(http, base, data, "")
    for digest, (media_type, data) in image.manifests.items():  # an index comes after what it lists
        reference = tag if image.tags.get(tag) == digest else digest
        headers = {**http.headers, "Content-Type": media_type}
        _expect(http.request("PUT", f"{base}/manifests/{reference}", body=data, headers=headers), f"{repository}:{tag}")
    return f"{target.registry}/{repository}:{tag}"


def _http(target: Target) -> urllib3.PoolManager:
    login = urllib3.make_headers(basic_auth=f"acksm:{target.password}")
    return urllib3.PoolManager(headers=login, retries=urllib3.Retry(total=3, backoff_factor=0.2))


def push(target: Target, repository: str, tag: str, data: bytes) -> str:
    """Push the archive `data` as `repository:tag`; the reference is returned. Error: `sandbox-registry`."""
    chart = archive.read_bytes(data, f"{repository}:{tag}")
    base = f"http://{target.registry}/v2/{repository}"
    http = _http(target)
    config = json.dumps({"name": chart.name, "version": chart.version, "apiVersion": "v1"}, sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(http, base, config, CONFIG),
        "layers": [_blob(http, base, data, LAYER)],
    }
    answer = http.request(
        "PUT",
        f"{base}/manifests/{tag}",
        body=json.dumps(manifest, sort_keys=True).encode(),
        headers={**http.headers, "Content-Type": MANIFEST},
    )
    _expect(answer, f"{repository}:{tag}")
    return f"{target.registry}/{repository}:{tag}"


def _blob(http: urllib3.PoolManager, base: str, data: bytes, media_type: str) -> dict[str, object]:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    if http.request("HEAD", f"{base}/blobs/{digest}").status != 200:
        begun = http.request("POST", f"{base}/blobs/uploads/")
        _expect(begun, base)
        place = urljoin(base, begun.headers["Location"])
        mark = "&" if "?" in place else "?"
        _expect(
            http.request(
                "PUT",
                f"{place}{mark}digest={digest}",
                body=data,
                headers={**http.headers, "Content-Type": "application/octet-stream"},
            ),
            base,
        )
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _expect(answer: urllib3.BaseHTTPResponse, where: str) -> None:
    if answer.status not in {200, 201, 202}:
        raise AcksmError("sandbox-registry", f"the sandbox's registry answers {answer.status}", where=where)
