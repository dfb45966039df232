"""When a request to the apiserver is retried: urllib3's own handler, with an apiserver's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from urllib3.exceptions import NewConnectionError

from acksm.json_types import Untyped
from acksm.retries import Bounded

# Attempts at a server that answered before and refuses connections now: it is being restarted. Others get UNKNOWN.
RESTART, UNKNOWN = 14, 3
_REPEATABLE = frozenset({"GET", "PATCH"})  # GET, and server-side apply: a second time changes nothing
_PASSING = frozenset({429, 500, 502, 503, 504})  # etcd slow, a webhook that is not ready yet, a load balancer


class Retries(Bounded):
    """`met` says whether this server has ever answered.

    429, and 503 with Retry-After, are the apiserver's refusal before it began: any method is repeated after them, as
    client-go does.
    """

    def __init__(self, *, met: Callable[[], bool], **options: Untyped) -> None:
        super().__init__(**options)
        self.met = met

    @classmethod
    def made(cls, left: Callable[[], float], met: Callable[[], bool]) -> Retries:
        return cls(
            total=RESTART,
            read=2,
            status=5,
            backoff_factor=0.2,
            backoff_max=4.0,
            allowed_methods=_REPEATABLE,
            status_forcelist=_PASSING,
            raise_on_status=False,
            left=left,
            met=met,
        )

    def new(self, **changed: Untyped) -> Self:
        return super().new(met=self.met, **changed)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        refused = status_code == 429 or (status_code == 503 and has_retry_after)
        if refused and self.left() > 0:
            return bool(self.total)
        return super().is_retry(method, status_code, has_retry_after)

    def hopeless(self, error: Exception) -> bool:
        if len(self.history) >= UNKNOWN and not (isinstance(error, NewConnectionError) and self.met()):
            return True
        return super().hopeless(error)
