"""urllib3's retry handler under a command's deadline, for the apiserver and the registry."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util.retry import Retry

from acksm.json_types import Untyped

if TYPE_CHECKING:
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

LONGEST_RETRY_AFTER = 30
UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"  # OpenSSL's word in the message of an SSLError


class Bounded(Retry):
    """A Retry that ends with the deadline: `left` returns the seconds that the command still has."""

    def __init__(self, *, left: Callable[[], float], **options: Untyped) -> None:
        super().__init__(**(options | {"retry_after_max": LONGEST_RETRY_AFTER}))
        self.left = left

    def new(self, **changed: Untyped) -> Self:
        return super().new(left=self.left, **changed)

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return self.left() > 0 and super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if error is not None and _pool is not None and (self.left() <= 0 or self.hopeless(error)):
            raise MaxRetryError(_pool, url, error) from error
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def hopeless(self, error: Exception) -> bool:
        """Whether a further attempt after this error is pointless."""
        return UNTRUSTED in str(error)

    def get_backoff_time(self) -> float:
        return min(super().get_backoff_time(), max(0.0, self.left()))

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """The server's Retry-After, limited: a proxy may send an hour, or nonsense."""
        try:
            delay = super().get_retry_after(response)
        except InvalidHeader:
            return None
        return None if delay is None else min(delay, max(0.0, self.left()))
