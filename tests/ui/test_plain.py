"""What is no terminal gets the same text with and without rich."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from acksm import look
from acksm.events import Event, Kind
from acksm.ui import Ui, _folded, clean
from acksm.ui.plain import Plain, aligned, is_plain


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    "variables",
    [{}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": ""}, {"TTY_COMPATIBLE": "1"}, {"TTY_COMPATIBLE": "0"}, {"CI": "true"}],
)
def test_rich_writes_what_it_would_colour(
    terminal: bool, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Stream(terminal)
    console = Console(file=stream, force_jupyter=False, force_interactive=None if terminal else False)
    if is_plain(stream):
        assert (console.is_terminal, console.is_interactive, console.color_system) == (False, False, None)
    else:
        assert terminal or console.is_terminal
    assert Plain(stream).encoding == console.encoding


_cells = st.text(st.sampled_from("ab -_[]:日é\u0301\t\n"), max_size=6)


@given(st.integers(1, 3).flatmap(lambda size: st.lists(st.lists(_cells, min_size=size, max_size=size), max_size=3)))
def test_columns_are_aligned_as_rich_aligns_them(rows: list[list[str]]) -> None:
    header = [f"H{number}" for number in range(len(rows[0]) if rows else 2)]
    widths = look.widths(header, rows, 100_000, cell_len)
    assert widths is not None
    found = aligned(header, rows, widths, cell_len)
    assert found == (
        None if any(set("\t\n") & set(cell) for row in rows for cell in row) else _folded(header, rows, widths)
    )


def test_what_does_not_fit_is_folded() -> None:
    assert aligned(["A", "B"], [["one two", "x"]], [3, 1], cell_len) is None
    assert _folded(["A", "B"], [["one two", "x"]], [3, 1]) == "A    B\none  x\ntwo"


def test_events_and_results_are_written_at_once_as_they_are() -> None:
    out, err = Stream(False), Stream(False)
    ui = Ui(stdout=out, stderr=err)
    ui.emit(Event(Kind.WARNING, "target", "[bold]:smile:\x1b[1m " + "x" * 300))
    ui.result("status", {}, "one\n  two\tthree")
    assert err.getvalue() == clean("warning: [bold]:smile:\x1b[1m ") + "x" * 300 + "\n"
    assert out.getvalue() == "one\n  two\tthree\n"


class Gone(Stream):
    """The reader has exited."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_has_exited_is_no_error() -> None:
    stream = Gone(False)
    ui: Any = Ui(stdout=stream, stderr=Stream(False))
    ui.result("status", {}, "one")
    ui.result("status", {}, "two")
    assert stream.getvalue() == "one\n"


def test_a_run_without_a_terminal_imports_no_rich() -> None:
    code = (
        "import sys; from acksm.ui import Ui; ui = Ui(); ui.result('x', {}, ui.table(('A', 'B'), [('1', '2')]));"
        "print([name for name in sys.modules if name in {'rich.console', 'rich.table', 'rich.text'}])"
    )
    environment = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "TTY_COMPATIBLE"}}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout == "A  B\n1  2\n[]\n"
