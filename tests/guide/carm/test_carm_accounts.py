"""Both accounts: policies by meaning, what is refused, and what B's administrator gets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st
from ruamel.yaml import YAML

from acksm.aws.documents import Role
from acksm.engine.change import Danger
from acksm.errors import AcksmError
from acksm.guide.carm import accounts, template, trust as carm_trust
from acksm.guide.carm.accounts import Controllers
from acksm.guide.connect.target import Target
from acksm.guide.identity import iam_role
from acksm.guide.identity.judged import Verdict
from acksm.guide.identity.oidc import CLUSTER_TAG, OWNED_TAG
from acksm.live import account_roles
from acksm.settings import Settings
from carm_cluster import OWN, ROLE, B, C

CLUSTER_ARN = f"arn:aws:eks:us-west-2:{OWN}:cluster/demo"
OURS = f"arn:aws:iam::{OWN}:role/ack-controller-role-demo"
FAR = ROLE.format(B)
WHO = Controllers([OURS], pod_identity=False)
MARKS = {CLUSTER_TAG: CLUSTER_ARN, OWNED_TAG: "true"}


# Enough of a target for what is planned about roles; nothing is asked over it.
TARGET = cast(
    Target,
    SimpleNamespace(cluster=SimpleNamespace(arn=CLUSTER_ARN), identity=SimpleNamespace(partition="aws", account=OWN)),
)


SID = carm_trust.sid(CLUSTER_ARN)


def want(who: Controllers = WHO, services: Any = ("sagemaker",), role: Any = None, **options: Any) -> iam_role.Desired:
    other = Settings.of(**options).other_account
    return accounts.desired_role(TARGET, other, B, who, dict.fromkeys(services, ()), role)


def role(trust: Any, tags: Any = MARKS, attached: Sequence[str] = ()) -> Role:
    return {
        "arn": FAR,
        "path": "/",
        "created": "",
        "trust": trust,
        "tags": tags,
        "boundary": "",
        "attached": list(attached),
        "inline": {},
    }


def trusts(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": "sts:AssumeRole", **more}


DEAD = "AROAIOSFODNN7EXAMPLE"
EXTERNAL = {"StringEquals": {"sts:ExternalId": "x"}}


@pytest.mark.parametrize(
    ("statements", "pod_identity", "expected"),
    [
        ([trusts()], False, ""),
        (trusts(), False, ""),  # a statement without its list
        ([trusts(Principal={"AWS": ["arn:aws:iam::9:role/x", OURS]})], False, ""),
        ([trusts(Principal={"AWS": OWN})], False, ""),
        ([trusts(Principal={"AWS": f"arn:aws:iam::{OWN}:root"})], False, ""),
        ([trusts(Action=["STS:assumerole", "sts:SetSourceIdentity"])], False, ""),
        ([trusts(Action="sts:*")], True, ""),
        ([trusts(Principal={"AWS": OURS + "2"})], False, "not-named"),
        ([trusts(Principal={"Service": "sagemaker.amazonaws.com"})], False, "not-named"),
        ([trusts(Action="sts:TagSession")], False, "not-named"),
        ([], False, "not-named"),
        ([trusts(Condition=EXTERNAL)], False, "external-id"),
        ([trusts(Condition={"StringLike": {"STS:ExternalID": ["x"]}})], False, "external-id"),
        ([trusts(Condition=EXTERNAL), trusts()], False, ""),
        ([trusts()], True, "tag-session"),
        ([trusts(), trusts(Action="sts:TagSession")], True, ""),
        ([trusts(), trusts(Effect="Deny")], False, "not-named"),
    ],
)
def test_who_is_let_in(statements: Any, pod_identity: bool, expected: str) -> None:
    answer = carm_trust.trusts({"Statement": statements}, OURS, pod_identity)
    assert (answer.verdict, answer.why) == (Verdict.NO if expected else Verdict.YES, expected)


def test_a_new_role_trusts_exactly_the_controllers_role() -> None:
    (create, attach) = accounts.plan_target(iam_role.Observed(None), want(), WHO)
    assert (create.call, create.target) == ("target-iam.create_role", FAR)
    (statement,) = create.params["trust"]["Statement"]
    assert (statement["Principal"], statement["Action"]) == ({"AWS": OURS}, "sts:AssumeRole")
    assert "Condition" not in statement
    assert create.params["tags"] == MARKS
    assert attach.params["policy_arn"] == "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"


def test_pod_identity_needs_tag_session_on_both_sides() -> None:
    who = Controllers([OURS], pod_identity=True)
    (create, _) = accounts.plan_target(iam_role.Observed(None), want(who), who)
    assert create.params["trust"]["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    policy = carm_trust.merge_policy(None, [FAR], True, SID)
    assert policy["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def made(who: Controllers = WHO) -> Role:
    policies = ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]
    return role(carm_trust.merge_trust(None, who.roles, who.pod_identity, SID), attached=policies)


def test_a_second_run_plans_nothing_and_foreign_statements_stay() -> None:
    assert accounts.plan_target(iam_role.Observed(made()), want(), WHO) == []
    theirs = trusts(Principal={"AWS": f"arn:aws:iam::{C}:role/auditor"})
    found = made() | {"trust": {"Version": "2012-10-17", "Statement": [theirs]}}
    (change,) = accounts.plan_target(iam_role.Observed(found), want(), WHO)
    assert change.params["trust"]["Statement"] == [theirs, carm_trust.trust_statement([OURS], False, SID)]


def test_a_statement_about_a_role_that_was_made_anew_is_replaced() -> None:
    old = carm_trust.trust_statement([DEAD], False, SID)
    found = made() | {"trust": {"Version": "2012-10-17", "Statement": [old]}}
    (change,) = accounts.plan_target(iam_role.Observed(found), want(), WHO)
    assert change.params["trust"]["Statement"] == [carm_trust.trust_statement([OURS], False, SID)]


def test_the_whole_account_in_a_trust_is_not_exactly_the_role() -> None:
    found = made() | {"trust": {"Statement": [trusts(Principal={"AWS": f"arn:aws:iam::{OWN}:root"})]}}
    (change,) = accounts.plan_target(iam_role.Observed(found), want(), WHO)
    assert carm_trust.trust_statement([OURS], False, SID) in change.params["trust"]["Statement"]


@pytest.mark.parametrize("tags", [{}, {CLUSTER_TAG: CLUSTER_ARN + "2", OWNED_TAG: "true"}])
def test_anothers_role_is_refused_with_a_diff_unless_adopted(tags: dict[str, str]) -> None:
    found = iam_role.Observed(role({"Statement": [trusts(Principal={"AWS": C})]}, tags=tags))
    with pytest.raises(AcksmError) as caught:
        accounts.plan_target(found, want(), WHO)
    assert caught.value.id == "carm-role-not-ours"
    assert any(OURS in line for line in caught.value.details["diff"])
    assert "--target-role-name" in caught.value.remedy
    changes = accounts.plan_target(found, want(adopt_target_role=True), WHO)
    assert {change.danger for change in changes if change.id != "iam-role.attach"} == {Danger.MILD}
    assert all(OWNED_TAG not in change.params.get("tags", {}) for change in changes)


def test_an_external_id_is_refused_with_the_reason_whoever_owns_the_role() -> None:
    for tags in (MARKS, {}):
        found = iam_role.Observed(role({"Statement": [trusts(Condition=EXTERNAL)]}, tags=tags))
        with pytest.raises(AcksmError) as caught:
            accounts.plan_target(found, want(adopt_target_role=True), WHO)
        assert caught.value.id == "carm-external-id"
        assert "community#2175" in caught.value.entry.cause


# account A and B are two owners' accounts


def test_what_is_asked_for_account_a_is_never_used_in_b() -> None:
    of_a: dict[str, Any] = {
        "permissions_boundary": "arn:aws:iam::1:policy/a",
        "policy": ["studio"],
        "policy_arn": ["arn:aws:iam::1:policy/a"],
        "execution_role": ["arn:aws:iam::1:role/a"],
        "tag": ["owner=a"],
        "role_path": "/a/",
        "adopt_role": True,
    }
    plain, with_a = want(), want(**of_a)
    fields = ("name", "arn", "path", "managed", "inline", "tags", "boundary", "adopt")
    assert [getattr(with_a, field) for field in fields] == [getattr(plain, field) for field in fields]
    of_b = want(
        target_policy=["studio"], target_permissions_boundary=f"arn:aws:iam::{B}:policy/b", target_tag=["owner=b"]
    )
    assert (of_b.managed, list(of_b.inline), of_b.boundary) == ((), ["acksm-studio"], f"arn:aws:iam::{B}:policy/b")
    assert of_b.tags["owner"] == "b"
    arns = want(target_policy_arn=[f"arn:aws:iam::{B}:policy/b"])
    assert (arns.managed, arns.inline) == ((f"arn:aws:iam::{B}:policy/b",), {})


def test_least_in_b_passes_on_roles_of_b_only() -> None:
    execution = f"arn:aws:iam::{B}:role/execution"
    least = want(target_policy=["least"], target_execution_role=[execution])
    assert execution in repr(least.inline)
    with pytest.raises(AcksmError) as caught:
        want(target_policy=["least"], target_execution_role=[f"arn:aws:iam::{OWN}:role/execution"])
    assert (caught.value.id, caught.value.where) == ("policy-least-roles", "--target-execution-role")


# one statement for each cluster


SECOND = f"arn:aws:iam::{OWN}:role/ack-controller-role-second"
HARDENED = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-x"}, "Bool": {"aws:SecureTransport": "true"}}}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Id": "of B", "Statement": list(statements)}


def plan_b(trust: Any) -> Any:
    return accounts.plan_target(iam_role.Observed(made() | {"trust": trust}), want(), WHO)


def test_each_cluster_has_a_statement_of_its_own_and_both_setups_agree() -> None:
    other = carm_trust.sid(f"{CLUSTER_ARN}-second")
    assert other != SID
    one = carm_trust.merge_trust(None, [OURS], False, SID)
    both = carm_trust.merge_trust(one, [SECOND], False, other)
    assert both["Statement"] == [
        carm_trust.trust_statement([OURS], False, SID),
        carm_trust.trust_statement([SECOND], False, other),
    ]
    assert carm_trust.merge_trust(both, [OURS], False, SID) == both
    assert carm_trust.merge_trust(both, [SECOND], False, other) == both
    assert carm_trust.without(both, SID, [OURS]) == {**both, "Statement": both["Statement"][1:]}


def test_the_statement_that_clusters_once_shared_is_migrated_without_loss() -> None:
    shared = {**carm_trust.trust_statement([OURS, SECOND, DEAD], False, carm_trust.SID), **HARDENED}
    (change,) = plan_b(document(shared))
    left, mine = change.after["Statement"]
    assert (left["Sid"], left["Principal"], left["Condition"]) == ("AcksmCarm", {"AWS": SECOND}, HARDENED["Condition"])
    assert (mine["Sid"], mine["Principal"], mine["Condition"]) == (SID, {"AWS": OURS}, HARDENED["Condition"])
    assert change.after["Id"] == "of B"
    assert change.danger is Danger.NONE  # nobody is new, and nobody goes
    assert plan_b(change.after) == []


def test_conditions_and_actions_that_b_added_stay_when_another_principal_comes() -> None:
    old = {
        **carm_trust.trust_statement([SECOND], False, SID),
        **HARDENED,
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    (change,) = plan_b(document(old, trusts(Principal={"AWS": C})))
    theirs, mine = change.after["Statement"]
    assert theirs == trusts(Principal={"AWS": C})
    assert mine == {**old, "Principal": {"AWS": OURS}}
    assert change.danger is Danger.MILD
    assert f"trusts {OURS}" in change.reason
    assert f"no longer trusts {SECOND}" in change.reason


def test_a_new_principal_in_another_account_is_asked_about_and_an_old_one_is_not() -> None:
    (create, _) = accounts.plan_target(iam_role.Observed(None), want(), WHO)
    assert (create.danger, create.reason) == (Danger.MILD, f"trusts {OURS}")
    (change,) = plan_b(document(trusts(Principal={"AWS": C})))
    assert change.danger is Danger.MILD
    (dead,) = plan_b(document(carm_trust.trust_statement([OURS, DEAD], False, SID)))
    assert dead.danger is Danger.NONE


PRINCIPALS = [f"arn:aws:iam::{OWN}:role/{name}" for name in "abc"] + [DEAD, f"arn:aws:iam::{OWN}:root", C]
_STATEMENTS = st.lists(
    st.builds(
        lambda sid, names, condition, action: {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": names},
            "Action": action,
            **condition,
        },
        st.sampled_from([SID, carm_trust.SID, "theirs", carm_trust.sid("other")]),
        st.lists(st.sampled_from(PRINCIPALS), min_size=1, max_size=4, unique=True),
        st.sampled_from([{}, HARDENED]),
        st.sampled_from(["sts:AssumeRole", ["sts:AssumeRole", "sts:TagSession"]]),
    ),
    max_size=4,
    unique_by=lambda item: item["Sid"],
)


@given(_STATEMENTS, st.lists(st.sampled_from(PRINCIPALS[:3]), min_size=1, max_size=3, unique=True), st.booleans())
def test_merging_a_trust_loses_nobody_else_and_a_second_merge_does_nothing(
    statements: list[dict[str, Any]], roles: list[str], pods: bool
) -> None:
    before = document(*statements)
    after = carm_trust.merge_trust(before, roles, pods, SID)
    assert carm_trust.merge_trust(after, roles, pods, SID) == after
    assert after["Id"] == "of B"
    by_sid = {item["Sid"]: item for item in after["Statement"]}
    assert len(by_sid) == len(after["Statement"])
    for item in statements:
        if item["Sid"] == carm_trust.SID:
            others = set(item["Principal"]["AWS"]) - set(roles) - {DEAD}
            left = set(carm_trust.principals_of(by_sid.get(carm_trust.SID, {})))
            assert left in (others, set(item["Principal"]["AWS"]))
        elif item["Sid"] != SID:
            assert by_sid[item["Sid"]] == item
    for role in roles:
        assert any(role in carm_trust.principals_of(item) for item in after["Statement"])


def test_cleanup_takes_away_only_this_clusters_statement() -> None:
    shared = carm_trust.trust_statement([OURS, SECOND], False, carm_trust.SID)
    assert carm_trust.without(document(shared), SID, [OURS])["Statement"][0]["Principal"] == {"AWS": SECOND}  # type: ignore[index]
    assert carm_trust.without(document(trusts()), SID, [OURS]) == document(trusts())
    assert carm_trust.without(carm_trust.merge_trust(None, [OURS], False, SID), SID) is None
    policy = carm_trust.merge_policy(carm_trust.merge_policy(None, [FAR], False, SID), ["r"], False, "AcksmCarm2")
    assert carm_trust.without_policy(policy, SID, sole=True)["Statement"][0]["Sid"] == "AcksmCarm2"  # type: ignore[index]


# account A


def own(inline: Any = None, tags: Any = MARKS) -> dict[str, Any]:
    return {"arn": OURS, "tags": tags, "inline": inline or {}}


def plan_own(found: Any, far: str = FAR, *, adopt_role: bool = False) -> Any:
    return accounts.plan_own(found, OURS, far, WHO, TARGET, adopt=adopt_role)


def test_the_policy_names_exactly_the_roles_and_keeps_those_of_other_accounts() -> None:
    (first,) = plan_own(own())
    assert (first.danger, first.reason) == (Danger.MILD, f"allows assuming {FAR}")  # a role that could assume none
    assert (first.call, first.params["policy"]) == ("iam.put_policy", "acksm-carm")
    document = first.params["document"]
    assert document["Statement"][0]["Resource"] == [FAR]
    (second,) = plan_own(own({"acksm-carm": document}), ROLE.format(C))
    assert second.danger is Danger.NONE
    assert second.params["document"]["Statement"][0]["Resource"] == [FAR, ROLE.format(C)]
    assert plan_own(own({"acksm-carm": second.params["document"]})) == []


def test_other_statements_of_the_policy_stay_and_a_wildcard_in_ours_goes() -> None:
    theirs = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    ours = {"Sid": "AcksmCarm", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["*", ROLE.format(C)]}
    (change,) = plan_own(own({"acksm-carm": {"Statement": [theirs, ours]}}))
    kept, merged = change.params["document"]["Statement"]
    assert kept == theirs
    assert merged["Resource"] == [FAR, ROLE.format(C)]
    assert change.danger is Danger.MILD


ARNS = st.sets(st.sampled_from([f"arn:aws:iam::{n:012d}:role/x" for n in range(1, 9)]), min_size=1)


@given(ARNS, ARNS)
def test_merging_is_a_union_whatever_the_order_and_never_a_wildcard(one: set[str], other: set[str]) -> None:
    first = carm_trust.merge_policy(carm_trust.merge_policy(None, one, False, SID), other, False, SID)
    second = carm_trust.merge_policy(carm_trust.merge_policy(None, other, False, SID), one, False, SID)
    assert first == second
    assert first["Statement"][0]["Resource"] == sorted(one | other)
    assert carm_trust.merge_policy(first, one, False, SID) == first
    assert all(carm_trust.allows([first], arn).verdict is Verdict.YES for arn in one | other)
    assert carm_trust.allows([first], FAR).verdict is Verdict.NO


def test_a_role_that_acksm_was_not_told_to_change_is_refused_with_the_diff() -> None:
    with pytest.raises(AcksmError) as caught:
        plan_own(own(tags={}))
    assert (caught.value.id, caught.value.remedy) == ("role-not-ours", "acksm carm setup … --adopt-role")
    assert any(FAR in line for line in caught.value.details["diff"])
    assert plan_own(own(tags={}), adopt_role=True)


def test_a_missing_role_and_a_policy_without_room_are_told_first() -> None:
    with pytest.raises(AcksmError) as caught:
        plan_own(None)
    assert caught.value.id == "carm-controller-role"
    with pytest.raises(AcksmError) as caught:
        plan_own(own({"x": {"Statement": ["a" * 10_200]}}))
    assert caught.value.id == "carm-policy-too-long"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}, Verdict.YES),
        ({"Effect": "Allow", "Action": ["sts:*"], "Resource": f"arn:aws:iam::{B}:role/*"}, Verdict.YES),
        ({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE.format(C)}, Verdict.NO),
        ({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, Verdict.NO),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, Verdict.NO),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, Verdict.UNKNOWN),
        ({"Effect": "Allow", "Action": "sts:*", "NotResource": ROLE.format(C)}, Verdict.UNKNOWN),
        (
            {
                "Effect": "Allow",
                "Action": "sts:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            },
            Verdict.YES,
        ),
        (
            {"Effect": "Allow", "Action": "sts:*", "Resource": "*", "Condition": {"StringEquals": {"aws:Who": "x"}}},
            Verdict.UNKNOWN,
        ),
    ],
)
def test_what_policies_allow(statement: Any, expected: Verdict) -> None:
    assert carm_trust.allows([{"Statement": statement}], FAR).verdict is expected


@pytest.mark.parametrize(
    "deny",
    [
        {"Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-x"}}},
        {"NotAction": "s3:*", "Resource": "*"},
        {"Action": "sts:*", "NotResource": "arn:aws:s3:::x"},
    ],
)
def test_a_deny_that_may_count_takes_a_yes_away(deny: dict[str, Any]) -> None:
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": FAR}
    assert carm_trust.allows([{"Statement": [allow, {"Effect": "Deny", **deny}]}], FAR).verdict is Verdict.UNKNOWN
    assert carm_trust.allows([{"Statement": [{"Effect": "Deny", **deny}]}], FAR).verdict is Verdict.NO


def test_the_guides_own_policy_is_found_wide_open() -> None:
    guide = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    assert carm_trust.wide_open(
        {"sts-assumerole": guide, "acksm-carm": carm_trust.merge_policy(None, [FAR], False, SID)}
    ) == ["sts-assumerole"]


# what is printed


def test_the_print_out_is_a_template_that_makes_the_same_role() -> None:
    desired = want(
        services=("sagemaker", "applicationautoscaling"),
        target_tag=["team=ml"],
        target_permissions_boundary=f"arn:aws:iam::{B}:policy/b",
    )
    text = template.text(desired, template.template(desired, [OURS]), template.commands(desired))
    (resource,) = YAML(typ="safe", pure=True).load(text)["Resources"].values()
    found = resource["Properties"]
    (create, _linked, attach, inline) = accounts.plan_target(iam_role.Observed(None, False), desired, WHO)
    assert found["AssumeRolePolicyDocument"] == create.params["trust"]
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == create.params["tags"]
    assert (found["RoleName"], found["Path"], found["PermissionsBoundary"]) == (
        desired.name,
        "/",
        f"arn:aws:iam::{B}:policy/b",
    )
    assert found["ManagedPolicyArns"] == [attach.params["policy_arn"]]
    assert found["Policies"] == [{"PolicyName": inline.params["policy"], "PolicyDocument": inline.params["document"]}]


def test_the_commands_make_the_same_role() -> None:
    desired = want(services=("sagemaker", "applicationautoscaling"))
    create, attach, inline, linked = (shlex.split(line) for line in template.commands(desired))
    document = json.loads(create[create.index("--assume-role-policy-document") + 1])
    assert document == desired.trust(None, iam_role.NEW)
    assert create[create.index("--tags") + 1 :] == [f"Key={key},Value={value}" for key, value in desired.tags.items()]
    assert attach[-1] == desired.managed[0]
    assert json.loads(inline[-1]) == desired.inline["acksm-autoscaling"]
    assert linked[-1] == desired.service_linked


def test_a_name_that_iam_would_refuse_is_refused_here() -> None:
    wrong: list[dict[str, Any]] = [
        {"target_role_name": "x" * 65},
        {"target_role_name": "a b"},
        {"target_role_path": "x"},
    ]
    for settings in wrong:
        with pytest.raises(AcksmError):
            want(WHO, ("sagemaker",), **settings)


# what acksm.yaml declares

ROLE_B = {"role-arn": "arn:aws:iam::222222222222:role/teams/ack"}


@pytest.mark.parametrize(
    ("options", "declared", "expected"),
    [
        ({}, {"accounts": {"222222222222": {}}}, ("222222222222", "SagemakerCrossAccountAccess", "/")),
        ({}, {"accounts": {"222222222222": ROLE_B}}, ("222222222222", "ack", "/teams/")),
        ({}, {"namespaces": {"b": {"account": "222222222222"}}}, ("222222222222", "SagemakerCrossAccountAccess", "/")),
        (
            {"target_account": "222222222222"},
            {"accounts": {"333333333333": {}, "222222222222": ROLE_B}},
            ("222222222222", "ack", "/teams/"),
        ),
        (
            {"target_role_name": "mine"},
            {"accounts": {"222222222222": ROLE_B}},
            ("222222222222", "mine", "/"),
        ),
    ],
)
def test_setup_reads_the_accounts_of_the_settings_file(options: Any, declared: Any, expected: Any) -> None:
    settings = Settings.of(**options, **declared)
    found = accounts.with_declared(settings.other_account, settings.declared)
    assert (found.target_account, found.target_role_name, found.target_role_path) == expected


@pytest.mark.parametrize(
    ("declared", "remedy"),
    [
        ({}, "acksm … --target-account ID"),
        ({"accounts": {"222222222222": {}, "333333333333": {}}}, "acksm … --target-account 222222222222"),
    ],
)
def test_setup_without_one_account_says_which_there_are(declared: Any, remedy: str) -> None:
    settings = Settings.of(**declared)
    with pytest.raises(AcksmError) as refused:
        accounts.with_declared(settings.other_account, settings.declared)
    assert (refused.value.id, refused.value.remedy) == ("carm-account", remedy)
    assert "''" not in refused.value.message


@pytest.mark.parametrize(("text", "guess"), [("11111111111", True), ("1111", False), ("1111111111111", False)])
def test_leading_zeros_are_guessed_only_where_few_are_missing(text: str, guess: bool) -> None:
    with pytest.raises(AcksmError) as refused:
        account_roles.check_account(text, "--account")
    assert ("leading zeros" in refused.value.message) is guess
