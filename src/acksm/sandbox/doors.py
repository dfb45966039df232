"""Who may call the sandbox's servers: programs of this machine, with the sandbox's token for requests that change it.

Loopback is open to every user of the machine and to web pages. A page's request has its Origin; that of a page whose
own name resolves to 127.0.0.1 (DNS rebinding) has that name as its Host.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse as StartResponse

from acksm.json_types import Json

Application = Callable[[Json, StartResponse], Iterable[bytes]]
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")


def local(app: Application) -> Application:
    """`app`, for callers that use a name of loopback and are not web pages."""

    def asked(environ: Json, begin: StartResponse) -> Iterable[bytes]:
        if not _LOOPBACK.fullmatch(environ.get("HTTP_HOST", "")) or "HTTP_ORIGIN" in environ:
            return plain(begin, "403 Forbidden", "only for programs of this machine")
        return app(environ, begin)

    return asked


def with_token(app: Application, token: str) -> Application:
    """`app`, for JSON from callers with `token`. A page may send any text without a CORS preflight, but not JSON."""
    wanted = f"Bearer {token}".encode()

    def asked(environ: Json, begin: StartResponse) -> Iterable[bytes]:
        if not hmac.compare_digest(environ.get("HTTP_AUTHORIZATION", "").encode(), wanted):
            return plain(begin, "401 Unauthorized", "only with the token in the sandbox's state file")
        if environ.get("CONTENT_TYPE") != "application/json":
            return plain(begin, "415 Unsupported Media Type", "only application/json")
        return app(environ, begin)

    return asked


def plain(begin: StartResponse, status: str, text: str) -> Iterable[bytes]:
    """A line of text as the whole answer."""
    raw = (text + "\n").encode()
    begin(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(raw)))])
    return [raw]
