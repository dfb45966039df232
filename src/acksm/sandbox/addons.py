"""EKS add-ons, which moto lacks: the agent of EKS Pod Identity, the only one that ACK's controllers may need.

https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from acksm.json_types import Json, Manifest, Value
from acksm.sandbox.pod_identity import SETTLES, Owner, RefusedError

AGENT = "eks-pod-identity-agent"
VERSION = "v1.3.9-eksbuild.3"
NAMESPACE = "kube-system"
_LABELS = {"app.kubernetes.io/name": AGENT, "app.kubernetes.io/instance": AGENT}


@dataclass(frozen=True)
class Addon:
    """What EKS has recorded for an add-on of a cluster."""

    name: str
    id: str
    created: float
    tags: Mapping[str, str] = field(default_factory=dict)


class Addons:
    """The add-ons of every cluster. `changed` is called when one comes or goes: it makes the DaemonSet."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._made: dict[tuple[Owner, str], Addon] = {}
        self.changed: Callable[[Owner, bool], None] = lambda _owner, _there: None

    def empty(self, account: str) -> None:
        """Forget the add-ons of the account's clusters."""
        for owner, name in list(self._made):
            if owner.account == account:
                del self._made[(owner, name)]
                self.changed(owner, False)

    def answer(self, verb: str, owner: Owner, asked: Mapping[str, Value]) -> Json:
        """The body of EKS's answer. Raises RefusedError."""
        if verb == "ListAddons":
            return {"addons": [name for of, name in self._made if of == owner]}
        key = (owner, str(asked["addonName"]))
        if verb == "CreateAddon":
            if key[1] != AGENT:
                raise RefusedError(400, "InvalidParameterException", f"Addon {key[1]} specified is not supported")
            if key in self._made:
                raise RefusedError(409, "ResourceInUseException", "Addon already exists.")
            self._made[key] = Addon(key[1], secrets.token_hex(16), self._clock(), dict(asked.get("tags") or {}))
            self.changed(owner, True)
        found = self._made.get(key)
        if found is None:
            message = f"No addon: {key[1]} found in cluster: {owner.cluster}"
            raise RefusedError(404, "ResourceNotFoundException", message)
        if verb == "DeleteAddon":
            del self._made[key]
            self.changed(owner, False)
            return {"addon": self._described(owner, found, "DELETING")}
        ready = self._clock() - found.created >= SETTLES
        return {"addon": self._described(owner, found, "ACTIVE" if ready else "CREATING")}

    def _described(self, owner: Owner, found: Addon, status: str) -> Json:
        return {
            "addonName": found.name,
            "clusterName": owner.cluster,
            "status": status,
            "addonVersion": VERSION,
            "health": {"issues": []},
            "addonArn": f"{owner.arn.replace(':cluster/', ':addon/')}/{found.name}/{found.id}",
            "createdAt": found.created,
            "modifiedAt": found.created,
            "tags": dict(found.tags),
        }


def daemon_set() -> Manifest:
    """The agent's DaemonSet, one pod for each Linux node that is no Fargate node."""
    container = {"name": AGENT, "image": f"eks/{AGENT}:{VERSION}", "args": ["server"]}
    other = {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate", "auto", "hybrid"]}
    terms = [{"matchExpressions": [other, {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": AGENT, "namespace": NAMESPACE, "labels": _LABELS},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "hostNetwork": True,
                    "tolerations": [{"operator": "Exists"}],
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
                    },
                    "containers": [container],
                },
            },
        },
    }
