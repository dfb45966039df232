"""What became worse by an upgrade: each object that was synced before is read again, once the new controller had it.

The controllers write a condition's lastTransitionTime at the end of every reconciliation, and a new process reconciles
every object (docs/ack/messages.md#conditions): a time after the start of the new pod is the new controller's. What it
refuses without a condition is in its log alone (docs/ack/messages.md#only-in-the-log).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Protocol

from acksm import reports
from acksm.ack.kinds import KINDS
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.upgrade.record import Record, Was
from acksm.json_types import Manifest, Object
from acksm.kube import conditions
from acksm.kube.api import Discovery, Lister, LogReader, Reader
from acksm.kube.paths import Ref, ref
from acksm.live import controller_logs, served, synced
from acksm.live.crossing import EXPORT
from acksm.live.inventory import COMMON_KINDS
from acksm.live.inventory_objects import common_of
from acksm.live.managed import ADOPTED_CONDITION, ADOPTED_RESOURCE
from acksm.live.readiness import newest_of, of_newest, pods_of, selector_of
from acksm.live.running import Running
from acksm.live.unread import Unread, reason
from acksm.words import counted

QUIET_SECONDS = 90.0  # without a change of any object, the wait ends: what is retried is reported as it is
LOG_SECONDS = 3.0  # between two readings of the controller's log
# A FieldExport says only what fails: they are read so long after the objects, and longer the more there are.
EXPORT_SECONDS, EACH_EXPORT_SECONDS = 2.0, 0.1
NO_POD_SECONDS = 10.0  # a controller without a pod, as one that is scaled to zero, reconciles nothing
PAUSE_SECONDS, LONGEST_SECONDS = 0.2, 3.0
_KINDS = {kind: ref(kind) for kinds in KINDS.values() for kind in kinds} | {
    kind: Ref(f"{COMMON_GROUP}/v1alpha1", plural, kind) for kind, plural in COMMON_KINDS.items()
}


class Verdict(StrEnum):
    """`WAITS`: not decided yet. `GONE`: deleted or replaced since, which is no fault of the upgrade."""

    UNCHANGED = "unchanged"
    WORSE = "worse"
    WAITS = "waits"
    GONE = "gone"


@dataclass(frozen=True)
class Found:
    """An object as it is now. `reconciled`: by the new controller; `remedy` is "" where the message has none;
    `version` is its resourceVersion."""

    verdict: Verdict
    text: str = ""
    remedy: str = ""
    reconciled: bool = True
    version: str = ""


@dataclass
class Compared:
    """The result for one service. `unread`: what could not be compared, with the reason; `failed`: why the controller
    itself does not run, so that nothing was compared; `versions` are the resourceVersions of what was."""

    service: str
    before: str
    after: str
    worse: dict[Was, Found] = field(default_factory=dict)
    unchanged: list[Was] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    failed: str = ""
    versions: dict[Was, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """What is worse, each with its reason."""
        found = [f"{was}: {item.text}" for was, item in sorted(self.worse.items())]
        return [self.failed, *found] if self.failed else found

    def as_data(self) -> list[reports.WorseObject]:
        """What is worse, as the report has it."""
        found: list[reports.WorseObject] = [
            {"object": str(was), "service": self.service, "reason": item.text, "remedy": item.remedy}
            for was, item in sorted(self.worse.items())
        ]
        if self.failed:
            found.insert(0, {"object": "", "service": self.service, "reason": self.failed, "remedy": ""})
        return found

    def lines(self) -> list[str]:
        """What is worse, as text."""
        lines = [f"worse: controller of {self.service}: {self.failed}"] if self.failed else []
        for was, item in sorted(self.worse.items()):
            lines.append(f"worse: {was}: {item.text}")
            lines += [f"    remedy: {item.remedy}"] if item.remedy else []
        lines += [f"not checked: {note.removeprefix('not checked: ')}" for note in self.unread]
        if self.unchanged:
            lines.append(f"{self.service}: {counted(len(self.unchanged), 'object')} synced as before")
        return lines


class Cluster(Reader, LogReader, Protocol):
    """What the comparison reads."""


def observe(kube: Discovery, service: str, watches: Callable[[str], bool]) -> tuple[list[Was], list[str]]:
    """The objects of a service that are synced, in watched namespaces, and notes on what may not be listed."""
    unread, found = Unread(), list[Was]()
    crds = served.crds(kube)
    own = set(KINDS[service])
    for kind, at in _KINDS.items():
        if kind not in COMMON_KINDS and kind not in own:
            continue
        if f"{at.plural}.{at.api_version.partition('/')[0]}" not in crds:
            continue
        nothing: list[Object] = []
        items = unread.read(f"objects of kind {kind}", partial(kube.list, at), nothing)
        for item in items:
            metadata = item["metadata"]
            was = Was(kind, str(metadata.get("namespace", "")), str(metadata["name"]), str(metadata.get("uid", "")))
            if watches(was.namespace) and _is_of(item, kind, service, at) and _synced({"kind": kind, **item}, kind):
                found.append(was)
    return sorted(found), unread.notes


def _is_of(manifest: Object, kind: str, service: str, at: Ref) -> bool:
    return kind not in COMMON_KINDS or service in common_of(manifest, kind, at).services


def _synced(manifest: Manifest, kind: str) -> bool:
    if manifest["metadata"].get("deletionTimestamp"):
        return False
    if kind in COMMON_KINDS:
        return not _fails(manifest) and (kind != ADOPTED_RESOURCE or conditions.holds(manifest, ADOPTED_CONDITION))
    state = synced.judge(manifest, "")
    return state.synced and synced.failed_in_aws(state, "") is None


def _fails(manifest: Manifest) -> str:
    """The message of a condition that reports a failure, "" for none."""
    for name in (synced.TERMINAL, synced.RECOVERABLE):
        if conditions.holds(manifest, name):
            return conditions.describe(conditions.by_type(manifest)[name])
    return ""


def judge(manifest: Manifest | None, was: Was, since: datetime | None, earlier: str = "") -> Found:
    """An object of a service that was synced, as it is now. `since` is the new controller's start, None where it is
    not known; `earlier` the resourceVersion that the controller before it left. Pure."""
    if manifest is None or manifest["metadata"].get("deletionTimestamp"):
        return Found(Verdict.GONE)
    if was.uid and manifest["metadata"].get("uid") != was.uid:
        return Found(Verdict.GONE)
    if was.kind in COMMON_KINDS:
        text = _fails(manifest)
        if was.kind == ADOPTED_RESOURCE and not text and not conditions.holds(manifest, ADOPTED_CONDITION):
            text = f"{ADOPTED_CONDITION} is no longer true"
        return Found(Verdict.WORSE, text) if text else Found(Verdict.UNCHANGED)
    state = synced.judge(manifest, str(was))
    written = _newest(manifest)
    # times are whole seconds: what the earlier controller wrote may be of the second in which the new one started
    unwritten = earlier != "" and manifest["metadata"].get("resourceVersion") == earlier
    if since is None or written is None or written < since or unwritten:
        return Found(Verdict.WAITS, reconciled=False)
    failure = state.failure or (synced.failed_in_aws(state, str(was)) if state.synced else None)
    if failure is not None:
        return Found(Verdict.WORSE, failure.message, failure.remedy)
    if state.synced:
        return Found(Verdict.UNCHANGED)
    return Found(Verdict.WAITS, state.text or "not synced", state.trouble.remedy if state.trouble else "")


def _newest(manifest: Manifest) -> datetime | None:
    """The last time at which a condition was written."""
    written = [synced.moment(str(item.get("lastTransitionTime", ""))) for item in conditions.by_type(manifest).values()]
    return max((one for one in written if one is not None), default=None)


def started(kube: Lister, namespace: str, release: str) -> datetime | None:
    """When the newest pods of a controller started, by their node's clock, which is the controller's too; None where
    none runs."""
    newest = newest_of(kube.list(ref("ReplicaSet", namespace=namespace), selector=selector_of(release)))
    pods: Sequence[Manifest] = pods_of(kube, namespace, release)
    times = [synced.moment(_start(pod)) for pod in (of_newest(pods, newest) if newest is not None else pods)]
    return min((one for one in times if one is not None), default=None)


def _start(pod: Manifest) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    running = [((item.get("state") or {}).get("running") or {}).get("startedAt") for item in statuses]
    return str(next((one for one in running if one), ""))


def compare(
    kube: Cluster,
    deadline: Deadline,
    emit: Emit,
    record: Record,
    now: Running,
    earlier: Mapping[Was, str] = MappingProxyType({}),
) -> Compared:
    """Read every object of the record again, until the controller `now` has reconciled each, nothing has changed for
    QUIET_SECONDS, or the deadline is over. `earlier` are the resourceVersions that the controller before it left.
    Reads only. Error: `interrupted`.
    """
    result = Compared(record.service, record.before, record.after, unread=[*record.unread])
    if not now.has("synced-condition"):
        result.unread += [f"{was}: {now} writes no condition for it" for was in record.objects]
        return result
    waiting, found, log = list(record.objects), dict[Was, Found](), ""
    begun = changed = logged = deadline.elapsed
    pause = PAUSE_SECONDS
    while waiting:
        since = started(kube, now.namespace, now.release)
        fresh = _look(kube, waiting, since, log, earlier)
        if any((item.verdict, item.reconciled) != _kept(found.get(was)) for was, item in fresh.items()):
            changed = deadline.elapsed
        found |= fresh
        settled = deadline.elapsed - changed
        exports = EXPORT_SECONDS + EACH_EXPORT_SECONDS * sum(was.kind == EXPORT for was in waiting)
        waiting = [was for was in waiting if _waits(was, found[was], said=settled >= exports)]
        if not waiting or settled >= (QUIET_SECONDS if since else NO_POD_SECONDS) or deadline.remaining <= 0:
            break
        if deadline.stopped.is_set():
            raise AcksmError("interrupted", f"interrupted while reading what {now} reconciles")
        if deadline.elapsed - logged >= LOG_SECONDS and any(not found[was].reconciled for was in waiting):
            available = controller_logs.available(kube, [now], lines=synced.LOG_LINES)
            log, logged = "\n".join(item.text for item in available), deadline.elapsed
        text = f"{counted(len(waiting), 'object')} to be reconciled by {now.service} {now.version}"
        emit(Event(Kind.PROGRESS, "wait", text, {"elapsed": round(deadline.elapsed, 1)}))
        deadline.sleep(min(pause, max(deadline.remaining, 0.01)))
        pause = min(pause * 1.5, LONGEST_SECONDS)
    emit(Event(Kind.PROGRESS, "wait", ""))
    result.versions = {was: item.version for was, item in found.items()}
    late = f"not reconciled by {now.service} {now.version} within {deadline.elapsed - begun:.0f} s"
    for was, item in sorted(found.items()):
        if item.verdict is Verdict.UNCHANGED:
            result.unchanged.append(was)
        elif item.verdict is Verdict.WORSE or (item.verdict is Verdict.WAITS and item.reconciled):
            result.worse[was] = item
        elif item.verdict is Verdict.WAITS:
            result.unread.append(f"{was}: {item.text or late}")
    return result


def _look(
    kube: Cluster, waiting: Sequence[Was], since: datetime | None, log: str, earlier: Mapping[Was, str]
) -> dict[Was, Found]:
    """Each of them as it is now; one that could not be read waits, with the reason."""
    found: dict[Was, Found] = {}
    for kind in dict.fromkeys(was.kind for was in waiting):
        some = [was for was in waiting if was.kind == kind]
        at = {was: replace(_KINDS[kind], name=was.name, namespace=was.namespace) for was in some}
        try:
            live = synced.look(kube, list(at.values()))
        except AcksmError as error:
            found |= dict.fromkeys(some, Found(Verdict.WAITS, f"{error.id}: {reason(error)}", reconciled=False))
            continue
        for was in some:
            item = live[at[was]]
            version = str(item["metadata"].get("resourceVersion", "")) if item else ""
            found[was] = replace(judge(item, was, since, earlier.get(was, "")), version=version)
            if log and item is not None and not found[was].reconciled:
                silent = synced.silent_failure(log, at[was], item)
                found[was] = Found(Verdict.WORSE, silent.message, silent.remedy) if silent else found[was]
    return found


def _kept(item: Found | None) -> tuple[Verdict, bool] | None:
    return (item.verdict, item.reconciled) if item else None


def _waits(was: Was, item: Found, *, said: bool) -> bool:
    """Whether it has to be read again; `said`: the controller had the time to say what fails of FieldExports."""
    if was.kind == EXPORT and item.verdict is not Verdict.GONE:
        return not said
    return item.verdict is Verdict.WAITS
