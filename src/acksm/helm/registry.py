"""The OCI registry: tags, and charts by digest, asked for anonymously and straight over HTTP.

Faster than a helm process for each, and helm is not needed to look. A chart that was pulled once is kept by its digest
and checked again whenever it is read; which digest a tag has is asked each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from acksm import archive, charts
from acksm.config import cache_dir
from acksm.errors import AcksmError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
OLD_LAYERS = {"application/tar+gzip", "application/vnd.cncf.helm.chart.provenance.v1.prov"}
MAX_JSON = 4 * 1024 * 1024
MAX_PAGES = 50
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


@dataclass(frozen=True)
class Pulled:
    """A chart with where its archive lies on disk and the archive's digest."""

    chart: archive.Chart
    path: Path
    digest: str


@dataclass(frozen=True)
class Answer:
    """The body, whole and within its limit, and the headers."""

    data: bytes
    headers: Mapping[str, str]


class Registry:
    """One registry and path, "HOST[:PORT]/PATH". Loopback hosts are spoken to in plain http, as docker does."""

    def __init__(self, location: str) -> None:
        location = location.removeprefix("oci://").strip("/")
        self.host, _, self.path = location.partition("/")
        name = urlsplit(f"//{self.host}").hostname or ""
        self._base = ("http" if name in {"localhost", "127.0.0.1", "::1"} else "https") + f"://{self.host}"
        self.location = location
        self._http = urllib3.PoolManager(
            retries=urllib3.Retry(
                total=4,
                backoff_factor=0.3,
                raise_on_status=False,
                status_forcelist=(429, 500, 502, 503, 504),
                redirect=0,
            ),
            timeout=urllib3.Timeout(connect=10, read=60),
        )
        self._tokens: dict[str, str] = {}

    def tags(self, service: str) -> list[str]:
        """All tags of the service's chart."""
        repository = self._repository(service)
        url, found = f"{self._base}/v2/{repository}/tags/list?n=1000", []
        for _page in range(MAX_PAGES):
            answer = self._get(url, repository, MAX_JSON)
            found += [str(tag) for tag in self._json(answer.data, url).get("tags") or []]
            link = re.match(r'<([^>]+)>;\s*rel="?next"?', answer.headers.get("Link", ""))
            if not link:
                return found
            url = urljoin(url, link[1])
        return found

    def pull(self, service: str, asked: str) -> Pulled:
        """The chart of version `asked` (with or without `v`, or `latest`).

        Errors: chart-version-unknown, chart-format-old, chart-digest-mismatch, chart-truncated, registry-….
        """
        repository = self._repository(service)
        tag = charts.resolve(service, asked, self.tags(service))
        url = f"{self._base}/v2/{repository}/manifests/{tag}"
        manifest = self._json(self._get(url, repository, MAX_JSON, {"Accept": MANIFEST}).data, url)
        layer = _layer(manifest, f"{self.location}/{charts.chart_name(service)}:{tag}")
        digest = str(layer.get("digest", ""))
        if not _DIGEST.match(digest):
            raise AcksmError("chart-invalid", f"the manifest names the digest {digest!r}", where=url)
        path = cache_dir() / "charts" / f"{digest.removeprefix('sha256:')}.tgz"
        data = _cached(path, digest)
        if data is None:
            blob = f"{self._base}/v2/{repository}/blobs/{digest}"
            data = self._get(blob, repository, archive.MAX_ARCHIVE).data
            _check(data, digest, int(layer.get("size", 0)), blob)
            _store(path, data)
        return Pulled(archive.read_bytes(data, f"{charts.chart_name(service)}:{tag}"), path, digest)

    def _repository(self, service: str) -> str:
        return "/".join(part for part in (self.path, charts.chart_name(service)) if part)

    def _get(
        self, url: str, repository: str, limit: int, headers: Mapping[str, str] | None = None, hops: int = 4
    ) -> Answer:
        sent = dict(headers or {})
        same_host = urlsplit(url).netloc == urlsplit(self._base).netloc
        if same_host and repository in self._tokens:  # a token never goes to the host of a redirect
            sent["Authorization"] = f"Bearer {self._tokens[repository]}"
        try:
            answer = self._http.request("GET", url, headers=sent, preload_content=False, redirect=False)
            data = answer.read(limit + 1)
        except urllib3.exceptions.IncompleteRead as error:
            raise AcksmError("chart-truncated", f"the answer ended too early: {error}", where=url) from error
        except urllib3.exceptions.HTTPError as error:
            raise AcksmError(
                "registry-unreachable", f"{self.host} does not answer: {error}"[:400], where=url
            ) from error
        if len(data) > limit:
            raise AcksmError("chart-unsafe", f"the answer has more than {limit} bytes", where=url)
        if answer.status in {301, 302, 303, 307, 308} and hops:
            return self._get(urljoin(url, answer.headers.get("Location", "")), repository, limit, headers, hops - 1)
        if answer.status == 401 and same_host and repository not in self._tokens:
            self._tokens[repository] = self._anonymous_token(answer.headers.get("WWW-Authenticate", ""), url)
            return self._get(url, repository, limit, headers, hops)
        if answer.status in {401, 403}:
            raise AcksmError("registry-forbidden", f"{self.host} answers {answer.status}", where=url)
        if answer.status == 404:
            raise AcksmError("chart-version-unknown", f"{self.host} does not have it (404)", where=url)
        if answer.status != 200:
            raise AcksmError("registry-failed", f"{self.host} answers {answer.status}", where=url)
        return Answer(data, answer.headers)

    def _anonymous_token(self, challenge: str, url: str) -> str:
        """The registry's own anonymous token flow, as public.ecr.aws has it."""
        fields = dict(_CHALLENGE.findall(challenge))
        realm = fields.pop("realm", "")
        if not challenge.lower().startswith("bearer") or not realm.startswith("https://"):
            raise AcksmError("registry-forbidden", f"{self.host} wants to know who asks", where=url)
        try:
            answer = self._http.request("GET", realm, fields=fields)
            loaded = self._json(answer.data[:MAX_JSON], realm)
        except urllib3.exceptions.HTTPError as error:
            raise AcksmError("registry-unreachable", f"{realm} does not answer: {error}"[:400], where=url) from error
        token = str(loaded.get("token") or loaded.get("access_token") or "")
        if not token:
            raise AcksmError("registry-forbidden", f"{self.host} gives no anonymous token", where=realm)
        return token

    def _json(self, data: bytes, url: str) -> dict[str, Any]:
        try:
            loaded = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise AcksmError("registry-failed", f"{self.host} did not answer with JSON", where=url) from error
        if not isinstance(loaded, dict):
            raise AcksmError("registry-failed", f"{self.host} did not answer with an object", where=url)
        return loaded


