"""A small HTTP server with planned answers, for tests of clients."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server says; `cut` bytes of the body are announced and never sent. With `reset` it says nothing and
    breaks the connection; `seconds` go by before."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    reset: bool = False
    seconds: float = 0.0


@dataclass
class Server:
    """Replies by path and query, or by method before them ("POST /x"); a list of them is used up one by one, its last
    one again and again."""

    port: int
    replies: dict[str, Reply | list[Reply] | Callable[[Mapping[str, str]], Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    wake: threading.Event = field(default_factory=threading.Event)  # ends the seconds of every reply
    tunnels: bool = False  # whether CONNECT is answered as a proxy does, else it is refused
    intercepts: ssl.SSLContext | None = None  # CONNECT is answered, and then the requests in it are, as the server

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


def json_reply(value: Any, **more: Any) -> Reply:
    return Reply(json.dumps(value).encode(), **more)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either says, until one of them ends."""

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pass_on, args=(other, one), daemon=True)
    back.start()
    pass_on(one, other)
    back.join()


def serve() -> tuple[Server, ThreadingHTTPServer]:
    state = Server(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization", "")))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = f"{self.command} {self.path}"
            state.methods.append(key)
            planned = state.replies.get(key) or state.replies.get(self.path, Reply(b"{}", 404))
            if isinstance(planned, list):
                planned = planned.pop(0) if len(planned) > 1 else planned[0]
            reply = planned if isinstance(planned, Reply) else planned(dict(self.headers))
            state.wake.wait(reply.seconds)
            if reply.reset:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = bool(reply.cut)

        do_POST = do_GET  # noqa: N815 (http.server's names)
        do_PATCH = do_GET  # noqa: N815
        do_DELETE = do_GET  # noqa: N815

        def do_CONNECT(self) -> None:
            state.asked.append((f"CONNECT {self.path}", self.headers.get("Proxy-Authorization", "")))
            if state.intercepts:
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                self.connection = state.intercepts.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", self.wbufsize)
                self.close_connection = False
                return
            if not state.tunnels:
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                self.wfile.flush()
                pump(self.connection, there)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    state.port = http.server_address[1]
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return state, http
