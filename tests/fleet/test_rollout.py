"""Waves: who starts when, and when nothing more starts."""

import threading
from collections import Counter

from hypothesis import given, strategies as st

from acksm.exits import ExitCode
from acksm.fleet.file import Member, Wave
from acksm.fleet.rollout import FINE, INTERRUPTED, ORDER, Step, allowed, run, steps, worst

ACCOUNTS = ("111111111111", "222222222222")
CODES = st.sampled_from([0, 0, 0, 3, 4, 6, 10])


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Member], list[Wave]]:
    stages = [f"s{number}" for number in range(draw(st.integers(1, 3)))]
    found = [
        Member(f"c{index}", draw(st.sampled_from(ACCOUNTS)), "eu-west-1", {"stage": draw(st.sampled_from(stages))})
        for index in range(draw(st.integers(0, 8)))
    ]
    failures = st.one_of(st.integers(0, 3), st.sampled_from(["0%", "50%", "100%"]))
    waves = [
        Wave(name=stage, select={"stage": stage}, concurrency=draw(st.integers(1, 3)), max_failures=draw(failures))
        for stage in stages
    ]
    return found, waves


@given(fleets(), st.data(), st.integers(1, 3))
def test_a_rollout_keeps_to_its_limits(
    drawn: tuple[list[Member], list[Wave]], data: st.DataObject, writers: int
) -> None:
    members, waves = drawn
    codes = {one.id: data.draw(CODES) for one in members}
    plan = steps(waves, members)
    assert sorted(one.id for step in plan for one in step.members) == sorted(one.id for one in members)
    lock, busy, order = threading.Lock(), Counter[str](), list[str]()
    by_id = {one.id: step for step in plan for one in step.members}

    def work(one: Member) -> int:
        with lock:
            busy.update([one.account, "all"])
            assert busy[one.account] <= writers
            assert busy["all"] <= by_id[one.id].wave.concurrency
            order.append(one.id)
        with lock:
            busy.subtract([one.account, "all"])
        return codes[one.id]

    outcome = run(plan, writers, work, lambda _step, _outcome: None, interrupted=lambda: False)
    assert outcome.codes == {name: codes[name] for name in order}
    waves_of = [by_id[name].wave.name for name in order]
    assert waves_of == sorted(waves_of)  # a wave begins after the one before it has ended
    failed = {step.wave.name: sum(codes[one.id] not in FINE for one in step.members) for step in plan}
    too_many = [step for step in plan if failed[step.wave.name] > allowed(step.wave.max_failures, len(step.members))]
    assert bool(outcome.stopped) == bool(too_many)
    if too_many:
        later = plan[plan.index(too_many[0]) + 1 :]
        assert not {one.id for step in later for one in step.members} & set(order)
    else:
        assert len(order) == len(members)


def test_what_is_running_ends_and_nothing_else_starts() -> None:
    members = tuple(Member(f"c{index}", ACCOUNTS[0], "eu-west-1") for index in range(6))
    step = Step(Wave(name="all", concurrency=2), members)
    both = threading.Barrier(2)
    started = []

    def work(one: Member) -> int:
        started.append(one.id)
        both.wait(60)
        return int(ExitCode.STEP_FAILED)

    outcome = run([step], 4, work, lambda _step, _outcome: None, interrupted=lambda: False)
    assert sorted(started) == [one.id for one in members[:2]]
    assert outcome.codes == {one.id: ExitCode.STEP_FAILED for one in members[:2]}
    assert outcome.stopped == "wave all: 2 clusters failed, and 0 may"


def test_an_interrupted_rollout_starts_nothing() -> None:
    step = Step(Wave(name="all"), (Member("a", ACCOUNTS[0], "eu-west-1"),))
    outcome = run([step], 1, lambda _one: 0, lambda _step, _outcome: None, interrupted=lambda: True)
    assert (outcome.codes, outcome.stopped) == ({}, INTERRUPTED)


def test_a_cluster_that_got_worse_in_the_soak_stops_the_next_wave() -> None:
    first, second = Member("a", ACCOUNTS[0], "eu-west-1"), Member("b", ACCOUNTS[0], "eu-west-1")
    plan = [Step(Wave(name="canary"), (first,)), Step(Wave(name="rest"), (second,))]
    outcome = run(plan, 1, lambda _one: 0, lambda _step, found: found.codes.update({first.id: 3}), interrupted=bool)
    assert outcome.codes == {first.id: 3}
    assert outcome.stopped == "wave canary: 1 cluster failed, and 0 may"


def test_the_worst_exit_code_counts() -> None:
    assert set(ORDER) == set(ExitCode)
    assert worst([]) == 0
    assert worst([0, 10, 3, 6]) == ExitCode.REFUSED
    assert worst([0, 77]) == ExitCode.DEFECT
    assert worst([0, 10]) == ExitCode.CHANGES_PENDING
