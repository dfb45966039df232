"""The delaying proxy: a round trip costs what it is set to, a new connection one more, and nothing is changed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from distance import Connection, Proxy, Span, departure, longest_chain

ROUND_TRIP = 0.08


@contextmanager
def _echo() -> Iterator[str]:
    """A server that answers each message with itself, and ends with its client."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(connection: socket.socket) -> None:
            with connection:
                while data := connection.recv(1 << 20):
                    connection.sendall(data)

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def _connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def _asked(connection: socket.socket, data: bytes) -> float:
    """Seconds until all of `data` has come back."""
    began, received = time.monotonic(), b""
    threading.Thread(target=connection.sendall, args=(data,), daemon=True).start()
    while len(received) < len(data):
        received += connection.recv(1 << 20)
    assert received == data
    return time.monotonic() - began


def test_a_new_connection_takes_a_round_trip_more_than_one_that_is_reused() -> None:
    with _echo() as server, Proxy(server, ROUND_TRIP) as proxy:
        began = time.monotonic()
        with _connect(proxy.address) as connection:
            _asked(connection, b"one")
            assert time.monotonic() - began >= 2 * ROUND_TRIP
            assert _asked(connection, b"two") >= ROUND_TRIP
        (seen,) = proxy.taken()
        assert [span.ended - span.began >= ROUND_TRIP for span in seen.spans] == [True, True]
        assert longest_chain(seen.spans) == 2
        assert proxy.taken() == []


@pytest.mark.parametrize(("now", "expected"), [(10.0, 12.0), (11.5, 12.0), (12.0, 12.0), (15.0, 15.0)])
def test_what_is_sent_leaves_once_the_connection_is_established(now: float, expected: float) -> None:
    assert departure(now, opened=10.0, round_trip=2.0) == expected


def test_nothing_is_changed_however_much_passes() -> None:
    data = os.urandom(3 << 20)
    with _echo() as server, Proxy(server, 0.01) as proxy, _connect(proxy.address) as connection:
        _asked(connection, data)


def test_an_end_is_passed_on() -> None:
    with _echo() as server, Proxy(server, 0.01) as proxy, _connect(proxy.address) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(1024):
            received += data
        assert received == b"last"


def test_a_server_that_is_not_there_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        server = f"127.0.0.1:{unused.getsockname()[1]}"
    with Proxy(server, 0.01) as proxy, _connect(proxy.address) as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (1, 2), (2, 3)], 3),
        ([(0, 1), (0.5, 2), (0.1, 3)], 1),  # concurrent
        ([(0, 10), (1, 2), (3, 4)], 2),  # the long one is beside two that follow each other
        ([(2, 3), (0, 1), (0, 1.5), (1.2, 2.5)], 2),
    ],
)
def test_the_longest_chain_is_of_requests_that_do_not_overlap(spans: list[tuple[float, float]], expected: int) -> None:
    assert longest_chain(Span(*pair) for pair in spans) == expected


def test_a_request_is_what_is_sent_until_the_answer_has_ended() -> None:
    seen = Connection()
    for at, event in [(1, "sent"), (2, "sent"), (3, "received"), (4, "received"), (5, "sent"), (7, "received")]:
        getattr(seen, event)(float(at))
    assert seen.spans == [Span(1.0, 4.0), Span(5.0, 7.0)]
