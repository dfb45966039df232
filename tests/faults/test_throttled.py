"""IAM throttles an account as a whole: the writers of a fleet that share one wait for each other, and none fails."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.ack.names import SERVICES
from acksm.aws import iam, simulation
from acksm.aws.session import THROTTLED_ATTEMPTS, THROTTLED_PAUSE
from acksm.engine.change import Change, Plan
from acksm.errors import AcksmError
from acksm.fleet.file import File
from acksm.guide.connect import rights
from acksm.guide.identity import iam_role, oidc
from acksm.sandbox.faults import Fault, Faults
from acksm.settings import RoleSettings
from gate import ACCOUNT, CLUSTER, Gate, apply_plan

WRITERS, CLUSTERS_OF_EACH = File.model_fields["writers_per_account"].default, 4


@dataclass
class Turns:
    """A clock for each thread, which passes where it sleeps. Only the one that is furthest behind is awake, so that
    what they do happens in the order of their clocks."""

    at: dict[int, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def now(self) -> float:
        return min(self.at.values())

    def own(self) -> float:
        return self.at[threading.get_ident()]

    def sleep(self, seconds: float) -> None:
        with self._changed:
            self.at[threading.get_ident()] += seconds
            self._wait()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """All at a time, from 0 on."""
        together = threading.Barrier(len(works))

        def begin(work: Callable[[], None]) -> None:
            self.at[threading.get_ident()] = 0.0
            together.wait()
            with self._changed:
                self._wait()
            try:
                work()
            finally:
                with self._changed:
                    del self.at[threading.get_ident()]
                    self._changed.notify_all()

        with ThreadPoolExecutor(len(works)) as pool:
            list(pool.map(begin, works))

    def _wait(self) -> None:
        me = threading.get_ident()
        self._changed.notify_all()
        assert self._changed.wait_for(lambda: min(self.at, key=lambda one: (self.at[one], one)) == me, timeout=60)


class OneThread(Executor):
    """A pool whose work is done at once by who submits it: the clock of a writer is that of its thread."""

    def __init__(self, max_workers: int) -> None:
        assert max_workers

    def submit(self, work: Callable[..., Any], /, *given: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given, **more))
        except AcksmError as error:
            done.set_exception(error)
        return done


def throttling(rate: float = 1, burst: int = 1) -> Fault:
    return Fault(400, "Throttling", "Rate exceeded", rate=rate, burst=burst)


def install(gate: Gate, turns: Turns, number: int) -> None:
    """What `acksm install` does in IAM for one more cluster of the account."""
    aws = gate.session()
    aws.iam._clock, aws.iam._sleep = turns.own, turns.sleep
    issuer = f"{CLUSTER.issuer[:-4]}{number:04d}"
    cluster = replace(CLUSTER, name=f"{CLUSTER.name}-{number}", arn=f"{CLUSTER.arn}-{number}", issuer=issuer)
    provider = oidc.observe(aws, cluster)
    accounts = [("ack-system", "ack-sagemaker-controller")]
    kinds = dict.fromkeys(SERVICES, ())
    want = iam_role.desired(aws.identity(), cluster, RoleSettings(), accounts, provider.arn, kinds=kinds)
    changes: list[Change] = oidc.plan(provider, oidc.desired(cluster, {}))
    changes += iam_role.plan(iam_role.observe(aws, want.name), want)
    rights.check_iam(aws.iam, aws.identity().arn, changes)
    if error := apply_plan(aws, Plan("install", tuple(changes))).error:
        raise error


def test_as_many_writers_as_an_account_has_by_default_all_end_well(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call of a kind a second, and writers that do nothing but call: each cluster takes longer, and none fails."""
    random.seed(WRITERS)
    turns, failed, ends = Turns(), list[str](), list[float]()
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=turns.sleep))
    for module in (iam, iam_role, simulation):
        monkeypatch.setattr(module, "ThreadPoolExecutor", OneThread)
    gate.cloud.faults[ACCOUNT] = Faults({"iam:*": throttling()}, turns.now)

    def work(writer: int) -> None:
        for number in range(CLUSTERS_OF_EACH):
            try:
                install(gate, turns, writer * 100 + number)
            except AcksmError as error:
                failed.append(str(error))
        ends.append(turns.own())

    turns.run([lambda writer=writer: work(writer) for writer in range(WRITERS)])  # type: ignore[misc]
    assert failed == []
    assert max(ends) > WRITERS * CLUSTERS_OF_EACH - 1  # of one kind, one a second


def test_a_bucket_fills_again() -> None:
    fault = throttling(rate=2, burst=3)
    assert [fault.spares(10.0) for _ in range(4)] == [True, True, True, False]
    assert [fault.spares(10.5), fault.spares(10.5)] == [True, False]
    assert [fault.spares(99.0) for _ in range(4)] == [True, True, True, False]
    assert not Fault(400, "Throttling").spares(0.0)


def test_each_action_of_a_service_has_a_bucket_of_its_own() -> None:
    faults = Faults({"iam:*": throttling()}, lambda: 10.0)
    found = [faults.next(action) for action in ("iam:GetRole", "iam:CreateRole", "iam:GetRole", "sts:AssumeRole")]
    assert [fault and fault.code for fault in found] == [None, None, "Throttling", None]


@pytest.mark.parametrize(("own", "attempts"), [("", THROTTLED_ATTEMPTS), ("3", 3)])
def test_a_throttled_call_has_more_attempts_than_others(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, own: str, attempts: int
) -> None:
    """Unless the user says how many any call has."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", own)
    gate.fault("iam:GetRole", status=400, code="Throttling")
    with pytest.raises(AcksmError) as caught:
        gate.session().iam.role_exists("x")
    assert caught.value.id == "aws-throttled"
    assert len(gate.clock.slept) == attempts - 1
    assert max(gate.clock.slept) <= THROTTLED_PAUSE
