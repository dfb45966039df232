"""What acksm asks of AWS and Kubernetes, and how it calls helm: one line each, for `--debug`.

Lines have addresses, names and outcomes. Headers and bodies, which have credentials, are never logged; helm's words
have none (docs/security.md).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from acksm.errors import AcksmError

_LOG = logging.getLogger(__name__)
_LOG.propagate = False
_LOG.addHandler(logging.NullHandler())


@contextmanager
def called(what: str) -> Iterator[None]:
    """Log `what` once it has ended, with how it ended and after how many milliseconds."""
    if not _LOG.isEnabledFor(logging.DEBUG):
        yield
        return
    started, outcome = time.monotonic(), "ok"
    try:
        yield
    except BaseException as error:
        outcome = error.id if isinstance(error, AcksmError) else str(getattr(error, "status", type(error).__name__))
        raise
    finally:
        _LOG.debug("%s: %s in %.0f ms", what, outcome, (time.monotonic() - started) * 1000)


def line(what: str, outcome: object) -> None:
    """Log one request with its outcome, such as a status code."""
    _LOG.debug("%s: %s", what, outcome)


def send_to(write: Callable[[str], None]) -> None:
    """Pass every line to `write` from now on, with the time of day."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            write(self.format(record))

    handler = Handler()
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", datefmt="%H:%M:%S"))
    _LOG.handlers = [handler]
    _LOG.setLevel(logging.DEBUG)
