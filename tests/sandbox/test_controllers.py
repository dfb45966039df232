"""What controllers do, seen on the objects: the same scenarios for the stand-in, and for real controllers where
ACKSM_CONTROLLER_BIN names them (SERVICE=PATH, comma-separated). Facts: docs/ack/.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import PROGRAMS, Lab
from practice_specs import KINDS
from world import World

A_REGION, OTHER_REGION = "us-west-2", "eu-west-1"
ANNOTATION = "services.k8s.aws/"
_LABS: dict[str, Lab] = {}
pytestmark = pytest.mark.crds


@pytest.fixture(params=PROGRAMS)
def lab(request: pytest.FixtureRequest, _own_cluster: World, tmp_path: Path) -> Iterator[Lab]:
    """Controllers of 1.9.1 and 1.4.1 in cluster scope; installed anew only when another test emptied the cluster."""
    program: str = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        known = _LABS.get(program)
        if known is None or known.installed != _own_cluster.count:
            known = _LABS[program] = Lab(_own_cluster, program)
            for name, value in _own_cluster.reset(crds=True).items():
                patch.setenv(name, value)
            known.install("--policy", "core", "--policy", "studio", "--policy", "autoscaling")  # for every kind
            known.installed = _own_cluster.count
        for name, value in _own_cluster.variables.items():
            patch.setenv(name, value)
        yield known


def test_an_object_lands_in_the_region_of_its_namespace(lab: Lab) -> None:
    namespace = lab.namespace(default_region=OTHER_REGION)
    lab.model(namespace, "regional")
    found = lab.synced("Model", namespace, "regional")
    assert found["status"]["ackResourceMetadata"] == {
        "arn": f"arn:aws:sagemaker:{OTHER_REGION}:{lab.world.account}:model/regional",
        "ownerAccountID": lab.world.account,
        "region": OTHER_REGION,
        "partition": "aws",
    }
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Model"]
    lab.until(  # late initialisation
        lambda: (lab.get("Model", namespace, "regional") or {})["spec"].get("enableNetworkIsolation") is False
    )
    assert lab.has("Model", "regional", region=OTHER_REGION)
    assert not lab.has("Model", "regional")


def test_an_objects_own_region_wins_and_cannot_be_changed_later(lab: Lab) -> None:
    namespace = lab.namespace(default_region=OTHER_REGION)
    lab.model(namespace, "moved", {f"{ANNOTATION}region": "us-east-1"})
    lab.synced("Model", namespace, "moved")
    assert lab.has("Model", "moved", region="us-east-1")
    lab.kube.merge(
        lab.path("Model", namespace, "moved"),
        {
            "metadata": {"annotations": {f"{ANNOTATION}region": A_REGION}},
            "spec": {"tags": [{"key": "a", "value": "b"}]},
        },
    )
    lab.logged("Resource already exists in region us-east-1, but the desired state specifies region")
    assert not lab.has("Model", "moved")


def test_a_region_annotation_on_a_namespace_is_ignored(lab: Lab) -> None:
    namespace = lab.namespace(region=OTHER_REGION)
    lab.model(namespace, "at-home")
    assert lab.synced("Model", namespace, "at-home")["status"]["ackResourceMetadata"]["region"] == A_REGION


def test_every_link_of_the_way_into_another_account(lab: Lab) -> None:
    role = lab.trusted_role()
    lab.may_assume(f"arn:aws:iam::{lab.other}:role/another")
    namespace = lab.namespace(owner_account_id=lab.other)
    lab.map({})
    lab.model(namespace, "abroad")
    waiting = lab.condition("Model", namespace, "abroad", "ACK.ResourceSynced", "False", "IAM Role is not available")
    assert "key not found in CARM configmap" in str(waiting["status"]["conditions"])
    assert not waiting["metadata"].get("finalizers")
    lab.map({lab.other: role})
    denied = f"is not authorized to perform: sts:AssumeRole on resource: {role}"
    lab.condition("Model", namespace, "abroad", "ACK.Recoverable", "True", denied)
    lab.may_assume(role)
    found = lab.synced("Model", namespace, "abroad")
    assert found["status"]["ackResourceMetadata"]["ownerAccountID"] == lab.other
    assert lab.has("Model", "abroad", account=lab.other)
    assert not lab.has("Model", "abroad")
    lab.delete("Model", namespace, "abroad")
    assert not lab.has("Model", "abroad", account=lab.other)


def test_a_role_that_does_not_trust_the_controller_is_told(lab: Lab) -> None:
    role = lab.trusted_role(name="Distrustful")
    lab.aws("iam", lab.other).update_assume_role_policy(
        RoleName="Distrustful",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        '"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}]}',
    )
    lab.may_assume(role)
    lab.map({lab.other: role})
    namespace = lab.namespace(owner_account_id=lab.other)
    lab.model(namespace, "distrusted")
    lab.condition("Model", namespace, "distrusted", "ACK.Recoverable", "True", "AccessDenied")


def test_an_account_that_changes_under_an_object_only_reaches_the_log(lab: Lab) -> None:
    role = lab.trusted_role()
    lab.may_assume(role)
    lab.map({lab.other: role})
    namespace = lab.namespace()
    lab.model(namespace, "stays")
    lab.synced("Model", namespace, "stays")
    annotation = {"metadata": {"annotations": {f"{ANNOTATION}owner-account-id": lab.other}}}
    lab.kube.merge(f"/api/v1/namespaces/{namespace}", annotation)
    lab.until(lambda: _nudge(lab, namespace, "stays") and f"already exists in account {lab.world.account}" in lab.log())
    assert not lab.has("Model", "stays", account=lab.other)


def _nudge(lab: Lab, namespace: str, name: str) -> bool:
    """A change of the spec: annotations alone are not looked at."""
    lab.count += 1
    tags = [{"key": "n", "value": str(lab.count)}]
    lab.kube.merge(lab.path("Model", namespace, name), {"spec": {"tags": tags}})
    return True


def test_what_exists_is_not_taken_over_without_adoption(lab: Lab) -> None:
    _made(lab, "foreign")
    namespace = lab.space
    lab.model(namespace, "foreign")
    found = lab.condition("Model", namespace, "foreign", "ACK.Terminal", "True", "Resource already exists")
    assert "not managed by ACK" in str(found["status"]["conditions"])
    assert not found["metadata"].get("finalizers")
    lab.delete("Model", namespace, "foreign")
    assert lab.has("Model", "foreign")


def _made(lab: Lab, name: str, **more: object) -> None:
    """A model that somebody made in AWS."""
    lab.aws("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::012345678901:role/execution",
        PrimaryContainer={"Image": "practice:1", "ModelDataUrl": "s3://bucket/model.tar.gz"},
    )


def _adoption(**fields: str) -> dict[str, str]:
    import json

    return {f"{ANNOTATION}adoption-policy": "adopt", f"{ANNOTATION}adoption-fields": json.dumps(fields)}


def test_adoption_fills_the_spec_and_a_retained_object_survives_its_deletion(lab: Lab) -> None:
    _made(lab, "adopted")
    namespace = lab.space
    annotations = _adoption(modelName="adopted") | {f"{ANNOTATION}deletion-policy": "retain"}
    lab.create("Model", namespace, "mine", None, annotations)
    found = lab.synced("Model", namespace, "mine")
    assert found["spec"]["primaryContainer"] == {"image": "practice:1", "modelDataURL": "s3://bucket/model.tar.gz"}
    assert found["metadata"]["annotations"][f"{ANNOTATION}adopted"] == "true"
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Model"]
    assert found["status"]["ackResourceMetadata"]["arn"].endswith(":model/adopted")
    lab.delete("Model", namespace, "mine")
    assert lab.has("Model", "adopted")
    assert "AWS resource will not be deleted - deletion policy set to retain" in lab.log()


def test_adoption_of_what_is_not_there_only_reaches_the_log(lab: Lab) -> None:
    namespace = lab.space
    lab.create("Model", namespace, "nobody", None, _adoption(modelName="nobody"))
    lab.logged("adopted resource not found")
    found = lab.get("Model", namespace, "nobody") or {}
    assert not found.get("status")
    assert not found["metadata"].get("finalizers")


def test_adoption_fields_that_lack_one_are_terminal(lab: Lab) -> None:
    namespace = lab.space
    lab.create("Model", namespace, "lacking", None, _adoption(name="x"))
    lab.condition("Model", namespace, "lacking", "ACK.Terminal", "True", "required field missing: modelName")


def test_an_unknown_adoption_policy_is_terminal(lab: Lab) -> None:
    namespace = lab.space
    lab.model(namespace, "odd", {f"{ANNOTATION}adoption-policy": "force"})
    lab.condition("Model", namespace, "odd", "ACK.Terminal", "True", "unrecognized adoption policy")


def test_adopt_or_create_does_either(lab: Lab) -> None:
    _made(lab, "either")
    namespace = lab.space
    annotations = {f"{ANNOTATION}adoption-policy": "adopt-or-create"}
    lab.model(namespace, "either", annotations, enableNetworkIsolation=False)
    found = lab.synced("Model", namespace, "either")
    assert found["metadata"]["annotations"][f"{ANNOTATION}adopted"] == "true"
    lab.model(namespace, "or", annotations)
    lab.synced("Model", namespace, "or")
    assert lab.has("Model", "or")


def test_adopt_or_create_takes_a_default_that_the_spec_leaves_out_for_a_change(lab: Lab) -> None:
    _made(lab, "lacking-a-default")
    namespace = lab.space
    lab.model(namespace, "lacking-a-default", {f"{ANNOTATION}adoption-policy": "adopt-or-create"})
    lab.condition("Model", namespace, "lacking-a-default", "ACK.Terminal", "True", "not implemented")


def test_a_scalable_target_is_adopted_by_its_keys(lab: Lab) -> None:
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/adopted/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    _endpoint(lab, "adopted")
    lab.aws("application-autoscaling").register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    namespace = lab.space
    fields = {
        "serviceNamespace": "sagemaker",
        "resourceID": target["ResourceId"],
        "scalableDimension": target["ScalableDimension"],
    }
    lab.create("ScalableTarget", namespace, "t", None, _adoption(**fields))
    found = lab.synced("ScalableTarget", namespace, "t")
    assert (found["spec"]["minCapacity"], found["spec"]["maxCapacity"]) == (1, 2)


def _endpoint(lab: Lab, name: str) -> None:
    """An endpoint, its configuration and model that somebody made in AWS."""
    client = lab.aws("sagemaker")
    client.create_model(ModelName=f"{name}-m", ExecutionRoleArn="arn:aws:iam::012345678901:role/execution")
    variant = {"VariantName": "v", "ModelName": f"{name}-m", "InitialInstanceCount": 1, "InstanceType": "ml.t2.medium"}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)


def test_a_read_only_object_shows_and_changes_nothing(lab: Lab) -> None:
    _made(lab, "watched")
    namespace = lab.space
    lab.model(namespace, "watched", {f"{ANNOTATION}read-only": "true"})
    found = lab.synced("Model", namespace, "watched")
    assert not found["metadata"].get("finalizers")
    lab.delete("Model", namespace, "watched")
    assert lab.has("Model", "watched")
    lab.model(namespace, "unseen", {f"{ANNOTATION}read-only": "true"})
    lab.logged("read-only resource not found")


def test_deletion_policy_of_the_namespace_counts_for_its_service(lab: Lab) -> None:
    namespace = lab.namespace()
    kept = {"metadata": {"annotations": {"sagemaker.services.k8s.aws/deletion-policy": "retain"}}}
    lab.kube.merge(f"/api/v1/namespaces/{namespace}", kept)
    lab.model(namespace, "kept")
    lab.synced("Model", namespace, "kept")
    lab.delete("Model", namespace, "kept")
    assert lab.has("Model", "kept")
    plain = lab.space
    lab.model(plain, "gone")
    lab.synced("Model", plain, "gone")
    lab.delete("Model", plain, "gone")
    assert not lab.has("Model", "gone")


def test_a_change_that_aws_cannot_do_is_terminal(lab: Lab) -> None:
    namespace = lab.space
    lab.model(namespace, "fixed")
    lab.synced("Model", namespace, "fixed")
    lab.kube.merge(lab.path("Model", namespace, "fixed"), {"spec": {"primaryContainer": {"image": "practice:2"}}})
    lab.condition("Model", namespace, "fixed", "ACK.Terminal", "True", "not implemented")


def test_an_endpoint_follows_its_spec(lab: Lab) -> None:
    _endpoint(lab, "first")
    _endpoint(lab, "second")
    namespace = lab.space
    lab.create("Endpoint", namespace, "e", {"endpointName": "followed", "endpointConfigName": "first"})
    lab.condition("Endpoint", namespace, "e", "ACK.ResourceSynced", "True", "Endpoint is in InService status.")
    lab.kube.merge(lab.path("Endpoint", namespace, "e"), {"spec": {"endpointConfigName": "second"}})
    client = lab.aws("sagemaker")
    lab.until(lambda: client.describe_endpoint(EndpointName="followed")["EndpointConfigName"] == "second")
    lab.delete("Endpoint", namespace, "e")
    assert not lab.has("Endpoint", "followed")


def test_a_running_job_is_stopped_and_a_finished_one_is_let_go(lab: Lab) -> None:
    namespace = lab.space
    lab.create("TrainingJob", namespace, "job", KINDS["TrainingJob"])
    lab.condition("TrainingJob", namespace, "job", "ACK.ResourceSynced", "True", "TrainingJob is in Completed status.")
    _put(lab, "TrainingJob", "t", "InProgress")
    lab.delete("TrainingJob", namespace, "job")
    assert lab.aws("sagemaker").describe_training_job(TrainingJobName="t")["TrainingJobStatus"] == "Stopped"


def _put(lab: Lab, kind: str, name: str, status: str) -> None:
    """Let AWS have an object in a state."""
    from acksm.sandbox import api

    body = {"region": A_REGION, "kind": kind, "name": name, "status": status}
    api.control(lab.world.state, "POST", f"accounts/{lab.world.account}/status", body)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_that_the_cloud_has_is_made_and_goes(lab: Lab, kind: str) -> None:
    if not lab.has("Endpoint", "kinds"):
        _endpoint(lab, "kinds")
    scaling, target = lab.aws("application-autoscaling"), KINDS["ScalableTarget"]
    of_the_endpoint = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/kinds/variant/v",
        "ScalableDimension": target["scalableDimension"],
    }
    scaling.register_scalable_target(**of_the_endpoint, MinCapacity=1, MaxCapacity=3)
    if kind == "ScalableTarget":  # it creates the endpoint's own
        scaling.deregister_scalable_target(**of_the_endpoint)
    namespace = lab.space
    spec = dict(KINDS[kind])
    if kind == "TrainingJob":
        spec["trainingJobName"] = f"t-{lab.program}-kinds"
    lab.create(kind, namespace, "one", spec)
    found = lab.synced(kind, namespace, "one")
    assert found["status"]["ackResourceMetadata"]["arn"].startswith("arn:aws:")
    assert not [
        item for item in found["status"]["conditions"] if item["type"] == "ACK.Terminal" and item["status"] == "True"
    ]
    lab.delete(kind, namespace, "one")


def test_objects_of_two_kinds_find_each_other(lab: Lab) -> None:
    namespace = lab.space
    variant = {"variantName": "v", "modelName": "late", "initialInstanceCount": 1, "instanceType": "ml.t2.medium"}
    lab.create("EndpointConfig", namespace, "c", {"endpointConfigName": "c", "productionVariants": [variant]})
    lab.condition("EndpointConfig", namespace, "c", "ACK.Recoverable", "True", "Could not find model")
    lab.model(namespace, "late")
    lab.synced("EndpointConfig", namespace, "c")


def test_kubectl_logs_and_sandbox_logs_have_what_the_controller_writes(lab: Lab) -> None:
    from acksm.sandbox import api

    assert "starting manager" in lab.log()
    name = lab.pod()["metadata"]["name"]
    assert any(name in line for line in api.logs("tests", "sagemaker"))
    told = next(item for item in api.controllers(lab.world.state) if item["pod"] == name)
    assert told["state"] == "ready"
    assert told["program"] == ("stand-in" if lab.program == "stand-in" else "binary")
    assert ("not the real controller" in told["note"]) == (lab.program == "stand-in")
