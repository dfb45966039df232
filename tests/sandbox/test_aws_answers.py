"""What the sandbox's SageMaker and Application Auto Scaling answer, by AWS's own models and references: a controller
takes a member that is missing for a change, and a filter that is ignored for another resource."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from moto.sagemaker.models import SageMakerModelBackend

import practice_specs
from gate import REGION, Gate, refused

PLACE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/kinds/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 60.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}
# Members that moto would forget, besides those of the specs
MORE: dict[str, dict[str, Any]] = {
    "FeatureGroup": {"OnlineStoreConfig": {"EnableOnlineStore": True}, "Description": "practice"},
    "ProcessingJob": {"NetworkConfig": {"EnableNetworkIsolation": False}, "Environment": {"A": "b"}},
    "TrainingJob": {"RetryStrategy": {"MaximumRetryAttempts": 2}, "EnableManagedSpotTraining": False},
    "TransformJob": {"MaxPayloadInMB": 6, "BatchStrategy": "MultiRecord"},
}
SAGEMAKER = [kind for kind in practice_specs.KINDS if not kind.startswith("Scal")]
NOT_ANSWERED = {"ClientRequestToken", "ClientToken", "Tags"}


def parameters(client: Any, call: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec of a kind as the members of the call, whose names differ in capitals only."""

    def members(value: Any, shape: Any) -> Any:
        if shape.type_name == "structure":
            names = {re.sub("[^a-z0-9]", "", name.lower()): name for name in shape.members}
            found = {names[re.sub("[^a-z0-9]", "", name.lower())]: item for name, item in value.items()}
            return {name: members(item, shape.members[name]) for name, item in found.items()}
        return [members(item, shape.member) for item in value] if shape.type_name == "list" else value

    made: dict[str, Any] = members(spec, client.meta.service_model.operation_model(call).input_shape)
    return made


def create(client: Any, kind: str, name: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """Create one; its parameters, and the answer's members."""
    given = parameters(client, f"Create{kind}", practice_specs.KINDS[kind]) | MORE.get(kind, {})
    if name:
        key = next(key for key in given if key.endswith("Name"))
        given[key] = name
        given |= {"PipelineDisplayName": name} if kind == "Pipeline" else {}
    return given, client._make_api_call(f"Create{kind}", given)


def describe(client: Any, kind: str, given: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    (member,) = client.meta.service_model.operation_model(f"Describe{kind}").input_shape.required_members
    arn = next(value for name, value in answer.items() if name.endswith("Arn"))
    key = {"DomainId": arn.rpartition("/")[2], "ModelPackageName": arn}.get(member) or given[member]
    found: dict[str, Any] = client._make_api_call(f"Describe{kind}", {member: key})
    return found


def lacking(given: Any, answer: Any, path: str = "") -> Iterator[str]:
    """What the request had and the answer has not."""
    if isinstance(given, dict) and isinstance(answer, dict):
        for name, value in given.items():
            yield from lacking(value, answer[name], f"{path}.{name}") if name in answer else [f"{path}.{name}"]
    elif isinstance(given, list) and isinstance(answer, list) and len(given) == len(answer):
        for one, other in zip(given, answer, strict=True):
            yield from lacking(one, other, f"{path}[]")
    elif given != answer:
        yield path


@pytest.fixture
def sagemaker(gate: Gate) -> Any:
    client = gate.boto.client("sagemaker", endpoint_url=gate.endpoint)
    s3, location = gate.boto.client("s3", endpoint_url=gate.endpoint), {"LocationConstraint": REGION}
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # buckets outlive a test
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=location)
    client.create_model(ModelName="kinds-m", ExecutionRoleArn=practice_specs.ROLE)
    variant = {"VariantName": "v", "ModelName": "kinds-m", "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    client.create_endpoint_config(EndpointConfigName="kinds", ProductionVariants=[variant])
    return client


@pytest.fixture
def scaling(gate: Gate) -> Any:
    client = gate.boto.client("application-autoscaling", endpoint_url=gate.endpoint)
    client.register_scalable_target(**PLACE, MinCapacity=1, MaxCapacity=3)
    return client


def test_each_kind_is_described_with_all_that_it_was_created_with(sagemaker: Any) -> None:
    for kind in SAGEMAKER:
        given, answer = create(sagemaker, kind)
        found = describe(sagemaker, kind, given, answer)
        expected = {name: value for name, value in given.items() if name not in NOT_ANSWERED}
        assert [*lacking(expected, found, kind)] == []
        required = sagemaker.meta.service_model.operation_model(f"Describe{kind}").output_shape.required_members
        # a page's successor, which is required by the model only
        assert set(required) - {"NextToken"} <= set(found), kind


def test_tags_that_aws_does_not_allow_are_refused(sagemaker: Any) -> None:
    """A placeholder that a controller does not fill in (docs/ack/versions.md#tags)."""
    group = {"ModelPackageGroupName": "tagged"}
    tags = [{"Key": "a", "Value": "%UTCNOW%"}]
    told = refused(lambda: sagemaker.create_model_package_group(**group, Tags=tags))
    assert told[0] == "ValidationException"
    assert "Value '%UTCNOW%' at 'tags.1.member.value' failed to satisfy constraint" in told[1]
    sagemaker.create_model_package_group(**group, Tags=[{"Key": "a/b", "Value": "x y_.:/=+-@"}])


def test_what_an_update_changed_is_described(sagemaker: Any) -> None:
    given, answer = create(sagemaker, "NotebookInstance")
    sagemaker.stop_notebook_instance(NotebookInstanceName="n")
    sagemaker.update_notebook_instance(NotebookInstanceName="n", DefaultCodeRepository="mine", VolumeSizeInGB=9)
    found = describe(sagemaker, "NotebookInstance", given, answer)
    assert (found["DefaultCodeRepository"], found["VolumeSizeInGB"]) == ("mine", 9)
    sagemaker.delete_notebook_instance(NotebookInstanceName="n")
    again = describe(sagemaker, "NotebookInstance", *create(sagemaker, "NotebookInstance"))
    assert "DefaultCodeRepository" not in again


def test_lists_have_pages_and_filters(sagemaker: Any) -> None:
    """Of ten where the request names no size; a caller that reads the first page only misses the rest."""
    for number in range(12):
        sagemaker.create_model(ModelName=f"m{number}", ExecutionRoleArn=practice_specs.ROLE)
    first = sagemaker.list_models()
    assert len(first["Models"]) == 10
    rest = sagemaker.list_models(NextToken=first["NextToken"])
    assert (len(rest["Models"]), "NextToken" in rest) == (3, False)
    assert refused(lambda: sagemaker.list_models(NextToken="of-another-service"))[0] == "ValidationException"
    names = {model["ModelName"] for page in (first, rest) for model in page["Models"]}
    assert names == {"kinds-m", *(f"m{number}" for number in range(12))}
    for kind in SAGEMAKER:
        call = f"List{kind}s"
        shape = sagemaker.meta.service_model.operation_model(call)
        member = next(name for name, item in shape.output_shape.members.items() if item.type_name == "list")
        filters = set(shape.input_shape.members)
        for name in ("one", "two", "three"):
            create(sagemaker, kind, name)
        more = {"ModelPackageType": "Both"} if kind == "ModelPackage" else {}
        page = sagemaker._make_api_call(call, {"MaxResults": 2, **more})
        last = sagemaker._make_api_call(call, {"MaxResults": 2, "NextToken": page["NextToken"], **more})
        assert ([len(page[member]), len(last[member])], "NextToken" in last) == ([2, 1], False), kind
        required = shape.output_shape.members[member].member.required_members
        assert all(set(required) <= set(item) for item in page[member]), kind
        for name, value, count in (
            ("NameContains", "TW", 1),
            ("CreationTimeAfter", "2100-01-01", 0),
            ("CreationTimeBefore", "2100-01-01", 3),
            ("LastModifiedTimeAfter", "2100-01-01", 0),
            ("StatusEquals", "Failed", 0),
        ):
            if name in filters:
                assert len(sagemaker._make_api_call(call, {name: value, **more})[member]) == count, (kind, name)


def test_a_policy_is_found_by_its_name_and_keeps_its_arn(scaling: Any) -> None:
    tracked = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": TRACKING}
    arns = {
        name: scaling.put_scaling_policy(PolicyName=name, **PLACE, **tracked)["PolicyARN"] for name in ("one", "two")
    }
    for name, arn in arns.items():
        (found,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=[name])[
            "ScalingPolicies"
        ]
        assert found["PolicyARN"] == arn
        assert scaling.put_scaling_policy(PolicyName=name, **PLACE, **tracked)["PolicyARN"] == arn
    none = scaling.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["three"])
    assert (none["ScalingPolicies"], "NextToken" in none) == ([], False)
    scaling.deregister_scalable_target(**PLACE)  # which deletes its policies
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    for call in (
        lambda: scaling.put_scaling_policy(PolicyName="one", **PLACE, **tracked),
        lambda: scaling.delete_scaling_policy(PolicyName="one", **PLACE),
        lambda: scaling.deregister_scalable_target(**PLACE),
    ):
        assert refused(call)[0] == "ObjectNotFoundException"


def test_many_targets_come_in_pages(scaling: Any) -> None:
    for number in range(55):
        place = {**PLACE, "ResourceId": f"endpoint/e{number}/variant/v"}
        scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    pages = scaling.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="sagemaker")
    found = [item["ResourceId"] for page in pages for item in page["ScalableTargets"]]
    assert (len(found), len(set(found))) == (56, 56)
    wanted = ["endpoint/e1/variant/v", "endpoint/e2/variant/v"]
    named = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=wanted)
    assert [item["ResourceId"] for item in named["ScalableTargets"]] == wanted


def test_a_fault_of_moto_is_not_an_absent_object(sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(SageMakerModelBackend, "describe_training_job", failing)
    code, message = refused(lambda: sagemaker.describe_training_job(TrainingJobName="any"))
    assert (code, "changed size" in message) == ("InternalFailure", True)
