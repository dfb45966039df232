"""What moto's STS does not check: whether a role trusts who wants to assume it.

AssumeRole needs the role's trust policy besides the caller's own permissions; AssumeRoleWithWebIdentity needs a token
that the cluster signed, an OIDC provider of its issuer with its audience, and a trust policy that names them. Codes
and messages are AWS's.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from acksm.json_types import Document, Json
from acksm.sandbox.permissions import conditions_hold, listed, matches

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from moto.core.base_backend import BackendDict
    from moto.iam.models import IAMBackend, Role

    Backends = BackendDict[IAMBackend]

Refusal = tuple[int, str, str]
_ROLE = re.compile(r"^arn:[^:]+:iam::(\d{12}):role/(.+)$")


# Who asks, as a trust policy names it: by kind of principal ("AWS", "Federated", "Service")
Principals = Mapping[str, Collection[str]]


def refuses(role: Role, action: str, who: Principals, context: Mapping[str, str]) -> bool:
    """Whether the trust policy of `role` (moto's) does not allow `action` to any of `who`."""
    allowed = False
    for statement in _about(role, action, who):
        denies = statement.get("Effect") == "Deny"
        if not conditions_hold(statement.get("Condition") or {}, context, unknown=denies):
            continue
        if denies:
            return True
        allowed = True
    return not allowed


def admits(role: Role | None, who: Principals, context: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """Whether `role` exists and may be assumed by one of `who`; a session with `tags` has to be allowed TagSession too
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required)."""
    actions = ["sts:AssumeRole", *(["sts:TagSession"] if tags else [])]
    whole = {**context, **{f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    return role is not None and not any(refuses(role, action, who, whole) for action in actions)


def names(role: Role, action: str, who: Principals) -> bool:
    """Whether the trust policy allows `action` to one of `who` under some condition."""
    return any(statement.get("Effect") == "Allow" for statement in _about(role, action, who))


def _about(role: Role, action: str, who: Principals) -> Iterator[Document]:
    """The statements about `action` by one of `who`."""
    document = role.assume_role_policy_document
    loaded = json.loads(document) if isinstance(document, str) else dict(document or {})
    for statement in listed(loaded.get("Statement")):
        if matches(statement, "Action", action, fold=True) and _is_about(statement, who):
            yield statement


def _is_about(statement: Document, who: Principals) -> bool:
    """Whether a statement's Principal, or its NotPrincipal, has the caller."""
    if "NotPrincipal" in statement:
        return not _named(statement["NotPrincipal"], who)
    denies_all = statement.get("Effect") == "Deny" and statement.get("Principal") in ("*", {"AWS": "*"})
    return denies_all or _named(statement.get("Principal"), who)


def _named(principal: object, who: Principals) -> bool:
    if principal == "*":
        return "AWS" in who
    if not isinstance(principal, Mapping):
        return False
    named = {kind: {str(item) for item in listed(principal.get(kind))} for kind in who}
    return "*" in named.get("AWS", ()) or any(named[kind] & set(ones) for kind, ones in who.items())


def role_of(backends: Backends, arn: str) -> Role | None:
    """moto's role of that ARN, None when none exists."""
    match = _ROLE.match(arn)
    if not match:
        return None
    roles = backends[match[1]]["aws"].roles.values()
    return next((role for role in roles if role.arn == arn), None)


def assume_role(
    backends: Backends, caller: str, session: str, params: Mapping[str, str], tags: Mapping[str, str]
) -> Refusal | None:
    """AssumeRole by `caller`, the ARN of a user or role, called `session` in a refusal; its own permissions are checked
    elsewhere. `tags` of its session that are passed on need TagSession too
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining)."""
    arn = params.get("RoleArn", "")
    role = role_of(backends, arn)
    account = caller.split(":")[4]
    who = {"AWS": {caller, session, account, f"arn:aws:iam::{account}:root"}}
    context = {"aws:PrincipalArn": caller, "aws:PrincipalAccount": account}
    if "ExternalId" in params:
        context["sts:ExternalId"] = params["ExternalId"]
    if not admits(role, who, context, tags):
        message = f"User: {session} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        return 403, "AccessDenied", message
    return None


def web_identity(backends: Backends, keys: Mapping[str, Path], params: Mapping[str, str]) -> Refusal | None:
    """AssumeRoleWithWebIdentity. `keys`: each cluster's issuer and the file of the key that signs its tokens."""
    arn, token = params.get("RoleArn", ""), params.get("WebIdentityToken", "")
    claims = _claims(token)
    if claims is None:
        return (
            400,
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    match, issuer = _ROLE.match(arn), str(claims.get("iss", ""))
    provider = issuer.removeprefix("https://").rstrip("/")
    account = match[1] if match else ""
    known = backends[account]["aws"].open_id_providers if account else {}
    provider_arn = f"arn:aws:iam::{account}:oidc-provider/{provider}"
    if provider_arn not in known:
        return 400, "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
    if issuer not in keys or not _signed(token, keys[issuer]):
        return (
            400,
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider,  please reference "
            "AssumeRoleWithWebIdentity documentation for requirements",
        )
    if float(claims.get("exp", 0)) < time.time():
        return 400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"
    audience = next((item for item in listed(claims.get("aud")) if item in known[provider_arn].client_id_list), None)
    if audience is None:
        return 400, "InvalidIdentityToken", "Incorrect token audience"
    context = {f"{provider}:aud": str(audience), f"{provider}:sub": str(claims.get("sub", ""))}
    role = role_of(backends, arn)
    if role is None or refuses(role, "sts:AssumeRoleWithWebIdentity", {"Federated": {provider_arn}}, context):
        return 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    return None


def _claims(token: str) -> Json | None:
    try:
        _, payload, _ = token.split(".")
        loaded = json.loads(_decode(payload))
    except (ValueError, binascii.Error):
        return None
    return loaded if isinstance(loaded, dict) else None


def _signed(token: str, key_file: Path) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signed, _, signature = token.rpartition(".")
    try:
        key = _public_key(key_file.read_bytes())
        if key is None:
            return False
        key.verify(_decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, OSError):
        return False
    return True


@lru_cache
def _public_key(pem: bytes) -> RSAPublicKey | None:
    """Of an RSA private key; None for another kind. To read one checks it, which takes longer than a signature."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = serialization.load_pem_private_key(pem, None)
    return key.public_key() if isinstance(key, rsa.RSAPrivateKey) else None


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
