"""What this identity may not read. A command that can do without it continues, and notes what it did not check."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import field
from typing import TypeVar

from acksm.dataclass import dataclass
from acksm.errors import AcksmError

FORBIDDEN = frozenset({"kube-forbidden"})
# also no answer at all, for commands that can do without the cluster
AWAY = FORBIDDEN | {"kube-unauthorized", "kube-unreachable"}
Found = TypeVar("Found")
Other = TypeVar("Other")


def unless_forbidden(call: Callable[[], Found], instead: Other) -> Found | Other:
    """What `call` returns, or `instead` where RBAC forbids it. Other errors are raised."""
    try:
        return call()
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return instead


@dataclass
class Unread:
    """Collects `notes` on what is forbidden, each once."""

    notes: list[str] = field(default_factory=list)

    def read(
        self, what: str, call: Callable[[], Found], instead: Other, errors: Collection[str] = FORBIDDEN
    ) -> Found | Other:
        """What `call` returns, or `instead` where one of `errors` (ids) is raised, which RBAC's is; `what` says in the
        note what was not checked. Other errors are raised."""
        try:
            return call()
        except AcksmError as error:
            if error.id not in errors:
                raise
            self.add(what, error)
            return instead

    def add(self, what: str, error: AcksmError) -> None:
        """Note that `what` was not checked, for the reason that the apiserver gives."""
        note = f"not checked: {what} ({reason(error)})"
        if note not in self.notes:
            self.notes.append(note)


def reason(error: AcksmError) -> str:
    """What the apiserver says of the right that is missing, without the name of the resource in front."""
    return error.message.partition(" is forbidden: ")[2] or error.message
