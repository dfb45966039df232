"""Plans of roles under IAM as it answers: policies of one ARN, SCPs, boundaries and long names, on the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest

from acksm.ack.names import SERVICES
from acksm.aws.account import Aws
from acksm.aws.eks import Cluster
from acksm.engine.change import Plan
from acksm.errors import AcksmError
from acksm.guide.cleanup import observation
from acksm.guide.connect import rights
from acksm.guide.identity import iam_role, oidc, policies, role_names
from acksm.settings import RoleSettings
from gate import ACCOUNT, CLUSTER, REGION, Gate, apply_plan

LONG = "platform-engineering-nonprod-us-west-2-blue-01"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ack-controller-role-practice"


def caller(gate: Gate, *statements: Mapping[str, Any]) -> Aws:
    """A session of a user with exactly these statements."""
    iam = gate.boto.client("iam", endpoint_url=gate.endpoint)
    iam.create_user(UserName="deployer")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
    iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    aws = gate.session()
    aws.session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    return aws


def plan(aws: Aws, cluster: Cluster = CLUSTER, **options: Any) -> Plan:
    accounts, kinds = [("ack-system", "ack-sagemaker-controller")], dict.fromkeys(SERVICES, ())
    want = iam_role.desired(
        aws.identity(), cluster, RoleSettings(**options), accounts, oidc.provider_arn(cluster), kinds=kinds
    )
    return Plan("iam-role", tuple(iam_role.plan(iam_role.observe(aws, want.name), want)))


def checked(aws: Aws, planned: Plan) -> list[str]:
    return rights.check_iam(aws.iam, aws.identity().arn, planned.changes)


def test_a_policy_that_names_the_service_linked_role_by_its_arn_suffices(gate: Gate) -> None:
    """AWS advises to scope iam:CreateServiceLinkedRole; cloud-custodian#4612 has what comes of simulating on "*"."""
    me = f"arn:aws:iam::{ACCOUNT}:user/deployer"
    own = {"Action": ["iam:*Role*", "iam:SimulatePrincipalPolicy"], "Resource": [ROLE, me]}
    linked = policies.linked_arn("aws", ACCOUNT)
    aws = caller(gate, own, {"Action": ["iam:CreateServiceLinkedRole", "iam:GetRole"], "Resource": linked})
    first = plan(aws)
    assert "iam-role.service-linked" in [change.id for change in first.changes]
    assert checked(aws, first) == []
    apply_plan(aws, first)
    assert plan(aws).changes == ()


def test_without_that_statement_the_action_is_named_before_the_first_write(gate: Gate) -> None:
    me = f"arn:aws:iam::{ACCOUNT}:user/deployer"
    aws = caller(gate, {"Action": ["iam:*Role*", "iam:SimulatePrincipalPolicy"], "Resource": [ROLE, me]})
    with pytest.raises(AcksmError) as caught:
        checked(aws, plan(aws))
    assert caught.value.details["actions"] == ["iam:CreateServiceLinkedRole"]
    assert caught.value.where == policies.linked_arn("aws", ACCOUNT)


def test_an_scp_that_the_simulation_does_not_understand_is_a_note(gate: Gate) -> None:
    """amazon-ecs-exec-checker#70: the simulation denies an administrator everything, and the calls work."""
    condition = {"StringNotEquals": {"aws:RequestedRegion": REGION}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    gate.cloud.scps[ACCOUNT] = [{"Version": "2012-10-17", "Statement": [allow, deny]}]
    aws = gate.session()
    planned = plan(aws)
    (note,) = checked(aws, planned)
    assert note.startswith("not checked: ")
    assert "iam:CreateRole" in note
    assert "service control policy" in note
    # IAM's requests are signed for us-east-1: a real policy exempts global services
    deny["Condition"] = {"StringNotEquals": {"aws:RequestedRegion": [REGION, "us-east-1"]}}
    apply_plan(aws, planned)
    assert plan(aws).changes == ()


def test_a_caller_who_may_not_simulate_gets_a_note(gate: Gate) -> None:
    aws = caller(gate, {"Action": "iam:*Role*", "Resource": "*"})
    planned = plan(aws)
    (note,) = checked(aws, planned)
    assert note.endswith("(iam:SimulatePrincipalPolicy is not allowed)")
    apply_plan(aws, planned)


def test_a_cluster_with_a_long_name_has_a_role_that_is_found_again(gate: Gate) -> None:
    """kops#4729: IAM refuses the name, where EKS allows the cluster's."""
    aws = gate.session()
    one, two = (
        replace(CLUSTER, name=name, arn=CLUSTER.arn.replace("practice", name)) for name in (LONG, f"{LONG[:-1]}2")
    )
    for cluster in (one, two):
        apply_plan(aws, plan(aws, cluster))
        assert plan(aws, cluster).changes == ()
        found = observation.observe_role(aws, role_names.of_controllers(cluster.name, RoleSettings()))
        assert found.owned(cluster.arn)
    apply_plan(aws, plan(aws, one, role_name="ack"))
    assert plan(aws, one, role_name="ack").changes == ()
