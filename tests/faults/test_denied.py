"""AccessDenied for each action that any command may need: one error that names the action, whatever asks for it.

What a command does with that error (nothing half-told, the same command goes on from there) is in test_aws.py and
tests/sandbox/test_caller_policies.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from acksm.ack.kind import Kind
from acksm.ack.kinds import API, KINDS
from acksm.aws import objects
from acksm.aws.account import Aws
from acksm.aws.ecr import Ecr, registry_of
from acksm.aws.eks import Eks
from acksm.aws.iam_calls import Quotas
from acksm.aws.pod_identity import AGENT
from acksm.errors import AcksmError
from acksm.guide.carm import trust
from acksm.guide.doctor import caller_policies
from acksm.guide.mirror import command as mirror
from gate import ACCOUNT, CLUSTER, Gate

ROLE = "ack-controller-role-practice"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com"
POLICY = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
OF_EKS = f"arn:aws:iam::{ACCOUNT}:role/of-eks"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
TRUST = trust.merge_trust(None, [f"arn:aws:iam::{ACCOUNT}:root"], False, trust.SID)
ALLOW: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
# Asked with another action, and not sent by itself: tags of what is made, and roles that EKS is given.
WITH_ANOTHER = {"iam:TagOpenIDConnectProvider", "ecr:TagResource", "eks:TagResource", "iam:PassRole"}
# Asked of the registry by its own protocol, and denied there: tests/sandbox/test_registries.py.
OF_THE_REGISTRY = {*mirror.PUSH, "ecr:GetDownloadUrlForLayer", "ecr:ListImages"}
# The right of HeadBucket, which the gate has by its own name: without it nothing is known of the bucket.
OF_S3 = {"s3:ListBucket"}
# Commands do their work without an answer to these.
DONE_WITHOUT = {"iam:SimulatePrincipalPolicy", "iam:GetAccountSummary"}
CALLS: dict[str, Callable[[Aws], object]] = {
    "eks:DescribeCluster": lambda aws: aws.eks.describe_cluster(CLUSTER.name),
    "eks:ListClusters": lambda aws: Eks(aws).names(),
    "eks:ListFargateProfiles": lambda aws: aws.eks.fargate_profiles(CLUSTER.name),
    "eks:DescribeFargateProfile": lambda aws: aws.eks.fargate_profiles(CLUSTER.name),
    "eks:ListNodegroups": lambda aws: aws.eks.node_groups(CLUSTER.name),
    "eks:DescribeNodegroup": lambda aws: aws.eks.node_groups(CLUSTER.name),
    "eks:ListPodIdentityAssociations": lambda aws: aws.eks.pod_identity_users(CLUSTER.name, OTHER),
    "eks:DescribePodIdentityAssociation": lambda aws: aws.eks.pod_identity_users(CLUSTER.name, OTHER),
    "eks:CreatePodIdentityAssociation": lambda aws: aws.eks.create_association(CLUSTER.name, "y", "y", OF_EKS, {}),
    "eks:UpdatePodIdentityAssociation": lambda aws: aws.eks.update_association(CLUSTER.name, _association(aws), OF_EKS),
    "eks:DeletePodIdentityAssociation": lambda aws: aws.eks.delete_association(CLUSTER.name, _association(aws)),
    "eks:DescribeAddon": lambda aws: aws.eks.addon(CLUSTER.name, AGENT),
    "eks:CreateAddon": lambda aws: aws.eks.create_addon(CLUSTER.name, AGENT, {}),
    "eks:DeleteAddon": lambda aws: aws.eks.delete_addon(CLUSTER.name, AGENT),
    "eks:DescribeCapability": lambda aws: aws.eks.ack_capabilities(CLUSTER.name),
    "eks:UpdateCapability": lambda aws: aws.eks.disable_services(CLUSTER.name, "ack", ["s3"]),
    "eks:ListCapabilities": lambda aws: aws.eks.ack_capabilities(CLUSTER.name),
    "iam:GetOpenIDConnectProvider": lambda aws: aws.iam.get_oidc_provider(PROVIDER),
    "iam:ListOpenIDConnectProviders": lambda aws: aws.iam.list_oidc_providers(),
    "iam:CreateOpenIDConnectProvider": lambda aws: aws.iam.create_oidc_provider("https://two.example.com", ["a"], {}),
    "iam:AddClientIDToOpenIDConnectProvider": lambda aws: aws.iam.add_client_id(PROVIDER, "sts.amazonaws.com"),
    "iam:DeleteOpenIDConnectProvider": lambda aws: aws.iam.delete_oidc_provider(PROVIDER),
    "iam:GetRole": lambda aws: aws.iam.get_role(ROLE),
    "iam:GetAccountSummary": lambda aws: aws.iam.quotas(),
    "iam:ListRoles": lambda aws: aws.iam.trusts(),
    "iam:ListRolePolicies": lambda aws: aws.iam.get_role(ROLE),
    "iam:GetRolePolicy": lambda aws: aws.iam.get_role(ROLE),
    "iam:ListAttachedRolePolicies": lambda aws: aws.iam.get_role(ROLE),
    "iam:ListInstanceProfilesForRole": lambda aws: aws.iam.instance_profiles(ROLE),
    "iam:SimulatePrincipalPolicy": lambda aws: aws.iam.decisions(OTHER, {"*": ["iam:GetRole"]}),
    "iam:CreateRole": lambda aws: aws.iam.create_role("other", "/", TRUST, {}),
    "iam:UpdateAssumeRolePolicy": lambda aws: aws.iam.update_trust(ROLE, TRUST),
    "iam:TagRole": lambda aws: aws.iam.tag_role(ROLE, {"a": "b"}),
    "iam:PutRolePermissionsBoundary": lambda aws: aws.iam.put_boundary(ROLE, POLICY),
    "iam:AttachRolePolicy": lambda aws: aws.iam.attach_policy(ROLE, POLICY),
    "iam:PutRolePolicy": lambda aws: aws.iam.put_policy(ROLE, "two", ALLOW),
    "iam:DetachRolePolicy": lambda aws: aws.iam.detach_policy(ROLE, POLICY),
    "iam:DeleteRolePolicy": lambda aws: aws.iam.delete_policy(ROLE, "one"),
    "iam:DeleteRole": lambda aws: aws.iam.delete_role(ROLE),
    "iam:CreateServiceLinkedRole": lambda aws: aws.iam.create_service_linked_role("sagemaker.amazonaws.com"),
    "sts:AssumeRole": lambda aws: aws.assume(OTHER),
    "ecr:GetAuthorizationToken": lambda aws: _ecr(aws).login(),
    "ecr:DescribeRepositories": lambda aws: _ecr(aws).missing(["acks/chart"]),
    "ecr:CreateRepository": lambda aws: _ecr(aws).create_repository("acks/chart", {}),
}


def _association(aws: Aws) -> str:
    return str(
        aws.client("eks").list_pod_identity_associations(clusterName=CLUSTER.name)["associations"][0]["associationId"]
    )


def _ecr(aws: Aws) -> Ecr:
    registry = registry_of(f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com")
    assert registry is not None
    return Ecr(aws, registry)


def _looked(kind: Kind) -> Callable[[Aws], object]:
    key = {"arn": f"arn:aws:sagemaker:us-west-2:{ACCOUNT}:x/x"} if kind.by_arn else dict.fromkeys(kind.key, "x")
    return lambda aws: objects.describe(aws, kind, key)


def _listed(kind: Kind) -> Callable[[Aws], object]:
    return lambda aws: objects.list_all(aws, kind)


def _tagged(kind: Kind) -> Callable[[Aws], object]:
    return lambda aws: objects.tags(aws, objects.Found(kind, {}, f"arn:aws:x:us-west-2:{ACCOUNT}:x", "us-west-2"))


for _kinds in KINDS.values():
    for _kind in _kinds.values():
        CALLS[f"{API[_kind.service]}:{_kind.describe_call}"] = _looked(_kind)
        CALLS[f"{API[_kind.service]}:{_kind.list_call}"] = _listed(_kind)
CALLS["sagemaker:ListTags"] = _tagged(KINDS["sagemaker"]["Model"])
CALLS["application-autoscaling:ListTagsForResource"] = _tagged(KINDS["applicationautoscaling"]["ScalableTarget"])


def test_every_action_of_every_printed_policy_is_tried() -> None:
    needed = {action for grants in caller_policies.ALL.values() for grant in grants for action in grant.actions}
    assert needed - WITH_ANOTHER - OF_THE_REGISTRY - OF_S3 == set(CALLS)


@pytest.fixture(scope="module")
def _made(_gate: Gate) -> Gate:
    """What a call needs that asks for something within something else. Whatever is denied leaves it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _gate.reset().items():
            patch.setenv(name, value)
        _make(_gate)
    return _gate


