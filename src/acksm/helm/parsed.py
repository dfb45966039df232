"""The YAML of a chart as it was read, kept as JSON beside its archive: libyaml takes a tenth of a second for the CRDs
of one chart, JSON a tenth of that.

The file belongs to the digest of the archive and to FORMAT. It begins with the SHA-256 of the rest. It is read again
from the archive where it is damaged, is of another archive or another version of acksm, or where another user could
have written it: what it says is applied to clusters.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from acksm import __version__, bounded, own_file, private_file, yaml_reader
from acksm.json_types import Value

FORMAT = 1  # another one where `yaml_reader` reads the same text differently, or the file has another form
MAX_BYTES = 64 * 1024 * 1024
_READER = f"format {FORMAT} of version {__version__}"


def path_of(archive: Path) -> Path:
    """Where the documents of a kept archive are."""
    return archive.with_suffix(f".{FORMAT}.json")


def recall(archive: Path, digest: str, files: Mapping[str, bytes]) -> None:
    """Let `yaml_reader` remember the documents of a chart's files. What it refuses is left to who reads it next."""
    try:
        texts = {name: raw.decode("utf-8") for name, raw in files.items() if _is_read(name)}
        found = _kept(path_of(archive), digest)
        if found is None or found.keys() != texts.keys():
            found = {name: yaml_reader.load_all(text) for name, text in texts.items()}
            _keep(path_of(archive), digest, found)
    except (UnicodeDecodeError, yaml_reader.YamlError):
        return
    for name, documents in found.items():
        yaml_reader.remember(texts[name], documents)


def _is_read(name: str) -> bool:
    return name in {"Chart.yaml", "values.yaml"} or (name.startswith("crds/") and name.endswith((".yaml", ".yml")))


def _kept(path: Path, digest: str) -> dict[str, list[Value]] | None:
    """The documents by file, None where there are none that can be used."""
    try:
        if own_file.others(path):
            return None
        head, _, body = bounded.read(path, MAX_BYTES).partition(b"\n")
        if head.decode("ascii") != hashlib.sha256(body).hexdigest():
            return None
        found = json.loads(body)
        if (found["archive"], found["reader"]) != (digest, _READER):
            return None
        return dict(found["documents"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _keep(path: Path, digest: str, documents: Mapping[str, list[Value]]) -> None:
    """Write them, where JSON has all of it: a key that is a number is one in YAML alone."""
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):  # a cache that cannot be written
        body = json.dumps({"archive": digest, "reader": _READER, "documents": documents}, allow_nan=False)
        if json.loads(body)["documents"] == documents:
            private_file.write(path, f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}")
