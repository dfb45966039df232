"""`acksm logs`: whose log, redacted, of one pod or several."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from acksm.ack.charts import SAGEMAKER
from acksm.errors import AcksmError
from acksm.guide.doctor import logs
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
    found = list(logs._lines(kube, pods, logs.Request(SAGEMAKER, **words), ui))
    return found, str(ui.stderr.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("follow", [False, True])
def test_every_pod_is_read(follow: bool) -> None:
    kube = Kube(a=["1", "2"], b=["3"])
    found, _ = read(kube, follow=follow, tail=5, since=60, previous=True)
    assert sorted(found) == [("a", "1"), ("a", "2"), ("b", "3")]
    assert kube.asked == [{"follow": follow, "tail": 5, "since": 60, "previous": True}] * 2


@pytest.mark.parametrize("follow", [False, True])
def test_a_pod_without_a_log_is_a_warning_and_none_an_error(follow: bool) -> None:
    found, said = read(Kube(a="waiting to start", b=["3"]), follow=follow)
    assert (found, "warning: waiting to start" in said) == ([("b", "3")], True)
    with pytest.raises(AcksmError, match="waiting"):
        read(Kube(a="waiting", b="waiting"), follow=follow)


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("follow", [False, True])
def test_what_is_printed_has_no_secret(output: str, follow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "AKIA" + "A1B2C3D4E5F6G7H8"
    kube = Kube(a=[f"key {secret}", "account 012345678901", "\x1b[2Jsteered"])
    pods = [{"metadata": {"name": "a", "namespace": "n"}}]
    target = SimpleNamespace(kube=kube)
    monkeypatch.setattr(logs, "connect", lambda *_: nullcontext(target))
    monkeypatch.setattr("acksm.live.discovery.observe", lambda *_: Controllers(own=(controller("ack-system"),)))
    monkeypatch.setattr(logs, "pods_of", lambda *_: pods)
    ui = Ui(output, io.StringIO(), io.StringIO())
    assert logs.run(AT, RunSettings(), ui, logs.Request(SAGEMAKER, follow=follow, clean=clean)) == 0
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
