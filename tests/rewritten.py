"""What the workers of a run would compile at the same time, each for itself, compiled once before they start: the tests
with their assertions, and what their helpers import. In a fresh clone that is most of a worker's start."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

HERE = Path(__file__).parent


def apply(config: pytest.Config) -> None:
    """In the process that starts the workers. pytest itself decides whether what is found there is still right."""
    stale = [] if sys.dont_write_bytecode else list(_stale(config))
    if not stale:
        return
    cores = len(os.sched_getaffinity(0))
    children = [_forked(config, stale[part::cores], helpers=not part) for part in range(cores)]
    for child in children:
        os.waitpid(child, 0)


def _stale(config: pytest.Config) -> Iterator[Path]:
    """Tests that the run has, and whose compiled form is missing or older."""
    for named in config.args:
        place = config.invocation_params.dir / named.partition("::")[0]
        for path in [place] if place.is_file() else place.rglob("test_*.py"):
            compiled = _compiled(path)
            if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
                yield path


def _compiled(path: Path) -> Path:
    return rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)


def _forked(config: pytest.Config, paths: list[Path], *, helpers: bool) -> int:
    child = os.fork()
    if child == 0:
        try:
            for name in sorted(path.stem for path in HERE.glob("*.py")) if helpers else ():
                if not name.startswith("test_"):
                    importlib.import_module(name)
            for path in paths:
                _write(config, path)
        finally:
            os._exit(0)  # what fails here fails in a worker, which says so
    return child


def _write(config: pytest.Config, path: Path) -> None:
    source_hash, code = rewrite._rewrite_test(path, config)
    rewrite.try_makedirs(_compiled(path).parent)
    rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source_hash, _compiled(path))
