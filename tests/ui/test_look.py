"""How text looks: colours, lines between words, tables that fit, sections with a bar."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from acksm import look
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.ui import Ui
from streams import Stream

HEADER = ("NAME", "KIND", "DESCRIPTION")
ROWS = [("endpoint-config", "EndpointConfig", "which instances serve the model"), ("model", "Model", "a container")]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def terminal(output: str = "text", *, verbose: bool = False) -> Ui:
    return Ui(output, Stream(terminal=True), Stream(terminal=True), verbose=verbose)


def err(of: Ui) -> str:
    assert isinstance(of.stderr, Stream)
    return of.stderr.text


def out(of: Ui) -> str:
    assert isinstance(of.stdout, Stream)
    return of.stdout.text


# colour


def test_no_color_has_no_style_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = terminal()
    written.emit(Event(Kind.STEP, "x", "cluster"))
    written.show("# step\n+ a")
    written.error("x", AcksmError("kube-failed", "no"))
    written.result("x", {"dry_run": True}, "+ a\nsagemaker  UNHEALTHY")
    assert "\x1b[" not in err(written) + out(written)


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("  failed   check.compute             nodes: no place", "bold red"),
        ("warning  check.values  x", "yellow"),
        ("sagemaker  1.9.1  cluster  UNHEALTHY  acksm", "bold red"),
        ("! sagemaker: no pods", "bold red"),
        ("incomplete: 2 checks", "yellow"),
    ],
)
def test_what_matters_has_a_colour(line: str, style: str) -> None:
    pieces = look.painted(line)
    assert "".join(text for text, _ in pieces) == line
    assert style in {found for _, found in pieces}


def test_signs_have_colours_in_plans_only() -> None:
    assert look.painted("- name: x") == [("- name: x", "")]
    signs = [look.painted(line, diff=True)[0][1] for line in ("+ a", "- a", "~ a", "    -k: 1", "     k: 1", "# x")]
    assert signs == ["green", "red", "yellow", "red", "", "bold"]


@given(st.text(max_size=200), st.booleans())
def test_painting_changes_no_text(line: str, diff: bool) -> None:
    assert "".join(text for text, _ in look.painted(line, diff=diff)) == line


# lines


@given(st.lists(st.text("abc-/", min_size=1, max_size=30), min_size=1, max_size=30), st.integers(20, 100))
def test_no_word_is_broken_and_none_is_lost(words: list[str], width: int) -> None:
    line = "note: " + " ".join(words)
    lines = look.wrapped(line, width)
    assert " ".join(lines).split() == line.split()
    assert all(one.startswith("      ") for one in lines[1:])
    assert all(len(one) <= width or " " not in one.strip().removeprefix("note: ") for one in lines)


def test_a_check_hangs_below_its_text_and_a_command_is_whole() -> None:
    check = "  failed   check.compute             " + "word " * 20
    assert all(line.startswith(" " * 37 + "word") for line in look.wrapped(check.rstrip(), 80)[1:])
    command = "         remedy: acksm install " + "--watch-namespace team " * 10
    assert look.wrapped(command, 80) == [command]


def test_an_error_is_broken_between_words_and_its_remedy_is_not() -> None:
    written = terminal()
    remedy = "acksm install " + "--watch-namespace team " * 6
    written.error("x", AcksmError("kube-failed", "word " * 40, where="place " * 30, remedy=remedy))
    lines = err(written).splitlines()
    assert all(len(line) < 95 for line in lines if "remedy" not in line)  # with the codes of colours
    assert [line for line in lines if "remedy" in line] == [f"  remedy: {remedy}"]


# tables


def test_a_table_gives_the_room_to_those_who_need_it() -> None:
    lines = terminal().table(HEADER, ROWS).splitlines()
    assert lines[0] == "NAME             KIND            DESCRIPTION"
    assert max(map(len, lines)) <= 80


@given(
    st.lists(
        st.tuples(*[st.lists(st.text("abcdef", min_size=1, max_size=12), max_size=6).map(" ".join)] * 3), max_size=6
    ),
    st.integers(12, 90),
)
def test_a_table_breaks_no_word_whatever_the_width(rows: list[tuple[str, str, str]], width: int) -> None:
    found = look.widths(HEADER, rows, width)
    words = [[word for cell in column for word in cell.split()] for column in zip(HEADER, *rows, strict=True)]
    if found is None:
        assert sum(max(map(len, column), default=0) for column in words) + 2 * look.GAP > width
        text = " ".join(look.stacked(HEADER, rows, width))
    else:
        assert sum(found) + 2 * look.GAP <= width or found == look.widths(HEADER, rows, 1000)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            text = terminal().table(HEADER, rows)
    assert {word for column in words for word in column} <= set(text.replace(":", " ").split()) | set(HEADER)


def test_columns_are_dropped_first_and_o_wide_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "KIND" not in terminal().table(HEADER, ROWS, drop=("KIND",))
    assert terminal("wide").table(HEADER, ROWS, drop=("KIND",)) == Ui(stdout=Stream()).table(HEADER, ROWS)


def test_where_nothing_fits_each_value_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    arn = "arn:aws:iam::012345678901:role/service-role/ack"
    assert terminal().table(("NAME", "ROLE"), [("team-a", arn), ("team-b", "")]).splitlines() == [
        "NAME: team-a",
        f"ROLE: {arn}",
        "",
        "NAME: team-b",
    ]


# sections


def of_plan(kind: Kind, text: str, step: str, of: int) -> Event:
    return Event(kind, "x", text, {"target": text, "op": "create", "step": step, "of": of})


def apply(ui: Ui, names: list[str], step: str = "crds") -> None:
    for name in names:
        ui.emit(of_plan(Kind.PROGRESS, f"creating {name}", step, len(names)))
        ui.emit(of_plan(Kind.DONE, f"created {name}", step, len(names)))


def lasting(text: str) -> str:
    """What stays on the terminal: without the live region."""
    from pyte import HistoryScreen, Stream as Terminal

    screen = HistoryScreen(80, 50)
    Terminal(screen).feed(text.replace("\n", "\r\n"))
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def test_a_section_is_one_line_with_bar_count_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = Ui(stdout=Stream(), stderr=Stream(terminal=True), clock=lambda: 0.0)
    apply(written, [f"CRD {number}" for number in range(30)])
    apply(written, ["Namespace a"], "namespace")
    written.result("x", {}, "")
    assert lasting(err(written)).splitlines() == [
        "✓ CRDs            ━━━━━━━━━━━━━━━━━━━━  30/30  0.0 s",
        "✓ created Namespace a",
    ]


def test_a_section_that_failed_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = Ui(stdout=Stream(), stderr=Stream(terminal=True), clock=lambda: 0.0)
    written.emit(of_plan(Kind.PROGRESS, "creating a", "crds", 2))
    written.emit(of_plan(Kind.DONE, "created a", "crds", 2))
    written.error("x", AcksmError("kube-failed", "no"))
    first, second, *_ = lasting(err(written)).splitlines()
    assert (first[:6], first[-11:]) == ("✗ CRDs", "1/2  0.0 s ".rstrip().rjust(11))
    assert second == "error[kube-failed] no"


def test_verbose_has_each_change() -> None:
    written = terminal(verbose=True)
    apply(written, ["a", "b"])
    written.result("x", {}, "")
    assert "✓ created a" in err(written)
    assert "✓ created b" in err(written)


def test_without_a_terminal_each_change_is_one_line() -> None:
    written = Ui(stdout=Stream(), stderr=Stream())
    apply(written, ["a", "b"])
    written.result("x", {}, "")
    assert err(written) == "✓ created a\n✓ created b\n"


def test_ctrl_c_and_ctrl_d_leave_their_line() -> None:
    written = Ui(stdout=Stream(), stderr=Stream(terminal=True), stdin=Stream(terminal=True))
    written.emit(Event(Kind.NOTE, "interrupt", "stopping"))
    assert err(written).splitlines()[:2] == ["", "note: stopping"]
    with pytest.raises(AcksmError):
        written.confirm("Sure?", yes=False)
    assert err(written).endswith("Sure? [y/N] \n")
