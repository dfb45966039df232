"""`acksm adopt` on real parts: what somebody made in AWS becomes objects of the cluster, by both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abroad import MARK, Abroad, until
from acksm.kube.paths import Ref, ref
from report_schema import complaints
from world import World

pytestmark = pytest.mark.crds
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/churn/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    found.clean()


def model(world: World, *names: str, tags: dict[str, str] | None = None) -> None:
    client = world.aws("sagemaker")
    for name in names:
        client.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::012345678901:role/execution",
            PrimaryContainer={"Image": "practice:1", "ModelDataUrl": "s3://bucket/model.tar.gz"},
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )


def endpoint(world: World, name: str) -> None:
    """An endpoint with its configuration and model, and a scalable target of it."""
    client = world.aws("sagemaker")
    model(world, f"{name}-m")
    variant = {"VariantName": "v", "ModelName": f"{name}-m", "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    world.aws("application-autoscaling").register_scalable_target(
        **{**TARGET, "ResourceId": f"endpoint/{name}/variant/v"}, MinCapacity=1, MaxCapacity=2
    )


def live(world: World, kind: str, namespace: str, name: str) -> dict[str, Any]:
    service = "applicationautoscaling" if kind.startswith("Scal") else "sagemaker"
    return world.kube.get(Ref(f"{service}.services.k8s.aws/v1alpha1", f"{kind.lower()}s", kind, name, namespace)) or {}


def test_what_somebody_made_is_adopted_by_annotations(abroad: Abroad) -> None:
    world = abroad.world
    world.install()
    namespace = abroad.namespace("team")
    endpoint(world, "churn")
    where = ("-n", namespace)

    with world.requests() as looked:
        world.acksm("adopt", "Endpoint", "churn", *where, "--dry-run").ok()
        printed = world.acksm("adopt", "Endpoint", "churn", *where, "--print").ok()
    assert looked.writes == []
    assert "adoption-policy: adopt" in printed.stdout
    assert "deletion-policy: retain" in printed.stdout

    run = world.acksm("adopt", "Endpoint", "churn", *where, "-o", "json").ok()
    assert complaints(run.data) == []
    (row,) = run.data["result"]["objects"]
    assert (row["state"], row["method"], row["spec"]["endpointConfigName"]) == ("adopted", "annotations", "churn")
    assert {"ACK.ResourceSynced", "Ready"} <= {item["type"] for item in row["conditions"]}
    found = live(world, "Endpoint", namespace, "churn")
    assert found["metadata"]["annotations"][MARK + "adopted"] == "true"
    with world.requests() as again:
        assert "up to date" in world.acksm("adopt", "endpoints", "churn", *where).ok().stderr
    assert again.writes == []

    # its keys are found out where the name is not all
    arn = f"arn:aws:sagemaker:us-west-2:{world.account}:endpoint-config/churn"
    assert "adopted" in world.acksm("adopt", arn, *where, "--as", "config", "--read-only").ok().stdout
    world.acksm(
        "plan", "--out", "plan.json", "adopt", "ScalableTarget", TARGET["ResourceId"], *where, "--as", "scale"
    ).ok()
    world.acksm("apply", "-y", "plan.json").ok()
    spec = live(world, "ScalableTarget", namespace, "scale")["spec"]
    assert (spec["scalableDimension"], spec["maxCapacity"]) == (TARGET["ScalableDimension"], 2)

    # what is asked for otherwise than before is changed, and only that
    run = world.acksm("adopt", "EndpointConfig", "churn", *where, "--as", "config", "-o", "json").ok()
    assert [change["id"] for change in run.data["changes"]] == ["adopt.update"]
    notes = live(world, "EndpointConfig", namespace, "config")["metadata"]["annotations"]
    assert MARK + "read-only" not in notes
    assert notes[MARK + "deletion-policy"] == "retain"
    assert world.acksm("adopt", "Endpoint", "churn", *where, "--no-retain").error_id == "needs-confirmation"

    _adopt_or_create(world, namespace)
    _one_policy_of_two(world, namespace)
    other = abroad.namespace("other")
    refused = {
        ("Endpoint", "churn", "-n", other): "adopt-managed",
        ("Model", "none", *where): "adopt-not-in-aws",
        ("Modle", "churn-m", *where): "kind-unknown",
        ("ep", "churn", *where): "kind-unknown",
        ("Model", arn, *where): "adopt-arn",
        ("EndpointConfig", arn.replace("us-west-2", "eu-west-1"), *where): "adopt-other-region",
        ("EndpointConfig", arn.replace(world.account, "210987654321"), *where): "adopt-other-account",
        ("Model", "churn-m", "-n", "nowhere"): "object-namespace-missing",
        ("Model", "churn-m", *where, "--object-region", "eu-west-1"): "adopt-not-in-aws",
        ("UserProfile", "alice", *where): "adopt-key",
    }
    with world.requests() as made:
        for argv, expected in refused.items():
            assert world.acksm("adopt", *argv).error_id == expected, argv
    assert made.writes == []


def _adopt_or_create(world: World, namespace: str) -> None:
    """The key is in the spec; what AWS lacks is created, and what it has becomes as the manifest says."""
    endpoint(world, "either")
    policy = {"annotations": {MARK + "adoption-policy": "adopt-or-create", MARK + "deletion-policy": "retain"}}
    image = {"image": "practice:1", "modelDataURL": "s3://bucket/model.tar.gz"}
    specs = {
        "Endpoint": {"endpointName": "either", "endpointConfigName": "churn"},  # AWS has the configuration "either"
        "Model": {"modelName": "or", "executionRoleARN": "arn:aws:iam::012345678901:role/execution"}
        | {"primaryContainer": image},
    }
    manifests: list[Any] = [
        {
            "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
            "kind": kind,
            "metadata": {"name": "either", "namespace": namespace, **policy},
            "spec": spec,
        }
        for kind, spec in specs.items()
    ]
    file = Path("either.yaml")
    file.write_text(json.dumps(manifests))
    dry = world.acksm("adopt", "-f", "either.yaml", "--dry-run").ok().stdout
    assert "creates it in AWS" in dry
    assert "changes it to this spec" in dry
    assert world.acksm("adopt", "-f", "either.yaml").error_id == "needs-confirmation"
    run = world.acksm("adopt", "-f", "either.yaml", "-y", "-o", "json").ok()
    assert complaints(run.data) == []
    assert {row["state"] for row in run.data["result"]["objects"]} == {"adopted"}
    client = world.aws("sagemaker")
    assert client.describe_model(ModelName="or")["ModelName"] == "or"
    until(
        lambda: client.describe_endpoint(EndpointName="either")["EndpointConfigName"] == "churn",
        "the manifest does not win",
        lambda: live(world, "Endpoint", namespace, "either"),
    )
    with world.requests() as again:
        assert "up to date" in world.acksm("adopt", "-f", "either.yaml").ok().stderr
    assert again.writes == []


def _one_policy_of_two(world: World, namespace: str) -> None:
    """Two scaling policies of one target, and an AdoptedResource that names one of them."""
    tracking = {"TargetValue": 10.0, "PredefinedMetricSpecification": {}}
    for name, metric in (
        ("churn-cpu", "ECSServiceAverageCPUUtilization"),
        ("invocations", "SageMakerVariantInvocationsPerInstance"),
    ):
        tracking["PredefinedMetricSpecification"] = {"PredefinedMetricType": metric}
        world.aws("application-autoscaling").put_scaling_policy(
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking,
            **TARGET,
        )
    keys = {key[0].lower() + key[1:]: value for key, value in TARGET.items()}
    keys["resourceID"] = keys.pop("resourceId")
    target = {"group": "applicationautoscaling.services.k8s.aws", "kind": "ScalingPolicy", "metadata": {"name": "two"}}
    spec = {"aws": {"nameOrID": "invocations", "additionalKeys": keys}, "kubernetes": target}
    meta = {"name": "two", "namespace": namespace}
    manifest = {"apiVersion": "services.k8s.aws/v1alpha1", "kind": "AdoptedResource", "metadata": meta, "spec": spec}
    Path("two.yaml").write_text(json.dumps([manifest]))
    (row,) = world.acksm("adopt", "-f", "two.yaml", "-o", "json").ok().data["result"]["objects"]
    assert (row["state"], row["spec"]["policyName"]) == ("adopted", "invocations")
    assert row["arn"].endswith(":policyName/invocations")
    adopted = world.kube.get(ref("ScalingPolicy", "two", namespace)) or {}
    assert adopted["status"]["ackResourceMetadata"]["arn"] == row["arn"]


def test_many_are_adopted_in_one_run_and_each_failure_is_told(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    namespace = abroad.namespace("many")
    names = [f"m-{number:02}" for number in range(40)]
    model(world, *names, tags={"team": "churn"})
    model(world, "other")
    world.aws("sagemaker").create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName="lc")
    file = Path("many.yaml")
    file.write_text(json.dumps([{"kind": "Model", "name": name, "namespace": namespace} for name in [*names, "gone"]]))
    with world.requests() as refused:
        run = world.acksm("adopt", "-f", "many.yaml")
    assert (run.error_id, refused.writes) == ("adopt-not-in-aws", [])
    assert "many.yaml:1:" in run.stderr

    file.write_text(json.dumps([{"kind": "Model", "name": name, "namespace": namespace} for name in names[:3]]))
    world.acksm("adopt", "-f", "many.yaml", "--no-wait").ok()
    file.write_text(json.dumps([{"kind": "Model", "name": name, "namespace": namespace} for name in names[:20]]))
    with world.requests() as seen:
        run = world.acksm("adopt", "-f", "many.yaml", "-o", "json").ok()
    assert complaints(run.data) == []
    assert len(run.data["changes"]) == 17
    assert {row["state"] for row in run.data["result"]["objects"]} <= {"adopted", "up-to-date"}
    assert sum(action == "sagemaker:DescribeModel" for action, _ in seen.aws) == 0  # one list instead

    # what is there and not managed is found, by tag and prefix
    found = ("--discover", "--kind", "Model", "--prefix", "m-", "--tag-filter", "team=churn", "-n", namespace)
    assert world.acksm("adopt", *found).error_id == "needs-confirmation"
    listed = world.acksm("adopt", *found, "--dry-run", "-o", "json").ok().data
    assert [row["name"] for row in listed["result"]["objects"]] == names[20:]
    run = world.acksm("adopt", *found, "--yes", "-o", "json").ok()
    assert {row["state"] for row in run.data["result"]["objects"]} == {"adopted"}
    assert "nothing to adopt" in world.acksm("adopt", *found, "--yes").ok().stdout
    every = world.acksm("adopt", "--discover", "-n", namespace, "--dry-run", "-o", "json").ok().data
    assert [(row["kind"], row["name"]) for row in every["result"]["objects"]] == [
        ("Model", "other"),
        ("NotebookInstanceLifecycleConfig", "lc"),
    ]
    assert sum("cannot be listed" in note for note in every["notes"]) == 1  # moto has not every kind
    _failures_that_only_the_log_tells(world, abroad.namespace("quiet"))


def _failures_that_only_the_log_tells(world: World, namespace: str) -> None:
    """And the next run makes anew what was not adopted."""
    names = [f"q-{number:02}" for number in range(12)]
    model(world, *names)
    file = Path("many.yaml")
    file.write_text(json.dumps([{"kind": "Model", "name": name, "namespace": namespace} for name in names]))
    # the list tells that they are there, and the controller is told that they are not
    world.fault("sagemaker:DescribeModel", 400, "ValidationException", "Could not find model")
    run = world.acksm("adopt", "-f", "many.yaml", "-o", "json")
    assert run.exit_code == 4
    rows = run.data["result"]["objects"]
    assert {(row["state"], row["id"]) for row in rows} == {("failed", "adopt-not-found-there")}
    assert "adopted resource not found" in rows[0]["message"]
    assert f"us-west-2 of account {world.account}" in rows[0]["message"]
    world.end_faults()
    with pytest.MonkeyPatch.context() as patch:  # a minute later
        patch.setattr("acksm.guide.adopt.plan.STALE_SECONDS", 0.0)
        run = world.acksm("adopt", "-f", "many.yaml", "-o", "json").ok()
    assert {change["id"] for change in run.data["changes"]} == {"adopt.renew"}
    assert {row["state"] for row in run.data["result"]["objects"]} == {"adopted"}


@pytest.mark.crds(False)
def test_an_old_generation_adopts_by_adopted_resource(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--version", "sagemaker=1.2.13", "--version", "applicationautoscaling=1.0.17")
    namespace = abroad.namespace("old")
    endpoint(world, "churn")
    run = world.acksm("adopt", "Endpoint", "churn", "-n", namespace, "-o", "json").ok()
    (row,) = run.data["result"]["objects"]
    assert (row["state"], row["method"]) == ("adopted", "adopted-resource")
    assert live(world, "Endpoint", namespace, "churn")["metadata"]["annotations"][MARK + "deletion-policy"] == "retain"
    world.acksm("adopt", "ScalableTarget", TARGET["ResourceId"], "-n", namespace).ok()
    with world.requests() as again:
        assert "up to date" in world.acksm("adopt", "Endpoint", "churn", "-n", namespace).ok().stderr
    assert again.writes == []
    assert world.acksm("adopt", "Endpoint", "churn", "-n", "default").error_id == "adopt-managed"


def test_objects_of_another_account_and_region_are_looked_for_there(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    namespace = abroad.namespace("abroad", default_region="eu-west-1")
    abroad.setup().ok()
    world.acksm("carm", "bind", namespace, "--target-account", abroad.account).ok()
    made = {"ExecutionRoleArn": abroad.role, "PrimaryContainer": {"Image": "practice:1"}}
    abroad.sagemaker("eu-west-1", abroad.account).create_model(ModelName="churn", **made)
    model(world, "churn")
    where = ("Model", "churn", "-n", namespace)
    # the controllers' role in that account is not for people
    assert world.acksm("adopt", *where).error_id == "adopt-account-unreachable"
    reached = (*where, "--target-profile", abroad.profile)
    assert world.acksm("adopt", *reached, "--object-region", "us-west-2").error_id == "adopt-not-in-aws"
    run = world.acksm("adopt", *reached, "-o", "json").ok()
    (row,) = run.data["result"]["objects"]
    assert (row["state"], row["account"], row["region"]) == ("adopted", abroad.account, "eu-west-1")
    assert row["arn"] == f"arn:aws:sagemaker:eu-west-1:{abroad.account}:model/churn"
    # the model of the same name here is another one
    world.acksm("adopt", "Model", "churn", "-n", "default", "--as", f"churn-{world.count}").ok()


def test_a_scope_that_does_not_cover_the_namespace_and_a_gate_that_is_off(abroad: Abroad) -> None:
    world = abroad.world
    namespace, other = abroad.namespace("team"), abroad.namespace("other")
    scope = ("--service", "sagemaker", "--scope", "namespace", "--watch-namespace", namespace)
    world.install(*scope, "--set", "featureGates.ResourceAdoption=false")
    model(world, "churn")
    assert world.acksm("adopt", "Model", "churn", "-n", other).error_id == "adopt-not-watched"
    assert (
        world.acksm("adopt", "ScalableTarget", TARGET["ResourceId"], "-n", namespace).error_id == "controllers-missing"
    )
    with world.requests() as refused:
        off = world.acksm("adopt", "Model", "churn", "-n", namespace, "-o", "json")
    assert (off.data["error"]["id"], refused.writes) == ("adopt-off", [])
    # its remedy is what puts it right
    assert off.data["error"]["remedy"] == "acksm install --set featureGates.ResourceAdoption=true"
    world.install(*scope, "--set", "featureGates.ResourceAdoption=true")
    world.acksm("adopt", "Model", "churn", "-n", namespace).ok()
