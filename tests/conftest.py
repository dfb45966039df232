"""Fixtures for every test: nothing of the user's environment is seen, and one sandbox serves a whole run.

The process that pytest was started as chooses the sandbox's directory and takes the sandbox down at the end; each
xdist worker has a cluster and AWS account of its own in it, so that workers never meet.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import once
import rewritten
from killer import Forks
from world import World

if TYPE_CHECKING:
    from gate import Gate

_SANDBOX_DIR = "ACKSM_SANDBOX_DIR"
# No test is timed: two cores serve many. The same cases each time, so that a red run is about the change that it
# runs for; `make soak` and `pytest --hypothesis-profile explore` look at other ones.
settings.register_profile("acksm", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("acksm")
once.apply()
_OWNER = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """The first process of the run names the directory; workers inherit it."""
    if not hasattr(config, "workerinput"):
        config.stash[_OWNER] = os.environ[_SANDBOX_DIR] = tempfile.mkdtemp(prefix="acksm-tests-")
        if config.getoption("numprocesses", None):
            rewritten.apply(config)
    for name in [name for name in os.environ if _is_of_the_user(name)]:
        del os.environ[name]
    # Ignored in what a shell starts in the background, and in all that this starts: tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` is: one more than there are cores, as a test on the sandbox waits for a quarter of its time."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Millions of objects, none of which goes: the collector would look at them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)  # 700 objects are a fraction of a command
        gc.enable()


def _is_of_the_user(name: str) -> bool:
    """Whether a variable decides what acksm connects to, and as whom."""
    if name in {_SANDBOX_DIR, "ACKSM_CONTROLLER_BIN"}:
        return False
    prefixes, ends = ("AWS_", "ACKSM_", "HELM_", "SSL_CERT_"), ("_CA_BUNDLE", "_PROXY")
    return name.startswith(prefixes) or name.upper().endswith(ends) or name == "KUBECONFIG"


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(_OWNER, "")
    if home and Path(home).is_dir():
        if any(Path(home).iterdir()):
            from acksm.sandbox import api

            api.down("tests")
        shutil.rmtree(home, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker gets an equal share of what needs the sandbox, and begins with it: of that first what was given more
    time than others, as a long one at the end would run alone. Those that begin with CRDs are neighbours, so that one
    install makes them for all.
    """
    requested = str(config.getoption("-m"))
    for item in items:
        for name in ("soak", "gitops"):
            if item.get_closest_marker(name) and name not in requested:
                item.add_marker(pytest.mark.skip(reason=f"only with -m {name}"))
        if "_own_cluster" in getattr(item, "fixturenames", ()):
            item.add_marker("sandbox")
    items.sort(
        key=lambda item: (
            *(item.get_closest_marker(name) is None for name in ("sandbox", "timeout")),
            not _has_crds(item),
        )
    )
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    contract = [item for item in items if item.get_closest_marker("sandbox")]
    items[:] = [item for share in _shares(contract, items[len(contract) :], workers) for item in share]


def _shares(contract: Sequence[pytest.Item], rest: Sequence[pytest.Item], count: int) -> Iterator[list[pytest.Item]]:
    """One for each worker: xdist's "worksteal" gives each as many neighbours as another. What is left of a share at its
    end, which other workers take, needs no sandbox."""
    for number in range(count):
        begin, end = (len(rest) * one // count for one in (number, number + 1))
        yield [*contract[number::count], *rest[begin:end]]


@pytest.fixture(scope="session")
def _own_cluster(request: pytest.FixtureRequest) -> World:
    return World.start(os.environ.get("PYTEST_XDIST_WORKER", "main"))


@pytest.fixture
def world(
    _own_cluster: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A cluster and an account as AWS hands them out: no CRDs of ACK, no releases, no roles, no providers. In tests
    marked `crds` both services' CRDs are there already, always, as of an install before."""
    monkeypatch.chdir(tmp_path)
    for name, value in _own_cluster.reset(crds=_has_crds(request.node)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield _own_cluster
    _own_cluster.end_faults()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """For tests in which acksm has to be a process of its own: each is forked from one that has its imports."""
    found = Forks(tmp_path_factory.mktemp("forks"))
    yield found
    found.close()


def _has_crds(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("crds")
    return mark is not None and mark.args != (False,)


@pytest.fixture(scope="session")
def _gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    from gate import Gate  # moto takes a while

    made = Gate.open(tmp_path_factory.mktemp("gate"))
    yield made
    made.server.shutdown()


@pytest.fixture
def gate(_gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """AWS alone, emptied for each test. botocore decides how long it pauses; the test's clock passes."""
    for name, value in _gate.reset().items():
        monkeypatch.setenv(name, value)
    _gate.pass_time(monkeypatch)
    return _gate
