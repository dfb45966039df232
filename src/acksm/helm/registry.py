"""The charts' registry: tags, and charts by digest, read directly over HTTP.

Faster than a helm process for each, and reading needs no helm. A chart that was pulled once is kept by its digest
and verified again whenever it is read, with its YAML as JSON (`acksm.helm.parsed`); a tag's digest is requested each
time.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from acksm import archive, private_file
from acksm.ack import charts
from acksm.config import cache_dir
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.helm import oci, parsed
from acksm.helm.oci import Client, SignIn
from acksm.json_types import Document, Manifest
from acksm.settings import located

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ANY_MANIFEST = ", ".join((INDEX, DOCKER_LIST, MANIFEST, DOCKER_MANIFEST))
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
OLD_LAYERS = {"application/tar+gzip", "application/vnd.cncf.helm.chart.provenance.v1.prov"}
MAX_PAGES = 50
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NEXT = re.compile(r'<([^>]+)>;\s*rel="?next"?')
_UNKNOWN = frozenset({"chart-version-unknown", "registry-repository-unknown"})


@dataclass(frozen=True)
class Pulled:
    """A chart, the path of its archive on disk and the archive's digest. `manifest`: the digest under which the
    registry has it, "" for a local one."""

    chart: archive.Chart
    path: Path
    digest: str
    manifest: str = ""


@dataclass(frozen=True)
class Described:
    """A manifest: its tag or digest in the registry, media type, bytes, and their digest."""

    reference: str
    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.data)


class Registry:
    """One registry and path, "HOST[:PORT]/PATH". `left` and `sign_in`: as for `oci.Client`."""

    def __init__(
        self, location: str, left: Callable[[], float] = lambda: math.inf, sign_in: SignIn = oci.anonymous
    ) -> None:
        self.location = located(location)
        self.host, _, self.path = self.location.partition("/")
        self.client = Client(self.host, left, sign_in)

    def tags(self, service: str) -> list[str]:
        """All tags of the service's chart."""
        repository = self.repository(charts.chart_name(service))
        url, found = self.client.url(repository, "tags/list?n=1000"), []
        for _page in range(MAX_PAGES):
            answer = self.client.get(url, repository)
            tags = self.client.json(answer.data, url).get("tags")
            found += [str(tag) for tag in tags] if isinstance(tags, list) else []
            link = _NEXT.match(answer.headers.get("Link", ""))
            if not link:
                return found
            url = self.client.followed(url, link[1])
            if not self.client.is_own(url):  # a blob may be on another host, by its digest; tags may not
                message = f"{self.host} refers to {url[:200]} for its tags"
                raise AcksmError("registry-failed", message, where=self.client.base)
        return found

    def find(self, service: str, requested: str) -> Described:
        """The manifest of the chart of version `requested` (with or without `v`, or `latest`).

        Its tag is tried before the list of tags is read: a pull-through cache lists only what it has pulled, and who
        may pull from a registry may not always list. Errors: as `pull`.
        """
        repository, tried = self.repository(charts.chart_name(service)), list[str]()
        unknown: AcksmError | None = None
        if requested != charts.LATEST:
            version = charts.normalise(requested)
            charts.parse(version)
            for tag in (version, f"v{version}"):
                tried.append(tag)
                try:
                    return self.manifest(repository, tag, MANIFEST)
                except AcksmError as error:
                    if error.id not in _UNKNOWN:
                        raise
                    unknown = error
        try:
            tags = self.tags(service)
        except AcksmError as error:
            if unknown is None or error.id not in _UNKNOWN | {"registry-forbidden", "registry-unauthorized"}:
                raise
            raise unknown from error
        tag = charts.resolve(service, requested, [tag for tag in tags if tag not in tried])
        return self.manifest(repository, tag, MANIFEST)

    def pull(self, service: str, requested: str) -> Pulled:
        """The chart of version `requested` (with or without `v`, or `latest`).

        Errors: chart-version-unknown, chart-format-old, chart-digest-mismatch, chart-truncated, registry-….
        """
        repository = self.repository(charts.chart_name(service))
        found = self.find(service, requested)
        tag, url = found.reference, self.client.url(repository, f"manifests/{found.reference}")
        layer = _layer(self.client.json(found.data, url), f"{self.location}/{charts.chart_name(service)}:{tag}")
        digest = str(layer.get("digest", ""))
        size = layer.get("size") or 0
        if not _DIGEST.fullmatch(digest) or not isinstance(size, int):
            raise AcksmError(
                "chart-invalid", f"invalid layer in the manifest: digest {digest!r}, size {size!r}"[:400], where=url
            )
        path = kept(f"{digest.removeprefix('sha256:')}.tgz")
        data = _cached(path, digest)
        if data is None:
            blob = self.client.url(repository, f"blobs/{digest}")
            data = self.client.get(blob, repository, archive.MAX_ARCHIVE).data
            _check(data, digest, size, blob)
            private_file.write(path, data)
        name = f"{charts.chart_name(service)}:{tag}"
        chart = archive.read_bytes(data, name, partial(parsed.recall, path, digest))
        return Pulled(chart, path, digest, found.digest)

    def image(self, service: str, tag: str) -> Described | None:
        """The manifest or index of the controller's image of that tag; None where the registry has no such repository.

        Error: `image-missing` where it has the repository and not the tag.
        """
        name = charts.image_name(service)
        try:
            return self.manifest(self.repository(name), tag)
        except AcksmError as error:
            if error.id == "registry-repository-unknown":
                return None
            if error.id == "chart-version-unknown":
                message = f"{self.location}/{name} has no tag {tag}"
                raise AcksmError("image-missing", message, where=error.where) from error
            raise

    def manifest(self, repository: str, reference: str, accept: str = ANY_MANIFEST) -> Described:
        """A manifest by its tag or digest. Errors: chart-version-unknown, registry-…."""
        url = self.client.url(repository, f"manifests/{reference}")
        answer = self.client.get(url, repository, headers={"Accept": accept})
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return Described(reference, media_type, answer.data)

    def repository(self, name: str) -> str:
        """The path of a repository in this registry."""
        return "/".join(part for part in (self.path, name) if part)


def digest_of(data: bytes) -> str:
    """The digest of a manifest or blob, as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


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
