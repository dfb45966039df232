"""Every id that acksm prints (errors, checks, changes, …), with its cause and remedy.

One module per area, each with `ENTRIES`. Ids are stable; a retired one is kept and marked retired, as in
https://github.com/istio/istio/blob/master/pkg/config/analysis/msg/messages.yaml.
`acksm explain` and docs/errors.md are generated from this; its wording follows docs/glossary.md.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from acksm.dataclass import dataclass
from acksm.exits import ExitCode


@dataclass(frozen=True)
class Entry:
    """`id`, a one-line `title`, the `cause` (why it happens, with the source), and a `remedy` to paste."""

    id: str
    title: str
    cause: str
    remedy: str
    exit_code: ExitCode = ExitCode.CHECK_FAILED
    retired: bool = False

    @property
    def kind(self) -> str:
        """check or symptom (the id begins with it), event (reported while a command runs), change (part of a plan) or
        error."""
        prefix = self.id.partition(".")[0]
        if prefix in {"check", "symptom"}:
            return prefix
        if self in areas()["events"][1]:
            return "event"
        return "change" if self.exit_code is ExitCode.OK else "error"


@cache
def areas() -> dict[str, tuple[str, tuple[Entry, ...]]]:
    """Each module's docstring and entries, by the module's name."""
    modules = {item.name: import_module(f"{__name__}.{item.name}") for item in iter_modules(__path__)}
    return {name: (str(module.__doc__), module.ENTRIES) for name, module in sorted(modules.items())}


@cache
def entries() -> dict[str, Entry]:
    """All entries by id, sorted. A duplicate id is a defect and raises ValueError."""
    found: dict[str, Entry] = {}
    for _, of_area in areas().values():
        for entry in of_area:
            if entry.id in found:
                raise ValueError(f"duplicate id {entry.id} in the catalogue")
            found[entry.id] = entry
    return dict(sorted(found.items()))


def lookup(id: str) -> Entry:
    """The entry of `id`. Raises KeyError for an unknown id, which is a defect in acksm."""
    return entries()[id]
