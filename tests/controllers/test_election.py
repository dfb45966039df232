"""The stand-in's leader election: client-go's rules, over an apiserver in memory with optimistic locking."""

from __future__ import annotations

import copy
import threading
from typing import Any

from hypothesis import given, strategies as st

from acksm.sandbox.controllers.kube import KubeError
from acksm.sandbox.controllers.standin.election import Election
from acksm.sandbox.controllers.standin.log import Log


class Apiserver:
    """One Lease. `refuses`: the status of every answer, 0 for none."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.paths: set[str] = set()
        self.refuses = 0
        self.now = 0.0

    def get(self, path: str) -> Any:
        self.paths.add(path)
        if self.refuses:
            raise KubeError(self.refuses, "Forbidden", "not allowed")
        return copy.deepcopy(self.lease)

    def request(self, _method: str, path: str, body: Any) -> Any:
        self.paths.add(path)
        version = self.lease["metadata"]["resourceVersion"] if self.lease else 0
        if self.lease and body["metadata"].get("resourceVersion") != version:
            raise KubeError(409, "Conflict", "changed")
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = version + 1
        return copy.deepcopy(self.lease)

    def candidate(self, host: str, clock: Any = None) -> Election:
        kube: Any = self
        return Election(kube, "sagemaker", "kube-system", host, Log("error"), clock=clock or (lambda: self.now))


def test_a_second_controller_waits_until_the_lease_runs_out() -> None:
    server = Apiserver()
    one, two = server.candidate("one"), server.candidate("two")
    assert one.attempt()
    assert server.lease
    assert server.lease["metadata"]["name"] == "ack-sagemaker.services.k8s.aws"
    assert server.lease["spec"]["holderIdentity"].startswith("one_")
    assert server.lease["spec"]["leaseDurationSeconds"] == 15
    assert not two.attempt()
    server.now = 14.9
    assert not two.attempt()  # since it saw the Lease change, not since the holder says that it did
    server.now = 15.0
    assert two.attempt()
    assert server.lease["spec"]["leaseTransitions"] == 1
    assert not one.attempt()


@given(steps=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 9)), max_size=60))
def test_two_controllers_never_lead_at_once(steps: list[tuple[int, float]]) -> None:
    """However long each pauses, where one that could not renew for the deadline ends, as `hold` does."""
    server = Apiserver()
    candidates = [server.candidate(name) for name in ("one", "two", "three")]
    renewed: dict[int, float] = {}
    for which, pause in steps:
        server.now += pause
        renewed = {index: at for index, at in renewed.items() if server.now - at <= candidates[index].deadline}
        if candidates[which].attempt():
            renewed[which] = server.now
        assert len(renewed) <= 1


def test_a_leader_that_cannot_renew_ends_before_another_leads() -> None:
    server = Apiserver()
    times = iter(float(number) for number in range(1000))
    one = server.candidate("one", clock=lambda: next(times))
    one.period = 0.0
    assert one.acquire(threading.Event())
    server.refuses = 403
    assert not one.hold(threading.Event())
    assert next(times) < 15
    ended = threading.Event()
    ended.set()
    assert not one.acquire(ended)
    assert one.hold(ended)  # told to end: the Lease is not released, and runs out
    assert server.lease
    assert server.lease["spec"]["holderIdentity"]


def test_the_scaled_times_keep_their_order() -> None:
    for pace in (0.01, 0.1, 0.25, 1.0):
        kube: Any = Apiserver()
        election = Election(kube, "sagemaker", "ack-system", "one", Log("error"), pace=pace)
        assert election.seconds > election.deadline > election.period > 0
