"""Whether an ACK object is synced: its conditions, read and waited for.

Some failures are in the controllers' log only (docs/ack/messages.md#only-in-the-log). Messages in both are looked up in
the table of symptoms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from acksm.ack.kinds import KINDS, Kind
from acksm.catalog import lookup
from acksm.dataclass import dataclass
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.api import Getter, Keep, LogReader, Reader
from acksm.kube.keys import unmanaged
from acksm.kube.paths import Ref, ref
from acksm.live import bindings, controller_logs, symptoms
from acksm.live.running import Running
from acksm.live.symptoms import Location, Symptom

SYNCED, TERMINAL, RECOVERABLE = "ACK.ResourceSynced", "ACK.Terminal", "ACK.Recoverable"
# A recoverable failure that lasts so long is reported as the failure. Controllers retry after 5 ms, then twice that, so
# it was retried a dozen times; a new role is propagated before.
PERSISTENT_SECONDS = 45.0
LOG_LINES = 3000
LOG_SECONDS = 3.0  # an object that is not synced by then may have its reason in the log only
# A condition that was true before a change of the object remains until the controller reconciles it.
STALE_SECONDS = 10.0
ONE_BY_ONE = 3  # objects of a kind that are read one by one; more are taken from lists


@dataclass(frozen=True)
class State:
    """What an object reports. `text` is for people. `failure` does not end by waiting; `trouble` may.

    `aws` is the state in AWS ("InService"), "" for a kind without one; `reason` why it failed there.
    """

    synced: bool
    text: str
    failure: AcksmError | None = None
    trouble: AcksmError | None = None
    aws: str = ""
    reason: str = ""


def judge(manifest: Manifest | None, where: str) -> State:
    """The state of an object; None: it does not exist. `where` names it in errors."""
    if manifest is None:
        return State(False, "does not exist")
    status = manifest.get("status") or {}
    reported = conditions.by_type(manifest)
    aws, reason = _in_aws(str(manifest.get("kind")), status)
    if conditions.holds(manifest, TERMINAL):
        text = conditions.describe(reported[TERMINAL])
        text = f"{text} ({reason})" if reason and reason not in text else text
        return State(False, text, failure=_by_condition("object-terminal", text, where), aws=aws, reason=reason)
    if conditions.holds(manifest, RECOVERABLE):
        text = conditions.describe(reported[RECOVERABLE])
        return State(False, text, trouble=_by_condition("object-recoverable", text, where), aws=aws, reason=reason)
    synced = reported.get(SYNCED)
    if synced is None:
        # Runtimes before 0.18 have no such condition; later ones write it together with the ARN.
        done = bool((status.get("ackResourceMetadata") or {}).get("arn")) and not _busy(str(manifest.get("kind")), aws)
        return State(done, aws or ("synced" if done else "waiting for the controller"), aws=aws)
    text = conditions.describe(synced) or aws
    if conditions.holds(manifest, SYNCED):
        return State(True, text, aws=aws, reason=reason)
    trouble = _by_condition("object-recoverable", text, where)
    trouble_known = trouble if "symptom" in trouble.details else None
    return State(False, text, trouble=trouble_known, aws=aws, reason=reason)


def failed_in_aws(state: State, where: str) -> AcksmError | None:
    """The error of a synced object whose AWS resource failed."""
    if not state.aws.endswith("Failed"):
        return None
    return AcksmError("object-failed", f"AWS reports {state.aws}: {state.reason or 'no reason given'}", where=where)


def _error(name: str, text: str, where: str, symptom: Symptom | None) -> AcksmError:
    """The error `name`, with the symptom's remedy where there is one."""
    if symptom is None:
        return AcksmError(name, text[:2000] or "no message", where=where)
    entry = lookup(symptom.id)
    details = {"symptom": symptom.id, "diff": [f"{symptom.id}: {entry.title}"]}
    return AcksmError(name, text[:2000], where=where, remedy=entry.remedy, details=details)


def _by_condition(name: str, text: str, where: str) -> AcksmError:
    return _error(name, text, where, symptoms.match(text, Location.CONDITION))


def _kind(name: str) -> Kind | None:
    return next((kinds[name] for kinds in KINDS.values() if name in kinds), None)


def _in_aws(kind: str, status: Manifest) -> tuple[str, str]:
    """State and reason as the object's status has them."""
    known = _kind(kind)
    field = known.status if known else ""
    return str(status.get(field[:1].lower() + field[1:], "")) if field else "", str(status.get("failureReason", ""))


def _busy(kind: str, aws: str) -> bool:
    known = _kind(kind)
    return known is not None and aws in known.busy


