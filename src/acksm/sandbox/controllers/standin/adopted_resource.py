"""AdoptedResource, as runtimes before 0.53 have it: what it names in AWS becomes an object of its kind."""

from __future__ import annotations

from acksm.ack.kinds import KINDS, Kind
from acksm.json_types import Object
from acksm.sandbox.controllers.kube import KubeError
from acksm.sandbox.controllers.standin import resolve
from acksm.sandbox.controllers.standin.adoption import TerminalError, with_key
from acksm.sandbox.controllers.standin.cloud import AbsentError, AwsError
from acksm.sandbox.controllers.standin.conditions import ADOPTED, Conditions
from acksm.sandbox.controllers.standin.manager import Manager
from acksm.sandbox.controllers.standin.reconcile import ROLE_SECONDS
from acksm.sandbox.controllers.standin.work import RetryError, World

FINALIZER = "finalizers.services.k8s.aws/AdoptedResource"
BASE = "/apis/services.k8s.aws/v1alpha1/namespaces"


class AdoptedResources:
    """Reconciles AdoptedResources whose target is in this controller's group; others are another controller's."""

    def __init__(self, world: World) -> None:
        self.world = world

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Seconds until the next reconciliation, None for never. Raises RetryError."""
        path = f"{BASE}/{namespace}/adoptedresources/{name}"
        found = self.world.kube.get(path)
        if found is None:
            return None
        target = (found.get("spec") or {}).get("kubernetes") or {}
        if target.get("group") != self.world.release.group:
            return None
        kind = KINDS[self.world.release.service].get(str(target.get("kind")))
        if kind is None:
            raise RetryError("resource manager factory not found")
        place = {**found, "kind": kind.name, "apiVersion": f"{self.world.release.group}/v1alpha1", "status": {}}
        try:
            manager = self._manager(place, kind)
        except resolve.NoRoleError as error:
            self.world.log.info("ackrt.adoption", f"Unable to start adoption reconcilliation: {error}", name=name)
            return ROLE_SECONDS * self.world.pace
        except resolve.ResolveError as error:
            raise RetryError(str(error)) from error
        if found["metadata"].get("deletionTimestamp"):
            kept = [item for item in found["metadata"].get("finalizers") or [] if item != FINALIZER]
            self.world.merge(path, {"metadata": {"finalizers": kept or None}})
            return None
        if Conditions(found.get("status")).holds(ADOPTED):
            return None
        try:
            self._adopt(found, kind, manager)
        except (AwsError, AbsentError, TerminalError, KubeError) as error:
            self._told(path, found, str(error))
            raise RetryError(str(error)) from error
        held = sorted({*(found["metadata"].get("finalizers") or []), FINALIZER})
        self.world.merge(path, {"metadata": {"finalizers": held}})
        self._told(path, found, "")
        return None

    def _manager(self, obj: Object, kind: Kind) -> Manager:
        world, caches = self.world, self.world.caches()
        place = resolve.account(obj, caches, world.config, world.account, world.release)
        region = resolve.region(obj, caches, world.config, world.release)
        endpoint = resolve.endpoint(obj, caches, world.config)
        client = world.cloud.client(place.account, region, place.role, endpoint)
        return Manager(world.cloud, kind, client, place.account, region)

    def _adopt(self, adopted: Object, kind: Kind, manager: Manager) -> None:
        world, spec = self.world, adopted["spec"]
        meta = (spec.get("kubernetes") or {}).get("metadata") or {}
        namespace = meta.get("namespace") or adopted["metadata"]["namespace"]
        name = meta.get("name") or adopted["metadata"]["name"]
        wanted: Object = {"metadata": {"name": name, "namespace": namespace}, "spec": {}, "status": {}}
        described = manager.read(with_key(wanted, kind, _fields(spec.get("aws") or {}, kind)))
        annotations = dict(meta.get("annotations") or {}) | {f"{resolve.PREFIX}adopted": "true"}
        path = world.path(kind, namespace, name)
        if world.kube.get(path) is not None:
            return
        obj = {
            "apiVersion": f"{world.release.group}/v1alpha1",
            "kind": kind.name,
            "metadata": {
                "name": name,
                "namespace": namespace,
                "annotations": annotations,
                "labels": dict(meta.get("labels") or {}),
                "finalizers": [f"finalizers.{world.release.group}/{kind.name}"],
                **({"ownerReferences": meta["ownerReferences"]} if meta.get("ownerReferences") else {}),
            },
            "spec": described["spec"],
        }
        world.kube.request("POST", path.rpartition("/")[0], obj)
        world.kube.merge(f"{path}/status", {"status": described["status"]})

    def _told(self, path: str, found: Object, error: str) -> None:
        conditions = Conditions(found.get("status"))
        conditions.set(ADOPTED, "False" if error else "True", error)
        self.world.merge(f"{path}/status", {"status": {"conditions": conditions.items}})


def _fields(aws: Object, kind: Kind) -> dict[str, str]:
    """spec.aws as adoption fields: nameOrID is the field that the kind is named by, the others are additionalKeys."""
    if kind.by_arn:
        if not aws.get("arn"):
            raise TerminalError("expected ARN identifier, found nil")
        return {"arn": str(aws["arn"])}
    if not aws.get("nameOrID"):
        raise TerminalError("expected name identifier, found nil")
    return {kind.named: str(aws["nameOrID"]), **(aws.get("additionalKeys") or {})}
