"""The OCI registry: tags, and charts by digest, requested anonymously and directly over HTTP.

Faster than a helm process for each, and reading needs no helm. A chart that was pulled once is kept by its digest
and verified again whenever it is read; a tag's digest is requested each time.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from acksm import archive, private_file
from acksm.ack import charts
from acksm.config import cache_dir
from acksm.connections import Connections
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Manifest
from acksm.retries import UNTRUSTED, Bounded

READ_SECONDS, LAST_SECONDS = 60.0, 5.0
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
OLD_LAYERS = {"application/tar+gzip", "application/vnd.cncf.helm.chart.provenance.v1.prov"}
MAX_JSON = 4 * 1024 * 1024
MAX_PAGES = 50
_PASSING = frozenset({429, 500, 502, 503, 504})
_CHALLENGE = re.compile(r'(\w{1,64})="([^"]*)"')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pulled:
    """A chart, the path of its archive on disk and the archive's digest."""

    chart: archive.Chart
    path: Path
    digest: str


@dataclass(frozen=True)
class Answer:
    """The body, whole and within its limit, the headers and the status."""

    data: bytes
    headers: Mapping[str, str]
    status: int


class Registry:
    """One registry and path, "HOST[:PORT]/PATH". Loopback hosts are reached by plain http, as in docker.

    `left` gives the seconds that the command still has; nothing is retried after them (`timed-out`).
    """

    def __init__(self, location: str, left: Callable[[], float] = lambda: math.inf) -> None:
        self._left = left
        location = re.sub(r"^(oci|https?)://", "", location).strip("/")
        self.host, _, self.path = location.partition("/")
        name = urlsplit(f"//{self.host}").hostname or ""
        scheme = "http" if name in {"localhost", "127.0.0.1", "::1"} else "https"
        self._base = f"{scheme}://{self.host}"
        self.location = location
        self._http = Connections(
            retries=Bounded(
                left=left,
                total=4,
                backoff_factor=0.3,
                raise_on_status=False,
                status_forcelist=_PASSING,
                redirect=0,
            )
        )
        self._tokens: dict[str, str] = {}

    def tags(self, service: str) -> list[str]:
        """All tags of the service's chart."""
        repository = self._repository(service)
        url, found = f"{self._base}/v2/{repository}/tags/list?n=1000", []
        for _page in range(MAX_PAGES):
            answer = self._get(url, repository, MAX_JSON)
            tags = self._json(answer.data, url).get("tags")
            found += [str(tag) for tag in tags] if isinstance(tags, list) else []
            link = re.match(r'<([^>]+)>;\s*rel="?next"?', answer.headers.get("Link", ""))
            if not link:
                return found
            url = self._followed(url, link[1])
            if not self._is_own(url):  # a blob may be on another host, by its digest; tags may not
                raise AcksmError("registry-failed", f"{self.host} refers to {url[:200]} for its tags", where=self._base)
        return found

    def pull(self, service: str, requested: str) -> Pulled:
        """The chart of version `requested` (with or without `v`, or `latest`).

        Errors: chart-version-unknown, chart-format-old, chart-digest-mismatch, chart-truncated, registry-….
        """
        repository = self._repository(service)
        tag = charts.resolve(service, requested, self.tags(service))
        url = f"{self._base}/v2/{repository}/manifests/{tag}"
        manifest = self._json(self._get(url, repository, MAX_JSON, {"Accept": MANIFEST}).data, url)
        layer = _layer(manifest, f"{self.location}/{charts.chart_name(service)}:{tag}")
        digest = str(layer.get("digest", ""))
        size = layer.get("size") or 0
        if not _DIGEST.fullmatch(digest) or not isinstance(size, int):
            raise AcksmError(
                "chart-invalid", f"invalid layer in the manifest: digest {digest!r}, size {size!r}"[:400], where=url
            )
        path = kept(f"{digest.removeprefix('sha256:')}.tgz")
        data = _cached(path, digest)
        if data is None:
            blob = f"{self._base}/v2/{repository}/blobs/{digest}"
            data = self._get(blob, repository, archive.MAX_ARCHIVE).data
            _check(data, digest, size, blob)
            private_file.write(path, data)
        return Pulled(archive.read_bytes(data, f"{charts.chart_name(service)}:{tag}"), path, digest)

    def _repository(self, service: str) -> str:
        return "/".join(part for part in (self.path, charts.chart_name(service)) if part)

    def _get(
        self, url: str, repository: str, limit: int, headers: Mapping[str, str] | None = None, hops: int = 4
    ) -> Answer:
        sent = dict(headers or {})
        same_host = self._is_own(url)
        if same_host and repository in self._tokens:  # a token is never sent to the host of a redirect
            sent["Authorization"] = f"Bearer {self._tokens[repository]}"
        answer = self._ask(url, sent, limit)
        if answer.status in {301, 302, 303, 307, 308} and hops:
            target = self._followed(url, answer.headers.get("Location", ""))
            return self._get(target, repository, limit, headers, hops - 1)
        if answer.status == 401 and same_host and repository not in self._tokens:
            self._tokens[repository] = self._anonymous_token(answer.headers.get("WWW-Authenticate", ""), url)
            return self._get(url, repository, limit, headers, hops)
        if answer.status in {401, 403}:
            raise AcksmError("registry-forbidden", f"{self.host} answered {answer.status}", where=url)
        if answer.status == 404:
            raise AcksmError("chart-version-unknown", f"{self.host} does not have it (404)", where=url)
        if answer.status != 200:
            over = self._left() <= 0 and answer.status in _PASSING
            message = f"{self.host} answered {answer.status}" + ("; deadline exceeded" if over else "")
            raise AcksmError("timed-out" if over else "registry-failed", message, where=url)
        return answer

    def _ask(self, url: str, headers: Mapping[str, str], limit: int) -> Answer:
        """One request; `limit` bytes at most."""
        read = max(LAST_SECONDS, min(READ_SECONDS, self._left()))
        try:
            answer = self._http.to(url, "" if url.startswith("http:") else None).request(
                "GET",
                url,
                headers=headers,
                preload_content=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=10, read=read),
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error, url) from error
        try:
            data = answer.read(limit + 1)
        except urllib3.exceptions.TimeoutError as error:
            raise self._unreachable(error, url) from error
        except urllib3.exceptions.HTTPError as error:
            raise AcksmError("chart-truncated", f"the response is truncated: {error}"[:400], where=url) from error
        if len(data) > limit:
            answer.close()
            raise AcksmError("chart-unsafe", f"the response is larger than {limit} bytes", where=url)
        answer.release_conn()
        return Answer(data, answer.headers, answer.status)

    def _unreachable(self, error: Exception, url: str) -> AcksmError:
        if UNTRUSTED in str(error):
            return AcksmError("certificate-untrusted", f"{self.host}: {error}"[:400], where=url)
        over = self._left() <= 0
        message = f"{self.host} did not answer" + (" before the deadline" if over else "")
        return AcksmError("timed-out" if over else "registry-unreachable", f"{message}: {error}"[:400], where=url)

    def _is_own(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self._base).netloc

    def _followed(self, url: str, location: str) -> str:
        """The URL that a redirect or a link leads to; never from https to another scheme."""
        target = urljoin(url, location)
        if urlsplit(target).scheme not in {"https", urlsplit(self._base).scheme}:
            raise AcksmError("registry-failed", f"{self.host} redirects to {target[:200]}", where=url)
        return target

    def _anonymous_token(self, challenge: str, url: str) -> str:
        """The registry's own anonymous token flow, as public.ecr.aws has it."""
        fields = dict(_CHALLENGE.findall(challenge))
        realm = fields.pop("realm", "")
        allowed = {"https", urlsplit(self._base).scheme}
        if not challenge.lower().startswith("bearer") or urlsplit(realm).scheme not in allowed:
            raise AcksmError("registry-forbidden", f"{self.host} requires credentials", where=url)
        address = realm + ("&" if "?" in realm else "?") + urlencode(fields)
        loaded = self._json(self._ask(address, {}, MAX_JSON).data, realm)
        token = str(loaded.get("token") or loaded.get("access_token") or "")
        if not token:
            raise AcksmError("registry-forbidden", f"{self.host} issued no anonymous token", where=realm)
        return token

    def _json(self, data: bytes, url: str) -> Json:
        try:
            loaded = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise AcksmError("registry-failed", f"{self.host} did not respond with JSON", where=url) from error
        if not isinstance(loaded, dict):
            raise AcksmError("registry-failed", f"{self.host} did not respond with a JSON object", where=url)
        return loaded


