"""One acksm at a time: who holds the Lease, who waits for it, who takes over. Clocks and pauses are the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from acksm import presence
from acksm.engine import lease
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError, OutdatedError
from acksm.events import Event, Kind
from acksm.kube.paths import ref
from acksm.presence import Presence
from memory_kube import Json, MemoryKube

PLACE = ref("Lease", lease.NAME, "ack-system")
ANN = "ann@host (process 7): acksm cleanup"
Meanwhile = Callable[[MemoryKube, int], object]


class Holding:
    """A cluster in memory and one acksm that wants the Lease; `meanwhile(kube, n)` happens at its n-th pause."""

    def __init__(self, *, patience: float = 50.0, timeout: float = 900.0, meanwhile: Meanwhile | None = None) -> None:
        self.kube, self.events, self.now, self.pauses = MemoryKube(), list[Event](), 0.0, 0
        self.meanwhile, self.patience = meanwhile, patience
        self.deadline = Deadline(timeout, clock=lambda: self.now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now, self.pauses = self.now + seconds, self.pauses + 1
        if self.meanwhile:
            self.meanwhile(self.kube, self.pauses)

    def held(self, *, last: bool = False) -> AbstractContextManager[bool]:
        emit, patience = self.events.append, self.patience
        return lease.held(self.kube, "ack-system", "install", emit, self.deadline, patience, last=last)

    def refusal(self) -> AcksmError:
        before = self.live["metadata"]["resourceVersion"] if self.kube.get(PLACE) else ""
        with pytest.raises(AcksmError) as caught, self.held():
            pytest.fail("it has to be refused")
        if not self.meanwhile:
            assert self.live["metadata"]["resourceVersion"] == before, "a refusal writes nothing"
        return caught.value

    def outdated(self) -> OutdatedError:
        with pytest.raises(OutdatedError) as caught, self.held():
            pytest.fail("it has to plan again")
        return caught.value

    @property
    def live(self) -> Json:
        found = self.kube.get(PLACE)
        assert found is not None
        return found

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if event.kind is Kind.NOTE]


def stamp(skew: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=skew)).strftime(lease._FORM)


def other(run: str = "f" * 32, *, skew: float = -60.0, holder: str = ANN, machine: str | None = None) -> dict[str, Any]:
    """Another's Lease, made a minute ago. Without `machine` on this one."""
    manifest = lease._Me("ack-system", holder, run).manifest()
    manifest["spec"] |= {"acquireTime": stamp(skew), "renewTime": stamp(skew)}
    if machine is not None:
        manifest["metadata"]["annotations"][lease.MACHINE] = machine
    return manifest


def renew(kube: MemoryKube, skew: float = 0.0) -> None:
    kube.patch(PLACE, {"spec": {"renewTime": stamp(skew)}})


