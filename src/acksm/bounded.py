"""Untrusted files and documents within limits: a file may be an endless device, and ten lines of YAML may expand to a
billion values (aliases)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MAX_NODES = 1_000_000


def read(path: Path, limit: int) -> bytes:
    """The file's bytes, of which at most `limit` are allowed. A pipe is read to its end, as a shell passes one.

    Errors: OSError, and ValueError for a longer one.
    """
    with path.open("rb") as stream:
        found = stream.read(limit + 1)
    if len(found) > limit:
        raise ValueError(f"the file is larger than {limit} bytes")
    return found


def check(document: T) -> T:
    """`document` itself, when it has at most MAX_NODES keys and values; one that contains itself has more.

    Error: ValueError.
    """
    count, pending = 0, list[object]([document])
    while pending:
        one = pending.pop()
        inner = [*one.keys(), *one.values()] if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        count += len(inner)
        if count > MAX_NODES:
            raise ValueError(f"its aliases expand to more than {MAX_NODES} values")
        pending += inner
    return document
