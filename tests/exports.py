"""`acksm export` in memory: on the cluster of tests/typed.py, or offline, where nothing but charts may be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acksm.guide.connect.target import Target, offline
from acksm.guide.export import command
from acksm.settings import DEFAULT_REGISTRY, RunSettings, TargetSettings
from memory_account import ACCOUNT, CLUSTER, REGION, Fuse
from memory_cluster import MemoryCluster
from memory_helm import MemoryHelm, PracticeRegistry

AT = f"--region {REGION} --account {ACCOUNT} --offline"  # typed.answer adds the cluster
IRSA = f"{AT} --issuer {CLUSTER.issuer}"
REPO = "--repo https://git.example.com/clusters.git"
BY_ENGINE = {"flux": REPO, "argocd": REPO, "kustomize": "", "cloudformation": ""}


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


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
