"""Connections by HTTP: by which proxy, and which certificate authorities are trusted. AWS, the apiserver and the
registry are all reached through these pools.
"""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

import certifi
import urllib3
from urllib3.contrib.socks import SOCKSProxyManager
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from acksm.errors import AcksmError
from acksm.json_types import Untyped
from acksm.surroundings import proxy_for

# The bundles that replace the system's authorities, as for requests and curl
# (https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification).
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_AWS_BUNDLE = "AWS_CA_BUNDLE"


class Connections:
    """urllib3's pools, one for each proxy. `options` are those of a PoolManager; without `ca_cert_data` the authorities
    of `trusted` are trusted."""

    def __init__(self, bundle: str = "", where: str = "", **options: Untyped) -> None:
        self._bundle, self._options = (bundle, where), options
        self._pools: dict[str, urllib3.PoolManager] = {}

    def to(self, url: str, proxy: str | None = None) -> urllib3.PoolManager:
        """The pool for `url`, by its own proxy or by `proxy`. Errors: `proxy-invalid`, `ca-bundle-invalid`."""
        proxy = proxy_for(url) if proxy is None else proxy
        secure = url.lower().startswith("https:")
        key = f"{secure} {proxy}"
        if key not in self._pools:
            options = dict(self._options)
            if secure and "ca_cert_data" not in options:
                options["ssl_context"] = trusted(*self._bundle)
            self._pools[key] = _pool(proxy, options, self._bundle)
        return self._pools[key]


def _pool(proxy: str, options: dict[str, Untyped], bundle: tuple[str, str]) -> urllib3.PoolManager:
    if not proxy:
        return urllib3.PoolManager(**options)
    if proxy.startswith("socks"):
        return SOCKSProxyManager(proxy, **options)
    login = parse_url(proxy).auth_decoded_joined
    if login:
        options["proxy_headers"] = urllib3.make_headers(
            proxy_basic_auth=login if ":" in login else f"{login}:", proxy_basic_auth_encoding="utf-8"
        )
    if proxy.startswith("https:"):
        options["proxy_ssl_context"] = trusted(*bundle)
    return urllib3.ProxyManager(proxy, **options)


def trusted(bundle: str = "", where: str = "") -> ssl.SSLContext:
    """A TLS context that trusts the authorities in the file `bundle`, which `where` names, else those of
    REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE. Without one, the system's and certifi's: SSL_CERT_FILE and SSL_CERT_DIR
    replace these as in OpenSSL, AWS_CA_BUNDLE adds to them.

    Error: `ca-bundle-invalid`.
    """
    values = tuple(os.environ.get(name, "") for name in (*_BUNDLES, _AWS_BUNDLE, "SSL_CERT_FILE", "SSL_CERT_DIR"))
    return _trusted(bundle, where, values)


@lru_cache(maxsize=8)
def _trusted(bundle: str, where: str, values: tuple[str, ...]) -> ssl.SSLContext:
    *named, of_aws, file, folder = values
    # X.509's strict checks, which Python 3.13 adds, refuse the authorities of many intercepting proxies; neither curl,
    # Go nor botocore makes them.
    context = create_urllib3_context(verify_flags=ssl.VERIFY_X509_PARTIAL_CHAIN)
    for path, name in ((bundle, where), *zip(named, (f"variable {name}" for name in _BUNDLES), strict=True)):
        if path:
            _load(context, path, name)
            return context
    if file:
        _load(create_urllib3_context(), file, "variable SSL_CERT_FILE")  # OpenSSL ignores what it cannot read
    if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):
        raise AcksmError("ca-bundle-invalid", f"no directory {folder}"[:300], where="variable SSL_CERT_DIR")
    context.load_default_certs()
    if not file and not folder:
        context.load_verify_locations(certifi.where())  # where OpenSSL's own directory is empty
    if of_aws:
        _load(context, of_aws, f"variable {_AWS_BUNDLE}")
    return context


def _load(context: ssl.SSLContext, path: str, where: str) -> None:
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            raise IsADirectoryError(0, "it is a directory, and a file of PEM certificates is expected")
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        raise AcksmError("ca-bundle-invalid", f"{path} has no PEM certificates"[:300], where=where) from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AcksmError("ca-bundle-invalid", f"cannot read {path}: {reason}"[:600], where=where) from error
