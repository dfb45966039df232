"""What CI runs, and that it says at its end what it does not run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_targets_that_ci_does_not_run_are_listed_at_its_end(tmp_path: Path) -> None:
    """With a make that writes what it is asked for, and runs nothing but `help`."""
    fake = tmp_path / "make"
    fake.write_text('#!/bin/sh\n[ "$2" = help ] && exec /usr/bin/env PATH="$REAL" make "$@"\necho "make $*"\n')
    fake.chmod(0o755)
    real = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    environment = {**real, "REAL": real["PATH"], "PATH": f"{tmp_path}:{real['PATH']}"}
    out = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=True).stdout
    ran, _, rest = out.partition("▸ not run here:\n")
    started = {word for line in ran.splitlines() for word in line.split()}
    known = {line.split()[0] for line in _help(real).splitlines()}
    listed = {line.split()[0] for line in rest.splitlines()}
    assert listed == known - started - {"check", "help"}
    assert {"soak", "gitops", "bench", "site-check", "pictures"} <= listed


def _help(environment: dict[str, str]) -> str:
    return subprocess.run(
        ["make", "--silent", "help"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