@pytest.fixture
def there(_made: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    for name, value in _made.calm().items():
        monkeypatch.setenv(name, value)
    _made.pass_time(monkeypatch)
    return _made


def _make(gate: Gate) -> None:
    gate.cluster("https://127.0.0.1:1")
    aws = gate.session()
    aws.iam.create_oidc_provider("https://example.com", ["a"], {})
    aws.iam.create_role(ROLE, "/", TRUST, {})
    aws.iam.put_policy(ROLE, "one", ALLOW)
    aws.client("eks").create_fargate_profile(
        fargateProfileName="p", clusterName=CLUSTER.name, podExecutionRoleArn=OTHER, selectors=[{"namespace": "x"}]
    )
    aws.client("eks").create_nodegroup(
        nodegroupName="g", clusterName=CLUSTER.name, nodeRole=OTHER, subnets=["subnet-1"]
    )
    services = {"Service": ["pods.eks.amazonaws.com", "capabilities.eks.amazonaws.com"]}
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": services, "Action": "sts:AssumeRole"}]}
    aws.iam.create_role("of-eks", "/", trust, {})
    aws.client("eks").create_pod_identity_association(
        clusterName=CLUSTER.name, namespace="x", serviceAccount="x", roleArn=f"arn:aws:iam::{ACCOUNT}:role/of-eks"
    )
    aws.client("eks").create_capability(
        clusterName=CLUSTER.name,
        capabilityName="ack",
        type="ACK",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/of-eks",
        deletePropagationPolicy="RETAIN",
    )
    aws.client("sagemaker").create_pipeline(
        PipelineName="p", PipelineDefinition="{}", ClientRequestToken="x" * 32, RoleArn=OTHER
    )


@pytest.mark.parametrize("action", sorted(set(CALLS) - DONE_WITHOUT))
def test_the_error_names_the_action(there: Gate, action: str) -> None:
    there.fault(action, status=403, code="AccessDenied", message=f"User: x is not authorized to perform: {action}")
    with pytest.raises(AcksmError) as caught:
        CALLS[action](there.session())
    assert (caught.value.id, caught.value.exit_code) == ("aws-access-denied", 3)
    assert action in caught.value.remedy
    assert there.clock.slept == []


@pytest.mark.parametrize("action", sorted(DONE_WITHOUT))
def test_or_nothing_is_told_where_the_work_can_be_done_without(there: Gate, action: str) -> None:
    there.fault(action, status=403, code="AccessDenied")
    unknown = {("iam:GetRole", "*"): (None, "iam:SimulatePrincipalPolicy is not allowed")}
    assert CALLS[action](there.session()) in (unknown, Quotas())  # nothing, or IAM's default
