"""For every reading command: a read that is denied or fails makes the answer incomplete or an error, never good."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.adopt import command as adopt
from acksm.guide.carm import bind as carm_bind, verify
from acksm.guide.carm.bind import Requested
from acksm.guide.cleanup import command as cleanup
from acksm.guide.cleanup.observation import Desired
from acksm.guide.doctor import command as doctor, facts
from acksm.guide.install import command as install, status
from acksm.guide.region import command as region, explain
from acksm.kube.paths import ref
from denied_reads import FAULTS, Heard, Reads
from memory_account import ACCOUNT, REGION
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_carm_bind, run_install

OTHER = "222222222222"
MODULES = (install, status, region, explain, carm_bind, verify, cleanup, doctor, facts, adopt)
Command = Callable[[MemoryWorld, Heard], Any]


def _cleanup(desired: Desired) -> Command:
    return lambda world, ui: cleanup.run(world.settings(dry_run=True), ui, desired, "demo")


def _status(world: MemoryWorld, ui: Heard) -> Any:
    given = world.settings()
    return status.run(given.target, given.controllers, given.role, given.run, ui)


def _install(world: MemoryWorld, ui: Heard) -> Any:
    return run_install(world.settings(dry_run=True), ui)


def _object(world: MemoryWorld, ui: Heard) -> Any:
    given = world.settings()
    return doctor.run_object(given.target, given.other_account, given.run, ui, "Model/m", "one")


def _verify(command: str) -> Command:
    def run(world: MemoryWorld, ui: Heard) -> Any:
        given = world.settings()
        return verify.run(given.target, given.other_account, given.run, ui, (), mode="", live=False, command=command)

    return run


COMMANDS: Mapping[str, Command] = {
    "status": _status,
    "doctor": lambda world, ui: doctor.run(world.settings(), ui, fix=False),
    "doctor KIND/NAME": _object,
    "cleanup": _cleanup(Desired()),
    "cleanup --all": _cleanup(Desired(crds="all", iam=True, oidc=True, carm=True, namespace=True)),
    "install --dry-run": _install,
    "region list": lambda world, ui: region.run_list(world.settings().target, world.settings().run, ui),
    "region explain": lambda world, ui: explain.run(
        world.settings().target, world.settings().run, ui, "Model/m", "one"
    ),
    "carm list": _verify("carm list"),
    "carm verify": _verify("carm verify"),
}


def a_world() -> MemoryWorld:
    """Both controllers, a model, and a namespace with a region."""
    world = Holder.world = MemoryWorld()
    for name in ("one", "two"):
        world.kube.put(namespace(name))
    run_install(world.settings(), Said())
    given = world.settings()
    region.run_bind(given.target, given.run, Said(), {"two": "us-east-1"}, command="region bind")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m"
    location = ref("Model", "m", "one")
    synced = [{"type": "ACK.ResourceSynced", "status": "True"}]
    world.kube.put(
        {
            "apiVersion": location.api_version,
            "kind": "Model",
            "metadata": {
                "name": "m",
                "namespace": "one",
                "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
            },
            "spec": {"modelName": "m"},
            "status": {
                "ackResourceMetadata": {"arn": arn, "ownerAccountID": ACCOUNT, "region": REGION},
                "conditions": synced,
            },
        }
    )
    return world


class Holder:
    world: MemoryWorld


@pytest.fixture(autouse=True, scope="module")
def _in_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        commands_run_on(patch, lambda: Holder.world, MODULES)
        patch.setattr(facts, "context_of", lambda _at: None)
        patch.setattr(facts, "helm_version", lambda: "helm 4.0.0")
        yield


def run(command: Command, reads: Reads) -> tuple[int, Any, str, str]:
    """Exit code, healthy, the text with its events, and the id of an error."""
    ui = Heard()
    try:
        command(Holder.world, ui)
    except AcksmError as error:
        return int(error.exit_code), False, "", error.id
    return ui.codes[-1], ui.results[-1].get("healthy"), "\n".join(ui.texts), ""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_that_fails_is_never_good(name: str) -> None:
    a_world()
    reads = Reads()
    reads.over(Holder.world)
    code, _, text, failed = run(COMMANDS[name], reads)
    print(name, code, failed, sorted(reads.seen))
    print(text)
    assert (code, failed) == (0, "")
    bad = []
    for fault in FAULTS:
        for sort in sorted(reads.seen):
            reads.denied, reads.fault = sort, fault
            now, healthy, told, failed = run(COMMANDS[name], reads)
            if now == 0:
                bad.append(f"{fault} {sort}: exit 0, healthy {healthy}, {'same' if told == text else 'other'} text")
    print("\n".join(bad))
    assert not bad
