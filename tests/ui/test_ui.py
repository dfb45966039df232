"""What is written where: results, errors, tables and questions."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given, strategies as st
from ruamel.yaml import YAML

from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.ui import SCHEMA, Ui, clean
from streams import Stream

FAILURE = AcksmError(
    "kube-forbidden",
    'deployments.apps is forbidden: User "me" may not',
    where="PATCH /apis/apps/v1/deployments/x",
    details={"diff": ["-a", "+b"], "done": [{"id": "oidc.create", "target": "arn"}]},
)
DATA = {"role": {"arn": "arn:aws:iam::012345678901:role/é"}, "names": ["a", "b"], "none": None, "ok": True}


def ui(output: str = "text", *, encoding: str = "utf-8", terminal: bool = False) -> Ui:
    return Ui(output, Stream(encoding=encoding, terminal=terminal), Stream(encoding=encoding, terminal=terminal))


def out(of: Ui) -> str:
    assert isinstance(of.stdout, Stream)
    return of.stdout.text


def err(of: Ui) -> str:
    assert isinstance(of.stderr, Stream)
    return of.stderr.text


def loaded(of: Ui) -> Any:
    return json.loads(out(of)) if of.output == "json" else YAML(typ="safe", pure=True).load(out(of))


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI", "COLORTERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


JSON = """\
{
  "schema": "acksm.dev/report/v1",
  "command": "status",
  "exit_code": 3,
  "error": null,
  "role": {
    "arn": "arn:aws:iam::012345678901:role/\\u00e9"
  },
  "names": [
    "a",
    "b"
  ],
  "none": null,
  "ok": true
}
"""
YAML_TEXT = """\
command: status
error: null
exit_code: 3
names:
- a
- b
none: null
ok: true
role:
  arn: arn:aws:iam::012345678901:role/é
schema: acksm.dev/report/v1
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [("text", "two\n\n\tlines\n"), ("json", JSON), ("yaml", YAML_TEXT)],
)
def test_a_result(output: str, expected: str) -> None:
    written = ui(output)
    written.result("status", DATA, "two\n\n\tlines\n\n", 3)
    assert out(written) == expected
    assert err(written) == ""


ERROR = """\
error[kube-forbidden] deployments.apps is forbidden: User "me" may not
  where:  PATCH /apis/apps/v1/deployments/x
    -a
    +b
  remedy: acksm doctor --print-rbac COMMAND   (what an administrator has to grant for it)
  more:   acksm explain kube-forbidden
  done:   1 change; the same command continues from there
"""


@pytest.mark.parametrize("output", ["text", "json", "yaml"])
def test_an_error(output: str) -> None:
    written = ui(output)
    written.error("install", FAILURE)
    assert err(written) == ERROR
    if output == "text":
        assert out(written) == ""
    else:
        assert loaded(written) == {
            "schema": SCHEMA,
            "command": "install",
            "exit_code": 3,
            "error": {
                "id": "kube-forbidden",
                "message": FAILURE.message,
                "where": FAILURE.where,
                "remedy": "acksm doctor --print-rbac COMMAND   (what an administrator has to grant for it)",
                "exit_code": 3,
                "details": FAILURE.details,
            },
        }


def test_the_reports_own_fields_are_not_overwritten_by_data() -> None:
    written = ui("json")
    written.result("explain", {"exit_code": 2, "schema": "x", "more": 1}, "")
    assert loaded(written) == {
        "schema": SCHEMA,
        "command": "explain",
        "exit_code": 0,
        "error": None,
        "more": 1,
    }


def test_an_empty_result_writes_nothing() -> None:
    written = ui()
    written.result("sandbox down", {}, "")
    assert out(written) == ""


def test_verbatim_is_the_same_in_every_form() -> None:
    for output in ("text", "json", "yaml"):
        written = ui(output)
        written.verbatim('{"kind": "ExecCredential"}')
        assert out(written) == '{"kind": "ExecCredential"}\n'


def test_each_kind_of_event_has_a_mark_and_nothing_goes_to_stdout() -> None:
    written = ui()
    for kind in Kind:
        written.emit(Event(kind, "x", f"[bold]{kind}[/bold] :smile: 'quoted' 17"))
    written.show("# plan\n+ role")
    assert err(written).splitlines() == [
        "▸ [bold]step[/bold] :smile: 'quoted' 17",
        "  [bold]progress[/bold] :smile: 'quoted' 17",
        "✓ [bold]done[/bold] :smile: 'quoted' 17",
        "✓ [bold]up-to-date[/bold] :smile: 'quoted' 17",
        "note: [bold]note[/bold] :smile: 'quoted' 17",
        "warning: [bold]warning[/bold] :smile: 'quoted' 17",
        "✗ [bold]failed[/bold] :smile: 'quoted' 17",
        "# plan",
        "+ role",
    ]
    assert out(written) == ""


