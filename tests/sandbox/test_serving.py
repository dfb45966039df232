"""Connections to the sandbox's AWS stay open, as AWS's do, whatever the program that answers has read."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.serving import make_server

from acksm.sandbox.faults import drop
from acksm.sandbox.serving import KeptOpen, Quiet


def _app(environ: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/drop":
        drop(environ)
    announced = environ.get("CONTENT_LENGTH")
    sent = environ["wsgi.input"]
    whole = environ.get("wsgi.input_terminated")
    body = (sent.read() if whole else sent.read(int(announced or 0))) if path == "/read" else b"unread"
    length = [("Content-Length", str(len(body)))] if path == "/read" else []
    begin("200 OK", length)
    return [body]


@pytest.fixture(params=[KeptOpen, Quiet])
def port(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    server = make_server("127.0.0.1", 0, _app, threaded=True, request_handler=request.param)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield server.server_port, request.param is KeptOpen
    server.shutdown()
    server.server_close()


def _asked(connection: http.client.HTTPConnection, path: str, body: bytes = b"", **headers: str) -> bytes:
    connection.request("POST", path, body, headers)
    return connection.getresponse().read()


def test_several_requests_use_one_connection(port: tuple[int, bool]) -> None:
    number, kept = port
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=20)
    connection.connect()
    first = connection.sock
    for path, body in [("/read", b"a" * 100_000), ("/other", b"b" * 100_000), ("/read", b""), ("/other", b"")]:
        assert _asked(connection, path, body) == (body if path == "/read" else b"unread")
        assert (connection.sock is first) is kept
    assert _asked(connection, "/read", b"last", Connection="close") == b"last"
    assert connection.sock is None


def test_a_body_that_is_announced_or_sent_in_chunks_is_answered_on_its_own_connection(port: tuple[int, bool]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port[0], timeout=20)
    connection.request("POST", "/read", iter([b"one", b"two"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().read() == b"onetwo"
    assert connection.sock is None
    assert _asked(connection, "/read", b"more", Expect="100-continue") == b"more"
    assert connection.sock is None


def test_a_dropped_request_has_no_answer(port: tuple[int, bool]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port[0], timeout=20)
    with pytest.raises(OSError):
        _asked(connection, "/drop")
