"""A cluster's whole life: installed as the oldest generation, upgraded through each to the newest, and in one go.

With objects of two kinds, an adoption, two accounts and a FieldExport, each since the generation that has it. AWS
resources are what they were, whatever the controllers and their charts became.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from acksm.ack import charts
from acksm.helm.values import Edit, patch
from acksm.kube.paths import ref
from acksm.sandbox.state import directory
from lab import Lab
from world import NAME, World

# Both services by sagemaker's generation, as their runtimes belong together
TOGETHER = (
    ("0.0.3", "0.0.3"),
    ("0.0.4", "0.0.3"),
    ("0.2.0", "0.2.0"),
    ("1.2.4", "0.2.0"),
    ("1.2.13", "1.0.17"),
    ("1.4.1", "1.1.1"),
    ("1.5.1", "1.1.2"),
    ("1.9.1", "1.4.1"),
)
READS = ("Get", "List", "Describe", "AssumeRole")
RELEASE = "ack-sagemaker-controller"
# AmazonSageMakerFullAccess of the default role
ALWAYS_FOUND = {"check.pass-role"}
EXECUTION = "arn:aws:iam::012345678901:role/execution"


class Life:
    """One cluster, its objects, and what AWS was asked to write for them."""

    def __init__(self, world: World) -> None:
        self.world, self.lab = world, Lab(world, "stand-in")
        self.objects: list[tuple[str, str, str]] = []
        self.identities: dict[tuple[str, str, str], str] = {}
        self.log, self.owners = directory(NAME) / "aws.log", {world.account}

    def versions(self, step: tuple[str, str]) -> list[str]:
        return [f"--version={service}={version}" for service, version in zip(charts.SERVICES, step, strict=True)]

    def acksm(self, *argv: str) -> Any:
        return self.world.acksm(*argv, env=self.world.variables)

    def group(self, namespace: str, name: str) -> None:
        self.lab.create("ModelPackageGroup", namespace, name, {"modelPackageGroupName": name})
        self.objects.append(("ModelPackageGroup", namespace, name))

    def model(self, namespace: str, name: str) -> None:
        self.lab.model(namespace, name)
        self.objects.append(("Model", namespace, name))

    def settled(self, version: str) -> None:
        """Every object is synced, and is the AWS resource that it was."""
        for key in self.objects:
            found = self.lab.until(partial(self._done, key, version), partial(self.lab.get, *key))
            arn = found["status"]["ackResourceMetadata"]["arn"]
            assert self.identities.setdefault(key, arn) == arn

    def _done(self, key: tuple[str, str, str], version: str) -> Any:
        found = self.lab.get(*key) or {}
        status = found.get("status") or {}
        if not charts.has("sagemaker", version, "synced-condition"):
            return found if (status.get("ackResourceMetadata") or {}).get("arn") else None
        synced = [item for item in status.get("conditions") or [] if item["type"] == "ACK.ResourceSynced"]
        return found if [item["status"] for item in synced] == ["True"] else None

    def written(self, since: int) -> list[str]:
        """What was written in SageMaker since the log had this size, in accounts of its objects, except by
        administrators."""
        with self.log.open("rb") as stream:
            stream.seek(since)
            rows = [json.loads(line) for line in stream.read().splitlines() if line.strip()]
        ours = {keys["AWS_ACCESS_KEY_ID"] for keys in self.world.state.accounts.values()}
        rows = [row for row in rows if row["account"] in self.owners and row["key"] not in ours]
        named = [row["action"] for row in rows if row["action"].startswith("sagemaker:")]
        return [action for action in named if not action.partition(":")[2].startswith(READS)]

    def checked(self, expected: set[str]) -> None:
        """`status` and `doctor` find nothing that is not so in this generation."""
        status = self.acksm("status", "-o", "json").ok().data
        assert (status["healthy"], status["drift"], status["drift_unknown"], status["problems"]) == (True, [], "", [])
        doctor = self.acksm("doctor", "-o", "json").data
        bad = {item["id"]: item.get("text") for item in doctor["checks"] if item["state"] in {"failed", "warning"}}
        bad.pop("check.log", "")  # a role that was bound an instant before the controller read the map
        assert set(bad) == expected, json.dumps(bad)

    def accounts(self) -> str:
        """A namespace whose objects are of another account."""
        self.owners.add(self.lab.other)
        role = self.lab.trusted_role()
        self.lab.may_assume(role)
        self.lab.map({self.lab.other: role})
        return self.lab.namespace(owner_account_id=self.lab.other)

    def adopted(self, space: str, model: str) -> None:
        """An AdoptedResource that is done: `model` of AWS as an object of the same name."""
        self.lab.aws("sagemaker").create_model(ModelName=model, ExecutionRoleArn=EXECUTION)
        target = {"group": "sagemaker.services.k8s.aws", "kind": "Model", "metadata": {"name": model}}
        self.lab.create("AdoptedResource", space, "a", {"aws": {"nameOrID": model}, "kubernetes": target})
        self.lab.condition("AdoptedResource", space, "a", "ACK.Adopted", "True")
        self.objects.append(("Model", space, model))

    def export(self, space: str, model: str) -> None:
        """A FieldExport of a model's ARN, written once."""
        self.lab.kube.request(
            "POST", f"/api/v1/namespaces/{space}/configmaps", {"metadata": {"name": "arns"}, "data": {}}
        )
        source = {"group": "sagemaker.services.k8s.aws", "kind": "Model", "name": model}
        spec = {
            "from": {"path": ".status.ackResourceMetadata.arn", "resource": source},
            "to": {"kind": "configmap", "name": "arns"},
        }
        self.world.custom("services.k8s.aws/v1alpha1", "fieldexports", "FieldExport", space, "arn", spec)
        self.lab.until(lambda: self.exported(space))

    def exported(self, space: str) -> Any:
        """The data of the ConfigMap."""
        return (self.world.kube.get(ref("ConfigMap", "arns", space)) or {}).get("data")


