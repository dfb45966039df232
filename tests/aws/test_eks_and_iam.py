"""Answers of EKS and IAM that moto does not give: states of a cluster, quotas, simulations, races."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore.stub import ANY, Stubber

from acksm.aws import pod_identity
from acksm.aws.account import Aws
from acksm.aws.eks import Capability, Eks, FargateProfile, Listed, NodeGroup
from acksm.errors import AcksmError

ACCOUNT, REGION = "012345678901", "us-west-2"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/ABC"


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """One for all tests here: its clients take a while to make."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        made = Aws(region=REGION)
        for service in ("eks", "iam"):
            made.client(service)
        yield made


@pytest.fixture
def eks(aws: Aws) -> Iterator[Stubber]:
    with Stubber(aws.client("eks")) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def iam(aws: Aws) -> Iterator[Stubber]:
    with Stubber(aws.client("iam")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def cluster(**more: Any) -> dict[str, Any]:
    described = {
        "name": "demo",
        "arn": ARN,
        "status": "ACTIVE",
        "version": "1.35",
        "endpoint": "https://x",
        "certificateAuthority": {"data": "QQ=="},
        "identity": {"oidc": {"issuer": ISSUER}},
    } | more
    return {"cluster": {key: value for key, value in described.items() if value is not None}}


def failure(aws: Aws) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        aws.eks.describe_cluster("demo")
    return caught.value


def test_a_cluster(aws: Aws, eks: Stubber) -> None:
    eks.add_response("describe_cluster", cluster(), {"name": "demo"})
    found = aws.eks.describe_cluster("demo")
    assert (found.region, found.account, found.issuer, found.ca_data) == (REGION, ACCOUNT, ISSUER, "QQ==")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": "UPDATING"}, ""),
        ({"version": "1.16"}, ""),
        ({"version": "2.0"}, ""),
        (
            {"status": "CREATING", "endpoint": None, "certificateAuthority": None, "identity": None},
            "cluster-not-active",
        ),
        ({"status": "DELETING"}, "cluster-not-active"),
        ({"status": "FAILED"}, "cluster-not-active"),
        ({"version": "1.15"}, "cluster-too-old"),
        ({"version": "1.9"}, "cluster-too-old"),
        ({"identity": None}, "cluster-no-issuer"),
        ({"identity": {}}, "cluster-no-issuer"),
    ],
)
def test_states(more: dict[str, Any], expected: str, aws: Aws, eks: Stubber) -> None:
    eks.add_response("describe_cluster", cluster(**more))
    if expected:
        assert failure(aws).id == expected
    else:
        aws.eks.describe_cluster("demo")


@pytest.mark.parametrize(
    ("listed", "told"),
    [(["prod", "dev"], "existing ones: prod, dev"), ([], "the region has no cluster"), (None, "could not be listed")],
)
def test_an_unknown_cluster_names_those_that_exist(listed: list[str] | None, told: str, aws: Aws, eks: Stubber) -> None:
    eks.add_client_error("describe_cluster", "ResourceNotFoundException", "No cluster found for name: demo.")
    if listed is None:
        eks.add_client_error("list_clusters", "AccessDeniedException", "no")
    else:
        eks.add_response("list_clusters", {"clusters": listed})
    error = failure(aws)
    assert (error.id, told in error.message, error.where) == ("cluster-unknown", True, f"cluster demo in {REGION}")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InvalidParameterException", "cluster-unknown"),
        ("AccessDeniedException", "aws-access-denied"),
        ("ExpiredTokenException", "aws-expired-credentials"),
        ("ThrottlingException", "aws-throttled"),
        ("ServerException", "aws-failed"),
    ],
)
def test_refusals(code: str, expected: str, aws: Aws, eks: Stubber) -> None:
    eks.add_client_error("describe_cluster", code, "no")
    assert failure(aws).id == expected


