"""The policies that `doctor --print-policy` prints, enforced: with exactly that a command works, with less it does not.

The gate in front of moto decides over identity policies (sandbox/permissions.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from abroad import Abroad
from acksm.exits import ExitCode
from acksm.kube.paths import Ref, ref
from world import ONE, Run, World

Policy = dict[str, Any]
# Asked only where no node can run the controllers.
OF_COMPUTE = {
    "eks:ListFargateProfiles",
    "eks:DescribeFargateProfile",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
}
BESIDE = {"eks:ListCapabilities", "eks:DescribeCapability"}  # what install only notes where it is missing
# Asked only by EKS Pod Identity: tests/aws/test_pod_identity.py takes these away one by one.
OF_POD_IDENTITY = {
    "eks:CreatePodIdentityAssociation",
    "eks:UpdatePodIdentityAssociation",
    "eks:TagResource",
    "eks:DescribeAddon",
    "eks:CreateAddon",
    "iam:PassRole",
}
# One case of each command in CI, every action in `make soak`.
EVERY = pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.soak)])


@pytest.fixture
def abroad(world: World) -> Iterator[Abroad]:
    found = Abroad.open(world)
    yield found
    found.clean()


class Caller:
    """An IAM user of the account whose policy can be changed; an administrator of the cluster."""

    def __init__(self, world: World) -> None:
        self.world, self.count = world, 0
        self.keys = world.user(
            "caller", policy={"Version": "2012-10-17", "Statement": [CONNECT]}, groups=["system:masters"]
        )

    def policy(self, command: str) -> Policy:
        """As the caller itself gets it, who may do nothing yet but say who it is."""
        self.allow({"Version": "2012-10-17", "Statement": [CONNECT]})
        run = self.world.acksm("doctor", "--print-policy", command, "-o", "json", env=self.keys).ok()
        found: Policy = run.data["policy"]["document"]
        if command == "oidc":  # the text is the document alone, for the aws command
            text = self.world.acksm("doctor", "--print-policy", command, env=self.keys).ok().stdout
            assert json.loads(text) == found
        return found

    def allow(self, policy: Policy) -> None:
        """As a managed policy, for those of some commands are too long for a user's own."""
        iam = self.world.aws("iam")
        for one in iam.list_attached_user_policies(UserName="caller")["AttachedPolicies"]:
            iam.detach_user_policy(UserName="caller", PolicyArn=one["PolicyArn"])
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_user_policy(UserName="caller", PolicyName="practice")
        self.count += 1
        name = f"caller-{self.world.count}-{self.count}"
        made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))
        iam.attach_user_policy(UserName="caller", PolicyArn=made["Policy"]["Arn"])

    def run(self, policy: Policy, *argv: str) -> Run:
        self.allow(policy)
        return self.world.acksm(*argv, env=self.keys)


NOBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
}
CONNECT = {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}


def without(policy: Policy, action: str) -> Policy:
    """The policy with one action taken out wherever it stands."""
    statements = [{**one, "Action": [name for name in one["Action"] if name != action]} for one in policy["Statement"]]
    who = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}  # a policy has to say something
    return {**policy, "Statement": [who, *(one for one in statements if one["Action"])]}


def each_is_needed(caller: Caller, policy: Policy, actions: Sequence[str], *argv: str) -> None:
    """Without any of `actions` the command fails, names the action, and writes nothing in AWS."""
    for action in actions:
        assert action in json.dumps(policy)
        run = caller.run(without(policy, action), *argv)
        assert (run.error_id, run.exit_code) == ("aws-access-denied", 3), action
        assert action in run.stderr, action


