"""EKS Pod Identity and add-ons of the sandbox: what EKS answers, refuses and delays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.validate import ParamValidator

from acksm.errors import AcksmError
from acksm.sandbox import eks_model
from acksm.sandbox.addons import AGENT
from acksm.sandbox.pod_identity import KEPT, SERVICE, SETTLES, Owner, Pod, RefusedError, tags
from gate import ACCOUNT, ARN, CLUSTER, REGION, Gate, refused

OWNER = Owner(ACCOUNT, REGION, CLUSTER.name)
POD = Pod("ack-system", "ack-sagemaker-controller", "controller-0", "f00")
NAMED = {"clusterName": CLUSTER.name, "namespace": POD.namespace, "serviceAccount": POD.service_account}
OTHER = "198765432109"


@pytest.fixture
def eks(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Any:
    gate.cluster("https://127.0.0.1:1")
    monkeypatch.setattr(gate.cloud.eks.pods, "_clock", gate.clock)
    monkeypatch.setattr(gate.cloud.eks.addons, "_clock", gate.clock)
    monkeypatch.setattr(gate.cloud.eks.capabilities, "_clock", gate.clock)
    return gate.boto.client("eks")


def role(
    gate: Gate, name: str = "r", *, actions: tuple[str, ...] = ("AssumeRole", "TagSession"), **statement: Any
) -> str:
    """A role of that trust policy; its ARN."""
    whole = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": [f"sts:{action}" for action in actions],
        **statement,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [whole]})
    return str(gate.boto.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def associated(eks: Any, arn: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = eks.create_pod_identity_association(**NAMED, roleArn=arn, **more)["association"]
    return made


def identity_of(gate: Gate) -> str:
    """The role of the session that the pod gets, or why it gets none."""
    try:
        session, _ = gate.cloud.eks.pods.session(OWNER, POD)
    except RefusedError as error:
        return error.code
    return str(session.role_arn)


def test_an_association_is_made_once_changed_listed_and_deleted(gate: Gate, eks: Any) -> None:
    first, second = role(gate), role(gate, "s")
    made = associated(eks, first, tags={"team": "ml"})
    name = made["associationId"]
    assert made["associationArn"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:podidentityassociation/practice/{name}"
    assert refused(lambda: associated(eks, first)) == ("ResourceInUseException", f"Association already exists: {name}")
    about = {"clusterName": CLUSTER.name, "associationId": name}
    eks.update_pod_identity_association(**about, roleArn=second, disableSessionTags=True)
    found = eks.describe_pod_identity_association(**about)["association"]
    assert (found["roleArn"], found["disableSessionTags"], found["tags"]) == (second, True, {"team": "ml"})
    assert "roleArn" not in eks.list_pod_identity_associations(**NAMED)["associations"][0]
    assert eks.list_pod_identity_associations(**{**NAMED, "namespace": "other"})["associations"] == []
    eks.delete_pod_identity_association(**about)
    assert refused(lambda: eks.describe_pod_identity_association(**about))[0] == "ResourceNotFoundException"
    assert refused(lambda: associated(eks, first))[0] == "ResourceInUseException"  # its deletion is not yet through
    gate.clock.sleep(KEPT)
    assert associated(eks, first)["associationId"] != name


def test_lists_come_in_pages(gate: Gate, eks: Any) -> None:
    arn = role(gate)
    for number in range(5):
        eks.create_pod_identity_association(**{**NAMED, "serviceAccount": f"sa-{number}"}, roleArn=arn)
    pages = eks.get_paginator("list_pod_identity_associations").paginate(
        clusterName=CLUSTER.name, PaginationConfig={"PageSize": 2}
    )
    found = [[item["serviceAccount"] for item in page["associations"]] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert {name for page in found for name in page} == {f"sa-{number}" for number in range(5)}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Role provided in the request does not exist."),
        ({"roleArn": f"arn:aws:iam::{OTHER}:role/r"}, "Role provided in the request does not exist."),
        ({"roleArn": f"arn:aws:iam::{ACCOUNT}:role/irsa"}, "Trust policy of the role provided is invalid"),
        ({"policy": "{}"}, "disableSessionTags must be true when a policy is specified."),
        ({"policy": "x", "disableSessionTags": True}, "The policy is not valid JSON."),
        ({"tags": {"k": "v" * 257}}, "Member must have length less than or equal to 256"),
    ],
)
def test_what_eks_refuses(gate: Gate, eks: Any, more: dict[str, Any], message: str) -> None:
    role(gate, "irsa", Principal={"AWS": ACCOUNT})
    wanted = {"roleArn": role(gate), **more}
    code, said = refused(lambda: eks.create_pod_identity_association(**NAMED, **wanted))
    assert (code, message in said) == ("InvalidParameterException", True), said


def test_a_cluster_that_is_not_there(gate: Gate, eks: Any) -> None:
    said = refused(lambda: eks.list_pod_identity_associations(clusterName="none"))
    assert said == ("ResourceNotFoundException", "No cluster found for name: none.")


def test_a_change_takes_effect_after_a_while(gate: Gate, eks: Any) -> None:
    first, second = role(gate), role(gate, "s")
    about = {"clusterName": CLUSTER.name, "associationId": associated(eks, first)["associationId"]}
    assert identity_of(gate) == "ResourceNotFoundException"
    gate.clock.sleep(SETTLES)
    assert identity_of(gate) == first
    eks.update_pod_identity_association(**about, roleArn=second)
    assert identity_of(gate) == first
    gate.clock.sleep(SETTLES)
    eks.delete_pod_identity_association(**about)
    assert identity_of(gate) == second
    gate.clock.sleep(SETTLES)
    assert identity_of(gate) == "ResourceNotFoundException"


REQUESTED = {"aws:RequestTag/kubernetes-namespace": POD.namespace, "aws:SourceArn": ARN}


@pytest.mark.parametrize(
    ("trusts", "more", "let_in"),
    [
        ({}, {}, True),
        ({"Condition": {"StringEquals": REQUESTED}}, {}, True),
        ({"Condition": {"StringEquals": {**REQUESTED, "aws:SourceArn": f"{ARN}-2"}}}, {}, False),
        ({"Condition": {"StringEquals": REQUESTED}}, {"disableSessionTags": True}, False),  # it requests no tag
        ({"actions": ("AssumeRole",)}, {}, False),
        ({"actions": ("AssumeRole",)}, {"disableSessionTags": True}, True),
    ],
)
def test_the_role_has_to_trust_eks_and_its_tags(
    gate: Gate, eks: Any, trusts: dict[str, Any], more: dict[str, Any], let_in: bool
) -> None:
    arn = role(gate, **trusts)
    associated(eks, arn, **more)
    gate.clock.sleep(SETTLES)
    assert identity_of(gate) == (arn if let_in else "AccessDeniedException")


def test_a_target_role_is_what_the_pod_gets(gate: Gate, eks: Any) -> None:
    first = role(gate)
    named = associated(eks, first, targetRoleArn=f"arn:aws:iam::{ACCOUNT}:role/target")
    gate.clock.sleep(SETTLES)
    assert identity_of(gate) == "AccessDeniedException"
    external = {"StringEquals": {"sts:ExternalId": named["externalId"]}}
    target = role(gate, "target", Principal={"AWS": first}, Condition=external)
    assert identity_of(gate) == target


def test_a_session_passes_its_tags_on_to_other_accounts(gate: Gate, eks: Any) -> None:
    """EKS marks the tags as transitive: whoever is assumed next has to allow TagSession, and so has the caller."""
    arn = role(gate)
    associated(eks, arn)
    gate.clock.sleep(SETTLES)
    iam = gate.boto.client("iam")
    session, _ = gate.cloud.eks.pods.session(OWNER, POD)
    keys = (session.access_key_id, session.secret_access_key, session.session_token)
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    sts = gate.boto.client("sts", **dict(zip(names, keys, strict=True)))

    def attempt() -> str:
        try:
            return str(sts.assume_role(RoleArn=next_role, RoleSessionName="xyz")["AssumedRoleUser"]["Arn"])
        except sts.exceptions.ClientError as error:
            return str(error)

    next_role = role(gate, "next", actions=("AssumeRole",), Principal={"AWS": arn})
    allow = {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": next_role}
    for actions in (["sts:AssumeRole"], ["sts:AssumeRole", "sts:TagSession"]):
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Action": actions}]}
        iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
        assert ("not authorized to perform: sts:TagSession" in attempt()) is (len(actions) == 1)
    tagged = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    document = {"Version": "2012-10-17", "Statement": [tagged]}
    iam.update_assume_role_policy(RoleName="next", PolicyDocument=json.dumps(document))
    assert attempt().startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/next/")
    assert tags(OWNER, POD)["kubernetes-namespace"] == POD.namespace


def test_whoever_gives_a_role_to_pods_has_to_be_allowed_to_pass_it(gate: Gate, eks: Any) -> None:
    arn, iam = role(gate), gate.boto.client("iam")
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    caller = gate.boto.client("eks", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    needed = ["eks:CreatePodIdentityAssociation", "iam:PassRole", "iam:GetRole", "eks:TagResource"]
    for count, action in enumerate(needed):
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": needed[:count], "Resource": "*"}],
        }
        if count:
            iam.put_user_policy(UserName="caller", PolicyName="p", PolicyDocument=json.dumps(policy))
        code, message = refused(lambda: associated(caller, arn, tags={"a": "b"}))
        assert (code, f"not authorized to perform: {action} " in message) == ("AccessDeniedException", True), message


def test_the_agents_add_on(gate: Gate, eks: Any) -> None:
    seen: list[bool] = []
    gate.cloud.eks.addons.changed = lambda _owner, there: seen.append(there)
    about = {"clusterName": CLUSTER.name, "addonName": AGENT}
    assert refused(lambda: eks.describe_addon(**about))[0] == "ResourceNotFoundException"
    assert eks.create_addon(**about)["addon"]["status"] == "CREATING"
    assert refused(lambda: eks.create_addon(**about))[0] == "ResourceInUseException"
    assert refused(lambda: eks.create_addon(**{**about, "addonName": "x"}))[0] == "InvalidParameterException"
    gate.clock.sleep(SETTLES)
    assert eks.describe_addon(**about)["addon"]["status"] == "ACTIVE"
    assert eks.list_addons(clusterName=CLUSTER.name)["addons"] == [AGENT]
    assert eks.delete_addon(**about)["addon"]["status"] == "DELETING"
    assert seen == [True, False]


def test_a_capability_leaves_services_out(gate: Gate, eks: Any) -> None:
    arn = role(gate, Principal={"Service": "capabilities.eks.amazonaws.com"})
    about = {"clusterName": CLUSTER.name, "capabilityName": "ack"}
    wanted = {**about, "type": "ACK", "roleArn": arn, "deletePropagationPolicy": "RETAIN"}
    assert refused(lambda: eks.create_capability(**{**wanted, "roleArn": f"{arn}-2"}))[0] == "InvalidParameterException"
    assert eks.create_capability(**wanted)["capability"]["status"] == "CREATING"
    assert refused(lambda: eks.create_capability(**{**wanted, "capabilityName": "b"}))[0] == "ResourceInUseException"
    update = {"ack": {"disabledServices": ["s3"]}}
    assert refused(lambda: eks.update_capability(**about, configuration=update))[0] == "ResourceInUseException"
    for services in (["s3"], ["sagemaker"]):  # a new list replaces the old one
        gate.clock.sleep(SETTLES)
        eks.update_capability(**about, configuration={"ack": {"disabledServices": services}})
        assert eks.describe_capability(**about)["capability"]["status"] == "UPDATING"
    gate.clock.sleep(SETTLES)
    (found,) = gate.session().eks.ack_capabilities(CLUSTER.name)
    assert (found.name, found.status, found.disabled) == ("ack", "ACTIVE", ("sagemaker",))
    eks.delete_capability(**about)
    assert eks.describe_capability(**about)["capability"]["status"] == "DELETING"
    gate.clock.sleep(SETTLES)
    assert eks.list_capabilities(clusterName=CLUSTER.name)["capabilities"] == []


def test_every_answer_has_the_shape_that_the_api_documents(gate: Gate, eks: Any) -> None:
    """botocore leaves out what it does not know, so that a misspelt member would go unseen."""
    arn = role(gate)
    own = gate.cloud.eks
    asked = {**NAMED, "roleArn": arn, "targetRoleArn": arn, "tags": {"a": "b"}}
    made = own.pods.answer("CreatePodIdentityAssociation", OWNER, asked)
    about = {"associationId": made["association"]["associationId"], "addonName": AGENT}
    verbs = ["ListPodIdentityAssociations", "DescribePodIdentityAssociation", "UpdatePodIdentityAssociation"]
    answers = {verb: own.pods.answer(verb, OWNER, about) for verb in [*verbs, "DeletePodIdentityAssociation"]}
    for verb in ("CreateAddon", "DescribeAddon", "ListAddons", "DeleteAddon"):
        answers[verb] = own.addons.answer(verb, OWNER, about)
    trusted = role(gate, "c", Principal={"Service": "capabilities.eks.amazonaws.com"})
    capability = {"capabilityName": "ack", "type": "ACK", "roleArn": trusted}
    for verb in ("Create", "Describe", "Update", "Delete"):
        answers[f"{verb}Capability"] = own.capabilities.answer(f"{verb}Capability", OWNER, capability)
        gate.clock.sleep(SETTLES / 2 if verb == "Delete" else SETTLES)
    answers["ListCapabilities"] = own.capabilities.answer("ListCapabilities", OWNER, capability)
    for verb, answer in (answers | {"CreatePodIdentityAssociation": made}).items():
        shape: Any = eks_model.model().operation_model(verb).output_shape
        assert not ParamValidator().validate(answer, shape).has_errors(), verb
        unknown = [
            (name, key)
            for name, value in answer.items()
            if isinstance(value, dict)
            for key in value
            if key not in shape.members[name].members
        ]
        assert (unknown, {*answer} - {*shape.members}) == ([], set()), verb


def test_what_acksm_writes_is_written_once(gate: Gate, eks: Any) -> None:
    """Each write may have been made by a run that was killed; a deletion that is not through is waited for."""
    own, first, second, tags = gate.session().eks, role(gate), role(gate, "s"), {"acksm:owned": "true"}
    about = (CLUSTER.name, POD.namespace, POD.service_account)
    for _ in range(2):
        own.create_association(*about, first, tags)
    made = own.pod_identity(*about)
    assert made is not None
    assert (made.role, made.through, made.tags, made.marks, made.owner) == (first, first, True, tags, "")
    assert made.account == (POD.namespace, POD.service_account)
    with pytest.raises(AcksmError) as caught:
        own.create_association(*about, second, tags)
    assert caught.value.details["code"] == "ResourceInUseException"
    own.update_association(CLUSTER.name, made.name, second)
    assert own.pod_identity_users(CLUSTER.name, second) == ["/".join(made.account)]
    for _ in range(2):
        own.delete_association(CLUSTER.name, made.name)
    own.create_association(*about, first, tags)
    assert gate.clock.slept == [1.0]
    assert own.addon(CLUSTER.name, AGENT) is None
    for _ in range(2):
        own.create_addon(CLUSTER.name, AGENT, tags)
    addon = own.addon(CLUSTER.name, AGENT)
    assert addon is not None
    assert (addon.status, addon.marks, addon.issues) == ("CREATING", tags, ())
    for _ in range(2):
        own.delete_addon(CLUSTER.name, AGENT)


def test_a_role_that_eks_does_not_see_yet_is_waited_for(gate: Gate, eks: Any) -> None:
    own, about = gate.session().eks, (CLUSTER.name, POD.namespace, POD.service_account)
    with pytest.raises(AcksmError) as caught:
        own.create_association(*about, f"arn:aws:iam::{ACCOUNT}:role/late", {})
    assert (caught.value.details["code"], sum(gate.clock.slept)) == ("InvalidParameterException", 60.0)
