"""Python's collector of cycles, for those who make many objects at once that have none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No search for cycles while a large document is read: each would look at all that was read so far."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """What exists now is kept to the end of the process, and is not searched for cycles again."""
    gc.freeze()