def _layer(manifest: Manifest, where: str) -> Document:
    """The chart layer. The format decides, not the version: some old charts were pushed again (community#1802)."""
    found = manifest.get("layers")
    layers = [layer for layer in (found if isinstance(found, list) else []) if isinstance(layer, Mapping)]
    for layer in layers:
        if layer.get("mediaType") == CHART_LAYER:
            return layer
    if any(str(layer.get("mediaType")) in OLD_LAYERS for layer in layers):
        raise AcksmError("chart-format-old", "the chart was pushed in the format of helm before 3.7", where=where)
    raise AcksmError("chart-invalid", "the manifest has no chart layer", where=where)


def _check(data: bytes, digest: str, size: int, where: str) -> None:
    if size and len(data) < size:
        raise AcksmError("chart-truncated", f"received {len(data)} of {size} bytes", where=where)
    if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
        raise AcksmError("chart-digest-mismatch", f"the download does not have digest {digest}", where=where)


def kept(name: str) -> Path:
    """Where an archive is kept; its name is the digest of its bytes."""
    return cache_dir() / "charts" / name


def _cached(path: Path, digest: str) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return data if "sha256:" + hashlib.sha256(data).hexdigest() == digest else None


def local(source: str) -> Pulled:
    """A chart from a directory or .tgz that the user names. A directory is packed, so that helm sees what was read."""
    chart, data = archive.load(Path(source))
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    path = kept(f"{digest.removeprefix('sha256:')}.tgz")
    if _cached(path, digest) is None:
        private_file.write(path, data)
    return Pulled(chart, path, digest)
