"""IAM's quotas that moto does not know: sizes of policies, white space not counted, and policies of a role.

The numbers are IAM's defaults (IAM User Guide, "IAM and AWS STS quotas"), the messages IAM's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moto.iam.models import IAMBackend

TRUST, INLINE_OF_ROLE, INLINE_OF_USER, MANAGED, ATTACHED = 2_048, 10_240, 2_048, 6_144, 10
TAGS, PROVIDERS = 50, 100
Refusal = tuple[int, str, str]


def size(document: str) -> int:
    """Characters as IAM counts them."""
    return len("".join(document.split()))


def refusal(backend: IAMBackend, action: str, params: Mapping[str, str]) -> Refusal | None:
    """Why IAM refuses a write to moto's `backend`: a quota, a name that is taken in another case, or a boundary that
    does not exist; None for any other."""
    verb = action.partition(":")[2]
    text = _too_much(backend, verb, params)
    if text:
        return 409, "LimitExceeded", text
    name = params.get("RoleName", "")
    if verb == "CreateRole" and name.lower() in {role.name.lower() for role in backend.roles.values()}:
        return 409, "EntityAlreadyExists", f"Role with name {name} already exists."
    boundary = params.get("PermissionsBoundary", "") if verb in {"CreateRole", "PutRolePermissionsBoundary"} else ""
    if boundary and boundary not in backend.managed_policies:
        return 404, "NoSuchEntity", f"Scope ARN: {boundary} does not exist or is not attachable."
    return None


def _too_much(backend: IAMBackend, verb: str, params: Mapping[str, str]) -> str:
    document = params.get("AssumeRolePolicyDocument", "") if verb == "CreateRole" else params.get("PolicyDocument", "")
    if verb in {"CreateRole", "UpdateAssumeRolePolicy"} and size(document) > TRUST:
        return f"Cannot exceed quota for ACLSizePerRole: {TRUST}"
    if verb in {"CreatePolicy", "CreatePolicyVersion"} and size(document) > MANAGED:
        return f"Cannot exceed quota for PolicySize: {MANAGED}"
    name, policy = params.get("RoleName", ""), params.get("PolicyName", "")
    role = next((role for role in backend.roles.values() if role.name == name), None) if name else None
    if verb == "PutRolePolicy" and role and _inline(role.policies, policy, document) > INLINE_OF_ROLE:
        return f"Maximum policy size of {INLINE_OF_ROLE} bytes exceeded for role {name}"
    user = backend.users.get(params.get("UserName", ""))
    if verb == "PutUserPolicy" and user and _inline(user.policies, policy, document) > INLINE_OF_USER:
        return f"Maximum policy size of {INLINE_OF_USER} bytes exceeded for user {params['UserName']}"
    if verb == "AttachRolePolicy" and role and len({*role.managed_policies, params.get("PolicyArn", "")}) > ATTACHED:
        return f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}"
    if verb == "TagRole" and role and len({*(tag["Key"] for tag in role.tags), *_tag_keys(params)}) > TAGS:
        return f"The number of tags has reached the maximum limit: {TAGS}."
    if verb == "CreateOpenIDConnectProvider" and len(backend.open_id_providers) >= PROVIDERS:
        return f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {PROVIDERS}"
    return ""


def _tag_keys(params: Mapping[str, str]) -> list[str]:
    return [value for name, value in params.items() if name.startswith("Tags.member.") and name.endswith(".Key")]


def _inline(policies: Mapping[str, str], name: str, document: str) -> int:
    return sum(map(size, {**policies, name: document}.values()))
