"""Wait for adoptions: all of them by one list of each kind, and by the controllers' logs for silent objects.

A failed adoption is often only in the controller's log: a resource that is not found, selectors that overlap, a region
or account that changed (docs/ack/messages.md#only-in-the-log).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from acksm.catalog import lookup
from acksm.dataclass import dataclass
from acksm.engine.waits import HEARTBEAT_SECONDS, Deadline, rested
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind as EventKind, silent
from acksm.guide.adopt.placement import Method
from acksm.guide.adopt.plan import Adoption
from acksm.json_types import Json, Manifest
from acksm.kube import conditions
from acksm.kube.api import LogReader, Reader
from acksm.live import controller_logs, symptoms
from acksm.live.managed import ADOPTED, ADOPTED_CONDITION
from acksm.live.symptoms import Symptom
from acksm.live.synced import RECOVERABLE, SYNCED, TERMINAL, look, moment

PATIENCE_SECONDS = 30.0  # an error that lasts longer is reported; IAM is consistent within that time
LOG_AFTER_SECONDS, LOG_EVERY_SECONDS = 2.0, 4.0
LOG_LINES = 3000
READY = "Ready"
# The symptom in a log or condition -> what it means for an adoption
CAUSES = {
    "symptom.adopted-not-found": "adopt-not-found-there",
    "symptom.selectors-overlap": "adopt-selectors",
    "symptom.region-moved": "adopt-drift",
    "symptom.account-moved": "adopt-drift",
    "symptom.adoption-kind": "adopt-not-adoptable",
    "symptom.not-adoptable": "adopt-not-adoptable",
}


class State(StrEnum):
    """Of one adoption. `WRITTEN`: the object is created, without a wait."""

    PLANNED = "planned"
    WRITTEN = "written"
    WAITING = "waiting"
    ADOPTED = "adopted"
    UP_TO_DATE = "up-to-date"
    FAILED = "failed"


@dataclass
class Result:
    """The result of an adoption. `error` for a failed one; `text` is the latest message of its conditions; `manifest`
    has the object's spec and status."""

    item: Adoption
    state: State = State.PLANNED
    text: str = ""
    error: AcksmError | None = None
    manifest: Manifest = field(default_factory=dict)
    born: str = ""

    @property
    def conditions(self) -> list[Json]:
        return conditions.listed(self.manifest)

    def fail(self, id: str, message: str, symptom: Symptom | None = None) -> None:
        """Fail; with the symptom's remedy, unless the error id has its own."""
        self.state = State.FAILED
        own = symptom is None or symptom.id in CAUSES
        remedy = "" if symptom is None or own else lookup(symptom.id).remedy
        details = {"symptom": symptom.id} if symptom else {}
        self.error = AcksmError(id, message, where=str(self.item), remedy=remedy, details=details)

    def fail_by(self, text: str, location: symptoms.Location, message: str = "") -> None:
        """Fail with the message of a condition or log."""
        symptom = symptoms.match(text, location)
        found = CAUSES.get(symptom.id, "adopt-failing") if symptom else "adopt-failing"
        if found == "adopt-failing" and text in {"resource not found"}:  # an AdoptedResource's message for it
            found = "adopt-not-found-there"
        self.fail(found, message or text, symptom)


@dataclass(frozen=True)
class Progress:
    """One observation: `done`, or `problem` (an error that is retried), or `terminal` (one that is not), or that it
    adopted another AWS resource."""

    done: bool = False
    text: str = ""
    problem: str = ""
    terminal: str = ""
    other: str = ""


def judge(item: Adoption, manifest: Manifest | None, helper: Manifest | None) -> Progress:
    """Whether the object is adopted, and what its conditions say. Pure."""
    if helper is not None:
        adopted = conditions.by_type(helper).get(ADOPTED_CONDITION, {})
        if adopted.get("status") == "False":
            return Progress(problem=conditions.describe(adopted) or "not adopted")
    if manifest is None:
        return Progress(
            text="does not exist yet"
            if item.location.method is Method.ANNOTATIONS
            else "not created by the controller yet"
        )
    notes = (manifest["metadata"].get("annotations") or {}) if manifest else {}
    by_type = conditions.by_type(manifest)
    synced = by_type.get(SYNCED) or by_type.get(READY) or {}
    managed = f"finalizers.{item.kind.group}/{item.kind.name}" in (manifest["metadata"].get("finalizers") or ())
    arn = arn_of(manifest)
    if _is_another(item, arn):
        return Progress(other=f"the controller adopted {arn} instead of {item.found.arn}")
    taken = notes.get(ADOPTED) == "true" or (item.request.creates and arn)
    if managed and taken and (by_type or not item.location.controller.has("synced-condition")):
        ended = by_type.get(TERMINAL, {})
        return Progress(True, conditions.describe(ended if ended.get("status") == "True" else synced))
    for kind in (TERMINAL, RECOVERABLE):
        found = by_type.get(kind, {})
        if found.get("status") == "True":
            return (
                Progress(terminal=conditions.describe(found))
                if kind == TERMINAL
                else Progress(problem=conditions.describe(found))
            )
    if synced.get("status") in {"False", "Unknown"}:
        return Progress(problem=conditions.describe(synced))
    return Progress(text="not reconciled by the controller yet")


def arn_of(manifest: Manifest) -> str:
    """The ARN in an object's status, "" for none."""
    return str(((manifest.get("status") or {}).get("ackResourceMetadata") or {}).get("arn") or "")