def test_a_long_line_of_a_result_is_whole_and_an_events_is_wrapped_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for terminal in (False, True):
        written = ui(terminal=terminal)
        written.result("x", {}, "arn " * 50)
        written.emit(Event(Kind.DONE, "x", "word " * 50))
        assert out(written).count("\n") == 1
        assert (err(written).count("\n") == 1) is not terminal


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, False),
    ],
)
def test_colour(environment: dict[str, str], terminal: bool, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    written = ui(terminal=terminal)
    written.emit(Event(Kind.DONE, "x", "made"))
    written.result("x", {}, "plain")
    assert ("\x1b[32m" in err(written)) is coloured
    assert "made" in err(written)
    assert out(written) == "plain\n"


def test_what_ascii_cannot_have_is_written_in_ascii() -> None:
    written = ui(encoding="ascii")
    written.emit(Event(Kind.DONE, "x", "1.4.1 → 1.9.1 … é"))
    written.emit(Event(Kind.FAILED, "x", "no"))
    written.result("x", {}, "ü → …")
    assert err(written) == "+ 1.4.1 -> 1.9.1 ... ?\nx no\n"
    assert out(written) == "? -> ...\n"


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
@pytest.mark.parametrize("output", ["json", "yaml"])
def test_a_document_means_the_same_in_every_encoding(output: str, encoding: str) -> None:
    written = ui(output, encoding=encoding)
    written.result("x", DATA | {"more": "→ ✓ 日本"}, "")
    assert loaded(written)["more"] == "→ ✓ 日本"
    assert loaded(written)["role"] == DATA["role"]


FOREIGN = st.text(st.characters(exclude_categories=[]), max_size=30) | st.sampled_from(
    ["\x1b[2J\x1b]0;owned\x07", "a\rb", "a\x08b", "\x9b31m", "x\u202egpj.exe", "\x85next", "\ud800", "\u2028", "\x7f"]
)


def steering(text: str) -> list[str]:
    """What must not reach a terminal from elsewhere."""
    kinds = {"Cc", "Cs", "Zl", "Zp"}
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        character
        for character in text
        if character not in "\n\t"
        and (unicodedata.category(character) in kinds or unicodedata.bidirectional(character) in bidi)
    ]


@given(FOREIGN)
def test_clean_keeps_the_length_and_everything_harmless(text: str) -> None:
    assert steering(clean(text)) == []
    assert len(clean(text)) == len(text)
    assert clean(clean(text)) == clean(text)
    if not steering(text):
        assert all(new in {old, "\ufffd"} for old, new in zip(text, clean(text), strict=True))


@given(FOREIGN, st.sampled_from(["text", "json", "yaml"]), st.sampled_from(["utf-8", "ascii"]))
def test_foreign_text_cannot_steer_the_terminal(foreign: str, output: str, encoding: str) -> None:
    written = ui(output, encoding=encoding)
    written.emit(Event(Kind.PROGRESS, "x", foreign))
    written.emit(Event(Kind.WARNING, "x", foreign))
    written.show(foreign)
    written.error("x", AcksmError("kube-failed", foreign, where=foreign, remedy=foreign, details={"diff": [foreign]}))
    written.result("x", {foreign: [foreign]}, foreign)
    written.result("x", {}, written.table((foreign,), [(foreign,)]))
    assert steering(out(written)) == []
    assert steering(err(written)) == []


@given(FOREIGN, st.sampled_from(["json", "yaml"]), st.sampled_from(["utf-8", "ascii"]))
def test_foreign_text_comes_through_a_document_whole(foreign: str, output: str, encoding: str) -> None:
    written = ui(output, encoding=encoding)
    written.result("x", {"value": foreign, "key": {foreign: 1}}, "")
    assert (loaded(written)["value"], loaded(written)["key"]) == (foreign, {foreign: 1})


