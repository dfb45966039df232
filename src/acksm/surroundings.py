"""The environment: what acksm reads from it as every library does, and what it passes to programs that it starts.

Proxies are decided here for everything that acksm connects to, by curl's rules
(https://everything.curl.dev/usingcurl/proxies/env.html): the libraries and Go's programs differ in nearly all of them.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from acksm.errors import AcksmError

_NAMES = frozenset({"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})  # in both cases
_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
_OF_GO = frozenset({"http", "https", "socks5"})  # k8s.io/client-go/tools/clientcmd, validateClusterInfo
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,255}")  # a name or an address
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PORTS = {"http": 80, "https": 443}
# Where credentials of machines, tasks and pods come from. They are on this machine's link, where no proxy is
# (https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-proxy.html).
_METADATA = ("169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23")


def passed_on(*more: str, proxies: bool = True) -> dict[str, str]:
    """Of the variables that acksm has, those that any program may have, and those that begin with one of `more`; with
    `proxies` those of proxies.

    An allow-list: no variable of an AWS SDK, a CI system or a person is passed on, whatever its name.
    """
    allowed = ("LC_", *more)
    return {
        name: value
        for name, value in os.environ.items()
        if name in _NAMES or (proxies and name.lower() in _PROXIES) or name.startswith(allowed)
    }


@contextmanager
def settled(environment: MutableMapping[str, str]) -> Iterator[None]:
    """The variables of proxies as every library understands them: for botocore's own requests for credentials, and for
    a `credential_process`. Errors: `proxy-invalid`, without the value, which may have a password;
    `environment-invalid`.
    """
    before = {name: environment.get(name) for lower in _PROXIES for name in (lower, lower.upper())}
    _settle(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value


def _settle(environment: MutableMapping[str, str]) -> None:
    for scheme in ("http", "https"):
        if url := _proxy(scheme, environment):
            environment[f"{scheme}_proxy"] = environment[f"{scheme.upper()}_PROXY"] = url
            listed = _first(environment, "no_proxy", "NO_PROXY")
            missing = [host for host in _METADATA if not _bypasses(f"http://{_bracketed(host)}", listed)]
            environment["no_proxy"] = environment["NO_PROXY"] = ",".join([*([listed] if listed else []), *missing])
    if keys := environment.get("SSLKEYLOGFILE"):  # OpenSSL's wrapper opens it for each connection
        try:
            Path(os.path.expandvars(keys)).open("a").close()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise AcksmError(
                "environment-invalid", f"cannot write {keys}: {reason}", where="variable SSLKEYLOGFILE"
            ) from error


def proxy_for(url: str, environment: Mapping[str, str] | None = None) -> str:
    """The URL of the proxy by which `url` is reached, "" for none: its user and password percent-encoded, its scheme
    http, https, socks5 (names are resolved here) or socks5h (by the proxy). Error: `proxy-invalid`."""
    environment = os.environ if environment is None else environment
    found = _proxy(urlsplit(url).scheme, environment)
    return "" if not found or _bypasses(url, _first(environment, "no_proxy", "NO_PROXY")) else found


def context_proxy(value: str) -> str:
    """The URL of a proxy from a kubeconfig's `proxy-url`, as client-go reads it: with a scheme, and for socks5 the
    proxy resolves names. ValueError, without the value."""
    url = _normalized(value)
    if not url or "://" not in value or urlsplit(value).scheme not in _OF_GO:
        raise ValueError("proxy-url is not the http, https or socks5 URL of a proxy")
    return url.replace("socks5://", "socks5h://")


def _proxy(scheme: str, environment: Mapping[str, str]) -> str:
    """The proxy for URLs of `scheme`; the lower-case variable comes first, and an empty one is as good as none."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if value := environment.get(name, "").strip():
            url = _normalized(value)
            if not url:
                raise AcksmError("proxy-invalid", f"{name} is not the URL of a proxy", where=f"variable {name}")
            return url
    return ""


def _normalized(value: str) -> str:
    """`value` as a URL that every library understands; "" where it is none. Without a scheme it is http."""
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        rest = f"{parts.path}?{parts.query}#{parts.fragment}"
        if parts.scheme not in _SCHEMES or not _HOST.fullmatch(parts.hostname or "") or parts.port == 0 or "@" in rest:
            return ""
        user, at, _ = parts.netloc.rpartition("@")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # an invalid port, brackets that do not close
        return ""
    escaped = quote(_NO_ESCAPE.sub("%25", user), safe="%:!$&'()*+,;=-._~")
    return f"{parts.scheme}://{escaped}{at}{_bracketed(parts.hostname or '')}{port}"


def _bypasses(url: str, listed: str) -> bool:
    """Whether NO_PROXY's list has the host of `url`: `*`, a domain with all below it, an address or a network of them;
    a port, where an entry has one, has to match too."""
    try:
        parts = urlsplit(url.lower())
        host, port = (parts.hostname or "").rstrip("."), str(parts.port or _PORTS.get(parts.scheme, 0))
    except ValueError:
        return False
    return any(_matches(host, port, entry) for entry in re.split(r"[\s,]+", listed.lower()) if entry)


def _matches(host: str, port: str, entry: str) -> bool:
    if entry == "*":
        return True
    network = _network(entry.strip("[]"))
    if network is None:
        name, colon, number = entry.rpartition(":")
        if colon and number.isdigit():
            if number != port:
                return False
            entry, network = name, _network(name.strip("[]"))
    if network is not None:
        address = _network(host)
        return address is not None and address.version == network.version and address[0] in network
    domain = entry.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address is a network of one."""
    try:
        return ipaddress.ip_network(text.partition("%")[0], strict=False)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((found for name in names if (found := environment.get(name, "").strip())), "")
