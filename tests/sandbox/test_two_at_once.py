"""Ctrl-C in the middle of an install, and a second acksm beside it: real processes on a real cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from acksm.engine import lease
from acksm.kube.paths import ref
from world import World


def start(world: World, *argv: str) -> subprocess.Popen[str]:
    """acksm as a process of its own, its stderr read by the caller."""
    return subprocess.Popen(
        [sys.executable, "-m", "acksm", *argv],
        env=os.environ | world.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_lease(world: World, process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 60
    while not world.kube.get(ref("Lease", lease.NAME, world.namespace)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_ctrl_c_ends_the_call_and_the_same_command_goes_on(world: World) -> None:
    with start(world, "install", "-y") as process:
        await_lease(world, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "error[interrupted]" in told
    assert told.rstrip().endswith("resume: acksm install -y")
    assert world.objects("Lease") == []
    world.install()
    with world.requests() as again:
        world.install()
    assert again.writes + again.leases == []


def test_a_killed_one_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 2.0)
    with start(world, "install", "-y") as process:
        await_lease(world, process)
        process.kill()
    second = world.acksm("install", "-y")  # nobody can tell yet that the first is dead
    assert (second.error_id, second.exit_code) == ("cluster-busy", 6)
    assert f"process {process.pid}" in second.stderr
    assert world.acksm("status").error_id == ""  # who only reads never asks for it
    world.kube.patch(ref("Lease", lease.NAME, world.namespace), {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}})
    run = world.install()
    assert "ended without a word" in run.stderr
    assert world.objects("Lease") == []
