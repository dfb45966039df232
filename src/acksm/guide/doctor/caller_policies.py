"""The IAM permissions that each command's caller needs: one table, for `doctor` and `doctor --print-policy`.

Only the AWS side; in the cluster, Kubernetes' own RBAC applies. sts:GetCallerIdentity needs
no permission. A contract test runs commands under callers that have only this, and with one action removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property

from acksm.ack.kinds import API, KINDS
from acksm.aws import ecr
from acksm.aws.simulation import Decisions
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.identity import iam_role, policies, role_names
from acksm.guide.mirror import command as mirror
from acksm.guide.samples import roles as sample_roles
from acksm.json_types import Json
from acksm.settings import OtherAccountSettings, RoleSettings
from acksm.words import did_you_mean

# the resource of a grant
CLUSTER, FARGATE, NODE_GROUPS, ASSOCIATIONS = "cluster", "fargate", "nodegroups", "associations"
CAPABILITIES, ADDONS = "capabilities", "addons"
PROVIDER, ROLE, LINKED, CALLER, TARGET_ROLE, ADMIN = "provider", "role", "linked", "caller", "target", "admin"
SAMPLES, ANY = "samples", "any"
REPOSITORIES, TOKEN = "repositories", "token"  # of charts and images in Amazon ECR
BUCKETS = "buckets"


@dataclass(frozen=True)
class Grant:
    """Actions on a resource. `when` says in which case they are needed, "" for always; `optional`: without them the
    command works, and checks less."""

    on: str
    actions: tuple[str, ...]
    when: str = ""
    optional: bool = False


_CONNECT = (Grant(CLUSTER, ("eks:DescribeCluster",)),)
_COMPUTE = (
    Grant(CLUSTER, ("eks:ListFargateProfiles", "eks:ListNodegroups"), when="no node can run the controllers"),
    Grant(FARGATE, ("eks:DescribeFargateProfile",), when="no node can run the controllers"),
    Grant(NODE_GROUPS, ("eks:DescribeNodegroup",), when="no node can run the controllers"),
)
_PROVIDER_READ = (Grant(PROVIDER, ("iam:GetOpenIDConnectProvider",)),)
_PROVIDER = (
    *_PROVIDER_READ,
    Grant(
        PROVIDER,
        ("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"),
        when="the provider does not exist",
    ),
    Grant(PROVIDER, ("iam:AddClientIDToOpenIDConnectProvider",), when="the provider lacks the audience"),
)
_READ_ROLE = ("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies")
_ROLE_READ = (
    Grant(ROLE, _READ_ROLE[:1]),
    Grant(ROLE, (*_READ_ROLE[1:], "iam:GetRolePolicy"), when="the role exists"),
)
_ROLE = (
    *_ROLE_READ,
    Grant(LINKED, ("iam:GetRole",)),
    Grant(ROLE, ("iam:CreateRole", "iam:TagRole"), when="the role does not exist, or lacks a tag"),
    Grant(ROLE, ("iam:AttachRolePolicy", "iam:PutRolePolicy"), when="the role lacks a policy"),
    Grant(ROLE, ("iam:UpdateAssumeRolePolicy",), when="its trust policy has to be changed"),
    Grant(ROLE, ("iam:PutRolePermissionsBoundary",), when="--permissions-boundary differs from the role's"),
    Grant(LINKED, ("iam:CreateServiceLinkedRole",), when="the service-linked role does not exist"),
)
_NARROWED = (
    Grant(ROLE, ("iam:DetachRolePolicy",), when="the policy changes from core to least"),
    Grant(ANY, ("iam:GetAccountSummary",), when="a role exceeds IAM's default quotas", optional=True),
)
# Simulated before the first write, so that a plan does not stop halfway.
_SIMULATE = (Grant(CALLER, ("iam:SimulatePrincipalPolicy", "iam:GetRole"), optional=True),)
_ASSOCIATED = (
    Grant(CLUSTER, ("eks:ListPodIdentityAssociations",)),
    Grant(ASSOCIATIONS, ("eks:DescribePodIdentityAssociation",), when="the controllers use EKS Pod Identity"),
)
_WHEN_ONE = "the cluster has an EKS capability for ACK"
_CAPABILITIES = (
    Grant(CLUSTER, ("eks:ListCapabilities",)),
    Grant(CAPABILITIES, ("eks:DescribeCapability",), when=_WHEN_ONE),
)
# Without them install notes that it does not know of a capability.
_BESIDE = tuple(replace(grant, optional=True) for grant in _CAPABILITIES)
_POD_IDENTITY = "--identity pod-identity, or as installed"
# Optional, as IRSA needs none of it; the rights of a plan's own changes are checked before the first write.
_MADE_BY_PODS = tuple(
    Grant(on, actions, when, optional=True)
    for on, actions, when in (
        (CLUSTER, ("eks:CreatePodIdentityAssociation", "eks:TagResource"), _POD_IDENTITY),
        (ASSOCIATIONS, ("eks:UpdatePodIdentityAssociation", "eks:TagResource"), _POD_IDENTITY),
        (ROLE, ("iam:PassRole", "iam:GetRole"), _POD_IDENTITY),
        (ADDONS, ("eks:DescribeAddon",), _POD_IDENTITY),
        (CLUSTER, ("eks:ListFargateProfiles",), _POD_IDENTITY),
        (FARGATE, ("eks:DescribeFargateProfile",), _POD_IDENTITY),
        (CLUSTER, ("eks:CreateAddon",), "--install-agent"),
    )
)
_IN_ECR = "the registry is in Amazon ECR"
_PULL = (
    Grant(TOKEN, ("ecr:GetAuthorizationToken",), when=_IN_ECR),
    Grant(REPOSITORIES, ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"), when=_IN_ECR),
    Grant(REPOSITORIES, ("ecr:ListImages",), when="--version SERVICE=latest", optional=True),
)
_ASSUME = (Grant(ADMIN, ("sts:AssumeRole",), when="--target-role-arn"),)
_FAR_ROLE = tuple(
    Grant(TARGET_ROLE if grant.on == ROLE else grant.on, grant.actions, grant.when, grant.optional)
    for grant in (*_ROLE, *_NARROWED)
)
_VERIFY = (*_CONNECT, *_ASSOCIATED, *_ROLE_READ, *_ASSUME, Grant(ROLE, ("iam:SimulatePrincipalPolicy",), optional=True))
# IAM's names of the services in actions are botocore's
_DESCRIBE = tuple(
    sorted({f"{API[kind.service]}:{kind.describe_call}" for kinds in KINDS.values() for kind in kinds.values()})
)
_LIST = tuple(sorted({f"{API[kind.service]}:{kind.list_call}" for kinds in KINDS.values() for kind in kinds.values()}))
_TAGS = ("sagemaker:ListTags", "application-autoscaling:ListTagsForResource")
_ON_RESOURCES = frozenset((*_DESCRIBE, *_TAGS))  # allowed by policies on single resources too, unlike the lists
_LOOK = (
    *_CONNECT,
    *_COMPUTE,
    *_PROVIDER_READ,
    *_ROLE_READ,
    Grant(LINKED, ("iam:GetRole",)),
    *_ASSOCIATED,
    *_CAPABILITIES,
    Grant(ADDONS, ("eks:DescribeAddon",), when="the controllers use EKS Pod Identity", optional=True),
    *_SIMULATE,
    Grant(ROLE, ("iam:SimulatePrincipalPolicy",), optional=True),
    Grant(ANY, _DESCRIBE, when="KIND/NAME is of that kind"),
    *_PULL,
)
_STATUS = (
    *_CONNECT,
    *_COMPUTE,
    *_ASSOCIATED,
    Grant(ADDONS, ("eks:DescribeAddon",), when="the controllers use EKS Pod Identity", optional=True),
    Grant(PROVIDER, ("iam:GetOpenIDConnectProvider",), when="drift is checked"),
    Grant(ROLE, (*_READ_ROLE, "iam:GetRolePolicy"), when="drift is checked"),
    Grant(LINKED, ("iam:GetRole",), when="drift is checked"),
    *_PULL,
    *_CAPABILITIES,
)


def _role_gone(resource: str) -> tuple[Grant, ...]:
    """What deleting a role needs."""
    return (
        Grant(resource, _READ_ROLE[:1]),
        Grant(
            resource,
            (*_READ_ROLE[1:], "iam:GetRolePolicy", "iam:ListInstanceProfilesForRole"),
            when="the role exists",
        ),
        Grant(resource, ("iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"), when="the role is deleted"),
    )


_MAY_BE_ASSOCIATED = tuple(replace(grant, optional=True) for grant in _ASSOCIATED)
_INSTALL = (
    *_CONNECT,
    *_COMPUTE,
    *_PROVIDER,
    *_MAY_BE_ASSOCIATED,
    *_ROLE,
    *_NARROWED,
    *_MADE_BY_PODS,
    *_PULL,
    *_SIMULATE,
    *_BESIDE,
)
COMMANDS: dict[str, tuple[Grant, ...]] = {
    "init": (*_CONNECT, Grant(ANY, ("eks:ListClusters",), when="no --cluster is given", optional=True)),
    "connect": _CONNECT,
    "oidc": (*_CONNECT, *_PROVIDER, *_SIMULATE),
    "iam-role": (*_CONNECT, *_PROVIDER_READ, *_MAY_BE_ASSOCIATED, *_ROLE, *_NARROWED, *_SIMULATE),
    "install": _INSTALL,
    "upgrade": (
        *_INSTALL,
        Grant(ANY, _DESCRIBE, when="--convert-adopted, and an AdoptedResource of that kind is pending"),
        Grant(TARGET_ROLE, ("sts:AssumeRole",), when="--convert-adopted, in a namespace of another account"),
    ),
    "export": (
        *_CONNECT,
        *_COMPUTE,
        *_PROVIDER_READ,
        *_MAY_BE_ASSOCIATED,
        *_ROLE_READ,
        Grant(LINKED, ("iam:GetRole",), optional=True),
        *_PULL,
        *_BESIDE,
    ),
    "status": _STATUS,
    "history": (*_CONNECT, *(replace(grant, optional=True) for grant in (*_PROVIDER_READ, *_ROLE_READ))),
    "logs": _CONNECT,
    "versions": (*_CONNECT, *_PULL, Grant(REPOSITORIES, ("ecr:ListImages",), when=_IN_ECR)),
    "region bind": _CONNECT,
    "region unbind": _CONNECT,
    "region list": _CONNECT,
    "region explain": _CONNECT,
    "samples delete": _CONNECT,
    "rbac grant": _CONNECT,
    "rbac revoke": _CONNECT,
    "identity status": (*_CONNECT, *_ASSOCIATED, *_PROVIDER_READ, *_ROLE_READ),
    "identity migrate": (
        *_CONNECT,
        *_ASSOCIATED,
        *_PROVIDER,
        *_ROLE_READ,
        Grant(ROLE, ("iam:UpdateAssumeRolePolicy",), when="its trust policy has to be changed"),
        Grant(ROLE, ("iam:TagRole",), when="--adopt-role"),
        Grant(ROLE, ("iam:PutRolePolicy", "iam:SimulatePrincipalPolicy"), when="roles of other accounts are assumed"),
        Grant(TARGET_ROLE, _READ_ROLE[:1], when="roles of other accounts are assumed"),
        *(replace(grant, when="--to pod-identity") for grant in _MADE_BY_PODS),
        Grant(ASSOCIATIONS, ("eks:DeletePodIdentityAssociation",), when="--to irsa"),
        Grant(ANY, ("iam:GetAccountSummary",), when="a role exceeds IAM's default quotas", optional=True),
        *_PULL,
        *_ASSUME,
        *_SIMULATE,
    ),
    "carm setup": (
        *_CONNECT,
        *_ASSOCIATED,
        *_ROLE_READ,
        Grant(ROLE, ("iam:PutRolePolicy",)),
        *_ASSUME,
        *_SIMULATE,
    ),
    "carm bind": _CONNECT,
    "carm unbind": _CONNECT,
    "carm list": _VERIFY,
    "carm verify": _VERIFY,
    "samples apply": (
        *_CONNECT,
        *(
            Grant(SAMPLES, grant.actions, f"--with-role: {grant.when}".rstrip(": "))
            for grant in _ROLE
            if grant.on == ROLE
        ),
        *_SIMULATE,
        Grant(ROLE, ("iam:SimulatePrincipalPolicy",), optional=True),
        Grant(BUCKETS, ("s3:ListBucket",), optional=True),  # HeadBucket
    ),
    "adopt": (
        *_CONNECT,
        *_ASSOCIATED,
        Grant(ANY, _DESCRIBE, when="an object of that kind is adopted"),
        Grant(ANY, (*_LIST, *_TAGS), when="--discover"),
        Grant(TARGET_ROLE, ("sts:AssumeRole",), when="the namespace is bound to another account"),
        *_ASSUME,
    ),
    "cleanup": (
        *_CONNECT,
        Grant(ANY, ("iam:ListOpenIDConnectProviders",)),
        Grant(PROVIDER, ("iam:GetOpenIDConnectProvider",), when="the provider exists"),
        *_role_gone(ROLE),
        *_role_gone(SAMPLES),
        Grant(CLUSTER, ("eks:ListPodIdentityAssociations",), when="the role exists"),
        Grant(ASSOCIATIONS, ("eks:DescribePodIdentityAssociation",), when="the role exists"),
        *_BESIDE,
        Grant(ASSOCIATIONS, ("eks:DeletePodIdentityAssociation",), when="an association of acksm's is deleted"),
        Grant(ADDONS, ("eks:DescribeAddon",), when="the role exists", optional=True),
        Grant(ADDONS, ("eks:DeleteAddon",), when="the agent's add-on is acksm's and unused"),
        Grant(ANY, ("iam:ListRoles",), when="--oidc"),
        Grant(ANY, _DESCRIBE, when="objects of that kind are deleted"),
        Grant(ROLE, ("iam:PutRolePolicy",), when="--carm"),
        Grant(PROVIDER, ("iam:DeleteOpenIDConnectProvider",), when="--oidc"),
        *_ASSUME,
        *_SIMULATE,
    ),
    "capability status": (*_CONNECT, *_CAPABILITIES),
    "capability share": (
        *_CONNECT,
        *_CAPABILITIES,
        Grant(CAPABILITIES, ("eks:UpdateCapability",), when=_WHEN_ONE),
        *_SIMULATE,
    ),
    "fleet facts": (*_CONNECT, *_ASSOCIATED, *_ROLE_READ),
    "doctor": _LOOK,
    "report": _LOOK,
}
# The caller in the target account; `carm verify` needs its reads.
OTHER_ACCOUNT = "carm setup, in the other account"
OTHER_CLEANUP = "cleanup, in the other account"
TARGET_ACCOUNT_ONLY = {
    OTHER_ACCOUNT: (*_FAR_ROLE, *_SIMULATE),
    OTHER_CLEANUP: (
        *_role_gone(TARGET_ROLE),
        Grant(TARGET_ROLE, ("iam:UpdateAssumeRolePolicy",), when="the role is kept"),
        *_SIMULATE,
    ),
}
# They work on a registry, and on a list of clusters: doctor, which is connected to one, does not check their caller.
MIRROR = {
    "fleet list": (
        Grant(ANY, ("eks:ListClusters",), when="the file has discover"),
        Grant(CLUSTER, ("eks:DescribeCluster",), when="the file has discover"),
        Grant(ANY, ("sts:AssumeRole",), when="the file has assume-role-arn"),
    ),
    "mirror": (
        *_PULL,
        Grant(TOKEN, ("ecr:GetAuthorizationToken",)),
        Grant(REPOSITORIES, ("ecr:DescribeRepositories", *mirror.PUSH)),
        Grant(REPOSITORIES, mirror.CREATE, when="a repository does not exist"),
        *_SIMULATE,
    ),
}
ALL = {**COMMANDS, **TARGET_ACCOUNT_ONLY, **MIRROR}
# Commands that call nothing in AWS but sts:GetCallerIdentity.
WITHOUT = frozenset(
    {
        "plan show",
        "explain",
        "config show",
        "version",
        "token",
        "samples list",
        "samples show",
        "fleet job",
        "fleet merge",
    }
)
# They need what the command needs whose plan they handle.
OF_A_COMMAND = frozenset(
    {"plan", "apply", *(f"fleet {name}" for name in ("status", "doctor", "plan", "apply", "upgrade", "cleanup", "run"))}
)


@dataclass(frozen=True)
class Scope:
    """The parts of a policy's ARNs; "*" for what is unknown. `roles`: the controllers' roles, by ARN; `caller`:
    the caller's own ARN in IAM; `repositories`: ARNs of those in Amazon ECR, () where the charts are elsewhere."""

    partition: str = "aws"
    region: str = "*"
    account: str = "*"
    cluster: str = "*"
    provider: str = ""
    roles: Sequence[str] = ()
    caller: str = ""
    target_role: str = ""
    admin: str = ""
    samples: str = ""
    repositories: Sequence[str] = ()

    def arns(self, resource: str) -> list[str]:
        """The ARNs of a grant on `resource`."""
        return self._by_resource[resource]

    @cached_property
    def _by_resource(self) -> dict[str, list[str]]:
        eks = f"arn:{self.partition}:eks:{self.region}:{self.account}"
        iam = f"arn:{self.partition}:iam::{self.account}"
        own = [self.caller] if self.caller else [f"{iam}:user/*", f"{iam}:role/*"]
        return {
            CLUSTER: [f"{eks}:cluster/{self.cluster}"],
            FARGATE: [f"{eks}:fargateprofile/{self.cluster}/*"],
            NODE_GROUPS: [f"{eks}:nodegroup/{self.cluster}/*"],
            ASSOCIATIONS: [f"{eks}:podidentityassociation/{self.cluster}/*"],
            ADDONS: [f"{eks}:addon/{self.cluster}/*"],
            CAPABILITIES: [f"{eks}:capability/{self.cluster}/*"],
            PROVIDER: [self.provider or f"{iam}:oidc-provider/*"],
            ROLE: _by_name(self.roles) or [f"{iam}:role/*"],
            LINKED: _by_name([policies.linked_arn(self.partition, self.account)]),
            CALLER: own,
            SAMPLES: _by_name([self.samples]) if self.samples else [f"{iam}:role/*"],
            ANY: ["*"],
            TARGET_ROLE: _by_name([self.target_role]) if self.target_role else [f"arn:{self.partition}:iam::*:role/*"],
            REPOSITORIES: list(self.repositories),
            TOKEN: ["*"] if self.repositories else [],
            BUCKETS: [f"arn:{self.partition}:s3:::*"],
            ADMIN: [self.admin or f"arn:{self.partition}:iam::*:role/*"],
        }


