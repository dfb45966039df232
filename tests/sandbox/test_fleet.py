"""A fleet of two clusters in two accounts and regions, through its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acksm.sandbox import api
from acksm.sandbox.state import REGION
from world import NAME, World

FAR_ACCOUNT, FAR_REGION = "222222222222", "eu-west-1"


@pytest.fixture
def far(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    name = f"{world.cluster}-far"
    api.add_cluster(world.state, name, FAR_ACCOUNT, FAR_REGION)
    own = World(api.require(NAME), name, FAR_ACCOUNT, namespace=world.namespace)
    for key in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(key, api.environment(NAME, world.cluster)[key])
    yield own
    api.remove_cluster(world.state, name)


def fleet_yaml(world: World, far: World, path: Path, more: str = "") -> None:
    path.write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}{more}}}
waves:
- {{name: canary, select: {{stage: canary}}, soak: 1s}}
- {{name: rest}}
clusters:
- {{cluster: {far.cluster}, account: "{far.account}", region: {FAR_REGION}, profile: other-{far.account}}}
- {{cluster: {world.cluster}, account: "{world.account}", region: {REGION}, labels: {{stage: canary}}}}
""")


def states(world: World, *words: str, code: int = 0) -> list[tuple[str, str]]:
    run = world.acksm("fleet", *words, "-o", "json")
    assert run.exit_code == code, run.stdout + run.stderr
    return [(item["cluster"], item["state"]) for item in run.data["clusters"]]


@pytest.mark.timeout(600)
def test_a_fleet_is_rolled_out_continued_after_a_kill_compared_and_cleaned_up(
    world: World, far: World, tmp_path: Path
) -> None:
    near, away, file = world.cluster, far.cluster, tmp_path / "fleet.yaml"
    # a wave that fails stops the rollout: the canary's values are refused
    fleet_yaml(world, far, file, ', version: {applicationautoscaling: "9.9.9"}')
    assert states(world, "apply", "--yes", code=3) == [(near, "failed"), (away, "not started")]
    # killed with its first child at work, it continues with the same command
    fleet_yaml(world, far, file)
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "acksm", "fleet", "apply", "--yes"],
        cwd=tmp_path,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stderr
    for line in supervisor.stderr:
        if "created" in line:
            break
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    plans = tmp_path / "plans"
    first = states(world, "apply", "--yes")
    assert [name for name, _ in first] == [near, away]
    assert {state for _, state in first} <= {"done", "up to date"}
    assert states(world, "apply", "--yes") == [(near, "up to date"), (away, "up to date")]
    # what was reviewed is what is applied, without the file
    fleet_yaml(world, far, file, ", set: [log.level=debug]")
    assert states(world, "plan", "--out", str(plans), code=10) == [(near, "changes pending"), (away, "changes pending")]
    file.unlink()
    assert states(world, "apply", str(plans), "--yes") == [(near, "done"), (away, "done")]
    assert world.acksm("fleet", "apply", str(plans), "--digest", "sha256:x").error_id == "plan-digest"
    # between clusters
    fleet_yaml(world, far, file)
    found = world.acksm("fleet", "doctor", "-o", "json").data
    assert found["findings"] == []
    assert found["incomplete"] == []
    assert states(world, "cleanup", "--all", "--yes") == [(near, "done"), (away, "done")]
