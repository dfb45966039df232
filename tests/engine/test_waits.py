"""Waiting with a clock of the test's own."""

from __future__ import annotations

import pytest

from acksm.engine.waits import REST, Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Event
from clock import Clock


def deadline(seconds: float) -> tuple[Deadline, Clock]:
    clock = Clock()
    return clock.deadline(seconds), clock


def test_it_ends_when_done_and_its_pauses_grow_to_a_limit() -> None:
    limit, clock = deadline(100)
    answers = iter([Progress(False, "one")] * 12 + [Progress(True, "two")])
    assert wait_until(lambda: next(answers), limit, what="x").text == "two"
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == 2.0


def test_what_takes_long_to_look_at_is_looked_at_for_a_part_of_the_time() -> None:
    """Ten times the objects take ten times as long, to be done and to be read: they are read as often."""

    def looks(objects: int) -> int:
        limit, clock = deadline(100_000)
        count = 0

        def look() -> Progress:
            nonlocal count
            count += 1
            clock.now += objects / 1000
            return Progress(clock.now >= objects)

        wait_until(look, limit, what="x", rest=REST)
        return count

    assert looks(10_000) <= 1.1 * looks(5_000)


def test_a_terminal_failure_ends_it_at_once() -> None:
    limit, clock = deadline(100)
    with pytest.raises(AcksmError, match="broken"):
        wait_until(lambda: Progress(False, failure=AcksmError("pod-failing", "broken")), limit, what="x")
    assert clock.slept == []


def test_a_time_out_names_the_last_state_seen_and_never_oversleeps() -> None:
    limit, clock = deadline(3)
    with pytest.raises(AcksmError) as caught:
        wait_until(lambda: Progress(False, "2 of 3"), limit, what="pods")
    assert caught.value.id == "timed-out"
    assert caught.value.where == "2 of 3"
    assert clock.now == pytest.approx(3, abs=0.02)


def test_one_deadline_serves_several_waits() -> None:
    limit, clock = deadline(10)
    clock.now = 8
    assert limit.remaining == 2
    assert limit.elapsed == 8


def test_progress_is_told_when_it_changes_and_as_a_heartbeat() -> None:
    limit, _ = deadline(100)
    events: list[Event] = []
    with pytest.raises(AcksmError):
        wait_until(lambda: Progress(False, "same"), limit, what="x", emit=events.append)
    assert [event.text for event in events] == ["x: same"] * 4  # at 0, 30, 60 and 90 s