def test_fargate_profiles_of_all_pages(aws: Aws, eks: Stubber) -> None:
    eks.add_response("list_fargate_profiles", {"fargateProfileNames": ["one"], "nextToken": "x"})
    eks.add_response(
        "list_fargate_profiles", {"fargateProfileNames": ["two"]}, {"clusterName": "demo", "nextToken": "x"}
    )
    labels = {"team": "ml*"}
    for status, namespace in (("ACTIVE", "ack-*"), ("DELETING", "gone")):
        profile = {"status": status, "selectors": [{"namespace": namespace, "labels": labels}, {"namespace": "?"}]}
        eks.add_response("describe_fargate_profile", {"fargateProfile": profile})
    assert aws.eks.fargate_profiles("demo") == [
        FargateProfile("one", "ACTIVE", [("ack-*", labels), ("?", {})]),
        FargateProfile("two", "DELETING", [("gone", labels), ("?", {})]),
    ]


def test_node_groups(aws: Aws, eks: Stubber) -> None:
    taint = {"key": "dedicated", "value": "ml", "effect": "NO_SCHEDULE"}
    described = {
        "status": "ACTIVE",
        "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 0},
        "amiType": "AL2023_ARM_64_STANDARD",
        "labels": {"a": "b"},
        "taints": [taint],
    }
    eks.add_response("list_nodegroups", {"nodegroups": ["g"]})
    eks.add_response("describe_nodegroup", {"nodegroup": described})
    expected = NodeGroup("g", "ACTIVE", 0, 3, "AL2023_ARM_64_STANDARD", {"a": "b"}, [taint])
    assert aws.eks.node_groups("demo") == [expected]


@pytest.mark.parametrize(
    ("compute", "pools"),
    [
        ({}, None),
        ({"enabled": False, "nodePools": ["system"]}, None),
        ({"enabled": True, "nodePools": ["general-purpose", "system"]}, ("general-purpose", "system")),
        ({"enabled": True}, ()),
    ],
)
def test_auto_mode(compute: dict[str, Any], pools: tuple[str, ...] | None, aws: Aws, eks: Stubber) -> None:
    eks.add_response("describe_cluster", cluster(computeConfig=compute))
    assert aws.eks.describe_cluster("demo").node_pools == pools


# IAM


def test_a_provider_that_was_made_meanwhile_is_what_was_wanted(aws: Aws, iam: Stubber) -> None:
    iam.add_client_error("create_open_id_connect_provider", "EntityAlreadyExists", "x")
    aws.iam.create_oidc_provider(ISSUER, ["sts.amazonaws.com"], {"a": "b"})


def test_no_thumbprint_is_sent(aws: Aws, iam: Stubber) -> None:
    expected = {"Url": ISSUER, "ClientIDList": ["sts.amazonaws.com"], "Tags": [{"Key": "a", "Value": "b"}]}
    iam.add_response("create_open_id_connect_provider", {"OpenIDConnectProviderArn": provider("A")["Arn"]}, expected)
    aws.iam.create_oidc_provider(ISSUER, ["sts.amazonaws.com"], {"a": "b"})


def provider(of: str, region: str = REGION) -> dict[str, str]:
    return {"Arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/{of}"}


def test_a_full_account_lists_providers_whose_cluster_is_gone(aws: Aws, iam: Stubber, eks: Stubber) -> None:
    iam.add_client_error("create_open_id_connect_provider", "LimitExceeded", "Cannot exceed quota")
    github = {"Arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"}
    listed = [provider("ABC"), provider("GONE"), provider("ELSEWHERE", "eu-west-1"), github]
    iam.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": listed})
    eks.add_response("list_clusters", {"clusters": ["demo"]})
    eks.add_response("describe_cluster", cluster())
    with pytest.raises(AcksmError) as caught:
        aws.iam.create_oidc_provider("https://new", ["sts.amazonaws.com"], {})
    assert caught.value.id == "aws-oidc-quota"
    assert caught.value.details["stale"] == [provider("GONE")["Arn"]]
    assert provider("ELSEWHERE", "eu-west-1")["Arn"] not in caught.value.details["diff"]


