"""Who reconciles a service beside an EKS capability: every status, list and Lease."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.ack.charts import AUTOSCALING, SAGEMAKER, SERVICES
from acksm.aws.eks import Capability
from acksm.errors import AcksmError
from acksm.live import capability

STATUSES = ("ACTIVE", "CREATING", "UPDATING", "DEGRADED", "DELETING", "DELETE_FAILED", "CREATE_FAILED")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("disabled", [(), (SAGEMAKER,), (SAGEMAKER, "s3"), ("sagemaker ",), SERVICES])
def test_what_a_capability_reconciles(status: str, disabled: tuple[str, ...]) -> None:
    found = capability.reconciled(Capability("ack", status, disabled), SERVICES)
    if status == "CREATE_FAILED":
        assert found == []
    elif status == "UPDATING":  # the list is the one to come
        assert found == list(SERVICES)
    else:
        assert found == [service for service in SERVICES if service not in disabled]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"leaderElection": None}, False),
        ({"leaderElection": {"enabled": False, "namespace": "kube-system"}}, False),  # as a page of AWS has it
        ({"leaderElection": {"enabled": True, "namespace": ""}}, False),
        ({"leaderElection": {"enabled": True, "namespace": "ack-system"}}, False),
        ({"leaderElection": {"enabled": True, "namespace": "kube-system"}}, True),
        ({"leaderElection": {"enabled": "true", "namespace": "kube-system"}}, True),
    ],
)
def test_values_and_flags_that_take_turns(values: Any, expected: bool) -> None:
    assert capability.values_share(values) is expected
    election = values.get("leaderElection") or {}
    flags = {"leader-election-namespace": election.get("namespace", "")}
    if str(election.get("enabled", "")).lower() == "true":
        flags["enable-leader-election"] = "true"
    assert capability.flags_share(flags, "ack-system") is expected
    assert capability.flags_share({"enable-leader-election": "true"}, "kube-system")


def conflict(found: list[Capability], turns: dict[str, bool], installed: tuple[str, ...] = ()) -> AcksmError | None:
    judged = capability.judge(found, turns)
    try:
        judged.raise_conflict("demo", [service for service in turns if service not in judged.services], installed)
    except AcksmError as error:
        return error
    return None


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("disabled", [(), (SAGEMAKER,), (AUTOSCALING,), SERVICES])
@pytest.mark.parametrize("turns", [(False, False), (True, False), (True, True)])
def test_a_conflict_is_exactly_what_both_would_reconcile(
    status: str, disabled: tuple[str, ...], turns: tuple[bool, bool]
) -> None:
    services = dict(zip(SERVICES, turns, strict=True))
    item = Capability("ack", status, disabled)
    both = [name for name in capability.reconciled(item, SERVICES) if not services[name]]
    error = conflict([item], services)
    assert (error is None) is (not both)
    if error is not None:
        assert (error.id, error.exit_code, error.details["services"]) == ("capability-conflict", 6, both)
        assert f"ack ({status}) reconciles {', '.join(both)}" in error.message
    assert conflict([], services) is None


@pytest.mark.parametrize(
    ("item", "services", "installed", "remedy"),
    [
        (
            Capability("ack", "ACTIVE"),
            SERVICES,
            (),
            "acksm capability share --service sagemaker --service applicationautoscaling   (then run this command "
            "again; or leave sagemaker and applicationautoscaling to the capability: install nothing for them)",
        ),
        (
            Capability("ack", "ACTIVE", (AUTOSCALING,)),
            SERVICES,
            (),
            "acksm capability share --service sagemaker   (then run this command again; or leave sagemaker to the "
            "capability: acksm install --service applicationautoscaling)",
        ),
        (
            Capability("ack", "DEGRADED", (), issues=("AccessDenied: no",)),
            (SAGEMAKER,),
            (SAGEMAKER,),
            "acksm capability share --service sagemaker   (then run this command again; or leave sagemaker to the "
            "capability: acksm cleanup --service sagemaker)",
        ),
        (
            Capability("ack", "DELETING"),
            (SAGEMAKER,),
            (SAGEMAKER,),
            "acksm capability status   (until the capability is deleted; then run this command again)",
        ),
    ],
    ids=["both", "one", "installed", "deleting"],
)
def test_both_ways_out_are_commands(
    item: Capability, services: tuple[str, ...], installed: tuple[str, ...], remedy: str
) -> None:
    error = conflict([item], dict.fromkeys(services, False), installed)
    assert error is not None
    assert error.remedy == remedy
    assert all(issue in error.message for issue in item.issues)


def test_what_is_no_conflict_is_noted() -> None:
    turns = dict.fromkeys(SERVICES, False)
    assert capability.judge([Capability("ack", "ACTIVE", SERVICES)], turns).notes == [
        "EKS capability ack (ACTIVE) leaves out sagemaker, applicationautoscaling"
    ]
    (note,) = capability.judge([Capability("ack", "ACTIVE")], {SAGEMAKER: True}).notes
    assert note.startswith("sagemaker is reconciled by whoever holds Lease kube-system/ack-sagemaker.services.k8s.aws")
    (note,) = capability.judge([Capability("ack", "CREATE_FAILED")], turns).notes
    assert note == "EKS capability ack (CREATE_FAILED) runs no controllers"


@pytest.mark.parametrize(("status", "ready"), [("ACTIVE", 1), ("UPDATING", 1), ("CREATING", 0), ("DELETING", 0)])
def test_a_cleanup_counts_it_as_a_controller_beside_its_own(status: str, ready: int) -> None:
    found = capability.controllers([Capability("ack", status, (AUTOSCALING,))], [SAGEMAKER])
    assert [(one.service, one.ready, str(one)) for one in found] == [
        (SAGEMAKER, ready, "sagemaker of EKS capability ack")
    ]
    assert found[0].reconciles("Model", "anywhere")
