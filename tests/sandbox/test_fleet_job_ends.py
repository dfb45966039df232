"""Pods of a fleet's Job that end in other ways than by acksm's own exit code, as the real Job controller sees them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from abroad import until
from acksm import __version__
from acksm.kube.paths import Ref
from acksm.sandbox.controllers import processes
from acksm.sandbox.state import REGION, directory
from sandbox.test_fleet_job import SPACE, Hub
from world import NAME, World

KILLED = 137


def start(hub: Hub, name: str, change: Callable[[Any], None], *words: str) -> None:
    """The Job that `acksm fleet job` prints, with its pods' container changed."""
    image = f"{hub.world.state.registry}/acksm:{__version__}"
    options = ("--job-name", name, "-n", SPACE, "--image", image, "--pod-role-arn", hub.role, *words)
    for manifest in yaml.safe_load_all(hub.world.acksm("fleet", "job", *options).ok().stdout):
        if manifest["kind"] == "Job":
            change(manifest["spec"]["template"]["spec"]["containers"][0])
        location = Ref(manifest["apiVersion"], f"{manifest['kind'].lower()}s", manifest["kind"], name, SPACE)
        hub.world.kube._request("post", location.collection, body=manifest, query_params=[])


def reason(hub: Hub, name: str) -> str:
    """Why the Job failed, once it has."""
    found = {item["type"]: item["reason"] for item in hub.status(name).get("conditions") or []}
    return str(found.get("Failed", ""))


def ends(hub: Hub, name: str) -> list[tuple[str, int]]:
    """Why the container of each pod ended, and its exit code."""
    states = [pod["status"]["containerStatuses"][0]["state"]["terminated"] for pod in hub.pods(name)]
    return [(state["reason"], state["exitCode"]) for state in states]


@pytest.mark.timeout(600)
def test_how_pods_end(world: World, tmp_path: Path) -> None:
    hub = Hub(world, tmp_path)
    (tmp_path / "fleet.yaml").write_text(f"""
defaults: {{service: [applicationautoscaling], controller-namespace: {world.namespace}}}
clusters: [{{cluster: {world.cluster}, account: "{world.account}", region: {REGION}}}]
""")
    broken(hub)
    without_memory(hub)
    killed(hub)


def broken(hub: Hub) -> None:
    """Exit code 1 is no cluster's: as of an image whose Python does not start. No other pod comes."""
    home = {"name": "PYTHONHOME", "value": "/nowhere"}
    start(hub, "broken", lambda container: container["env"].append(home), "--retries", "2", "--", "status")
    hub.until("broken", lambda: bool(reason(hub, "broken")))
    assert reason(hub, "broken") == "PodFailurePolicy"
    assert ends(hub, "broken") == [("Error", 1)]


def without_memory(hub: Hub) -> None:
    """What is killed for its memory may succeed elsewhere, and is tried again."""
    little = {"limits": {"memory": "10Mi"}, "requests": {"memory": "10Mi"}}
    start(hub, "little", lambda container: container.update(resources=little), "--retries", "1", "--", "status")
    hub.until("little", lambda: bool(reason(hub, "little")))
    assert reason(hub, "little") == "FailedIndexes"
    assert ends(hub, "little") == [("OOMKilled", KILLED)] * 2


def killed(hub: Hub) -> None:
    """With the pod's first process the processes of its clusters go."""
    world = hub.world
    world.faults({"sts:GetCallerIdentity": {"seconds": 60}})
    start(hub, "first", lambda _container: None, "--", "status")
    hub.until("first", lambda: bool(hub.pods("first")))
    (meta,) = [pod["metadata"] for pod in hub.pods("first")]
    home = directory(NAME) / "clusters" / world.cluster / "controllers" / f"{SPACE}_{meta['name']}"
    until(lambda: len(processes.of(home)) == 2, "no process of a cluster runs", lambda: hub.story("first"))
    world.kube._request("delete", Ref("v1", "pods", "Pod", meta["name"], SPACE).path, body={"gracePeriodSeconds": 0})
    until(lambda: not processes.of(home), "some are left", lambda: processes.of(home), seconds=30)
