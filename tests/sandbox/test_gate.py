"""The gate in front of moto is as strict as IAM: quotas, resources, conditions, boundaries, roles passed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from acksm.guide.identity import policies
from acksm.sandbox import authorization, permissions
from gate import ACCOUNT, REGION, Gate, refused

ROLE = f"arn:aws:iam::{ACCOUNT}:role/controllers"
EXECUTION, OTHER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("execution", "powerful"))
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
WHOLE = policies.Least({"sagemaker": (), "applicationautoscaling": ()}, (EXECUTION,))
LEAST = policies.choose(["least"], "aws", ACCOUNT, WHOLE).inline[policies.LEAST]


def statement(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [found]}


def long(length: int) -> str:
    """A policy of that many characters, white space not counted."""
    bare = json.dumps(statement("s3:GetObject", resource="arn:aws:s3:::"))
    padded = "arn:aws:s3:::" + "x" * (length - len("".join(bare.split())))
    return json.dumps(statement("s3:GetObject", resource=padded), indent=4)


def with_deny(**deny: Any) -> dict[str, Any]:
    """Everything is allowed but what a Deny has."""
    found = statement("*")
    return {**found, "Statement": [*found["Statement"], {"Effect": "Deny", "Resource": "*", **deny}]}


def iam_of(gate: Gate) -> Any:
    return gate.boto.client("iam", endpoint_url=gate.endpoint)


def test_iams_quotas_hold_to_the_character(gate: Gate) -> None:
    iam = iam_of(gate)
    too_long = json.dumps({**TRUST, "Id": "x" * 2_048})
    code, text = refused(lambda: iam.create_role(RoleName="r", AssumeRolePolicyDocument=too_long))
    assert (code, text) == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert refused(lambda: iam.update_assume_role_policy(RoleName="r", PolicyDocument=too_long))[0] == code
    filler = 2_048 - len("".join(json.dumps({**TRUST, "Id": ""}).split()))
    fits = json.dumps({**TRUST, "Id": "x" * filler}, indent=8)
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=fits)

    iam.put_role_policy(RoleName="r", PolicyName="one", PolicyDocument=long(10_000))
    assert refused(lambda: iam.put_role_policy(RoleName="r", PolicyName="two", PolicyDocument=long(241)))[0] == code
    iam.put_role_policy(RoleName="r", PolicyName="two", PolicyDocument=long(240))
    iam.put_role_policy(RoleName="r", PolicyName="one", PolicyDocument=long(10_000))  # in its own place

    assert refused(lambda: iam.create_policy(PolicyName="p", PolicyDocument=long(6_145)))[0] == code
    arns = [iam.create_policy(PolicyName=f"p{n}", PolicyDocument=long(100))["Policy"]["Arn"] for n in range(11)]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert refused(lambda: iam.attach_role_policy(RoleName="r", PolicyArn=arns[10]))[0] == code


def controllers(gate: Gate, document: Any, boundary: str = "", attached: str = "") -> Callable[[str], Any]:
    """Clients of a role with that inline policy."""
    iam = iam_of(gate)
    more = {"PermissionsBoundary": boundary} if boundary else {}
    iam.create_role(RoleName="controllers", AssumeRolePolicyDocument=json.dumps(TRUST), **more)
    if document:
        iam.put_role_policy(RoleName="controllers", PolicyName="p", PolicyDocument=json.dumps(document))
    if attached:
        iam.attach_role_policy(RoleName="controllers", PolicyArn=attached)
    sts = gate.boto.client("sts", endpoint_url=gate.endpoint)
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    session: Any = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    return lambda service: session.client(service, endpoint_url=gate.endpoint)


def model(name: str, role: str) -> dict[str, Any]:
    return {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"Image": "x"}}


def test_least_passes_on_its_role_and_no_other(gate: Gate) -> None:
    sagemaker = controllers(gate, LEAST)("sagemaker")
    sagemaker.create_model(**model("m", EXECUTION))
    code, text = refused(lambda: sagemaker.create_model(**model("n", OTHER)))
    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {OTHER} because no identity-based policy allows the iam:PassRole" in text
    variant = {"VariantName": "all", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    assert refused(sagemaker.list_models)[0] == "AccessDeniedException"  # controllers list nothing


def test_core_passes_on_every_role_and_leaves_studio_out(gate: Gate) -> None:
    sagemaker = controllers(gate, None, attached=policies.core_arn("aws"))("sagemaker")
    sagemaker.create_model(**model("m", OTHER))
    sagemaker.list_models()
    domain = {"DomainName": "d", "AuthMode": "IAM", "SubnetIds": ["s"], "VpcId": "v"}
    code, text = refused(lambda: sagemaker.create_domain(**domain, DefaultUserSettings={"ExecutionRole": OTHER}))
    assert (code, "sagemaker:CreateDomain on resource" in text) == ("AccessDeniedException", True)


@pytest.mark.parametrize(
    ("document", "lacking"),
    [
        (statement("sagemaker:*", resource=f"arn:aws:sagemaker:*:{ACCOUNT}:endpoint/*"), "sagemaker:CreateModel"),
        (statement("sagemaker:*"), "iam:PassRole"),
        (
            statement("*", Condition={"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}),
            "sagemaker:CreateModel",  # the key is not in a request that passes no role on
        ),
        (with_deny(Action="iam:PassRole"), "iam:PassRole"),
        (  # what the gate does not know, a Deny has
            with_deny(NotAction="iam:*", Condition={"NumericLessThan": {"aws:PrincipalAccount": "1"}}),
            "sagemaker:CreateModel",
        ),
    ],
)
def test_what_a_policy_lacks_is_named(gate: Gate, document: Any, lacking: str) -> None:
    sagemaker = controllers(gate, document)("sagemaker")
    code, text = refused(lambda: sagemaker.create_model(**model("m", OTHER)))
    assert (code, f"perform: {lacking} on" in text) == ("AccessDeniedException", True)


def test_what_a_boundary_does_not_allow_is_not_allowed(gate: Gate) -> None:
    arn = iam_of(gate).create_policy(PolicyName="boundary", PolicyDocument=json.dumps(statement("sagemaker:Describe*")))
    sagemaker = controllers(gate, statement("*"), boundary=arn["Policy"]["Arn"])("sagemaker")
    assert refused(lambda: sagemaker.create_model(**model("m", OTHER)))[0] == "AccessDeniedException"
    assert refused(lambda: sagemaker.describe_model(ModelName="m"))[0] == "ValidationException"


def test_the_simulation_takes_context_and_names_what_it_lacks(gate: Gate) -> None:
    controllers(gate, LEAST)
    iam = gate.session().iam
    context = {policies.PASSED_TO: policies.SAGEMAKER}
    assert iam.simulated(ROLE, "iam:PassRole", EXECUTION, context) is True
    assert iam.simulated(ROLE, "iam:PassRole", OTHER, context) is False
    assert iam.simulated(ROLE, "iam:PassRole", EXECUTION, {policies.PASSED_TO: "glue.amazonaws.com"}) is False
    assert iam.simulated(ROLE, "iam:PassRole", EXECUTION) is None


def test_every_role_that_a_request_names_is_found_however_deep() -> None:
    body = {
        "RoleArn": "arn:aws:iam::1:role/a",
        "MonitoringScheduleConfig": {"MonitoringJobDefinition": {"RoleArn": "arn:aws:iam::1:role/b"}},
        "DefaultUserSettings": {"ExecutionRole": "arn:aws:iam::1:role/c"},
        "Tags": [{"Key": "RoleArn", "Value": "arn:aws:iam::1:role/not"}],
        "SnsTopicArn": "arn:aws:sns:::x",
    }
    found = authorization.needs("sagemaker", "CreateDomain", json.dumps(body).encode(), REGION, ACCOUNT)
    passed = [need.resource for need in found if need.action == "iam:PassRole"]
    assert passed == [f"arn:aws:iam::1:role/{name}" for name in "abc"]
    assert [need.action for need in found if need.action != "iam:PassRole"] == [
        "sagemaker:CreateDomain",
        "sagemaker:AddTags",
    ]


def test_policy_variables_and_missing_keys_are_never_kind() -> None:
    allow = statement("a:b", resource="arn:x/${aws:PrincipalAccount}")
    assert permissions.decide([allow], "a:b", "arn:x/1", {"aws:PrincipalAccount": "1"}) == permissions.ALLOWED
    assert permissions.decide([allow], "a:b", "arn:x/1") == permissions.NOT_ALLOWED
    bound = statement("a:b", Condition={"StringEquals": {"aws:PrincipalOrgID": "v"}})
    assert permissions.decide([bound], "a:b", "arn:x") == permissions.NOT_ALLOWED
    assert permissions.missing([bound], "a:b", "arn:x", {}) == ["aws:PrincipalOrgID"]
