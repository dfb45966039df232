"""Untrusted files and documents within limits: a file may be an endless device, and ten lines of YAML may expand to a
billion values (aliases)."""

from __future__ import annotations

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
    sizes: dict[int, int] = {}  # of each container by its identity: an alias is the same object again
    opened: set[int] = set()
    pending: list[object] = [document]
    while pending:
        one = pending[-1]
        if id(one) in sizes:
            pending.pop()
            continue
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        below = [item for item in inner if isinstance(item, dict | list)]
        waiting = [item for item in below if id(item) not in sizes]
        own = len(inner) * (2 if isinstance(one, dict) else 1)
        if (waiting and id(one) in opened) or (size := own + sum(sizes.get(id(item), 0) for item in below)) > MAX_NODES:
            raise ValueError(f"its aliases expand to more than {MAX_NODES} values")
        if waiting:
            opened.add(id(one))
            pending += waiting
        else:
            sizes[id(one)] = size
    return document
