"""For every reading command: a read that is denied or fails makes the answer incomplete or an error, never good."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from acksm.ack.kinds import KINDS
from acksm.aws import objects
from acksm.errors import AcksmError
from acksm.guide.adopt import command as adopt
from acksm.guide.carm import bind as carm_bind, verify
from acksm.guide.cleanup import command as cleanup
from acksm.guide.cleanup.observation import Desired
from acksm.guide.doctor import command as doctor, facts
from acksm.guide.install import command as install, status
from acksm.guide.migrate import status as identity_status
from acksm.guide.region import command as region, explain
from acksm.kube.paths import ref
from denied_reads import FAULTS, Heard, Reads
from memory_account import ACCOUNT, REGION
from memory_cluster import MemoryCluster
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

OTHER = "222222222222"
MODULES = (install, status, identity_status, region, explain, carm_bind, verify, cleanup, doctor, facts, adopt)
Command = Callable[[MemoryWorld, Heard], Any]
UNREAD = re.compile("not checked|cannot be listed|could not be|cannot be read|unknown")


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


FOUND = objects.Found(KINDS["sagemaker"]["Model"], {}, "arn:x", REGION, "InService")
COMMANDS: Mapping[str, Command] = {
    "status": _status,
    "identity status": lambda world, ui: identity_status.run(world.settings().target, world.settings().run, ui),
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
        patch.setattr(objects, "describe", lambda *_: FOUND)
        patch.setattr(MemoryCluster, "logs", lambda *_, **__: "starting manager")
        yield


# Reads that are no part of an answer, and why.
NOT_PART = {
    ("status", "list Node"): "running pods need no other node",
    ("install --dry-run", "list Node"): "nothing is to be scheduled",
    ("region explain", "list Namespace"): "the namespace is then read by its name",
    ("region explain", "list Deployment"): "the controller that decides is found in the controllers' namespace",
    ("doctor KIND/NAME", "list Deployment"): "the controller that watches it is found there too",
    ("doctor KIND/NAME", "get CustomResourceDefinition"): "that it is served says the kind's own discovery",
}


@dataclass(frozen=True)
class Answer:
    code: int
    healthy: bool | None = None
    text: str = ""
    states: frozenset[tuple[str, str]] = frozenset()

    @property
    def good(self) -> bool:
        return self.code == 0


def answer(command: Command, reads: Reads) -> Answer:
    ui = Heard()
    try:
        command(Holder.world, ui)
    except AcksmError as error:
        return Answer(int(error.exit_code))
    states = {(check["id"], check["state"]) for check in ui.results[-1].get("checks", ())}
    return Answer(ui.codes[-1], ui.results[-1].get("healthy"), "\n".join(sorted(ui.texts)), frozenset(states))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_that_fails_is_never_good(name: str) -> None:
    """Exit 0 only where the text says what was not checked: a note of a plan, an unknown check that is a warning at
    most."""
    a_world()
    reads = Reads()
    reads.over(Holder.world)
    whole = answer(COMMANDS[name], reads)
    assert whole.good
    assert "unknown" not in {state for _, state in whole.states}
    bad = []
    for fault, sort in itertools.product(FAULTS, sorted(reads.seen)):
        reads.denied, reads.fault = sort, fault
        found = answer(COMMANDS[name], reads)
        told = {state for _, state in found.states} & {"unknown"} or UNREAD.search(found.text)
        if found.good and not (told and found.text != whole.text) and (name, sort) not in NOT_PART:
            bad.append((fault, sort))
    assert bad == []
