"""A network between this machine and a server on loopback: a proxy that delays what passes, the same for every tool.

Each direction takes half of a round trip. The kernel answers a connect on loopback at once, and over a distance that
takes a round trip; so the first bytes of a connection leave no earlier than that after it was opened. A handshake of
TLS passes as bytes and takes its own round trips (one in TLS 1.3). There is no limit of bandwidth, no loss and no slow
start.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Self, TypeVar

CHUNK = 256 * 1024
T = TypeVar("T")


@dataclass(frozen=True)
class Span:
    """A request as its client saw it: seconds of one clock when its first byte was sent, and its last answered."""

    began: float
    ended: float


def longest_chain(spans: Iterable[Span]) -> int:
    """How many requests there are at most of which each began after the one before had ended: the sequential round
    trips of a run. What was sent concurrently counts once."""
    count, free = 0, float("-inf")
    for span in sorted(spans, key=lambda one: one.ended):
        if span.began >= free:
            count, free = count + 1, span.ended
    return count


def departure(now: float, opened: float, round_trip: float) -> float:
    """When what a client sends `now` leaves, on a connection that it opened at `opened`: when that is established."""
    return max(now, opened + round_trip)


@dataclass
class Connection:
    """What passed one connection. Where requests follow one another on it, as in HTTP/1.1 without TLS, each of `spans`
    is one: from what the client sent to the last that it received before it sent more."""

    spans: list[Span] = field(default_factory=list)
    _answered: bool = True

    def sent(self, now: float) -> None:
        """The client sent something."""
        if self._answered:
            self._answered = False
            self.spans.append(Span(now, now))

    def received(self, now: float) -> None:
        """The client received something."""
        if self.spans:
            self._answered = True
            self.spans[-1] = Span(self.spans[-1].began, now)


class Proxy:
    """Delays the connections to a server at "HOST:PORT" by `round_trip` seconds, while it is entered."""

    def __init__(self, server: str, round_trip: float) -> None:
        host, _, port = server.rpartition(":")
        self._server, self._round_trip = (host, int(port)), round_trip
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.Task[None]] = set()
        self._connections: list[Connection] = []
        self.address = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening = self._run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def taken(self) -> list[Connection]:
        """The connections that were opened since the last call."""
        found, self._connections = self._connections, []
        return found

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _end(self) -> None:
        self._listening.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        opened = self._loop.time()
        task = asyncio.current_task()
        if task:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        connection = Connection()
        self._connections.append(connection)
        ends = [to_client]
        try:
            server, to_server = await asyncio.open_connection(*self._server)
            ends.append(to_server)
            await asyncio.gather(
                self._carry(client, to_server, opened, left=connection.sent),
                self._carry(server, to_client, opened, arrived=connection.received),
            )
        except (OSError, asyncio.CancelledError):  # either end closed it, or the proxy has ended
            pass
        finally:
            for end in ends:
                end.close()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        opened: float,
        *,
        left: Callable[[float], None] = lambda _: None,
        arrived: Callable[[float], None] = lambda _: None,
    ) -> None:
        """One direction: what comes leaves, and arrives half of a round trip later."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    if target.can_write_eof():
                        target.write_eof()
                    return
                arrived(self._loop.time())
                target.write(data)
                await target.drain()

        delivering = asyncio.create_task(deliver())
        try:
            data = b"-"
            while data:
                data = await source.read(CHUNK)
                now = self._loop.time()
                if data:
                    left(now)
                leaves = departure(now, opened, self._round_trip)
                on_the_way.put_nowait((leaves + self._round_trip / 2, data))
            await delivering
        finally:
            delivering.cancel()
