"""`acksm export` in memory: on the cluster of tests/typed.py, or offline, where nothing but charts may be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acksm.guide.connect.target import Target, offline
from acksm.guide.export import command
from acksm.json_types import Json
from acksm.settings import DEFAULT_REGISTRY, RunSettings, Settings, TargetSettings
from memory_account import ACCOUNT, CLUSTER, REGION, Fuse
from memory_cluster import MemoryCluster
from memory_helm import MemoryHelm, PracticeRegistry
from memory_world import Said

REPO = "https://git.example.com/clusters.git"
ENGINES = ("flux", "argocd", "kustomize", "cloudformation")


class Closed:
    """What may not be asked offline."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def offline_in_memory(patch: pytest.MonkeyPatch) -> None:
    """Charts and helm are those of tests/memory_helm.py; AWS and the apiserver refuse."""

    def made(at: TargetSettings, run: RunSettings, issuer: str) -> Target:
        target = offline(at, run, issuer)
        target.kube = Closed()
        for name in ("eks", "iam", "identity", "client"):
            setattr(target.aws, name, Closed())
        fuse = Fuse()
        target.releases = MemoryHelm(MemoryCluster(fuse), fuse)
        target.registries[DEFAULT_REGISTRY] = PracticeRegistry()
        return target

    patch.setattr(command, "offline", made)


def export(
    folder: Path | str, to: str = "kustomize", *, online: bool = False, own: Json | None = None, **settings: Any
) -> Json:
    """Export to the folder; `own` are the command's own options. Returns the report."""
    repo = {"repo": REPO} if to in {"flux", "argocd"} else {}
    more = {} if online else {"offline": True, "issuer": CLUSTER.issuer}
    options = command.Options(to=to, out=str(folder), **{**repo, **more, **(own or {})})
    where = {} if online else {"region": REGION, "account": ACCOUNT}
    said = Said()
    command.run(command.Given(Settings.of(cluster="demo", **where, **settings)), options, said)
    return said.results[-1]


def check(folder: Path, **settings: Any) -> tuple[int, Json]:
    """`--check` with these settings alone, as variables give them: the exit code, and the report."""
    said = Said()
    given = command.Given(Settings.of(**settings), frozenset(settings))
    code = command.run(given, command.Options(check=str(folder)), said)
    return code, said.results[-1]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
