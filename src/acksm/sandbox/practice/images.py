"""Practice images: an index for two architectures, as those of ACK's controllers; there is no program in them."""

from __future__ import annotations

import json
from functools import cache

from acksm import archive
from acksm.sandbox.content import INDEX, MANIFEST, Repository, digest_of

PLATFORMS = ("amd64", "arm64")
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@cache
def image(service: str, tag: str) -> Repository:
    """A repository with the image of one tag; the same bytes each time."""
    found = Repository()
    manifests = []
    for architecture in PLATFORMS:
        note = f"A practice image of {service} {tag} for {architecture}; not the real one.\n"
        layer = archive.pack("practice", {f"{architecture}.txt": note.encode()})
        config = _json({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": _described(found, _CONFIG, config),
                "layers": [_described(found, _LAYER, layer)],
            }
        )
        found.manifests[digest_of(manifest)] = (MANIFEST, manifest)
        platform = {"architecture": architecture, "os": "linux"}
        manifests.append(
            {"mediaType": MANIFEST, "digest": digest_of(manifest), "size": len(manifest), "platform": platform}
        )
    index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
    found.manifests[digest_of(index)] = (INDEX, index)
    found.tags[tag] = digest_of(index)
    return found


def _described(repository: Repository, media_type: str, data: bytes) -> dict[str, object]:
    repository.blobs[digest_of(data)] = data
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
