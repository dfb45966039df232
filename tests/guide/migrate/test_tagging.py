"""Roles in other accounts allow session tags before the first session has any; what cannot be read is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acksm.errors import AcksmError
from acksm.guide.carm import accounts, trust
from acksm.guide.identity.oidc import marks
from acksm.guide.install import command as install
from acksm.guide.migrate import command as migrate
from acksm.live import readiness
from memory_account import CLUSTER, HOME, ROLE, ROLE_NAME, MemoryIam
from memory_pods import PodWorld
from memory_world import Said, commands_run_on, run_install

OTHER = "222222222222"
FAR_ROLE = f"arn:aws:iam::{OTHER}:role/far"
SID = trust.sid(CLUSTER.arn)
ONE = ["applicationautoscaling"]


class Far:
    """A session in the other account."""

    def __init__(self, world: PodWorld) -> None:
        self.iam = MemoryIam(world.fuse)

    def identity(self) -> Any:
        return type("Identity", (), {"account": OTHER, "arn": f"arn:aws:iam::{OTHER}:user/me"})

    def dispatch_table(self) -> dict[str, Any]:
        return {f"iam.{name}": getattr(self.iam, name) for name in self.iam.WRITES}


class Holder:
    world: PodWorld


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> PodWorld:
    """A controller that assumes a role of another account, without tags, as `carm setup` made both sides."""
    found = Holder.world = PodWorld()
    commands_run_on(monkeypatch, lambda: found, (install, migrate))
    monkeypatch.setattr(readiness, "AGENT_PAUSE_SECONDS", 0)
    run_install(found.settings(service=ONE), Said())
    found.iam.put_policy(ROLE_NAME, trust.POLICY, trust.merge_policy(None, [FAR_ROLE], False, SID))
    metadata = {"name": "ack-role-account-map", "namespace": HOME}
    monkeypatch.setattr(found.iam, "simulated", lambda *_: None)  # the memory's allows everything
    found.kube.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {OTHER: FAR_ROLE}})
    return found


def far(world: PodWorld, *, owned: bool = True, principals: tuple[str, ...] = (ROLE,)) -> Far:
    made = Far(world)
    document = {"Version": "2012-10-17", "Statement": [trust.trust_statement(principals, False, SID)]}
    tags = [{"Key": key, "Value": value} for key, value in marks(CLUSTER).items()] if owned else []
    made.iam._create_role("far", "/", json.dumps(document), tags)
    made.iam.roles["far"]["Role"]["Arn"] = FAR_ROLE
    return made


def moved(world: PodWorld, **options: Any) -> Any:
    given, ui = world.settings(service=ONE, **options), Said()
    groups = migrate.Settings(given.target, given.controllers, given.role, given.other_account, given.run)
    migrate.run(groups, ui, to="pod-identity", finish=False)
    return ui.results[-1]


def test_without_credentials_nothing_is_written(world: PodWorld) -> None:
    writes = world.fuse.writes
    with pytest.raises(AcksmError) as caught:
        moved(world)
    assert caught.value.id == "identity-role-unread"
    assert FAR_ROLE in caught.value.message
    assert "--target-profile" in caught.value.remedy
    assert world.fuse.writes == writes


def test_both_sides_allow_tags_before_the_association(world: PodWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    found = far(world)
    monkeypatch.setattr(accounts, "session", lambda *_: found)
    changes = [change["target"] for change in moved(world, target_profile="b")["changes"]]
    assert changes[:3] == [ROLE, FAR_ROLE, ROLE]
    assert "service account" in changes[3]
    assert "sts:TagSession" in str(found.iam.get_role("far"))
    role = world.iam.get_role(ROLE_NAME)
    assert role is not None
    assert trust.allows([role["inline"][trust.POLICY]], FAR_ROLE, trust.TAG).verdict == "yes"
    assert moved(world, target_profile="b")["changes"] == []


def test_a_role_of_another_owner_is_refused_before_the_first_write(
    world: PodWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = far(world, owned=False)
    monkeypatch.setattr(accounts, "session", lambda *_: found)
    writes = world.fuse.writes
    with pytest.raises(AcksmError) as caught:
        moved(world, target_profile="b")
    assert (caught.value.id, world.fuse.writes) == ("carm-role-not-ours", writes)
    assert moved(world, target_profile="b", adopt_target_role=True)["changes"]


def test_a_role_that_trusts_no_controller_is_a_note(world: PodWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    found = far(world, principals=(f"{ROLE}-other",))
    monkeypatch.setattr(accounts, "session", lambda *_: found)
    notes = " ".join(moved(world, target_profile="b")["notes"])
    assert f"{FAR_ROLE} trusts none of the controllers' roles" in notes
    assert "sts:TagSession" not in str(found.iam.get_role("far"))


def test_sessions_without_tags_need_nothing_of_other_accounts(world: PodWorld) -> None:
    from dataclasses import replace

    moved_first = world.eks
    world.iam.roles[ROLE_NAME]["Role"]["AssumeRolePolicyDocument"] = json.dumps(_both(world))
    account = "ack-applicationautoscaling-controller"
    moved_first.create_association(CLUSTER.name, HOME, account, ROLE, {})
    moved_first.associated = {key: replace(one, tags=False) for key, one in moved_first.associated.items()}
    assert [change["id"] for change in moved(world)["changes"]] == ["release.identity"]


def _both(world: PodWorld) -> Any:
    role = world.iam.get_role(ROLE_NAME)
    assert role is not None
    everyone = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    return {**role["trust"], "Statement": [*role["trust"]["Statement"], everyone]}
