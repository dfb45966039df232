"""The benchmark of adoption: its comparison per model, and its section."""

from __future__ import annotations

import adopt as bench
from measure import Measured


def measured(wall: float) -> Measured:
    return Measured(wall, 1.0, 2**20, 0, 0, "")


def test_both_are_compared_per_model() -> None:
    found = bench.Results(25, 500, measured(25.0), measured(9.0), measured(20.0), measured(2.0), "2026-01-01", "0.1")
    assert found.ratio == 25.0
    page = bench.section(found)
    assert "| acksm / loop, models in the same time | ≥ 20 | 25 | yes |" in page
    assert "| acksm adopt -f | 500 | 20.0 s | 40 ms |" in page
    slow = bench.Results(25, 500, measured(25.0), measured(9.0), measured(40.0), measured(2.0), "2026-01-01", "0.1")
    assert "**no**" in bench.section(slow)


def test_the_loop_applies_what_acksm_creates() -> None:
    made = bench.manifest("m", "default")
    assert "spec" not in made
    assert made["metadata"]["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