def test_a_full_account_where_clusters_cannot_be_listed_lists_all_of_eks(aws: Aws, iam: Stubber, eks: Stubber) -> None:
    iam.add_client_error("create_open_id_connect_provider", "LimitExceeded", "Cannot exceed quota")
    iam.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": [provider("A"), provider("B")]})
    eks.add_client_error("list_clusters", "AccessDeniedException", "no")
    with pytest.raises(AcksmError) as caught:
        aws.iam.create_oidc_provider("https://new", ["sts.amazonaws.com"], {})
    assert (caught.value.details["stale"], len(caught.value.details["diff"])) == ([], 2)


def test_a_role_with_its_policies_in_pages(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    trust: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    role = {
        "Path": "/",
        "RoleName": "r-role",
        "RoleId": "AROAAAAAAAAAAAAAA",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/r-role",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
        "AssumeRolePolicyDocument": quote(json.dumps(trust)),
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    policy = {"PolicyName": "p", "PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}

    asked = []

    def answer(operation: str, given: dict[str, Any]) -> dict[str, Any]:  # concurrent ones in any order
        asked.append(operation)
        assert given.pop("RoleName") == "r-role"
        match operation, given:
            case "GetRole", {}:
                return {"Role": role}
            case "ListRolePolicies", {"Marker": "m"}:
                return {"PolicyNames": ["two"], "IsTruncated": False}
            case "ListRolePolicies", {}:
                return {"PolicyNames": ["one"], "IsTruncated": True, "Marker": "m"}
            case "GetRolePolicy", {"PolicyName": name}:
                return {"PolicyName": name, "PolicyDocument": quote(json.dumps({"Statement": name}))}
            case "ListAttachedRolePolicies", {}:
                return {"AttachedPolicies": [policy], "IsTruncated": False}
        raise AssertionError(operation)

    monkeypatch.setattr(aws.client("iam"), "_make_api_call", answer)
    alone = {
        "arn": role["Arn"],
        "path": "/",
        "created": "2026-01-01T00:00:00+00:00",
        "trust": trust,
        "tags": {"a": "b"},
        "boundary": "",
    }
    assert (aws.iam.get_trust("r-role"), asked) == (alone, ["GetRole"])
    assert aws.iam.get_role("r-role") == {
        **alone,
        "attached": [policy["PolicyArn"]],
        "inline": {"one": {"Statement": "one"}, "two": {"Statement": "two"}},
    }


def test_what_was_read_ahead_is_the_first_answer_and_no_later_one(aws: Aws, iam: Stubber) -> None:
    iam.add_client_error("get_role", "NoSuchEntity", "x")
    iam.add_client_error("get_role", "AccessDenied", "denied")
    for name in ("missing", "denied", "not a name!"):
        aws.iam.look_ahead(name)
        wait([aws.iam._ahead[name]])  # the stub answers in order
    iam.assert_no_pending_responses()
    assert not aws.iam.role_exists("missing")
    assert not aws.iam.role_exists("not a name!")
    with pytest.raises(AcksmError, match="denied"):
        aws.iam.role_exists("denied")
    iam.add_client_error("get_role", "ServiceFailure", "asked again")
    with pytest.raises(AcksmError, match="asked again"):
        aws.iam.role_exists("missing")


def test_what_is_not_there_is_none(aws: Aws, iam: Stubber) -> None:
    iam.add_client_error("get_role", "NoSuchEntity", "x")
    assert aws.iam.get_role("r") is None
    iam.add_client_error("get_open_id_connect_provider", "NoSuchEntityException", "x")
    assert aws.iam.get_oidc_provider(provider("A")["Arn"]) is None
    iam.add_client_error("get_role", "AccessDenied", "x")
    with pytest.raises(AcksmError):
        aws.iam.get_role("r")


@pytest.mark.parametrize(
    ("code", "message", "fine"),
    [
        ("InvalidInput", "Service role name x has been taken in this account", True),
        ("EntityAlreadyExists", "x", True),
        ("AccessDenied", "x", False),
        ("InvalidInput", "no such service", False),
    ],
)
def test_a_service_linked_role_that_exists(code: str, message: str, fine: bool, aws: Aws, iam: Stubber) -> None:
    iam.add_client_error("create_service_linked_role", code, message)
    if fine:
        aws.iam.create_service_linked_role("sagemaker.application-autoscaling.amazonaws.com")
        return
    with pytest.raises(AcksmError):
        aws.iam.create_service_linked_role("sagemaker.application-autoscaling.amazonaws.com")


# simulation of rights

NEEDS = {"*": ["iam:CreateRole", "iam:TagRole"]}


def simulated(iam: Stubber, source: Any, *decisions: tuple[str, str, list[str]]) -> None:
    rows = [
        {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": missing}
        for action, decision, missing in decisions
    ]
    expected = {"PolicySourceArn": source, "ActionNames": ANY, "ResourceArns": ANY}
    iam.add_response("simulate_principal_policy", {"EvaluationResults": rows}, expected)


def denied(aws: Aws, caller: str) -> list[tuple[str, str]]:
    return [pair for pair, decision in aws.iam.decisions(caller, NEEDS).items() if decision.allowed is False]


def test_what_the_simulation_denies(aws: Aws, iam: Stubber) -> None:
    user = f"arn:aws:iam::{ACCOUNT}:user/team/me"
    simulated(iam, user, ("iam:CreateRole", "implicitDeny", []), ("iam:TagRole", "allowed", []))
    assert denied(aws, user) == [("iam:CreateRole", "*")]
    simulated(iam, user, ("iam:CreateRole", "explicitDeny", ["aws:RequestTag/x"]), ("iam:TagRole", "allowed", []))
    assert denied(aws, user) == []  # only the real call has that context


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidInput", "NoSuchEntity"])
def test_a_simulation_that_is_not_allowed_tells_nothing(code: str, aws: Aws, iam: Stubber) -> None:
    iam.add_client_error("simulate_principal_policy", code, "no")
    found = aws.iam.decisions(f"arn:aws:iam::{ACCOUNT}:user/me", NEEDS)
    assert {decision.allowed for decision in found.values()} == {None}
    assert all(decision.why for decision in found.values())


def test_the_root_user_and_federated_ones_cannot_be_simulated(aws: Aws, iam: Stubber) -> None:
    for caller in (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:federated-user/me"):
        assert aws.iam.decisions(caller, NEEDS) == {}


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([[]], []),
        ([[("kro", "KRO", "ACTIVE"), ("argo", "ARGOCD", "ACTIVE")]], []),
        ([[("mine", "ACK", "ACTIVE")]], ["mine ACTIVE"]),
        (
            [[("kro", "KRO", "ACTIVE")], [("a", "ACK", "DEGRADED"), ("b", "ACK", "DELETING")]],
            ["a DEGRADED", "b DELETING"],
        ),
    ],
)
def test_capabilities_of_type_ack(pages: Any, expected: list[str], aws: Aws, eks: Stubber) -> None:
    for index, page in enumerate(pages):
        rows = [{"capabilityName": name, "type": kind, "status": status} for name, kind, status in page]
        more = {"nextToken": "more"} if index + 1 < len(pages) else {}
        sent = {"clusterName": "demo"} | ({"nextToken": "more"} if index else {})
        eks.add_response("list_capabilities", {"capabilities": rows, **more}, sent)
    for name, _, status in [row for page in pages for row in page if row[1] == "ACK"]:
        eks.add_response(
            "describe_capability", {"capability": {"status": status}}, {"clusterName": "demo", "capabilityName": name}
        )
    assert [f"{item.name} {item.status}" for item in aws.eks.ack_capabilities("demo")] == expected


def test_a_capability_as_it_is_described(aws: Aws, eks: Stubber) -> None:
    row = {"capabilityName": "theirs", "type": "ACK", "status": "DEGRADED"}
    settings = {"ack": {"disabledServices": ["sagemaker", "s3"], "enableCrossNamespace": True}}
    more = {"version": "1", "roleArn": ROLE_ARN, "arn": "arn:x", "configuration": settings}
    issue = {"code": "AccessDenied", "message": "the role may not"}
    eks.add_response("list_capabilities", {"capabilities": [row]})
    eks.add_response(
        "describe_capability", {"capability": {"status": "DEGRADED", **more, "health": {"issues": [issue]}}}
    )
    assert aws.eks.ack_capabilities("demo") == [
        Capability(
            "theirs", "DEGRADED", ("sagemaker", "s3"), "1", ROLE_ARN, ("AccessDenied: the role may not",), "arn:x"
        )
    ]


@pytest.mark.parametrize(
    ("code", "status", "id"),
    [
        ("UnknownOperationException", 404, ""),
        ("404", 404, ""),
        ("ServerException", 500, "aws-failed"),
        ("ResourceNotFoundException", 404, "aws-failed"),
        ("AccessDeniedException", 403, "aws-access-denied"),
    ],
)
def test_an_endpoint_without_capabilities_has_none_and_a_failure_is_told(
    code: str, status: int, id: str, aws: Aws, eks: Stubber
) -> None:
    eks.add_client_error("list_capabilities", code, http_status_code=status)
    if not id:
        assert aws.eks.ack_capabilities("demo") == []
        return
    with pytest.raises(AcksmError) as raised:
        aws.eks.ack_capabilities("demo")
    assert raised.value.id == id


def test_an_update_has_the_whole_list_and_nothing_else(aws: Aws, eks: Stubber) -> None:
    sent = {"clusterName": "demo", "capabilityName": "ack"}
    ours = {"configuration": {"ack": {"disabledServices": ["s3", "sagemaker"]}}}
    eks.add_response("update_capability", {"update": {}}, {**sent, **ours})
    aws.eks.disable_services("demo", "ack", ["s3", "sagemaker"])
    eks.add_client_error("update_capability", "ResourceInUseException", "it is UPDATING")
    with pytest.raises(AcksmError) as raised:
        aws.eks.disable_services("demo", "ack", ["s3"])
    assert raised.value.id == "capability-busy"


def test_decisions_tell_allowed_denied_and_not_known(aws: Aws, iam: Stubber) -> None:
    def row(action: str, decision: str, *missing: str) -> dict[str, Any]:
        return {"EvalActionName": action, "EvalDecision": decision, "MissingContextValues": list(missing)}

    rows = [row("iam:GetRole", "allowed"), row("iam:PassRole", "implicitDeny"), row("iam:X", "implicitDeny", "aws:mfa")]
    iam.add_response("simulate_principal_policy", {"EvaluationResults": rows})
    caller = f"arn:aws:iam::{ACCOUNT}:user/me"
    found = aws.iam.decisions(caller, {"r": ["iam:GetRole", "iam:PassRole", "iam:X"]})
    told = {pair: decision.allowed for pair, decision in found.items()}
    assert told == {("iam:GetRole", "r"): True, ("iam:PassRole", "r"): False, ("iam:X", "r"): None}
    assert aws.iam.decisions(f"arn:aws:iam::{ACCOUNT}:root", {"r": ["iam:GetRole"]}) == {}


ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/ack-controller-role-demo"
DETAIL = "PermissionsBoundaryDecisionDetail"


@pytest.mark.parametrize(
    ("row", "on_resource", "allowed", "why"),
    [
        ({}, None, False, ""),
        ({"EvalDecision": "explicitDeny"}, None, False, ""),
        ({"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}, None, None, "service control policy"),
        ({"OrganizationsDecisionDetail": {"AllowedByOrganizations": True}}, None, False, ""),
        ({DETAIL: {"AllowedByPermissionsBoundary": False}}, None, None, "permissions boundary"),
        ({DETAIL: {"AllowedByPermissionsBoundary": True}}, None, False, ""),
        ({"MissingContextValues": ["aws:SourceIp"]}, None, None, "aws:SourceIp"),
        ({}, {"MissingContextValues": ["iam:PermissionsBoundary"]}, None, "iam:PermissionsBoundary"),
        ({}, {DETAIL: {"AllowedByPermissionsBoundary": False}}, None, "permissions boundary"),
        ({"EvalDecision": "allowed"}, {"EvalResourceDecision": "implicitDeny"}, False, ""),
        ({"EvalResourceName": "arn:*"}, {"EvalResourceDecision": "allowed"}, True, ""),
        ({"EvalDecision": "allowed", "MissingContextValues": ["aws:SourceIp"]}, None, True, ""),
    ],
)
def test_a_denial_counts_only_where_nothing_else_can_be_its_cause(
    row: Any, on_resource: Any, allowed: bool | None, why: str, aws: Aws, iam: Stubber
) -> None:
    whole = {"EvalActionName": "iam:CreateRole", "EvalDecision": "implicitDeny", **row}
    if on_resource is not None:
        other = {"EvalResourceName": "arn:other", "EvalResourceDecision": "explicitDeny"}
        mine = {"EvalResourceName": ROLE_ARN, "EvalResourceDecision": "implicitDeny", **on_resource}
        whole["ResourceSpecificResults"] = [other, mine]
    iam.add_response("simulate_principal_policy", {"EvaluationResults": [whole]})
    found = aws.iam.decisions(f"arn:aws:iam::{ACCOUNT}:user/me", {ROLE_ARN: ["iam:CreateRole"]})
    decision = found["iam:CreateRole", ROLE_ARN]
    assert (decision.allowed, why in decision.why, bool(decision.why)) == (allowed, True, bool(why))


def test_more_than_a_page_of_actions_is_read_to_its_end(aws: Aws, iam: Stubber) -> None:
    names = [f"iam:Action{number}" for number in range(150)]
    rows = [{"EvalActionName": name, "EvalDecision": "allowed"} for name in names]
    iam.add_response("simulate_principal_policy", {"EvaluationResults": rows[:100], "IsTruncated": True, "Marker": "m"})
    iam.add_response("simulate_principal_policy", {"EvaluationResults": rows[100:], "IsTruncated": False})
    found = aws.iam.decisions(f"arn:aws:iam::{ACCOUNT}:user/me", {"*": names})
    assert [action for action, _ in found] == names


def test_a_session_is_simulated_by_its_role_whose_path_getrole_tells(aws: Aws, iam: Stubber) -> None:
    path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    role = {
        "Path": path,
        "RoleName": name,
        "RoleId": "AROAAAAAAAAAAAAAA",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
        "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
    }
    iam.add_response("get_role", {"Role": role}, {"RoleName": name})
    simulated(iam, role["Arn"], ("iam:CreateRole", "allowed", []), ("iam:TagRole", "allowed", []))
    found = aws.iam.decisions(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me@example.com", NEEDS)
    assert {decision.allowed for decision in found.values()} == {True}
    iam.add_client_error("get_role", "AccessDenied", "no")
    found = aws.iam.decisions(f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me@example.com", NEEDS)
    assert set(found.values()) == {(None, "iam:GetRole is not allowed")}


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "ack-controller-role-\u00e9"])
def test_iam_is_not_asked_for_a_role_that_it_cannot_have(name: str, aws: Aws, iam: Stubber) -> None:
    assert aws.iam.get_role(name) is None
    assert not aws.iam.role_exists(name)


def test_quotas_are_the_accounts_and_by_default_iams(aws: Aws, iam: Stubber) -> None:
    summary = {"AssumeRolePolicySizeQuota": 4_096, "AttachedPoliciesPerRoleQuota": 20}
    iam.add_response("get_account_summary", {"SummaryMap": summary})
    assert aws.iam.quotas() == (4_096, 20)
    iam.add_client_error("get_account_summary", "AccessDenied", "no")
    assert aws.iam.quotas() == (2_048, 10)


@pytest.fixture
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Associations are described one after the other, as a Stubber's answers are given."""
    monkeypatch.setattr(pod_identity, "ThreadPoolExecutor", lambda **_: ThreadPoolExecutor(1))


@pytest.mark.usefixtures("_in_order")
def test_who_has_a_role_by_pod_identity(aws: Aws, eks: Stubber) -> None:
    listed = {"associations": [{"associationId": "a-1"}, {"associationId": "a-2"}]}
    eks.add_response("list_pod_identity_associations", listed, {"clusterName": "demo"})
    for name, role in (("a-1", "arn:aws:iam::012345678901:role/r"), ("a-2", "arn:aws:iam::012345678901:role/other")):
        one = {"roleArn": role, "namespace": "team", "serviceAccount": name}
        eks.add_response(
            "describe_pod_identity_association", {"association": one}, {"clusterName": "demo", "associationId": name}
        )
    assert aws.eks.pod_identity_users("demo", "arn:aws:iam::012345678901:role/r") == ["team/a-1"]


@pytest.mark.usefixtures("_in_order")
def test_an_association_that_goes_while_they_are_read_hides_no_other(aws: Aws, eks: Stubber) -> None:
    listed = {"associations": [{"associationId": "gone"}, {"associationId": "a-2"}]}
    eks.add_response("list_pod_identity_associations", listed)
    eks.add_client_error("describe_pod_identity_association", "ResourceNotFoundException", http_status_code=404)
    one = {"roleArn": ROLE_ARN, "namespace": "team", "serviceAccount": "x"}
    eks.add_response("describe_pod_identity_association", {"association": one})
    assert [item.account for item in aws.eks.associations("demo")] == [("team", "x")]


@pytest.mark.parametrize(
    ("code", "status", "id"),
    [
        ("UnknownOperationException", 404, ""),
        ("ServerException", 500, "aws-failed"),
        ("InvalidRequestException", 400, "aws-failed"),
        ("ResourceNotFoundException", 404, "aws-failed"),  # the cluster
        ("AccessDeniedException", 403, "aws-access-denied"),
    ],
)
def test_an_endpoint_without_pod_identity_has_no_associations_and_a_failure_is_told(
    code: str, status: int, id: str, aws: Aws, eks: Stubber
) -> None:
    eks.add_client_error("list_pod_identity_associations", code, http_status_code=status)
    if not id:
        assert aws.eks.associations("demo") == []
        return
    with pytest.raises(AcksmError) as raised:
        aws.eks.associations("demo")
    assert raised.value.id == id


@pytest.mark.parametrize(
    ("code", "failure"), [("NoSuchEntity", ""), ("DeleteConflict", "aws-role-in-use"), ("ServiceFailure", "aws-failed")]
)
def test_a_role_that_is_gone_was_what_was_wanted_and_one_in_use_is_told(
    aws: Aws, iam: Stubber, code: str, failure: str
) -> None:
    iam.add_client_error("delete_role", code, "no", http_status_code=409)
    if not failure:
        aws.iam.delete_role("r")
        return
    with pytest.raises(AcksmError) as caught:
        aws.iam.delete_role("r")
    assert caught.value.id == failure


def test_every_roles_trust_in_one_list(aws: Aws, iam: Stubber) -> None:
    document = {"Version": "2012-10-17", "Statement": []}
    row = {
        "Path": "/",
        "RoleName": "some-role",
        "RoleId": "AROAEXAMPLEEXAMPLE00",
        "Arn": "arn:aws:iam::012345678901:role/some-role",
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": quote(json.dumps(document)),
    }
    iam.add_response("list_roles", {"Roles": [row]}, {})
    assert aws.iam.trusts() == {row["Arn"]: document}


def test_the_clusters_of_a_region_with_their_tags(aws: Aws, eks: Stubber) -> None:
    """Of all pages; one that is being deleted, or was deleted since, is none."""
    eks.add_response("list_clusters", {"clusters": ["a", "b"], "nextToken": "more"}, {})
    eks.add_response("list_clusters", {"clusters": ["c", "d"]}, {"nextToken": "more"})
    eks.add_response("describe_cluster", cluster(tags={"team": "ml"}), {"name": "a"})
    eks.add_response("describe_cluster", cluster(status="CREATING"), {"name": "b"})
    eks.add_response("describe_cluster", cluster(status="DELETING"), {"name": "c"})
    eks.add_client_error("describe_cluster", "ResourceNotFoundException", "no", 404, expected_params={"name": "d"})
    assert Eks(aws).tagged() == {"a": Listed({"team": "ml"}), "b": Listed({}, "CREATING")}
