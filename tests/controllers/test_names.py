"""Names and values between spec and API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from acksm.sandbox.controllers.standin import names

# Held against the CRDs of sagemaker 1.9.1 and applicationautoscaling 1.4.1
PAIRS = {
    "RoleArn": "roleARN",
    "ModelDataUrl": "modelDataURL",
    "S3Uri": "s3URI",
    "DestinationS3Uri": "destinationS3URI",
    "KmsKeyId": "kmsKeyID",
    "VolumeKmsKeyId": "volumeKMSKeyID",
    "S3KmsKeyId": "s3KMSKeyID",
    "VpcConfig": "vpcConfig",
    "SecurityGroupIds": "securityGroupIDs",
    "EFSFileSystemConfig": "efsFileSystemConfig",
    "HomeEfsFileSystemKmsKeyId": "homeEFSFileSystemKMSKeyID",
    "DefaultEbsVolumeSizeInGb": "defaultEBSVolumeSizeInGb",
    "VolumeSizeInGB": "volumeSizeInGB",
    "RStudioConnectUrl": "rStudioConnectURL",
    "HumanTaskUiArn": "humanTaskUIARN",
    "LifecycleConfigArns": "lifecycleConfigARNs",
    "Ec2CapacityReservationId": "ec2CapacityReservationID",
    "TransformAmiVersion": "transformAMIVersion",
    "NumberOfCpuCoresRequired": "numberOfCPUCoresRequired",
    "SnsTopicArn": "snsTopicARN",
    "PrimaryContainer": "primaryContainer",
    "SupportedResponseMIMETypes": "supportedResponseMIMETypes",
    "ScalableTargetARN": "scalableTargetARN",
}


@pytest.mark.parametrize(("member", "name"), PAIRS.items())
def test_words_that_ack_capitalises(member: str, name: str) -> None:
    assert names.field_name(member) == name
    assert names.letters(name) == member.lower()


def _shape(operation: str, service: str = "sagemaker", *, output: bool = False) -> Any:
    import botocore.session

    found = botocore.session.Session().get_service_model(service).operation_model(operation)
    return found.output_shape if output else found.input_shape


def test_a_spec_becomes_parameters_and_comes_back() -> None:
    spec = {
        "modelName": "m",
        "executionRoleARN": "arn",
        "primaryContainer": {"modelDataURL": "s3://b", "environment": {"roleARN": "kept as it is"}},
        "vpcConfig": {"securityGroupIDs": ["sg"], "subnets": ["s"]},
        "tags": [{"key": "k", "value": "v"}],
        "somethingNew": 1,
        "containers": None,
    }
    sent = names.to_api(spec, _shape("CreateModel"))
    assert sent == {
        "ModelName": "m",
        "ExecutionRoleArn": "arn",
        "PrimaryContainer": {"ModelDataUrl": "s3://b", "Environment": {"roleARN": "kept as it is"}},
        "VpcConfig": {"SecurityGroupIds": ["sg"], "Subnets": ["s"]},
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    back = names.to_fields(sent, _shape("CreateModel"))
    assert back == {
        key: spec[key] for key in ("modelName", "executionRoleARN", "primaryContainer", "vpcConfig", "tags")
    }


def test_a_type_inside_a_structure_has_an_underscore() -> None:
    shape = _shape("CreateHyperParameterTuningJob")
    sent = {"HyperParameterTuningJobConfig": {"HyperParameterTuningJobObjective": {"Type": "Minimize"}}}
    there = names.to_fields(sent, shape)
    assert there["hyperParameterTuningJobConfig"]["hyperParameterTuningJobObjective"] == {"type_": "Minimize"}
    assert names.to_api(there, shape) == sent


def test_times_are_rfc_3339_and_numbers_of_their_type() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    told = names.to_fields({"CreationTime": moment}, _shape("DescribeModel", output=True))
    assert told == {"creationTime": "2026-01-02T03:04:05Z"}
    shape = _shape("PutScalingPolicy", "application-autoscaling")
    spec = {"targetTrackingScalingPolicyConfiguration": {"targetValue": 60, "scaleInCooldown": 3.0}}
    sent = names.to_api(spec, shape)["TargetTrackingScalingPolicyConfiguration"]
    assert (type(sent["TargetValue"]), type(sent["ScaleInCooldown"])) == (float, int)


@pytest.mark.parametrize(
    ("desired", "observed", "differ"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, False),
        ({"a": {"b": [1]}}, {"a": {"b": [1], "c": 3}}, False),
        ({"a": None, "b": {}, "c": []}, {}, False),
        ({"a": 2}, {"a": 1}, True),
        ({"a": [1, 2]}, {"a": [1]}, True),
        ({"a": {"b": 1}}, {}, True),
        ({"a": False}, {}, True),
    ],
)
def test_only_what_the_spec_says_can_differ(desired: Any, observed: Any, differ: bool) -> None:
    assert names.differs(desired, observed) is differ
