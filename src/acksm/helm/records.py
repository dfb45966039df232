"""helm's own record of a release, read from the Secret that helm keeps it in: one request, and no process.

The form is helm's storage since version 3: data.release is base64 of gzip of JSON (helm, pkg/storage/driver/util.go);
the labels owner, name, status and version identify it without decoding.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable

from acksm import yaml_reader
from acksm.errors import AcksmError
from acksm.helm.releases import Release
from acksm.json_types import Document, Json, Manifest

SELECTOR = "owner=helm"
MAX_BYTES = 64 * 1024 * 1024
_WORKED = {"deployed", "superseded"}


def name_of(release: str, revision: int) -> str:
    """The name of a revision's Secret (helm, pkg/storage/storage.go, makeKey)."""
    return f"sh.helm.release.v1.{release}.v{revision}"


def newest(secrets: Iterable[Document]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Release name to the name of its newest record and the revisions that were once deployed, from labels alone."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for secret in secrets:
        labels = secret["metadata"].get("labels") or {}
        if str(labels.get("version", "")).isdecimal():  # "¹" is a digit, but not a number
            row = (int(labels["version"]), str(secret["metadata"]["name"]), str(labels.get("status", "")))
            found.setdefault(str(labels.get("name", "")), []).append(row)
    return {
        name: (max(rows)[1], tuple(sorted(revision for revision, _, status in rows if status in _WORKED)))
        for name, rows in found.items()
    }


def decode(secret: Manifest) -> Release:
    """The release of a record. Error: `helm-record` for one that is not in helm's form."""
    where = f"Secret {secret['metadata'].get('namespace', '')}/{secret['metadata']['name']}"
    try:
        packed = base64.b64decode(base64.b64decode((secret.get("data") or {})["release"], validate=True), validate=True)
        inflate = zlib.decompressobj(wbits=31)
        raw = inflate.decompress(packed, MAX_BYTES) if packed[:2] == b"\x1f\x8b" else packed  # gzip's magic
        record = json.loads(raw)
        chart, info = record["chart"]["metadata"], record["info"]
        return Release(
            str(record["name"]),
            str(record["namespace"]),
            str(info["status"]),
            str(chart["name"]),
            str(chart["version"]),
            int(record["version"]),
            str(info.get("last_deployed", "")),
            dict(record.get("config") or {}),
            str(record.get("manifest") or ""),
            str(info.get("description") or ""),
            dict(record["chart"].get("values") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, binascii.Error, zlib.error) as error:
        raise AcksmError(
            "helm-record", f"cannot read helm's record of the release: {error!r}"[:300], where=where
        ) from error


def manifests(text: str) -> list[Json]:
    """The objects of a rendered manifest. Error: `helm-record`."""
    try:
        documents = yaml_reader.load_all(text)
    except yaml_reader.YamlError as error:
        raise AcksmError("helm-record", f"the manifest in helm's record is not YAML: {error}"[:300]) from error
    return [item for item in documents if isinstance(item, dict) and isinstance(item.get("metadata"), dict)]
