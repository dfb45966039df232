"""The benchmark of sizes: its targets, its section and its pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import report
import scale as bench
from measure import Measured

NAMES = ["carm bind", "adopt -f", "status", "doctor", "cleanup"]


def runs(
    cpu: Callable[[int], float] = lambda size: 1 + 0.002 * size,
    memory: Callable[[int], float] = lambda size: 80e6 + 10e3 * size,
    kube: Callable[[int], float] = lambda size: 80 + size // 500,
) -> dict[int, bench.Run]:
    return {
        size: bench.Run(Measured(2.0, cpu(size), int(memory(size)), 0, 0, ""), int(kube(size)), 20)
        for size in bench.SIZES
    }


GOOD = bench.Results({name: runs() for name in NAMES}, "2026-01-01", "0.1")


def missed(**more: dict[int, bench.Run]) -> list[str]:
    found = replace(GOOD, runs={**GOOD.runs, **more})
    return [target.what for target in bench.targets(found) if not target.met]


def test_every_target_is_judged() -> None:
    assert missed() == []
    assert missed(cleanup=runs(cpu=lambda size: 1 + 1e-6 * size**2)) == ["CPU time for an object above 1,000 / below"]
    assert missed(cleanup=runs(kube=lambda size: 50 + 1e-5 * size**2)) == ["requests for an object above 1,000 / below"]
    assert missed(doctor=runs(memory=lambda size: 100e6 + 21e3 * size)) == ["memory at 5,000 objects"]
    assert missed(doctor=runs(memory=lambda size: 80e6 + 3.0 * size**2)) == ["memory for an object above 1,000 / below"]
    each = "requests of status and doctor for each of 5,000 objects"
    assert missed(status=runs(kube=lambda size: 50 + size)) == [each]


def test_growth_that_is_lost_in_the_noise_is_no_growth_and_a_square_is_one() -> None:
    flat = {1: 2.0, 10: 2.0, 100: 2.0, 1_000: 1.99, 5_000: 2.1}
    assert bench.steepness(flat) < 1
    assert bench.steepness({size: 2.0 + size for size in bench.SIZES}) == pytest.approx(1)
    assert bench.steepness({size: 2.0 + 1e-7 * size**2 for size in bench.SIZES}) > bench.STEEPER


def test_the_section_has_every_number_and_its_pictures() -> None:
    page = bench.section(GOOD)
    assert bench.TITLE in report.OTHERS
    assert "| carm bind | 1.0 s (2.0 s), 80 MB |" in page
    assert "| status | 80 + 20 |" in page
    pictures = bench.pictures(GOOD.runs)
    assert all(f"]({path})" in page for path in pictures)
    for picture in pictures.values():
        assert len([one for one in ElementTree.fromstring(picture).iter() if one.tag.endswith("circle")]) == 25


def test_each_object_is_in_a_namespace_of_its_own(tmp_path: Path) -> None:
    words = bench.commands(20, tmp_path)
    assert list(words) == NAMES
    assert len([word for word in words["carm bind"] if word.startswith("team-")]) == 20
    assert len((tmp_path / "models.yaml").read_text().splitlines()) == 20
