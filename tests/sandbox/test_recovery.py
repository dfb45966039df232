"""What a killed helm, a failing pod or a slow IAM leaves behind, and the way on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from acksm.archive import pack
from acksm.engine import lease
from acksm.kube.paths import ref
from acksm.presence import Presence
from acksm.sandbox.practice import build, files
from acksm.sandbox.practice.generations import all_charts
from world import ONE, World

RELEASE = "ack-applicationautoscaling-controller"
NEWEST = next(item for item in all_charts() if item.service == "applicationautoscaling" and item.version == "1.4.1")
# helm waits for a hook, and this one never ends: helm can be killed in the middle, as often as need be
HOOK = b"""\
apiVersion: v1
kind: Pod
metadata:
  name: never-ends
  namespace: {{ .Release.Namespace }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  restartPolicy: Never
  containers: [{name: x, image: x}]
"""


def kill_helm(world: World, tmp_path: Path, verb: str) -> None:
    """Start helm as acksm does, and end it with SIGKILL while its record says pending."""
    chart = tmp_path / "hook.tgz"
    chart.write_bytes(pack("applicationautoscaling-chart", {**files(NEWEST), "templates/hook.yaml": HOOK}))
    values = ["--set", "aws.region=us-west-2", "--set-string", "deployment.labels.acksm\\.dev/owned=true"]
    values += ["--reuse-values"] if verb == "upgrade" else []
    argv = [world.state.helm, verb, RELEASE, str(chart), "-n", world.namespace, "--skip-crds", *values]
    process = subprocess.Popen(
        argv,
        env=os.environ | world.variables | {"KUBECONFIG": world.administrator},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    limit = time.monotonic() + 60
    while not world.kube.get(ref("Pod", "never-ends", world.namespace)):
        assert time.monotonic() < limit
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def leave_lock(world: World) -> None:
    """What an acksm leaves that was killed with its helm."""
    dead = Presence.begin()
    dead.end(forget=False)
    world.kube.apply(lease._Me(world.namespace, lease.holder("install"), dead.run).manifest(), force=True)


def release_status(world: World) -> str:
    (line,) = [
        item for item in world.helm("status", RELEASE, "-o", "yaml").splitlines() if item.startswith("  status:")
    ]
    return line.split()[1]


@pytest.mark.crds
@pytest.mark.parametrize("verb", ["install", "upgrade"])
def test_a_killed_helm_is_recovered(world: World, tmp_path: Path, verb: str) -> None:
    if verb == "upgrade":
        world.install(*ONE)
    else:
        world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    kill_helm(world, tmp_path, verb)
    assert release_status(world) == f"pending-{verb}"
    busy = world.acksm("install", *ONE)  # it is seconds old: its helm may still be at it
    assert (busy.error_id, busy.exit_code) == ("release-busy", 6)
    status = world.acksm("status", *ONE, "-o", "json")
    assert status.exit_code == 3
    assert f"pending-{verb}" in str(status.data["controllers"])
    if verb == "install":
        world.install(*ONE)  # -y: no other helm runs
    else:
        leave_lock(world)
        run = world.acksm("install", *ONE).ok()
        assert "ended without releasing the lock" in run.stderr
    assert release_status(world) == "deployed"
    with world.requests() as again:
        world.install(*ONE)
    assert again.writes == []


@pytest.mark.crds
def test_a_failed_upgrade_by_hand_is_written_again(world: World, tmp_path: Path) -> None:
    """Values and objects of the failed revision are those that are wanted: only its status tells what is to be done."""
    world.install(*ONE)
    bad = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name, annotations: {helm.sh/hook: post-upgrade}}\n"
    chart, values = tmp_path / "bad.tgz", tmp_path / "values.json"
    chart.write_bytes(pack("applicationautoscaling-chart", {**files(NEWEST), "templates/bad.yaml": bad}))
    values.write_text(world.helm("get", "values", RELEASE, "-o", "json"))
    argv = [world.state.helm, "upgrade", RELEASE, str(chart), "-n", world.namespace, "--skip-crds", "-f", str(values)]
    env = os.environ | world.variables | {"KUBECONFIG": world.administrator}
    assert subprocess.run(argv, env=env, capture_output=True, check=False).returncode != 0
    assert release_status(world) == "failed"
    assert world.acksm("status").exit_code == 3
    assert "updated release" in world.install(*ONE).stderr
    assert release_status(world) == "deployed"
    assert "up to date" in world.install(*ONE).stderr


@pytest.mark.crds
@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ImagePullBackOff"])
def test_a_pod_that_cannot_start_is_told_with_its_reason(world: World, reason: str) -> None:
    run = world.acksm("install", "-y", *ONE, "--set", f"deployment.annotations.acksm\\.dev/practice-fail={reason}")
    assert (run.error_id, run.exit_code) == ("pod-failing", 4)
    assert reason in run.stderr
    assert "practised failure" in run.stderr
    assert world.acksm("status", *ONE).exit_code == 3
    world.install(*ONE, "--reset-values")
    assert world.acksm("status", *ONE).exit_code == 0


def test_a_pod_that_nothing_can_run_is_told_before_the_first_write(world: World) -> None:
    with world.requests() as seen:
        run = world.acksm("install", "-y", *ONE, "--set", 'deployment.nodeSelector={"nowhere":"true"}')
    assert (run.error_id, run.exit_code) == ("no-nodes", 3)
    assert seen.writes == []


@pytest.mark.crds
def test_no_wait_does_not_wait(world: World) -> None:
    world.install(
        *ONE,
        "--no-wait",
        "--set",
        "deployment.annotations.acksm\\.dev/practice-fail=CrashLoopBackOff",
    )
    assert world.acksm("status", *ONE).exit_code == 3


def test_a_failure_half_way_says_what_was_done_and_the_same_command_goes_on(world: World) -> None:
    world.fault("iam:AttachRolePolicy", 500, "ServiceFailure")
    run = world.acksm("install", "-y", "-o", "json")
    assert run.exit_code == 4
    done = [item["id"] for item in run.data["error"]["details"]["done"]]
    role = ["iam-role.create", "iam-role.service-linked"]
    assert [step for step in done if step.startswith("iam")] == role  # beside them the provider is created
    world.end_faults()
    world.install()
    assert world.acksm("status").exit_code == 0


@pytest.mark.crds
def test_a_chart_kept_in_the_cache_is_checked_each_time(world: World) -> None:
    world.install(*ONE)
    (kept,) = (Path(os.environ["XDG_CACHE_HOME"]) / "acksm" / "charts").glob("*.tgz")
    kept.write_bytes(build(NEWEST)[:-20] + b"x" * 20)
    with world.requests() as again:
        world.install(*ONE)
    assert again.writes == []
