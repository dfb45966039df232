"""`acksm logs`: what a controller writes, redacted as in the support bundle."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from acksm import reports
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.doctor import redaction
from acksm.json_types import Object
from acksm.kube.api import LogStreamer
from acksm.kube.paths import ref
from acksm.live import discovery
from acksm.live.controller_logs import container_of
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings

PAUSE_SECONDS = 2.0


class Key(NamedTuple):
    """A run of a pod's container."""

    pod: str
    uid: str
    restarts: int


class _Ended(NamedTuple):
    """The stream of a run ended, with the reason where it is an error."""

    key: Key
    failure: AcksmError | None


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


def run(at: TargetSettings, run: RunSettings, ui: Output, request: Request) -> int:
    """Print the log, with --follow until Ctrl-C: exit code 130, without an error. Errors: `logs-controller`, `logs-pod`,
    kube-…"""
    with connect(at, run) as target:
        controller = chosen(
            discovery.observe(target.kube, at.controller_namespace), request.service, at, request.in_namespace
        )
        pods = pods_of(target, controller)
        ui.emit(Event(Kind.STEP, "target", f"{controller}: {', '.join(names(pods))}"))
        seen = set(names(pods))
        found: list[reports.LogLine] = []

        def pods_now() -> list[Object]:
            target.deadline.restart()
            return pods_of(target, controller)

        follow = request.follow and not request.previous  # a run that ended has an end
        lines = followed(target.kube, pods_now, request, ui) if follow else _lines(target.kube, pods, request, ui)
        try:
            for pod, line in lines:
                seen.add(pod)
                row: reports.LogLine = {"pod": pod, "text": redaction.text(line, accounts=request.accounts)}
                if ui.is_text():
                    ui.verbatim(request.clean(f"[{pod}] {row['text']}" if len(seen) > 1 else row["text"]))
                elif request.follow:
                    ui.changed("logs", {"service": request.service, "lines": [row]}, "", ())
                else:
                    found.append(row)
        except KeyboardInterrupt:
            if not follow:
                raise
            return int(ExitCode.INTERRUPTED)
        if not ui.is_text() and not request.follow:
            ui.result("logs", {"service": request.service, "lines": found}, "")
        return 0


def chosen(found: discovery.Controllers, service: str, at: TargetSettings, in_namespace: bool) -> Running:
    """The controller of `service`: in the controllers' namespace, else the only one. Error: `logs-controller`."""
    every = [item for item in (*found.own, *found.others, *found.idle) if item.service == service]
    own = [item for item in every if item.namespace == at.controller_namespace]
    if own or in_namespace:
        every = own
    if len(every) == 1 or own:
        return every[0]
    if not every:
        where = f" in namespace {at.controller_namespace}" if in_namespace else ""
        raise AcksmError("logs-controller", f"no controller of {service}{where}", remedy="acksm status")
    places = [item.namespace for item in every]
    raise AcksmError(
        "logs-controller",
        f"controllers of {service} run in namespaces {', '.join(places)}",
        remedy=f"acksm logs {service} -n {places[0]}",
    )


def pods_of(target: Target, controller: Running) -> list[Object]:
    """The pods of its Deployment. Error: `logs-pod`."""
    deployment = target.kube.get(ref("Deployment", controller.deployment, controller.namespace)) or {}
    labels = ((deployment.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{name}={value}" for name, value in labels.items())
    pods = target.kube.list(ref("Pod", namespace=controller.namespace), selector=selector) if labels else []
    if not pods:
        place = f"{controller.namespace}/{controller.deployment}"
        raise AcksmError("logs-pod", f"Deployment {place} has no pod", where=place)
    return pods


def names(pods: Sequence[Object]) -> list[str]:
    return [str(pod["metadata"]["name"]) for pod in pods]


def _lines(kube: LogStreamer, pods: Sequence[Object], request: Request, ui: Output) -> Iterator[tuple[str, str]]:
    """Pod and line, one pod after the other. A pod without a log is a warning; its error is raised where no pod has
    one."""
    failures: list[AcksmError] = []
    for pod in pods:
        try:
            yield from _of(kube, pod, request)
        except AcksmError as error:
            failures.append(error)
    if len(failures) == len(pods):
        raise failures[0]
    for error in failures:
        ui.emit(Event(Kind.WARNING, "note", error.message))


def _of(kube: LogStreamer, pod: Object, request: Request) -> Iterator[tuple[str, str]]:
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


def followed(
    kube: LogStreamer,
    pods_now: Callable[[], list[Object]],
    request: Request,
    ui: Output,
    *,
    pause: float = PAUSE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[str, str]]:
    """Pod and line as they come, without an end: of the pods that there are, then of each container that replaces one
    (a rollout, a restart), from its first line on; and again of one whose stream ended while it runs, as load balancers
    end idle connections. Errors: that of the first pods where none of them has a log."""
    lines: queue.Queue[tuple[str, str] | _Ended] = queue.Queue(maxsize=1000)
    running: set[Key] = set()
    ended: dict[Key, float] = {}

    def start(pod: Object, asked: Request) -> None:
        key = _key(pod)
        running.add(key)

        def read() -> None:
            failure: AcksmError | None = None
            try:
                for item in _of(kube, pod, asked):
                    lines.put(item)
            except AcksmError as error:
                failure = error
            lines.put(_Ended(key, failure))

        threading.Thread(target=read, daemon=True).start()

    first = {_key(pod): pod for pod in pods_now()}
    for pod in first.values():
        start(pod, request)
    failures: list[AcksmError] = []
    looked = clock()
    while True:
        try:
            item = lines.get(timeout=pause)
        except queue.Empty:
            item = None
        if isinstance(item, _Ended):
            key, failure = item
            running.discard(key)
            ended[key] = clock()
            if failure is not None and first.pop(key, None):
                failures.append(failure)
                if not first:
                    raise failures[0]
                ui.emit(Event(Kind.WARNING, "note", failure.message))
        elif item is not None:
            yield item
        if item is not None and clock() - looked < pause:
            continue
        looked = clock()
        try:
            pods = pods_now()
        except AcksmError:  # no pod, or no answer: the next reading may have one
            continue
        for pod in pods:
            key = _key(pod)
            if key in running or not _is_running(pod):
                continue
            if key in ended:
                again = replace(request, tail=None, since=max(1, math.ceil(clock() - ended[key])))
            else:
                again = replace(request, tail=None, since=None)
                ui.emit(Event(Kind.NOTE, "note", f"following pod {key.pod}"))
            start(pod, again)


def _status(pod: Object) -> Object:
    """That of the controller's container."""
    name = container_of(pod)
    found = (pod.get("status") or {}).get("containerStatuses") or []
    return next((item for item in found if item.get("name") == name), {})


def _key(pod: Object) -> Key:
    metadata = pod["metadata"]
    return Key(str(metadata["name"]), str(metadata.get("uid")), int(_status(pod).get("restartCount") or 0))


def _is_running(pod: Object) -> bool:
    return "running" in (_status(pod).get("state") or {})