def look(kube: Reader, desired: Sequence[Ref], keep: Keep = unmanaged) -> dict[Ref, Manifest | None]:
    """The current objects, None for what does not exist. Many of one kind are read by a list of each
    namespace, or of all when these are many, of which `keep` says what is kept."""
    kinds: dict[Ref, list[Ref]] = {}
    for one in desired:
        kinds.setdefault(replace(one, name="", namespace=""), []).append(one)

    def read(kind: Ref) -> dict[Ref, Manifest | None]:
        some = kinds[kind]
        if len(some) <= ONE_BY_ONE:
            return {one: kube.get(one) for one in some}
        locations = {one.namespace for one in some}
        found: dict[Ref, Manifest | None] = dict.fromkeys(some)
        for location in locations if len(locations) <= bindings.FEW else {""}:
            for item in kube.list(replace(kind, namespace=location), keep=keep):
                metadata = item["metadata"]
                one = replace(kind, name=str(metadata["name"]), namespace=str(metadata.get("namespace") or location))
                if one in found:
                    found[one] = {"kind": kind.kind, **item}
        return found

    with ThreadPoolExecutor(max_workers=8) as pool:
        found: dict[Ref, Manifest | None] = {}
        for part in pool.map(read, kinds):
            found |= part
        return found


# What the logs report of an object and its conditions do not, as an error; None for nothing.
Silent = Callable[[Ref, Manifest], AcksmError | None]


def no_log(_one: Ref, _manifest: Manifest) -> AcksmError | None:
    """A `Silent` that reads no logs."""
    return None


def log_reader(kube: LogReader, controllers: Sequence[Running]) -> Silent:
    """A `Silent` over the logs of the controllers that watch the object's namespace."""

    def read(one: Ref, manifest: Manifest) -> AcksmError | None:
        service = one.api_version.partition(".")[0]
        fitting = [item for item in controllers if item.service == service and item.watches(one.namespace)]
        logs = controller_logs.available(kube, fitting, lines=LOG_LINES)
        return silent_failure("\n".join(log.text for log in logs), one, manifest)

    return read


def silent_failure(log: str, one: Ref, manifest: Manifest) -> AcksmError | None:
    """The newest symptom of an object that is reported in logs only. Lines from before its creation are about another
    object of its name."""
    created = moment(str(manifest["metadata"].get("creationTimestamp", "")))

    def is_new(raw: str) -> bool:
        written = moment(symptoms.parse(raw).time)
        return created is None or written is None or written >= created

    about = "\n".join(raw for raw in log.splitlines() if one.name in raw and is_new(raw))
    found = [item for item in symptoms.of_log(about, str(one)) if Location.CONDITION not in item.symptom.locations]
    return _error("object-silent", found[-1].text, str(one), found[-1].symptom) if found else None


def moment(text: str) -> datetime | None:
    """A time in whole seconds, as Kubernetes and both of zap's encoders write it."""
    try:
        if text.replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(int(float(text)), UTC)
        return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


@dataclass
class Waiter:
    """Waits for objects. `_applied` has the version after a change of this command, by object."""

    kube: Getter
    deadline: Deadline
    emit: Emit = silent
    silent_failure: Silent = no_log

    def __post_init__(self) -> None:
        self._applied: dict[Ref, str] = {}

    def note(self, one: Ref, manifest: Manifest) -> None:
        """`manifest` is the object after a change of this command: it is synced only once the controller has reconciled
        it."""
        self._applied[one] = str(manifest["metadata"].get("resourceVersion", ""))

    def wait(self, kind: str, namespace: str, name: str) -> State:
        """Until the object is synced. Errors: ``object-…`` with the controller's message, `timed-out`."""
        one = ref(kind, name, namespace)
        began, since, last = self.deadline.elapsed, self.deadline.elapsed, State(False, "")

        def check() -> Progress:
            nonlocal since, last
            manifest = self.kube.get(one)
            state = judge(manifest, str(one))
            now = self.deadline.elapsed
            if (state.trouble and state.trouble.message) != (last.trouble and last.trouble.message):
                since = now
            last = state
            if state.failure or state.synced:
                fresh = manifest is None or self._is_fresh(one, manifest) or now - began >= STALE_SECONDS
                failure = state.failure if fresh else None
                return Progress(state.synced and fresh, state.text, failure)
            if state.trouble and now - since >= PERSISTENT_SECONDS:
                return Progress(False, state.text, state.trouble)
            if manifest is not None and now - began >= LOG_SECONDS:
                return Progress(False, state.text, self.silent_failure(one, manifest))
            return Progress(False, state.text)

        try:
            wait_until(check, self.deadline, what=str(one), emit=self.emit, longest_pause=1.5)
        except AcksmError as error:
            if error.id == "timed-out" and last.trouble:
                raise last.trouble from error
            raise
        return last

    def _is_fresh(self, one: Ref, manifest: Manifest) -> bool:
        return self._applied.get(one) != str(manifest["metadata"].get("resourceVersion", ""))
