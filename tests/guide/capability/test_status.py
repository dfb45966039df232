"""Who reconciles each service, whose turn it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from acksm.ack.charts import SAGEMAKER, SERVICES
from acksm.aws.eks import Capability
from acksm.guide.capability import status
from acksm.live.running import Flags
from carm_cluster import running

ACTIVE = Capability("ack", "ACTIVE", (), "1.0", "arn:aws:iam::012345678901:role/r")
APART = Capability("ack", "ACTIVE", (*SERVICES, "s3"))
OWN = running(ready=1)
TURNS = {"enable-leader-election": "true", "leader-election-namespace": "kube-system"}
NO_FLAGS: Mapping[str, str] = {}
LEASE = status.Lease("kube-system", "capability-sagemaker_x", "2026-01-01T00:00:00Z")


def observed(
    *found: Capability, own: bool = True, flags: Mapping[str, str] = NO_FLAGS, leases: Any = ()
) -> status.Observed:
    return status.Observed(found, {OWN: Flags(dict(flags))} if own else {}, {SAGEMAKER: list(leases)})


def table(header: Any, rows: Any, *, drop: Any = ()) -> str:
    return "\n".join(" | ".join(row) for row in (header, *rows))


def text(seen: status.Observed) -> str:
    return status._text(seen, status.problems_of(seen, "demo"), table)


@pytest.mark.parametrize(
    ("seen", "problems", "turns"),
    [
        (observed(), 0, False),
        (observed(APART), 0, False),
        (observed(ACTIVE, own=False), 0, False),
        (observed(ACTIVE), 1, False),
        (observed(ACTIVE, flags={"leader-election-namespace": "kube-system"}), 1, False),
        (observed(ACTIVE, flags=TURNS), 0, True),
        (observed(Capability("ack", "DEGRADED", SERVICES, issues=("AccessDenied: no",))), 1, False),
        (observed(Capability("ack", "CREATE_FAILED")), 1, False),
    ],
)
def test_only_what_is_reconciled_twice_or_not_well_is_a_problem(
    seen: status.Observed, problems: int, turns: bool
) -> None:
    assert len(status.problems_of(seen, "demo")) == problems
    assert status._service(seen, SAGEMAKER)["takes_turns"] is turns


def test_a_row_for_each_service() -> None:
    shown = text(observed(ACTIVE, leases=[LEASE], flags=TURNS))
    assert "ack | ACTIVE | 1.0 | arn:aws:iam::012345678901:role/r | none" in shown
    assert f"sagemaker | ack | {OWN} | kube-system: capability-sagemaker_x" in shown
    assert "applicationautoscaling | ack | - | -" in shown
    (problem,) = [line for line in text(observed(ACTIVE)).splitlines() if line.startswith("! ")]
    assert "capability ack (ACTIVE) reconciles sagemaker" in problem
    assert "acksm capability share --service sagemaker" in problem
    assert text(observed()).startswith("the cluster has no EKS capability for ACK")


def test_what_could_not_be_read_is_null_and_unknown() -> None:
    blind = status.Observed(None, None, None, ["not checked: x"])
    assert status._service(blind, SAGEMAKER) == {
        "service": SAGEMAKER,
        "capability": None,
        "controllers": None,
        "takes_turns": None,
        "leases": None,
    }
    assert "sagemaker | unknown | unknown | unknown" in text(blind)
    assert "incomplete: not checked: x" in text(blind)
