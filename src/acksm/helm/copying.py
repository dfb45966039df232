"""Copying charts and images between registries, by digest: an index with all its manifests, whatever the platform.

The tag comes last, so that it means a whole copy; what exists is skipped, so that an interrupted copy continues.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from typing import IO
from urllib.parse import urljoin

from acksm.config import cache_dir
from acksm.errors import AcksmError
from acksm.helm.oci import Client
from acksm.helm.registry import ANY_MANIFEST, Described, Registry, digest_of
from acksm.json_types import Document, Json

MAX_BLOB = 8 * 1024**3
MAX_PARTS, MAX_DEPTH = 256, 3
Progress = Callable[[str], None]


def digest_at(registry: Registry, repository: str, reference: str) -> str:
    """The digest of what exists under a tag or digest, "" for nothing. Errors: registry-…."""
    url = registry.client.url(repository, f"manifests/{reference}")
    answer = registry.client.request("HEAD", url, repository, headers={"Accept": ANY_MANIFEST})
    if answer.status == 404:
        return ""
    found = answer.headers.get("Docker-Content-Digest", "") if answer.status == 200 else ""
    return found or registry.manifest(repository, reference).digest  # a registry may leave the header out


def platforms(registry: Registry, found: Described) -> list[str]:
    """The platforms of an index, such as linux/amd64; [] of anything else."""
    document = registry.client.json(found.data, registry.location)
    named = [part.get("platform") or {} for part in _parts(document, "manifests", registry.location)]
    return [f"{one.get('os', '')}/{one.get('architecture', '')}" for one in named if one.get("os") != "unknown"]


def copy(
    source: Registry, source_repository: str, target: Registry, repository: str, digest: str, tag: str, tell: Progress
) -> None:
    """Copy the manifest or index of `digest`, and everything in it, as `repository:tag`.

    Errors: `mirror-digest`, registry-…, `tag-immutable`.
    """
    _copy(source, source_repository, target, repository, digest, tag, tell, MAX_DEPTH)


def _copy(
    source: Registry,
    source_repository: str,
    target: Registry,
    repository: str,
    digest: str,
    tag: str,
    tell: Progress,
    depth: int,
) -> None:
    found = source.manifest(source_repository, digest)
    if found.digest != digest:
        raise AcksmError(
            "mirror-digest",
            f"the manifest has digest {found.digest}, not {digest}",
            where=f"{source.host}/{source_repository}",
        )
    if not digest_at(target, repository, digest):
        document = source.client.json(found.data, f"{source.host}/{source_repository}@{digest}")
        where = f"{source.host}/{source_repository}@{digest}"
        for child in _parts(document, "manifests", where):
            if depth == 0:
                raise AcksmError("mirror-digest", "the index is nested too deeply", where=where)
            _copy(source, source_repository, target, repository, str(child["digest"]), "", tell, depth - 1)
        blobs = _parts(document, "layers", where)
        config = document.get("config")
        for blob in [*([config] if isinstance(config, dict) else []), *blobs]:
            if not blob.get("urls"):  # a layer that its publisher alone distributes
                _copy_blob(source.client, source_repository, target.client, repository, blob, tell)
        _put(target, repository, digest, found)
    if tag:
        _put(target, repository, tag, found)


def _parts(document: Document, key: str, where: str) -> list[Json]:
    found = document.get(key) or []
    if not isinstance(found, list) or len(found) > MAX_PARTS:
        raise AcksmError("mirror-digest", f'"{key}" of the manifest is not a list of at most {MAX_PARTS}', where=where)
    for part in found:
        if not isinstance(part, dict) or not isinstance(part.get("digest"), str):
            raise AcksmError("mirror-digest", f'"{key}" of the manifest has no digests', where=where)
    return found


class _Hashed:
    """A file that hashes what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self.file.write(data)


def _copy_blob(
    source: Client, source_repository: str, target: Client, repository: str, blob: Document, tell: Progress
) -> None:
    digest = str(blob["digest"])
    known = target.request("HEAD", target.url(repository, f"blobs/{digest}"), repository)
    if known.status == 200:
        return
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:  # without a name: a killed copy leaves nothing
        hashed = _Hashed(file)
        size = blob.get("size")
        limit = size if isinstance(size, int) and 0 <= size <= MAX_BLOB else MAX_BLOB
        tell(f"copying {digest[:19]} ({limit} bytes) to {target.host}/{repository}")
        url = source.url(source_repository, f"blobs/{digest}")
        source.get(url, source_repository, limit, sink=hashed)
        if f"sha256:{hashed.hash.hexdigest()}" != digest:
            raise AcksmError("mirror-digest", f"the download does not have digest {digest}", where=url)
        began = target.request("POST", target.url(repository, "blobs/uploads/"), repository, body=b"")
        if began.status != 202:
            raise target.refused(began, target.url(repository, "blobs/uploads/"))
        place = urljoin(target.base, began.headers.get("Location", ""))
        place += ("&" if "?" in place else "?") + f"digest={digest}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(hashed.size)}
        answer = target.request("PUT", place, repository, headers=headers, body=file)
        if answer.status != 201:
            raise target.refused(answer, target.url(repository, f"blobs/{digest}"))


def _put(target: Registry, repository: str, reference: str, found: Described) -> None:
    url = target.client.url(repository, f"manifests/{reference}")
    headers = {"Content-Type": found.media_type}
    answer = target.client.request("PUT", url, repository, headers=headers, body=found.data)
    if answer.status not in {200, 201}:
        error = target.client.refused(answer, url)
        if "immutable" in error.message:
            message = f"tag {reference} of {target.host}/{repository} is immutable, and names another digest"
            raise AcksmError("tag-immutable", message, where=url)
        raise error
    said = answer.headers.get("Docker-Content-Digest", digest_of(found.data))
    if said != found.digest:
        raise AcksmError(
            "mirror-digest", f"{target.host} keeps {reference} as {said}, not as {found.digest}", where=url
        )
