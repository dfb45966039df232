"""A cluster with running controllers for the scenarios of test_controllers.py: the stand-in's, or real ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acksm.sandbox import api
from acksm.sandbox.controllers.kube import Kube, KubeError
from acksm.sandbox.controllers.pods import PROGRAM_ANNOTATION
from acksm.sandbox.state import REGION, directory
from world import NAME, World

GROUPS = {
    "sagemaker": "sagemaker.services.k8s.aws",
    "applicationautoscaling": "applicationautoscaling.services.k8s.aws",
}
NO_BINARY = pytest.mark.skipif(
    not os.environ.get("ACKSM_CONTROLLER_BIN"), reason="ACKSM_CONTROLLER_BIN names no real controller"
)
# What a lab may run. A test without a binary is skipped before its cluster is emptied.
PROGRAMS = ["stand-in", pytest.param("real", marks=NO_BINARY)]
PATIENCE = {"stand-in": 25.0, "real": 60.0}  # seconds; real ones look again every thirty
Json = dict[str, Any]


@dataclass
class Lab:
    """Installed controllers, and objects for them."""

    world: World
    program: str
    count: int = 0
    installed: int = -1
    _space: tuple[int, str] = (-1, "")  # of which of the world's installs, and its name
    _other: tuple[int, str] = (-1, "")

    @property
    def kube(self) -> Kube:
        home = directory(NAME) / "clusters" / self.world.cluster / "pki"
        found = self.world.state.clusters[self.world.cluster]
        pair = (str(home / "practice-bootstrap.crt"), str(home / "practice-bootstrap.key"))
        return Kube(found.endpoint, str(home / "ca.crt"), pair=pair)

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.world.account}:role/ack-controller-role-{self.world.cluster}"

    def install(self, *argv: str, values: Mapping[str, Any] | None = None, wait: bool = True) -> None:
        """`acksm install` with the program that this lab is about."""
        path = Path("lab-values.yaml").resolve()
        annotations = {PROGRAM_ANNOTATION: self.program} if self.program != "real" else {}
        path.write_text(json.dumps({"deployment": {"annotations": annotations}, **(values or {})}))
        words = ["--values", str(path), *argv, *(() if wait else ("--no-wait",))]
        self.world.bucket("bucket")  # of the practice specs: without it their jobs fail
        run = self.world.acksm("install", "-y", "--reset-values", *words, env=self.world.variables)
        assert run.exit_code == 0, run.stderr

    def namespace(self, **annotations: str) -> str:
        """A fresh namespace with these annotations ("default_region" is services.k8s.aws/default-region)."""
        self.count += 1
        name = f"lab-{self.program}-{self.world.count}-{self.count}"
        found = {f"services.k8s.aws/{key.replace('_', '-')}": value for key, value in annotations.items()}
        meta = {"name": name, "annotations": found}
        self.kube.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        return name

    @property
    def space(self) -> str:
        """The namespace of objects that depend on nothing of theirs, one for all until the world is emptied: to end a
        namespace takes the controller manager two requests for each kind of the cluster."""
        if self._space[0] != self.world.count:
            self._space = (self.world.count, self.namespace())
        return self._space[1]

    @property
    def other(self) -> str:
        """Another account, of this worker alone, whose role trusts one cluster. Emptied when the world is."""
        if self._other[0] != self.world.count:
            self._other = (self.world.count, f"1{self.world.account[1:]}")
            api.open_account(self.world.state, self._other[1])
            api.control(self.world.state, "POST", f"accounts/{self._other[1]}/empty")
        return self._other[1]

    def path(self, kind: str, namespace: str, name: str = "") -> str:
        service = "applicationautoscaling" if kind.startswith("Scal") else "sagemaker"
        group = "services.k8s.aws" if kind in {"AdoptedResource", "IAMRoleSelector"} else GROUPS[service]
        plural = kind.lower()[:-1] + "ies" if kind.endswith("y") else kind.lower() + "s"
        middle = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{group}/v1alpha1{middle}/{plural}" + (f"/{name}" if name else "")

    def create(
        self, kind: str, namespace: str, name: str, spec: Json | None, annotations: Mapping[str, str] | None = None
    ) -> None:
        path = self.path(kind, namespace)
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        obj: Json = {
            "apiVersion": path.split("/")[2] + "/v1alpha1",
            "kind": kind,
            "metadata": {**meta, "annotations": dict(annotations or {})},
        }
        self.kube.request("POST", path, obj if spec is None else {**obj, "spec": spec})

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self.kube.get(self.path(kind, namespace, name))

    def delete(self, kind: str, namespace: str, name: str, *, gone: bool = True) -> None:
        self.kube.request("DELETE", self.path(kind, namespace, name))
        if gone:
            self.until(lambda: self.get(kind, namespace, name) is None, lambda: self.get(kind, namespace, name))

    def model(self, namespace: str, name: str, annotations: Mapping[str, str] | None = None, **more: Any) -> None:
        self.create("Model", namespace, name, model(name) | more, annotations)

    def condition(self, kind: str, namespace: str, name: str, condition: str, status: str, text: str = "") -> Json:
        """Wait for an object's condition; `text` is part of its message or reason. The object."""

        def found() -> Json | None:
            obj = self.get(kind, namespace, name) or {}
            for item in (obj.get("status") or {}).get("conditions") or []:
                told = f"{item.get('message', '')} {item.get('reason', '')}"
                if item["type"] == condition and item["status"] == status and text in told:
                    return obj
            return None

        return dict(self.until(found, lambda: self.get(kind, namespace, name)))

    def synced(self, kind: str, namespace: str, name: str) -> Json:
        return self.condition(kind, namespace, name, "ACK.ResourceSynced", "True")

    def until(self, found: Callable[[], Any], told: Callable[[], Any] = lambda: "") -> Any:
        """Wait until something is so; its value."""
        limit = time.monotonic() + PATIENCE.get(self.program, 25.0)
        while True:
            value = found()
            if value:
                return value
            assert time.monotonic() < limit, f"not so: {told()}\n{self.log()[-3000:]}"
            time.sleep(0.1)

    def aws(self, service: str, account: str = "", region: str = REGION) -> Any:
        """A client as an account's administrator, in any region."""
        return self.world.aws(service, account, region)

    def has(self, kind: str, name: str, account: str = "", region: str = REGION) -> bool:
        """Whether AWS has a model or endpoint of that name."""
        client = self.aws("sagemaker", account, region)
        try:
            getattr(client, f"describe_{kind.lower()}")(**{f"{kind}Name": name})
        except client.exceptions.ClientError:
            return False
        return True

    def pod(self, service: str = "sagemaker") -> Json:
        """The newest pod of the newest revision of a service's Deployment.

        Of revisions, as timestamps are whole seconds, in which a Deployment may have pods of two.
        """

        def of_it(resource: str) -> list[Json]:
            found = self.kube.request("GET", f"{resource}")["items"]
            return [item for item in found if item["metadata"]["name"].startswith(f"ack-{service}-controller")]

        def newest() -> Json | None:
            space = f"namespaces/{self.world.namespace}"
            revision = "deployment.kubernetes.io/revision"
            sets = of_it(f"/apis/apps/v1/{space}/replicasets")
            uid = (
                max(sets, key=lambda item: int(item["metadata"]["annotations"][revision]))["metadata"]["uid"]
                if sets
                else ""
            )
            pods = [
                pod for pod in of_it(f"/api/v1/{space}/pods") if pod["metadata"]["ownerReferences"][0]["uid"] == uid
            ]
            return max(pods, key=lambda item: str(item["metadata"]["creationTimestamp"]), default=None)

        limit = time.monotonic() + 10
        while not (pod := newest()):
            assert time.monotonic() < limit, "there is no pod"
            time.sleep(0.1)
        return pod

    def log(self, service: str = "sagemaker") -> str:
        """Its whole log, as `kubectl logs` has it."""
        name = self.pod(service)["metadata"]["name"]
        path = f"/api/v1/namespaces/{self.world.namespace}/pods/{name}/log"
        answer = self.kube._http.request("GET", self.kube.server + path)
        return answer.data.decode()

    def logged(self, text: str) -> None:
        self.until(lambda: text in self.log())

    def trusted_role(self, name: str = "SagemakerCrossAccountAccess") -> str:
        """A role in the other account that trusts the controllers' role and may use SageMaker."""
        iam = self.aws("iam", self.other)
        trust = {"Effect": "Allow", "Principal": {"AWS": self.role}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        except iam.exceptions.EntityAlreadyExistsException:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
        return f"arn:aws:iam::{self.other}:role/{name}"

    def may_assume(self, *roles: str) -> None:
        """The controllers' role may assume exactly these."""
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(roles)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        name = self.role.rpartition("/")[2]
        self.aws("iam").put_role_policy(RoleName=name, PolicyName="carm", PolicyDocument=document)

    def map(self, data: Mapping[str, str], name: str = "ack-role-account-map") -> None:
        """Set the role map whole."""
        base = f"/api/v1/namespaces/{self.world.namespace}/configmaps"
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}
        try:
            self.kube.request("POST", base, obj)
        except KubeError:
            self.kube.request("PUT", f"{base}/{name}", obj)


def model(name: str) -> Json:
    return {
        "modelName": name,
        "executionRoleARN": "arn:aws:iam::012345678901:role/execution",
        "primaryContainer": {"image": "practice:1", "modelDataURL": "s3://bucket/model.tar.gz"},
    }
