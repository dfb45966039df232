"""What is to be adopted, as people say it: kinds, names, ARNs, declarations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack.kinds import KINDS
from acksm.declared import DeclaredAdoption
from acksm.errors import AcksmError
from acksm.guide.adopt import requested
from acksm.guide.adopt.requested import ALL, Refusals

A = "012345678901"
MODEL = KINDS["sagemaker"]["Model"]
ARN = f"arn:aws:sagemaker:us-west-2:{A}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Endpoint", "Endpoint"),
        ("endpoint", "Endpoint"),
        ("endpoints", "Endpoint"),
        ("models.sagemaker.services.k8s.aws", "Model"),
        ("ScalingPolicies.applicationautoscaling", "ScalingPolicy"),
    ],
)
def test_a_kind_by_its_name_or_plural(text: str, expected: str) -> None:
    assert requested.find_kind(text).name == expected


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("Modle", "Model"),
        ("ep", "Endpoint"),
        ("epc", "EndpointConfig"),
        ("nb", "NotebookInstance"),
        ("train", "TrainingJob"),
        ("trainingjob.s3", "TrainingJob"),
        ("hpo", "HyperParameterTuningJob"),
        ("sp", "ScalingPolicy"),
    ],
)
def test_the_nearest_kind_is_named(text: str, near: str) -> None:
    with pytest.raises(AcksmError) as caught:
        requested.find_kind(text)
    assert caught.value.id in {"kind-unknown", "adopt-wrong-group"}
    assert near in caught.value.message


def test_the_group_of_the_other_service_is_wrong() -> None:
    with pytest.raises(AcksmError) as caught:
        requested.find_kind("ScalableTarget.sagemaker.services.k8s.aws")
    assert caught.value.id == "adopt-wrong-group"


@given(st.text(max_size=20))
def test_any_text_as_a_kind_is_one_or_an_error(text: str) -> None:
    try:
        kind = requested.find_kind(text)
    except AcksmError as caught:
        failure = caught.id
    else:
        assert kind in ALL
        return
    assert failure in {"kind-unknown", "adopt-wrong-group"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("sagemaker:us-west-2:{}:endpoint/churn", "Endpoint"),
        ("sagemaker:us-west-2:{}:endpoint-config/churn", "EndpointConfig"),
        ("sagemaker:us-west-2:{}:model-package/group/3", "ModelPackage"),
        ("sagemaker:us-west-2:{}:pipeline/p", "Pipeline"),
        ("sagemaker:us-west-2:{}:pipeline/p/execution/abc", "PipelineExecution"),
        ("sagemaker:us-west-2:{}:app/d-1/alice/JupyterServer/default", "App"),
        ("application-autoscaling:us-west-2:{}:scalable-target/0ec5", "ScalableTarget"),
        (
            "autoscaling:us-west-2:{}:scalingPolicy:u:resource/sagemaker/endpoint/e/variant/v:policyName/p",
            "ScalingPolicy",
        ),
    ],
)
def test_an_arn_tells_its_kind(path: str, kind: str) -> None:
    text = f"arn:aws:{path.format(A)}"
    found = requested.kind_of(requested.parse_arn(text))
    assert found.name == kind
    assert requested.request(found, text).arn


@pytest.mark.parametrize(
    ("kind", "text", "fields", "id"),
    [
        ("Model", f"{ARN}:endpoint/churn", {}, "adopt-arn"),
        ("Model", "arn:aws:s3:::bucket", {}, "adopt-arn"),
        ("Model", f"{ARN}:cluster/x", {}, "adopt-arn"),
        ("UserProfile", "alice", {}, "adopt-key"),
        ("Model", "", {}, "adopt-key"),
        ("Model", "a/b", {}, "adopt-key"),
        ("ScalingPolicy", "", {"policyName": "p"}, "adopt-key"),
        ("Model", "", {"modelname": "x"}, "adopt-field"),
        ("ModelPackage", "", {"modelPackageName": "x"}, "adopt-field"),
    ],
)
def test_what_names_nothing(kind: str, text: str, fields: dict[str, str], id: str) -> None:
    with pytest.raises(AcksmError) as caught:
        requested.request(requested.find_kind(kind), text, fields)
    assert caught.value.id == id


def test_fields_complete_a_name() -> None:
    policy = KINDS["applicationautoscaling"]["ScalingPolicy"]
    found = requested.request(policy, "table/orders/p", {"serviceNamespace": "dynamodb"})
    assert found.keys == ({"serviceNamespace": "dynamodb", "resourceID": "table/orders", "policyName": "p"},)
    app = KINDS["sagemaker"]["App"]
    both = requested.request(app, "d-1/x/JupyterLab/default").keys
    assert [sorted(key) for key in both] == [
        ["appName", "appType", "domainID", "userProfileName"],
        ["appName", "appType", "domainID", "spaceName"],
    ]


def declared(**more: Any) -> DeclaredAdoption:
    return DeclaredAdoption.model_validate(more)


def test_declarations_and_the_keys_of_an_adopted_resource() -> None:
    group = "applicationautoscaling.services.k8s.aws"
    item = declared(
        kind="ScalableTarget",
        name="endpoint/e/variant/v",
        fields={"serviceNamespace": "sagemaker", "scalableDimension": "d"},
        group=group,
    )
    found = requested.of_declared(item, "team", "f")
    assert (found.namespace, found.keys[0]["resourceID"]) == ("team", "endpoint/e/variant/v")
    user = declared(
        kind="UserProfile", name="alice", fields={"domainID": "d-1"}, group="sagemaker.services.k8s.aws", namespace="x"
    )
    assert requested.of_declared(user, "team", "f").keys == ({"userProfileName": "alice", "domainID": "d-1"},)
    with pytest.raises(AcksmError) as caught:
        requested.of_declared(declared(kind="Bucket", name="b", group="s3.services.k8s.aws"), "team", "f")
    assert caught.value.id == "adopt-wrong-group"
    arn = requested.of_declared(declared(name=f"{ARN}:model/m"), "team", "f")
    assert arn.kind is MODEL


def test_an_adopted_resource_in_another_group_is_told_as_that() -> None:
    for group in ("sagemaker.services.k8s.aws", "applicationautoscaling.services.k8s.aws", "example.com"):
        with pytest.raises(AcksmError) as caught:
            requested.of_declared(declared(kind="AdoptedResource", name="a", group=group), "team", "f")
        assert caught.value.id == "adopt-wrong-group"
        assert f"AdoptedResource is in group services.k8s.aws, not {group}" in caught.value.message


def test_a_policy_by_its_name_beside_its_resource() -> None:
    key = {"resourceID": "endpoint/e/variant/v", "scalableDimension": "d", "serviceNamespace": "sagemaker"}
    group = "applicationautoscaling.services.k8s.aws"
    found = requested.of_declared(declared(kind="ScalingPolicy", name="p", fields=key, group=group), "team", "f")
    assert found.keys == ({**key, "policyName": "p"},)
    rest = {name: value for name, value in key.items() if name != "resourceID"} | {"policyName": "p"}
    item = declared(kind="ScalingPolicy", name=key["resourceID"], fields=rest, group=group)
    assert requested.of_declared(item, "team", "f").keys == found.keys


def test_adopt_or_create_is_named_by_its_spec() -> None:
    item = declared(kind="Model", policy="adopt-or-create", spec={"modelName": "Churn", "x": 1}, group=MODEL.group)
    found = requested.of_declared(item, "team", "f")
    assert (found.keys, found.creates, found.spec) == (({"modelName": "Churn"},), True, item.spec)
    for more, expected in (
        ({"spec": {}}, "adopt-field"),
        ({"spec": {"x": 1}}, "adopt-key"),
        ({"fields": {"modelName": "other"}}, "adopt-field"),
    ):
        with pytest.raises(AcksmError) as caught:
            requested.of_declared(item.model_copy(update=more), "team", "f")
        assert caught.value.id == expected


def test_many_errors_are_told_at_once_and_with_their_places() -> None:
    refusals = Refusals(locate=lambda text: text.upper())
    refusals.errors += [AcksmError("adopt-key", f"no {name}", where=name) for name in "abc"]
    with pytest.raises(AcksmError) as caught:
        refusals.check()
    assert caught.value.id == "adopt-key"
    assert caught.value.where == "A"
    assert "2 more" in caught.value.message
    assert len(caught.value.details["diff"]) == 3
