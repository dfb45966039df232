"""No secret goes where others can read it: words of processes, both streams, files. Whole runs, with canaries."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from acksm.sandbox.state import directory
from killer import Forks, Order
from world import NAME, World

SESSION, BEARER = "IQoJb3JpZ2luX2VjQUNBTkFSWSESSION0123", "eyJhbGciOiJjYW5hcnkifQ.Y2FuYXJ5LWJlYXJlcg.c2ln"
HELM = """#!{python} -IS
import os, sys
with open({log!r}, "a") as log:
    log.write("\\0".join(sys.argv) + "\\n")
os.execv({helm!r}, [{helm!r}, *sys.argv[1:]])
"""


class Watched:
    """acksm as a process of its own, with a home and temporary files that can be looked through."""

    def __init__(self, world: World, forks: Forks, home: Path) -> None:
        self.world, self.forks, self.home, self.said = world, forks, home, ""
        self.argv = home / "argv"
        helm = home / "helm"
        helm.write_text(HELM.format(python=sys.executable, log=str(self.argv), helm=world.state.helm))
        helm.chmod(0o755)
        for name in ("tmp", "cache", "work", "state"):
            (home / name).mkdir()
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("KUBE")},
            **world.variables,
            "ACKSM_HELM": str(helm),
            "TMPDIR": str(home / "tmp"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "AWS_SESSION_TOKEN": SESSION,
        }

    def run(self, *argv: str, code: int = 0, **more: str) -> str:
        done = self.forks.run(Order(("--debug", *argv)), {**self.environment, **more}, self.home / "work")
        assert done.code == code, (argv, done)
        self.said += done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[Path, bytes]:
        """What is left in every place that acksm writes to, archives opened."""
        found: dict[Path, bytes] = {}
        for path in (item for name in ("tmp", "cache", "work") for item in (self.home / name).rglob("*")):
            if path.is_file():
                found[path] = path.read_bytes()
            if path.name.endswith(".tar.gz"):
                with tarfile.open(path) as archive:
                    for member in archive:
                        stream = archive.extractfile(member)
                        found[path / member.name] = stream.read() if stream else b""
        return found


def kubeconfig(world: World, path: Path, user: Mapping[str, Any]) -> str:
    cluster = world.state.clusters[world.cluster]
    authority = (directory(NAME) / "clusters" / world.cluster / "pki" / "ca.crt").read_bytes()
    entry = {"server": cluster.endpoint, "certificate-authority-data": base64.b64encode(authority).decode()}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": entry}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.crds
@pytest.mark.timeout(600)
def test_canaries_are_nowhere(world: World, forks: Forks, tmp_path: Path) -> None:
    watched = Watched(world, forks, tmp_path)
    pki = directory(NAME) / "clusters" / world.cluster / "pki"
    pair = {name: (pki / f"practice-bootstrap.{name}").read_bytes() for name in ("crt", "key")}
    files = {
        f"client-{long}-data": base64.b64encode(pair[short]).decode()
        for long, short in (("certificate", "crt"), ("key", "key"))
    }
    by_key = ("--kubeconfig", kubeconfig(world, tmp_path / "key.json", files), "--cluster", world.cluster)
    by_token = ("--kubeconfig", kubeconfig(world, tmp_path / "token.json", {"token": BEARER}))
    one = ("--service", "sagemaker")

    watched.run("plan", "--out", "plan.json", "install", *one)
    watched.run("install", "-y", *one, *by_key)
    watched.run("apply", "plan.json")
    watched.run("status", "-o", "json", *one)
    watched.run("doctor", "-o", "json", *one, *by_key)
    watched.run("report", "--out", "bundle.tar.gz", *one)
    watched.run("status", *one, *by_token, "--cluster", world.cluster, code=3)  # nobody's token: the refusal is told
    watched.run(
        "install", *one, code=3, AWS_SECRET_ACCESS_KEY="wrong" + BEARER, AWS_ACCESS_KEY_ID="AKIANOBODYSCANARYKEY"
    )
    token = json.loads(watched.run("token", "--cluster", world.cluster))["status"]["token"]
    watched.said = watched.said.replace(token, "")  # what was asked for

    secret = world.variables["AWS_SECRET_ACCESS_KEY"]
    key = pair["key"].decode().splitlines()[1]
    canaries = {
        "AWS secret": secret,
        "session": SESSION,
        "bearer": BEARER,
        "client key": key,
        "client key in base64": files["client-key-data"][:60],
        "EKS token": "k8s-aws-v1.",
    }
    assert watched.said.count("sts:GetCallerIdentity") > 1  # requests were logged
    words = watched.argv.read_text()
    assert " ".join(words.split("\0")).count("install") == 1  # helm was started, and its words were kept
    left = watched.files()
    assert {path.name for path in left} >= {"plan.json", "bundle.tar.gz", "version.json"}
    for name, canary in canaries.items():
        assert canary not in watched.said, name
        assert canary not in words, name
        assert [str(path) for path, data in left.items() if canary.encode() in data] == [], name
    for name in ("plan.json", "bundle.tar.gz"):
        assert stat.S_IMODE((tmp_path / "work" / name).stat().st_mode) == 0o600
    assert list((tmp_path / "tmp").iterdir()) == []  # private files went with their process
