"""Remedies with the names of a run: `acksm …` in one is the command as it was typed.

The command line (`acksm.cli.remedies`) says how that is filled in. Without a command, as in `acksm explain`, a remedy
is as the catalogue has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar

KNOWN: ContextVar[Mapping[str, str]] = ContextVar("acksm_known", default={})  # noqa: B039 (never changed)
FILL: ContextVar[Callable[[str], str] | None] = ContextVar("acksm_remedies", default=None)


_OBJECT = re.compile(r"([A-Z][A-Za-z]{0,62}) ([a-z0-9.-]{1,63})/([a-z0-9.-]{1,253})")


def filled(text: str, where: str = "") -> str:
    """`text` as the user of this run can paste it; the same once it is. `where` names the object that it is for, as
    "KIND NAMESPACE/NAME", if it does."""
    if found := _OBJECT.fullmatch(where):
        kind, namespace, name = found.groups()
        for words, known in (
            ("KIND NAME", f"{kind} {name}"),
            ("KIND/NAME", f"{kind}/{name}"),
            ("-n NAMESPACE", f"-n {namespace}"),
            (" KIND ", f" {kind} "),
        ):
            text = text.replace(words, known)
    fill = FILL.get()
    return fill(text) if fill else text
