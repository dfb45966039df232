"""Registries as a command reaches them: Amazon ECR by the command's AWS session, any other by credential files."""

from __future__ import annotations

import threading
from collections.abc import Callable

from acksm.aws import ecr
from acksm.aws.session import Session
from acksm.errors import AcksmError
from acksm.helm import credentials
from acksm.helm.oci import Login, SignIn
from acksm.helm.registry import Registry

# Read without credentials, always: a login to it expires after 12 hours, and then pulls fail (karpenter#3441).
PUBLIC = frozenset({"public.ecr.aws"})


def registry(location: str, left: Callable[[], float], aws: Session | None) -> Registry:
    """The registry at "HOST[:PORT]/PATH", signed in where it requires it."""
    return Registry(location, left, sign_in(aws))


def sign_in(aws: Session | None) -> SignIn:
    """Credentials for a registry. ECR's are of `aws`; where these may not have them, those of a credential file.

    Errors: `registry-credentials`, and aws-… for ECR.
    """
    issued: dict[str, Login] = {}  # ECR's, by host: they are valid for the whole registry
    lock = threading.Lock()

    def found(host: str, repository: str) -> Login | None:
        private = ecr.registry_of(host)
        if host in PUBLIC:
            return None
        if private is None or aws is None:
            return credentials.find(host, repository)
        with lock:
            if host not in issued:
                try:
                    user, password = ecr.Ecr(aws, private).login()
                except AcksmError:
                    stored = credentials.find(host, repository)
                    if stored is None:
                        raise
                    return stored
                issued[host] = Login(user, password, source=f"ecr:GetAuthorizationToken in {private.region}")
            return issued[host]

    return found
