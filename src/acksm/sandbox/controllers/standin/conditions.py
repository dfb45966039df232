"""An object's status.conditions as the controllers write them (docs/ack/messages.md#conditions)."""

from __future__ import annotations

from datetime import UTC, datetime

from acksm.json_types import Manifest, Object
from acksm.sandbox.controllers.standin.versions import Release

READY, SYNCED, TERMINAL, RECOVERABLE = "Ready", "ACK.ResourceSynced", "ACK.Terminal", "ACK.Recoverable"
SELECTED, ADOPTED, LATE, ADVISORY = "ACK.IAMRoleSelected", "ACK.Adopted", "ACK.LateInitialized", "ACK.Advisory"
LATE_TEXT = "Late initialization successful"
NO_ROLE = "IAM Role is not available"
SYNCED_TEXT, NOT_SYNCED = "Resource synced successfully", "Resource not synced"
UNKNOWN = "Unable to determine if desired resource state matches latest observed state"
EXISTS = "Resource already exists"
NOT_OURS = (
    "This resource already exists but is not managed by ACK. Adopt it, with the ResourceAdoption feature gate and the "
    "annotations `services.k8s.aws/adoption-policy` and `services.k8s.aws/adoption-fields`."
)
NOT_OURS_OLD = "This resource already exists but is not managed by ACK. Adopt it with an AdoptedResource."
GIVEN_UP = "resource is in terminal condition"

Condition = Object


class Conditions:
    """An object's conditions, one of each type."""

    def __init__(self, status: Manifest | None) -> None:
        self.items: list[Condition] = [dict(item) for item in (status or {}).get("conditions") or []]

    def get(self, kind: str) -> Condition | None:
        return next((item for item in self.items if item["type"] == kind), None)

    def holds(self, kind: str) -> bool:
        found = self.get(kind)
        return found is not None and found["status"] == "True"

    def clear(self) -> None:
        self.items = []

    def set(self, kind: str, status: str, message: str = "", reason: str = "") -> None:
        """Set it; empty message and reason are left out."""
        fresh: Condition = {
            "type": kind,
            "status": status,
            "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        fresh |= {key: value for key, value in (("message", message), ("reason", reason)) if value}
        old = self.get(kind)
        if old is None:
            self.items.append(fresh)
        else:
            self.items[self.items.index(old)] = fresh

    def error(self, message: str, *, terminal: bool) -> None:
        """The condition after a failed call: terminal or recoverable."""
        if terminal:
            self.set(TERMINAL, "True", message)
            return
        if self.get(TERMINAL):
            self.set(TERMINAL, "False")
        self.set(RECOVERABLE, "True", message)

    def success(self) -> None:
        """A successful call ends the condition of an earlier failure."""
        for kind in (TERMINAL, RECOVERABLE):
            if self.get(kind):
                self.set(kind, "False")

    def conclude(self, release: Release, error: str = "", *, terminal: bool = False) -> None:
        """At the end of a reconciliation: ACK.ResourceSynced when nothing set it, and Ready from it (rt 0.53)."""
        if release.has("synced-condition") and self.get(SYNCED) is None:
            if terminal:
                self.set(SYNCED, "False", NOT_SYNCED, GIVEN_UP)
            elif error:
                self.set(SYNCED, "Unknown", UNKNOWN if release.has("unknown-synced") else "", error)
            else:
                self.set(SYNCED, "True", SYNCED_TEXT)
        if not release.has("ready-condition"):
            return
        for kind in (TERMINAL, RECOVERABLE):
            found = self.get(kind)
            if found and found["status"] == "True":
                self.set(READY, "False", str(found.get("message", "")), kind)
                return
        synced = self.get(SYNCED) or {"status": "Unknown", "message": UNKNOWN}
        self.set(READY, synced["status"], str(synced.get("message", "")), str(synced.get("reason", "")))


def not_ours(release: Release) -> str:
    """The reason that goes with "Resource already exists"."""
    return NOT_OURS if release.has("ResourceAdoption") else NOT_OURS_OLD
