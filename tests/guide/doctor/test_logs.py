"""`acksm logs`: whose log, redacted, of one pod or several."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.ack.charts import SAGEMAKER
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide.doctor import following, logs
from acksm.json_types import Object
from acksm.live.discovery import Controllers
from acksm.live.running import Running
from acksm.settings import RunSettings, TargetSettings, seconds
from acksm.ui import Ui, clean

AT = TargetSettings()


def controller(namespace: str, service: str = SAGEMAKER) -> Running:
    return Running(service, namespace, "r", "d", "1.9.1", "sa")


CHOSEN = {
    "own": (Controllers(own=(controller("ack-system"),), others=(controller("x"),)), False, "ack-system"),
    "the only one": (Controllers(others=(controller("x"), controller("y", "applicationautoscaling"))), False, "x"),
    "idle": (Controllers(idle=(controller("x"),)), False, "x"),
}


@pytest.mark.parametrize(("found", "named", "place"), CHOSEN.values(), ids=list(CHOSEN))
def test_the_controller_of_the_namespace_or_the_only_one(found: Controllers, named: bool, place: str) -> None:
    assert logs.chosen(found, SAGEMAKER, AT, named).namespace == place


@pytest.mark.parametrize(
    ("found", "named", "said"),
    [
        (Controllers(), False, "no controller of sagemaker"),
        (Controllers(others=(controller("x"),)), True, "no controller of sagemaker in namespace ack-system"),
        (Controllers(others=(controller("x"), controller("y"))), False, "namespaces x, y"),
    ],
)
def test_no_controller_or_several(found: Controllers, named: bool, said: str) -> None:
    with pytest.raises(AcksmError) as caught:
        logs.chosen(found, SAGEMAKER, AT, named)
    assert (caught.value.id, said in caught.value.message) == ("logs-controller", True)


class Kube:
    def __init__(self, **lines: list[str] | str) -> None:
        self.lines, self.asked = lines, list[dict[str, Any]]()

    def log_lines(self, _namespace: str, pod: str, _container: str, **words: Any) -> Iterator[str]:
        self.asked.append(words)
        found = self.lines[pod]
        if isinstance(found, str):
            raise AcksmError("kube-failed", found)
        yield from found


def read(kube: Kube, **words: Any) -> tuple[list[tuple[str, str]], str]:
    pods = [{"metadata": {"name": name, "namespace": "n"}} for name in kube.lines]
    ui = Ui(stderr=io.StringIO())
    found = list(logs._lines(kube, pods, following.Request(SAGEMAKER, **words), ui))
    return found, str(ui.stderr.getvalue())  # type: ignore[attr-defined]


def test_every_pod_is_read() -> None:
    kube = Kube(a=["1", "2"], b=["3"])
    found, _ = read(kube, tail=5, since=60, previous=True)
    assert sorted(found) == [("a", "1"), ("a", "2"), ("b", "3")]
    assert kube.asked == [{"follow": False, "tail": 5, "since": 60, "previous": True}] * 2


def pod(name: str, restarts: int = 0, state: str = "running") -> Object:
    status = {"name": "controller", "restartCount": restarts, "state": {state: {}}}
    metadata = {"name": name, "namespace": "n", "uid": name}
    return {"metadata": metadata, "status": {"containerStatuses": [status]}}


def follow(
    kube: Kube, *readings: list[Object] | AcksmError, lines: int, streams: int, **words: Any
) -> tuple[list[tuple[str, str]], str]:
    """What is followed while the pods are read one time after another, the last again and again, until Ctrl-C after
    so many `lines` and `streams`."""
    waiting = list(readings)

    def now() -> list[Object]:
        if len(waiting) == 1 and (len(found) >= lines and len(kube.asked) >= streams):
            raise KeyboardInterrupt
        reading = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(reading, AcksmError):
            raise reading
        return reading

    ui = Ui(stderr=io.StringIO())
    found: list[tuple[str, str]] = []
    request = following.Request(SAGEMAKER, follow=True, **words)
    with pytest.raises(KeyboardInterrupt):
        for item in following.lines(kube, now, request, ui, pause=0.01, clock=lambda: 0.0):
            found.append(item)
    return found, ui.stderr.getvalue()  # type: ignore[attr-defined]


def test_following_continues_with_the_pod_that_replaces_another() -> None:
    kube = Kube(a=["1", "2"], b=["3"], c=["never"])
    gone = AcksmError("logs-pod", "no pod")
    starting = pod("b", state="waiting")
    found, said = follow(
        kube,
        [pod("a")],
        [pod("a", state="terminated")],
        gone,
        [starting],
        [pod("b")],
        lines=3,
        streams=2,
        tail=1,
        since=9,
    )
    assert found[:3] == [("a", "1"), ("a", "2"), ("b", "3")]
    assert [words["tail"] for words in kube.asked[:2]] == [1, None]  # a new pod is read from its first line
    assert [words["since"] for words in kube.asked[:2]] == [9, None]
    assert "note: following pod b" in said


def test_following_continues_after_a_restart_and_after_a_lost_connection() -> None:
    kube = Kube(a=["1"])
    follow(kube, [pod("a")], [pod("a", restarts=1)], lines=2, streams=2)
    assert [words["since"] for words in kube.asked[:2]] == [None, None]
    kube = Kube(a=["1"])
    follow(kube, [pod("a")], [pod("a")], lines=2, streams=2)
    assert [words["since"] for words in kube.asked[:2]] == [None, 1]


def test_a_pod_without_a_log_is_a_warning_and_none_an_error() -> None:
    found, said = read(Kube(a="waiting to start", b=["3"]))
    assert (found, "warning: waiting to start" in said) == ([("b", "3")], True)
    with pytest.raises(AcksmError, match="waiting"):
        read(Kube(a="waiting", b="waiting"))
    found, said = follow(Kube(a="waiting to start", b=["3"]), [pod("a"), pod("b")], [pod("a")], lines=1, streams=3)
    assert (found[:1], "warning: waiting to start" in said) == ([("b", "3")], True)
    with pytest.raises(AcksmError, match="waiting"):
        next(following.lines(Kube(a="waiting"), lambda: [pod("a")], following.Request(SAGEMAKER, follow=True), Ui()))


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("follow", [False, True])
def test_what_is_printed_has_no_secret(output: str, follow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "AKIA" + "A1B2C3D4E5F6G7H8"
    kube = Kube(a=[f"key {secret}", "account 012345678901", "\x1b[2Jsteered"])
    pods = [{"metadata": {"name": "a", "namespace": "n"}}]
    target = SimpleNamespace(kube=kube, deadline=Deadline(1))
    readings = [pods, pods]

    def pods_of(*_: object) -> list[Object]:
        if not readings:
            raise KeyboardInterrupt
        return readings.pop()

    monkeypatch.setattr(logs, "connect", lambda *_: nullcontext(target))
    monkeypatch.setattr("acksm.live.discovery.observe", lambda *_: Controllers(own=(controller("ack-system"),)))
    monkeypatch.setattr(logs, "pods_of", pods_of)
    ui = Ui(output, io.StringIO(), io.StringIO())
    code = logs.run(AT, RunSettings(), ui, following.Request(SAGEMAKER, follow=follow, clean=clean))
    assert code == (130 if follow else 0)
    text = ui.stdout.getvalue()  # type: ignore[attr-defined]
    assert secret not in text
    assert "012345678901" not in text
    assert "********8901" in text
    assert "\x1b" not in text
    assert "steered" in text


def test_durations() -> None:
    assert [seconds(text, "--since") for text in ("90s", "15m", "0.1")] == [90, 900, 1]
    for text in ("soon", "0", "-5", ""):
        with pytest.raises(AcksmError) as caught:
            seconds(text, "--since")
        assert caught.value.id == "config-invalid"
    assert clean("\x1b[2J") == "\ufffd[2J"
