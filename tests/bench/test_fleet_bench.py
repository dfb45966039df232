"""The benchmark of fleets: its targets, its section and its picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import fleet as bench
import plot
from acksm.fleet.file import Member, Wave, read
from acksm.fleet.rollout import Step
from measure import Measured

MIB = 1024**2


def measured(wall: float, memory: int = 80) -> Measured:
    return Measured(wall, wall, memory * MIB, 0, 0, "")


def alone(cost: float, start: float = 1.0) -> dict[int, Measured]:
    return {size: measured(start + cost * size, 50 + size // 100) for size in bench.SIZES}


GOOD = bench.Results(
    bench.Of50([measured(1.0)] * 3, [measured(40.0)], [55 * MIB]),
    {name: alone(0.001) for name in bench.COMMANDS},
    bench.First(measured(100.0), 96.0),
    "2026-01-01",
    "0.1",
)


def test_every_target_is_judged() -> None:
    assert [target.met for target in bench.targets(GOOD)] == [True] * 5
    quadratic = {size: measured(1 + 1e-6 * size**2) for size in bench.SIZES}
    assert bench.steepness(alone(0.001)) == pytest.approx(1)
    for number, bad in enumerate(
        (
            replace(GOOD, of_50=replace(GOOD.of_50, fleet=[measured(46.0)])),
            replace(GOOD, of_50=replace(GOOD.of_50, fleet=[measured(40.0, memory=151)])),
            replace(GOOD, of_50=replace(GOOD.of_50, supervisors=[101 * MIB])),
            replace(GOOD, alone={**GOOD.alone, "doctor": quadratic}),
            replace(GOOD, first=bench.First(measured(100.0), 94.0)),
        )
    ):
        assert [target.met for target in bench.targets(bad)] == [index != number for index in range(5)]
    page = bench.section(GOOD)
    assert "| 50 clusters with nothing to do / one | ≤ 45 | 40.0 | yes |" in page
    assert "| fleet list | 1.0 s, 50 MiB |" in page


def test_the_ideal_rollout_begins_each_cluster_when_it_may() -> None:
    members = [Member(f"c{number}", account, "eu-west-1") for number, account in enumerate("aaab")]
    seconds = {one.id: 10.0 for one in members} | {members[3].id: 1.0}
    for concurrency, writers, expected in ((4, 4, 10), (4, 2, 20), (4, 1, 30), (2, 2, 20), (1, 1, 31)):
        step = Step(Wave(name="all", concurrency=concurrency), tuple(members))
        assert bench.ideal([step], writers, seconds) == expected, (concurrency, writers)
        assert bench.ideal([step, step], writers, seconds) == 2 * expected


def test_the_fleet_of_the_benchmark_is_one(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    bench.fleet_file(file, 20, concurrency=4)
    fleet = read(str(file))
    assert len(fleet.members) == 20
    assert sum(one.labels["stage"] == "canary" for one in fleet.members) == 2


def test_the_picture_is_one_and_linear_growth_a_straight_line() -> None:
    text = plot.lines("t", "entries", "seconds", {"one": [(10, 0.1), (100, 1.0), (1000, 10.0)]})
    circles = [one for one in ElementTree.fromstring(text).iter() if one.tag.endswith("circle")]
    (x1, y1), (x2, y2), (x3, y3) = ((float(one.get("cx", "")), float(one.get("cy", ""))) for one in circles)
    assert (x2 - x1, y2 - y1) == pytest.approx((x3 - x2, y3 - y2), abs=0.2)
