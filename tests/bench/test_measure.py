"""What is measured is the whole process tree."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import measure
from acksm.errors import AcksmError


def test_tree_size_counts_descendants_and_nothing_else() -> None:
    table = {1: (0, 1000), 10: (1, 5), 11: (10, 7), 12: (11, 11), 13: (1, 500)}
    assert measure.tree_size(10, table) == 5 + 7 + 11


def test_run_gives_exit_code_output_and_resources(tmp_path: Path) -> None:
    child = "print('child'); x = bytearray(60 * 1024 * 1024); import time; time.sleep(0.2)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); sys.exit(7)"
    found = measure.run([sys.executable, "-c", parent], os.environ, tmp_path / "log", sample=True)
    assert found.exit_code == 7
    assert found.output.strip() == "child"
    assert found.largest > 60 * 1024**2
    assert found.tree > 64 * 1024**2  # parent and child together
    assert found.wall > 0.2


def test_the_peak_of_a_small_process_is_not_that_of_who_started_it(tmp_path: Path) -> None:
    ballast = bytearray(b"x" * 100 * 1024**2)
    found = measure.run([sys.executable, "-S", "-c", "print(1)"], os.environ, tmp_path / "log")
    assert len(ballast) > 3 * found.largest


def test_what_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AcksmError, match="could not be started"):
        measure.run([str(tmp_path / "none")], os.environ, tmp_path / "log")


def test_own_cpu_time_grows() -> None:
    before = measure.cpu_seconds([os.getpid()])
    while measure.cpu_seconds([os.getpid()]) == before:
        sum(range(100_000))
    assert measure.cpu_seconds([2**22 + 1]) == 0
