"""Adoption in memory, as the controllers of each version have it: AdoptedResources up to a version, then annotations.

As strict as the runtime (pkg/runtime/adoption_reconciler.go at v0.52.0): only the controller of the target's group
acts, the finalizer is removed after the search for the role of the namespace's account, and a version without adoption
takes an object with the annotations for one to create in AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from acksm.ack.kinds import KINDS
from acksm.guide.adopt.placement import GATE
from acksm.kube.paths import Ref, ref
from acksm.live import adopted_resources, running
from acksm.live.managed import ADOPTED, ADOPTED_RESOURCE, FIELDS, POLICY
from acksm.live.running import Running
from memory_account import ACCOUNT, HOME, REGION
from memory_cluster import MemoryCluster
from memory_kube import Json

FINALIZER = "finalizers.services.k8s.aws/AdoptedResource"
OWNER = "services.k8s.aws/owner-account-id"


class Adopting(MemoryCluster):
    """A cluster whose controllers adopt. `created`: what a controller took for a new AWS resource."""

    def put(self, manifest: Any, manager: str = "kubectl") -> None:
        super().put(manifest, manager)
        self._adopt()

    def _roll_out(self, location: Ref, live: Json | None) -> None:
        super()._roll_out(location, live)
        self._adopt()

    def _let_go(self, live: Json, location: Ref) -> None:
        if live.get("kind") != ADOPTED_RESOURCE:
            super()._let_go(live, location)
            return
        service, where = adopted_resources.service_of(live), location.namespace
        space = self.objects.get(ref("Namespace", where).path) or {"metadata": {}}
        account = (space["metadata"].get("annotations") or {}).get(OWNER)
        roles = (self.objects.get(ref("ConfigMap", "ack-role-account-map", HOME).path) or {}).get("data") or {}
        for one in self._controllers():
            if one.service == service and one.watches(where) and one.has("adopted-resource"):
                if not account or roles.get(account):
                    self.objects.pop(location.path, None)
                return

    def _controllers(self) -> Iterator[Running]:
        for item in list(self.objects.values()):
            if item.get("kind") == "Deployment" and (found := running.from_deployment(item)):
                yield found

    def _adopt(self) -> None:
        for path, item in list(self.objects.items()):
            notes = item["metadata"].get("annotations") or {}
            if POLICY not in notes or item["metadata"].get("finalizers"):
                continue
            kind = KINDS["sagemaker"][str(item["kind"])]
            for one in self._controllers():
                if one.service != kind.service or not one.watches(str(item["metadata"]["namespace"])):
                    continue
                if not one.gate(GATE, "adoption-gate", "adoption-annotations"):
                    self.in_aws.add(f"created by {one}")
                    continue
                fields = json.loads(notes[FIELDS])
                arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind.arn_kind}/{fields[kind.named]}"
                assert arn in self.in_aws, arn
                self.objects[path] = self._stamped(managed_object(item, fields, arn))


def managed_object(item: Json, fields: Json, arn: str) -> Json:
    """An object as its controller leaves it."""
    where = {"arn": arn, "ownerAccountID": ACCOUNT, "region": REGION}
    metadata = {**item["metadata"], "finalizers": [f"finalizers.sagemaker.services.k8s.aws/{item['kind']}"]}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ADOPTED: "true"}
    synced = {"type": "ACK.ResourceSynced", "status": "True"}
    return {
        **item,
        "metadata": metadata,
        "spec": {**fields},
        "status": {"ackResourceMetadata": where, "conditions": [synced]},
    }


def adopted_resource(
    name: str, where: str = "team", *, adopted: str = "", service: str = "sagemaker", **metadata: Any
) -> Json:
    """`adopted`: the status of its condition, "" for none; with True it has the finalizer."""
    group, kind = f"{service}.services.k8s.aws", "Model" if service == "sagemaker" else "ScalableTarget"
    condition = {"type": "ACK.Adopted", "status": adopted, "message": "resource not found"}
    held = {"finalizers": [FINALIZER]} if adopted == "True" else {}
    target = {"group": group, "kind": kind, "metadata": {"name": name, "labels": {"team": "a"}}}
    return {
        "apiVersion": "services.k8s.aws/v1alpha1",
        "kind": ADOPTED_RESOURCE,
        "metadata": {"name": name, "namespace": where, **held, **metadata},
        "spec": {"aws": {"nameOrID": name}, "kubernetes": target},
        "status": {"conditions": [condition] if adopted else []},
    }