def test_a_foreign_line_cannot_look_like_one_of_acksms_own() -> None:
    written = ui()
    written.error("x", AcksmError("kube-failed", "no\nerror[helm-missing] install this", remedy="a\nb"))
    assert [line for line in err(written).splitlines() if not line.startswith(" ")] == ["error[kube-failed] no"]


def test_a_table_is_aligned_and_a_pipe_gets_whole_lines() -> None:
    written = ui()
    rows = [("a[/x]", "1"), ("longer-name", "x " * 100)]
    assert written.table(("NAME", "VALUE"), rows).splitlines() == [
        "NAME         VALUE",
        "a[/x]        1",
        "longer-name  " + ("x " * 100).strip(),
    ]


def test_a_table_on_a_terminal_folds_in_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    lines = ui(terminal=True).table(("NAME", "VALUE"), [("name", "word " * 10)]).splitlines()
    assert all(len(line) <= 30 for line in lines)
    assert "".join(line.strip() for line in lines[1:]).count("word") == 10


# questions


def asking(answer: str, *, stdin: bool = True, stderr: bool = True) -> Ui:
    class Answer(io.StringIO):
        def isatty(self) -> bool:
            return stdin

    return Ui(stdout=Stream(), stderr=Stream(terminal=stderr), stdin=Answer(answer))


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " yes \n"])
def test_yes(answer: str) -> None:
    asked = asking(answer)
    asked.confirm("Go on?", yes=False)
    assert err(asked) == "Go on? [y/N] "
    assert out(asked) == ""


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n", "ok\n"])
def test_anything_else_is_no(answer: str) -> None:
    with pytest.raises(AcksmError) as caught:
        asking(answer).confirm("Go on?", yes=False)
    assert (caught.value.id, int(caught.value.exit_code)) == ("not-confirmed", 6)


@pytest.mark.parametrize(("stdin", "stderr", "ci"), [(False, True, ""), (True, False, ""), (True, True, "true")])
def test_without_a_terminal_nobody_is_asked_and_the_flag_is_named(
    stdin: bool, stderr: bool, ci: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    asked = asking("y\n", stdin=stdin, stderr=stderr)
    with pytest.raises(AcksmError) as caught:
        asked.confirm("Go on?", yes=False, flag="--confirm NAME")
    assert (caught.value.id, int(caught.value.exit_code)) == ("needs-confirmation", 6)
    assert "--confirm NAME" in caught.value.remedy
    assert err(asked) == ""


def test_a_name_is_typed_or_given() -> None:
    asked = asking("demo\n")
    asked.confirm_name("Delete it?", "demo", given="")
    assert err(asked) == "Delete it? Type demo to confirm: "
    given = asking("", stdin=False)
    given.confirm_name("Delete it?", "demo", given="demo")
    assert err(given) == ""


@pytest.mark.parametrize(("answer", "given"), [("y\n", ""), ("Demo\n", ""), ("", ""), ("demo\n", "another")])
def test_another_name_is_no(answer: str, given: str) -> None:
    with pytest.raises(AcksmError) as caught:
        asking(answer).confirm_name("Delete it?", "demo", given=given)
    assert (caught.value.id, int(caught.value.exit_code)) == ("not-confirmed", 6)


def test_without_a_terminal_no_name_can_be_typed() -> None:
    with pytest.raises(AcksmError) as caught:
        asking("demo\n", stdin=False).confirm_name("Delete it?", "demo", given="")
    assert (caught.value.id, int(caught.value.exit_code)) == ("needs-confirmation", 6)
    assert "--confirm demo" in caught.value.remedy


def test_yes_given_before_asks_nothing() -> None:
    asked = asking("", stdin=False)
    asked.confirm("Go on?", yes=True)
    assert err(asked) == ""


@pytest.mark.parametrize(
    ("gone", "argv", "exit_code"),
    [
        ("stdout", ["explain", "--list"], 0),
        ("stderr", ["explain", "nothing-of-this-name"], 2),
        ("stdout", ["explain", "nothing-of-this-name", "-o", "json"], 2),
    ],
)
def test_a_reader_that_is_gone_changes_no_exit_code(gone: str, argv: list[str], exit_code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    other = {"stdout": "stderr", "stderr": "stdout"}[gone]
    streams: dict[str, Any] = {gone: writing, other: subprocess.PIPE}
    ended = subprocess.run([sys.executable, "-m", "acksm", *argv], **streams, text=True, check=False)
    os.close(writing)
    assert ended.returncode == exit_code
    assert "Broken" not in (ended.stderr or "") + (ended.stdout or "")
