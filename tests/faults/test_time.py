"""The deadline of a command and Ctrl-C, where AWS, the apiserver or the registry takes a request and never answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acksm.aws import session
from acksm.cli import app
from acksm.errors import AcksmError
from acksm.helm import oci, registry
from acksm.kube import client
from gate import Gate
from http_server import json_reply, serve
from world import Run

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}


@pytest.fixture
def hung() -> Iterator[socket.socket]:
    """Connections to it are made, and nothing ever comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as made:
        made.settimeout(120)
        yield made


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A call that begins when the time is over gets a moment."""
    for module in (session, client, oci):
        monkeypatch.setattr(module, "LAST_SECONDS", 0.2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def address(hung: socket.socket) -> str:
    return f"127.0.0.1:{hung.getsockname()[1]}"


def acksm(*argv: str, env: dict[str, str]) -> Run:
    result = CliRunner().invoke(app, list(argv), env=env, prog_name="acksm")
    return Run(result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    "argv",
    [
        ("status",),
        ("install", "-y"),
        ("oidc", "-y"),
        ("cleanup", "-y"),
        ("region", "list"),
        (
            "carm",
            "setup",
            "-y",
            "--target-account",
            "111122223333",
            "--target-role-arn",
            "arn:aws:iam::111122223333:role/x",
        ),
    ],
    ids=" ".join,
)
def test_aws_hangs(argv: tuple[str, ...], hung: socket.socket) -> None:
    env = {**KEYS, "AWS_ENDPOINT_URL": f"http://{address(hung)}"}
    run = acksm(*argv, "--cluster", "demo", "--region", "us-west-2", "--timeout", "1s", env=env)
    assert (run.error_id, run.exit_code) == ("timed-out", 5), run.stderr
    assert "sts:GetCallerIdentity" in run.stderr


@pytest.mark.parametrize(
    "argv",
    [("status",), ("install", "-y"), ("cleanup", "-y"), ("region", "bind", "x", "us-west-2", "-y")],
    ids=" ".join,
)
def test_the_apiserver_hangs(argv: tuple[str, ...], hung: socket.socket, gate: Gate) -> None:
    run = acksm(*argv, "--timeout", "1s", env=gate.cluster(f"http://{address(hung)}"))
    assert (run.error_id, run.exit_code) == ("timed-out", 5), run.stderr
    assert "GET /" in run.stderr


def test_the_registry_hangs(hung: socket.socket) -> None:
    with pytest.raises(AcksmError) as caught:
        registry.Registry(f"{address(hung)}/acks", lambda: 0.0).tags("sagemaker")
    assert (caught.value.id, caught.value.exit_code) == ("timed-out", 5)


def test_a_registry_that_fails_is_not_asked_again_after_the_end() -> None:
    server, http = serve()
    path = "/v2/acks/sagemaker-chart/tags/list?n=1000"
    server.replies[path] = json_reply({}, status=503)
    try:
        with pytest.raises(AcksmError) as caught:
            registry.Registry(f"{server.host}/acks", lambda: 0.0).tags("sagemaker")
    finally:
        http.shutdown()
        http.server_close()
    assert (caught.value.id, server.paths) == ("timed-out", [path])


def test_ctrl_c_twice_leaves_where_an_answer_is_waited_for(hung: socket.socket) -> None:
    variables = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": f"http://{address(hung)}", "PYTHONUNBUFFERED": "1"}
    argv = [sys.executable, "-m", "acksm", "status", "--cluster", "demo", "--region", "us-west-2"]
    with subprocess.Popen(argv, env=variables, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        hung.accept()  # it asks
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("press Ctrl-C again" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
