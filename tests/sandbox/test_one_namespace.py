"""A data scientist with rights in one namespace, on the real apiserver: what works, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from abroad import Abroad
from acksm.guide.rbac import table
from acksm.kube.paths import ref
from world import Run, World

GROUP, BUCKET, ELSEWHERE = "ml-team", "practice-of-one", "333333333333"
AWS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["eks:DescribeCluster", "s3:ListBucket", "sagemaker:Describe*", "sagemaker:List*"],
            "Resource": "*",
        }
    ],
}
COMMANDS = {
    "region explain": ("region", "explain", "Model"),
    "doctor KIND/NAME": ("doctor", "Model/acksm-model"),
    "logs": ("logs", "sagemaker"),
}


class Scientist:
    """An IAM user in a group of the cluster, with one namespace."""

    def __init__(self, world: World) -> None:
        self.world, self.namespace = world, f"team-{world.count}"
        world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        world.bucket(BUCKET)
        self.keys = world.user("scientist", policy=AWS, groups=[GROUP])

    def run(self, *argv: str) -> Run:
        place = () if argv[0] == "logs" else ("-n", self.namespace)  # where its -n is the controllers' namespace
        return self.world.acksm(*argv, *place, env=self.keys)

    def bind(self, manifest: Mapping[str, Any]) -> None:
        """A Role or ClusterRole, replaced, and its binding to the group."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        namespace = manifest["metadata"].get("namespace", "")
        where = {"name": name} | ({"namespace": namespace} if namespace else {})
        for one in (ref(f"{kind}Binding", name, namespace), ref(kind, name, namespace)):
            self.world.kube.delete(one)
        self.world.kube.create(manifest)
        binding = {
            "apiVersion": f"{table.RBAC}/v1",
            "kind": f"{kind}Binding",
            "metadata": where,
            "roleRef": {"apiGroup": table.RBAC, "kind": kind, "name": name},
            "subjects": [{"apiGroup": table.RBAC, "kind": "Group", "name": GROUP}],
        }
        self.world.kube.create(binding)

    def forget(self, manifests: list[Any]) -> None:
        for one in manifests:
            metadata = one["metadata"]
            for kind in (f"{one['kind']}Binding", one["kind"]):
                self.world.kube.delete(ref(kind, metadata["name"], metadata.get("namespace", "")))


@pytest.fixture
def scientist(world: World) -> Iterator[Scientist]:
    abroad = Abroad.open(world)  # which sees to it that the last test's controllers are gone
    world.install("--service", "sagemaker")
    yield Scientist(world)
    abroad.clean()


@pytest.mark.crds
def test_a_grant_is_all_that_a_data_scientist_needs(scientist: Scientist) -> None:
    world, space = scientist.world, scientist.namespace
    assert (
        scientist.run(
            "samples", "apply", "model", "--set", f"bucket={BUCKET}", "--set", f"role={role(world)}"
        ).exit_code
        == 3
    )
    granted = world.acksm("rbac", "grant", space, "--group", GROUP, "-o", "json").ok().data
    assert [one["id"] for one in granted["changes"]] == ["rbac.role", "rbac.bind"]
    with world.requests() as again:
        world.acksm("rbac", "grant", space, "--group", GROUP).ok()
    assert again.writes == []

    # a bucket that does not exist is refused before the first write, and would have failed the job
    missing = ("--set", "bucket=nowhere-at-all", "--set", f"role={role(world)}")
    with world.requests() as refused:
        assert scientist.run("samples", "apply", "training", *missing, "-y").error_id == "sample-bucket-missing"
    assert refused.writes == []
    job = world.aws("sagemaker")
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://nowhere-at-all/train"}}
    job.create_training_job(
        TrainingJobName="nowhere",
        RoleArn=role(world),
        AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "train", "DataSource": data}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/model"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    failed = job.describe_training_job(TrainingJobName="nowhere")
    assert (failed["TrainingJobStatus"], "NoSuchBucket" in failed["FailureReason"]) == ("Failed", True)

    # no rights outside the namespace: all work, and say what they could not read
    applied = scientist.run(
        "samples", "apply", "model", "--set", f"bucket={BUCKET}", "--set", f"role={role(world)}", "-y"
    ).ok()
    assert "not checked: the controllers" in applied.stderr
    assert f"arn:aws:sagemaker:us-west-2:{world.account}:model/acksm-model" in applied.stdout
    assert scientist.run("region", "explain", "Model/acksm-model").ok().stdout.startswith("Model")
    assert scientist.run("region", "explain", "Model").exit_code == 7
    examined = scientist.run("doctor", "Model/acksm-model")
    assert (examined.exit_code, "incomplete: " in examined.stdout) == (7, True)
    assert scientist.world.acksm("status", "-o", "json", env=scientist.keys).data["healthy"] is None
    assert scientist.world.acksm("carm", "list", env=scientist.keys).exit_code == 7
    sagemaker = world.aws("sagemaker")
    sagemaker.create_model(ModelName="churn", ExecutionRoleArn=role(world), PrimaryContainer={"Image": "i"})
    variant = {"VariantName": "v", "ModelName": "churn", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="churn-3", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="churn", EndpointConfigName="churn-3")
    typo = scientist.run("adopt", "Endpoint", "chrun")
    assert (typo.error_id, "did you mean churn?" in typo.stderr) == ("adopt-not-in-aws", True)
    adopted = scientist.run("adopt", "Endpoint", "churn", "--with-dependencies", "-y", "-o", "json").ok().data
    rows = {(row["kind"], row["name"]) for row in adopted["result"]["objects"]}
    assert rows == {("Endpoint", "churn"), ("EndpointConfig", "churn-3"), ("Model", "churn")}
    with world.requests() as unchanged:
        scientist.run("adopt", "Endpoint", "churn", "--with-dependencies", "-y").ok()
    assert unchanged.writes == []

    # with the controllers in sight, nothing is left open
    world.acksm("rbac", "grant", space, "--group", GROUP, "--read-controllers").ok()
    assert "no problems found" in scientist.run("doctor", "Model/acksm-model").ok().stdout
    scientist.run("region", "explain", "Model").ok()

    world.acksm("rbac", "revoke", space, "-y").ok()
    _printed_roles_are_enough_and_each_rule_is_needed(scientist)
    _printed_roles_are_enough_for_the_others(scientist)
    world.acksm("rbac", "grant", space, "--group", GROUP).ok()
    deleted = scientist.run("samples", "delete", "model", "-y").ok()
    assert "deleted Model" in deleted.stdout
    assert world.kube.get(ref("Model", "acksm-model", space)) is None
    assert world.kube.get(ref("Model", "churn", space)) is not None
    world.acksm("rbac", "revoke", space, "-y").ok()
    assert scientist.run("samples", "delete", "model", "-y").error_id == "kube-forbidden"
    left = [one["metadata"]["name"] for one in world.kube.list(ref("Role"), selector="acksm.dev/grant")]
    assert left == []


