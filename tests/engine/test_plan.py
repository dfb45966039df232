"""Plans: stages, digests, what the executor does with them."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.engine.change import Change, Danger, Op, Plan, question, summary
from acksm.engine.diff import outline, render, render_plan
from acksm.engine.executor import execute
from acksm.errors import AcksmError
from acksm.events import Event, Kind


def change(id: str = "a", *, lane: str = "", op: Op = Op.CREATE, call: str = "do", **more: Any) -> Change:
    return Change(id=id, step="s", op=op, system="aws", target=id, call=call, params={"name": id}, lane=lane, **more)


def test_neighbours_in_lanes_run_in_one_stage_and_others_one_by_one() -> None:
    plan = Plan("x", (change("a"), change("b", lane="1"), change("c", lane="2"), change("d", lane="1"), change("e")))
    assert [[[c.id for c in lane] for lane in stage] for stage in plan.stages()] == [
        [["a"]],
        [["b", "d"], ["c"]],
        [["e"]],
    ]


@given(st.lists(st.sampled_from(["", "1", "2", "3"]), max_size=12))
def test_stages_lose_nothing_and_keep_the_order_within_a_lane(lanes: list[str]) -> None:
    changes = tuple(change(str(index), lane=lane) for index, lane in enumerate(lanes))
    stages = Plan("x", changes).stages()
    flat = [c for stage in stages for lane in stage for c in lane]
    assert sorted(c.id for c in flat) == sorted(c.id for c in changes)
    for lane in {"", "1", "2", "3"}:
        assert [c.id for c in flat if c.lane == lane] == [c.id for c in changes if c.lane == lane]


def test_execute_calls_in_order_and_says_so() -> None:
    calls: list[str] = []
    events: list[Event] = []
    plan = Plan("x", (change("a"), change("w", op=Op.WAIT), change("b", op=Op.UPDATE)))
    outcome = execute(plan, {"do": lambda name: calls.append(name)}, events.append)
    assert calls == ["a", "w", "b"]
    assert [c.id for c in outcome.done] == ["a", "w", "b"]
    assert [e.text for e in events if e.kind is Kind.DONE] == ["created a", "updated b"]


def test_no_change_of_a_plan_is_compared_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with each takes minutes for thousands."""
    compared: list[object] = []

    def equal(one: Change, other: object) -> bool:
        compared.append(other)
        return one is other

    monkeypatch.setattr(Change, "__eq__", equal)
    plan = Plan("x", tuple(change(f"c{n}", lane=f"l{n % 2}") for n in range(20)))
    assert len(execute(plan, {"do": lambda **_: None}).done) == 20
    assert compared == []


def test_lanes_run_side_by_side() -> None:
    barrier = threading.Barrier(2, timeout=10)  # breaks unless both are inside at once
    execute(Plan("x", (change("a", lane="1"), change("b", lane="2"))), {"do": lambda name: barrier.wait()})


def test_the_first_failure_stops_the_rest_and_carries_what_was_done() -> None:
    calls: list[str] = []

    def do(name: str) -> None:
        calls.append(name)
        if name == "b":
            raise AcksmError("kube-failed", "no")

    with pytest.raises(AcksmError) as caught:
        execute(Plan("x", (change("a"), change("b"), change("c"))), {"do": do})
    assert calls == ["a", "b"]
    assert caught.value.where == "b"
    assert caught.value.details["done"] == [{"id": "a", "target": "a"}]


def test_a_failing_lane_lets_the_other_finish_its_change_and_go_no_further() -> None:
    inside, failed = threading.Event(), threading.Event()
    calls: list[str] = []

    def do(name: str) -> None:
        if name == "bad":
            inside.wait(10)
            failed.set()
            raise AcksmError("kube-failed", "no")
        inside.set()
        failed.wait(10)
        calls.append(name)

    lanes = (change("bad", lane="1"), change("slow", lane="2"), change("never", lane="2"))
    with pytest.raises(AcksmError):
        execute(Plan("x", lanes), {"do": do})
    assert calls in (["slow"], ["slow", "never"])  # `never` only if it began before the failure was known


def test_an_unknown_call_is_found_before_anything_is_done() -> None:
    calls: list[str] = []
    with pytest.raises(KeyError):
        execute(Plan("x", (change("a"), change("b", call="nowhere"))), {"do": lambda name: calls.append(name)})
    assert calls == []


def test_waits_are_not_changes() -> None:
    plan = Plan("x", (change("w", op=Op.WAIT),))
    assert plan.mutations == ()
    assert summary(plan.mutations) == "nothing to do"


