"""One acksm at a time: who holds the Lease, who is refused, who takes over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from acksm.engine import lease
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.kube.client import Kube
from acksm.kube.paths import ref
from memory_kube import MemoryKube

PLACE = ref("Lease", lease.NAME, "ack-system")
LONG_AGO = "2020-01-01T00:00:00.000000Z"


class Holding:
    """A cluster in memory and one acksm that wants the Lease; `meanwhile` happens at its first pause."""

    def __init__(self, meanwhile: Callable[[MemoryKube], object] = lambda _kube: None) -> None:
        self.kube, self.events, self.stopped = MemoryKube(), list[Event](), threading.Event()
        self.meanwhile, self.pauses = meanwhile, 0

    def _sleep(self, _seconds: float) -> None:
        self.pauses += 1
        if self.pauses == 1:
            self.meanwhile(self.kube)

    def held(self) -> Any:
        return lease.held(
            cast(Kube, self.kube), "ack-system", "install", self.events.append, self.stopped, sleep=self._sleep
        )

    def refusal(self) -> AcksmError:
        with pytest.raises(AcksmError) as caught, self.held():
            pytest.fail("it has to be refused")
        return caught.value


def other(renewed: str, holder: str = "ann@host (process 7): acksm cleanup") -> dict[str, Any]:
    manifest = lease._manifest("ack-system", holder)
    manifest["spec"]["renewTime"] = renewed
    return manifest


def renew(kube: MemoryKube) -> None:
    kube.patch(PLACE, {"spec": {"renewTime": lease._now()}})


def test_it_is_there_while_held_and_gone_afterwards() -> None:
    one = Holding()
    with one.held() as locked:
        assert locked
        live = one.kube.get(PLACE)
        assert live is not None
        assert "acksm install" in live["spec"]["holderIdentity"]
    assert one.kube.get(PLACE) is None
    assert one.events == []


def test_it_goes_when_the_work_fails() -> None:
    one = Holding()
    with pytest.raises(AcksmError) as caught, one.held():
        raise AcksmError("timed-out", "slow")
    assert caught.value.id == "timed-out"
    assert one.kube.get(PLACE) is None


def test_the_second_is_told_who_holds_it_and_writes_nothing() -> None:
    one = Holding()
    one.kube.create(other(lease._now()))
    error = one.refusal()
    assert (error.id, one.pauses) == ("cluster-busy", 0)
    assert "ann@host (process 7): acksm cleanup" in error.message
    assert one.kube.get(PLACE) is not None


def test_a_dead_holder_is_taken_over_after_it_was_watched() -> None:
    one = Holding()
    one.kube.create(other(LONG_AGO))
    with one.held() as locked:
        live = one.kube.get(PLACE)
        assert locked
        assert live is not None
        assert "acksm install" in live["spec"]["holderIdentity"]
    assert one.pauses * lease.PAUSE_SECONDS >= lease.LOOK_SECONDS > 2 * lease.RENEW_SECONDS
    assert [event.kind for event in one.events] == [Kind.PROGRESS, Kind.NOTE]
    assert one.kube.get(PLACE) is None


def test_a_holder_whose_clock_is_wrong_is_alive_when_it_renews() -> None:
    one = Holding(renew)
    one.kube.create(other(LONG_AGO))
    assert one.refusal().id == "cluster-busy"


def test_one_that_ends_while_it_is_watched_is_followed_at_once() -> None:
    one = Holding(lambda kube: kube.delete(PLACE))
    one.kube.create(other(LONG_AGO))
    with one.held() as locked:
        assert locked
    assert one.pauses == 1


def test_of_two_that_take_over_one_wins() -> None:
    def rival(kube: MemoryKube) -> None:
        kube.delete(PLACE)
        kube.create(other(lease._now(), "bob"))

    one = Holding(rival)
    one.kube.create(other(LONG_AGO))
    assert "bob" in one.refusal().message


def test_who_loses_it_stops_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    one = Holding()
    with pytest.raises(AcksmError) as caught, one.held():
        one.kube.patch(PLACE, {"spec": {"holderIdentity": "bob"}})
        assert one.stopped.wait(10)
        raise AcksmError("interrupted", "stopped")
    assert caught.value.id == "lease-lost"
    live = one.kube.get(PLACE)
    assert live is not None, "it is another's now"
    assert live["spec"]["holderIdentity"] == "bob"


def test_a_namespace_that_goes_takes_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """cleanup deletes the namespace while it holds the Lease."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    one = Holding()
    with one.held():
        one.kube.delete(PLACE)
        assert not one.stopped.wait(0.1)


def test_without_the_right_to_leases_work_goes_on_and_says_so() -> None:
    one = Holding()

    def forbid(verb: str) -> None:
        raise AcksmError("kube-forbidden", "no")

    one.kube.gate = forbid
    with one.held() as locked:
        assert not locked
    assert [event.kind for event in one.events] == [Kind.NOTE]


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", None])
def test_a_time_that_nobody_can_read_is_long_ago(text: Any) -> None:
    assert lease._age({"spec": {"renewTime": text}}, "renewTime") == float("inf")