def _printed_roles_are_enough_and_each_rule_is_needed(scientist: Scientist) -> None:
    world, space = scientist.world, scientist.namespace
    for name, argv in COMMANDS.items():
        printed = world.acksm("doctor", "--print-rbac", name.replace("KIND/NAME", "object"), "-n", space, "-o", "json")
        manifests = printed.ok().data["rbac"]["manifests"]
        for one in manifests:
            scientist.bind(one)
        scientist.run(*argv).ok()
        required = [rule for rule in table.COMMANDS[name] if not (rule.optional or rule.when)]
        for rule in required:
            kind = next(one for one in manifests if one["metadata"].get("namespace") == _place(world, space, rule))
            scientist.bind({**kind, "rules": [item for item in kind["rules"] if item != rule.as_rule()]})
            run = scientist.run(*argv)
            assert run.exit_code in {3, 7}, f"{name} without {rule}"
            scientist.bind(kind)
        scientist.forget(manifests)


def _printed_roles_are_enough_for_the_others(scientist: Scientist) -> None:
    """Each command that tests/guide/rbac/test_rbac_table.py proves verb by verb, with its Roles on the real apiserver:
    in a namespace of its own, where it changes something."""
    world, other = scientist.world, f"{scientist.namespace}-other"
    world.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    world.aws("sagemaker").create_model(ModelName=other, ExecutionRoleArn=role(world), PrimaryContainer={"Image": "i"})
    needed = ("--set", f"bucket={BUCKET}", "--set", f"role={role(world)}")
    lines = {
        "samples apply": ("model", "-n", other, "--set", f"name={other}-sample", *needed, "-y"),
        "samples delete": ("model", "-n", other, "-y"),
        "region list": (),
        "region bind": (other, "us-east-1"),
        "region unbind": (other,),
        "carm list": (),
        "carm bind": (other, "--target-account", ELSEWHERE),
        "carm unbind": (other,),
        "adopt": ("Model", other, "-n", other, "-y"),
    }
    for name, argv in lines.items():
        printed = world.acksm("doctor", "--print-rbac", name, "-n", other, "-o", "json").ok()
        for one in printed.data["rbac"]["manifests"]:
            scientist.bind(one)
        run = world.acksm(*name.split(), *argv, env=scientist.keys)
        assert "forbidden" not in run.stdout + run.stderr, f"{name}: {run.stderr}"
        assert run.exit_code == 0 or (name, run.error_id) == ("carm list", "aws-access-denied"), run.stderr
        scientist.forget(printed.data["rbac"]["manifests"])


def _place(world: World, space: str, rule: table.Rule) -> str | None:
    return {table.OBJECTS: space, table.CONTROLLERS: world.namespace, table.CLUSTER: None}[rule.on]


def role(world: World) -> str:
    return f"arn:aws:iam::{world.account}:role/training"
