"""Commands as they are typed, on the cluster and account in memory: both controllers, a model, a bound namespace."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from typer.testing import CliRunner

import acksm.guide
from acksm.aws import objects
from acksm.cli import app
from acksm.exits import ExitCode
from acksm.guide.connect.target import connect
from acksm.guide.doctor import facts
from acksm.guide.region import command as region
from acksm.kube.paths import ref
from memory_account import ACCOUNT, REGION
from memory_cluster import MemoryCluster
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

OTHER, ROLE = "222222222222", f"arn:aws:iam::{ACCOUNT}:role/training"
UNREAD = re.compile("not checked|cannot be listed|could not be|cannot be read|unknown")
_TIMING = re.compile(r"^ *waiting for |in \d+\.\d s$")  # whether and how long a run waited


class Holder:
    world: MemoryWorld


_made: dict[str, tuple[Any, int, int]] = {}


def a_world(*lines: str, model_in: str = "one", account: str = ACCOUNT, **options: Any) -> MemoryWorld:
    """Both controllers, installed with `options`, a namespace with a region, and what the `lines` did; then a model of
    a sample. It is made once, and each caller has one of its own."""
    world = Holder.world = MemoryWorld()
    key = repr((lines, model_in, account, sorted(options.items())))
    if key not in _made:
        _make(world, lines, model_in, account, options)
        _made[key] = world.snapshot(), world.kube._version, world.kube._count
    kept, world.kube._version, world.kube._count = _made[key]
    world.restore(kept)
    return world


def _make(world: MemoryWorld, lines: Sequence[str], model_in: str, account: str, options: Mapping[str, Any]) -> None:
    for name in ("one", "two", "three"):
        world.kube.put(namespace(name))
    run_install(world.settings(**options), Said())
    given = world.settings()
    region.run_bind(given.target, given.run, Said(), {"two": "us-east-1"}, command="region bind")
    for line in lines:
        assert (done := answer(line)).good, done
    arn = f"arn:aws:sagemaker:{REGION}:{account}:model/m"
    location = ref("Model", "m", model_in)
    world.kube.put(
        {
            "apiVersion": location.api_version,
            "kind": "Model",
            "metadata": {
                "name": "m",
                "namespace": model_in,
                "labels": {"acksm.dev/owned": "true", "acksm.dev/sample": "model"},
                "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
            },
            "spec": {"modelName": "m"},
            "status": {
                "ackResourceMetadata": {"arn": arn, "ownerAccountID": account, "region": REGION},
                "conditions": [{"type": "ACK.ResourceSynced", "status": "True"}],
            },
        }
    )


def _found(_aws: Any, kind: Any, key: Any = None, region: str = "") -> objects.Found:
    name = next(iter((key or {"modelName": "m"}).values()))
    return objects.Found(
        kind, {"modelName": name}, f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{name}", region or REGION, "InService"
    )


@cache
def _modules() -> tuple[Any, ...]:
    """All of the guide that connects to a cluster."""
    names = [one.name for one in pkgutil.walk_packages(acksm.guide.__path__, "acksm.guide.")]
    return tuple(one for name in names if getattr(one := importlib.import_module(name), "connect", None) is connect)


def in_memory(
    patch: pytest.MonkeyPatch,
    of_aws: Callable[[str, Callable[..., Any], Sequence[Any]], Any] = lambda _name, work, words: work(*words),
) -> None:
    """Let commands meet `Holder.world`; `of_aws` makes each read of an AWS resource."""
    commands_run_on(patch, lambda: Holder.world, _modules())
    patch.setattr(facts, "context_of", lambda _at: None)
    patch.setattr(facts, "helm_version", lambda: "helm 4.0.0")
    patch.setattr(MemoryCluster, "logs", lambda *_, **__: "starting manager")
    patch.setattr(MemoryCluster, "log_lines", lambda *_, **__: iter(["starting manager"]))
    for name, work in {
        "describe": _found,
        "matching": lambda *words: [_found(*words)],
        "list_all": lambda aws, kind, region="": [_found(aws, kind, None, region)],
    }.items():
        patch.setattr(objects, name, lambda *words, name=name, work=work: of_aws(name, work, words))


@dataclass(frozen=True)
class Answer:
    """The exit code and the lines of both streams, without those on time."""

    code: int
    lines: frozenset[str]

    @property
    def good(self) -> bool:
        return self.code == ExitCode.OK

    def tells(self, whole: Answer) -> bool:
        """Whether it says what was not read, in a line that an answer after all reads does not have."""
        return any(UNREAD.search(line) for line in self.lines - whole.lines)


def answer(line: str) -> Answer:
    words = [*shlex.split(line), "--cluster", "demo", "--timeout", "20"]
    result = CliRunner().invoke(app, words, prog_name="acksm")
    return Answer(result.exit_code, frozenset(line for line in result.output.splitlines() if not _TIMING.search(line)))
