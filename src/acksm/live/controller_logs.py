"""The controllers' own logs, of the current run and of one that crashed before it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm.dataclass import dataclass
from acksm.json_types import Manifest
from acksm.kube.api import LogReader
from acksm.live import symptoms
from acksm.live.readiness import pods_of
from acksm.live.running import Running
from acksm.live.symptoms import Found
from acksm.live.unread import unless_forbidden

LINES = 500


@dataclass(frozen=True)
class PodLog:
    """The end of one container's log. `previous`: of the run before, which ended. `text` is "" when it has none."""

    service: str
    namespace: str
    pod: str
    previous: bool
    text: str


def read(kube: LogReader, controllers: Sequence[Running], *, lines: int = LINES) -> list[PodLog]:
    """The last `lines` of each pod of `controllers`, the run that crashed first. Errors: `kube-…` of the list of pods,
    and `kube-forbidden` of a log; one that is not available is omitted."""
    requests = [
        (item, pod, previous)
        for item in controllers
        for pod in pods_of(kube, item.namespace, item.release)
        for previous in (True, False)
        if not previous or _restarted(pod)
    ]
    if not requests:
        return []

    def one(what: tuple[Running, Manifest, bool]) -> PodLog:
        item, pod, previous = what
        name = str(pod["metadata"]["name"])
        text = kube.logs(item.namespace, name, container_of(pod), previous=previous, lines=lines)
        return PodLog(item.service, item.namespace, name, previous, text)

    with ThreadPoolExecutor(max_workers=8) as pool:
        return [log for log in pool.map(one, requests) if log.text]


def available(kube: LogReader, controllers: Sequence[Running], *, lines: int = LINES) -> list[PodLog]:
    """As `read`; [] where this identity may not read the controllers' pods."""
    return unless_forbidden(lambda: read(kube, controllers, lines=lines), [])


def _restarted(pod: Manifest) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any(int(item.get("restartCount") or 0) for item in statuses)


def container_of(pod: Manifest) -> str:
    """The container with a controller's image; a service mesh may add others."""
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    named = [item for item in containers if "-controller" in str(item.get("image", "")).rpartition("/")[2]]
    return str((named or containers)[0].get("name") or "controller")


def symptoms_of(logs: Sequence[PodLog], object: str = "") -> list[Found]:
    """Symptoms of these logs, each once for each object ("Kind namespace/name"); with `object` only those about it."""
    return symptoms.merged(found for log in logs for found in symptoms.of_log(log.text, object))
