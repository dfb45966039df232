"""For every command that reads: a read that is denied or fails makes the answer incomplete or an error, never good."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import shlex
from collections.abc import Iterator, Mapping
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
from denied_reads import FAULTS, Reads
from generator.cli import commands
from memory_account import ACCOUNT, REGION
from memory_cluster import MemoryCluster
from memory_kube import namespace
from memory_world import MemoryWorld, Said, commands_run_on, run_install

OTHER, ROLE = "222222222222", f"arn:aws:iam::{ACCOUNT}:role/training"
UNREAD = re.compile("not checked|cannot be listed|could not be|cannot be read|unknown")
# Each command as it is typed, on a cluster with both controllers and a model. Those that change something are planned.
LINES: Mapping[str, str] = {
    "status": "status",
    "history": "history",
    "versions": "versions",
    "logs": "logs sagemaker",
    "doctor": "doctor",
    "doctor KIND/NAME": "doctor Model/m -n one",
    "report": "report --out {tmp}/report.tar.gz",
    "cleanup": "cleanup --dry-run",
    "cleanup --all": "cleanup --all --dry-run",
    "install": "install --dry-run",
    "upgrade": "upgrade --dry-run",
    "oidc": "oidc --dry-run",
    "iam-role": "iam-role --dry-run",
    "region list": "region list",
    "region explain": "region explain Model/m -n one",
    "region bind": "region bind three us-east-1 --dry-run",
    "region unbind": "region unbind two --dry-run",
    "carm list": "carm list",
    "carm verify": "carm verify",
    "carm setup": f"carm setup --target-account {OTHER} --print --dry-run",
    "carm bind": f"carm bind three --account {OTHER} --dry-run",
    "carm unbind": "carm unbind two --dry-run",
    "rbac grant": "rbac grant three --group ml --read-controllers --dry-run",
    "rbac revoke": "rbac revoke one --dry-run",
    "adopt": "adopt Model churn -n three --dry-run",
    "adopt --discover": "adopt --discover --kind Model -n three --dry-run",
    "samples apply": f"samples apply training -n three --set role={ROLE} --set bucket=data --dry-run",
    "samples apply --with-role": "samples apply training -n three --with-role --set bucket=data --dry-run",
    "samples delete": "samples delete model -n one --dry-run",
}
# Commands without a line, and why.
ELSEWHERE = {
    "init": "it writes a file, and reads only what it offers to choose from",
    "connect": "it writes a kubeconfig, and prints why the apiserver could not be reached",
    "mirror": "it reads registries, and ends with their error (tests/guide/mirror)",
    "plan": "it runs the command that it is given",
    "apply": "it runs the command of the plan",
    "plan show": "it reads a file",
    "explain": "it reads nothing",
    "config show": "it reads a file",
    "version": "it reads nothing",
    "token": "it signs, and reads nothing",
    "samples list": "it reads nothing",
    "samples show": "it reads nothing",
}


class Holder:
    world: MemoryWorld


def a_world() -> MemoryWorld:
    """Both controllers, a model of a sample, and a namespace with a region."""
    world = Holder.world = MemoryWorld()
    for name in ("one", "two", "three"):
        world.kube.put(namespace(name))
    run_install(world.settings(), Said())
    given = world.settings()
    region.run_bind(given.target, given.run, Said(), {"two": "us-east-1"}, command="region bind")
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m"
    location = ref("Model", "m", "one")
    world.kube.put(
        {
            "apiVersion": location.api_version,
            "kind": "Model",
            "metadata": {
                "name": "m",
                "namespace": "one",
                "labels": {"acksm.dev/owned": "true", "acksm.dev/sample": "model"},
                "finalizers": ["finalizers.sagemaker.services.k8s.aws/Model"],
            },
            "spec": {"modelName": "m"},
            "status": {
                "ackResourceMetadata": {"arn": arn, "ownerAccountID": ACCOUNT, "region": REGION},
                "conditions": [{"type": "ACK.ResourceSynced", "status": "True"}],
            },
        }
    )
    return world


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


@pytest.fixture(autouse=True, scope="module")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        commands_run_on(patch, lambda: Holder.world, _modules())
        patch.setattr(facts, "context_of", lambda _at: None)
        patch.setattr(facts, "helm_version", lambda: "helm 4.0.0")
        patch.setattr(MemoryCluster, "logs", lambda *_, **__: "starting manager")
        patch.setattr(MemoryCluster, "log_lines", lambda *_, **__: iter(["starting manager"]))
        for name, answer in {
            "describe": _found,
            "matching": lambda *words: [_found(*words)],
            "list_all": lambda aws, kind, region="": [_found(aws, kind, None, region)],
        }.items():
            patch.setattr(
                objects, name, lambda *words, answer=answer, name=name: Reads.current.aws(name, answer, words)
            )
        yield


# Reads that are no part of an answer, and why.
NOT_PART = {
    ("status", "list Node"): "running pods need no other node",
    **{(name, "list Node"): "nothing is to be scheduled" for name in ("install", "upgrade")},
    **{
        (name, "list Namespace"): "the namespace is then read by its name"
        for name in (
            "adopt",
            "adopt --discover",
            "rbac grant",
            "samples apply",
            "samples apply --with-role",
            "samples delete",
        )
    },
    ("region explain", "list Namespace"): "the namespace is then read by its name",
    ("region explain", "list Deployment"): "the controller that decides is found in the controllers' namespace",
    ("logs", "list Deployment"): "the controllers' namespace is then read",
    ("doctor KIND/NAME", "list Deployment"): "the controller that watches it is found there too",
    ("doctor KIND/NAME", "get CustomResourceDefinition"): "that it is served says the kind's own discovery",
}


@dataclass(frozen=True)
class Answer:
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
    return Answer(result.exit_code, frozenset(result.output.splitlines()))


def test_every_command_has_a_line_or_a_reason() -> None:
    named = {one.name for one in commands() if not one.name.startswith("sandbox")}
    lined = {name for name in named for line in LINES.values() if f"{line} ".startswith(f"{name} ")}
    assert named == lined | ELSEWHERE.keys()
    assert not (lined - {"plan"}) & ELSEWHERE.keys()


@pytest.mark.parametrize("name", LINES)
def test_a_read_that_fails_is_never_good(name: str, tmp_path: Any) -> None:
    """Exit 0 only where the text says what was not checked: a note of a plan, an unknown check that is a warning at
    most."""
    a_world()
    reads = Reads()
    reads.over(Holder.world)
    line = LINES[name].format(tmp=tmp_path)
    whole = answer(line)
    assert whole.good, "\n".join(whole.lines)
    assert reads.seen
    assert not [one for one in whole.lines if UNREAD.search(one)]
    bad = []
    for fault, sort in itertools.product(FAULTS, sorted(reads.seen)):
        reads.denied, reads.fault = sort, fault
        found = answer(line)
        silent = found.good and not found.tells(whole) and (name, sort) not in NOT_PART
        if silent or found.code == ExitCode.DEFECT:
            bad.append((fault, sort, found.code))
    assert not bad, "\n".join(map(str, bad))
