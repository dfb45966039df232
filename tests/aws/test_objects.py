"""Objects of the controllers' kinds as AWS tells of them, against botocore's own models; and the table they follow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from hypothesis import given, strategies as st

from acksm.ack.kinds import API, KINDS, Kind
from acksm.aws import objects
from acksm.aws.account import Aws
from acksm.errors import AcksmError

SAGEMAKER, AUTOSCALING = KINDS["sagemaker"], KINDS["applicationautoscaling"]
ALL = [kind for kinds in KINDS.values() for kind in kinds.values()]
BASE = "arn:aws:sagemaker:us-west-2:012345678901"
AT = "2026-01-02T03:04:05Z"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/churn/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "MinCapacity": 1,
    "MaxCapacity": 2,
    "RoleARN": "arn:aws:iam::012345678901:role/r",
    "CreationTime": AT,
    "ScalableTargetARN": "arn:aws:application-autoscaling:us-west-2:012345678901:scalable-target/1",
}
TARGET_KEY = {
    "resourceID": "endpoint/churn/variant/v",
    "serviceNamespace": "sagemaker",
    "scalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        yield Aws(region="us-west-2")


@cache
def service_model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_the_table_names_calls_and_members_that_the_api_has(kind: Kind) -> None:
    model = service_model(API[kind.service])
    described = model.operation_model(kind.describe_call).output_shape.members
    answer = described[kind.lists].member.members if kind.lists else described
    assert kind.arn_answer in answer
    listed = model.operation_model(kind.list_call)
    lists = [shape for shape in listed.output_shape.members.values() if shape.type_name == "list"]
    assert len(lists) == 1
    members = {name.lower() for name in lists[0].member.members}
    called = dict(kind.summary)
    desired = ["arn" if kind.by_arn else name for name in kind.key]
    for name in desired:
        member = kind.arn_answer if name == "arn" else called.get(name, name)
        assert member.lower() in members, (name, members)
    assert {name for name, _ in kind.list_with} <= set(listed.input_shape.members)
    needed = set(listed.input_shape.required_members) - {name for name, _ in kind.list_with}
    assert bool(needed) == bool(kind.parent)


def test_one_is_described_and_told_by_its_key(aws: Aws) -> None:
    model = {"ModelName": "Churn", "ModelArn": f"{BASE}:model/churn", "CreationTime": AT}
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_response("describe_model", model, {"ModelName": "churn"})
        found = objects.describe(aws, SAGEMAKER["Model"], {"modelName": "churn"})
    assert found
    # as AWS writes it: case is kept there and does not count when it is asked for
    assert (found.key, found.arn, found.region) == ({"modelName": "Churn"}, f"{BASE}:model/churn", "us-west-2")


def test_a_region_of_ones_own_is_another_client(aws: Aws) -> None:
    with Stubber(aws.client("sagemaker", "eu-west-1")) as stub:
        stub.add_client_error("describe_model", "ValidationException", "Could not find model", 400)
        assert objects.describe(aws, SAGEMAKER["Model"], {"modelName": "m"}, "eu-west-1") is None


@pytest.mark.parametrize(
    ("code", "message", "id"),
    [
        ("ValidationException", "1 validation error detected: name too long", "aws-failed"),
        ("AccessDeniedException", "User: arn:aws:iam::1:user/a is not authorized", "aws-access-denied"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_absence(aws: Aws, code: str, message: str, id: str) -> None:
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_client_error("describe_endpoint", code, message, 400)
        with pytest.raises(AcksmError) as caught:
            objects.describe(aws, SAGEMAKER["Endpoint"], {"endpointName": "e"})
    assert caught.value.id == id


def test_a_scalable_target_is_found_among_others(aws: Aws) -> None:
    other = {**TARGET, "ResourceId": "endpoint/churn/variant/other"}
    with Stubber(aws.client("application-autoscaling")) as stub:
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": ["endpoint/churn/variant/v"]}
        for _ in range(2):
            stub.add_response("describe_scalable_targets", {"ScalableTargets": [other, TARGET]}, asked)
        key = {"resourceID": "endpoint/churn/variant/v", "serviceNamespace": "sagemaker"}
        found = objects.describe(aws, AUTOSCALING["ScalableTarget"], key)
        stub.add_response("describe_scalable_targets", {"ScalableTargets": [other]}, asked)
        assert found
        assert (found.key, found.arn) == (TARGET_KEY, TARGET["ScalableTargetARN"])
        assert objects.describe(aws, AUTOSCALING["ScalableTarget"], key)
        assert objects.describe(aws, AUTOSCALING["ScalableTarget"], key) is None


def test_a_model_package_is_found_by_its_arn(aws: Aws) -> None:
    arn = f"{BASE}:model-package/group/3"
    status: dict[str, Any] = {"ValidationStatuses": []}
    answer = {
        "ModelPackageName": "group",
        "ModelPackageArn": arn,
        "CreationTime": AT,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": status,
    }
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_response("describe_model_package", answer, {"ModelPackageName": arn})
        found = objects.describe(aws, SAGEMAKER["ModelPackage"], {"arn": arn})
    assert found
    assert (found.key, found.state) == ({"arn": arn}, "Completed")


def test_an_app_that_was_deleted_is_gone(aws: Aws) -> None:
    app = {"DomainId": "d-1", "AppType": "JupyterServer", "AppName": "default", "Status": "Deleted"}
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_response("describe_app", app)
        stub.add_response("list_apps", {"Apps": [app, {**app, "Status": "InService", "UserProfileName": "u"}]})
        key = {"domainID": "d-1", "appType": "JupyterServer", "appName": "default", "userProfileName": "u"}
        assert objects.describe(aws, SAGEMAKER["App"], key) is None
        assert [item.key for item in objects.list_all(aws, SAGEMAKER["App"])] == [key]


def test_all_of_a_kind_come_page_by_page(aws: Aws) -> None:
    def page(*names: str, token: str = "") -> dict[str, object]:
        found = [{"ModelName": name, "ModelArn": f"{BASE}:model/{name}", "CreationTime": AT} for name in names]
        return {"Models": found, **({"NextToken": token} if token else {})}

    with Stubber(aws.client("sagemaker")) as stub:
        most = {"MaxResults": 100}  # by default a page has 10
        stub.add_response("list_models", page("a", "b", token="t"), most)
        stub.add_response("list_models", page("c"), {**most, "NextToken": "t"})
        assert [item.key["modelName"] for item in objects.list_all(aws, SAGEMAKER["Model"])] == ["a", "b", "c"]


def test_executions_are_listed_pipeline_by_pipeline(aws: Aws) -> None:
    arn = f"{BASE}:pipeline/p/execution/abc"
    with Stubber(aws.client("sagemaker")) as stub:
        pipeline = {"PipelineName": "p", "PipelineArn": f"{BASE}:pipeline/p"}
        stub.add_response("list_pipelines", {"PipelineSummaries": [pipeline]})
        executions = {"PipelineExecutionSummaries": [{"PipelineExecutionArn": arn}]}
        stub.add_response("list_pipeline_executions", executions, {"PipelineName": "p", "MaxResults": 100})
        found = objects.list_all(aws, SAGEMAKER["PipelineExecution"])
    assert [item.key for item in found] == [{"arn": arn}]


def test_job_definitions_are_listed_under_another_name(aws: Aws) -> None:
    arn = f"{BASE}:data-quality-job-definition/dq"
    summary = {
        "MonitoringJobDefinitionName": "dq",
        "MonitoringJobDefinitionArn": arn,
        "CreationTime": AT,
        "EndpointName": "e",
    }
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_response("list_data_quality_job_definitions", {"JobDefinitionSummaries": [summary]})
        found = objects.list_all(aws, SAGEMAKER["DataQualityJobDefinition"])
    assert [(item.key, item.arn) for item in found] == [({"jobDefinitionName": "dq"}, arn)]


def test_tags_of_both_services(aws: Aws) -> None:
    model = objects.Found(SAGEMAKER["Model"], {"modelName": "m"}, f"{BASE}:model/m", "us-west-2")
    target = objects.Found(AUTOSCALING["ScalableTarget"], TARGET_KEY, str(TARGET["ScalableTargetARN"]), "us-west-2")
    with Stubber(aws.client("sagemaker")) as stub:
        stub.add_response(
            "list_tags", {"Tags": [{"Key": "a", "Value": "1"}], "NextToken": "t"}, {"ResourceArn": model.arn}
        )
        stub.add_response(
            "list_tags", {"Tags": [{"Key": "b", "Value": "2"}]}, {"ResourceArn": model.arn, "NextToken": "t"}
        )
        assert objects.tags(aws, model) == {"a": "1", "b": "2"}
    with Stubber(aws.client("application-autoscaling")) as stub:
        stub.add_response("list_tags_for_resource", {"Tags": {"c": "3"}}, {"ResourceARN": target.arn})
        assert objects.tags(aws, target) == {"c": "3"}


@pytest.mark.parametrize(
    ("kind", "text", "keys"),
    [
        ("Model", "churn", [{"modelName": "churn"}]),
        ("ModelPackage", "group/3", [{"modelPackageName": "group/3"}]),
        ("UserProfile", "d-1/alice", [{"domainID": "d-1", "userProfileName": "alice"}]),
        ("UserProfile", "alice", []),
        ("PipelineExecution", "p/execution/abc", [{"pipelineName": "p", "executionID": "abc"}]),
        ("ScalableTarget", "endpoint/e/variant/v", [{"resourceID": "endpoint/e/variant/v"}]),
        ("ScalingPolicy", "endpoint/e/variant/v/p", [{"resourceID": "endpoint/e/variant/v", "policyName": "p"}]),
    ],
)
def test_how_people_write_objects(kind: str, text: str, keys: list[dict[str, str]]) -> None:
    assert (SAGEMAKER | AUTOSCALING)[kind].read(text) == keys


@given(st.sampled_from(ALL), st.data())
def test_what_is_written_is_read_again(kind: Kind, data: st.DataObject) -> None:
    import re

    names = re.findall(r"{(\w+)}", kind.ways[0])
    key = {name: data.draw(st.from_regex(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,9}[a-z])?", fullmatch=True)) for name in names}
    assert key in kind.read(kind.write(key))
