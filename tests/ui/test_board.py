"""The clusters of a fleet on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from acksm.events import Event, Kind
from acksm.json_types import Document
from acksm.ui import Ui
from acksm.ui.board import Board
from streams import Stream

SCREEN = """\
ml-eu  running            40 s  creating release ack-sagemaker
ml-us  failed              5 s  timed-out: no answer
ml-ap  up to date          1 s
2 of 50 clusters (1 running, 1 failed, 1 up to date, 47 waiting), 40 s
"""
STATES = ("running", "done", "up to date", "failed", "incomplete", "changes pending")


def data(cluster: str, state: str = "running", of: int = 50) -> Document:
    return {"cluster": cluster, "name": cluster.rpartition("/")[2], "state": state, "of": of}


def board(*events: tuple[float, str, str, str]) -> Board:
    found = Board()
    for now, cluster, state, line in events:
        found = found.put(data(cluster, state), line, now)
    return found


def test_what_runs_is_first_then_what_failed_then_the_rest_and_the_totals() -> None:
    found = board(
        (0, "1/eu/ml-eu", "running", "started"),
        (0, "1/us/ml-us", "running", "started"),
        (0, "1/ap/ml-ap", "running", "started"),
        (1, "1/ap/ml-ap", "up to date", ""),
        (5, "1/us/ml-us", "failed", "timed-out: no answer\nmore"),
        (9, "1/eu/ml-eu", "running", "creating release ack-sagemaker"),
    )
    assert "\n".join(found.lines(24, 40)) + "\n" == SCREEN


def test_two_of_one_name_are_shown_by_their_ids() -> None:
    lines = board((0, "1/eu/ml", "running", ""), (0, "2/eu/ml", "running", "")).lines(24, 0)
    assert [line.split()[0] for line in lines[:2]] == ["1/eu/ml", "2/eu/ml"]


@given(
    st.lists(st.tuples(st.integers(0, 49), st.sampled_from(STATES)), min_size=1, max_size=80),
    st.integers(1, 60),
)
def test_fifty_clusters_fit_any_screen_and_none_is_left_out_of_the_count(
    events: Sequence[tuple[int, str]], height: int
) -> None:
    found = Board()
    for now, (number, state) in enumerate(events):
        found = found.put(data(f"1/eu/c{number:02}", state), "x" * 300, now)
    lines = found.lines(height, 100)
    assert 1 <= len(lines) <= height
    last = dict(events)
    running = sum(state == "running" for state in last.values())
    assert lines[-1].startswith(f"{len(last) - running} of 50 clusters (")
    assert f", {50 - len(last)} waiting)" in lines[-1] or len(last) == 50
    shown = [line for line in lines[:-1] if not line.startswith("  and ")]
    hidden = [line for line in lines[:-1] if line.startswith("  and ")]
    assert len(shown) + sum(int(line.split()[1]) for line in hidden) == len(last) or height < 3
    ranks = [0 if " running " in line else 1 if " failed " in line else 2 for line in shown]
    assert ranks == sorted(ranks)


@pytest.fixture
def screen() -> Stream:
    return Stream(terminal=True)


def test_a_terminal_has_rows_and_a_pipe_has_lines(screen: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    pipe = Stream()
    for stream in (screen, pipe):
        ui = Ui(stdout=Stream(), stderr=stream, clock=lambda: 0.0)
        for line in ("started", "creating\x1b[2J release"):
            text = f"ml: {line}"
            ui.emit(Event(Kind.PROGRESS, "fleet.cluster", text, {**data("1/eu/ml"), "line": line}))
        ui.emit(
            Event(Kind.DONE, "fleet.cluster", "ml: done (2 changes)", {**data("1/eu/ml", "done"), "line": "2 changes"})
        )
        ui.emit(Event(Kind.FAILED, "fleet.cluster", "far: failed (x)", {**data("2/eu/far", "failed"), "line": "x"}))
        ui.result("fleet apply", {}, "")
    assert pipe.lines == [
        "  ml: started",
        "  ml: creating\ufffd[2J release",
        "✓ ml: done (2 changes)",
        "✗ far: failed (x)",
    ]
    assert "ml  running" in screen.text
    assert "1 of 50 clusters (1 done, 49 waiting)" in screen.text
    assert "✗ far: failed (x)" in screen.text  # is kept above the rows
    assert "✓ ml: done" not in screen.text
    assert "\x1b[2J" not in screen.text
