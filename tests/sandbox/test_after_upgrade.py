"""What becomes worse by an upgrade is listed and rolled back, on real parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from abroad import GROUP, Abroad
from acksm.kube.paths import Ref, ref
from practice_specs import KINDS
from world import World

pytestmark = pytest.mark.crds
SERVICE = ("--service", "sagemaker")
OLD, NEW = "1.5.1", "1.9.1"
RELEASE = "ack-sagemaker-controller"


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    found.clean()


def pipeline(abroad: Abroad, name: str) -> Ref:
    found = abroad.world.custom(GROUP, "pipelines", "Pipeline", "default", name, KINDS["Pipeline"])
    abroad.made.append(found)
    abroad.located(found)
    return found


def version(world: World) -> str:
    found = json.loads(world.helm("list", "-o", "json"))
    return str(found[0]["chart"]).removeprefix("sagemaker-chart-")


def fail_once(world: World) -> None:
    """The next controller that reads the pipeline meets an error that the runtime calls terminal."""
    world.fault("sagemaker:DescribePipeline", 400, "InvalidParameterValue", "practised", times=1)


def test_what_became_worse_is_listed_rolled_back_and_compared_again(abroad: Abroad) -> None:
    world = abroad.world
    world.install(*SERVICE, "--version", f"sagemaker={OLD}")
    found = pipeline(abroad, "nightly")
    fail_once(world)
    run = world.acksm("upgrade", "-y", *SERVICE, "--rollback-on-worse", "-o", "json")
    assert run.exit_code == 3, run.stderr
    result = run.data["result"]
    (worse,) = result["after"]["worse"]
    assert worse["object"] == "Pipeline default/nightly"
    assert "practised" in worse["reason"]
    (back,) = result["rolled_back"]
    assert (back["version"], back["ready"], back["worse"], back["unread"]) == (OLD, True, [], [])
    assert back["unchanged"] == ["Pipeline default/nightly"]
    assert version(world) == OLD
    assert world.acksm("status", *SERVICE).exit_code == 0

    # again: it says what happened; the fault is over
    run = world.acksm("upgrade", "-y", *SERVICE).ok()
    assert "was rolled back, as objects became worse: Pipeline default/nightly: " in run.stderr
    assert "1 object synced as before" in run.stdout
    assert version(world) == NEW
    with world.requests() as again:
        assert "up to date" in world.acksm("upgrade", *SERVICE).ok().stderr
    assert again.writes == []

    # back by the command that the refusal names; CRDs are kept
    crd = ref("CustomResourceDefinition", "pipelines.sagemaker.services.k8s.aws")
    before: Any = world.kube.get(crd)
    refused = world.acksm("upgrade", *SERVICE, "--version", f"sagemaker={OLD}")
    assert (refused.error_id, refused.exit_code) == ("version-older", 2)
    assert f"acksm install --service sagemaker --version sagemaker={OLD}" in refused.stderr
    run = world.install(*SERVICE, "--version", f"sagemaker={OLD}")
    assert "is newer than the charts'; it is kept" in run.stderr
    after: Any = world.kube.get(crd)
    assert (version(world), after["spec"]) == (OLD, before["spec"])
    world.kube.patch(found, {"metadata": {"annotations": {"services.k8s.aws/read-only": "true"}}})
    refused = world.acksm("install", "-y", *SERVICE, "--version", "sagemaker=1.2.13")
    assert (refused.error_id, refused.exit_code) == ("downgrade-harmful", 6)
    assert "changes them in AWS: Pipeline default/nightly" in refused.stderr
