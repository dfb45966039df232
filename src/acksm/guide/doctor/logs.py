"""`acksm logs`: what a controller writes, redacted as in the support bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acksm import reports
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.doctor import following, redaction
from acksm.guide.doctor.following import Request, lines_of
from acksm.json_types import Object
from acksm.kube.api import LogStreamer
from acksm.kube.paths import ref
from acksm.live import discovery
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings


def run(at: TargetSettings, run: RunSettings, ui: Output, request: Request) -> int:
    """Print the log; with --follow until Ctrl-C, which is exit code 130 and no error.

    Errors: `logs-controller`, `logs-pod`, kube-…
    """
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
        lines = (
            following.lines(target.kube, pods_now, request, ui) if follow else _lines(target.kube, pods, request, ui)
        )
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
    """Pod and line, one pod after the other. A pod without a log is a warning; its error is raised where no pod has
    one."""
    failures: list[AcksmError] = []
    for pod in pods:
        try:
            yield from lines_of(kube, pod, request)
        except AcksmError as error:
            failures.append(error)
    if len(failures) == len(pods):
        raise failures[0]
    for failure in failures:
        ui.emit(Event(Kind.WARNING, "note", failure.message))
