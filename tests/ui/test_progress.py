"""What is told while work goes on: one live region on a terminal, lines without repeats elsewhere, never silence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.ui import POLL_SECONDS, QUIET_SECONDS, Ui, progress as module
from clock import Clock
from streams import Stream


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def err() -> Stream:
    return Stream()


@pytest.fixture
def ui(clock: Clock, err: Stream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ui]:
    """On a pipe. Its heartbeat is what the test makes of it: the thread looks once an hour."""
    monkeypatch.setattr(module, "POLL_SECONDS", 3600.0)
    made = Ui(stdout=Stream(), stderr=err, clock=clock)
    yield made
    made.result("x", {}, "")


def progress(text: str) -> Event:
    return Event(Kind.PROGRESS, "x", text)


def done(text: str) -> Event:
    return Event(Kind.DONE, "x", text)


def test_a_repeat_is_not_told_and_a_change_is(ui: Ui, err: Stream) -> None:
    for text in ("a", "a", "b", "b", "a", "waiting, 3 s", "waiting, 5 s", "waiting, 7.5 s"):
        ui.emit(progress(text))
    assert err.lines == ["  a", "  b", "  a", "  waiting, 3 s"]


def test_a_heartbeat_of_the_work_itself_is_told(ui: Ui, err: Stream, clock: Clock) -> None:
    ui.emit(progress("pods: 0 of 1"))
    clock.now = 10
    ui.emit(progress("pods: 0 of 1"))
    clock.now = 30
    ui.emit(progress("pods: 0 of 1"))
    assert err.lines == ["  pods: 0 of 1"] * 2


def test_silent_work_gets_a_heartbeat_with_its_age(ui: Ui, err: Stream, clock: Clock) -> None:
    clock.now = 5
    ui.emit(progress("creating release"))
    for clock.now in range(6, 100):
        ui._progress.beat()
    assert err.lines == [f"  creating release{age}" for age in ("", " (24 s)", " (48 s)", " (72 s)")]


@pytest.mark.parametrize("end", [done("created release"), Event(Kind.FAILED, "x", "no"), progress("")])
def test_work_that_is_over_has_no_heartbeat(ui: Ui, err: Stream, clock: Clock, end: Event) -> None:
    ui.emit(progress("creating release"))
    ui.emit(end)
    before = err.text
    clock.now = 1000
    ui._progress.beat()
    assert err.text == before


def test_a_warning_does_not_end_the_work(ui: Ui, err: Stream, clock: Clock) -> None:
    ui.emit(progress("creating release"))
    ui.emit(Event(Kind.WARNING, "x", "slow"))
    clock.now = QUIET_SECONDS
    ui._progress.beat()
    assert err.lines[-1] == "  creating release (24 s)"


def test_side_by_side_work_does_not_count_as_change(ui: Ui, err: Stream, clock: Clock) -> None:
    turns = [threading.Barrier(2) for _ in range(6)]

    def lane(name: str) -> None:
        for turn in turns:
            turn.wait(10)
            ui.emit(progress(name))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lane, ["a", "b"]))
        assert sorted(err.lines) == ["  a", "  b"]
        clock.now = QUIET_SECONDS
        ui._progress.beat()
        assert len(err.lines) == 4
    clock.now *= 10  # both threads are gone, and their work with them
    ui._progress.beat()
    assert len(err.lines) == 4


@given(st.lists(st.tuples(st.floats(0.05, 20), st.sampled_from(["0 of 1", "0 of 2", "1 of 2"])), max_size=40))
def test_a_log_never_stands_still_for_half_a_minute(states: list[tuple[float, str]]) -> None:
    """Whatever a wait sees and however long its looks take, with a heartbeat thread that comes late each time."""
    clock, err, told = Clock(), Stream(), [0.0]
    ui = Ui(stdout=Stream(), stderr=err, clock=clock)
    script = iter(states)
    looked = 0.0

    def pass_time(seconds: float) -> None:
        nonlocal looked
        end = clock.now + seconds
        while clock.now < end:
            clock.now = min(end, clock.now + 0.25)
            if clock.now - looked >= POLL_SECONDS:
                looked = clock.now
                tell(ui._progress.beat)

    def tell(write: Callable[[], None]) -> None:
        before = len(err.lines)
        write()
        if len(err.lines) > before:
            told.append(clock.now)

    def look() -> Progress:
        seconds, text = next(script, (0.0, ""))
        pass_time(seconds)
        return Progress(not text, text)

    def emit(event: Event) -> None:
        tell(lambda: ui.emit(event))

    emit(progress("waiting"))
    wait_until(look, Deadline(1e6, clock=clock, sleep=pass_time), what="pods", emit=emit)
    told.append(clock.now)
    ui.result("x", {}, "")
    assert max(later - sooner for sooner, later in pairwise(told)) <= 30


def test_the_heartbeat_thread_beats_and_ends_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    beaten, before = threading.Event(), set(threading.enumerate())

    class Watched(Stream):
        def write(self, text: str) -> int:
            if " s)" in text:
                beaten.set()
            return super().write(text)

    ui = Ui(stdout=Stream(), stderr=Watched())
    ui.emit(progress("creating release"))
    (heart,) = set(threading.enumerate()) - before
    assert beaten.wait(30)
    ui.result("x", {}, "")
    heart.join(30)
    assert not heart.is_alive()


# a terminal

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Stream:
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    return Stream(terminal=True)


def test_a_terminal_has_a_live_region_that_goes_before_the_result(terminal: Stream, clock: Clock) -> None:
    ui = Ui(stdout=Stream(), stderr=terminal, clock=clock)
    ui.emit(progress("creating release " + "x" * 100))
    clock.now = 7
    ui.emit(progress("pods: 0 of 1"))
    assert HIDE in terminal.text
    assert "(7 s)" in terminal.text
    ui.emit(done("created release"))
    before = len(terminal.text)
    ui.result("x", {}, "end")
    assert terminal.text[before:].count(SHOW) == 1
    assert all(len(line) < 200 for line in terminal.text.split("\r"))  # cut to the width, not wrapped


def test_the_region_has_a_line_for_each_lane(terminal: Stream) -> None:
    ui = Ui(stdout=Stream(), stderr=terminal)
    both = threading.Barrier(2)

    def lane(name: str) -> str:
        ui.emit(progress(name))
        both.wait(10)
        text = terminal.text
        both.wait(10)
        return text

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lane, ["sagemaker pods", "applicationautoscaling pods"]))
    ui.error("x", AcksmError("timed-out", "x"))
    assert "sagemaker pods" in seen[0]
    assert "applicationautoscaling pods" in seen[0]
    assert terminal.text.count(SHOW) == 1


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_no_live_region_in_ci_and_on_a_dumb_terminal(
    name: str, value: str, terminal: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv(name, value)
    ui = Ui(stdout=Stream(), stderr=terminal)
    ui.emit(progress("creating"))
    ui.emit(progress("creating"))
    ui.result("x", {}, "")
    assert terminal.text == "  creating\n"


def test_forced_colour_does_not_make_a_pipe_a_terminal(err: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    ui = Ui(stdout=Stream(), stderr=err)
    ui.emit(progress("creating"))
    ui.result("x", {}, "")
    assert err.text == "  creating\n"


def test_a_question_is_asked_below_the_region_and_not_under_it(terminal: Stream) -> None:
    class Answer(Stream):
        def readline(self, _size: int = -1, /) -> str:  # type: ignore[override]
            return "y\n"

    ui = Ui(stdout=Stream(), stderr=terminal, stdin=Answer(terminal=True))
    ui.emit(progress("looking"))
    ui.confirm("Go on?", yes=False)
    assert terminal.text.endswith("Go on? [y/N] ")
    assert terminal.text.rindex(SHOW) < terminal.text.rindex("Go on?")


def test_work_that_is_done_leaves_the_region_with_its_line(terminal: Stream) -> None:
    ui = Ui(stdout=Stream(), stderr=terminal)
    ui.emit(progress("creating release"))
    ui.emit(done("created release"))
    assert "creating release" not in terminal.text.partition("created release")[2]
    ui.result("x", {}, "")
