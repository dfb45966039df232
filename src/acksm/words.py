"""Words of messages (docs/glossary.md)."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 change", "2 changes"; `many` where the plural is not `one` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"
