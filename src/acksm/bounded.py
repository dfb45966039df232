"""Foreign files and documents within bounds: a file may be a device without end, and ten lines of YAML may stand for a
thousand million things (aliases)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
MAX_NODES = 1_000_000


def read(path: Path, limit: int) -> bytes:
    """The file's bytes, of which no more than `limit` are allowed. A pipe is read to its end, as a shell gives one.

    Errors: OSError, and ValueError for a longer one.
    """
    with path.open("rb") as stream:
        found = stream.read(limit + 1)
    if len(found) > limit:
        raise ValueError(f"more than {limit} bytes are too many")
    return found


def check(document: T) -> T:
    """`document` itself, when it has no more than MAX_NODES keys and values; one that holds itself has more.

    Error: ValueError.
    """
    count, waiting = 0, list[object]([document])
    while waiting:
        one = waiting.pop()
        inner = [*one.keys(), *one.values()] if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        count += len(inner)
        if count > MAX_NODES:
            raise ValueError(f"its aliases expand to more than {MAX_NODES} values")
        waiting += inner
    return document
