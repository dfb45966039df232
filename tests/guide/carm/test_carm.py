"""Bindings to accounts: what is planned, in which order, what is refused, and that nobody's entry is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from acksm.engine.change import Danger, Op
from acksm.errors import AcksmError
from acksm.guide.carm import command as carm, role_map
from acksm.guide.carm.role_map import ACCOUNT_MAP, TEAM_MAP, Subject
from acksm.kube.keys import set_keys
from acksm.live import bindings
from acksm.live.bindings import OWNER, TEAM, ManagedObject
from carm_cluster import BOTH, OWN, ROLE, B, C, account, apply_plan, bind, desired, observed, running, state, unbind
from memory_kube import MemoryKube, config_map, namespace

MAP = f"/api/v1/namespaces/ack-system/configmaps/{ACCOUNT_MAP}"


def cluster(*objects: Mapping[str, Any]) -> MemoryKube:
    kube = MemoryKube()
    for item in objects or (namespace("production"),):
        kube.put(item)
    return kube


def managed_objects(where: str, owner: str, kind: str = "Model", region: str = "us-west-2") -> ManagedObject:
    return ManagedObject(kind, where, "churn", owner, region, "sagemaker")


def test_the_entry_comes_before_the_annotation_and_goes_after_it() -> None:
    kube = cluster()
    there = [c.id for c in carm.plan(observed(kube), desired({"production": account(B)})).changes]
    assert there == ["carm.map", "carm.bind", "carm.confirm"]
    bind(kube, {"production": account(B)})
    assert state(kube)[MAP] == {B: ROLE.format(B)}
    assert kube.objects["/api/v1/namespaces/production"]["metadata"]["annotations"] == {OWNER: B}
    back = [c.id for c in carm.plan_unbind(observed(kube), ["production"], OWN).changes]
    assert back == ["carm.unbind", "carm.release", "carm.map-empty"]


def test_a_second_run_plans_nothing() -> None:
    kube = cluster()
    bind(kube, {"production": account(B)})
    assert carm.plan(observed(kube), desired({"production": account(B)})).changes == []
    unbind(kube, ["production"])
    assert carm.plan_unbind(observed(kube), ["production"], OWN).changes == []


def test_each_namespace_with_a_controller_gets_the_entry() -> None:
    found = (running(), running("applicationautoscaling", "1.4.1", "elsewhere"))
    kube = cluster()
    bind(kube, {"production": account(B)}, found)
    assert [
        kube.objects[f"/api/v1/namespaces/{n}/configmaps/{ACCOUNT_MAP}"]["data"] for n in ("ack-system", "elsewhere")
    ] == [{B: ROLE.format(B)}] * 2


def test_an_entry_stays_while_another_namespace_uses_it() -> None:
    kube = cluster(namespace("one"), namespace("two"))
    bind(kube, {"one": account(B), "two": account(B)})
    unbind(kube, ["one"])
    assert state(kube)[MAP] == {B: ROLE.format(B)}
    unbind(kube, ["two"])
    assert MAP not in kube.objects


def test_an_entry_that_acksm_did_not_write_is_used_and_left() -> None:
    kube = cluster(namespace("production"), config_map(ACCOUNT_MAP, {B: f"arn:aws:iam::{B}:role/by-hand"}))
    assert [c.id for c in carm.plan(observed(kube), desired({"production": account(B)})).changes] == [
        "carm.bind",
        "carm.confirm",
    ]
    bind(kube, {"production": account(B)})
    planned = carm.plan_unbind(observed(kube), ["production"], OWN)
    assert "acksm did not create it" in planned.notes[0]
    apply_plan(kube, planned.changes)
    assert state(kube)[MAP] == {B: f"arn:aws:iam::{B}:role/by-hand"}


def test_another_role_for_a_used_entry_is_asked_about_and_says_whom_it_touches() -> None:
    kube = cluster(namespace("one"), namespace("two"))
    bind(kube, {"one": account(B), "two": account(B)})
    role = f"arn:aws:iam::{B}:role/path/other"
    (change, _) = carm.plan(observed(kube), desired({"one": account(B)}, {account(B): {"": role}})).changes
    assert (change.danger, change.reason) == (Danger.MILD, "another role for 2 bound namespaces")
    assert change.before == {B: ROLE.format(B)}


def test_a_namespace_bound_anew_leaves_nothing_of_the_old_account() -> None:
    kube = cluster()
    bind(kube, {"production": account(B)})
    planned = carm.plan(observed(kube), desired({"production": account(C)}))
    assert next(c for c in planned.changes if c.id == "carm.bind").danger is Danger.MILD
    apply_plan(kube, planned.changes)
    assert state(kube)[MAP] == {C: ROLE.format(C)}


def test_a_missing_namespace_is_made_first_and_bound_in_the_same_run() -> None:
    kube = cluster(namespace("other"))
    bind(kube, {"production": account(B)}, create=True)
    assert state(kube)["/api/v1/namespaces/production"] == {OWNER: B}


def test_many_namespaces_go_in_lanes_and_unchanged_ones_cost_nothing() -> None:
    names = [f"team-{n}" for n in range(500)]
    kube = cluster(*(namespace(name) for name in names))
    bind(kube, dict.fromkeys(names[:-3], account(B)))
    changes = carm.plan(observed(kube), desired(dict.fromkeys(names, account(B)))).changes
    assert sorted(c.params["name"] for c in changes if c.op is not Op.WAIT) == sorted(names[-3:])
    assert all(c.lane for c in changes if c.op is not Op.WAIT)
    everything = carm.plan(observed(cluster(*map(namespace, names))), desired(dict.fromkeys(names, account(B)))).changes
    assert len({c.lane for c in everything if c.lane}) == bindings.LANES


# refusals, each before the first write


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kube-system", "namespace-ignored"),
        ("kube-public", "namespace-ignored"),
        ("kube-node-lease", "namespace-ignored"),
        ("nowhere", "binding-namespace-missing"),
        ("No_Name", "namespace-name"),
        ("going", "namespace-terminating"),
    ],
)
def test_namespaces_that_cannot_be_bound(name: str, expected: str) -> None:
    going = namespace("going")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    kube = cluster(namespace("production"), namespace("kube-system"), going)
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(kube), desired({name: account(B)}))
    assert caught.value.id == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (f"arn:aws:iam::{C}:role/x", "carm-role-account"),
        (f"arn:awz:iam::{B}:role/x", "carm-partition"),
        (f"arn:aws-cn:iam::{B}:role/x", "carm-partition"),
        (f"arn:aws:iam::{B}:user/x", "carm-role-arn"),
        (f"arn:aws:sts::{B}:assumed-role/x/session", "carm-role-arn"),
        (f"arn:aws:iam::{B}:role/x ", "carm-role-arn"),
        (f"arn:aws:iam::{B[1:]}:role/x", "carm-role-arn"),
        (f"arn:aws:iam::{B}:role/", "carm-role-arn"),
        ("x", "carm-role-arn"),
        ("arn:aws:iam::١١١١١١١١١١١١:role/x", "carm-role-arn"),
    ],
)
def test_roles_that_cannot_be(role: str, expected: str) -> None:
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(cluster()), desired({"production": account(B)}, {account(B): {"": role}}))
    assert caught.value.id == expected


def test_a_broken_entry_in_the_map_is_not_built_upon() -> None:
    kube = cluster(namespace("production"), config_map(ACCOUNT_MAP, {B: "arn:aws:iam::1.1e+11:role/x"}))
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(kube), desired({"production": account(B)}))
    assert caught.value.id == "carm-entry-broken"
    bind(kube, {"production": account(B)}, roles={account(B): {"": ROLE.format(B)}})
    assert state(kube)[MAP] == {B: ROLE.format(B)}


def test_the_controllers_own_account_needs_a_role_of_its_own() -> None:
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(cluster()), desired({"production": account(OWN)}))
    assert caught.value.id == "carm-own-account"


@pytest.mark.parametrize("owner", [OWN, C])
def test_bind_and_unbind_refuse_while_objects_of_another_account_live(owner: str) -> None:
    kube = cluster()
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(kube, objects=[managed_objects("production", owner)]), desired({"production": account(B)}))
    assert (caught.value.id, caught.value.details["accounts"]) == ("carm-objects-live", [owner])
    bind(kube, {"production": account(B)})
    with pytest.raises(AcksmError) as caught:
        carm.plan_unbind(observed(kube, objects=[managed_objects("production", B)]), ["production"], OWN)
    assert caught.value.id == "carm-objects-live"


def test_objects_of_the_same_account_or_of_other_namespaces_are_no_hindrance() -> None:
    kube = cluster()
    objects = [managed_objects("production", B), managed_objects("elsewhere", C)]
    assert carm.plan(observed(kube, objects=objects), desired({"production": account(B)})).changes


@pytest.mark.parametrize(
    ("controller", "expected"),
    [
        (running(watched=("production",)), "annotations-ignored"),
        (running(watched=("other",)), "binding-not-watched"),
        (running(version="1.4.1", enable_carm=False), "carm-disabled"),
        (running(gates=frozenset({"IAMRoleSelector"})), "selector-needs-carm-off"),
        (running(gates=frozenset({"IAMRoleSelector"}), enable_carm=False), "mode-is-role-selector"),
    ],
)
def test_installs_that_would_silently_ignore_the_binding(controller: Any, expected: str) -> None:
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(cluster(), [controller]), desired({"production": account(B)}))
    assert caught.value.id == expected


def test_without_controllers_there_is_nobody_to_follow() -> None:
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(cluster(), []), desired({"production": account(B)}))
    assert caught.value.id == "controllers-missing"


def test_a_version_that_keeps_roles_is_restarted_between_map_and_annotation() -> None:
    found = [running(version="1.2.4")]
    planned = carm.plan(observed(cluster(), found), desired({"production": account(B)}))
    assert [c.id for c in planned.changes] == ["carm.map", "carm.restart", "release.ready", "carm.bind", "carm.confirm"]
    assert planned.changes[1].danger is Danger.MILD


# keys of other tools


def test_a_key_that_a_tool_keeps_is_not_taken() -> None:
    kube = cluster()
    kube.put(namespace("production", owner_account_id=C), manager="argocd-controller")
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(kube), desired({"production": account(B)}))
    assert caught.value.id == "binding-managed"
    assert "argocd-controller" in caught.value.message


# teams and services

TEAM_A = Subject(carm.TEAM_LEVEL, "team-a")
GATES = frozenset({"ServiceLevelCARM", "TeamLevelCARM"})


def test_a_team_has_its_own_map_and_annotation() -> None:
    found = [running(gates=GATES)]
    kube = cluster()
    bind(kube, {"production": TEAM_A}, found, roles={TEAM_A: {"": ROLE.format(B)}})
    assert state(kube)["/api/v1/namespaces/production"] == {TEAM: "team-a"}
    assert state(kube)[f"/api/v1/namespaces/ack-system/configmaps/{TEAM_MAP}"] == {"team-a": ROLE.format(B)}
    unbind(kube, ["production"], found)
    assert state(kube) == {"/api/v1/namespaces/production": {}}


def test_a_role_for_one_service_has_the_service_in_its_key() -> None:
    found = [running(gates=GATES), running("applicationautoscaling", "1.4.1")]
    kube = cluster()
    planned = carm.plan(
        observed(kube, found), desired({"production": account(B)}, {account(B): {"sagemaker": ROLE.format(B)}})
    )
    assert "applicationautoscaling" in planned.notes[0]  # it has no entry, and waits
    apply_plan(kube, planned.changes)
    assert state(kube)[MAP] == {f"sagemaker.{B}": ROLE.format(B)}
    unbind(kube, ["production"], found)
    assert MAP not in kube.objects


@pytest.mark.parametrize(
    ("subject", "roles", "controller", "expected"),
    [
        (TEAM_A, {"": ROLE.format(B)}, running(), "carm-gate-off"),
        (TEAM_A, {"": ""}, running(gates=GATES), "carm-team-role"),
        (TEAM_A, {"": ROLE.format(B)}, running(version="1.2.4"), "carm-gate-unsupported"),
        (account(B), {"sagemaker": ROLE.format(B)}, running(), "carm-gate-off"),
        (account(B), {"sagemaker": ROLE.format(B)}, running(version="1.2.4"), "carm-gate-unsupported"),
    ],
)
def test_keys_that_no_gate_lets_through(subject: Subject, roles: Any, controller: Any, expected: str) -> None:
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(cluster(), [controller]), desired({"production": subject}, {subject: roles}))
    assert caught.value.id == expected


def test_an_account_is_not_bound_where_a_team_wins() -> None:
    kube = cluster(namespace("production", team_id="team-a"))
    with pytest.raises(AcksmError) as caught:
        carm.plan(observed(kube, [running(gates=GATES)]), desired({"production": account(B)}))
    assert caught.value.id == "carm-team-wins"
    bind(kube, {"production": account(B)})  # with the gate off the team's annotation does nothing, and stays
    assert state(kube)["/api/v1/namespaces/production"] == {TEAM: "team-a", OWNER: B}


def test_a_teams_role_does_not_move_to_another_account_under_living_objects_elsewhere() -> None:
    found = [running(gates=GATES)]
    kube = cluster(namespace("one"), namespace("two"))
    bind(kube, {"one": TEAM_A, "two": TEAM_A}, found, roles={TEAM_A: {"": ROLE.format(B)}})
    seen = observed(kube, found, [managed_objects("two", B)])
    assert "two" in carm.changing(seen, {"one": TEAM_A})
    with pytest.raises(AcksmError) as caught:
        carm.plan(seen, desired({"one": TEAM_A}, {TEAM_A: {"": ROLE.format(C)}}))
    assert caught.value.id == "carm-objects-live"


# properties

KEYS = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=12).filter(
    lambda k: not k.startswith("-")
)
VALUES = st.text(max_size=8)
NAMES = st.sampled_from(["one", "two", "three", "four"])
NUMBERS = st.sampled_from([B, C, "333333333333", "000000000009"])


@st.composite
def clusters(draw: Any) -> MemoryKube:
    """Namespaces with annotations of other tools, and perhaps a map with entries of other people."""
    kube = MemoryKube()
    for name in ("one", "two", "three", "four"):
        item = namespace(name)
        item["metadata"]["annotations"] = {
            f"x.io/{key}": value for key, value in draw(st.dictionaries(KEYS, VALUES)).items()
        }
        kube.put(item)
    if draw(st.booleans()):
        mine = draw(st.dictionaries(NUMBERS, st.just("")))
        others = draw(st.dictionaries(KEYS, VALUES, max_size=3))
        kube.put(config_map(ACCOUNT_MAP, others | {number: ROLE.format(number) for number in mine}))
    return kube


@given(clusters(), st.dictionaries(NAMES, NUMBERS, min_size=1))
def test_bind_then_unbind_is_the_start(kube: MemoryKube, bound: dict[str, str]) -> None:
    start = state(kube)
    bind(kube, {name: account(number) for name, number in bound.items()})
    for name, number in bound.items():
        assert state(kube)[f"/api/v1/namespaces/{name}"][OWNER] == number
        assert state(kube)[MAP][number] == ROLE.format(number)
    unbind(kube, list(bound))
    assert state(kube) == start


@given(clusters(), st.dictionaries(NAMES, NUMBERS, min_size=1), st.permutations(["one", "two", "three", "four"]))
def test_binds_commute_over_namespaces(kube: MemoryKube, bound: dict[str, str], order: list[str]) -> None:
    together, apart = kube, MemoryKube()
    apart.objects = dict(kube.objects)
    bind(together, {name: account(number) for name, number in bound.items()})
    for name in order:
        if name in bound:
            bind(apart, {name: account(bound[name])})
    assert state(together) == state(apart)


@given(clusters(), st.dictionaries(NAMES, NUMBERS, min_size=1), st.integers(0, 12))
def test_a_run_that_was_killed_anywhere_is_made_whole_by_the_same_command(
    kube: MemoryKube, bound: dict[str, str], done: int
) -> None:
    request = desired({name: account(number) for name, number in bound.items()})
    apply_plan(kube, carm.plan(observed(kube), request).changes[:done])
    apply_plan(kube, carm.plan(observed(kube), request).changes)
    assert carm.plan(observed(kube), request).changes == []
    for name, number in bound.items():
        assert state(kube)[f"/api/v1/namespaces/{name}"][OWNER] == number
        assert state(kube)[MAP][number] == ROLE.format(number)


class Turns:
    """Several people at work, one request at a time, in the order that `schedule` says."""

    def __init__(self, kube: MemoryKube, schedule: list[int]) -> None:
        self.kube, self.schedule = kube, schedule
        self.errors: list[AcksmError] = []
        self._mine: dict[int, int] = {}
        self._go = threading.Condition()
        self._turn = -1  # nobody's
        kube.gate = self._wait

    def _wait(self, _request: str) -> None:
        who = self._mine.get(threading.get_ident())
        if who is None:
            return
        with self._go:
            self._turn = -1  # what was asked for before is done
            self._go.notify_all()
            self._go.wait_for(lambda: self._turn == who, timeout=20)

    def run(self, people: list[Callable[[], None]]) -> None:
        threads = [threading.Thread(target=self._work, args=(who, work)) for who, work in enumerate(people)]
        for thread in threads:
            thread.start()
        alive = list(range(len(people)))
        step = 0
        while any(thread.is_alive() for thread in threads):
            alive = [who for who in alive if threads[who].is_alive()]
            if not alive:
                break
            with self._go:
                self._turn = alive[self.schedule[step % len(self.schedule)] % len(alive)]
                self._go.notify_all()
                self._go.wait_for(lambda: self._turn == -1, timeout=0.2)
            step += 1
        for thread in threads:
            thread.join(20)

    def _work(self, who: int, work: Callable[[], None]) -> None:
        self._mine[threading.get_ident()] = who
        try:
            work()
        except AcksmError as error:
            self.errors.append(error)
        finally:
            with self._go:
                self._turn = -1
                self._go.notify_all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=40))
def test_people_who_bind_at_once_lose_nothing(schedule: list[int]) -> None:
    kube = cluster(namespace("one"), namespace("two"), namespace("three"))
    plans = [
        carm.plan(observed(kube), desired({name: account(number)})).changes
        for name, number in (("one", B), ("two", C), ("three", B))
    ]
    turns = Turns(kube, schedule)
    turns.run([lambda changes=changes: apply_plan(kube, changes) for changes in plans])  # type: ignore[misc]
    assert turns.errors == []
    assert state(kube)[MAP] == {B: ROLE.format(B), C: ROLE.format(C)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=40))
def test_a_bind_and_the_last_unbind_that_meet_leave_the_entry(schedule: list[int]) -> None:
    kube = cluster(namespace("one"), namespace("two"))
    bind(kube, {"one": account(B)})
    leaving = carm.plan_unbind(observed(kube), ["one"], OWN).changes
    coming = carm.plan(observed(kube), desired({"two": account(B)})).changes
    turns = Turns(kube, schedule)
    turns.run([lambda: apply_plan(kube, leaving), lambda: apply_plan(kube, coming)])
    assert turns.errors == []
    assert state(kube)["/api/v1/namespaces/two"] == {OWNER: B}
    assert state(kube)["/api/v1/namespaces/one"] == {}
    assert state(kube).get(MAP) == {B: ROLE.format(B)}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=30))
def test_two_roles_for_one_account_at_once_are_told_and_none_is_overwritten_unseen(schedule: list[int]) -> None:
    kube = cluster(namespace("one"), namespace("two"), config_map(ACCOUNT_MAP, {C: ROLE.format(C)}))
    roles = [f"arn:aws:iam::{B}:role/{name}" for name in ("first", "second")]
    plans = [
        carm.plan(observed(kube), desired({name: account(B)}, {account(B): {"": role}})).changes
        for name, role in zip(("one", "two"), roles, strict=True)
    ]
    turns = Turns(kube, schedule)
    turns.run([lambda changes=changes: apply_plan(kube, changes) for changes in plans])  # type: ignore[misc]
    assert [error.id for error in turns.errors] == ["kube-key-changed"]
    assert state(kube)[MAP][B] in roles


def test_a_key_that_became_a_third_value_is_not_overwritten() -> None:
    kube = cluster(namespace("one", owner_account_id=C))
    with pytest.raises(AcksmError) as caught:
        set_keys(kube, "Namespace", "one", {OWNER: [None, B]}, field=("metadata", "annotations"))
    assert caught.value.id == "kube-key-changed"
    assert state(kube)["/api/v1/namespaces/one"] == {OWNER: C}


def test_a_map_that_got_an_entry_meanwhile_is_not_deleted() -> None:
    kube = cluster()
    bind(kube, {"production": account(B)})
    changes = carm.plan_unbind(observed(kube), ["production"], OWN).changes
    apply_plan(kube, changes[:2])
    set_keys(kube, "ConfigMap", ACCOUNT_MAP, {C: [None, ROLE.format(C)]}, field=("data",), namespace="ack-system")
    apply_plan(kube, changes[2:])
    assert state(kube)[MAP] == {C: ROLE.format(C)}


def test_keys_of_a_map_are_what_a_configmap_takes() -> None:
    assert all(role_map.is_key(text) for text in (B, "team-a", "sagemaker.x", "A_b"))
    assert not any(role_map.is_key(text) for text in ("", ".", "..", "a b", "a/b", "ä", "x" * 241))
    assert BOTH
