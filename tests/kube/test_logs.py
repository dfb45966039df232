"""A container's log: its newest lines within bytes, from a kubelet that keeps the oldest of those asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from acksm.kube import client
from acksm.kube.client import Endpoint, Kube
from acksm.sandbox.controllers.log_server import LogServer


class Apiserver:
    """Hands requests for logs to the practice kubelet, as an apiserver does; with `limits` off to one that knows no
    limitBytes."""

    def __init__(self, log: Path) -> None:
        self.asked: list[str] = []
        self.limits = True
        kubelet = LogServer(
            lambda _namespace, pod, _container, _previous: log if pod == "p" else None, threading.Event()
        )

        def answer(environ: Mapping[str, Any], begin: Any) -> Iterable[bytes]:
            _, _, _, _, namespace, _, pod, _ = environ["PATH_INFO"].split("/")
            query = [part for part in environ["QUERY_STRING"].split("&") if self.limits or "limitBytes" not in part]
            self.asked.append(next(part for part in query if part.startswith("tailLines=")))
            return kubelet(
                {**environ, "PATH_INFO": f"/containerLogs/{namespace}/{pod}/c", "QUERY_STRING": "&".join(query)}, begin
            )

        self.http = make_server("127.0.0.1", 0, answer, threaded=True)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.kube = Kube(Endpoint(f"http://127.0.0.1:{self.http.server_port}", "", token="t"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def apiserver(log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Apiserver]:
    monkeypatch.setattr(client, "LOG_BYTES", 1000)
    made = Apiserver(log)
    yield made
    made.http.shutdown()


def test_the_last_lines(apiserver: Apiserver, log: Path) -> None:
    log.write_text("".join(f"line {index}\n" for index in range(50)))
    assert apiserver.kube.logs("n", "p", "c", lines=3) == "line 47\nline 48\nline 49\n"


def test_long_lines_cost_lines_and_never_the_newest(apiserver: Apiserver, log: Path) -> None:
    log.write_text("".join(f"{'x' * 200} {index}\n" for index in range(50)))
    assert apiserver.kube.logs("n", "p", "c", lines=40).endswith(" 49\n")
    assert apiserver.asked == ["tailLines=40", "tailLines=10", "tailLines=2"]


@pytest.mark.parametrize("limits", [True, False])
def test_one_endless_line_is_cut(apiserver: Apiserver, log: Path, limits: bool) -> None:
    apiserver.limits = limits
    log.write_text("x" * 100_000)
    assert apiserver.kube.logs("n", "p", "c") == "x" * 1000


def test_what_is_not_there_is_empty(apiserver: Apiserver, log: Path) -> None:
    assert apiserver.kube.logs("n", "p", "c") == apiserver.kube.logs("n", "other", "c") == ""
