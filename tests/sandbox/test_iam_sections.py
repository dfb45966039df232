"""`acksm oidc` and `acksm iam-role` against moto's IAM."""

from __future__ import annotations

import json

import pytest

from acksm.sandbox.state import REGION
from world import World


def provider(world: World) -> dict[str, object]:
    (found,) = world.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    answer: dict[str, object] = world.aws("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=found["Arn"])
    return answer | {"arn": found["Arn"]}


def test_the_provider_is_made_once_and_its_arn_is_the_only_thing_on_stdout(world: World) -> None:
    first = world.acksm("oidc").ok()
    found = provider(world)
    assert first.stdout.strip() == found["arn"]
    assert found["ClientIDList"] == ["sts.amazonaws.com"]
    assert {"Key": "acksm:owned", "Value": "true"} in found["Tags"]  # type: ignore[operator]
    with world.requests() as again:
        second = world.acksm("oidc").ok()
    assert again.writes == []
    assert second.stdout == first.stdout
    assert "up to date" in second.stderr


def test_oidc_alone_needs_neither_registry_nor_helm(world: World) -> None:
    world.acksm("oidc", env={"ACKSM_REGISTRY": "127.0.0.1:1/x", "ACKSM_HELM": "no-such-helm"}).ok()


def test_a_missing_audience_is_added_and_asked_about(world: World) -> None:
    world.acksm("oidc").ok()
    arn = str(provider(world)["arn"])
    world.aws("iam").remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com"
    )
    world.aws("iam").add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="theirs")
    assert world.acksm("oidc").error_id == "needs-confirmation"
    world.acksm("oidc", "-y").ok()
    assert sorted(provider(world)["ClientIDList"]) == ["sts.amazonaws.com", "theirs"]  # type: ignore[call-overload]


def test_the_quota_lists_providers_whose_cluster_is_gone(world: World) -> None:
    stale = "https://oidc.eks.us-west-2.amazonaws.com/id/" + "F" * 32
    world.aws("iam").create_open_id_connect_provider(Url=stale, ClientIDList=["x"])
    world.fault("iam:CreateOpenIDConnectProvider", 409, "LimitExceeded", "Cannot exceed quota: 100")
    run = world.acksm("oidc")
    assert (run.error_id, run.exit_code) == ("aws-oidc-quota", 4)
    assert stale.removeprefix("https://") in run.stderr


def test_the_role_is_made_and_printed_as_text_and_as_json(world: World) -> None:
    run = world.acksm("iam-role").ok()
    role = world.role()
    assert run.stdout.strip() == role["Arn"]
    assert world.acksm("iam-role", "-o", "json").ok().data["result"]["role_arn"] == role["Arn"]
    attached = world.aws("iam").list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    assert [item["PolicyName"] for item in attached] == ["AmazonSageMakerFullAccess"]


def test_path_boundary_tags_and_policies_by_option(world: World) -> None:
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    options = (
        "--role-path",
        "/ml/",
        "--permissions-boundary",
        boundary,
        "--tag",
        "team=ml",
        "--policy",
        "core",
        "--policy",
        "studio",
        "--role-name",
        "ack",
    )
    world.acksm("iam-role", *options).ok()
    iam = world.aws("iam")
    role = iam.get_role(RoleName="ack")["Role"]
    assert role["Path"] == "/ml/"
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert {"Key": "team", "Value": "ml"} in role["Tags"]
    studio = iam.get_role_policy(RoleName="ack", PolicyName="acksm-studio")["PolicyDocument"]
    assert "sagemaker:CreateSpace" in studio["Statement"][0]["Action"]
    with world.requests() as again:
        world.acksm("iam-role", *options).ok()
    assert again.writes == []


@pytest.mark.crds
def test_what_the_owner_added_stays(world: World) -> None:
    world.install("--service", "sagemaker")
    iam, name = world.aws("iam"), world.role()["RoleName"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    trust = world.role()["AssumeRolePolicyDocument"]
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust["Statement"].append(theirs)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    with world.requests() as again:
        world.install("--service", "sagemaker")
    assert again.writes == []
    world.install()
    assert theirs in world.role()["AssumeRolePolicyDocument"]["Statement"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert "ReadOnlyAccess" in [item["PolicyName"] for item in attached]


def test_the_trust_of_an_earlier_cluster_of_that_name_is_replaced(world: World) -> None:
    """kubeflow-manifests#743"""
    world.acksm("iam-role").ok()
    iam, name = world.aws("iam"), world.role()["RoleName"]
    old = json.dumps(world.role()["AssumeRolePolicyDocument"])
    issuer = world.state.clusters[world.cluster].issuer.rpartition("/")[2]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=old.replace(issuer, "E" * 32))
    assert world.acksm("iam-role").error_id == "needs-confirmation"
    world.acksm("iam-role", "-y").ok()
    assert json.dumps(world.role()["AssumeRolePolicyDocument"]) == old


def test_whoever_gets_a_former_namespace_does_not_become_the_controllers(world: World) -> None:
    """A mistyped -n: the trust of acksm's own role goes back to what releases have, after a question."""
    world.acksm("iam-role", "-n", "team-a").ok()
    with world.requests() as asked:
        run = world.acksm("iam-role")
        assert run.error_id == "needs-confirmation"
        assert "no longer trusts system:serviceaccount:team-a:" in run.stderr
    assert asked.writes == []
    world.acksm("iam-role", "-y").ok()
    assert "team-a" not in json.dumps(world.role()["AssumeRolePolicyDocument"])
    assert "up to date" in world.acksm("iam-role").ok().stderr


def test_service_control_policies_are_a_note_or_named_by_the_denied_call(world: World) -> None:
    """openshift/installer#4048: IAM's simulation evaluates no conditions of an SCP, the call does."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": [REGION, "us-east-1"]}}
    world.scps(everything, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": elsewhere})
    run = world.acksm("iam-role", "-y", "-o", "json").ok()
    (note,) = [note for note in run.data["notes"] if note.startswith("not checked:")]
    assert "iam:CreateRole" in note
    assert "service control policy" in note
    with world.requests() as again:
        assert "not checked" not in world.acksm("iam-role").ok().stderr
    assert again.writes == []
    world.scps(everything, {"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*"})
    denied = world.acksm("iam-role", "-y", "--role-name", "another")
    assert (denied.error_id, denied.exit_code) == ("aws-access-denied", 3)
    assert "not allowed to perform iam:CreateRole" in denied.stderr
    assert "organization" in denied.stderr
