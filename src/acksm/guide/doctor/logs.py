"""`acksm logs`: what a controller writes, redacted as in the support bundle."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from acksm import reports
from acksm.errors import AcksmError
from acksm.events import Event, Kind
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
    """Print the log, with --follow until it ends. Errors: `logs-controller`, `logs-pod`, kube-…"""
    with connect(at, run) as target:
        controller = chosen(
            discovery.observe(target.kube, at.controller_namespace), request.service, at, request.in_namespace
        )
        pods = pods_of(target, controller)
        ui.emit(Event(Kind.STEP, "target", f"{controller}: {', '.join(names(pods))}"))
        several = len(pods) > 1
        found: list[reports.LogLine] = []
        for pod, line in _lines(target.kube, pods, request, ui):
            row: reports.LogLine = {"pod": pod, "text": redaction.text(line, accounts=request.accounts)}
            if ui.is_text():
                ui.verbatim(request.clean(f"[{pod}] {row['text']}" if several else row["text"]))
            elif request.follow:
                ui.changed("logs", {"service": request.service, "lines": [row]}, "", ())
            else:
                found.append(row)
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
        where = f" in namespace {at.controller_namespace}" if in_namespace or found.partial else ""
        raise AcksmError(
            "logs-controller", f"no controller of {service}{where}", remedy=f"acksm install --service {service}"
        )
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
    """Pod and line: one pod after the other, or with --follow as they come. A pod without a log is a warning; its error
    is raised where no pod has one."""
    failures: list[AcksmError] = []

    def of(pod: Object) -> Iterator[tuple[str, str]]:
        name, namespace = str(pod["metadata"]["name"]), str(pod["metadata"]["namespace"])
        try:
            for line in kube.log_lines(
                namespace,
                name,
                container_of(pod),
                previous=request.previous,
                tail=request.tail,
                since=request.since,
                follow=request.follow,
            ):
                yield name, line
        except AcksmError as error:
            failures.append(error)

    if request.follow and len(pods) > 1:
        yield from _merged([of(pod) for pod in pods])
    else:
        for pod in pods:
            yield from of(pod)
    if len(failures) == len(pods):
        raise failures[0]
    for error in failures:
        ui.emit(Event(Kind.WARNING, "note", error.message))


def _merged(streams: Sequence[Iterator[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """Lines of all streams as they come."""
    lines: queue.Queue[tuple[str, str] | None] = queue.Queue(maxsize=1000)

    def read(stream: Iterator[tuple[str, str]]) -> None:
        for item in stream:
            lines.put(item)
        lines.put(None)

    for stream in streams:
        threading.Thread(target=read, args=(stream,), daemon=True).start()
    ended = 0
    while ended < len(streams):
        item = lines.get()
        if item is None:
            ended += 1
        else:
            yield item
