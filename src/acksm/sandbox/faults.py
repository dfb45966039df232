"""What goes wrong with AWS on demand, by action: refusals, slow answers, connections that break, and throttling.

IAM throttles by token buckets for each account and API, whose sizes AWS does not publish
(https://aws.amazon.com/blogs/security/how-to-monitor-and-query-iam-resources-at-scale-part-2/); so there is none unless
a test or benchmark says how large."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from acksm.json_types import Document


@dataclass
class Fault:
    """`status`, `code` and `message` refuse, where `status` is not 0; `seconds` is how long the caller waits first.

    `drop` breaks the connection: "before" anything is done, or "after", when the work is done and the answer is lost.
    `times` ends the fault after so many calls, and it begins with the first success of action `after`. With `rate` it
    meets only the calls beyond so many a second, of which `burst` may come at once.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    times: int | None = None
    after: str = ""
    seconds: float = 0.0
    drop: str = ""
    rate: float = 0.0
    burst: int = 1
    _spent: float = field(default=0.0, repr=False)  # of the bucket's tokens, at `_since`
    _since: float = field(default=0.0, repr=False)

    def spares(self, now: float) -> bool:
        """Whether a call at `now` (seconds) gets a token of the bucket."""
        if not self.rate:
            return False
        self._spent, self._since = max(0.0, self._spent - (now - self._since) * self.rate), now
        if self._spent > self.burst - 1:
            return False
        self._spent += 1
        return True

    @property
    def refusal(self) -> tuple[int, str, str] | None:
        return (self.status, self.code, self.message) if self.status else None


@dataclass
class Faults:
    """The faults of one account, by action; that of "iam:*" is of each action of the service by itself."""

    by_action: dict[str, Fault] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, data: Mapping[str, Document]) -> Faults:
        """From {action: fields of `Fault`}."""
        return cls({action: Fault(**fault) for action, fault in data.items()})

    def next(self, action: str) -> Fault | None:
        """The fault that this call meets, after its seconds; a counted one is used up by it."""
        with self._lock:
            fault = self.by_action.get(action)
            if fault is None and (every := self.by_action.get(f"{action.partition(':')[0]}:*")):
                fault = self.by_action[action] = replace(every)
            if fault is None or fault.after or fault.times == 0 or fault.spares(self.clock()):
                return None
            if fault.times is not None:
                fault.times -= 1
        time.sleep(fault.seconds)
        return fault

    def happened(self, action: str) -> None:
        """`action` succeeded: faults that wait for it begin."""
        with self._lock:
            for fault in self.by_action.values():
                if fault.after == action:
                    fault.after = ""


def drop(environ: Document) -> NoReturn:
    """Break the connection of a request that werkzeug serves, without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError
