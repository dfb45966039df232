"""Waiting for adoptions: all of them by one list of each kind, and by the controllers' logs where objects stay silent.

An adoption that fails often says so nowhere but in the controller's log: what is not found where the controller looks,
selectors that overlap, a region or account that drifted (ack-facts.md §2.4, §2.5; community#3005).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from acksm.engine.waits import HEARTBEAT_SECONDS, Deadline
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind as EventKind, silent
from acksm.guide.adopt_place import Way
from acksm.guide.adopt_plan import Adoption
from acksm.guide.managed import ADOPTED
from acksm.guide.running import Running
from acksm.kube.client import Kube
from acksm.kube.paths import Ref, ref

PATIENCE_SECONDS = 30.0  # an error that a controller has not got over by then is told; IAM settles in that time
LOG_AFTER_SECONDS, LOG_EVERY_SECONDS = 2.0, 4.0
LOG_LINES = 2000
FEW = 4
SYNCED, READY, TERMINAL, RECOVERABLE = "ACK.ResourceSynced", "Ready", "ACK.Terminal", "ACK.Recoverable"
ADOPTED_CONDITION = "ACK.Adopted"
# What a log line means, and what puts it right (ack-facts.md §4.4); the first that fits holds.
CAUSES: tuple[tuple[str, str], ...] = (
    (r"adopted resource not found|resource not found", "adopt-not-found-there"),
    (r"multiple \(\d+\) matching IAMRoleSelectors", "adopt-selectors"),
    (r"Resource already exists in (region|account)", "adopt-drift"),
    (r"resource manager factory not found|resource not adoptable", "adopt-not-adoptable"),
)

Json = Mapping[str, Any]


class State(StrEnum):
    """Of one adoption. `WRITTEN`: the object is made, and nothing was waited for."""

    PLANNED = "planned"
    WRITTEN = "written"
    WAITING = "waiting"
    ADOPTED = "adopted"
    UP_TO_DATE = "up-to-date"
    FAILED = "failed"


@dataclass
class Result:
    """What became of an adoption. `error` for a failed one; `text` is the last thing that its conditions said."""

    item: Adoption
    state: State = State.PLANNED
    text: str = ""
    error: AcksmError | None = None
    manifest: Json = field(default_factory=dict)

    @property
    def conditions(self) -> list[dict[str, Any]]:
        return list((self.manifest.get("status") or {}).get("conditions") or [])

    def fail(self, id: str, message: str) -> None:
        self.state = State.FAILED
        self.error = AcksmError(id, message, where=str(self.item))


@dataclass(frozen=True)
class Seen:
    """One look: `done`, or `problem` (an error that may pass), or `terminal` (one that will not)."""

    done: bool = False
    text: str = ""
    problem: str = ""
    terminal: str = ""


def condition(manifest: Json, kind: str) -> Json:
    """A condition of the object; {} when it has none of that type."""
    found = (manifest.get("status") or {}).get("conditions") or []
    return next((item for item in found if item.get("type") == kind), {})


def told(item: Json) -> str:
    """A condition's message and reason."""
    return ": ".join(str(item[key]) for key in ("message", "reason") if item.get(key))


def judge(item: Adoption, manifest: Json | None, helper: Json | None) -> Seen:
    """Whether the object is adopted, and what its conditions say. Pure."""
    if helper is not None:
        adopted = condition(helper, ADOPTED_CONDITION)
        if adopted.get("status") == "False":
            return Seen(problem=told(adopted) or "not adopted")
    if manifest is None:
        return Seen(text="not there yet" if item.place.way is Way.ANNOTATIONS else "not made by the controller yet")
    notes = (manifest["metadata"].get("annotations") or {}) if manifest else {}
    conditions = (manifest.get("status") or {}).get("conditions") or []
    synced = condition(manifest, SYNCED) or condition(manifest, READY)
    managed = f"finalizers.{item.kind.group}/{item.kind.name}" in (manifest["metadata"].get("finalizers") or ())
    if managed and notes.get(ADOPTED) == "true" and (conditions or not item.place.controller.has("synced-condition")):
        ended = condition(manifest, TERMINAL)
        return Seen(True, told(ended if ended.get("status") == "True" else synced))
    for kind in (TERMINAL, RECOVERABLE):
        found = condition(manifest, kind)
        if found.get("status") == "True":
            return Seen(terminal=told(found)) if kind == TERMINAL else Seen(problem=told(found))
    if synced.get("status") in {"False", "Unknown"}:
        return Seen(problem=told(synced))
    return Seen(text="not looked at by the controller yet")


@dataclass(frozen=True)
class LogError:
    """An error line of a controller's log about one object."""

    kind: str
    namespace: str
    name: str
    error: str


def log_errors(text: str) -> list[LogError]:
    """Errors about objects in a controller's log, JSON or development form, the oldest first."""
    found = []
    for line in text.splitlines():
        start = line.find("{")
        if start < 0 or '"error"' not in line:
            continue
        try:
            fields = json.loads(line[start:])
        except ValueError:
            continue
        if isinstance(fields, dict) and fields.get("error"):
            kind = str(fields.get("controllerKind") or fields.get("kind") or "")
            namespace, name = str(fields.get("namespace", "")), str(fields.get("name", ""))
            found.append(LogError(kind, namespace, name, str(fields["error"])))
    return found


def cause(error: str) -> str:
    """The id of what a log's error means."""
    return next((entry for pattern, entry in CAUSES if re.search(pattern, error)), "adopt-failing")


def read_logs(kube: Kube, controllers: Iterable[Running], seconds: int) -> list[LogError]:
    """The errors of the last `seconds` in the logs of these controllers' pods."""
    found = []
    for item in controllers:
        selector = f"app.kubernetes.io/instance={item.release}"
        for pod in kube.list(ref("Pod", namespace=item.namespace), selector=selector):
            name = str(pod["metadata"]["name"])
            for container in ((pod.get("spec") or {}).get("containers") or [])[:1]:
                text = kube.logs(item.namespace, name, str(container["name"]), lines=LOG_LINES, since=seconds)
                found += log_errors(text)
    return found


@dataclass
class Wait:
    """The wait for many. `look_back`: so many seconds of the log count from before it began."""

    kube: Kube
    results: Sequence[Result]
    deadline: Deadline
    emit: Emit = silent
    look_back: float = 0.0

    def run(self) -> None:
        """Until every result is adopted or failed, or time is over; then what is left is `waiting`."""
        began, since = self.deadline.elapsed, dict[int, float]()
        pause, said, said_at, read_at = 0.15, "", began, began
        while waiting := [item for item in self.results if item.state is State.WAITING]:
            self._look(waiting, since)
            left = [item for item in waiting if item.state is State.WAITING]
            now = self.deadline.elapsed
            if left and now - began >= LOG_AFTER_SECONDS and now - read_at >= LOG_EVERY_SECONDS:
                self._logs(left, int(now - began + self.look_back) + 5)
                read_at = now
            text = self._said()
            if text != said or self.deadline.elapsed - said_at >= HEARTBEAT_SECONDS:
                self.emit(Event(EventKind.PROGRESS, "wait", text))
                said, said_at = text, self.deadline.elapsed
            if not left or self.deadline.remaining <= 0:
                break
            self.deadline.sleep(min(pause, max(self.deadline.remaining, 0.01)))
            pause = min(pause * 1.4, 1.5)
        self.emit(Event(EventKind.PROGRESS, "wait", ""))

    def _said(self) -> str:
        adopted, failed = (sum(one.state is state for one in self.results) for state in (State.ADOPTED, State.FAILED))
        if len(self.results) == 1:
            return f"{self.results[0].item}: {self.results[0].text or 'waiting for the controller'}"
        return f"{adopted} of {len(self.results)} adopted" + (f", {failed} failed" if failed else "")

    def _look(self, waiting: Sequence[Result], since: dict[int, float]) -> None:
        objects, helpers = _read(self.kube, [item.item for item in waiting])
        for result in waiting:
            target = result.item.target
            manifest = objects.get(target.path)
            seen = judge(result.item, manifest, helpers.get(result.item.helper.path))
            result.manifest, result.text = manifest or {}, seen.text or seen.problem or seen.terminal
            if seen.done:
                result.state = State.ADOPTED
            elif seen.terminal:
                result.fail("adopt-terminal", seen.terminal)
            elif seen.problem:
                first = since.setdefault(id(result), self.deadline.elapsed)
                if self.deadline.elapsed - first >= PATIENCE_SECONDS:
                    result.fail(cause(seen.problem), seen.problem)
            else:
                since.pop(id(result), None)

    def _logs(self, left: Sequence[Result], seconds: int) -> None:
        """Objects without a condition whose controller logs errors about them."""
        quiet = [item for item in left if not item.conditions]
        controllers = {(one.namespace, one.release): one for one in (item.item.place.controller for item in quiet)}
        by_object: dict[tuple[str, str, str], str] = {}
        for error in read_logs(self.kube, controllers.values(), seconds) if quiet else []:
            by_object[error.kind.lower(), error.namespace, error.name] = error.error
        for result in quiet:
            target = result.item.target
            keys = [(one.kind.lower(), one.namespace, one.name) for one in (target, result.item.helper)]
            found = next((by_object[key] for key in keys if key in by_object), "")
            if found:
                place = result.item.place
                where = (
                    f" (it looked in {result.item.region} of account {place.account})" if "not found" in found else ""
                )
                result.fail(cause(found), f"the log of {place.controller}: {found}{where}")


def _read(kube: Kube, items: Sequence[Adoption]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The objects and the AdoptedResources of these adoptions by path: a few one by one, many by lists."""
    helpers = {item.helper.path: item.helper for item in items if item.place.way is Way.ADOPTED_RESOURCE}
    wanted = {item.target.path: item.target for item in items} | helpers
    if len(wanted) <= FEW:
        got = {path: kube.get(where) for path, where in wanted.items()}
        found = {path: manifest for path, manifest in got.items() if manifest is not None}
    else:
        places: dict[Ref, set[str]] = {}
        for one in wanted.values():
            places.setdefault(replace(one, name="", namespace=""), set()).add(one.namespace)
        lists = [
            replace(kind, namespace=name)
            for kind, names in places.items()
            for name in (names if len(names) <= FEW else [""])
        ]
        with ThreadPoolExecutor(max_workers=FEW) as pool:
            found = {
                replace(kind, name=item["metadata"]["name"], namespace=item["metadata"].get("namespace", "")).path: item
                for kind, listed in zip(lists, pool.map(kube.list, lists), strict=True)
                for item in listed
            }
    return (
        {path: item for path, item in found.items() if path not in helpers},
        {path: item for path, item in found.items() if path in helpers},
    )
