"""What a reconciliation works with: its surroundings, how it can end, and its writes to the apiserver."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from acksm.ack.kinds import Kind
from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.standin import resolve
from acksm.sandbox.controllers.standin.cloud import AwsError, Cloud, same
from acksm.sandbox.controllers.standin.conditions import Conditions
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.log import Log
from acksm.sandbox.controllers.standin.manager import Manager
from acksm.sandbox.controllers.standin.versions import Release


class RetryError(Exception):
    """It failed; the queue retries, later each time. The text is only logged."""


class WaitError(Exception):
    """A change is under way: reconcile again after some seconds. The text becomes a condition."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds, self.why = seconds, why


@dataclass
class World:
    """What a reconciliation needs. `caches` returns what is known now; `account` is the controller's own."""

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

    def merge(self, path: str, patch: Manifest) -> None:
        """A merge patch of an object; a deleted one needs none."""
        try:
            self.kube.merge(path, patch)
        except KubeError as error:
            if error.status != 404:
                raise


class Writer:
    """Writes objects of one kind: finalizer, annotations, spec, status. A deleted object needs no write."""

    def __init__(self, world: World, kind: Kind) -> None:
        self.world, self.kind = world, kind
        self.finalizer = f"finalizers.{world.release.group}/{kind.name}"

    def managed(self, obj: Object) -> bool:
        """Whether the object has this kind's finalizer."""
        return self.finalizer in (obj["metadata"].get("finalizers") or [])

    def hold_or_let_go(self, obj: Object, *, hold: bool) -> None:
        before = obj["metadata"].get("finalizers") or []
        after = [item for item in before if item != self.finalizer] + ([self.finalizer] if hold else [])
        if after != before:
            self.patch(obj, {"metadata": {"finalizers": after or None}})
            obj["metadata"]["finalizers"] = after

    def patch(self, obj: Object, patch: Manifest) -> None:
        meta = obj["metadata"]
        self.world.merge(self.world.path(self.kind, meta["namespace"], meta["name"]), patch)

    def write_status(self, before: Object, after: Object) -> None:
        old, new = before.get("status") or {}, after.get("status") or {}
        patch = {key: value for key, value in new.items() if not same(value, old.get(key))}
        patch |= {key: None for key in old if key not in new}
        if not patch:
            return
        meta = before["metadata"]
        path = self.world.path(self.kind, meta["namespace"], meta["name"])
        self.world.merge(f"{path}/status", {"status": json.loads(json.dumps(patch, default=str))})

    def info(self, obj: Object, message: str, **fields: object) -> None:
        meta = obj["metadata"]
        self.world.log.info(
            "ackrt", message, kind=self.kind.name, namespace=meta["namespace"], name=meta["name"], **fields
        )


@dataclass
class Outcome:
    """The result of a reconciliation: the object whose status is written (None: none is), the seconds until the next
    one (None: not until the object changes), and the failure that the queue retries ("" for none)."""

    latest: Object | None
    seconds: float | None = None
    retry: str = ""


class SilentError(Exception):
    """A failure without a condition: it is only logged."""


class FailedError(Exception):
    """A failed call, and the object at that time."""

    def __init__(self, error: AwsError, latest: Object, *, not_managed: bool = False) -> None:
        super().__init__(str(error))
        self.error, self.latest, self.not_managed = error, latest, not_managed


def with_conditions(obj: Object, conditions: Conditions) -> Object:
    """The object with these conditions."""
    return {**obj, "status": {**(obj.get("status") or {}), "conditions": conditions.items}}


def with_identity(obj: Object, manager: Manager) -> Object:
    """The object after a failed call: its status has account and region all the same."""
    status = dict(obj.get("status") or {})
    meta = dict(status.get("ackResourceMetadata") or {})
    meta.setdefault("ownerAccountID", manager.account)
    meta.setdefault("region", manager.region)
    return {**obj, "status": {**status, "ackResourceMetadata": meta}}
