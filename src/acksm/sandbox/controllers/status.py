"""A pod's status as a kubelet writes it. Pure: from what happened to the status patch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from acksm.json_types import Manifest, Object

# a kubelet's: 10 s, doubled with each crash, five minutes at most, forgotten after ten minutes of running
FIRST_BACKOFF, LAST_BACKOFF, FORGIVEN = 10.0, 300.0, 600.0


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Fate:
    """The state of the controller's container. Times are RFC 3339."""

    restarts: int = 0
    ready: bool = False
    started: str = ""  # of the running process, "" without one
    waiting: str = "ContainerCreating"  # reason, while none runs
    message: str = ""
    last: Object = field(default_factory=dict)  # `terminated` of the previous process
    final: str = ""  # the pod's phase once no container is started again: Succeeded or Failed

    def running(self) -> None:
        self.started, self.waiting, self.message, self.ready = now(), "", "", False

    def ended(self, code: int, why: str = "") -> None:
        """The process has ended. Its code is 128 + signal if it was killed, as container runtimes report it."""
        code = 128 - code if code < 0 else code
        reason = why or ("Completed" if code == 0 else "Error")
        self.last = {"exitCode": code, "reason": reason, "startedAt": self.started, "finishedAt": now()}
        self.started, self.ready = "", False

    def completed(self) -> None:
        """It has ended and is not started again."""
        self.over()
        self.final = "Succeeded" if self.last["exitCode"] == 0 else "Failed"

    def over(self) -> None:
        """It has ended and is about to be started again."""
        self.started, self.ready, self.waiting, self.message = "", False, "", ""

    def wait(self, reason: str, message: str = "") -> None:
        self.started, self.ready, self.waiting, self.message = "", False, reason, message


def back_off(crashes: int) -> float:
    """Seconds before the next start, after `crashes` in a row; the first restart comes at once."""
    return 0.0 if crashes <= 1 else float(min(FIRST_BACKOFF * 2 ** (crashes - 2), LAST_BACKOFF))


def patch(pod: Manifest, container: str, fate: Fate) -> Object:
    """The merge patch of the pod's status; containers other than the controller's are shown as running."""
    ready = fate.ready
    statuses = [
        _container(item, fate) if item["name"] == container else _bystander(item, pod)
        for item in pod["spec"]["containers"]
    ]
    reason = (
        {"reason": {"Succeeded": "PodCompleted"}.get(fate.final, "PodFailed")}
        if fate.final
        else {}
        if ready
        else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{container}]"}
    )
    moment = now()
    before = {item["type"]: item for item in (pod.get("status") or {}).get("conditions") or []}

    def condition(kind: str, holds: bool, why: Object) -> Object:
        status = "True" if holds else "False"
        old = before.get(kind, {})
        since = old.get("lastTransitionTime", moment) if old.get("status") == status else moment
        return {"type": kind, "status": status, "lastTransitionTime": since, **why}

    return {
        "status": {
            "phase": fate.final or ("Running" if fate.started or fate.last else "Pending"),
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "startTime": (pod.get("status") or {}).get("startTime") or moment,
            "conditions": [
                condition("Initialized", True, {}),
                condition("Ready", ready, reason),
                condition("ContainersReady", ready, reason),
                condition("PodScheduled", True, {}),
            ],
            "containerStatuses": statuses,
        }
    }


def _container(spec: Manifest, fate: Fate) -> Object:
    if fate.started:
        state: Object = {"running": {"startedAt": fate.started}}
    elif not fate.waiting:
        state = {"terminated": fate.last}
    else:
        state = {"waiting": {"reason": fate.waiting, **({"message": fate.message} if fate.message else {})}}
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": "",
        "ready": fate.ready,
        "started": bool(fate.started),
        "restartCount": fate.restarts,
        "state": state,
        "lastState": {"terminated": fate.last} if fate.last and not fate.final else {},
    }


def _bystander(spec: Manifest, pod: Manifest) -> Object:
    started = (pod.get("status") or {}).get("startTime") or now()
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": started}},
        "lastState": {},
    }
