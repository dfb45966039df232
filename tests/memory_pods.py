"""EKS Pod Identity in memory: associations that have an effect only after some looks, and EKS's webhook.

A pod gets what its service account has when it is created, as in acksm.sandbox.identity_webhook. `Working` watches, at
every write, whether each controller's running pod can get credentials by the way it was created with.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acksm.ack import charts
from acksm.aws.eks import Addon, Association
from acksm.guide.identity import pod_trust, trust
from acksm.guide.identity.judged import Verdict
from acksm.kube.paths import Ref, ref
from acksm.live import identities
from acksm.sandbox import identity_webhook
from memory_account import CLUSTER, ISSUER, ROLE_ANNOTATION, Fuse, NoEks
from memory_cluster import MemoryCluster
from memory_kube import Json
from memory_world import MemoryWorld

LATE = 2  # restarts until a change of an association has an effect
AGENT_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "agent",
        "namespace": "kube-system",
        "labels": {"app.kubernetes.io/name": "eks-pod-identity-agent"},
    },
    "spec": {"nodeName": "node", "hostNetwork": True, "containers": [{"name": "agent"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


class Eks(NoEks):
    """Associations of one cluster."""

    def __init__(self, fuse: Fuse, world: PodWorld) -> None:
        self._fuse, self._world = fuse, world
        self.now: dict[tuple[str, str], Association] = {}
        self.effective: dict[tuple[str, str], Association] = {}
        self.late = 0
        self.count = 0

    def settle(self) -> None:
        """A pod is created: what was changed some pods ago has an effect."""
        self.late -= 1
        if self.late <= 0:
            self.effective = dict(self.now)

    def _changed(self) -> None:
        self.late = LATE
        self._world.check()

    def pod_identity(self, *account: str) -> Any:
        return self.now.get((account[1], account[2]))

    def associations(self, _cluster: str) -> list[Association]:
        return list(self.now.values())

    def addon(self, _cluster: str, name: str) -> Addon:
        return Addon(name, "ACTIVE")

    def create_association(
        self, cluster: str, namespace: str, service_account: str, role_arn: str, tags: Mapping[str, str]
    ) -> None:
        self._fuse.burn("CreatePodIdentityAssociation")
        role = self._world.iam.get_role(role_arn.rpartition("/")[2])
        assert role is not None
        assert "pods.eks.amazonaws.com" in str(role["trust"]), "Trust policy of the role provided is invalid"
        assert (namespace, service_account) not in self.now
        self.count += 1
        made = Association(role_arn, role_arn, True, f"a-{self.count}", namespace, service_account, dict(tags))
        self.now[(namespace, service_account)] = made
        self._changed()

    def update_association(self, *_: str) -> None: ...

    def create_addon(self, *_: str) -> None: ...

    def delete_addon(self, *_: str) -> None: ...

    def delete_association(self, cluster: str, name: str) -> None:
        self._fuse.burn("DeletePodIdentityAssociation")
        self.now = {key: one for key, one in self.now.items() if one.name != name}
        self._changed()


class Pods(MemoryCluster):
    """Pods as EKS's webhook leaves them."""

    eks: Eks
    world: PodWorld

    def restart(self, namespace: str, deployment: str) -> None:
        self._count += 1  # kubectl's has a time
        super().restart(namespace, deployment)

    def _roll_out(self, location: Ref, live: Json | None) -> None:
        path = ref("Pod", f"{location.name}-0", location.namespace).path
        before = copy.deepcopy(self.objects.get(path))
        super()._roll_out(location, live)
        made = self.objects.get(path)
        if made is None or live is None or made == before:
            return
        self._count += 1
        made["metadata"]["uid"] = f"pod-{self._count}"
        self.eks.settle()
        name = live["spec"]["template"]["spec"]["serviceAccountName"]
        account = self.objects.get(ref("ServiceAccount", name, location.namespace).path) or {"metadata": {}}
        role = (account["metadata"].get("annotations") or {}).get(ROLE_ANNOTATION)
        way = None
        if (location.namespace, name) in self.eks.effective:
            way = identity_webhook.by_association()
        elif role:
            way = identity_webhook.by_annotation(role)
        variables = way.variables if way else {}
        made["spec"]["serviceAccountName"] = name
        made["spec"]["containers"][0]["env"] = [{"name": key, "value": value} for key, value in variables.items()]
        # a controller without credentials exits: the rollout keeps the pod that works
        if before is not None and not self.world.works(made) and self.world.works(before):
            self.objects[path] = {**before, "metadata": {**before["metadata"], "uid": made["metadata"]["uid"]}}


class PodWorld(MemoryWorld):
    """A cluster with the agent on its node. `broken`: what was without a working identity, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.eks = Eks(self.fuse, self)
        self.kube.__class__ = Pods
        self.kube.eks, self.kube.world = self.eks, self  # type: ignore[attr-defined]
        self.kube.put(AGENT_POD)
        self.broken: list[str] = []
        burn = self.fuse.burn

        def watched(call: str = "") -> None:
            self.check(call)
            burn(call)

        self.fuse.burn = watched  # type: ignore[method-assign]

    def target_of(self, at: Any, run: Any) -> Any:
        found = super().target_of(at, run)
        found.aws.eks = self.eks
        return found

    def check(self, call: str = "") -> None:
        """Note each controller that no longer works."""
        for path, item in self.kube.objects.items():
            if item.get("kind") == "Pod" and "serviceAccountName" in item["spec"] and not self.works(item):
                self.broken.append(f"{path} before {call}")

    def works(self, pod: Json) -> bool:
        """Whether a pod gets credentials: one with EKS's variables as long as the association it began with lives or
        its credentials last, which outlive a migration; one with a token by the role's trust policy of now."""
        env = {item["name"]: item["value"] for item in pod["spec"]["containers"][0].get("env") or []}
        account = (pod["metadata"]["namespace"], str(pod["spec"].get("serviceAccountName")))
        subject = trust.subject(*account)
        if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in env:
            association = self.eks.effective.get(account) or self.eks.now.get(account)
            if association is None:
                return True  # its credentials last for hours
            role = self.iam.get_role(association.through.rpartition("/")[2])
            document = role["trust"] if role else None
            return pod_trust.trusts(document, CLUSTER.arn, subject).verdict is Verdict.YES
        if "AWS_ROLE_ARN" not in env:
            return False
        role = self.iam.get_role(env["AWS_ROLE_ARN"].rpartition("/")[2])
        held = role and trust.trusts(role["trust"], ISSUER, subject).verdict is Verdict.YES
        return bool(held) and ISSUER in self.iam.providers

    def snapshot(self) -> Any:
        more = (self.eks.now, self.eks.effective, self.eks.late, self.eks.count)
        return super().snapshot(), copy.deepcopy(more), list(self.broken)

    def restore(self, kept: Any) -> None:
        super().restore(kept[0])
        self.eks.now, self.eks.effective, self.eks.late, self.eks.count = copy.deepcopy(kept[1])
        self.broken = list(kept[2])

    def outcome(self) -> Any:
        """What a migration is about: associations, service accounts, values of releases, IAM, and each pod's way."""
        named = {account: replace(one, name="") for account, one in self.eks.now.items()}
        items = list(self.kube.objects.values())
        accounts = [item["metadata"].get("annotations") for item in items if item.get("kind") == "ServiceAccount"]
        found = [self.release(service) for service in charts.SERVICES]
        values = [(one.status, one.values) for one in found if one]
        pods = [identities.pod(item).way for item in items if item.get("kind") == "Pod"]
        return copy.deepcopy((named, accounts, values, self.iam.roles, self.iam.providers, pods))
