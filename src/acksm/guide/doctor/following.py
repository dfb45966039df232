"""`acksm logs --follow`: the log of a controller over rollouts, restarts and lost connections."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import NamedTuple

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.json_types import Object
from acksm.kube.api import LogStreamer
from acksm.live.controller_logs import container_of
from acksm.output import Output

PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Request:
    """`since` in seconds and `tail` in lines, None for all; `previous`: the run that ended before this one. `accounts`:
    account ids are shown whole. `clean` makes characters visible that could steer a terminal."""

    service: str
    since: int | None = None
    tail: int | None = None
    follow: bool = False
    previous: bool = False
    accounts: bool = False
    in_namespace: bool = False
    clean: Callable[[str], str] = str


class Key(NamedTuple):
    """A run of a pod's container."""

    pod: str
    uid: str
    restarts: int


class _Ended(NamedTuple):
    """The stream of a run ended, with the reason where it is an error."""

    key: Key
    failure: AcksmError | None
    had_lines: bool


def lines(
    kube: LogStreamer,
    pods_now: Callable[[], list[Object]],
    request: Request,
    ui: Output,
    *,
    pause: float = PAUSE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[str, str]]:
    """Pod and line as they come, without an end: of the pods that exist, then of each container that replaces one (a
    rollout, a restart), from its first line; and again of one whose stream ended while it runs, as load balancers end
    idle connections. `pause` in seconds is between two readings of the pods. Error: that of the first pods where none
    of them has a log."""
    streams = _Streams(kube, request, ui, clock)
    streams.begin(pods_now())
    read = clock()
    while True:
        try:
            item = streams.items.get(timeout=pause)
        except queue.Empty:
            item = None
        if isinstance(item, _Ended):
            streams.end(item)
        elif item is not None:
            yield item
        if item is not None and clock() - read < pause:
            continue
        read = clock()
        try:
            streams.follow(pods_now())
        except AcksmError:  # no pod, or no answer: the next reading may have one
            continue


@dataclass
class _Streams:
    """A thread for each run that is followed; `items` is what they read. `first` are runs that existed at the start,
    without those that have no log."""

    kube: LogStreamer
    request: Request
    ui: Output
    clock: Callable[[], float]
    items: queue.Queue[tuple[str, str] | _Ended] = field(default_factory=lambda: queue.Queue(maxsize=1000))
    running: set[Key] = field(default_factory=set)
    ended: dict[Key, float] = field(default_factory=dict)
    first: set[Key] = field(default_factory=set)

    def begin(self, pods: list[Object]) -> None:
        self.first = {_key(pod) for pod in pods}
        for pod in pods:
            self._start(pod, self.request)

    def follow(self, pods: list[Object]) -> None:
        """Start what runs and is not followed."""
        for pod in pods:
            key = _key(pod)
            if key in self.running or "running" not in (_status(pod).get("state") or {}):
                continue
            since = max(1, math.ceil(self.clock() - self.ended[key])) if key in self.ended else None
            if since is None:
                self.ui.emit(Event(Kind.NOTE, "note", f"following pod {key.pod}"))
            self._start(pod, replace(self.request, tail=None, since=since))

    def end(self, item: _Ended) -> None:
        """A stream ended. Raises its error where none of the first pods has a log."""
        self.running.discard(item.key)
        self.ended[item.key] = self.clock()
        if item.failure is None or item.key not in self.first:
            return
        if not item.had_lines:
            self.first.discard(item.key)
        if not self.first:
            raise item.failure
        self.ui.emit(Event(Kind.WARNING, "note", item.failure.message))

    def _start(self, pod: Object, request: Request) -> None:
        key = _key(pod)
        self.running.add(key)

        def read() -> None:
            failure: AcksmError | None = None
            had_lines = False
            try:
                for item in lines_of(self.kube, pod, request):
                    had_lines = True
                    self.items.put(item)
            except AcksmError as error:
                failure = error
            self.items.put(_Ended(key, failure, had_lines))

        threading.Thread(target=read, daemon=True).start()


def lines_of(kube: LogStreamer, pod: Object, request: Request) -> Iterator[tuple[str, str]]:
    name = str(pod["metadata"]["name"])
    for line in kube.log_lines(
        str(pod["metadata"]["namespace"]),
        name,
        container_of(pod),
        previous=request.previous,
        tail=request.tail,
        since=request.since,
        follow=request.follow,
    ):
        yield name, line


def _status(pod: Object) -> Object:
    """That of the controller's container."""
    name = container_of(pod)
    found = (pod.get("status") or {}).get("containerStatuses") or []
    return next((item for item in found if item.get("name") == name), {})


def _key(pod: Object) -> Key:
    metadata = pod["metadata"]
    return Key(str(metadata["name"]), str(metadata.get("uid")), int(_status(pod).get("restartCount") or 0))
