"""EKS capabilities, which moto lacks: their records. `controllers.managed` runs the controllers of those of type ACK.

https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCapability.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from acksm.json_types import Json, Value
from acksm.sandbox.pod_identity import SETTLES, Owner, RefusedError, check_role

SERVICE = "capabilities.eks.amazonaws.com"


@dataclass(frozen=True)
class Capability:
    """What EKS has recorded for a capability. `deleted`: since when it goes, None for one that is kept."""

    name: str
    type: str
    role: str
    created: float
    changed: float
    configuration: Mapping[str, Json]
    deleted: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(16))


class Capabilities:
    """The capabilities of every cluster: one of each type."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._made: dict[tuple[Owner, str], Capability] = {}
        # called with the capability of type ACK of a cluster when it changes, None when it no longer exists
        self.changed: Callable[[Owner, Capability | None], None] = lambda _owner, _found: None

    def empty(self, account: str) -> None:
        """Forget the capabilities of the account's clusters."""
        for key in [key for key in self._made if key[0].account == account]:
            if self._made.pop(key).type == "ACK":
                self.changed(key[0], None)

    def answer(self, verb: str, owner: Owner, asked: Mapping[str, Value]) -> Json:
        """The body of EKS's answer. Raises RefusedError."""
        living = self._living(owner)
        if verb == "ListCapabilities":
            keys = ("capabilityName", "arn", "type", "status", "version", "createdAt", "modifiedAt")
            described = [self._described(owner, found) for found in living]
            return {"capabilities": [{key: item[key] for key in keys} for item in described]}
        key = (owner, str(asked["capabilityName"]))
        if verb == "CreateCapability":
            if any(key[1] == found.name or asked["type"] == found.type for found in living):
                raise RefusedError(
                    409, "ResourceInUseException", f"A capability of type {asked['type']} exists already"
                )
            check_role(owner, str(asked["roleArn"]), SERVICE)
            now, name, kind = self._clock(), key[1], str(asked["type"])
            made = Capability(name, kind, str(asked["roleArn"]), now, now, {}, tags=dict(asked.get("tags") or {}))
            self._made[key] = self._configured(made, asked)
            self._tell(owner, self._made[key])
        found = next((item for item in self._living(owner) if item.name == key[1]), None)
        if found is None:
            raise RefusedError(404, "ResourceNotFoundException", f"No capability found for name: {key[1]}")
        if verb == "UpdateCapability":
            if (status := self._status(found)) != "ACTIVE":
                raise RefusedError(409, "ResourceInUseException", f"Capability {found.name} is in status {status}")
            self._made[key] = self._configured(found, asked)
            self._tell(owner, self._made[key])
            update = {"id": secrets.token_hex(16), "status": "InProgress", "params": [], "errors": []}
            return {"update": {**update, "type": "CapabilityUpdate", "createdAt": self._clock()}}
        if verb == "DeleteCapability":
            found = self._made[key] = replace(found, deleted=self._clock())
            self._tell(owner, found)
        return {"capability": self._described(owner, found)}

    def _tell(self, owner: Owner, found: Capability) -> None:
        if found.type == "ACK":
            self.changed(owner, found if found.deleted is None else None)

    def _status(self, found: Capability) -> str:
        if found.deleted is not None:
            return "DELETING"
        if self._clock() - found.changed >= SETTLES:
            return "ACTIVE"
        return "CREATING" if found.changed == found.created else "UPDATING"

    def _living(self, owner: Owner) -> list[Capability]:
        now = self._clock()
        found = [item for key, item in self._made.items() if key[0] == owner]
        return [item for item in found if item.deleted is None or now - item.deleted < SETTLES]

    def _configured(self, before: Capability, asked: Mapping[str, Value]) -> Capability:
        """A list in the request replaces the old one; what the request leaves out is kept."""
        given = (asked.get("configuration") or {}).get("ack") or {}
        if before.type == "ACK":
            known = before.configuration.get("ack") or {"enableCrossNamespace": False, "disabledServices": []}
            return replace(before, changed=self._clock(), configuration={"ack": {**known, **given}})
        return replace(before, changed=self._clock())

    def _described(self, owner: Owner, found: Capability) -> Json:
        return {
            "capabilityName": found.name,
            "arn": f"{owner.arn.replace(':cluster/', ':capability/')}/{found.type.lower()}/{found.name}/{found.id}",
            "clusterName": owner.cluster,
            "type": found.type,
            "roleArn": found.role,
            "status": self._status(found),
            "version": "1.0.0",
            "configuration": dict(found.configuration),
            "tags": dict(found.tags),
            "health": {"issues": []},
            "createdAt": found.created,
            "modifiedAt": found.changed,
            "deletePropagationPolicy": "RETAIN",
        }
