"""`status --watch`: printed at changes only, continues after failures, reconnects in time, and ends with Ctrl-C."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from acksm.errors import AcksmError
from acksm.guide.install import status, watching
from acksm.guide.install.status import Snapshot
from acksm.settings import ControllerSettings, RoleSettings, RunSettings, TargetSettings
from acksm.ui import Ui
from streams import Stream

State = list[str] | AcksmError


class States:
    """The states that are read, one after another; time passes by the sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *states: State) -> None:
        self.states = list(states)
        self.now = 0.0
        self.connected = self.compared = 0
        monkeypatch.setattr(watching, "connect", self.connect)
        monkeypatch.setattr(status, "observe", self.observe)

    def connect(self, _at: TargetSettings, _run: RunSettings) -> Any:
        self.connected += 1
        outer = self

        class Target:
            def line(self) -> str:
                return "cluster demo"

            def __exit__(self, *_: object) -> None:
                outer.connected += 0

        return Target()

    def observe(self, _target: Any, _controllers: Any, _role: Any, _table: Any, drift: Any = None) -> Snapshot:
        self.compared += drift is None
        state = self.states[0]
        if isinstance(state, AcksmError):
            raise state
        healthy = not any("UNHEALTHY" in line for line in state)
        data: Any = {"healthy": healthy, "controllers": []}
        return Snapshot(data, "\n".join(state), state, 0 if healthy else 3, status.Compared())

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.states.pop(0)
        if not self.states:
            raise KeyboardInterrupt


def watch(location: States, output: str = "text", terminal: bool = False) -> tuple[int, str, str]:
    out, err = Stream(terminal=terminal), Stream()
    ui = Ui(output, stdout=out, stderr=err)
    groups = TargetSettings(), ControllerSettings(), RoleSettings(), RunSettings()
    code = watching.run(*groups, ui, sleep=location.sleep, clock=lambda: location.now)
    return code, out.text, err.text


GOOD, BAD = ["sagemaker 1.9.1 healthy"], ["sagemaker 1.9.1 UNHEALTHY", "sagemaker: scaled to zero"]


def printed(text: str) -> list[str]:
    """Lines without their time."""
    return [line[9:] for line in text.splitlines()]


def test_a_line_for_each_change_and_none_without(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = watch(States(monkeypatch, GOOD, GOOD, BAD, BAD, GOOD))
    assert code == 0  # the last state's
    assert printed(out) == [*GOOD, *BAD, *GOOD, "removed: sagemaker: scaled to zero"]
    assert err.splitlines() == ["▸ cluster demo"]


def test_json_is_a_document_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = watch(States(monkeypatch, GOOD, BAD), "json")
    documents = [json.loads(line) for line in out.splitlines()]
    assert [(one["command"], one["exit_code"], one["healthy"]) for one in documents] == [
        ("status", 0, True),
        ("status", 3, False),
    ]


def test_yaml_is_a_document_behind_each_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = watch(States(monkeypatch, GOOD, BAD), "yaml")
    documents = list(YAML(typ="safe").load_all(io.StringIO(out)))
    assert [one["exit_code"] for one in documents] == [0, 3]


def test_a_terminal_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERM", "xterm"), ("CI", "")):
        monkeypatch.setenv(name, value)
    _, out, _ = watch(States(monkeypatch, GOOD, GOOD, BAD), terminal=True)
    assert out.count("\x1b[2J") == 2
    assert out.count("scaled to zero") == 1
    assert "\x1b[2J" in out[: out.index("healthy")]


def test_a_failure_is_told_once_and_watching_goes_on_with_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    away = AcksmError("kube-unreachable", "gone")
    location = States(monkeypatch, GOOD, away, away, GOOD)
    _, out, _ = watch(location)
    assert printed(out) == [
        *GOOD,
        "status unavailable: kube-unreachable: gone",
        *GOOD,
        "removed: " + "status unavailable: kube-unreachable: gone",
    ]
    assert location.connected == 3
    _, out, _ = watch(States(monkeypatch, GOOD, away), "json")
    assert json.loads(out.splitlines()[1])["error"]["id"] == "kube-unreachable"


def test_a_first_look_that_fails_is_the_commands_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AcksmError, match="gone"):
        watch(States(monkeypatch, AcksmError("kube-unreachable", "gone")))


@pytest.mark.parametrize(
    ("states", "compared"),
    [([GOOD] * 4, 1), ([GOOD, BAD, BAD], 2), ([GOOD] * 40, 3)],
)
def test_drift_is_compared_at_changes_and_now_and_then(
    states: list[State], compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = States(monkeypatch, *states)
    watch(location)
    assert location.compared == compared


def test_a_connection_is_made_anew_before_its_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    location = States(monkeypatch, *([GOOD] * 650))
    watch(location)
    assert location.connected == 3
    assert watching.CONNECTION_SECONDS < 14 * 60
