"""Words of messages (docs/glossary.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence

_AUTHORITY = re.compile(r"(?<=://)[^/?#\s]+")


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 change", "2 changes"; `many` where the plural is not `one` with an s."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """As `--timeout` takes it: "15m", "1h30m", "0.5"."""
    if seconds <= 0 or seconds != int(seconds):
        return f"{seconds:g}"
    hours, rest = divmod(int(seconds), 3600)
    parts = ((hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def did_you_mean(names: Sequence[str]) -> str:
    """What follows a message about an unknown name: "; did you mean a, b or c?", or "" for no names."""
    if not names:
        return ""
    *others, last = names
    return f"; did you mean {', '.join(others) + ' or ' if others else ''}{last}?"


def without_login(text: str) -> str:
    """`text` with the user and password of each URL in it hidden: errors of libraries quote the URL of a proxy."""

    def shown(match: re.Match[str]) -> str:
        _, at, host = match[0].rpartition("@")
        return f"***@{host}" if at else host

    return _AUTHORITY.sub(shown, text)
