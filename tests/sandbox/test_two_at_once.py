"""Ctrl-C in the middle of an install, a second acksm beside it, and one that was killed: real processes and cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from acksm.engine import lease
from acksm.guide.connect import rights
from world import ONE, World


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
    while not lease.is_held(world.kube, world.namespace):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_ctrl_c_ends_the_call_and_the_same_command_goes_on(world: World) -> None:
    with start(world, "install", "-y", *ONE) as process:
        await_lease(world, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "error[interrupted]" in told
    assert "remedy: acksm install -y --service applicationautoscaling   (continues from there)" in told
    assert not lease.is_held(world.kube, world.namespace)
    world.install(*ONE)
    with world.requests() as again:
        world.install(*ONE)
    assert again.writes + again.leases == []


def test_a_killed_one_is_replaced_at_once(world: World) -> None:
    with start(world, "install", "-y", *ONE) as process:
        await_lease(world, process)
        process.kill()
    assert world.acksm("status", *ONE).error_id == ""  # who only reads never asks for it
    run = world.install(*ONE, "--lock-timeout", "0")
    assert f"process {process.pid}): acksm install ended without releasing the lock" in run.stderr
    assert not lease.is_held(world.kube, world.namespace)


def test_one_that_works_is_waited_for_and_the_plan_made_again(world: World) -> None:
    with start(world, "install", "-y", *ONE) as process:
        await_lease(world, process)
        process.send_signal(signal.SIGSTOP)
        refused = world.acksm("install", "-y", *ONE, "--lock-timeout", "0")
        with start(world, "install", "-y", *ONE) as second:
            assert second.stderr
            for line in second.stderr:
                if "holds it; waiting 50 s at most" in line:
                    break
            process.send_signal(signal.SIGCONT)
            _, told = second.communicate(timeout=120)
        assert process.wait(60) == 0
    assert (refused.error_id, refused.exit_code) == ("cluster-busy", 6)
    assert f"process {process.pid}): acksm install holds the lock, acquired" in refused.stderr
    assert second.returncode == 0, told
    assert "planning again" in told
    assert "up to date" in told


def test_a_plan_from_before_another_run_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run ends before this one requests the Lease, as while a question waits for its answer."""
    check = rights.check

    def late(*given: Any) -> Any:
        monkeypatch.setattr(rights, "check", check)
        with start(world, "install", "-y", *ONE) as other:
            _, told = other.communicate(timeout=120)
        assert other.returncode == 0, told
        return check(*given)

    monkeypatch.setattr(rights, "check", late)
    run = world.install(*ONE)
    assert "planning again" in run.stderr
    assert "up to date" in run.stderr
