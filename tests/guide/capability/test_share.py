"""Services are taken out of a capability: nothing that it leaves out already is lost, and nothing else is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack.charts import AUTOSCALING, SAGEMAKER, SERVICES
from acksm.aws.eks import Capability
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError, OutdatedError
from acksm.events import silent
from acksm.guide.capability import share
from clock import Clock

ARN = "arn:aws:eks:us-west-2:012345678901:capability/demo/ack/ack/x"
names = st.lists(st.sampled_from((*SERVICES, "s3", "ec2", "Sagemaker", "")), max_size=6, unique=True)


class Eks:
    """EKS with one capability; after an update it is UPDATING until it was described twice."""

    def __init__(self, item: Capability) -> None:
        self.item, self.left, self.updates = item, 0, list[tuple[str, ...]]()

    def ack_capabilities(self, _cluster: str) -> list[Capability]:
        self.left -= 1
        if self.left <= 0 and self.item.status in {"UPDATING", "CREATING"}:
            self.item = replace(self.item, status="ACTIVE")
        return [self.item]

    def disable_services(self, _cluster: str, _capability: str, services: Sequence[str]) -> None:
        if self.item.status != "ACTIVE":
            raise AcksmError("capability-busy", "it is changed")
        self.updates.append(tuple(services))
        self.item, self.left = replace(self.item, status="UPDATING", disabled=tuple(services)), 2


def apply(eks: Eks, changes: Sequence[Change]) -> None:
    deadline = Clock().deadline(60)
    target: Any = SimpleNamespace(aws=SimpleNamespace(eks=eks), cluster=SimpleNamespace(name="demo"), deadline=deadline)
    calls = share.dispatch(target, silent)
    for change in changes:
        calls[change.call](**change.params)


@given(before=names, asked=st.lists(st.sampled_from(SERVICES), min_size=1, max_size=2, unique=True))
def test_the_list_is_a_union_and_a_second_run_does_nothing(before: list[str], asked: list[str]) -> None:
    eks = Eks(Capability("ack", "ACTIVE", tuple(before), arn=ARN))
    changes, notes = share.plan([eks.item], asked, "demo")
    assert notes == []
    apply(eks, changes)
    assert eks.item.status == "ACTIVE"
    assert {*before, *asked} == {*eks.item.disabled}
    assert eks.item.disabled[: len(before)] == tuple(before)
    assert len(eks.updates) == (0 if {*asked} <= {*before} else 1)
    assert share.plan([eks.item], asked, "demo") == ([], [])


def test_a_change_is_shown_and_asked_for() -> None:
    (change, wait), _ = share.plan([Capability("ack", "ACTIVE", ("s3",), arn=ARN)], [SAGEMAKER], "demo")
    assert (change.target, change.danger, wait.op) == (ARN, Danger.MILD, Op.WAIT)
    assert (change.before, change.after) == (
        {"disabledServices": ["s3"]},
        {"disabledServices": ["s3", SAGEMAKER]},
    )
    assert change.reason == "it would no longer reconcile sagemaker"


@pytest.mark.parametrize("status", ["CREATING", "UPDATING"])
def test_one_that_eks_changes_is_waited_for_first(status: str) -> None:
    eks = Eks(Capability("ack", status, (AUTOSCALING,)))
    eks.left = 3
    changes, _ = share.plan([eks.item], SERVICES, "demo")
    assert [change.op for change in changes] == [Op.WAIT, Op.UPDATE, Op.WAIT]
    apply(eks, changes)
    assert eks.item.disabled == (AUTOSCALING, SAGEMAKER)
    (wait,), _ = share.plan([Capability("ack", status, SERVICES)], SERVICES, "demo")
    assert wait.op is Op.WAIT  # what is asked for already takes effect only then


def test_what_there_is_nothing_to_take_out_of() -> None:
    assert share.plan([], SERVICES, "demo") == ([], ["cluster demo has no EKS capability for ACK"])
    for status in ("CREATE_FAILED", "DELETING"):
        changes, notes = share.plan([Capability("ack", status)], SERVICES, "demo")
        assert (changes, notes) == ([], [f"EKS capability ack is {status} and is not changed"])


def test_a_list_that_another_user_changed_is_planned_again() -> None:
    eks = Eks(Capability("ack", "ACTIVE", ("s3",)))
    changes, _ = share.plan([eks.item], SERVICES, "demo")
    eks.item = replace(eks.item, disabled=("s3", "ec2"))
    with pytest.raises(OutdatedError):
        apply(eks, changes)
    assert eks.updates == []


def test_a_list_that_eks_would_refuse() -> None:
    full = tuple(f"s{number}" for number in range(share.MOST - 1))
    share.plan([Capability("ack", "ACTIVE", full)], [SAGEMAKER], "demo")
    with pytest.raises(AcksmError) as raised:
        share.plan([Capability("ack", "ACTIVE", full)], SERVICES, "demo")
    assert (raised.value.id, raised.value.exit_code) == ("capability-full", 6)


@pytest.mark.parametrize("status", ["DEGRADED", "DELETING", "DELETE_FAILED"])
def test_a_capability_that_does_not_get_active_ends_the_wait(status: str) -> None:
    item = Capability("ack", status, SERVICES, issues=("ClusterUnreachable: no",))
    found = share.progress(item, SERVICES)
    assert found.failure is not None
    assert (found.failure.id, "ClusterUnreachable: no" in found.failure.message) == ("capability-not-active", True)
    assert share.progress(None, SERVICES).done
    assert not share.progress(Capability("ack", "ACTIVE", (SAGEMAKER,)), SERVICES).done
