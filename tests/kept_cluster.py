"""A cluster of the sandbox that a GitOps engine keeps, and how an export reaches the engine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

import cloudformation_stack
from acksm import yaml_reader
from acksm.kube.paths import Ref, ref
from acksm.sandbox import api, git_host, gitops, parts
from acksm.sandbox.state import directory
from world import NAME, Run, World

PATIENCE = 600.0  # seconds; a controller that failed looks again after a minute
HOST, REPOSITORY = "basic.example.com", "clusters/demo"
SERVICES = ("sagemaker", "applicationautoscaling")
NAMESPACE = "ack-system"
FLUX_GROUP = "kustomize.toolkit.fluxcd.io/v1"


@dataclass
class Kept:
    """The cluster, with what it takes to install ACK there by `engine`, and the folder of the export."""

    world: World
    engine: str
    home: Path
    deployed: bool = False

    @classmethod
    def open(cls, engine: str, home: Path, *, runs: bool = True, name: str = "") -> Kept:
        """An empty cluster of this name, in an empty account."""
        world = World.start(name or f"kept-{engine}")
        variables = api.environment(NAME, world.cluster, registries=True)
        world.variables = variables | {"XDG_CACHE_HOME": str(home / "cache"), "ACKSM_REGISTRY": ""}
        if runs:
            api.run_engine(engine, NAME, world.cluster)
        return cls(world, engine, home)

    @property
    def folder(self) -> Path:
        return self.home / "export"

    def close(self) -> None:
        api.remove_cluster(self.world.state, self.world.cluster)

    def acksm(self, *argv: str) -> Run:
        return self.world.acksm(*argv, env=self.world.variables)

    def export(self, *argv: str) -> None:
        """Export, and deploy the template before anything else: README.md has it first."""
        self.acksm("export", "--to", self.engine, "--out", str(self.folder), *argv).ok()
        if not self.deployed:
            cloudformation_stack.deploy((self.folder / "iam.yaml").read_text(), self.world.aws)
            (linked,) = re.findall(
                r"create-service-linked-role --aws-service-name (\S+)", (self.folder / "README.md").read_text()
            )
            self.world.aws("iam").create_service_linked_role(AWSServiceName=linked)
            self.deployed = True

    def until(self, found: Callable[[], Any], told: Callable[[], Any]) -> Any:
        """Wait until something is so; its value."""
        limit = time.monotonic() + PATIENCE
        while not (value := found()):
            assert time.monotonic() < limit, f"not so: {told()}"
            time.sleep(0.3)
        return value

    def kubectl(self, *argv: str, given: str = "") -> str:
        """The real kubectl, as the administrator; its output."""
        (program,) = parts.ensure(["kubectl"]).values()
        return self.program([str(program), *argv], given)

    def kustomize(self, folder: Path) -> str:
        """What the real kustomize makes of a folder."""
        (program,) = parts.ensure(["kustomize"]).values()
        return self.program([str(program), "build", str(folder)])

    def program(self, argv: list[str], given: str = "") -> str:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=os.environ | self.world.variables,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def readme(self, title: str) -> list[str]:
        """The first commands below a heading of the export's README.md."""
        text = (self.folder / "README.md").read_text().split(f"\n## {title}\n")[1]
        return text.split("```sh\n", 1)[1].split("```", 1)[0].splitlines()

    def push_git(self, repository: str, branch: str = "main") -> str:
        """Commit the export, as folder `export`, to a repository of the Git host (CLUSTER/NAME.git); the commit."""
        url, state = f"https://{git_host.HOST}/{repository}", self.home / "git"
        outside = directory(NAME) / "outside"
        settings = {
            "credential.helper": f"store --file={outside / 'git-credentials'}",
            "user.name": "tests",
            "user.email": "tests@example.com",
        }
        git = ["git", f"--git-dir={state}", f"--work-tree={self.home}"]
        git += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        if not state.exists():
            self.program([*git, "init", "--quiet", f"--initial-branch={branch}"])
        self.program([*git, "add", "--all", str(self.folder)])
        self.program([*git, "commit", "--quiet", "--message", "acksm export"])
        self.program([*git, "push", "--quiet", url, branch])
        return self.program([*git, "rev-parse", "HEAD"]).strip()

    def push(self, tag: str = "latest") -> str:
        """Push the export as `flux push artifact` does; its digest."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            tar.add(self.folder, arcname=".")
        layer = gzip.compress(stream.getvalue(), mtime=0)
        config = b"{}"
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": self._blob(config, "application/vnd.cncf.flux.config.v1+json"),
            "layers": [self._blob(layer, "application/vnd.cncf.flux.content.v1.tar+gzip")],
        }
        data = json.dumps(manifest).encode()
        self._write("PUT", f"manifests/{tag}", data, str(manifest["mediaType"]))
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def _blob(self, data: bytes, media_type: str) -> dict[str, object]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        place = self._write("POST", "blobs/uploads/", b"", "").rpartition("/")[2]
        self._write("PUT", f"blobs/uploads/{place}?digest={digest}", data, "application/octet-stream")
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def _write(self, method: str, path: str, data: bytes, kind: str) -> str:
        state = self.world.state
        http = urllib3.ProxyManager(f"http://{state.network}", ca_certs=state.network_ca)
        headers = {"Authorization": f"Basic {self.login}", "Content-Type": kind}
        answer = http.request(method, f"https://{HOST}/v2/{REPOSITORY}/{path}", body=data, headers=headers)
        assert answer.status in {201, 202}, (path, answer.status, answer.data)
        return answer.headers.get("Location", "")

    @property
    def git_login(self) -> tuple[str, str]:
        """User and password at the Git host."""
        lines = (directory(NAME) / "outside" / "git-credentials").read_text().split()
        found = next(split for split in map(urlsplit, lines) if split.hostname == git_host.HOST)
        return str(found.username), str(found.password)

    @property
    def login(self) -> str:
        auths = json.loads((directory(NAME) / "outside" / "config.json").read_text())["auths"]
        return str(auths[HOST]["auth"])

    # what there is

    def objects(self, kind: str, namespace: str = "") -> dict[str, dict[str, Any]]:
        found = self.world.kube.list(ref(kind, namespace=namespace))
        return {item["metadata"]["name"]: item for item in found}

    def of_engine(self, api_version: str, plural: str) -> dict[str, dict[str, Any]]:
        """The engine's own objects by name, with what its conditions say."""
        listed = self.world.kube.list(Ref(api_version, plural, "", namespace=gitops.ENGINES[self.engine].namespace))
        return {item["metadata"]["name"]: item for item in listed}

    def exported(self) -> list[Ref]:
        """What the export has in the cluster."""
        found = []
        for path in sorted(self.folder.glob("manifests/*/*.yaml")):
            item = dict(yaml_reader.load(path.read_text()))
            if item["kind"] != "Kustomization":
                found.append(ref(item["kind"], item["metadata"]["name"], item["metadata"].get("namespace", "")))
        return found

    def uids(self) -> dict[str, str]:
        """The uid of every exported object, "" for one that does not exist."""
        found = {str(one): self.world.kube.get(one) for one in self.exported()}
        return {name: item["metadata"]["uid"] if item else "" for name, item in found.items()}

    def model(self, name: str) -> Ref:
        """A Model, as a user creates it; it exists in SageMaker too once it is in sync."""
        spec = {
            "modelName": name,
            "executionRoleARN": f"arn:aws:iam::{self.world.account}:role/execution",
            "primaryContainer": {"image": "practice:1", "modelDataURL": "s3://bucket/model.tar.gz"},
        }
        return self.world.custom("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "default", name, spec)

    def synced(self, one: Ref) -> bool:
        status = (self.world.kube.get(one) or {}).get("status") or {}
        return any(
            item["type"] == "ACK.ResourceSynced" and item["status"] == "True" for item in status.get("conditions") or ()
        )

    def models(self) -> list[str]:
        """The names of the models that SageMaker has."""
        return [item["ModelName"] for item in self.world.aws("sagemaker").list_models()["Models"]]

    def writes(self, mark: int = 0) -> list[tuple[str, str, str]]:
        """(user, verb, path) of the requests to the apiserver that changed something, in order, from `mark` on."""
        rows = [json.loads(line) for line in self.audit.read_bytes()[mark:].splitlines() if line.strip()]
        return [
            (row["user"]["username"], row["verb"], row["requestURI"].partition("?")[0])
            for row in rows
            if row["verb"] in {"create", "update", "patch", "delete", "deletecollection"}
            and (row.get("responseStatus") or {}).get("code", 500) < 300
            and "dryRun" not in row["requestURI"]
        ]

    @property
    def audit(self) -> Path:
        return directory(NAME) / "clusters" / self.world.cluster / "audit.log"

    def running(self) -> bool:
        """Whether both controllers' Deployments are available."""
        found = self.objects("Deployment", NAMESPACE)
        available = [
            item
            for item in found.values()
            for one in (item.get("status") or {}).get("conditions") or ()
            if (one["type"], one["status"]) == ("Available", "True")
        ]
        return len(available) == len(SERVICES)
