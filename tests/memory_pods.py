"""EKS Pod Identity in memory with its delays, and pods that are watched: at each write, whether each has its role.

An association, and its deletion, has an effect some pods later; a pod gets what its service account has when it is
created.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from acksm.ack import charts
from acksm.aws.eks import Association
from acksm.aws.pod_identity import AGENT
from acksm.guide.identity import pod_trust, trust
from acksm.guide.identity.judged import Verdict
from acksm.kube.paths import Ref, ref
from acksm.live import identities
from acksm.live.readiness import AGENT_ENV
from memory_account import CLUSTER, ISSUER, Fuse, MemoryEks
from memory_cluster import MemoryCluster
from memory_kube import Json
from memory_world import MemoryWorld

LATE = 2  # pods that are created until a change of an association has an effect


class LateEks(MemoryEks):
    """Associations that have an effect late. `effective`: those that the webhook and the agent know."""

    def __init__(self, fuse: Fuse, world: PodWorld) -> None:
        super().__init__(fuse)
        self._world, self.late = world, 0
        self.effective: dict[tuple[str, str], Association] = {}

    def settle(self) -> None:
        """A pod is created."""
        self.late -= 1
        if self.late <= 0:
            self.effective = dict(self.associated)

    def create_association(
        self, cluster: str, namespace: str, service_account: str, role_arn: str, tags: Mapping[str, str]
    ) -> None:
        role = self._world.iam.get_role(role_arn.rpartition("/")[2])
        assert role is not None
        assert pod_trust.SERVICE in str(role["trust"]), "Trust policy of the role provided is invalid"
        super().create_association(cluster, namespace, service_account, role_arn, tags)
        self.late = LATE

    def delete_association(self, cluster: str, name: str) -> None:
        super().delete_association(cluster, name)
        self.late = LATE


class Pods(MemoryCluster):
    """Pods that a restart replaces; one without credentials exits, and its rollout keeps the one before."""

    world: PodWorld

    def restart(self, namespace: str, deployment: str) -> None:
        self._count += 1  # kubectl's has a time
        super().restart(namespace, deployment)

    def _roll_out(self, location: Ref, live: Json | None) -> None:
        path = ref("Pod", f"{location.name}-0", location.namespace).path
        before = self.objects.get(path)
        if live is not None and live.get("seen") != live["spec"]["template"]:
            self.world.eks.settle()
        super()._roll_out(location, live)
        made = self.objects.get(path)
        if made is None or live is None or made is before:
            return
        self._count += 1
        made["metadata"]["uid"] = f"pod-{self._count}"
        made["spec"]["serviceAccountName"] = live["spec"]["template"]["spec"]["serviceAccountName"]
        if before is not None and self.world.works(before) and not self.world.works(made):
            self.objects[path] = {**before, "metadata": {**before["metadata"], "uid": made["metadata"]["uid"]}}


class PodWorld(MemoryWorld):
    """A cluster with the agent on its node. `broken`: which pod was without a role, and before which call."""

    def __init__(self) -> None:
        super().__init__()
        eks = LateEks(self.fuse, self)
        eks.changed = self._agent
        self.eks: LateEks = eks
        self.kube.associated = lambda *account: account in eks.effective
        self.kube.__class__ = Pods
        self.kube.world = self  # type: ignore[attr-defined]
        eks.create_addon(CLUSTER.name, AGENT, {})
        self.broken: list[str] = []
        burn = self.fuse.burn

        def watched(_call: str = "") -> None:
            self.check(_call)
            burn(_call)

        self.fuse.burn = watched  # type: ignore[method-assign]

    def check(self, call: str = "") -> None:
        """Note each pod of a controller that does not work."""
        for path, item in self.kube.objects.items():
            if item.get("kind") == "Pod" and "serviceAccountName" in item["spec"] and not self.works(item):
                self.broken.append(f"{path} before {call}")

    def works(self, pod: Json) -> bool:
        """Whether a pod gets credentials: with a token by the role's trust policy of now; by the agent as long as its
        association exists, and afterwards for hours, as what it has does not expire during a migration."""
        env = {item["name"]: item["value"] for item in pod["spec"]["containers"][0].get("env") or []}
        account = (str(pod["metadata"]["namespace"]), str(pod["spec"].get("serviceAccountName")))
        subject = trust.subject(*account)
        if AGENT_ENV in env:
            association = self.eks.associated.get(account)
            document = self._trust(association.through) if association else None
            return association is None or pod_trust.trusts(document, CLUSTER.arn, subject).verdict is Verdict.YES
        document = self._trust(env.get("AWS_ROLE_ARN", ""))
        return trust.trusts(document, ISSUER, subject).verdict is Verdict.YES and ISSUER in self.iam.providers

    def _trust(self, arn: str) -> Any:
        role = self.iam.get_role(arn.rpartition("/")[2]) if arn else None
        return role["trust"] if role else None

    def snapshot(self) -> Any:
        late = copy.deepcopy((self.eks.effective, self.eks.late, self.kube._count))
        return super().snapshot(), late, list(self.broken)

    def restore(self, kept: Any) -> None:
        super().restore(kept[0])
        self.eks.effective, self.eks.late, self.kube._count = copy.deepcopy(kept[1])
        self.broken = list(kept[2])

    def outcome(self) -> Any:
        """What a migration is about: associations, service accounts, values of releases, IAM, and each pod's way."""
        named = {account: replace(one, name="") for account, one in self.eks.associated.items()}
        items = list(self.kube.objects.values())
        accounts = [item["metadata"].get("annotations") for item in items if item.get("kind") == "ServiceAccount"]
        found = [self.release(service) for service in charts.SERVICES]
        values = [(one.status, one.values) for one in found if one]
        pods = [identities.pod(item).way for item in items if item.get("kind") == "Pod"]
        return copy.deepcopy((named, accounts, values, self.iam.roles, self.iam.providers, pods))
