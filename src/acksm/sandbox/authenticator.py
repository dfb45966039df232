"""EKS's authenticator, for real tokens: checks the presigned request, whose key then says who signed it.

moto routes a call by its Authorization header, so the presigned URL is not sent to it: its expiry, its signed cluster
header and its signature are checked here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from acksm.sandbox.signatures import STAMP, signature

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LIFE = timedelta(minutes=15)
_SKEW = timedelta(minutes=5)
_STS_HOST = re.compile(r"^sts(-fips)?\.(?P<region>[a-z0-9-]{1,40})\.(amazonaws\.com(\.cn)?|api\.aws)$")


class TokenRefusedError(Exception):
    """The token is not valid; the message says why."""


@dataclass(frozen=True)
class User:
    """A Kubernetes user, as aws-auth or an access entry would map an ARN to."""

    name: str
    groups: tuple[str, ...] = ()


def check(token: str, cluster: str, secret_of: Callable[[str], str], now: datetime | None = None) -> str:
    """The access key id behind `token`, when it is valid for `cluster`. Raises TokenRefusedError."""
    if not token.startswith(PREFIX):
        raise TokenRefusedError("not an EKS token")
    encoded = token.removeprefix(PREFIX)
    try:
        url = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode("ascii")
        parts = urlsplit(url)
    except (binascii.Error, ValueError) as error:
        raise TokenRefusedError("not base64 of a URL") from error
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if query.get("Action") != "GetCallerIdentity":
        raise TokenRefusedError("not a GetCallerIdentity request")
    signed = query.get("X-Amz-SignedHeaders", "").split(";")
    if CLUSTER_HEADER not in signed or "host" not in signed:
        raise TokenRefusedError("the cluster's name is not signed")
    try:
        made = datetime.strptime(query["X-Amz-Date"], STAMP).replace(tzinfo=UTC)
        key, day, region, service, _ = query["X-Amz-Credential"].split("/")
    except (KeyError, ValueError) as error:
        raise TokenRefusedError("not a presigned request") from error
    if region != _region_of(parts.hostname or "", region):
        raise TokenRefusedError(f"{parts.hostname} takes no signature for {region}")
    age = (now or datetime.now(UTC)) - made
    if age > LIFE or age < -_SKEW:
        raise TokenRefusedError("the token has expired")
    secret = secret_of(key)
    if not secret:
        raise TokenRefusedError("unknown access key")
    headers = {"host": parts.netloc, CLUSTER_HEADER: cluster}
    pairs = [pair for pair in query.items() if pair[0] != "X-Amz-Signature"]
    scope = f"{day}/{region}/{service}/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    wanted = signature("GET", parts.path, pairs, headers, empty, secret, query["X-Amz-Date"], scope)
    if service != "sts" or not hmac.compare_digest(wanted.encode(), query.get("X-Amz-Signature", "").encode()):
        raise TokenRefusedError(f"the signature is not of cluster {cluster}")
    return key


def _region_of(host: str, otherwise: str) -> str:
    """The region that STS at `host` accepts signatures for: the global endpoint is in us-east-1
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html)."""
    if host == "sts.amazonaws.com":
        return "us-east-1"
    match = _STS_HOST.match(host)
    return match["region"] if match else otherwise


def canonical(arn: str) -> str:
    """The ARN that EKS maps to a user: of a role's session the role's own, without its path
    (https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/arn/arn.go)."""
    match = re.fullmatch(r"(arn:[^:]{1,20}:)sts(::\d{12}:)assumed-role/([^/]{1,64})/.{1,64}", arn)
    return f"{match[1]}iam{match[2]}role/{match[3]}" if match else arn


def review(user: User | None, arn: str, reason: str = "") -> dict[str, object]:
    """The TokenReview that the apiserver gets back."""
    if user is None:
        status: dict[str, object] = {"authenticated": False, "error": reason}
    else:
        status = {
            "authenticated": True,
            "user": {"username": user.name, "groups": list(user.groups), "uid": arn, "extra": {"arn": [arn]}},
        }
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
