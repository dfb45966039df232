"""One object at a time: read it, find its account and region, make AWS match its spec, write its status."""

from __future__ import annotations

import copy
from collections.abc import Callable

from acksm.ack.kinds import Kind
from acksm.json_types import Object
from acksm.sandbox.controllers.standin import adoption, names, resolve
from acksm.sandbox.controllers.standin.cloud import AbsentError, AwsError, is_terminal
from acksm.sandbox.controllers.standin.conditions import (
    EXISTS,
    LATE,
    LATE_TEXT,
    NO_ROLE,
    SELECTED,
    SYNCED,
    TERMINAL,
    Conditions,
    not_ours,
)
from acksm.sandbox.controllers.standin.manager import Manager
from acksm.sandbox.controllers.standin.work import (
    FailedError,
    Outcome,
    RetryError,
    SilentError,
    WaitError,
    World,
    Writer,
    with_conditions,
    with_identity,
)

# seconds, as the real controllers wait: for a role, while a resource changes, until the next reconciliation
ROLE_SECONDS, BUSY_SECONDS, RESYNC_SECONDS = 15.0, 30.0, 36_000.0


class Reconciler:
    """Objects of one kind. `reconcile` returns the seconds until the next one (None: never) or raises RetryError."""

    def __init__(self, world: World, kind: Kind) -> None:
        self.world, self.kind = world, kind
        self.writer = Writer(world, kind)

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
            self.writer.write_status(found, with_conditions(found, conditions))
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
        """An object does not move: a region or account other than the recorded one is only logged."""
        if not self.world.release.has("drift-refused"):
            return
        meta = resolve.metadata_of(obj)
        wanted = resolve.wanted_region(obj, caches, self.world.config)
        if meta.get("region") and meta["region"] != wanted:
            text = (
                f"Resource already exists in region {meta['region']}, but the desired state specifies region {wanted}. "
            )
            self.writer.info(obj, text, current_region=meta["region"], desired_region=wanted)
            raise RetryError(text)
        if meta.get("ownerAccountID") and meta["ownerAccountID"] != account:
            text = (
                f"Resource already exists in account {meta['ownerAccountID']}, but the role used for reconciliation is "
                f"in account {account}. "
            )
            self.writer.info(obj, text, current_account=meta["ownerAccountID"], desired_account=account)
            raise RetryError(text)

    def _go(self, obj: Object, place: resolve.Resolved, work: Callable[[], Outcome]) -> float | None:
        """Reconcile, write the resulting status, and return when to reconcile again."""
        outcome = work()
        if outcome.latest is not None:
            if place.selector is not None:
                conditions = Conditions(outcome.latest.get("status"))
                meta = place.selector["metadata"]
                text = f"roleARN: {place.role}, selectorName: {meta['name']}, selectorResourceVersion: "
                conditions.set(SELECTED, "True", "Selected", text + meta["resourceVersion"])
                outcome.latest["status"]["conditions"] = conditions.items
            self.writer.write_status(obj, outcome.latest)
        if outcome.retry:
            raise RetryError(outcome.retry)
        return None if outcome.seconds is None else outcome.seconds * self.world.pace

    # --- creating and updating

    def _synced(self, obj: Object, manager: Manager) -> Outcome:
        desired = copy.deepcopy(obj)
        fresh = Conditions(desired.get("status"))
        fresh.clear()
        desired = with_conditions(desired, fresh)
        try:
            latest = self._late(desired, self._sync(desired, manager), manager)
        except adoption.TerminalError as error:
            conditions = Conditions(desired.get("status"))
            conditions.set(TERMINAL, "True", str(error))
            return self._concluded(with_conditions(desired, conditions), terminal=True)
        except SilentError as error:
            return Outcome(None, retry=str(error))
        except FailedError as failed:
            return self._failed(failed, manager)
        except WaitError as wait:
            return Outcome(None, wait.seconds)
        conditions = Conditions(latest.get("status"))
        return self._concluded(latest, terminal=conditions.holds(TERMINAL))

    def _late(self, desired: Object, latest: Object, manager: Manager) -> Object:
        """Late initialisation: AWS's values for fields that the spec leaves out are written to the spec."""
        conditions = Conditions(latest.get("status"))
        read_only = adoption.says(desired, "read-only") and not self.writer.managed(desired)
        if not self.kind.late or read_only or conditions.holds(TERMINAL):
            return latest
        patch = manager.late(desired, latest) if desired.get("spec") else {}
        if patch:
            self.writer.patch(desired, {"spec": patch})
        conditions.set(LATE, "True", LATE_TEXT, LATE_TEXT)
        return with_conditions(latest, conditions)

    def _failed(self, failed: FailedError, manager: Manager) -> Outcome:
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
        if adopted or self.writer.managed(desired) or not gates.get("ResourceAdoption"):
            policy = ""
        resolved = adoption.populated(desired, self.kind, policy) if policy else desired
        try:
            latest = manager.read(resolved)
        except AwsError as error:
            raise FailedError(error, with_identity(resolved, manager)) from error
        except AbsentError:
            if policy == adoption.ADOPT or adopted:
                raise SilentError("adopted resource not found") from None
            if read_only:
                raise SilentError("read-only resource not found") from None
            return self._created(resolved, manager)
        if policy:
            return self._adopted(desired, latest, policy)
        if read_only:
            return latest
        if not self.writer.managed(desired):
            raise FailedError(AwsError(EXISTS), latest, not_managed=True)
        return self._updated(desired, latest, manager)

    def _created(self, desired: Object, manager: Manager) -> Object:
        self.writer.hold_or_let_go(desired, hold=True)
        try:
            made = manager.create(desired)
        except AwsError as error:
            if error.code and not is_terminal(error, self.kind):  # only what exists in AWS is still managed
                self.writer.hold_or_let_go(desired, hold=False)
            raise FailedError(error, with_identity(desired, manager)) from error
        try:
            observed = manager.read(made)
        except AbsentError:
            raise FailedError(
                AwsError("ReadOne call failed after a Create operation: number of attempts: 1"), made
            ) from None
        except AwsError as error:
            raise FailedError(error, made) from error
        made["status"], made["spec"] = observed["status"], {**observed["spec"], **(desired.get("spec") or {})}
        self.writer.info(desired, "created new resource")
        return made

    def _adopted(self, desired: Object, latest: Object, policy: str) -> Object:
        patch: Object = {
            "metadata": {
                "finalizers": sorted({*(desired["metadata"].get("finalizers") or []), self.writer.finalizer}),
                "annotations": {f"{resolve.PREFIX}adopted": "true"},
            }
        }
        if policy == adoption.ADOPT or not self.world.release.has("adopt-or-create-updates"):
            patch["spec"] = latest["spec"]
        self.writer.patch(desired, patch)
        self.writer.info(desired, "adopted resource")
        if "spec" not in patch:
            self.writer.write_status(desired, latest)
            raise WaitError(0.0, "adopted resource, requeuing to check for updates")
        return latest

    def _updated(self, desired: Object, latest: Object, manager: Manager) -> Object:
        spec = {key: value for key, value in (desired.get("spec") or {}).items() if key != "tags"}
        chosen = manager.late(desired, latest) if self.kind.late_differs else {}
        if not chosen and not names.differs(spec, latest.get("spec") or {}):
            return latest
        changed = [key for key, value in spec.items() if names.differs(value, (latest.get("spec") or {}).get(key))]
        self.writer.info(desired, "desired resource state has changed", diff=changed)
        if not self.kind.updates:
            conditions = Conditions(latest.get("status"))
            conditions.set(TERMINAL, "True", "not implemented")
            return with_conditions(latest, conditions)
        if manager.state_of(latest) in self.kind.busy:
            return latest
        if self.kind.name == "NotebookInstance" and manager.state_of(latest) == "InService":
            manager.stop_first(latest)
        try:
            manager.update({**latest, "spec": {**(latest.get("spec") or {}), **spec}})
            updated = manager.read(desired)
        except (AwsError, AbsentError) as error:
            told = error if isinstance(error, AwsError) else AwsError(str(error))
            raise FailedError(told, latest) from error
        self.writer.info(desired, "updated resource")
        return updated

    # --- deleting

    def _deleted(self, obj: Object, manager: Manager, caches: resolve.Caches) -> Outcome:
        if not self.writer.managed(obj):
            return Outcome(None)
        read_only = adoption.says(obj, "read-only") and self.world.config.gates.get("ReadOnlyResources", False)
        policy = resolve.deletion_policy(obj, caches, self.world.config, self.world.release)
        if policy != "delete" or read_only:
            self.writer.info(obj, "AWS resource will not be deleted - deletion policy set to retain")
            self.writer.hold_or_let_go(obj, hold=False)
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
        self.writer.hold_or_let_go(obj, hold=False)
        self.writer.info(obj, "deleted resource")
        return Outcome(None)

    def _delete(self, obj: Object, manager: Manager) -> None:
        """Raises AbsentError when nothing is left to delete, WaitError while AWS deletes it, AwsError."""
        latest = manager.read(obj)
        state = manager.state_of(latest)
        if self.kind.stops:
            if state not in self.kind.busy:
                return  # a finished job is released and kept in AWS
            if state != "Stopping":
                manager.delete(latest)
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} is Stopping.")
        if state in self.kind.busy:
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} in {state} state cannot be modified or deleted.")
        if self.kind.stops_first and state == "InService":
            manager.stop_first(latest)
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} is stopping.")
        manager.delete(latest)
        if self.kind.waits_gone:
            manager.read(obj)
            raise WaitError(BUSY_SECONDS, f"{self.kind.name} is deleting.")
