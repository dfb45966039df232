"""`acksm upgrade --convert-adopted` in memory: nothing in AWS changes, and it converges from every kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from acksm.ack import charts
from acksm.aws.objects import Found
from acksm.errors import AcksmError
from acksm.guide.adopt import lookup
from acksm.guide.adopt.lookup import Requested
from acksm.guide.install import command as install
from acksm.guide.upgrade import convert, versions
from acksm.kube.paths import ref
from memory_account import ACCOUNT, HOME, REGION, Killed
from memory_adoption import Adopting, adopted_resource, managed_object
from memory_kube import Json, config_map, namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

OLD = {"sagemaker": "1.4.1", "applicationautoscaling": "1.1.1"}
NONE_BY_ANNOTATION = {"sagemaker": "1.2.13", "applicationautoscaling": "1.0.17"}
ONE = ["sagemaker"]
FAR = "222222222222"


class Here:
    world: MemoryWorld


def in_aws(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}"


def looked_up(requested: Sequence[Requested], *_: object) -> list[Any]:
    """In the place of the search in AWS, which the sandbox's tests make."""
    return [(one, place, Found(one.kind, one.keys[0], in_aws(one.text), REGION)) for one, place in requested]


@pytest.fixture(autouse=True, scope="module")
def _in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: Here.world, (install,))
        patch.setattr(lookup, "find", looked_up)
        yield


def fresh() -> MemoryWorld:
    world = MemoryWorld()
    world.kube.__class__ = Adopting
    return world


def installed(old: dict[str, str]) -> Any:
    """Both services before the line, with one of each AdoptedResource that is not in the way."""
    world = Here.world = fresh()
    world.kube.put(namespace("team"))
    world.kube.put(namespace("bound", owner_account_id=FAR))
    world.kube.put(config_map("ack-role-account-map", {FAR: f"arn:aws:iam::{FAR}:role/r"}))
    run_install(world.settings(version=[f"{service}={version}" for service, version in old.items()]), Said())
    for name in ("done", "pending", "second", "far"):
        world.kube.in_aws.add(in_aws(name))
    for name, where in (("done", "team"), ("far", "bound")):
        location = ref("Model", name, where)
        model = {"apiVersion": location.api_version, "kind": "Model", "metadata": {"name": name, "namespace": where}}
        world.kube.put(managed_object(model, {"modelName": name}, in_aws(name)))
        world.kube.put(adopted_resource(name, where, adopted="True"))
    for name in ("pending", "second"):
        world.kube.put(adopted_resource(name))
    world.kube.put(adopted_resource("scaled", adopted="True", service="applicationautoscaling"))
    world.kube.put({**adopted_resource("other", service="s3")})
    return world.snapshot()


@pytest.fixture(scope="module")
def before() -> Any:
    return installed(OLD)


@pytest.fixture
def world(before: Any) -> MemoryWorld:
    Here.world = fresh()
    Here.world.restore(before)
    return Here.world


def upgraded(world: MemoryWorld, *, convert_adopted: bool = True, service: Sequence[str] = (), **more: Any) -> Json:
    """The report of an upgrade; it has to succeed."""
    given, ui = world.settings(**({"service": [*service]} if service else {}), **more), Said()
    code = install.run(
        given.target,
        given.controllers,
        given.role,
        given.run,
        ui,
        command="upgrade",
        sections=install.ALL,
        narrowed=versions.controllers_for,
        around=[convert.compose(given.other_account, convert=convert_adopted)],
        settled=convert.SETTLES if convert_adopted else (),
    )
    assert code == 0
    return ui.results[-1]


def outcome(world: MemoryWorld) -> Any:
    """What a conversion is about: ACK's objects, releases without helm's revisions, and AWS."""
    state = world.state()[0]
    objects = {path: item for path, item in state.items() if "services.k8s.aws/" in path}
    found = [world.release(service) for service in charts.SERVICES]
    return objects, [(one.version, one.status, one.values) for one in found if one], set(world.kube.in_aws)


def left(world: MemoryWorld) -> set[str]:
    """Names of AdoptedResources."""
    return {str(item["metadata"]["name"]) for item in world.kube.list(ref("AdoptedResource"))}


def model(world: MemoryWorld, name: str, where: str = "team") -> Json:
    return world.kube.objects[ref("Model", name, where).path]