@pytest.mark.timeout(900)
def test_through_every_generation(world: World) -> None:
    life = Life(world)
    lab = life.lab
    world.bucket("bucket")
    life.acksm("install", "-y", *life.versions(TOGETHER[0]), "--set", "log.level=warn").ok()
    space, other = lab.namespace(), ""
    life.model(space, "m")
    life.group(space, "g")
    life.settled("0.0.3")
    life.adopted(space, "mine")
    life.settled("0.0.3")
    for before, now in pairwise(TOGETHER):
        mark, arns = life.log.stat().st_size, life.exported(space)
        line = "adopted-resource"
        crosses = charts.has("sagemaker", before[0], line) > charts.has("sagemaker", now[0], line)
        if crosses:
            assert life.acksm("upgrade", "-y", *life.versions(now)).error_id == "adopted-resources-left"
        run = life.acksm("upgrade", "-y", *(("--convert-adopted",) if crosses else ()), *life.versions(now))
        # no condition says what is synced before 0.3.1, so what became worse is not known
        known = all(charts.has("sagemaker", one, "synced-condition") for one in (before[0], now[0]))
        assert run.exit_code in ({0} if known else {0, 7}), run.stdout + run.stderr
        assert not crosses or lab.get("AdoptedResource", space, "a") is None
        life.model(space, f"m-{now[0]}")  # reconciled by the new controller
        life.settled(now[0])
        assert life.written(mark) == ["sagemaker:CreateModel"]
        if crosses or now == TOGETHER[-1]:
            with world.requests() as again:
                twice = life.acksm("upgrade", "-y", *life.versions(now))
            assert ("up to date" in twice.stderr, twice.exit_code) == (True, run.exit_code)
            assert again.writes == []
        assert json.loads(world.helm("get", "values", RELEASE, "-o", "json"))["log"] == {"level": "warn"}
        assert life.exported(space) == arns
        if now[0] == "1.2.13":
            other = life.accounts()
            life.model(other, "theirs")
            life.export(space, "m")
            life.settled(now[0])
        if now[0] == "1.4.1":  # with its fault
            life.checked({*ALWAYS_FOUND, "check.field-exports"})
    life.checked(ALWAYS_FOUND)
    (deployment,) = world.objects("Deployment")[-1:]
    assert "--aws-account-id" not in str(world.kube.get(ref("Deployment", deployment, world.namespace)))
    assert lab.has("Model", "theirs", account=lab.other)
    assert not lab.has("Model", "theirs")


def test_from_the_guide_to_the_newest_in_one_go(world: World, tmp_path: Path) -> None:
    """The guide edits values.yaml in the chart: helm's record has no values, and the edits are its chart's."""
    life, lab = Life(world), Lab(world, "stand-in")
    world.bucket("bucket")
    role = world.role_of_ones_own("of-the-guide")
    policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    world.aws("iam").attach_role_policy(RoleName="of-the-guide", PolicyArn=policy)
    world.helm("pull", world.chart("sagemaker", "v0.0.3"), "--untar", "-d", str(tmp_path))
    values = tmp_path / "sagemaker-chart" / "values.yaml"
    edits = [
        Edit(("aws", "region"), "us-west-2", "the guide"),
        Edit(("aws", "account_id"), world.account, "the guide"),
        Edit(("serviceAccount", "annotations", "eks.amazonaws.com/role-arn"), role, "the guide"),
        Edit(("resources", "limits", "memory"), "1Gi", "their own"),
    ]
    values.write_text(patch(values.read_text(), edits).text)
    world.helm("install", "--create-namespace", RELEASE, str(tmp_path / "sagemaker-chart"))
    space = lab.namespace()
    life.model(space, "m")
    life.settled("0.0.3")
    mark = life.log.stat().st_size
    one = ("--service", "sagemaker")
    assert life.acksm("upgrade", "-y", *one).error_id == "release-not-ours"
    life.acksm("install", "-y", *one, "--adopt-release", "--version", "sagemaker=1.9.1").ok()
    life.model(space, "new")
    life.settled("1.9.1")
    assert life.written(mark) == ["sagemaker:CreateModel"]
    expected = {
        "aws": {"region": "us-west-2"},
        "deployment": {"labels": {"acksm.dev/owned": "true"}},
        "resources": {"limits": {"memory": "1Gi"}},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": role}},
    }
    assert json.loads(world.helm("get", "values", RELEASE, "-o", "json")) == expected
    with world.requests() as again:
        assert "up to date" in life.acksm("upgrade", "-y", *one).ok().stderr
    assert again.writes == []
