"""One AWS session: who we are, and the clients, made when they are first needed. The only importers of boto3 are here.

Retries are botocore's own standard mode; nothing wraps them a second time (anchors.md §0.8).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from acksm.aws.errors import translated
from acksm.errors import AcksmError

if TYPE_CHECKING:
    from acksm.aws.eks import Eks
    from acksm.aws.iam import Iam


@dataclass(frozen=True)
class Identity:
    """The caller: `account` is 12 digits as a string, `partition` aws, aws-cn, aws-us-gov, …"""

    account: str
    arn: str
    user_id: str

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1] if self.arn.count(":") >= 5 else "aws"


@dataclass(frozen=True)
class Keys:
    """Credentials of a session. They are secrets: never written, never in an event."""

    access_key: str
    secret_key: str
    token: str


class Aws:
    """A session for one region. `account` pins the account: any other is refused (`aws-wrong-account`).

    With `keys` the session is theirs, and no profile or variable is asked.
    """

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        account: str | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.profile, self._region, self._account, self._keys = profile, region, account, keys
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._identity: Identity | None = None

    @cached_property
    def session(self) -> Any:
        """The boto3 session. Errors: `aws-profile-unknown`."""
        import boto3
        from botocore.exceptions import ProfileNotFound

        if self._keys:
            return boto3.Session(
                aws_access_key_id=self._keys.access_key,
                aws_secret_access_key=self._keys.secret_key,
                aws_session_token=self._keys.token,
                region_name=self._region,
            )
        try:
            return boto3.Session(profile_name=self.profile, region_name=self._region)
        except ProfileNotFound as error:
            raise AcksmError("aws-profile-unknown", str(error), where=f"profile {self.profile}") from error

    @property
    def region(self) -> str:
        """The region in force. Error: `aws-region-missing`."""
        region = self.session.region_name
        if not region:
            raise AcksmError("aws-region-missing", "no region was named, and none is set in the environment or profile")
        return str(region)

    def client(self, service: str, region: str = "") -> Any:
        """The client of `service` in the session's region or another, one for all threads (boto3 clients are
        thread-safe, sessions are not)."""
        from botocore.config import Config

        where = region or self.region
        with self._lock:
            if (service, where) not in self._clients:
                config = Config(connect_timeout=10, read_timeout=30, user_agent_extra="acksm", max_pool_connections=16)
                with translated(service, "client"):
                    self._clients[service, where] = self.session.client(service, region_name=where, config=config)
            return self._clients[service, where]

    def identity(self) -> Identity:
        """Who we are, asked once. Errors: `aws-no-credentials`, `aws-expired-credentials`, `aws-wrong-account`."""
        if self._identity is None:
            client = self.client("sts")
            with translated("sts", "GetCallerIdentity"):
                answer = client.get_caller_identity()
            self._identity = Identity(str(answer["Account"]), str(answer["Arn"]), str(answer["UserId"]))
        if self._account and self._identity.account != self._account:
            raise AcksmError(
                "aws-wrong-account",
                f"these credentials are of account {self._identity.account}, and --account asks for {self._account}",
                where=self._identity.arn,
            )
        return self._identity

    def assume(self, role_arn: str, account: str | None = None) -> Aws:
        """A session of `role_arn`, for an hour. Errors: `aws-access-denied` naming what AWS said."""
        client = self.client("sts")
        with translated("sts", "AssumeRole", role_arn):
            answer = client.assume_role(RoleArn=role_arn, RoleSessionName="acksm")
        return Aws(region=self.region, account=account, keys=_keys(answer))

    def web_identity(self, role_arn: str, token: str) -> Aws:
        """A session of `role_arn` by an OIDC token, as a controller's pod gets it; our own credentials play no part."""
        from botocore import UNSIGNED
        from botocore.config import Config

        client = self.session.client("sts", region_name=self.region, config=Config(signature_version=UNSIGNED))
        with translated("sts", "AssumeRoleWithWebIdentity", role_arn):
            answer = client.assume_role_with_web_identity(
                RoleArn=role_arn, RoleSessionName="acksm-verify", WebIdentityToken=token, DurationSeconds=900
            )
        return Aws(region=self.region, keys=_keys(answer))

    def partitions(self) -> list[str]:
        """The partitions that botocore knows: aws, aws-cn, aws-us-gov, …"""
        return [str(name) for name in self.session.get_available_partitions()]

    def regions(self, service: str, partition: str) -> list[str]:
        """The regions of `partition` that have `service` (botocore's name of it), from botocore's own table."""
        return sorted(map(str, self.session.get_available_regions(service, partition)))

    @cached_property
    def eks(self) -> Eks:
        from acksm.aws.eks import Eks

        return Eks(self)

    @cached_property
    def iam(self) -> Iam:
        from acksm.aws.iam import Iam

        return Iam(self)

    def dispatch_table(self) -> dict[str, Callable[..., Any]]:
        """The calls that a change may name, by their key."""
        return {f"iam.{name}": getattr(self.iam, name) for name in self.iam.WRITES}


def _keys(answer: Any) -> Keys:
    given = answer["Credentials"]
    return Keys(str(given["AccessKeyId"]), str(given["SecretAccessKey"]), str(given["SessionToken"]))
