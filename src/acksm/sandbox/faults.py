"""What goes wrong with AWS on demand, by action: refusals, slow answers, connections that break."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from acksm.json_types import Document


@dataclass
class Fault:
    """`status`, `code` and `message` refuse, where `status` is not 0; `seconds` is how long the caller waits first.

    `drop` breaks the connection: "before" anything is done, or "after", when the work is done and the answer is lost.
    `times` ends the fault after so many calls, and it begins with the first success of action `after`.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    times: int | None = None
    after: str = ""
    seconds: float = 0.0
    drop: str = ""

    @property
    def refusal(self) -> tuple[int, str, str] | None:
        return (self.status, self.code, self.message) if self.status else None


@dataclass
class Faults:
    """The faults of one account."""

    by_action: dict[str, Fault] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, data: Mapping[str, Document]) -> Faults:
        """From {action: fields of `Fault`}."""
        return cls({action: Fault(**fault) for action, fault in data.items()})

    def next(self, action: str) -> Fault | None:
        """The fault that this call meets, after its seconds; a counted one is used up by it."""
        with self._lock:
            fault = self.by_action.get(action)
            if fault is None or fault.after or fault.times == 0:
                return None
            if fault.times is not None:
                fault.times -= 1
        time.sleep(fault.seconds)
        return fault

    def happened(self, action: str) -> None:
        """`action` succeeded: faults that wait for it begin."""
        for fault in self.by_action.values():
            if fault.after == action:
                fault.after = ""


def drop(environ: Document) -> NoReturn:
    """Break the connection of a request that werkzeug serves, without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError
