"""One object at a time: read it, find its account and region, make AWS as its spec says, tell in its status."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.standin import adoption, names, resolve
from acksm.sandbox.controllers.standin.cloud import AbsentError, AwsError, Cloud, is_terminal, same
from acksm.sandbox.controllers.standin.conditions import (
    EXISTS,
    NO_ROLE,
    SELECTED,
    SYNCED,
    TERMINAL,
    Conditions,
    not_ours,
)
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.kinds import Kind
from acksm.sandbox.controllers.standin.log import Log
from acksm.sandbox.controllers.standin.manager import Manager, Object
from acksm.sandbox.controllers.standin.versions import Release

# seconds, as the real ones wait: for a role, while something changes by itself, until the next look
ROLE_SECONDS, BUSY_SECONDS, RESYNC_SECONDS = 15.0, 30.0, 36_000.0


class RetryError(Exception):
    """It did not work; the queue tries again, later each time. The text goes to the log only."""


class WaitError(Exception):
    """Something is under way: look again after some seconds. The text becomes a condition."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds, self.why = seconds, why


@dataclass
class World:
    """What a reconciliation needs. `caches` gives what is known at the moment; `account` is the controller's own."""

    release: Release
    config: Config
    kube: Kube
    cloud: Cloud
    account: str
    caches: Callable[[], resolve.Caches]
    log: Log
    pace: float

    def path(self, kind: Kind, namespace: str, name: str) -> str:
        return f"/apis/{self.release.group}/v1alpha1/namespaces/{namespace}/{kind.plural}/{name}"


class Reconciler:
    """Objects of one kind. `reconcile` returns the seconds until the next look (None: never) or raises RetryError."""

    def __init__(self, world: World, kind: Kind) -> None:
        self.world, self.kind = world, kind
        self.finalizer = f"finalizers.{world.release.group}/{kind.name}"

    def reconcile(self, namespace: str, name: str) -> float | None:
        world = self.world
        found = world.kube.get(world.path(self.kind, namespace, name))
        if found is None:
            return None
        found.setdefault("kind", self.kind.name)
        found.setdefault("apiVersion", f"{world.release.group}/v1alpha1")
        caches = world.caches()
        try:
            place = resolve.account(found, caches, world.config, world.account, world.release)
        except resolve.NoRoleError as error:
            conditions = Conditions(found.get("status"))
            conditions.set(SYNCED, "False", NO_ROLE, str(error))
            self._write_status(found, with_conditions(found, conditions))
            return ROLE_SECONDS * world.pace
        except resolve.ResolveError as error:
            raise RetryError(str(error)) from error
        region = resolve.region(found, caches, world.config, world.release)
        self._refuse_drift(found, caches, place.account)
        endpoint = resolve.endpoint(found, caches, world.config)
        client = world.cloud.client(place.account, region, place.role, endpoint)
        manager = Manager(world.cloud, self.kind, client, place.account, region)
        if found["metadata"].get("deletionTimestamp"):
            return self._go(found, place, lambda: self._deleted(found, manager, caches))
        return self._go(found, place, lambda: self._synced(found, manager))

    def _refuse_drift(self, obj: Object, caches: resolve.Caches, account: str) -> None:
        """An object does not move: another region or account than the recorded one only reaches the log."""
        if not self.world.release.has("drift-refused"):
            return
        meta = resolve.metadata_of(obj)
        wanted = resolve.wanted_region(obj, caches, self.world.config)
        if meta.get("region") and meta["region"] != wanted:
            text = (
                f"Resource already exists in region {meta['region']}, but the desired state specifies region {wanted}. "
            )
            self._info(obj, text, current_region=meta["region"], desired_region=wanted)
            raise RetryError(text)
        if meta.get("ownerAccountID") and meta["ownerAccountID"] != account:
            text = (
                f"Resource already exists in account {meta['ownerAccountID']}, but the role used for reconciliation is "
                f"in account {account}. "
            )
            self._info(obj, text, current_account=meta["ownerAccountID"], desired_account=account)
            raise RetryError(text)

    def _go(self, obj: Object, place: resolve.Resolved, work: Callable[[], Outcome]) -> float | None:
        """Do the work, write the status that it leaves, and say when to look again."""
        outcome = work()
        if outcome.latest is not None:
            if place.selector is not None:
                conditions = Conditions(outcome.latest.get("status"))
                meta = place.selector["metadata"]
                text = f"roleARN: {place.role}, selectorName: {meta['name']}, selectorResourceVersion: "
                conditions.set(SELECTED, "True", text + meta["resourceVersion"], "Selected")
                outcome.latest["status"]["conditions"] = conditions.items
            self._write_status(obj, outcome.latest)
        if outcome.retry:
            raise RetryError(outcome.retry)
        return None if outcome.seconds is None else outcome.seconds * self.world.pace

    # --- an object that is to be

    def _synced(self, obj: Object, manager: Manager) -> Outcome:
        desired = copy.deepcopy(obj)
        fresh = Conditions(desired.get("status"))
        fresh.clear()
        desired = with_conditions(desired, fresh)
        try:
            latest = self._sync(desired, manager)
        except adoption.TerminalError as error:
            conditions = Conditions(desired.get("status"))
            conditions.set(TERMINAL, "True", str(error))
            return self._concluded(with_conditions(desired, conditions), terminal=True)
        except _SilentError as error:
            return Outcome(None, retry=str(error))
        except _FailedError as failed:
            return self._failed(failed, manager)
        except WaitError as wait:
            return Outcome(None, wait.seconds)
        conditions = Conditions(latest.get("status"))
        return self._concluded(latest, terminal=conditions.holds(TERMINAL))

    def _failed(self, failed: _FailedError, manager: Manager) -> Outcome:
        conditions = Conditions(failed.latest.get("status"))
        terminal = failed.not_managed or is_terminal(failed.error, self.kind)
        if failed.not_managed:
            conditions.set(TERMINAL, "True", EXISTS, not_ours(self.world.release))
        else:
            conditions.error(failed.error.short, terminal=terminal)
        latest = with_conditions(failed.latest, conditions)
        outcome = self._concluded(latest, error=str(failed.error), terminal=terminal)
        return outcome if terminal else Outcome(outcome.latest, retry=str(failed.error))

    def _concluded(self, latest: Object, *, error: str = "", terminal: bool = False) -> Outcome:
        conditions = Conditions(latest.get("status"))
        conditions.conclude(self.world.release, error, terminal=terminal)
        latest = with_conditions(latest, conditions)
        if terminal:
            return Outcome(latest)
        if conditions.holds(SYNCED):
            return Outcome(latest, self._resync())
        return Outcome(latest, BUSY_SECONDS)

    def _resync(self) -> float:
        resync = self.world.config.resync
        return resync.get(self.kind.name.lower()) or self.kind.requeue or resync.get("") or RESYNC_SECONDS

    def _sync(self, desired: Object, manager: Manager) -> Object:
        gates = self.world.config.gates
        read_only = adoption.says(desired, "read-only") and gates.get("ReadOnlyResources", False)
        adopted = adoption.says(desired, "adopted")
        policy = adoption.policy_of(desired, self.world.release)
        if adopted or self.managed(desired) or not gates.get("ResourceAdoption"):
            policy = ""
        resolved = adoption.populated(desired, self.kind, policy) if policy else desired
        try:
            latest = manager.read(resolved)
        except AwsError as error:
            raise _FailedError(error, with_identity(resolved, manager)) from error
        except AbsentError:
            if policy == adoption.ADOPT or adopted:
                raise _SilentError("adopted resource not found") from None
            if read_only:
                raise _SilentError("read-only resource not found") from None
            return self._created(resolved, manager)
        if policy:
            return self._adopted(desired, latest, policy)
        if read_only:
            return latest
        if not self.managed(desired):
            raise _FailedError(AwsError(EXISTS), latest, not_managed=True)
        return self._updated(desired, latest, manager)

    def _created(self, desired: Object, manager: Manager) -> Object:
        self._let_go_or_hold(desired, hold=True)
        try:
            made = manager.create(desired)
        except AwsError as error:
            if error.code and not is_terminal(error, self.kind):  # only what exists in AWS stays managed
                self._let_go_or_hold(desired, hold=False)
            raise _FailedError(error, with_identity(desired, manager)) from error
        try:
            observed = manager.read(made)
        except AbsentError:
            raise _FailedError(
                AwsError("ReadOne call failed after a Create operation: number of attempts: 1"), made
            ) from None
        except AwsError as error:
            raise _FailedError(error, made) from error
        made["status"] = observed["status"]
        self._info(desired, "created new resource")
        return made

    def _adopted(self, desired: Object, latest: Object, policy: str) -> Object:
        patch: dict[str, Any] = {
            "metadata": {
                "finalizers": sorted({*(desired["metadata"].get("finalizers") or []), self.finalizer}),
                "annotations": {f"{resolve.PREFIX}adopted": "true"},
            }
        }
        if policy == adoption.ADOPT or not self.world.release.has("adopt-or-create-updates"):
            patch["spec"] = latest["spec"]
        self._patch(desired, patch)
        self._info(desired, "adopted resource")
        if "spec" not in patch:
            self._write_status(desired, latest)
            raise WaitError(0.0, "adopted resource, requeuing to check for updates")
        return latest

    def _updated(self, desired: Object, latest: Object, manager: Manager) -> Object:
        spec = {key: value for key, value in (desired.get("spec") or {}).items() if key != "tags"}
        if not names.differs(spec, latest.get("spec") or {}):
            return latest
        changed = [key for key, value in spec.items() if names.differs(value, (latest.get("spec") or {}).get(key))]
        self._info(desired, "desired resource state has changed", diff=changed)
        if not self.kind.updates:
            conditions = Conditions(latest.get("status"))
            conditions.set(TERMINAL, "True", "not implemented")
            return with_conditions(latest, conditions)
        if manager.state_of(latest) in self.kind.busy:
            return latest
        try:
            manager.update({**latest, "spec": {**(latest.get("spec") or {}), **spec}})
            updated = manager.read(desired)
        except (AwsError, AbsentError) as error:
            told = error if isinstance(error, AwsError) else AwsError(str(error))
            raise _FailedError(told, latest) from error
        self._info(desired, "updated resource")
        return updated

    # --- an object that is to go

    def _deleted(self, obj: Object, manager: Manager, caches: resolve.Caches) -> Outcome:
        if not self.managed(obj):
            return Outcome(None)
        read_only = adoption.says(obj, "read-only") and self.world.config.gates.get("ReadOnlyResources", False)
        policy = resolve.deletion_policy(obj, caches, self.world.config, self.world.release)
        if policy != "delete" or read_only:
            self._info(obj, "AWS resource will not be deleted - deletion policy set to retain")
            self._let_go_or_hold(obj, hold=False)
            return Outcome(None)
        try:
            self._delete(obj, manager)
        except AbsentError:
            pass
        except WaitError as wait:
            conditions = Conditions(obj.get("status"))
            conditions.error(wait.why, terminal=False)
            return Outcome(with_conditions(obj, conditions), wait.seconds)
        except AwsError as error:
            conditions = Conditions(obj.get("status"))
            terminal = is_terminal(error, self.kind)
            conditions.error(error.short, terminal=terminal)
            return Outcome(with_conditions(obj, conditions), retry="" if terminal else str(error))
        self._let_go_or_hold(obj, hold=False)
        self._info(obj, "deleted resource")
        return Outcome(None)

    def _delete(self, obj: Object, manager: Manager) -> None:
        """Raises AbsentError when nothing is left to do, WaitError while it goes, AwsError."""
        latest = manager.read(obj)
        state = manager.state_of(latest)
        if self.kind.stops:
            if state not in self.kind.busy:
                return  # a finished job: it is let go of, and stays
            if state != "Stopping":
                manager.delete(latest)
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} is Stopping.")
        if state in self.kind.busy:
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} in {state} state cannot be modified or deleted.")
        manager.delete(latest)
        if self.kind.waits_gone:
            manager.read(obj)
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} is deleting.")

    # --- writing

    def managed(self, obj: Object) -> bool:
        """Whether the object has this kind's finalizer."""
        return self.finalizer in (obj["metadata"].get("finalizers") or [])

    def _let_go_or_hold(self, obj: Object, *, hold: bool) -> None:
        before = obj["metadata"].get("finalizers") or []
        after = [item for item in before if item != self.finalizer] + ([self.finalizer] if hold else [])
        if after != before:
            self._patch(obj, {"metadata": {"finalizers": after or None}})
            obj["metadata"]["finalizers"] = after

    def _patch(self, obj: Object, patch: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        try:
            self.world.kube.merge(self.world.path(self.kind, meta["namespace"], meta["name"]), patch)
        except KubeError as error:
            if error.status != 404:
                raise

    def _write_status(self, before: Object, after: Object) -> None:
        old, new = before.get("status") or {}, after.get("status") or {}
        patch = {key: value for key, value in new.items() if not same(value, old.get(key))}
        patch |= {key: None for key in old if key not in new}
        if not patch:
            return
        meta = before["metadata"]
        path = self.world.path(self.kind, meta["namespace"], meta["name"])
        try:
            self.world.kube.merge(f"{path}/status", {"status": json.loads(json.dumps(patch, default=str))})
        except KubeError as error:
            if error.status != 404:
                raise

    def _info(self, obj: Object, message: str, **fields: Any) -> None:
        meta = obj["metadata"]
        self.world.log.info(
            "ackrt", message, kind=self.kind.name, namespace=meta["namespace"], name=meta["name"], **fields
        )


@dataclass
class Outcome:
    """What is left of a reconciliation: the object whose status is written (None: nothing is), when to look again
    (None: not until it changes), and what to tell the queue that failed."""

    latest: Object | None
    seconds: float | None = None
    retry: str = ""


class _SilentError(Exception):
    """What fails without a condition: only the log tells."""


class _FailedError(Exception):
    """A failed call, and the object as it is then."""

    def __init__(self, error: AwsError, latest: Object, *, not_managed: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.latest, self.not_managed = error, latest, not_managed


def with_conditions(obj: Object, conditions: Conditions) -> Object:
    """The object with these conditions."""
    return {**obj, "status": {**(obj.get("status") or {}), "conditions": conditions.items}}


def with_identity(obj: Object, manager: Manager) -> Object:
    """The object as a failed call leaves it: account and region are told all the same."""
    status = dict(obj.get("status") or {})
    meta = dict(status.get("ackResourceMetadata") or {})
    meta.setdefault("ownerAccountID", manager.account)
    meta.setdefault("region", manager.region)
    return {**obj, "status": {**status, "ackResourceMetadata": meta}}