@pytest.fixture(autouse=True)
def _another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No run is known from the test before."""
    monkeypatch.setattr(lease, "_known", set[str]())


@pytest.fixture
def killed() -> Iterator[str]:
    """A run of this machine that was killed: the kernel has released its lock, and its file is left."""
    one = Presence.begin()
    one.end(forget=False)
    yield one.run
    presence.remove(one.run)


@pytest.fixture
def running() -> Iterator[str]:
    """A run of this machine that goes on, or whose helm does."""
    one = Presence.begin()
    yield one.run
    one.end(forget=True)


@pytest.mark.parametrize("last", [False, True])
def test_it_has_a_holder_while_it_is_held_and_the_last_run_deletes_it(last: bool) -> None:
    one = Holding()
    with one.held(last=last) as locked:
        assert locked
        assert "acksm install" in one.live["spec"]["holderIdentity"]
        assert lease.is_held(one.kube, "ack-system")
    assert (one.kube.get(PLACE) is None) is last
    assert not lease.is_held(one.kube, "ack-system")
    with one.held() as locked:
        assert locked
    assert not any(event.text for event in one.events)


def test_it_is_released_when_the_work_fails() -> None:
    one = Holding()
    with pytest.raises(AcksmError) as caught, one.held():
        raise AcksmError("timed-out", "slow")
    assert caught.value.id == "timed-out"
    assert not lease.is_held(one.kube, "ack-system")


# a holder that ended, and released it


@pytest.mark.parametrize(("machine", "skew"), [(None, 0.0), ("another", 0.0), ("another", 55.0), ("another", -55.0)])
def test_a_plan_from_before_another_run_is_made_again_once(machine: str | None, skew: float) -> None:
    """As after a question that was answered late; also where its machine's clock differs from this one's."""
    one = Holding()
    one.kube.create(other(machine=machine, holder="", skew=skew - 1.0))
    one.now = 5.0  # it was planned, and the question answered, for five seconds
    before = one.live
    left = one.outdated().left
    assert (one.pauses, left) == (0, {"timeout": 895.0, "lock_timeout": 50.0})
    assert one.live == before, "others that wait would plan again, although it changed nothing"
    with one.held() as locked:
        assert locked


def test_a_plan_from_after_another_run_is_applied() -> None:
    one = Holding()
    one.kube.create(other(holder="", skew=-6.0))
    one.now = 5.0
    with one.held() as locked:
        assert locked


# a holder that was killed on this machine


def test_one_that_was_killed_here_is_replaced_at_once(killed: str) -> None:
    one = Holding()
    one.kube.create(other(killed))
    with one.held() as locked:
        assert locked
        assert "acksm install" in one.live["spec"]["holderIdentity"]
    assert (one.pauses, one.notes) == (0, [f"{ANN} ended without releasing the lock; taking it over"])
    assert not lease.is_held(one.kube, "ack-system")


def test_one_that_was_killed_while_helm_was_at_work_is_replaced_and_the_plan_made_again() -> None:
    """helm may have gone on without it, after this run had read the cluster."""
    killed = Presence.begin()
    with presence.child():
        killed.end(forget=False)
    one = Holding()
    one.kube.create(other(killed.run))
    one.outdated()
    assert one.now == 0
    with one.held() as locked:
        assert locked


def test_without_patience_too(killed: str) -> None:
    one = Holding(patience=0.0)
    one.kube.create(other(killed))
    with one.held() as locked:
        assert locked


def test_one_that_worked_after_this_command_began_lets_it_plan_again(killed: str) -> None:
    one = Holding()
    one.kube.create(other(killed, skew=-5.0))
    one.now = 10.0  # it was planned for ten seconds, and the other renewed five seconds ago
    one.outdated()
    assert not lease.is_held(one.kube, "ack-system")


def test_one_that_lives_here_is_never_replaced_however_silent(running: str) -> None:
    """Stopped by Ctrl-Z, or killed while its helm goes on."""
    one = Holding(patience=600.0)
    one.kube.create(other(running))
    error = one.refusal()
    assert (error.id, one.now) == ("cluster-busy", 600.0)
    assert "or a helm that it started, runs on this machine" in error.message


def test_what_lives_here_is_waited_for() -> None:
    helm = Presence.begin()
    one = Holding(meanwhile=lambda _kube, n: helm.end(forget=False) if n == 3 else None)
    one.kube.create(other(helm.run))
    left = one.outdated().left
    assert (one.pauses, left) == (3, {"timeout": 897.0, "lock_timeout": 47.0})


@pytest.mark.parametrize("machine", ["", "another"])
def test_what_the_lease_says_of_another_machine_is_not_concluded_from_here(killed: str, machine: str) -> None:
    one = Holding(patience=0.0)
    one.kube.create(other(killed, machine=machine))
    assert one.refusal().id == "cluster-busy"


# a holder elsewhere


@settings(max_examples=60)
@given(st.floats(-3600, 3600), st.integers(1, 8), st.integers(0, 120))
def test_whatever_the_clocks_say_one_that_renews_is_never_replaced(skew: float, every: int, patience: int) -> None:
    one = Holding(patience=patience, meanwhile=lambda kube, n: renew(kube, skew) if n % every == 0 else None)
    one.kube.create(other(skew=skew, machine="another"))
    error = one.refusal()
    assert error.id == "cluster-busy"
    assert one.now == patience
    assert one.live["spec"]["holderIdentity"] == ANN


@settings(max_examples=60)
@given(st.floats(-3600, 3600), st.sampled_from([0.0, 10.0, 29.0, 31.0, 50.0, 600.0]))
def test_whatever_the_clocks_say_one_that_is_silent_is_replaced(skew: float, patience: float) -> None:
    one = Holding(patience=patience)
    one.kube.create(other(skew=skew, machine="another"))
    if patience < lease.DURATION_SECONDS:
        assert one.refusal().id == "cluster-busy"
        return
    one.outdated()
    assert one.now == lease.DURATION_SECONDS
    with one.held() as locked:
        assert locked


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        {"holderIdentity": ""},
        {"holderIdentity": ANN},
        {"holderIdentity": ANN, "leaseDurationSeconds": 10**9, "renewTime": "2999-01-01T00:00:00.000000Z"},
        {"holderIdentity": ANN, "renewTime": "yesterday", "acquireTime": None},
    ],
)
def test_a_lease_of_any_form_ends(spec: Any) -> None:
    """One that nobody holds is free (as client-go has it); one that says who holds it is watched."""
    one = Holding()
    manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": lease.NAME}, "spec": spec}
    manifest["metadata"]["namespace"] = "ack-system"
    one.kube.create(manifest)
    if spec and spec.get("holderIdentity"):
        one.outdated()
    with one.held() as locked:
        assert locked
    assert one.now == (lease.DURATION_SECONDS if spec and spec.get("holderIdentity") else 0)


def test_one_that_is_given_back_is_followed_and_the_plan_made_again() -> None:
    one = Holding(meanwhile=lambda kube, n: kube.delete(PLACE) if n == 4 else renew(kube))
    one.kube.create(other(machine="another"))
    left = one.outdated().left
    assert (one.pauses, left) == (4, {"timeout": 896.0, "lock_timeout": 46.0})
    assert one.notes == ["another acksm changed this cluster since the plan was made; planning again"]
    assert not lease.is_held(one.kube, "ack-system"), "whoever plans again asks again"


def test_the_second_is_told_who_holds_it_since_when_and_for_how_long_it_waited() -> None:
    one = Holding(patience=0.0)
    one.kube.create(other(machine="another", skew=-60.2))
    error = one.refusal()
    assert (error.id, one.pauses) == ("cluster-busy", 0)
    assert error.message == f"{ANN} holds the lock, acquired 60 s ago"
    assert "--lock-timeout" in error.remedy
    two = Holding(patience=3.0, meanwhile=lambda kube, _n: renew(kube))
    two.kube.create(other(machine="another", skew=-60.2))
    assert two.refusal().message == f"{ANN} holds the lock, acquired 60 s ago; waited 3 s for it"
    assert {e.text for e in two.events if e.kind is Kind.PROGRESS and e.text} == {
        f"the lock of this cluster: {ANN} holds it; waiting 3 s at most"
    }


def test_ctrl_c_ends_the_wait() -> None:
    one = Holding()
    one.meanwhile = lambda _kube, n: one.deadline.stopped.set() if n == 2 else None
    one.kube.create(other(machine="another"))
    assert (one.refusal().id, one.pauses) == ("interrupted", 2)


def test_the_commands_own_time_ends_the_wait() -> None:
    one = Holding(timeout=5.0)
    one.kube.create(other(machine="another"))
    assert (one.refusal().id, one.now) == ("timed-out", 5.0)


def test_of_two_that_take_over_one_wins_and_the_other_goes_on_waiting(killed: str) -> None:
    def rival(verb: str) -> None:
        if verb == "patch":
            one.kube.gate = lambda _verb: None
            one.kube.patch(PLACE, {"spec": {"holderIdentity": "bob"}, "metadata": {"annotations": {lease.RUN: "b"}}})

    one = Holding(meanwhile=lambda kube, n: kube.delete(PLACE) if n == 3 else None)
    one.kube.create(other(killed))
    one.kube.gate = rival
    one.outdated()
    assert one.pauses == 3
    assert any("bob holds it" in event.text for event in one.events)


def test_one_of_the_same_name_in_another_container_is_another() -> None:
    """root@ci (process 1) may be many."""
    one = Holding(patience=0.0)
    one.kube.create(other(holder=lease.holder("install"), machine="another"))
    assert one.refusal().id == "cluster-busy"


def test_time_in_which_the_apiserver_does_not_answer_is_not_silence() -> None:
    one = Holding(patience=600.0)
    one.kube.create(other(machine="another"))

    def slow(verb: str) -> None:
        one.now += 40.0 if verb == "get" and one.pauses == 5 else 0.0

    one.kube.gate = slow
    one.outdated()
    assert one.now == lease.DURATION_SECONDS + 40.0


@pytest.mark.parametrize("lost", ["create", "patch"])
def test_a_lease_whose_answer_was_lost_is_ones_own(lost: str, killed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client repeats what it got no answer to, and meets its own first attempt."""
    one = Holding()
    call = getattr(one.kube, lost)

    def twice(*args: Any) -> Any:
        monkeypatch.setattr(one.kube, lost, call)
        call(*args)
        return call(*args)

    if lost == "patch":
        one.kube.create(other(killed))
    monkeypatch.setattr(one.kube, lost, twice)
    with one.held() as locked:
        assert locked


