"""The environment: what acksm reads from it as every library does, and what it passes to programs that it starts."""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from urllib.parse import urlsplit

from acksm.errors import AcksmError

_NAMES = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_PROXY_URLS = frozenset({"http_proxy", "https_proxy", "all_proxy"})  # in both cases
_PROXIES = _PROXY_URLS | {"no_proxy"}
_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,255}")  # a name or an address


def passed_on(*more: str) -> dict[str, str]:
    """Of the variables that acksm has, those that any program may have, and those that begin with one of `more`.

    An allow-list: no variable of an AWS SDK, a CI system or a person is passed on, whatever its name.
    """
    return {name: value for name, value in os.environ.items() if _is_passed_on(name) or name.startswith(more)}


def settle_proxies(environment: MutableMapping[str, str]) -> None:
    """Write the proxy variables as every library reads them. Without a scheme they are http URLs, as for curl, pip and
    Go (https://everything.curl.dev/usingcurl/proxies/env.html); urllib3 refuses these. Error: `proxy-invalid`, without
    the value: it may have a password.
    """
    for name in [name for name in environment if name.lower() in _PROXY_URLS]:
        value = environment[name].strip()
        if not value:
            continue
        url = value if "://" in value else f"http://{value}"
        if not _is_proxy(url):
            raise AcksmError("proxy-invalid", f"{name} is not the URL of a proxy", where=f"variable {name}")
        environment[name] = url


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _SCHEMES and bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:  # an invalid port, brackets that do not close
        return False


def _is_passed_on(name: str) -> bool:
    return name in _NAMES or name.lower() in _PROXIES or name.startswith("LC_")
