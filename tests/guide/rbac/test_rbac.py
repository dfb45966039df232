"""Rights in the cluster: the table has every command, and grants are planned, repeated and revoked."""

from __future__ import annotations

from typing import Any

import pytest

from acksm.engine.change import Op
from acksm.errors import AcksmError
from acksm.guide.rbac import command, grants, table
from acksm.guide.rbac.grants import Desired, Subject
from acksm.kube.paths import ref, ref_of
from generator.cli import commands
from memory_account import Fuse
from memory_cluster import MemoryCluster

TEAM, HOME = "team-a", "ack-system"
ML, DANA = Subject("Group", "ml"), Subject("User", "arn:aws:sts::1:assumed-role/dana/{{SessionName}}")


def test_every_command_is_in_the_table() -> None:
    named = {one.name for one in commands() if not one.name.startswith("sandbox")}
    known = {*table.COMMANDS, *table.ADMINISTRATORS, *table.WITHOUT, *table.OF_A_COMMAND} - {"doctor KIND/NAME"}
    assert named == known


@pytest.mark.parametrize(
    ("asked", "found"),
    [("samples apply", "samples apply"), ("samples-apply", "samples apply"), ("doctor-object", "doctor KIND/NAME")],
)
def test_a_command_by_its_name(asked: str, found: str) -> None:
    assert table.command_of(asked) == found


@pytest.mark.parametrize(
    ("asked", "id"), [("install", "rbac-administrator"), ("sampels apply", "rbac-unknown"), ("version", "rbac-unknown")]
)
def test_other_names_are_refused(asked: str, id: str) -> None:
    with pytest.raises(AcksmError) as caught:
        table.command_of(asked)
    assert (caught.value.id, "samples apply" in caught.value.message) == (id, asked == "sampels apply")


@pytest.mark.parametrize("name", table.COMMANDS)
def test_no_role_has_secrets_or_everything(name: str) -> None:
    for manifest in table.manifests(name, TEAM, HOME):
        for rule in manifest["rules"]:
            assert "secrets" not in rule["resources"]
            assert "*" not in [*rule["verbs"], *rule["apiGroups"]]


def world() -> MemoryCluster:
    return MemoryCluster(Fuse())


def granted(kube: MemoryCluster, desired: Desired) -> list[Any]:
    live = {ref_of(item): kube.get(ref_of(item)) for item in grants.wanted(desired)}
    changes = grants.plan_grant(desired, live).changes
    for change in changes:
        kube.apply(change.params["manifest"])
    return changes


def revoked(kube: MemoryCluster, *who: Subject) -> list[str]:
    live = [item for place in (TEAM, HOME) for item in command.granted(kube, place)]
    changes = grants.plan_revoke(TEAM, who, HOME, live).changes
    for change in changes:
        assert change.op is Op.DELETE
        kube.delete(ref(**change.params))
    return [change.target for change in changes]


def test_a_grant_is_repeated_without_changes_and_revoked_one_by_one() -> None:
    kube = world()
    desired = Desired(TEAM, [ML, DANA], HOME)
    assert [change.id for change in granted(kube, desired)] == ["rbac.role", "rbac.bind", "rbac.bind"] * 2
    assert granted(kube, desired) == []
    granted(kube, Desired("team-b", [ML], HOME))

    first = revoked(kube, ML)
    assert (len(first), all(name.startswith("RoleBinding") for name in first)) == (2, True)
    last = revoked(kube)
    assert [name.partition(" ")[0] for name in last] == ["RoleBinding", "RoleBinding", "Role"]  # team-b has the reader
    assert revoked(kube) == []
    assert {item["metadata"]["namespace"] for item in command.granted(kube)} == {"team-b", HOME}


def test_what_others_created_is_not_changed() -> None:
    kube = world()
    kube.put(table.role("Role", grants.USER, TEAM, []))
    with pytest.raises(AcksmError) as caught:
        granted(kube, Desired(TEAM, [ML]))
    assert caught.value.id == "rbac-not-ours"
    assert revoked(kube) == []


@pytest.mark.parametrize(("group", "user"), [("system:masters", ""), ("", "system:admin"), ("ml", "")])
def test_reserved_names_get_nothing(group: str, user: str) -> None:
    given = ([group] if group else [], [user] if user else [])
    if group == "ml":
        assert command.subjects(["ml"], ["system:serviceaccount:a:b"])[1].kind == "User"
        return
    with pytest.raises(AcksmError) as caught:
        command.subjects(*given)
    assert caught.value.id == "rbac-subject"
