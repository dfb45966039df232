"""IAM: the reads and writes of OIDC providers, roles and policies. Reads return plain data or None."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm.aws.documents import OidcProvider, PolicyDocument, Role, Trusting
from acksm.aws.iam_calls import (
    PAUSE_SECONDS,
    SETTLING_SECONDS,
    Quotas,
    document_of,
    mapping,
    tags_of,
    unknown_principal,
)
from acksm.aws.simulation import Simulation
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Value
from acksm.words import counted


class Iam(Simulation):
    """IAM of the session's account. Errors are AcksmErrors of `acksm.aws.errors`."""

    WRITES = (
        "create_oidc_provider",
        "add_client_id",
        "create_role",
        "update_trust",
        "attach_policy",
        "put_policy",
        "tag_role",
        "put_boundary",
        "create_service_linked_role",
        "detach_policy",
        "delete_policy",
        "delete_role",
        "delete_oidc_provider",
    )

    # reads

    def get_oidc_provider(self, arn: str) -> OidcProvider | None:
        found = self._get("GetOpenIDConnectProvider", "get_open_id_connect_provider", arn, OpenIDConnectProviderArn=arn)
        if found is None:
            return None
        return {
            "url": found.get("Url", ""),
            "created": found["CreateDate"].isoformat() if "CreateDate" in found else "",
            "client_ids": list(found.get("ClientIDList") or []),
            "tags": mapping(found.get("Tags")),
        }

    def list_oidc_providers(self) -> list[str]:
        """ARNs of all providers of the account."""
        found = self._call("ListOpenIDConnectProviders", "list_open_id_connect_providers", "")
        return [str(item["Arn"]) for item in found["OpenIDConnectProviderList"]]

    def get_trust(self, name: str) -> Trusting | None:
        """The role without its policies, which take three requests more."""
        found = self._find_role(name)
        if found is None:
            return None
        role = found["Role"]
        return {
            "arn": str(role["Arn"]),
            "path": str(role["Path"]),
            "created": role["CreateDate"].isoformat(),
            "trust": document_of(role["AssumeRolePolicyDocument"]),
            "tags": mapping(role.get("Tags")),
            "boundary": str((role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")),
        }

    def get_role(self, name: str) -> Role | None:
        role = self.get_trust(name)
        if role is None:
            return None

        def document(policy: Value) -> PolicyDocument:
            answer = self._call("GetRolePolicy", "get_role_policy", f"role {name}", RoleName=name, PolicyName=policy)
            return document_of(answer["PolicyDocument"])

        with ThreadPoolExecutor(max_workers=4) as pool:
            listed = pool.submit(
                self._pages,
                "ListAttachedRolePolicies",
                "list_attached_role_policies",
                "AttachedPolicies",
                RoleName=name,
            )
            names = self._pages("ListRolePolicies", "list_role_policies", "PolicyNames", RoleName=name)
            inline = dict(zip(map(str, names), pool.map(document, names), strict=True))
            attached = listed.result()
        return {
            **role,
            "attached": [str(policy["PolicyArn"]) for policy in attached],
            "inline": inline,
        }

    def role_exists(self, name: str) -> bool:
        """Whether GetRole sees the role."""
        return bool(self.get_role_arn(name))

    def instance_profiles(self, name: str) -> list[str]:
        """Names of the instance profiles that have the role; IAM deletes no role that is in one."""
        found = self._pages(
            "ListInstanceProfilesForRole", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name
        )
        return [str(item["InstanceProfileName"]) for item in found]

    def trusts(self) -> dict[str, PolicyDocument]:
        """Every role's trust policy, by the role's ARN: one request for each 100 roles."""
        roles = self._pages("ListRoles", "list_roles", "Roles")
        return {str(role["Arn"]): document_of(role["AssumeRolePolicyDocument"]) for role in roles}

    def quotas(self) -> Quotas:
        """The account's quotas of a role; IAM's defaults where they may not be read."""
        try:
            found = self._call("GetAccountSummary", "get_account_summary", "")["SummaryMap"]
        except AcksmError as error:
            if error.id != "aws-access-denied":
                raise
            return Quotas()
        own = Quotas(int(found.get("AssumeRolePolicySizeQuota", 0)), int(found.get("AttachedPoliciesPerRoleQuota", 0)))
        return Quotas(*map(max, own, Quotas()))

    # writes; the change of each may exist already, because an earlier run was killed after it

    def create_oidc_provider(self, url: str, client_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Without a thumbprint: IAM trusts EKS's issuer by its CA (docs/ack/identity.md#oidc-provider).

        Error: aws-oidc-quota.
        """
        try:
            self._call(
                "CreateOpenIDConnectProvider",
                "create_open_id_connect_provider",
                url,
                Url=url,
                ClientIDList=list(client_ids),
                Tags=tags_of(tags),
            )
        except AcksmError as error:
            code = error.details.get("code")
            if code == "EntityAlreadyExists":
                return
            if code == "LimitExceeded":
                raise self._quota(error) from error
            raise

    def _quota(self, error: AcksmError) -> AcksmError:
        """IAM's limit of providers, with those whose EKS cluster no longer exists in this region."""
        providers = [arn for arn in self.list_oidc_providers() if "oidc.eks." in arn]
        here = [arn for arn in providers if f"oidc.eks.{self._aws.region}." in arn]
        client = self._aws.client("eks")
        try:
            names = [name for page in client.get_paginator("list_clusters").paginate() for name in page["clusters"]]
            issuers = {
                client.describe_cluster(name=name)["cluster"]["identity"]["oidc"]["issuer"].removeprefix("https://")
                for name in names
            }
            stale = [arn for arn in here if arn.partition("oidc-provider/")[2] not in issuers]
        except Exception:
            stale = []
        listed = stale or providers
        return AcksmError(
            "aws-oidc-quota",
            f"{error.message}; {counted(len(listed), 'provider')} "
            + (f"without a cluster in {self._aws.region}" if stale else "of EKS"),
            details={"stale": stale, "diff": listed[:20]},
        )

    def add_client_id(self, arn: str, client_id: str) -> None:
        self._call(
            "AddClientIDToOpenIDConnectProvider",
            "add_client_id_to_open_id_connect_provider",
            arn,
            OpenIDConnectProviderArn=arn,
            ClientID=client_id,
        )

    def create_role(self, name: str, path: str, trust: Document, tags: Mapping[str, str], boundary: str = "") -> None:
        params: Json = {
            "RoleName": name,
            "Path": path,
            "AssumeRolePolicyDocument": json.dumps(trust),
            "Tags": tags_of(tags),
            "Description": "ACK controllers; created by acksm",
        }
        if boundary:
            params["PermissionsBoundary"] = boundary
        try:
            self._settled(unknown_principal, "CreateRole", "create_role", f"role {name}", **params)
        except AcksmError as error:
            same = error.details.get("code") == "EntityAlreadyExists" and self._is(name, path, trust, tags, boundary)
            if not same:
                raise
        self._made.add(name)

    def _is(self, name: str, path: str, trust: Document, tags: Mapping[str, str], boundary: str) -> bool:
        """Whether the role exists exactly as requested: the answer to an earlier attempt was lost, or IAM did not yet
        show what a killed run had created. One that is not visible yet is waited for."""
        began = self._clock()
        while (found := self._find_role(name)) is None:
            if self._clock() - began >= SETTLING_SECONDS or self._aws.left() <= PAUSE_SECONDS:
                return False
            self._sleep(PAUSE_SECONDS)
        role = found["Role"]
        return (
            role["Path"] == path
            and document_of(role["AssumeRolePolicyDocument"]) == trust
            and dict(tags).items() <= mapping(role.get("Tags")).items()
            and str((role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")) == boundary
        )

    def update_trust(self, name: str, trust: Document) -> None:
        self._on_role("UpdateAssumeRolePolicy", "update_assume_role_policy", name, PolicyDocument=json.dumps(trust))

    def attach_policy(self, name: str, policy_arn: str) -> None:
        self._on_role("AttachRolePolicy", "attach_role_policy", name, PolicyArn=policy_arn)

    def put_policy(self, name: str, policy: str, document: Document) -> None:
        self._on_role("PutRolePolicy", "put_role_policy", name, PolicyName=policy, PolicyDocument=json.dumps(document))

    def tag_role(self, name: str, tags: Mapping[str, str]) -> None:
        self._on_role("TagRole", "tag_role", name, Tags=tags_of(tags))

    def put_boundary(self, name: str, boundary: str) -> None:
        self._on_role("PutRolePermissionsBoundary", "put_role_permissions_boundary", name, PermissionsBoundary=boundary)

    def create_service_linked_role(self, service: str) -> None:
        """The role of `service`; one that exists already is no error."""
        try:
            self._call("CreateServiceLinkedRole", "create_service_linked_role", service, AWSServiceName=service)
        except AcksmError as error:
            taken = "has been taken" in error.message or error.details.get("code") == "EntityAlreadyExists"
            if not taken:
                raise

    def detach_policy(self, name: str, policy_arn: str) -> None:
        self._gone("DetachRolePolicy", "detach_role_policy", f"role {name}", RoleName=name, PolicyArn=policy_arn)
        self._emptied.add(name)

    def delete_policy(self, name: str, policy: str) -> None:
        """An inline policy of a role."""
        self._gone("DeleteRolePolicy", "delete_role_policy", f"role {name}", RoleName=name, PolicyName=policy)
        self._emptied.add(name)

    def delete_role(self, name: str) -> None:
        """Its policies have to be deleted or detached first. Its boundary is kept until the end: permissions may depend
        on it, and it is deleted with the role. Error: `aws-role-in-use`."""

        def lagging(error: AcksmError) -> bool:  # IAM may still see a policy that this process removed
            policies = error.details.get("code") == "DeleteConflict" and "policies first" in error.message
            return policies and name in self._emptied

        try:
            self._settled(lagging, "DeleteRole", "delete_role", f"role {name}", RoleName=name)
        except AcksmError as error:
            if error.details.get("code") == "NoSuchEntity":
                return
            if error.details.get("code") != "DeleteConflict":
                raise
            raise AcksmError("aws-role-in-use", error.message, where=f"role {name}") from error

    def delete_oidc_provider(self, arn: str) -> None:
        self._gone("DeleteOpenIDConnectProvider", "delete_open_id_connect_provider", arn, OpenIDConnectProviderArn=arn)

    def _gone(self, operation: str, method: str, where: str, **params: object) -> None:
        """A deletion; what does not exist is no error."""
        self._get(operation, method, where, **params)
