"""`acksm status --watch` and `acksm logs -f` as processes, over a rollout: a document for each change, until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from acksm.kube.paths import ref
from report_schema import complaints
from world import ONE, World


@pytest.mark.crds
def test_a_change_is_told_and_ctrl_c_ends_it(world: World) -> None:
    world.install(*ONE)
    (name,) = world.objects("Deployment")
    process, log = started(world, "status", "--watch", *ONE), started(world, "logs", ONE[1], "-f")
    assert process.stdout is not None
    assert log.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        before = line = json.loads(log.stdout.readline())
        world.kube.patch(ref("Deployment", name, world.namespace), {"spec": {"replicas": 0}})
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        world.kube.patch(ref("Deployment", name, world.namespace), {"spec": {"replicas": 1}})
        while line["lines"][0]["pod"] == before["lines"][0]["pod"]:
            line = json.loads(log.stdout.readline())
        log.send_signal(signal.SIGINT)
        _, noise = log.communicate(timeout=60)
    finally:
        process.kill()
        log.kill()
    assert complaints(line) == []
    assert (log.returncode, "error[" in noise, "following pod" in noise) == (130, False, True)
    assert (first["healthy"], first["exit_code"], second["healthy"], second["exit_code"]) == (True, 0, False, 3)
    assert complaints(first) == complaints(second) == []
    assert process.returncode == 3  # the last state's
    assert "Traceback" not in errors
    assert "error[" not in errors


def started(world: World, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "acksm", *words, "-o", "json"],
        env=os.environ | world.variables | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
