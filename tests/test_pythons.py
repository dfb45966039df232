"""The supported versions of Python are the same wherever they are written, and `make test-pythons` finds them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def versions() -> list[str]:
    found = re.search(r"(?m)^PYTHONS \?= (.*)$", (ROOT / "Makefile").read_text())
    assert found
    return found[1].split()


def test_they_are_the_same_everywhere() -> None:
    found = versions()
    mark = "Programming Language :: Python :: 3."
    classifiers = [item for item in PROJECT["project"]["classifiers"] if item.startswith(mark)]
    assert [item.rpartition(" ")[2] for item in classifiers] == found
    assert PROJECT["project"]["requires-python"] == f">={found[0]}"
    assert PROJECT["tool"]["mypy"]["python_version"] == found[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{found[0].replace('.', '')}"
    assert f"PYTHONS={found[-1]}" in (ROOT / ".ci" / "run").read_text()


def test_one_that_the_machine_lacks_is_named_and_one_that_it_has_is_run(tmp_path: Path) -> None:
    """With environments that are up to date already, of which one's pytest says how it was started."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    runner = tmp_path / "venv" / "pythons" / version / "bin" / "pytest"
    runner.parent.mkdir(parents=True)
    runner.write_text('#!/bin/sh\necho "$*"\n')
    runner.chmod(0o755)
    (tmp_path / "venv" / ".pip").touch()
    (runner.parent.parent / ".ready").touch()
    home = tmp_path / "pyenv" / "versions" / f"{version}.99" / "bin"
    home.mkdir(parents=True)
    (home / "python").symlink_to(sys.executable)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--silent", "test-pythons", f"VENV={tmp_path / 'venv'}", f"PYTHONS=3.99 {version}"],
        cwd=ROOT,
        env={**environment, "PYENV_ROOT": str(tmp_path / "pyenv")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "▸ Python 3.99: skipped, as this machine does not have it"
    assert lines[1] == f"▸ Python {version}: tests without the sandbox"
    assert lines[2].startswith("-n auto ")
    assert len(lines) == 3
