"""The network outside: an HTTP proxy on loopback that leads to the sandbox's registries and Git host by their names,
with TLS, and nowhere else. A host can be made unreachable, for the account that the user of the proxy's URL names."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol
from wsgiref.types import StartResponse

from acksm.json_types import Json
from acksm.sandbox.certificates import Authority

MAX_HEAD, HEAD_SECONDS = 65536, 10.0
_LOGIN = re.compile(r"(?i)\r\nproxy-authorization: basic ([A-Za-z0-9+/=]{1,512})\r\n")


class Site(Protocol):
    """A WSGI application with names of its own."""

    def serves(self, host: str) -> bool: ...

    def __call__(self, environ: Json, begin: StartResponse) -> Iterable[bytes]: ...


class Outside:
    """The WSGI application of all sites: the one that serves the host of a request answers it."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites = sites

    def serves(self, host: str) -> bool:
        return any(site.serves(host) for site in self.sites)

    def __call__(self, environ: Json, begin: StartResponse) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0]
        site = next((site for site in self.sites if site.serves(host)), None)
        if site is None:
            begin("421 Misdirected Request", [("Content-Length", "0")])
            return [b""]
        return site(environ, begin)


class Network:
    """A proxy at `address` ("127.0.0.1:PORT"); `closed` are hosts that it does not reach. `server` is where the
    outside listens with TLS."""

    def __init__(self, outside: Outside) -> None:
        self.outside, self.closed = outside, dict[str, set[str]]()  # by account
        self.server = ("127.0.0.1", 0)
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    outer._connect(self.request)

        listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{listener.server_address[1]}"

    def reaches(self, host: str, account: str) -> bool:
        """Whether the proxy leads the network of an account to the host."""
        return host not in self.closed.get(account, ()) and self.outside.serves(host)

    def _connect(self, client: socket.socket) -> None:
        head = b""
        client.settimeout(HEAD_SECONDS)
        while b"\r\n\r\n" not in head and b"CONNECT ".startswith(head[:8]) and len(head) < MAX_HEAD:
            chunk = client.recv(4096)
            if not chunk:
                return
            head += chunk
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        host = words[1].rpartition(":")[0] if len(words) > 1 else ""
        led = self.reaches(host, _user(head))
        refusal = b"403 Forbidden" if words[:1] != ["CONNECT"] else b"" if led else b"502 Bad Gateway"
        if refusal:
            client.sendall(b"HTTP/1.1 " + refusal + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        client.settimeout(None)
        with socket.create_connection(self.server) as there:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(there, client), daemon=True)
            back.start()
            _pass_on(client, there)
            back.join()


def _user(head: bytes) -> str:
    """The user of the proxy's URL, which names an account, "" for none."""
    found = _LOGIN.search(head.decode("latin-1"))
    try:
        return base64.b64decode(found[1], validate=True).decode().partition(":")[0] if found else ""
    except ValueError:
        return ""


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def names(authority: Authority, outside: Outside) -> ssl.SSLContext:
    """TLS for every name of the outside: each gets its certificate when a client first names it."""
    contexts: dict[str, ssl.SSLContext] = {}
    lock = threading.Lock()

    def named(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _outer: ssl.SSLContext) -> int | None:
        if not name or not outside.serves(name):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        with lock:
            if name not in contexts:
                contexts[name] = authority.public(name)
        connection.context = contexts[name]
        return None

    context = authority.public("outside.invalid")
    context.sni_callback = named
    return context
