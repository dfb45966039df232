"""The calls of a cleanup's changes: each reads its object again before it writes, as the plan may be minutes old."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from acksm.ack.kinds import KINDS
from acksm.aws import objects
from acksm.aws.account import Aws
from acksm.dataclass import dataclass
from acksm.engine import lease
from acksm.engine.waits import REST, Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind as EventKind, silent
from acksm.json_types import Document, Manifest, Object
from acksm.kube import conditions, contents
from acksm.kube.api import Discovery, Editor, Follower, LogReader, Reviewer
from acksm.kube.contents import Contents, Everything
from acksm.kube.keys import ANNOTATIONS, TRIES, values_at
from acksm.kube.owners import is_owned
from acksm.kube.paths import Ref, ref
from acksm.live import bindings, controller_logs, deleted, discovery, synced
from acksm.live.inventory_objects import POLICY, RETAIN, is_ack_finalizer
from acksm.live.readiness import INSTANCE_LABEL
from acksm.words import counted

LOG_LINES = 2000
FRESH_SECONDS = 1.0
MAX_SHOWN = 5  # stuck objects shown in full, and lines of the log for each


class Cluster(Reviewer, Discovery, Follower, LogReader, Editor, Protocol):
    """What these calls need."""


@dataclass
class Calls:
    """The calls, bound to a cluster. `accounts`: sessions in other accounts, by account; `controllers`: the namespace
    of the controllers."""

    kube: Cluster
    aws: Aws
    own: str
    deadline: Deadline
    emit: Emit = silent
    controllers: str = ""
    accounts: Mapping[str, Aws] | None = None

    def __post_init__(self) -> None:
        self._namespaces, self._read_at = 0, 0.0
        self._everything: Everything | None = None

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "cleanup.retain": self.retain,
            "cleanup.delete": self.delete,
            "cleanup.orphan": self.orphan,
            "cleanup.gone": self.gone,
            "cleanup.in_aws": self.in_aws,
            "cleanup.crd": self.crd,
            "cleanup.crds_gone": self.crds_gone,
            "cleanup.pods_gone": self.pods_gone,
            "cleanup.namespace": self.namespace,
            "cleanup.namespace_gone": self.namespace_gone,
        }

    def _retry_on_conflict(self, location: Ref, uid: str, work: Callable[[Object], None]) -> None:
        """Run `work` on the current object, again when it conflicts; do nothing when it was replaced or deleted."""
        for attempt in range(TRIES):
            live = self.kube.get(location)
            if live is None or (uid and live["metadata"].get("uid") != uid):
                return
            try:
                work(live)
                return
            except AcksmError as error:
                if error.id == "kube-not-found":
                    return
                if error.id != "kube-conflict":
                    raise
            time.sleep(random.uniform(0, 0.01 * (attempt + 1)))  # noqa: S311 (no secret)
        raise AcksmError(
            "kube-busy",
            f"{location} was changed by another user or tool at each of {TRIES} attempts",
            where=str(location),
        )

    def retain(self, uid: str, **location: str) -> None:
        """Annotate the object so that the controller keeps its AWS resource."""
        where = Ref(**location)

        def work(live: Object) -> None:
            if values_at(live, ANNOTATIONS).get(POLICY) != RETAIN:
                version = live["metadata"]["resourceVersion"]
                self.kube.patch(where, {"metadata": {"resourceVersion": version, "annotations": {POLICY: RETAIN}}})

        self._retry_on_conflict(where, uid, work)

    def delete(self, uid: str, retain: bool, **location: str) -> None:
        """Delete the object in its current version; with `retain` only while it has that policy itself."""
        where = Ref(**location)

        def work(live: Object) -> None:
            metadata = live["metadata"]
            if metadata.get("deletionTimestamp"):
                return
            if retain and values_at(live, ANNOTATIONS).get(POLICY) != RETAIN:
                raise AcksmError(
                    "cleanup-policy-changed", f"{POLICY}={RETAIN} was removed from {where}", where=str(where)
                )
            self.kube.delete(where, str(metadata["resourceVersion"]), str(metadata.get("uid", "")))

        self._retry_on_conflict(where, uid, work)

    def orphan(self, uid: str, finalizers: Sequence[str], **location: str) -> None:
        """Remove ACK's finalizers and delete the object. Any other finalizer is left to its owner."""
        where = Ref(**location)

        def work(live: Object) -> None:
            metadata = live["metadata"]
            held = list(metadata.get("finalizers") or [])
            kept = [name for name in held if not is_ack_finalizer(name) or name not in finalizers]
            version = str(metadata["resourceVersion"])
            if not metadata.get("deletionTimestamp"):
                self.kube.delete(where, version, str(metadata.get("uid", "")))
                live_now = self.kube.get(where)
                if live_now is None or live_now["metadata"].get("uid") != metadata.get("uid"):
                    return
                version = str(live_now["metadata"]["resourceVersion"])
            if kept != held:
                body = {"resourceVersion": version, "annotations": {POLICY: RETAIN}, "finalizers": kept or None}
                self.kube.patch(where, {"metadata": body})

        self._retry_on_conflict(where, uid, work)

    def gone(self, objects: Sequence[Mapping[str, str]]) -> None:
        """Wait until they are deleted. Errors: `cleanup-object-refused`, `cleanup-object-stuck`, both with finalizers,
        conditions and the controller's last log lines."""
        left = {Ref(**{key: value for key, value in one.items() if key != "uid"}): one["uid"] for one in objects}
        remaining: dict[Ref, Document] = {}

        def check() -> Progress:
            found = synced.look(self.kube, list(left), _state)
            remaining.clear()
            for location, manifest in found.items():
                if manifest is None or manifest["metadata"].get("uid") != left[location]:
                    left.pop(location)
                else:
                    remaining[location] = manifest
            refused = {location: item for location, item in remaining.items() if _refused(item)}
            if refused:
                return Progress(False, "", self._stuck("cleanup-object-refused", refused))
            return Progress(not left, f"{len(left)} left: {bindings.shortened(list(left), 3)}")

        try:
            wait_until(check, self.deadline, what="objects", emit=self.emit, rest=REST)
        except AcksmError as error:
            if error.id != "timed-out":
                raise
            raise self._stuck("cleanup-object-stuck", remaining) from error

    def _stuck(self, id: str, remaining: Mapping[Ref, Document]) -> AcksmError:
        lines: list[str] = []
        remedy = ""
        logs = self._logs()
        for location, manifest in list(remaining.items())[:MAX_SHOWN]:
            metadata = manifest["metadata"]
            held = [str(name) for name in metadata.get("finalizers") or []]
            lines.append(f"{location}: finalizers {', '.join(held) or '(none)'}")
            for item in conditions.listed(manifest):
                if item.get("message") or item.get("reason"):
                    detail = f"{item.get('message') or ''} {item.get('reason') or ''}".strip()
                    lines.append(f"  {item.get('type')}={item.get('status')}: {detail}")
            lines += [f"  log: {line}" for line in logs if location.name in line][-MAX_SHOWN:]
            foreign = [name for name in held if not is_ack_finalizer(name)]
            silent_failure = synced.silent_failure("\n".join(logs), location, manifest)
            state = synced.judge(manifest, str(location))
            known = silent_failure or state.failure or state.trouble
            if foreign:
                remedy = remedy or f"finalizer {foreign[0]} has to be removed by its owner"
            elif known and known.details.get("symptom"):
                remedy = remedy or known.remedy
        count = len(remaining)
        what = bindings.shortened(list(remaining), 3)
        text = f"{what} {'is' if count == 1 else 'are'} stuck in Terminating"
        return AcksmError(
            id, text, where=what, remedy=remedy, details={"diff": lines, "objects": list(map(str, remaining))}
        )

    def _logs(self) -> list[str]:
        """Lines of the controllers' logs; [] where they cannot be read, since they only add to an error message."""
        try:
            found = discovery.observe(self.kube, self.controllers).own
            logs = controller_logs.read(self.kube, found, lines=LOG_LINES)
        except AcksmError:
            return []
        return [line for log in logs for line in log.text.splitlines()]

    def in_aws(self, objects: Sequence[Document]) -> None:
        """Wait until AWS has finished with them. Accounts without credentials are not checked."""
        waiting = [one for one in objects if self._session(str(one["account"])) is not None]

        def check() -> Progress:
            waiting[:] = [one for one in waiting if self._still_exists(one)]
            pending = bindings.shortened([one["arn"] or one["kind"] for one in waiting], 3)
            return Progress(not waiting, f"{len(waiting)} left: {pending}")

        try:
            wait_until(check, self.deadline, what="AWS", emit=self.emit)
        except AcksmError as error:
            if error.id != "timed-out":
                raise
            arns = [str(one["arn"]) for one in waiting]
            raise AcksmError(
                "cleanup-aws-left",
                f"AWS has not finished with {bindings.shortened(arns)}",
                where=arns[0],
                details={"arns": arns, "diff": arns},
            ) from error

    def _session(self, account: str) -> Aws | None:
        return self.aws if account in {"", self.own} else (self.accounts or {}).get(account)

    def _still_exists(self, one: Document) -> bool:
        kind, aws = KINDS[str(one["service"])][str(one["kind"])], self._session(str(one["account"]))
        try:
            found = objects.describe(aws, kind, one["key"], str(one["region"])) if aws else None
        except AcksmError as error:
            if error.id != "aws-access-denied":
                raise
            self.emit(Event(EventKind.WARNING, "note", f"not checked: {one['arn']} ({error.message})"))
            return False
        return found is not None and (not kind.stops or found.state in kind.busy)

    def crd(self, name: str) -> None:
        """Delete a CRD of which no object is left: deleting it would delete them, without a controller for their AWS
        resources."""
        plural, _, group = name.partition(".")
        existing = self.kube.list(Ref(f"{group}/v1alpha1", plural, plural), metadata_only=True)
        if existing:
            names = [f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in existing]
            raise AcksmError(
                "cleanup-objects-appeared", f"{plural} created in the meantime: {bindings.shortened(names)}", where=name
            )
        self.kube.delete(ref("CustomResourceDefinition", name))

    def crds_gone(self, names: Sequence[str]) -> None:
        deleted.await_deleted(
            self.kube,
            ref("CustomResourceDefinition"),
            names,
            self.deadline,
            what="CRDs",
            text=lambda left: f"{len(left)} left: {bindings.shortened(left, 3)}",
            emit=self.emit,
        )

    def pods_gone(self, releases: Sequence[Sequence[str]]) -> None:
        """Wait until no pod of the releases (name, namespace) is left: a terminating pod still reconciles."""

        def check() -> Progress:
            left = [
                str(pod["metadata"]["name"])
                for name, namespace in releases
                for pod in self.kube.list(
                    ref("Pod", namespace=namespace), selector=f"{INSTANCE_LABEL}={name}", metadata_only=True
                )
            ]
            return Progress(not left, f"{counted(len(left), 'pod')} terminating")

        wait_until(check, self.deadline, what="releases", emit=self.emit)

    def namespace(self, name: str) -> None:
        """Delete a namespace that acksm created and that is empty. Error: `cleanup-namespace-used`."""
        live = self.kube.get(ref("Namespace", name))
        if live is None or live["metadata"].get("deletionTimestamp"):
            return
        owned = is_owned(live)
        found = self._contents(name)
        foreign = [str(location) for location, item in found.objects if not is_transient(location, item)] + list(
            found.unknown
        )
        if foreign or not owned:
            raise AcksmError(
                "cleanup-namespace-used",
                f"namespace {name} contains {bindings.shortened(foreign)}"
                if foreign
                else f"namespace {name} was not created by acksm",
                where=f"namespace {name}",
                details={"diff": foreign[:20]},
            )
        self.kube.delete(ref("Namespace", name), uid=str(live["metadata"].get("uid", "")))

    def _contents(self, namespace: str) -> Contents:
        """What is in the namespace now. After the first few namespaces all are read together, FRESH_SECONDS before
        one is deleted at most."""
        self._namespaces += 1
        if self._namespaces < contents.MANY:
            return contents.look(self.kube, namespace)
        if self._everything is None or self.deadline.clock() - self._read_at > FRESH_SECONDS:
            self._everything = Everything(self.kube)
            self._read_at = self.deadline.clock()
        return self._everything.of(namespace)

    def namespace_gone(self, names: Sequence[str]) -> None:
        deleted.await_deleted(
            self.kube,
            ref("Namespace"),
            names,
            self.deadline,
            what="namespaces",
            text=lambda left: f"{bindings.shortened(left, 3)} terminating",
            emit=self.emit,
        )


def is_transient(location: Ref, item: Manifest) -> bool:
    """Whether an object may be left in a namespace that is deleted: it is terminating, or it is the Lease of an ACK
    controller's leader election or of acksm's own lock."""
    elected = location.name.startswith("ack-") and location.name.endswith(".services.k8s.aws")
    is_lease = location.kind == "Lease" and (elected or location.name == lease.NAME)
    return is_lease or bool(item["metadata"].get("deletionTimestamp"))


def _state(manifest: Object) -> Object:
    """What is kept of objects that are waited for: who they are, what holds them, and what they report."""
    names = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "finalizers")
    metadata = {name: manifest["metadata"][name] for name in names if name in manifest["metadata"]}
    return {"metadata": metadata, "status": manifest.get("status") or {}}


def _refused(manifest: Manifest) -> bool:
    """Whether the controller stopped retrying the deletion: a condition ACK.Terminal that is newer than it."""
    began = str(manifest["metadata"].get("deletionTimestamp") or "")
    return any(
        item.get("type") == synced.TERMINAL
        and item.get("status") == "True"
        and began
        and str(item.get("lastTransitionTime") or "") > began
        for item in conditions.listed(manifest)
    )
