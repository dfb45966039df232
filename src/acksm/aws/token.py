"""EKS tokens: a presigned STS GetCallerIdentity request with the cluster's name as a signed header.

What `aws eks get-token` does in a process of its own
(https://github.com/aws/aws-cli/blob/v2/awscli/customizations/eks/get_token.py): the URL
is good for 60 s, and EKS accepts the token for 15 minutes after that signature, so 14 are announced.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from acksm.aws.errors import translated
from acksm.dataclass import dataclass
from acksm.json_types import Json, Untyped

if TYPE_CHECKING:
    from acksm.aws.session import Session

PREFIX = "k8s-aws-v1."
URL_SECONDS = 60
TOKEN_LIFE = timedelta(minutes=14)
CLUSTER_HEADER = "x-k8s-aws-id"


@dataclass(frozen=True)
class Token:
    """A bearer token and the time (UTC) until which it is announced as good."""

    value: str
    expires_at: datetime


def mint(aws: Session, cluster: str) -> Token:
    """A token for `cluster`, created offline. Errors: `aws-no-credentials`.

    botocore chooses host and signing region together, whatever the settings for STS are (legacy, FIPS, dual-stack, a
    custom endpoint): STS accepts no other.
    """
    client = aws.client("sts")
    events = client.meta.events
    events.register("provide-client-params.sts.GetCallerIdentity", _take_cluster, unique_id="acksm-cluster")
    events.register("before-sign.sts.GetCallerIdentity", _sign_cluster, unique_id="acksm-header")
    with translated("sts", "GetCallerIdentity"):
        url = client.generate_presigned_url(
            "get_caller_identity", Params={CLUSTER_HEADER: cluster}, ExpiresIn=URL_SECONDS, HttpMethod="GET"
        )
    value = PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return Token(value, datetime.now(UTC) + TOKEN_LIFE)


def _take_cluster(params: Json, context: Json, **_: object) -> None:
    """The cluster is no parameter of GetCallerIdentity; it is passed on to the signer."""
    if CLUSTER_HEADER in params:
        context[CLUSTER_HEADER] = params.pop(CLUSTER_HEADER)


def _sign_cluster(request: Untyped, **_: object) -> None:
    if CLUSTER_HEADER in request.context:
        request.headers[CLUSTER_HEADER] = request.context[CLUSTER_HEADER]


def exec_credential(token: Token) -> str:
    """The document that kubectl reads from an exec plugin."""
    return json.dumps(
        {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "spec": {},
            "status": {"expirationTimestamp": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "token": token.value},
        }
    )
