"""The folder of an export: what is written, removed and left, and how it differs from what would be written.

Only files that an earlier export wrote, and that are as it wrote them, are replaced or removed. EXPORT.json lists them,
with their digests; while files are replaced it lists the earlier ones too, so that an interrupted export continues.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

from acksm import private_file
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.doctor import redaction
from acksm.json_types import Document, Json
from acksm.words import counted

RECORD, SCHEMA = "EXPORT.json", "acksm.dev/export/v1"
MODE = 0o644  # as git checks out a file
MAX_RECORD, MAX_FILE = 4 * 1024 * 1024, 16 * 1024 * 1024
LONGEST_DIFF = 400  # lines of each file
Change = Literal["created", "updated", "deleted"]


@dataclass(frozen=True)
class Planned:
    """The changes of the folder by path, sorted. `foreign` are paths to write that have another content than any
    export gave them; `left` files of an earlier export that were changed since, and are no longer written."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    foreign: Sequence[str] = ()
    left: Sequence[str] = ()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record(folder: Path) -> Json:
    """EXPORT.json of the folder, {} where there is none. Error: `export-record-invalid`."""
    path = folder / RECORD
    data = _read(folder, RECORD)
    if data is None:
        return {}
    try:
        found = json.loads(data[:MAX_RECORD])
        valid = found["schema"] == SCHEMA and all(_is_digests(found.get(key, {})) for key in ("files", "replaced"))
        valid = valid and all(isinstance(found[key], dict) for key in ("settings", "export", "images"))
        valid = valid and isinstance(found["settings-file"], list)
    except (ValueError, LookupError, TypeError, RecursionError):
        valid = False
    if not valid:
        raise AcksmError("export-record-invalid", f"{path} was not written by acksm export", where=str(path))
    return dict(found)


def _is_digests(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def plan(folder: Path, files: Mapping[str, bytes], known: Document) -> Planned:
    """`files` by path, and `known` as `record` has it. Reads only. Error: `export-dir-unreadable`."""
    replaced = known.get("replaced", {})
    changes: dict[str, Change] = {}
    foreign, left = [], []
    for path, data in files.items():
        now = _read(folder, path)
        if now is None:
            changes[path] = "created"
        elif now != data:
            changes[path] = "updated"
            if digest(now) not in {known.get("files", {}).get(path), replaced.get(path)}:
                foreign.append(path)
    for path in sorted({*known.get("files", {}), *replaced} - set(files)):
        now = _read(folder, path)
        if now is None:
            continue
        if digest(now) in {known.get("files", {}).get(path), replaced.get(path)}:
            changes[path] = "deleted"
        else:
            left.append(path)
    return Planned(dict(sorted(changes.items())), tuple(sorted(foreign)), tuple(left))


def write(folder: Path, files: Mapping[str, bytes], written: Document, known: Document, planned: Planned) -> None:
    """Make the folder so, and write `written` as its record. Errors: `export-dir-foreign`, `export-write`."""
    if planned.foreign:
        shown = ", ".join(planned.foreign[:5])
        more = f" and {counted(len(planned.foreign) - 5, 'other')}" if len(planned.foreign) > 5 else ""
        raise AcksmError(
            "export-dir-foreign",
            f"{counted(len(planned.foreign), 'file')} of {folder} would be overwritten, and no export wrote "
            f"{'it' if len(planned.foreign) == 1 else 'them'} so: {shown}{more}",
            where=str(folder),
            remedy="acksm export … --out OTHER_DIRECTORY   (or move the files away)",
            details={"files": list(planned.foreign)},
        )
    text = encoded(written)
    if not planned.changes and _read(folder, RECORD) == text:
        return
    earlier = {**known.get("replaced", {}), **known.get("files", {})}
    before = {path: earlier[path] for path in planned.changes if path in earlier}
    try:
        if before:
            _put(folder / RECORD, encoded({**written, "replaced": before}))
        elif planned.changes:
            _put(folder / RECORD, text)
        for path, change in planned.changes.items():
            if change == "deleted":
                (folder / path).unlink(missing_ok=True)
                _without_empty(folder, Path(path).parent)
            else:
                _put(folder / path, files[path])
        _put(folder / RECORD, text)
    except OSError as error:
        where = str(error.filename or folder)
        raise AcksmError("export-write", f"cannot write {where}: {error.strerror}", where=str(folder)) from error


def encoded(document: Document) -> bytes:
    """EXPORT.json's text: sorted, so that it is the same for the same export."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def differences(folder: Path, files: Mapping[str, bytes], planned: Planned) -> list[str]:
    """A unified diff from the folder to `files`, without what has the form of a secret: others may have edited it."""
    lines: list[str] = []
    for path, change in planned.changes.items():
        before = _read(folder, path) if change != "created" else None
        after = files[path] if change != "deleted" else None
        found = list(
            difflib.unified_diff(
                _lines(before),
                _lines(after),
                "/dev/null" if before is None else f"a/{path}",
                "/dev/null" if after is None else f"b/{path}",
                lineterm="",
            )
        )
        cut = len(found) - LONGEST_DIFF
        lines += [*found[:LONGEST_DIFF], *([f"({counted(cut, 'more line')} of {path})"] if cut > 0 else [])]
    return redaction.text("\n".join(lines), accounts=True).split("\n") if lines else []


def _lines(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode("utf-8", "replace").splitlines()


def _put(path: Path, data: bytes) -> None:
    private_file.write(path, data, MODE)


def _without_empty(folder: Path, path: Path) -> None:
    """Remove the folders of a deleted file that have become empty."""
    while path != Path():
        try:
            (folder / path).rmdir()
        except OSError:  # it has other files
            return
        path = path.parent


def digest_of(folder: Path, path: str) -> str:
    """The digest of a file of the folder, "" where it does not exist. Errors: `export-dir-foreign`,
    `export-dir-unreadable`."""
    data = _read(folder, path)
    return "" if data is None else digest(data)


def _read(folder: Path, path: str) -> bytes | None:
    """A file of the folder, None where it does not exist. Links are not followed inside the folder, as they can lead
    out of it. Errors: `export-dir-foreign`, `export-dir-unreadable`."""
    place = folder
    parts = Path(path).parts
    if os.path.isabs(path) or ".." in parts:
        raise AcksmError("export-record-invalid", f"{RECORD} names {path!r}, outside of the folder", where=str(folder))
    for part in parts:
        place = place / part
        last = place == folder / path
        if place.is_symlink() or (place.exists() and last != place.is_file()):
            raise AcksmError(
                "export-dir-foreign",
                f"{place} is {'a link' if place.is_symlink() else 'a directory' if last else 'a file'}, and an export "
                f"has {'a file' if last else 'a directory'} there",
                where=str(folder),
                remedy="acksm export … --out OTHER_DIRECTORY",
            )
    try:
        with place.open("rb") as stream:
            return stream.read(MAX_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AcksmError(
            "export-dir-unreadable", f"cannot read {place}: {error.strerror}", where=str(folder)
        ) from error