@pytest.mark.parametrize(
    ("ops", "asked"),
    [
        ((Op.CREATE,), 'Create 1 object in cluster "demo"?'),
        ((Op.UPDATE, Op.WAIT, Op.UPDATE), 'Update 2 objects in cluster "demo"?'),
        ((Op.DELETE, Op.CREATE, Op.UPDATE, Op.DELETE), 'Create 1, update 1 and delete 2 objects in cluster "demo"?'),
    ],
)
def test_a_question_says_what_would_be_done(ops: tuple[Op, ...], asked: str) -> None:
    assert question([change(str(index), op=op) for index, op in enumerate(ops)], "demo") == asked


def test_the_digest_follows_every_parameter() -> None:
    one, other = Plan("x", (change("a"),)), Plan("x", (change("b"),))
    assert one.digest() == Plan("y", (change("a"),)).digest()
    assert one.digest() != other.digest()


def test_the_greatest_danger_counts() -> None:
    assert Plan("x", (change("a", danger=Danger.MILD), change("b"))).danger is Danger.MILD


def test_render_shows_fields_that_differ_and_hides_secrets() -> None:
    updated = change("a", op=Op.UPDATE, before={"k": 1, "z": 0}, after={"k": 2, "z": 0}, reason="because")
    assert render(updated) == ["~ a  (because)", "    -k: 1", "    +k: 2", "     z: 0"]
    assert render(change("s", after={"token": "canary"}, secret=True)) == ["+ s", "    (hidden)"]
    assert "canary" not in str(change("s", after={"token": "canary"}, secret=True).as_data())


def test_a_long_new_object_is_told_by_its_size_unless_asked() -> None:
    plan = Plan("x", (change("a", after=list(range(100))),))
    assert "(100 lines; --full shows them)" in render_plan(plan)
    assert "99" in render_plan(plan, full=True)


def crd(name: str, op: Op = Op.CREATE) -> Change:
    return replace(change(name, op=op, after={"spec": name}), target=f"CustomResourceDefinition {name}")


CRDS = tuple(crd(f"{name}.sagemaker.services.k8s.aws") for name in ("models", "endpoints", "apps"))
SHARED = tuple(crd(f"{name}.services.k8s.aws") for name in ("fieldexports", "adoptedresources"))


def test_crds_are_counted_by_service_and_full_has_each() -> None:
    plan = Plan("x", (*CRDS[:1], *SHARED, *CRDS[1:], crd("a.sagemaker.services.k8s.aws", Op.DELETE)))
    assert render_plan(plan).splitlines()[1:3] == ["+ 3 CRDs of sagemaker", "+ 2 CRDs of services.k8s.aws"]
    whole = render_plan(plan, full=True)
    assert all(one.target in whole for one in plan.changes)


def test_an_outline_has_a_line_for_each_change_and_one_for_many_of_a_kind() -> None:
    spaces = [replace(change(str(number)), target=f"Namespace team-{number}") for number in range(9)]
    role = change("r", op=Op.UPDATE, words=("attaching p to role r", "attached p to role r"), reason="why")
    assert outline([*spaces, role, change("arn:x", op=Op.DELETE), *CRDS]) == [
        "+ 9 × Namespace: team-0, team-1 and 7 more",
        "~ attaching p to role r  (why)",
        "- arn:x",
        "+ 3 CRDs of sagemaker",
    ]


def test_what_is_deleted_is_not_shown_whole() -> None:
    gone = change("a", op=Op.DELETE, before=list(range(9)))
    assert render(gone) == ["- a", "      (9 lines; --full shows them)"]
    assert len(render(gone, full=True)) == 10


def test_the_progress_of_a_change_has_its_step_and_how_many_there_are() -> None:
    events: list[Event] = []
    execute(Plan("x", (change("a"), change("w", op=Op.WAIT), change("b"))), {"do": lambda name: None}, events.append)
    told = [(event.kind, event.data.get("step"), event.data.get("of")) for event in events]
    change_of = [(Kind.PROGRESS, "s", 2), (Kind.DONE, "s", 2)]
    assert told == [*change_of, (Kind.PROGRESS, None, None), (Kind.PROGRESS, None, None), *change_of]


def test_a_value_that_stands_twice_is_written_twice() -> None:
    same = ["a"]
    (_, *body) = render(change("a", after={"one": same, "other": same}))
    assert [line.strip() for line in body] == ["+one:", "+- a", "+other:", "+- a"]
