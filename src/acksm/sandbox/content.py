"""What a repository of a registry has, and what is refused of a push: pure, without HTTP."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class RefusalError(Exception):
    """What a registry answers instead: an HTTP status, a code of the OCI distribution specification and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Repository:
    """Blobs and manifests (media type and bytes) by digest, digests by tag, and blobs that are being pushed."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)

    def manifest(self, reference: str) -> tuple[str, bytes]:
        """A manifest by tag or digest."""
        found = self.manifests.get(self.tags.get(reference, reference))
        if found is None:
            raise RefusalError(404, "MANIFEST_UNKNOWN", "Requested image not found")
        return found

    def blob(self, digest: str) -> bytes:
        if digest not in self.blobs:
            raise RefusalError(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return self.blobs[digest]

    def put_blob(self, upload: str, digest: str, data: bytes) -> None:
        """The end of an upload."""
        whole = bytes(self.uploads.pop(upload, bytearray())) + data
        if digest_of(whole) != digest:
            raise RefusalError(400, "DIGEST_INVALID", "The digest of the layer is not that of its content")
        self.blobs[digest] = whole

    def put_manifest(self, reference: str, media_type: str, data: bytes, *, immutable: bool) -> str:
        """A manifest, once everything that it names is in the repository, as in ECR; its digest."""
        digest, document = digest_of(data), json.loads(data)
        if reference.startswith("sha256:") and reference != digest:
            raise RefusalError(400, "DIGEST_INVALID", "The digest is not that of the manifest")
        if document.get("mediaType") not in (None, media_type):
            raise RefusalError(400, "MANIFEST_INVALID", "The media type is not that of the manifest")
        parts = [document["config"], *document["layers"]] if "layers" in document else []
        missing = [one["digest"] for one in parts if one["digest"] not in self.blobs]
        if missing:
            raise RefusalError(400, "MANIFEST_BLOB_UNKNOWN", f"Layers with digests '{missing}' do not exist")
        missing = [one["digest"] for one in document.get("manifests", []) if one["digest"] not in self.manifests]
        if missing:
            raise RefusalError(
                400, "MANIFEST_BLOB_UNKNOWN", f"Images with digests '{missing}' required for pushing do not exist"
            )
        if not reference.startswith("sha256:"):
            if immutable and self.tags.get(reference, digest) != digest:
                raise RefusalError(
                    400,
                    "TAG_INVALID",
                    f"The image tag '{reference}' already exists in the repository and cannot be overwritten because "
                    "the tag is immutable.",
                )
            self.tags[reference] = digest
        self.manifests[digest] = (media_type, data)
        return digest