def _layer(manifest: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The chart layer. The format decides, not the version: some old charts were pushed again (community#1802)."""
    layers = [layer for layer in manifest.get("layers") or [] if isinstance(layer, Mapping)]
    for layer in layers:
        if layer.get("mediaType") == CHART_LAYER:
            return layer
    if any(layer.get("mediaType") in OLD_LAYERS for layer in layers):
        raise AcksmError("chart-format-old", "the chart was pushed in the format of helm before 3.7", where=where)
    raise AcksmError("chart-invalid", "the manifest has no chart layer", where=where)


def _check(data: bytes, digest: str, size: int, where: str) -> None:
    if size and len(data) < size:
        raise AcksmError("chart-truncated", f"{len(data)} of {size} bytes arrived", where=where)
    if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
        raise AcksmError("chart-digest-mismatch", f"the bytes do not have the digest {digest}", where=where)


def _cached(path: Path, digest: str) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if "sha256:" + hashlib.sha256(data).hexdigest() == digest else None


def _store(path: Path, data: bytes) -> None:
    """Whole or not at all: written beside, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        stream.write(data)
    os.replace(stream.name, path)


def local(source: str) -> Pulled:
    """A chart from a directory or .tgz that the user names. A directory is packed, so that helm sees what was read."""
    path = Path(source)
    chart = archive.read(path)
    data = archive.pack(chart.name, chart.files) if path.is_dir() else path.read_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    kept = cache_dir() / "charts" / f"{digest.removeprefix('sha256:')}.tgz"
    if _cached(kept, digest) is None:
        _store(kept, data)
    return Pulled(chart, kept, digest)
