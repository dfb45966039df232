"""IAM's API in memory, and where a process may end: what `tests/memory_world.py` is made of."""

# ruff: noqa: N803 (the names of parameters are boto3's)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from acksm.aws.account import Aws
from acksm.aws.eks import Addon, Association, Capability, Cluster, FargateProfile, NodeGroup
from acksm.aws.iam import Iam
from acksm.aws.session import Identity
from acksm.errors import AcksmError
from memory_kube import Json, copied

ACCOUNT, REGION, HOME = "012345678901", "us-west-2", "ack-system"
CLUSTER = Cluster(
    "demo",
    f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/demo",
    REGION,
    ACCOUNT,
    "https://memory.invalid",
    "",
    f"https://oidc.eks.{REGION}.amazonaws.com/id/{'A' * 32}",
    "ACTIVE",
    "1.35",
)
IDENTITY = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "AIDA")
ISSUER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{CLUSTER.issuer.removeprefix('https://')}"
ROLE_NAME = "ack-controller-role-demo"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Fuse:
    """Counts writes, and ends the process before one of them. -1: never."""

    left: int = -1
    writes: int = 0

    def burn(self, _call: str = "") -> None:
        if self.left == 0:
            raise Killed
        self.left -= self.left > 0
        self.writes += 1


class MemoryIam(Iam):
    """IAM's API as far as acksm calls it; roles and providers by name and ARN."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(Aws(region=REGION))  # no call of it is made: `_call` and `_pages` stand below
        self.fuse = fuse
        self.roles: dict[str, Json] = {}
        self.providers: dict[str, Json] = {}

    def _call(self, operation: str, method: str, where: str, **params: Any) -> Any:
        answer: Callable[..., Any] = getattr(self, f"_{method}")
        if not operation.startswith(("Get", "List", "Simulate")):
            self.fuse.burn(operation)
        return copied(answer(**params))

    def _pages(self, operation: str, method: str, key: str, **params: Any) -> list[Any]:
        found: list[Any] = copied(getattr(self, f"_{method}")(**params))
        return found

    def _role(self, name: str) -> Json:
        if name not in self.roles:
            raise _iam_error("NoSuchEntity", name)
        return self.roles[name]

    def _provider(self, arn: str) -> Json:
        if arn not in self.providers:
            raise _iam_error("NoSuchEntity", arn)
        return self.providers[arn]

    def _get_role(self, RoleName: str) -> Any:
        return {"Role": self._role(RoleName)["Role"]}

    def _list_role_policies(self, RoleName: str) -> Any:
        return list(self._role(RoleName)["inline"])

    def _get_role_policy(self, RoleName: str, PolicyName: str) -> Any:
        return {"PolicyDocument": self._role(RoleName)["inline"][PolicyName]}

    def _list_attached_role_policies(self, RoleName: str) -> Any:
        return [{"PolicyArn": arn} for arn in self._role(RoleName)["attached"]]

    def _list_instance_profiles_for_role(self, RoleName: str) -> Any:
        return []

    def _list_roles(self) -> Any:
        return [role["Role"] for role in self.roles.values()]

    def _get_open_id_connect_provider(self, OpenIDConnectProviderArn: str) -> Any:
        return self._provider(OpenIDConnectProviderArn)

    def _list_open_id_connect_providers(self) -> Any:
        return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in self.providers]}

    def _simulate_principal_policy(self, ActionNames: Sequence[str], **_: Any) -> Any:
        return [{"EvalActionName": name, "EvalDecision": "allowed"} for name in ActionNames]

    def _create_open_id_connect_provider(self, Url: str, ClientIDList: list[str], Tags: list[Json]) -> None:
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{Url.removeprefix('https://')}"
        if arn in self.providers:
            raise _iam_error("EntityAlreadyExists", arn)
        self.providers[arn] = {"Url": Url, "ClientIDList": ClientIDList, "Tags": Tags}

    def _add_client_id_to_open_id_connect_provider(self, OpenIDConnectProviderArn: str, ClientID: str) -> None:
        self._provider(OpenIDConnectProviderArn)["ClientIDList"].append(ClientID)

    def _create_role(self, RoleName: str, Path: str, AssumeRolePolicyDocument: str, Tags: list[Json], **_: Any) -> None:
        if RoleName in self.roles:
            raise _iam_error("EntityAlreadyExists", RoleName)
        role: Json = {"Arn": f"arn:aws:iam::{ACCOUNT}:role{Path}{RoleName}", "Path": Path, "Tags": Tags}
        role["CreateDate"] = datetime(2026, 1, 1, tzinfo=UTC)
        role["AssumeRolePolicyDocument"] = AssumeRolePolicyDocument
        self.roles[RoleName] = {"Role": role, "attached": [], "inline": {}}

    def _update_assume_role_policy(self, RoleName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["Role"]["AssumeRolePolicyDocument"] = PolicyDocument

    def _attach_role_policy(self, RoleName: str, PolicyArn: str) -> None:
        self._role(RoleName)["attached"].append(PolicyArn)

    def _put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
        self._role(RoleName)["inline"][PolicyName] = PolicyDocument

    def _tag_role(self, RoleName: str, Tags: list[Json]) -> None:
        role = self._role(RoleName)["Role"]
        new = {tag["Key"] for tag in Tags}
        role["Tags"] = [tag for tag in role["Tags"] if tag["Key"] not in new] + Tags

    def _create_service_linked_role(self, AWSServiceName: str) -> None:
        name = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        self._create_role(name, f"/aws-service-role/{AWSServiceName}/", "{}", [])

    def _detach_role_policy(self, RoleName: str, PolicyArn: str) -> None:
        self._role(RoleName)["attached"].remove(PolicyArn)

    def _delete_role_policy(self, RoleName: str, PolicyName: str) -> None:
        del self._role(RoleName)["inline"][PolicyName]

    def _delete_role(self, RoleName: str) -> None:
        role = self._role(RoleName)
        if role["attached"] or role["inline"]:
            raise _iam_error("DeleteConflict", RoleName)
        del self.roles[RoleName]

    def _delete_open_id_connect_provider(self, OpenIDConnectProviderArn: str) -> None:
        del self.providers[OpenIDConnectProviderArn]


def _iam_error(code: str, what: str) -> AcksmError:
    return AcksmError("aws-failed", f"{code}: {what}", details={"code": code})


class MemoryEks:
    """A cluster with nodes, without Fargate and capabilities; its associations and add-ons have an effect at once."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.associated: dict[tuple[str, str], Association] = {}
        self.addons: dict[str, Addon] = {}
        self.changed: Callable[[str, bool], None] = lambda _name, _there: None  # its DaemonSet comes or goes

    def pod_identity_users(self, _cluster: str, role: str, /) -> list[str]:
        return ["/".join(one.account) for one in self.associated.values() if role in (one.role, one.through)]

    def pod_identity(self, _cluster: str, namespace: str, service_account: str, /) -> Association | None:
        return self.associated.get((namespace, service_account))

    def associations(self, _cluster: str, namespace: str = "", /) -> list[Association]:
        return [one for one in self.associated.values() if not namespace or one.namespace == namespace]

    def addon(self, _cluster: str, name: str, /) -> Addon | None:
        return self.addons.get(name)

    def create_association(
        self, cluster: str, namespace: str, service_account: str, role_arn: str, tags: Mapping[str, str]
    ) -> None:
        self.fuse.burn("CreatePodIdentityAssociation")
        account, name = (namespace, service_account), f"a-{len(self.associated)}{self.fuse.writes}"
        made = Association(role_arn, role_arn, True, name, *account, dict(tags))
        assert self.associated.setdefault(account, made) == made, "ResourceInUseException"

    def update_association(self, cluster: str, name: str, role_arn: str) -> None:
        self.fuse.burn("UpdatePodIdentityAssociation")
        (now,) = [one for one in self.associated.values() if one.name == name]
        self.associated[now.account] = replace(now, role=role_arn, through=role_arn)

    def delete_association(self, cluster: str, name: str) -> None:
        self.fuse.burn("DeletePodIdentityAssociation")
        self.associated = {key: one for key, one in self.associated.items() if one.name != name}

    def create_addon(self, cluster: str, name: str, tags: Mapping[str, str]) -> None:
        self.fuse.burn("CreateAddon")
        self.addons.setdefault(name, Addon(name, "ACTIVE", dict(tags)))
        self.changed(name, True)

    def delete_addon(self, cluster: str, name: str) -> None:
        self.fuse.burn("DeleteAddon")
        self.addons.pop(name, None)
        self.changed(name, False)

    def ack_capabilities(self, _cluster: str, /) -> list[Capability]:
        return []

    def disable_services(self, _cluster: str, _capability: str, _services: Sequence[str]) -> None:
        raise AssertionError("there is no capability")

    def describe_cluster(self, _name: str, /) -> Cluster:
        return CLUSTER

    def fargate_profiles(self, _name: str, /) -> list[FargateProfile]:
        return []

    def node_groups(self, _name: str, /) -> list[NodeGroup]:
        return []
