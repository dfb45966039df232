"""What becomes worse by an upgrade is listed and rolled back, on real parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from abroad import GROUP, Abroad
from acksm.engine.change import Change, Plan
from acksm.engine.executor import execute
from acksm.engine.waits import Deadline
from acksm.guide.install import crds, stored
from acksm.guide.install.crds import DesiredCrd
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


def things(*versions: str) -> Any:
    """A CRD of ACK's with these versions, the first of which is stored."""
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = [
        {
            "name": name,
            "served": True,
            "storage": name == versions[0],
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": loose}}},
        }
        for name in versions
    ]
    names = {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.practice.services.k8s.aws"},
        "spec": {"group": "practice.services.k8s.aws", "scope": "Namespaced", "names": names, "versions": served},
    }


def test_what_is_stored_in_a_dropped_version_is_converted(world: World) -> None:
    kube, deadline = world.kube, Deadline(60)
    desired = [DesiredCrd(things("v1"), "practice-chart 2.0.0")]
    crd = ref("CustomResourceDefinition", desired[0].name)
    kube.apply(crds._marked(DesiredCrd(things("v1alpha1"), "practice-chart 1.0.0")))
    crds.await_established(kube, deadline, [crd.name])
    world.custom("practice.services.k8s.aws/v1alpha1", "things", "Thing", "default", "one", {"any": "thing"})

    def planned() -> list[Change]:
        return crds.plan(desired, {crd.name: kube.get(crd) or {}}, stored=partial(stored.check, kube))

    def killed(**_: object) -> None:
        raise KeyboardInterrupt

    convert = partial(stored.convert, kube, partial(crds.apply_kept, kube))
    calls: dict[str, Callable[..., object]] = {"kube.apply": kube.apply, "crds.convert": convert}
    with pytest.raises(KeyboardInterrupt):
        execute(Plan("install", tuple(planned())), {**calls, "crds.convert": killed})
    both = kube.get(crd) or {}
    assert {item["name"]: item["storage"] for item in both["spec"]["versions"]} == {"v1": True, "v1alpha1": False}
    crds.await_established(kube, deadline, [crd.name])
    assert [change.id for change in planned()] == ["crds.convert"]
    execute(Plan("install", tuple(planned())), calls)
    now = kube.get(crd) or {}
    assert [item["name"] for item in now["spec"]["versions"]] == ["v1"]
    assert now["status"]["storedVersions"] == ["v1"]
    one = kube.get(Ref("practice.services.k8s.aws/v1", "things", "Thing", "one", "default"))
    assert one is not None
    assert one["spec"] == {"any": "thing"}  # the apiserver cannot read what is stored in a version that it lacks
    assert planned() == []
