"""EKS tokens: a presigned STS GetCallerIdentity with the cluster's name as a signed header.

What `aws eks get-token` does in a process of its own
(https://github.com/aws/aws-cli/blob/v2/awscli/customizations/eks/get_token.py): the URL
is good for 60 s, and EKS takes the token for 15 minutes after that signature, so 14 are announced.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from acksm.aws.errors import translated

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
    """A token for `cluster`, made offline. Errors: `aws-no-credentials`."""
    from botocore.exceptions import NoCredentialsError
    from botocore.signers import RequestSigner

    client = aws.client("sts")
    with translated("sts", "GetCallerIdentity"):
        credentials = aws.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        signer = RequestSigner(
            client.meta.service_model.service_id,
            aws.region,
            "sts",
            "v4",
            credentials,
            aws.session.events,
        )
        url = signer.generate_presigned_url(
            {
                "method": "GET",
                "url": f"{client.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
                "body": {},
                "headers": {CLUSTER_HEADER: cluster},
                "context": {},
            },
            region_name=aws.region,
            expires_in=URL_SECONDS,
            operation_name="",
        )
    value = PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return Token(value, datetime.now(UTC) + TOKEN_LIFE)


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