def _by_name(arns: Sequence[str]) -> list[str]:
    """Each role with its path and without: for a role that does not exist, IAM checks the ARN without a path."""
    names = [f"{arn.partition(':role/')[0]}:role/{arn.rpartition('/')[2]}" for arn in arns]
    return list(dict.fromkeys([*arns, *names]))


def spellings() -> dict[str, str]:
    """The commands by their names with dashes."""
    known = {name.replace(" ", "-"): name for name in (*COMMANDS, *MIRROR)}
    return known | {"carm-setup-target": OTHER_ACCOUNT, "cleanup-target": OTHER_CLEANUP}


def command_of(requested: str) -> str:
    """The command by its name with spaces or dashes. Error: `policy-unknown` with close names."""
    known = {name.replace(" ", "-"): name for name in ALL} | spellings()
    name = "-".join(requested.replace("-", " ").split())
    if name not in known:
        near = get_close_matches(name, known, n=3)
        raise AcksmError(
            "policy-unknown",
            f"no command {requested!r} that calls AWS" + did_you_mean([known[item] for item in near]),
            where="--print-policy",
        )
    return known[name]


def document(command: str, scope: Scope) -> Json:
    """The policy: one statement for each kind of resource, its actions sorted."""
    by_resource: dict[str, set[str]] = {}
    for grant in ALL[command]:
        by_resource.setdefault(grant.on, set()).update(grant.actions)
    statements = [
        {
            "Sid": f"Acksm{resource.capitalize()}",
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": found[0] if len(found := scope.arns(resource)) == 1 else found,
        }
        for resource, actions in by_resource.items()
        if scope.arns(resource)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def needs(command: str, scope: Scope, *, optional: bool = False) -> dict[str, list[str]]:
    """Resource ARN to the actions on it; optional ones only with `optional`. Without its path a role is only read: to
    IAM, one that does not exist has none."""
    found: dict[str, list[str]] = {}
    for grant in ALL[command]:
        for place, arn in enumerate(scope.arns(grant.on)):
            reads = [action for action in grant.actions if action == "iam:GetRole" and grant.on != LINKED]
            actions = reads if place else grant.actions
            if actions and (optional or not grant.optional):
                have = found.setdefault(arn, [])
                have += [action for action in actions if action not in have]
    return found


def scope_of(target: Target, role: RoleSettings, other: OtherAccountSettings, registries: Iterable[str] = ()) -> Scope:
    """The scope of a connected target; `registries` are the locations of the charts."""
    cluster, identity = target.cluster, target.identity
    role_arn = role.role_arn or iam_role.arn(identity, role_names.of_controllers(cluster.name, role), role.role_path)
    issuer = cluster.issuer.removeprefix("https://")
    return Scope(
        identity.partition,
        cluster.region,
        cluster.account,
        cluster.name,
        f"arn:{identity.partition}:iam::{cluster.account}:oidc-provider/{issuer}",
        (role_arn,),
        caller_of(identity.arn),
        _target_role(identity.partition, other),
        other.target_role_arn,
        sample_roles.arn(identity, cluster.name, role),
        repositories(registries),
    )


def repositories(registries: Iterable[str]) -> tuple[str, ...]:
    """The ARNs of the repositories below those of the locations "HOST/PATH" that are in Amazon ECR."""
    found = []
    for location in registries:
        host, _, path = location.partition("/")
        private = ecr.registry_of(host)
        if private:
            found.append(private.arn(f"{path}/*" if path else "*"))
    return tuple(dict.fromkeys(found))


def _target_role(partition: str, other: OtherAccountSettings) -> str:
    return f"arn:{partition}:iam::{other.target_account or '*'}:role{other.target_role_path}{other.target_role_name}"


def caller_of(arn: str) -> str:
    """The user or role behind the caller's ARN; a session's ARN lacks its role's path, hence the "*". "" for root."""
    head, _, rest = arn.rpartition(":")
    account_head = head.replace(":sts:", ":iam:")
    if rest.startswith("assumed-role/"):
        return f"{account_head}:role/*{rest.split('/')[1]}"
    return arn if rest.startswith(("user/", "role/")) else ""


def missing_actions(
    target: Target, role: RoleSettings, other: OtherAccountSettings, registries: Iterable[str] = ()
) -> dict[str, Sequence[str] | None]:
    """Command to the actions that IAM's simulation denies the caller; None where it could not be simulated.

    Each action is simulated once for each resource, however many commands need it.
    """
    scope = scope_of(target, role, other, registries)
    pairs = {
        command: [
            (action, arn)
            for arn, actions in needs(command, scope).items()
            for action in actions
            if _is_exact(action, arn)
        ]
        for command in COMMANDS
    }
    requested: dict[str, list[str]] = {}
    for action, arn in dict.fromkeys(pair for found in pairs.values() for pair in found):
        requested.setdefault(arn, []).append(action)
    answers = target.aws.iam.decisions(target.identity.arn, requested)
    return {command: _lacking(found, answers) for command, found in pairs.items()}


def _is_exact(action: str, arn: str) -> bool:
    """Whether simulating the action on this ARN shows what the caller may do. IAM compares "*" in a simulated resource
    as a text: that a pattern is denied does not mean that each resource of it is."""
    return "*" not in arn or (arn == "*" and action not in _ON_RESOURCES)


def _lacking(pairs: Sequence[tuple[str, str]], answers: Decisions) -> Sequence[str] | None:
    found = {pair: answers[pair].allowed for pair in pairs if pair in answers}
    denied = sorted({action for (action, _), allowed in found.items() if allowed is False})
    return denied if denied or any(allowed is not None for allowed in found.values()) else None
