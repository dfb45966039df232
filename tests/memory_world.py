"""A whole cluster and account in memory: acksm's own commands run on it, with IAM, the apiserver and helm replaced.

What is replaced are the lowest calls only: `Iam._call`, the requests of `Kube`, helm's operations. So plans are made by
the commands themselves and carried out by the executor through the same table of calls as on a real cluster, which
the tests in tests/sandbox do. A deployment is ready at once, and a controller lets go of a deleted object at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3
import pytest

from acksm.ack import charts
from acksm.aws.account import Aws
from acksm.aws.buckets import Bucket
from acksm.aws.eks import Association
from acksm.engine import diff
from acksm.events import Event
from acksm.guide.carm import bind as carm_bind
from acksm.guide.connect.target import Target
from acksm.guide.install import command as install, crds
from acksm.helm import values
from acksm.helm.releases import Release
from acksm.kube.client import Endpoint
from acksm.kube.paths import ref
from acksm.settings import DEFAULT_REGISTRY, RunSettings, Settings, TargetSettings
from clock import Clock
from memory_account import CLUSTER, HOME, IDENTITY, REGION, Fuse, MemoryEks, MemoryIam
from memory_cluster import MemoryCluster
from memory_helm import MemoryHelm, PracticeRegistry, parsed
from memory_kube import Json, copied


@cache
def session() -> boto3.Session:
    """Only its tables of partitions and regions are used."""
    return boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=REGION)


@dataclass
class Said:
    """An output that keeps the results. Questions are answered with yes."""

    results: list[Json] = field(default_factory=list)

    def emit(self, _event: Event, /) -> None: ...

    def show(self, text: str) -> None: ...

    def verbatim(self, text: str) -> None: ...

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes", before: str = "") -> None: ...

    def confirm_name(self, question: str, name: str, *, given: str, before: str = "") -> None: ...

    def ask(self, question: str, default: str = "") -> str:
        return default

    def is_text(self) -> bool:
        return False

    def can_ask(self) -> bool:
        return False

    def choose(self, question: str, count: int, *, yes: bool, flag: str = "--yes") -> list[int]:
        return list(range(count))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, drop: Sequence[str] = ()) -> str:
        return ""

    def result(self, command: str, data: Mapping[str, Any], text: str, exit_code: int = 0) -> None:
        self.results.append(json.loads(json.dumps(data, default=str)))

    def changed(
        self, command: str, data: Mapping[str, Any], text: str, lines: Sequence[str], exit_code: int = 0
    ) -> None:
        self.result(command, data, text, exit_code)


class MemoryWorld:
    """A cluster with one node and an account, empty."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self.kube = MemoryCluster(self.fuse)
        self.iam = MemoryIam(self.fuse)
        self.eks = MemoryEks(self.fuse)
        self.eks.changed = self._agent
        self.kube.associated = lambda *account: account in self.eks.associated
        self.helm = MemoryHelm(self.kube, self.fuse)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}  # every kubelet sets them
        self.kube.put(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node", "labels": labels}, "status": ready}
        )

    def _agent(self, name: str, there: bool) -> None:
        """The pod of an add-on on the cluster's node."""
        pod = ref("Pod", f"{name}-0", "kube-system")
        if not there:
            self.kube.objects.pop(pod.path, None)
            return
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        metadata = {"name": pod.name, "namespace": pod.namespace, "labels": {"app.kubernetes.io/name": name}}
        spec = {"nodeName": "node", "hostNetwork": True, "containers": [{"name": name}]}
        self.kube.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": ready})

    def settings(self, **options: Any) -> Settings:
        return Settings.of(cluster="demo", yes=True, timeout=120.0, **options)  # on a busy machine too

    def target_of(self, at: TargetSettings, run: RunSettings) -> Target:
        """In the place of `guide.target.connect`."""
        aws = Aws(region=REGION)
        aws.session, aws.iam, aws.eks = session(), self.iam, self.eks
        aws.bucket = lambda name, region="": Bucket(bool(name), region)  # type: ignore[method-assign]
        deadline = Clock().deadline(run.timeout)
        target = Target(at, run, aws, IDENTITY, CLUSTER, self.kube, Endpoint("https://memory.invalid", ""), deadline)
        target.releases = self.helm
        target.registries[DEFAULT_REGISTRY] = PracticeRegistry()
        return target

    def snapshot(self) -> Any:
        return self._parts(self.kube.objects, self.eks.associated)

    def restore(self, kept: Any) -> None:
        objects, in_aws, roles, providers, associated, addons = kept
        self.kube.objects, self.kube.in_aws, self.eks.associated = copied(objects), set(in_aws), dict(associated)
        self.iam.roles, self.iam.providers, self.eks.addons = copied(roles), copied(providers), dict(addons)

    def state(self) -> Any:
        """What is there, without versions, times and names of generations; and without the Lease, which is times."""
        found = self.kube.objects.items()
        objects = {path: _lasting(item) for path, item in found if not path.endswith("/leases/acksm")}
        associated = {account: replace(one, name="") for account, one in self.eks.associated.items()}
        return self._parts(objects, associated)

    def _parts(self, objects: Json, associated: Mapping[tuple[str, str], Association]) -> Any:
        iam = copied(self.iam.roles), copied(self.iam.providers)
        return copied(objects), set(self.kube.in_aws), *iam, dict(associated), dict(self.eks.addons)

    def release(self, service: str) -> Release | None:
        """The newest release of a service."""
        records = self.helm._records(charts.release_name(service), HOME)
        if not records:
            return None
        found = records[max(records)]
        chart = found["chart"]["metadata"]
        return Release(
            found["name"],
            HOME,
            found["info"]["status"],
            chart["name"],
            chart["version"],
            max(records),
            "",
            found["config"],
        )


def run_install(
    settings: Settings, ui: Said, *, command: str = "install", sections: Sequence[str] = install.ALL
) -> None:
    """`acksm install`, or less of it, as the command line calls it."""
    install.run(
        settings.target, settings.controllers, settings.role, settings.run, ui, command=command, sections=sections
    )


def run_carm_bind(settings: Settings, ui: Said, requested: carm_bind.Requested) -> None:
    """`acksm carm bind` by the map."""
    default = settings.other_account.target_role_name
    carm_bind.run_bind(
        settings.target, settings.declared, settings.run, ui, requested, mode="", default_role=default, create=False
    )


def commands_run_on(patch: pytest.MonkeyPatch, world: Callable[[], MemoryWorld], modules: Iterable[Any]) -> None:
    """Let the commands of `modules` meet the world. What follows from a chart and its values alone is worked out once
    or not at all: it takes most of the time, and is tested elsewhere."""
    for module in modules:
        patch.setattr(module, "connect", lambda at, run, *_: world().target_of(at, run))
    patch.setattr(crds, "parse", lambda _crds, name: parsed(*name.replace("-chart", "").split()))
    patch.setattr(values, "validate", lambda *_: None)
    patch.setattr(values.Patched, "text", property(_written))
    patch.setattr(diff, "as_text", _as_text)


_texts: dict[tuple[object, str], str] = {}
_write: Callable[[values.Patched], str] = vars(values.Patched)["text"].func
_yaml = diff.as_text


def _written(patched: values.Patched) -> str:
    """The chart's file with these edits, as another command of this process wrote it."""
    return _once((patched.chart_text, repr(patched.edits)), lambda: _write(patched))


def _as_text(value: object) -> str:
    return _once((type(value), repr(value)), lambda: _yaml(value))


def _once(key: tuple[object, str], work: Callable[[], str]) -> str:
    if key not in _texts:
        _texts[key] = work()
    return _texts[key]


def _lasting(item: Json) -> Json:
    passing = {"resourceVersion", "uid", "generation", "managedFields", "ownerReferences"}
    kept = {key: value for key, value in item.items() if key not in {"seen", "status", "data"}}
    metadata = {key: value for key, value in item["metadata"].items() if key not in passing and value != {}}
    more = {"data": item["data"]} if item.get("kind") == "ConfigMap" else {}
    return kept | {"metadata": metadata} | more
