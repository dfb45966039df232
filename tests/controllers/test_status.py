"""The pod's status as a kubelet writes it."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.sandbox.controllers import status
from acksm.sandbox.controllers.status import Fate

POD: dict[str, Any] = {
    "spec": {"containers": [{"name": "controller", "image": "i"}, {"name": "sidecar", "image": "s"}]},
    "status": {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2020-01-01T00:00:00Z"}]},
}


def shown(fate: Fate) -> dict[str, Any]:
    told: dict[str, Any] = status.patch(POD, "controller", fate)["status"]
    return told


def condition(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(item for item in told["conditions"] if item["type"] == kind)


def test_a_container_that_is_being_made() -> None:
    told = shown(Fate())
    assert told["phase"] == "Pending"
    assert told["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert condition(told, "Ready")["reason"] == "ContainersNotReady"


def test_running_is_not_yet_ready_and_the_time_of_a_condition_stays_while_it_does() -> None:
    fate = Fate()
    fate.running()
    told = shown(fate)
    assert told["phase"] == "Running"
    assert "running" in told["containerStatuses"][0]["state"]
    assert not told["containerStatuses"][0]["ready"]
    assert condition(told, "Ready")["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    fate.ready = True
    ready = condition(shown(fate), "Ready")
    assert ready["status"] == "True"
    assert ready["lastTransitionTime"] > "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(("code", "told", "reason"), [(1, 1, "Error"), (-9, 137, "Error"), (0, 0, "Completed")])
def test_a_crash_is_shown_with_its_code_while_it_waits(code: int, told: int, reason: str) -> None:
    fate = Fate()
    fate.running()
    fate.ready = True
    fate.ended(code)
    fate.wait("CrashLoopBackOff", "back-off 10s restarting failed container")
    fate.restarts = 3
    one, other = shown(fate)["containerStatuses"]
    assert one["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert one["lastState"]["terminated"]["exitCode"] == told
    assert one["lastState"]["terminated"]["reason"] == reason
    assert (one["restartCount"], one["ready"]) == (3, False)
    assert other["ready"]


def test_between_two_runs_it_is_terminated() -> None:
    fate = Fate()
    fate.running()
    fate.ended(1)
    fate.over()
    assert shown(fate)["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1


def test_the_back_off_doubles_up_to_five_minutes() -> None:
    assert [status.back_off(n) for n in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]
