"""Which of many things a person means."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.ui import Ui, chosen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("all\n", [0, 1, 2, 3, 4]),
        ("y", [0, 1, 2, 3, 4]),
        ("", []),
        ("none", []),
        ("1,3-5", [0, 2, 3, 4]),
        ("2 2, 1", [1, 0]),
    ],
)
def test_answers(answer: str, expected: list[int]) -> None:
    assert chosen(answer, 5) == expected


@pytest.mark.parametrize("answer", ["0", "6", "5-1", "one", "1-", "-1", "1,,x"])
def test_answers_that_mean_nothing(answer: str) -> None:
    with pytest.raises(ValueError):
        chosen(answer, 5)


@given(st.text(max_size=10), st.integers(1, 9))
def test_any_answer_gives_things_that_are_there_or_an_error(answer: str, count: int) -> None:
    try:
        found = chosen(answer, count)
    except ValueError:
        return
    assert set(found) <= set(range(count))


@pytest.mark.parametrize(
    ("answer", "id"), [("none\n", "not-confirmed"), ("9\n", "not-confirmed"), ("", "not-confirmed")]
)
def test_asked_on_a_terminal(answer: str, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    ui = Ui(stdin=Terminal(answer), stderr=Terminal())
    with pytest.raises(AcksmError) as caught:
        ui.choose("Which?", 3, yes=False)
    assert caught.value.id == id
    assert Ui(stdin=Terminal("1\n"), stderr=Terminal()).choose("Which?", 3, yes=False) == [0]


def test_without_a_terminal_the_flag_is_named() -> None:
    with pytest.raises(AcksmError) as caught:
        Ui(stdin=io.StringIO("all\n")).choose("Which?", 3, yes=False)
    assert caught.value.id == "needs-confirmation"
    assert "--yes" in caught.value.remedy
    assert Ui().choose("Which?", 3, yes=True) == [0, 1, 2]
