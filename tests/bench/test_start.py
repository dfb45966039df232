"""What a run costs that changes nothing is judged by medians, beside the imports of the same rounds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import start
from acksm.errors import AcksmError
from start import Starts

GOOD = Starts(
    cpu={"imports": [0.4, 0.5, 9.0], "no-op": [1.0, 1.0, 7.0], "status": [0.9], "doctor": [1.0]},
    wall={"help": [0.1, 0.14, 9.0], "completion": [0.19]},
)


def _missed(starts: Starts) -> list[str]:
    return [row.what for row in start.judged(starts) if not row.met]


def test_the_limit_of_a_ratio_is_met_and_that_of_a_wait_is_not() -> None:
    assert [row.measured for row in start.judged(GOOD)] == ["2.00", "1.80", "2.00", "0.140 s", "0.190 s"]
    assert _missed(GOOD) == []
    assert _missed(replace(GOOD, wall={"help": [0.15], "completion": [0.2]})) == [
        "`acksm --help`",
        "a completion by TAB",
    ]


@pytest.mark.parametrize("name", start.WITHIN)
def test_each_command_has_its_own_row(name: str) -> None:
    missed = _missed(replace(GOOD, cpu={**GOOD.cpu, name: [1.01]}))
    assert len(missed) == 1
    assert f"`acksm {'install --yes' if name == 'no-op' else name}`" in missed[0]


def test_a_command_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(AcksmError) as caught:
        start.measured({**os.environ, "HOME": str(tmp_path), "ACKSM_OUTPUT": "no such"}, tmp_path, 1)
    assert caught.value.id == "sandbox-failed"
