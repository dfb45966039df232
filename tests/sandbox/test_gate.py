"""The gate in front of moto is as strict as IAM: quotas, resources, conditions, boundaries, roles passed on."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from acksm.errors import AcksmError
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


def test_moto_gets_one_request_at_a_time(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It iterates over what another thread changes: a list failed, and a controller was told that nothing is there."""
    moto, inside, together = gate.cloud._moto, list[int](), list[int]()

    def slow(environ: Any, begin: Any) -> Any:
        inside.append(1)
        together.append(len(inside))
        time.sleep(0.02)
        try:
            return moto(environ, begin)
        finally:
            inside.pop()

    monkeypatch.setattr(gate.cloud, "_moto", slow)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: iam_of(gate).list_roles(), range(4)))
    assert together == [1, 1, 1, 1]


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


USER = f"arn:aws:iam::{ACCOUNT}:user/practice-admin"
FULL = statement("*")


@pytest.mark.parametrize(
    ("call", "params", "code", "told"),
    [
        (
            "create_role",
            {"RoleName": "x" * 65},
            "ValidationError",
            "'roleName' failed to satisfy constraint: Member must",
        ),
        ("create_role", {"RoleName": "a/b"}, "ValidationError", "regular expression pattern"),
        ("create_role", {"Path": "team"}, "ValidationError", "'path'"),
        ("create_role", {"Description": "x" * 1_001}, "ValidationError", "1000"),
        ("create_role", {"Tags": [{"Key": "k", "Value": "v" * 257}]}, "ValidationError", "'tags.1.member.value'"),
        ("create_role", {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]}, "ValidationError", "50"),
        ("create_role", {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/none"}, "NoSuchEntity", "attachable"),
        ("get_role", {"RoleName": "ack-controller-role-" + "x" * 46}, "ValidationError", "less than or equal to 64"),
    ],
)
def test_names_lengths_and_patterns_are_iams(gate: Gate, call: str, params: Any, code: str, told: str) -> None:
    more = {"AssumeRolePolicyDocument": json.dumps(TRUST)} if call == "create_role" else {}
    given = {"RoleName": "r", **more, **params}
    found, text = refused(lambda: getattr(iam_of(gate), call)(**given))
    assert (found, told in text) == (code, True), text


def test_names_of_roles_differ_in_more_than_case(gate: Gate) -> None:
    iam = iam_of(gate)
    iam.create_role(RoleName="Demo", AssumeRolePolicyDocument=json.dumps(TRUST))
    again = refused(lambda: iam.create_role(RoleName="demo", AssumeRolePolicyDocument=json.dumps(TRUST)))
    assert again[0] == "EntityAlreadyExists"


def test_tags_of_a_role_and_providers_of_an_account_are_counted(gate: Gate) -> None:
    iam = iam_of(gate)
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(50)]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)
    iam.tag_role(RoleName="r", Tags=tags[:1])
    assert refused(lambda: iam.tag_role(RoleName="r", Tags=[{"Key": "one", "Value": "more"}]))[0] == "LimitExceeded"
    for number in range(100):
        iam.create_open_id_connect_provider(Url=f"https://p{number}.example.com", ClientIDList=["a"])
    full = refused(lambda: iam.create_open_id_connect_provider(Url="https://x.example.com", ClientIDList=["a"]))
    assert full[0] == "LimitExceeded"


