"""What the contract tests of other accounts and regions share: a second account, namespaces, and objects of ACK."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acksm.kube.paths import Ref, ref
from acksm.sandbox import api
from world import NAME, World

GROUP = "sagemaker.services.k8s.aws/v1alpha1"
MARK = "services.k8s.aws/"
ROLE_NAME = "SagemakerCrossAccountAccess"


@dataclass
class Abroad:
    """The world with another account, which is emptied for each test."""

    world: World
    account: str
    made: list[Ref] = field(default_factory=list)

    @classmethod
    def open(cls, world: World) -> Abroad:
        account = f"1{world.account[1:]}"
        api.open_account(world.state, account)
        api.control(world.state, "POST", f"accounts/{account}/empty")
        api.environment(NAME, world.cluster)  # writes the profile of the new account
        # acksm looks for controllers everywhere, and they for objects, so those of the last test have to be gone
        for kind in ("Deployment", "ReplicaSet", "Pod"):
            for thing in _controllers(world, kind):
                world.kube.delete(thing)
        until(
            lambda: not _controllers(world, "Pod"),
            "controllers of the last test run",
            lambda: [world.kube.get(pod) for pod in _controllers(world, "Pod")],
        )
        return cls(world, account)

    @property
    def profile(self) -> str:
        return f"other-{self.account}"

    @property
    def role(self) -> str:
        """ARN of the role that `carm setup` makes."""
        return f"arn:aws:iam::{self.account}:role/{ROLE_NAME}"

    @property
    def own_role(self) -> str:
        """ARN of the controllers' role."""
        return f"arn:aws:iam::{self.world.account}:role/ack-controller-role-{self.world.cluster}"

    @property
    def iam(self) -> Any:
        return self.world.aws("iam", self.account)

    def setup(self, *argv: str) -> Any:
        """`acksm carm setup` with credentials of the other account."""
        return self.world.acksm(
            "carm", "setup", "--target-account", self.account, "--target-profile", self.profile, "-y", *argv
        )

    def trust(self) -> Any:
        return self.iam.get_role(RoleName=ROLE_NAME)["Role"]["AssumeRolePolicyDocument"]

    def set_trust(self, *statements: Any) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=json.dumps(document))

    def namespace(self, name: str, **annotations: str) -> str:
        """A namespace that no other test of this worker has had."""
        unique = f"{name}-{self.world.count}"
        marks = {MARK + key.replace("_", "-"): value for key, value in annotations.items()}
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique, "annotations": marks}}
        self.world.kube.create(manifest)
        return unique

    def annotations(self, name: str) -> dict[str, str]:
        found = self.world.kube.get(ref("Namespace", name)) or {}
        return dict(found["metadata"].get("annotations") or {})

    def map(self, name: str = "ack-role-account-map") -> dict[str, str] | None:
        found = self.world.kube.get(ref("ConfigMap", name, self.world.namespace))
        return None if found is None else dict(found.get("data") or {})

    def model(self, namespace: str, name: str) -> Ref:
        """A Model object; its AWS object comes from whatever controller runs."""
        spec = {
            "modelName": name,
            "executionRoleARN": "arn:aws:iam::111111111111:role/execution",
            "primaryContainer": {"image": "1.dkr.ecr.us-west-2.amazonaws.com/x:1", "modelDataURL": "s3://x/y"},
        }
        found = self.world.custom(GROUP, "models", "Model", namespace, name, spec)
        self.made.append(found)
        return found

    def located(self, thing: Ref) -> dict[str, str]:
        """Where the object's AWS object is, once the controller has synced it."""

        def look() -> Any:
            live = self.world.kube.get(thing) or {}
            status = live.get("status") or {}
            synced = [c for c in status.get("conditions") or [] if c["type"] == "ACK.ResourceSynced"]
            return (status.get("ackResourceMetadata") or {}) if synced and synced[0]["status"] == "True" else None

        found: dict[str, str] = until(look, f"{thing} is not synced", lambda: self.world.kube.get(thing))
        return found

    def delete(self, thing: Ref) -> None:
        """Delete and wait until it is gone, which needs the controller."""
        self.world.kube.delete(thing)
        until(lambda: self.world.kube.get(thing) is None, f"{thing} does not go", lambda: self.world.kube.get(thing))

    def sagemaker(self, region: str, account: str = "") -> Any:
        """A client as an account's administrator, in any region."""
        import boto3

        keys = api.require(NAME).accounts[account or self.world.account]
        connect: Any = boto3.client
        return connect(
            "sagemaker",
            region_name=region,
            endpoint_url=self.world.state.aws_endpoint,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )

    def models(self, region: str = "us-west-2", account: str = "") -> list[str]:
        """Names of the models in AWS."""
        return [item["ModelName"] for item in self.sagemaker(region, account).list_models()["Models"]]

    def clean(self) -> None:
        """Nothing with a finalizer may be left to the next test."""
        for thing in self.made:
            self.world.kube.patch(thing, {"metadata": {"finalizers": None}}) if self.world.kube.get(thing) else None
            self.world.kube.delete(thing)


def _controllers(world: World, kind: str) -> list[Ref]:
    names = "app.kubernetes.io/name in (sagemaker-chart,applicationautoscaling-chart)"
    found = world.kube.list(ref(kind), selector=names, metadata_only=True)
    return [ref(kind, item["metadata"]["name"], item["metadata"]["namespace"]) for item in found]


def until(look: Callable[[], Any], what: str, last: Callable[[], Any], seconds: float = 60) -> Any:
    """What `look` returns when it is true; AssertionError with `last` otherwise."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > limit:
            raise AssertionError(f"{what}: {last()}"[:3000])
        time.sleep(0.1)
    return found