def _is_another(item: Adoption, arn: str) -> bool:
    """Whether the object has the ARN of another resource of its kind; some controllers make up ARNs of other forms."""
    desired, other = item.found.arn.lower(), arn.lower()
    own = f":{item.kind.arn_kind}".lower()
    return desired != other and all(own in text for text in (desired, other))


@dataclass(frozen=True)
class LogError:
    """An error line of a controller's log about one object ("Kind namespace/name"), and when it was written."""

    object: str
    text: str
    time: str


def log_errors(text: str) -> list[LogError]:
    """Errors about objects in a controller's log, the oldest first."""
    lines = (symptoms.parse(raw) for raw in text.splitlines() if '"error"' in raw)
    return [LogError(line.object, line.text, line.time) for line in lines if line.object and line.level == "error"]


def is_older(time: str, born: str) -> bool:
    """Whether a log line is older than the object: it is about an earlier object of that name."""
    one, other = moment(time), moment(born)
    return one is not None and other is not None and one < other


class Cluster(Reader, LogReader, Protocol):
    """What the wait needs."""


@dataclass
class Wait:
    """The wait for many."""

    kube: Cluster
    results: Sequence[Result]
    deadline: Deadline
    emit: Emit = silent

    def run(self) -> None:
        """Wait until every result is adopted or failed, or the deadline; then what is left is `waiting`."""
        began, since = self.deadline.elapsed, dict[int, float]()
        pause, reported, reported_at, read_at = 0.15, "", began, began
        while waiting := [item for item in self.results if item.state is State.WAITING]:
            looked_at = self.deadline.elapsed
            self._observe(waiting, since)
            took = self.deadline.elapsed - looked_at
            left = [item for item in waiting if item.state is State.WAITING]
            now = self.deadline.elapsed
            if left and now - began >= LOG_AFTER_SECONDS and now - read_at >= LOG_EVERY_SECONDS:
                self._logs(left)
                read_at = now
            text = self._progress_text()
            if text != reported or self.deadline.elapsed - reported_at >= HEARTBEAT_SECONDS:
                self.emit(Event(EventKind.PROGRESS, "wait", text))
                reported, reported_at = text, self.deadline.elapsed
            if not left or self.deadline.remaining <= 0:
                break
            if self.deadline.stopped.is_set():
                raise AcksmError("interrupted", f"stopped while waiting for {len(left)} adoptions", where=text)
            self.deadline.sleep(min(max(pause, rested(took)), max(self.deadline.remaining, 0.01)))
            pause = min(pause * 1.4, 1.5)
        self.emit(Event(EventKind.PROGRESS, "wait", ""))

    def _progress_text(self) -> str:
        adopted, failed = (sum(one.state is state for one in self.results) for state in (State.ADOPTED, State.FAILED))
        if len(self.results) == 1:
            return f"{self.results[0].item}: {self.results[0].text or 'waiting for the controller'}"
        return f"{adopted} of {len(self.results)} adopted" + (f", {failed} failed" if failed else "")

    def _observe(self, waiting: Sequence[Result], since: dict[int, float]) -> None:
        items = [result.item for result in waiting]
        helpers = [item.helper for item in items if item.location.method is Method.ADOPTED_RESOURCE]
        for result in waiting:
            result.manifest = {}  # thousands are not kept beside their next state
        live = look(self.kube, [*(item.target for item in items), *helpers])
        for result in waiting:
            manifest, helper = live.get(result.item.target), live.get(result.item.helper)
            progress = judge(result.item, manifest, helper)
            result.manifest = {key: (manifest or {}).get(key) for key in ("spec", "status")}
            result.text = progress.text or progress.problem or progress.terminal or progress.other
            result.born = str(((helper or manifest or {}).get("metadata") or {}).get("creationTimestamp") or "")
            if progress.done:
                result.state = State.ADOPTED
            elif progress.other:
                result.fail("adopt-other-resource", progress.other)
            elif progress.terminal:
                result.fail(
                    "adopt-terminal", progress.terminal, symptoms.match(progress.terminal, symptoms.Location.CONDITION)
                )
            elif progress.problem:
                first = since.setdefault(id(result), self.deadline.elapsed)
                if self.deadline.elapsed - first >= PATIENCE_SECONDS:
                    result.fail_by(progress.problem, symptoms.Location.CONDITION)
            else:
                since.pop(id(result), None)

    def _logs(self, left: Sequence[Result]) -> None:
        """Fail objects without a condition about which their controller logs errors."""
        quiet = [item for item in left if not item.conditions]
        controllers = list(
            {(one.namespace, one.release): one for one in (q.item.location.controller for q in quiet)}.values()
        )
        by_object: dict[str, LogError] = {}
        for log in controller_logs.available(self.kube, controllers, lines=LOG_LINES) if quiet else []:
            by_object |= {error.object: error for error in log_errors(log.text)}
        for result in quiet:
            errors = [by_object.get(str(one)) for one in (result.item.target, result.item.helper)]
            found = next((error for error in errors if error and not is_older(error.time, result.born)), None)
            if found:
                location = result.item.location
                where = (
                    f" (searched in {result.item.region} of account {location.account})"
                    if "not found" in found.text
                    else ""
                )
                message = f"the log of {location.controller}: {found.text}{where}"
                result.fail_by(found.text, symptoms.Location.LOG, message)
