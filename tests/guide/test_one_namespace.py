"""What commands do for someone who may read one namespace only, and with each read of theirs denied in turn.

The apiserver in memory denies reads as RBAC does; the same commands run on a real one in
tests/sandbox/test_one_namespace.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.adopt import placement
from acksm.guide.carm import verify as carm_verify
from acksm.guide.doctor import command as doctor
from acksm.guide.install import command as install, status
from acksm.guide.region import explain
from acksm.guide.samples import command as samples
from acksm.guide.samples.files import find
from acksm.kube.paths import Ref, ref
from acksm.live import discovery
from acksm.settings import OtherAccountSettings
from memory_account import ACCOUNT, HOME
from memory_cluster import MemoryCluster
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

MINE, OTHER = "team-a", "222222222222"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"
Denies = Callable[[str, Ref], bool]


def outside(_verb: str, one: Ref) -> bool:
    """RBAC's `edit` and ACK's kinds in one namespace, which includes reading the namespace itself."""
    return one.namespace != MINE and (one.kind, one.name) != ("Namespace", MINE)


def nothing(_verb: str, _one: Ref) -> bool:
    return False


class Limited(MemoryCluster):
    """Denies reads; `asked` are those that were made."""

    denies: Denies = staticmethod(nothing)
    asked: set[tuple[str, str, str]]

    def get(self, ref: Ref) -> Any:
        self._check("get", ref)
        return super().get(ref)

    def list(self, ref: Ref, **more: Any) -> Any:
        self._check("list", ref)
        return super().list(ref, **more)

    def can(self, *words: Any, account: Any = None, name: str = "") -> bool:
        if account is not None and type(self).denies is outside:
            raise AcksmError("kube-forbidden", 'x is forbidden: User "dana" cannot create resource "reviews"')
        return super().can(*words, account=account, name=name)

    def _check(self, verb: str, one: Ref) -> None:
        self.asked.add((verb, one.kind, one.namespace))
        if type(self).denies(verb, one):
            where = f'in the namespace "{one.namespace}"' if one.namespace else "at the cluster scope"
            message = f'{one.plural} is forbidden: User "dana" cannot {verb} resource "{one.plural}" {where}'
            raise AcksmError("kube-forbidden", message)


@pytest.fixture(scope="module")
def installed() -> Iterator[MemoryWorld]:
    """Both controllers, a namespace bound to an account, and an object in it."""
    with pytest.MonkeyPatch.context() as patch:
        current: list[MemoryWorld] = []
        modules = (carm_verify, doctor, explain, install, samples, status)
        commands_run_on(patch, lambda: current[0], modules)
        world = MemoryWorld()
        current.append(world)
        world.kube.__class__ = Limited
        world.kube.asked = set()  # type: ignore[attr-defined]
        for name in (MINE, "team-b"):
            world.kube.put(namespace(name))
        run_install(world.settings(), Said())
        location = ref("Model", "m", MINE)
        where = {"arn": "arn:m", "ownerAccountID": ACCOUNT, "region": "us-west-2"}
        metadata = {"name": "m", "namespace": MINE}
        conditions = [{"type": "ACK.ResourceSynced", "status": "True"}]
        status_ = {"ackResourceMetadata": where, "conditions": conditions}
        one = {"apiVersion": location.api_version, "kind": "Model", "metadata": metadata, "spec": {"modelName": "m"}}
        world.kube.put(one | {"status": status_})
        yield world


Answer = tuple[int, dict[str, Any]]


def applied(world: MemoryWorld, ui: Said) -> int:
    at = world.settings(dry_run=True)
    given = {"role": ROLE, "bucket": "data", "name": "churn"}
    return samples.run_apply(at.target, at.run, ui, samples.Request(find("training"), given, MINE))


def explained(world: MemoryWorld, ui: Said) -> int:
    return explain.run(world.settings().target, world.settings().run, ui, "Model/m", MINE)


def explained_new(world: MemoryWorld, ui: Said) -> int:
    return explain.run(world.settings().target, world.settings().run, ui, "Model", MINE)


def examined(world: MemoryWorld, ui: Said) -> int:
    at = world.settings()
    return doctor.run_object(at.target, OtherAccountSettings(), at.run, ui, "Model/m", MINE)


def listed(world: MemoryWorld, ui: Said) -> int:
    at = world.settings()
    return carm_verify.run(
        at.target, OtherAccountSettings(), at.run, ui, [MINE], mode="", live=False, command="carm list"
    )


def state(world: MemoryWorld, ui: Said) -> int:
    at = world.settings()
    return status.run(at.target, at.controllers, at.role, at.run, ui)


COMMANDS: dict[str, Callable[[MemoryWorld, Said], int]] = {
    "samples apply": applied,
    "region explain KIND/NAME": explained,
    "region explain KIND": explained_new,
    "doctor KIND/NAME": examined,
    "carm list": listed,
    "status": state,
}


def run(world: MemoryWorld, name: str, denies: Denies) -> Answer:
    ui = Said()
    Limited.denies = staticmethod(denies)
    try:
        code = COMMANDS[name](world, ui)
    finally:
        Limited.denies = staticmethod(nothing)
    return int(code), ui.results[-1]


EXPECTED = {
    "samples apply": ExitCode.OK,
    "region explain KIND/NAME": ExitCode.OK,  # the status decides, whatever the controller is
    "region explain KIND": ExitCode.INCOMPLETE,
    "doctor KIND/NAME": ExitCode.INCOMPLETE,
    "carm list": ExitCode.INCOMPLETE,
    "status": ExitCode.INCOMPLETE,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_with_one_namespace_each_command_says_what_it_could_not_see(installed: MemoryWorld, name: str) -> None:
    asked = installed.kube.asked  # type: ignore[attr-defined]
    asked.clear()
    code, data = run(installed, name, outside)
    assert code == EXPECTED[name]
    text = str(data)
    assert "not checked: " in text or "unknown" in text
    assert ("list", "CustomResourceDefinition", "") not in asked
    if name != "status":  # helm keeps its records there
        assert not [one for one in asked if one[1] == "Secret"]
    if name in {"doctor KIND/NAME", "status"}:
        assert data["healthy"] is None


@pytest.mark.parametrize("name", COMMANDS)
def test_each_read_denied_in_turn_leaves_no_better_answer(installed: MemoryWorld, name: str) -> None:
    """No read that is denied turns an answer into a good one that says nothing of it."""
    asked = installed.kube.asked  # type: ignore[attr-defined]
    asked.clear()
    whole = run(installed, name, nothing)
    for verb, kind, location in sorted(asked):
        if name == "status" and kind not in {"Secret", "Deployment"}:
            continue  # what a plan of install reads, which status reports as unknown drift
        try:
            code, data = run(installed, name, _only(verb, kind, location))
        except AcksmError as error:
            if error.id != "kube-forbidden" or not (location == MINE or kind in {"Pod", "ReplicaSet"}):
                raise
            continue
        said = str(data) != str(whole[1]) or code != whole[0]
        assert said or _aside(name, verb, kind), f"{name} says nothing of {verb} {kind} in {location or 'all'}"


def _only(verb: str, kind: str, location: str) -> Denies:
    return lambda also, one: (also, one.kind, one.namespace) == (verb, kind, location)


def _aside(name: str, verb: str, kind: str) -> bool:
    """Reads that no answer rests on: a list with a fallback that finds as much, CRDs that discovery has."""
    known = {("list", "Deployment"), ("list", "Namespace"), ("get", "Namespace"), ("get", "CustomResourceDefinition")}
    return (verb, kind) in known or (name == "samples apply" and kind in {"ServiceAccount", "Pod"})


def test_an_adoption_is_placed_by_what_can_be_seen(installed: MemoryWorld) -> None:
    at = installed.settings()
    Limited.denies = staticmethod(outside)
    try:
        seen = placement.observe(installed.target_of(at.target, at.run), [MINE])
    finally:
        Limited.denies = staticmethod(nothing)
    assert [note.partition(" (")[0] for note in seen.notes] == [
        "not checked: the controllers, their versions, what they watch and their region",
        "not checked: the account map",
    ]
    from acksm.ack.kinds import KINDS

    found = placement.location(seen, KINDS["sagemaker"]["Endpoint"], MINE, "")
    assert (found.method, found.account, found.region) == (placement.Method.ANNOTATIONS, ACCOUNT, "us-west-2")


def test_controllers_that_were_seen_are_not_assumed(installed: MemoryWorld) -> None:
    seen = discovery.visible(installed.kube, HOME)
    assert (seen.hidden, seen.or_assumed(HOME, "us-west-2")) == ("", (list(seen.working), []))