# afterwards


def test_who_loses_it_stops_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    one = Holding()
    with pytest.raises(AcksmError) as caught, one.held():
        one.kube.patch(PLACE, {"spec": {"holderIdentity": "bob"}})
        assert one.deadline.stopped.wait(10)
        raise AcksmError("interrupted", "stopped")
    assert caught.value.id == "lease-lost"
    assert one.live["spec"]["holderIdentity"] == "bob", "it is another's now"


def test_one_that_could_not_be_given_back_is_replaced_at_once() -> None:
    one = Holding()

    def broken(verb: str) -> None:
        if verb == "patch":
            raise AcksmError("kube-unreachable", "no")

    one.kube.gate = broken
    with one.held():
        pass
    assert one.live
    one.kube.gate = lambda _verb: None
    with one.held() as locked:
        assert (locked, one.pauses) == (True, 0)


# where there can be no Lease


def test_a_namespace_that_goes_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """cleanup deletes the namespace while it holds the Lease."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    one = Holding()
    with one.held():
        one.kube.delete(PLACE)
        assert not one.deadline.stopped.wait(0.1)


def going(one: Holding) -> None:
    def refuse(verb: str) -> None:
        if verb == "create":
            raise AcksmError("kube-forbidden", "leases … is forbidden: … because it is being terminated")

    one.kube.gate = refuse


def test_in_a_namespace_that_is_being_deleted_there_is_no_lock() -> None:
    one = Holding()
    going(one)
    with one.held() as locked:
        assert not locked
    assert one.notes == ["no lock: namespace ack-system is being deleted"]


def test_but_one_that_is_held_there_still_counts(killed: str) -> None:
    one = Holding(patience=0.0)
    one.kube.create(other(machine="another"))
    going(one)
    assert one.refusal().id == "cluster-busy"
    two = Holding()
    two.kube.create(other(killed))
    going(two)
    with two.held() as locked:
        assert locked


def test_without_the_right_to_leases_work_goes_on_and_says_so() -> None:
    one = Holding()

    def forbid(_verb: str) -> None:
        raise AcksmError("kube-forbidden", "no")

    one.kube.gate = forbid
    with one.held() as locked:
        assert not locked
    assert one.notes == ["no lock: this identity may not use Leases in namespace ack-system"]
    assert not lease.is_held(one.kube, "ack-system")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", None])
def test_a_time_that_nobody_can_read_is_long_ago(text: Any) -> None:
    assert lease._age({"spec": {"renewTime": text}}, "renewTime") == float("inf")
