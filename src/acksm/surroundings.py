"""The environment of programs that acksm starts: what they need, and no secret of acksm's own."""

from __future__ import annotations

import os

_NAMES = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_PROXIES = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})  # in both cases


def passed_on(*more: str) -> dict[str, str]:
    """Of the variables that acksm has, those that any program may have, and those that begin with one of `more`.

    An allow-list: no variable of an AWS SDK, a CI system or a person is passed on, whatever its name.
    """
    return {name: value for name, value in os.environ.items() if _is_passed_on(name) or name.startswith(more)}


def _is_passed_on(name: str) -> bool:
    return name in _NAMES or name.lower() in _PROXIES or name.startswith("LC_")