def test_oidc_and_iam_role(abroad: Abroad) -> None:
    world, iam = abroad.world, abroad.world.aws("iam")
    caller = Caller(world)

    oidc = caller.policy("oidc")
    fresh = ("eks:DescribeCluster", "iam:GetOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider")
    each_is_needed(caller, oidc, [*fresh, "iam:TagOpenIDConnectProvider"], "oidc", "-y")
    provider = caller.run(oidc, "oidc", "-y").ok().stdout.strip()
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="sts.amazonaws.com")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="theirs")
    each_is_needed(caller, oidc, ["iam:AddClientIDToOpenIDConnectProvider"], "oidc", "-y")
    caller.run(oidc, "oidc", "-y").ok()

    role = caller.policy("iam-role")
    made = ("iam:CreateRole", "iam:TagRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:CreateServiceLinkedRole")
    each_is_needed(caller, role, ["iam:GetOpenIDConnectProvider", "iam:GetRole", *made], "iam-role", "-y")
    caller.run(role, "iam-role", "-y").ok()
    read = ("iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy")
    each_is_needed(caller, role, read, "iam-role", "-y")
    name = f"ack-controller-role-{world.cluster}"
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(NOBODY))
    each_is_needed(caller, role, ["iam:UpdateAssumeRolePolicy"], "iam-role", "-y")
    boundary = ("--permissions-boundary", "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    each_is_needed(caller, role, ["iam:PutRolePermissionsBoundary"], "iam-role", "-y", *boundary)
    caller.run(role, "iam-role", "-y", *boundary).ok()


def test_install_and_what_looks_at_it_and_takes_it_away(abroad: Abroad) -> None:
    world, iam = abroad.world, abroad.world.aws("iam")
    caller = Caller(world)
    install = caller.policy("install")
    presets = ("--policy", "core", "--policy", "autoscaling")  # an attached policy and an inline one
    caller.run(install, "install", "-y", *ONE, *presets).ok()
    parts = [one for part in ("oidc", "iam-role") for one in caller.policy(part)["Statement"]]
    said, tested = ({action for one in found for action in one["Action"]} for found in (install["Statement"], parts))
    assert said - tested <= OF_COMPUTE | BESIDE | OF_POD_IDENTITY  # the other tests take these away one by one
    kept = caller.run(without(install, "iam:SimulatePrincipalPolicy"), "install", *ONE).ok()
    assert "up to date" in kept.stderr
    unseen = caller.run(without(install, "eks:ListCapabilities"), "install", *ONE).ok()
    assert "not checked: EKS capabilities" in unseen.stderr
    assert "eks:ListCapabilities" in unseen.stderr

    for reading in ("logs", "history", "versions"):
        found = caller.policy(reading)
        more = {"logs": ONE[1:], "versions": ONE}.get(reading, ())
        run = caller.run(found, reading, *more, "-o", "json").ok()
        assert run.data.get("unread", []) == []
        assert "are unknown" not in run.stderr
    known = caller.run(without(caller.policy("history"), "iam:GetRole"), "history", "-o", "json")
    assert known.exit_code == ExitCode.INCOMPLETE
    unread = known.data["unread"]
    assert "iam:GetRole" in str(unread)
    status = caller.policy("status")
    whole = caller.run(status, "status", "-o", "json", *ONE).ok().data
    assert (whole["drift"], whole["drift_unknown"]) == ([], "")
    each_is_needed(caller, status, ["eks:DescribeCluster"], "status")
    read = ("iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy")
    for action in ("iam:GetOpenIDConnectProvider", "iam:GetRole", *read):
        less = caller.run(without(status, action), "status", "-o", "json", *ONE)
        assert (less.exit_code, less.data["healthy"]) == (7, None)
        assert action in less.data["drift_unknown"]

    doctor = caller.policy("doctor")
    run = caller.run(doctor, "doctor", "-o", "json", *ONE).ok()
    assert [check["id"] for check in run.data["checks"] if check["state"] == "unknown"] == []
    assert {check["id"] for check in run.data["checks"] if check["state"] == "warning"} == {
        "check.iam-rights",
        "check.pass-role",
    }
    for action in ("iam:GetOpenIDConnectProvider", "iam:GetRole", *read, "iam:SimulatePrincipalPolicy"):
        less = caller.run(without(doctor, action), "doctor", "-o", "json", *ONE)
        simulates = action == "iam:SimulatePrincipalPolicy"  # optional: the answer is complete without
        assert (less.exit_code, less.data["healthy"]) == ((0, True) if simulates else (7, None)), action
        assert "unknown" in {check["state"] for check in less.data["checks"]}, action
    caller.run(caller.policy("report"), "report", "--out", "r.zip", *ONE).ok()

    cleanup = caller.policy("cleanup")
    gone = ("iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole", "iam:DeleteOpenIDConnectProvider")
    looked = ("iam:ListOpenIDConnectProviders", "iam:ListInstanceProfilesForRole")
    each_is_needed(caller, cleanup, [*looked, *gone], "cleanup", "--all", "-y")
    caller.run(cleanup, "cleanup", "--all", "-y").ok()
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


@pytest.mark.crds
def test_region_and_carm(abroad: Abroad) -> None:
    world = abroad.world
    world.install("--service", "sagemaker")
    caller, space = Caller(world), abroad.namespace("team")
    abroad.setup().ok()
    for command, argv in {
        "region bind": (space, "eu-west-1", "-y"),
        "carm bind": (space, "--target-account", abroad.account, "-y"),
    }.items():
        policy = caller.policy(command)
        each_is_needed(caller, policy, ["eks:DescribeCluster"], *command.split(), *argv)
        caller.run(policy, *command.split(), *argv).ok()

    verify = caller.policy("carm verify")
    whole = caller.run(verify, "carm", "verify", "--live", "-o", "json")
    assert {check["state"] for check in whole.data["checks"] if check["id"] != "check.carm-role"} == {"ok"}
    read = ("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy")
    each_is_needed(caller, verify, read, "carm", "verify")
    caller.run(caller.policy("carm list"), "carm", "list").ok()

    setup = caller.policy("carm setup")
    far = ("carm", "setup", "--target-account", "222222222222", "--print", "-y")
    each_is_needed(caller, setup, [*read, "iam:PutRolePolicy"], *far)
    caller.run(setup, *far).ok()
    caller.run(caller.policy("carm unbind"), "carm", "unbind", space, "-y").ok()
    assert world.kube.get(ref("Namespace", space)) is not None


@pytest.mark.crds
def test_the_other_accounts_administrator_needs_no_more(abroad: Abroad) -> None:
    world, iam = abroad.world, abroad.iam
    world.install("--service", "sagemaker")
    run = world.acksm(
        "doctor", "--print-policy", "carm-setup-target", "--target-account", abroad.account, "-o", "json"
    ).ok()
    policy = run.data["policy"]["document"]
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    admin = iam.create_role(RoleName="Admin", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    def setup(allowed: Policy) -> Run:
        iam.put_role_policy(RoleName="Admin", PolicyName="p", PolicyDocument=json.dumps(allowed))
        return world.acksm("carm", "setup", "--target-account", abroad.account, "--target-role-arn", admin, "-y")

    for action in ("iam:CreateRole", "iam:AttachRolePolicy", "iam:TagRole"):
        assert action in setup(without(policy, action)).stderr
    setup(policy).ok()
    for action in ("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"):
        run = setup(without(policy, action))
        assert (run.error_id, action in run.stderr) == ("aws-access-denied", True), action


def left_out(every: bool, *actions: str) -> Sequence[str]:
    return actions if every else actions[:2]


@pytest.mark.crds
@EVERY
def test_adopt_and_samples_and_cleanup(every: bool, abroad: Abroad) -> None:
    world, iam = abroad.world, abroad.world.aws("iam")
    world.install("--service", "sagemaker")
    caller, space = Caller(world), abroad.namespace("team")
    describe = {"ExecutionRoleArn": abroad.own_role, "PrimaryContainer": {"Image": "practice:1"}}
    world.aws("sagemaker").create_model(ModelName="churn", **describe)

    adopt, one = caller.policy("adopt"), ("adopt", "Model", "churn", "-n", space)
    each_is_needed(caller, adopt, left_out(every, "sagemaker:DescribeModel", "eks:DescribeCluster"), *one)
    found = ("adopt", "--discover", "--kind", "Model", "-n", space, "-y")
    each_is_needed(caller, adopt, left_out(every, "sagemaker:ListModels"), *found)
    caller.run(adopt, *one).ok()
    caller.run(adopt, *found).ok()
    abroad.made.append(Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "churn", space))

    world.bucket("practice-data")
    samples = caller.policy("samples apply")
    sample = ("samples", "apply", "model", "-n", space, "--with-role", "--set", "bucket=practice-data", "-y")
    fresh = ("iam:CreateRole", "iam:PutRolePolicy", "iam:TagRole", "iam:AttachRolePolicy", "iam:GetRole")
    each_is_needed(caller, samples, left_out(every, *fresh), *sample)
    caller.run(samples, *sample).ok()
    abroad.made.append(Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "acksm-model", space))
    there = ("iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy", "eks:DescribeCluster")
    each_is_needed(caller, samples, left_out(every, *there), *sample)

    cleanup = caller.policy("cleanup")
    everything = ("cleanup", "--all", "--delete-aws", "--confirm", world.cluster)
    reads = ("iam:GetRole", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies", "iam:GetRolePolicy")
    more = ("iam:ListAttachedRolePolicies", "iam:ListOpenIDConnectProviders", "iam:GetOpenIDConnectProvider")
    each_is_needed(caller, cleanup, left_out(every, *reads, *more, "eks:ListPodIdentityAssociations"), *everything)
    writes = ("iam:DeleteRole", "iam:DeleteOpenIDConnectProvider", "iam:DetachRolePolicy", "iam:DeleteRolePolicy")
    each_is_needed(caller, cleanup, left_out(every, *writes), *everything)
    assert world.kube.get(ref("Namespace", world.namespace)) is not None  # the lack was told before the first write
    assert caller.run(cleanup, *everything, "-o", "json").ok().data["result"]["left"] == []
    assert [role["RoleName"] for role in iam.list_roles()["Roles"] if "acksm" in role["RoleName"]] == []