def test_done_ones_go_before_and_pending_ones_are_adopted_after(world: MemoryWorld) -> None:
    aws = set(world.kube.in_aws)
    report = upgraded(world, service=ONE)
    assert left(world) == {"scaled", "other"}  # of a service before the line, and of another one
    assert world.kube.in_aws == aws
    for name in ("pending", "second"):
        metadata = model(world, name)["metadata"]
        assert metadata["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
        assert metadata["annotations"]["services.k8s.aws/adopted"] == "true"
        assert metadata["labels"]["team"] == "a"
    assert model(world, "done")
    assert model(world, "far", "bound")
    ids = [item["id"] for item in report["changes"]]
    release = ids.index("release.upgrade")
    assert set(ids[:release]) >= {"adopted-resource.delete"}
    assert set(ids[release + 1 :]) == {"adopt.create", "adopted-resource.replace"}
    rows = {item["name"]: item["state"] for item in report["result"]["adopted_resources"]}
    assert rows == {"done": "done", "far": "done", "pending": "pending", "second": "pending"}
    assert {item["state"] for item in report["result"]["adoptions"]} == {"adopted"}
    writes = world.fuse.writes
    assert upgraded(world, service=ONE)["changes"] == []
    assert world.fuse.writes == writes


def test_the_other_service_follows(world: MemoryWorld) -> None:
    upgraded(world, service=ONE)
    (change,) = [item for item in upgraded(world)["changes"] if item["step"] == "adopted-resources"]
    assert (change["id"], change["target"]) == ("adopted-resource.delete", "AdoptedResource team/scaled")
    assert left(world) == {"other"}


def test_killed_at_every_call() -> None:
    """Killed before each of its calls in turn; the same command again ends where an undisturbed one does. The old
    version does not know adoption annotations."""
    begun = installed(NONE_BY_ANNOTATION)
    world = Here.world = fresh()
    world.restore(begun)
    upgraded(world, service=ONE)
    desired = outcome(world)
    # the CRDs are those of the new charts already: each of their changes would be another kill
    begun[0].update({path: item for path, item in world.snapshot()[0].items() if "/customresourcedefinitions/" in path})
    for at in range(200):
        world.restore(begun)
        world.fuse.left = at
        try:
            upgraded(world, service=ONE)
            break
        except Killed:
            world.fuse.left = -1
            upgraded(world, service=ONE)
            assert outcome(world) == desired, at
        finally:
            world.fuse.left = -1
    assert at >= 10


def test_killed_after_the_release_and_never_run_with_the_option_again(world: MemoryWorld) -> None:
    """What is pending is still in the cluster, and an upgrade without the option names it."""
    for at in range(0, 200, 3):
        world.fuse.left = at
        with suppress(Killed):
            upgraded(world)
        world.fuse.left = -1
        found = world.release("sagemaker")
        if found and found.version == charts.TESTED["sagemaker"] and found.status == "deployed":
            break
    assert "pending" in left(world)
    notes = upgraded(world, convert_adopted=False)["notes"]
    assert any("not converted: team/pending (pending: no controller handles it" in note for note in notes)


REFUSED: dict[str, tuple[Callable[[MemoryWorld], Any], str, str]] = {
    "failing": (
        lambda world: world.kube.put(adopted_resource("lost", adopted="False")),
        "adopted-resources-failing",
        "resource not found",
    ),
    "an unknown kind": (
        lambda world: world.kube.put(
            {
                **adopted_resource("odd"),
                "spec": {"aws": {"nameOrID": "x"}, "kubernetes": {"group": "sagemaker.services.k8s.aws", "kind": "X"}},
            }
        ),
        "adopted-resources-failing",
        "sagemaker has no kind 'X'",
    ),
    "of Argo CD": (
        lambda world: world.kube.put(
            adopted_resource("git", adopted="True", annotations={"argocd.argoproj.io/tracking-id": "app"})
        ),
        "adopted-resources-gitops",
        "argocd app would create it again",
    ),
    "a namespace without a role": (
        lambda world: world.kube.objects.pop(ref("ConfigMap", "ack-role-account-map", HOME).path),
        "adopted-resources-account",
        f"namespace bound is bound to account {FAR}, which has no role in ConfigMap ack-role-account-map",
    ),
    "an owner of its object": (
        lambda world: model(world, "done")["metadata"].update(
            ownerReferences=[
                {"uid": world.kube.objects[ref("AdoptedResource", "done", "team").path]["metadata"]["uid"]}
            ]
        ),
        "adopted-resources-own",
        "Kubernetes would delete it too",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_before_the_first_write(world: MemoryWorld, case: str) -> None:
    spoil, named, text = REFUSED[case]
    spoil(world)
    begun = world.state()
    with pytest.raises(AcksmError) as caught:
        upgraded(world)
    assert (caught.value.id, world.state()) == (named, begun)
    assert text in caught.value.message
    if named == "adopted-resources-gitops":
        (manifest,) = caught.value.details["manifests"]
        assert manifest["metadata"]["annotations"] == {
            "services.k8s.aws/adoption-policy": "adopt",
            "services.k8s.aws/adoption-fields": '{"modelName": "git"}',
            "services.k8s.aws/deletion-policy": "retain",
        }
        assert "apiVersion: sagemaker.services.k8s.aws/v1alpha1" in caught.value.details["diff"]


def test_what_an_upgrade_without_the_option_left(world: MemoryWorld) -> None:
    """A finalizer that no controller removes is removed, of an object that is being deleted too."""
    upgraded(world)
    aws = set(world.kube.in_aws)
    world.kube.put(adopted_resource("done", adopted="True"))
    world.kube.put(adopted_resource("stuck", adopted="True", deletionTimestamp="2026-01-01T00:00:00Z"))
    world.kube.put(adopted_resource("pending"))
    report = upgraded(world)
    ids = {item["target"]: item["id"] for item in report["changes"]}
    assert ids == {
        "AdoptedResource team/done": "adopted-resource.orphan",
        "AdoptedResource team/stuck": "adopted-resource.orphan",
        "AdoptedResource team/pending": "adopted-resource.replace",  # its object exists already
    }
    assert (left(world), world.kube.in_aws) == ({"other"}, aws)


def test_a_dry_run_writes_nothing_and_shows_both_halves(world: MemoryWorld) -> None:
    begun = world.state()
    report = upgraded(world, dry_run=True)
    assert world.state() == begun
    assert {"adopted-resource.delete", "adopt.create", "adopted-resource.replace"} <= {
        item["id"] for item in report["changes"]
    }