def caller(gate: Gate, document: Any) -> Callable[[str], Any]:
    """Clients of a user with that policy."""
    iam = iam_of(gate)
    iam.create_user(UserName="caller")
    iam.put_user_policy(UserName="caller", PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    session: Any = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    return lambda service: session.client(service, endpoint_url=gate.endpoint)


@pytest.mark.parametrize(
    ("action", "resource", "call"),
    [
        (
            "iam:CreateOpenIDConnectProvider",
            f"arn:aws:iam::{ACCOUNT}:oidc-provider/one.example.com",
            lambda clients, name: clients("iam").create_open_id_connect_provider(
                Url=f"https://{name}.example.com", ClientIDList=["a"]
            ),
        ),
        (
            "iam:GetUser",
            f"arn:aws:iam::{ACCOUNT}:user/one",
            lambda clients, name: clients("iam").get_user(UserName=name),
        ),
        (
            "iam:GetPolicy",
            f"arn:aws:iam::{ACCOUNT}:policy/one",
            lambda clients, name: clients("iam").get_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/{name}"),
        ),
        (
            "eks:DescribeCluster",
            f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/one",
            lambda clients, name: clients("eks").describe_cluster(name=name),
        ),
        (
            "eks:DeleteCluster",  # a name from botocore's model
            f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/one",
            lambda clients, name: clients("eks").delete_cluster(name=name),
        ),
    ],
)
def test_a_policy_of_one_resource_allows_that_one(gate: Gate, action: str, resource: str, call: Any) -> None:
    clients = caller(gate, statement(action, resource=resource))
    code, text = refused(lambda: call(clients, "two"))
    assert code.startswith("AccessDenied")
    iam, eks = clients("iam"), clients("eks")
    absent = (iam.exceptions.NoSuchEntityException, eks.exceptions.ResourceNotFoundException)  # it was allowed
    assert f"perform: {action} on resource: {resource[:-3]}two" in text or "two.example.com" in text
    with contextlib.suppress(*absent):
        call(clients, "one")


def test_lists_have_no_resource_and_a_policy_of_one_arn_does_not_allow_them(gate: Gate) -> None:
    clients = caller(gate, statement("iam:*", "eks:*", resource=f"arn:aws:iam::{ACCOUNT}:role/*"))
    assert refused(clients("iam").list_open_id_connect_providers)[0] == "AccessDenied"
    assert refused(clients("eks").list_clusters)[0] == "AccessDeniedException"


def test_a_request_without_a_name_is_refused(gate: Gate) -> None:
    eks = gate.boto.client("eks", endpoint_url=gate.endpoint)
    eks.meta.events.register(
        "before-sign.eks.ListClusters", lambda request, **_: setattr(request, "url", request.url + "/a/b/c")
    )
    assert refused(eks.list_clusters)[0] == "UnknownOperationException"


def test_the_simulation_takes_a_star_as_a_text_and_tells_of_every_resource(gate: Gate) -> None:
    caller(gate, statement("iam:CreateServiceLinkedRole", resource=policies.linked_arn("aws", ACCOUNT)))
    iam, who = iam_of(gate), f"arn:aws:iam::{ACCOUNT}:user/caller"
    found = gate.session().iam.decisions(
        who, {arn: ["iam:CreateServiceLinkedRole"] for arn in ("*", policies.linked_arn("aws", ACCOUNT))}
    )
    assert [decision.allowed for decision in found.values()] == [False, True]
    names = [f"iam:Action{number}" for number in range(120)]
    page = iam.simulate_principal_policy(PolicySourceArn=who, ActionNames=names, ResourceArns=[ROLE, EXECUTION])
    assert (len(page["EvaluationResults"]), page["IsTruncated"]) == (100, True)
    assert [row["EvalResourceName"] for row in page["EvaluationResults"][0]["ResourceSpecificResults"]] == [
        ROLE,
        EXECUTION,
    ]
    assert len(gate.session().iam.decisions(who, {ROLE: names})) == 120
    code, _ = refused(
        lambda: iam.simulate_principal_policy(PolicySourceArn=f"{USER}s", ActionNames=names[:1], ResourceArns=[ROLE])
    )
    assert code == "NoSuchEntity"


def test_an_scp_with_a_condition_denies_in_the_simulation_and_not_the_call(gate: Gate) -> None:
    """https://github.com/aws/aws-sdk/issues/102"""
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": [REGION, "us-east-1"]}}
    gate.cloud.scps[ACCOUNT] = [with_deny(Action="iam:*", Condition=elsewhere)]
    row = iam_of(gate).simulate_principal_policy(
        PolicySourceArn=USER, ActionNames=["iam:CreateRole"], ResourceArns=[ROLE]
    )["EvaluationResults"][0]
    assert (row["EvalDecision"], row["OrganizationsDecisionDetail"]) == (
        "implicitDeny",
        {"AllowedByOrganizations": False},
    )
    decision = gate.session().iam.decisions(USER, {ROLE: ["iam:CreateRole"]})["iam:CreateRole", ROLE]
    assert (decision.allowed, "service control policy" in decision.why) == (None, True)
    iam_of(gate).create_role(RoleName="controllers", AssumeRolePolicyDocument=json.dumps(TRUST))


@pytest.mark.parametrize(
    ("scps", "told"),
    [
        ([with_deny(Action="iam:CreateRole")], "with an explicit deny in a service control policy"),
        ([statement("eks:*")], "because no service control policy allows the iam:CreateRole action"),
    ],
)
def test_an_scp_limits_administrators_too_and_a_denial_names_it(gate: Gate, scps: Any, told: str) -> None:
    gate.cloud.scps[ACCOUNT] = scps
    with pytest.raises(AcksmError) as caught:
        gate.session().iam.create_role("controllers", "/", TRUST, {})
    assert (caught.value.id, told in caught.value.message) == ("aws-access-denied", True)
    assert caught.value.details["action"] == "iam:CreateRole"
    assert "organization" in caught.value.remedy


def test_a_boundary_and_a_sessions_policy_are_named_too(gate: Gate) -> None:
    iam = iam_of(gate)
    arn = iam.create_policy(PolicyName="narrow", PolicyDocument=json.dumps(statement("sts:*", "iam:List*")))
    clients = controllers(gate, FULL, boundary=arn["Policy"]["Arn"])
    code, text = refused(lambda: clients("iam").get_role(RoleName="controllers"))
    assert (code, "because no permissions boundary allows the iam:GetRole action" in text) == ("AccessDenied", True)
    decision = gate.session().iam.decisions(ROLE, {ROLE: ["iam:GetRole"]})["iam:GetRole", ROLE]
    assert (decision.allowed, "permissions boundary" in decision.why) == (None, True)
    sts = gate.boto.client("sts", endpoint_url=gate.endpoint)
    limited = sts.assume_role(RoleArn=ROLE, RoleSessionName="me", Policy=json.dumps(statement("iam:GetRole")))
    keys = limited["Credentials"]
    session: Any = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    code, text = refused(session.client("iam", endpoint_url=gate.endpoint).list_roles)
    assert (code, "because no session policy allows the iam:ListRoles action" in text) == ("AccessDenied", True)


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
