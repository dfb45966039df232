"""One AWS session: the caller, and the clients, created when first needed. The only importers of boto3 are here.

Retries are botocore's own standard mode, with more attempts where AWS throttles; nothing wraps them a second time. They
end with the command's time: `left` returns how much of it is left.
"""

from __future__ import annotations

import math
import os
import random
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Self

from acksm import trace
from acksm.aws.errors import THROTTLED, configured, translated
from acksm.aws.postponed import load
from acksm.aws.sender import Sender
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Untyped

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.loaders import Loader
    from botocore.model import OperationModel

READ_SECONDS = 30.0
LAST_SECONDS = 5.0  # for a call that begins after the deadline: the last read of a wait
ATTEMPTS = 6  # without an answer: a second and a half of pauses
# An account is throttled as a whole, so that the clusters of a fleet wait for each other: some two minutes of pauses.
THROTTLED_ATTEMPTS, THROTTLED_PAUSE = 18, 20.0


def endless() -> float:
    """Where no deadline is set."""
    return math.inf


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


def _log(
    response: Untyped, caught_exception: Exception | None, operation: OperationModel, endpoint: Untyped, **_: object
) -> None:
    """One attempt as a line of `acksm.trace`."""
    outcome = response[0].status_code if response else type(caught_exception).__name__
    trace.line(f"{operation.service_model.service_name}:{operation.name} {endpoint.host}", outcome)


def _pause(response: Untyped, attempts: int, **_: object) -> float | None:
    """Seconds until the next attempt at a call that is still throttled after botocore's, None for no other attempt.
    Those of botocore come first, and its jitter is this one too."""
    if response is None or attempts >= THROTTLED_ATTEMPTS:
        return None
    is_throttled = response[0].status_code == 429 or response[1].get("Error", {}).get("Code") in THROTTLED
    return random.random() * THROTTLED_PAUSE if is_throttled else None  # noqa: S311  (spreads, and keeps no secret)


@lru_cache(maxsize=4)
def _models(data_path: str | None) -> Loader:
    """AWS's models below `data_path` and botocore's own: megabytes of JSON, read once for all sessions."""
    from botocore.loaders import create_loader

    loader: Untyped = create_loader(data_path)
    loader.list_available_services = partial(_Services, loader, loader.list_available_services)
    found: Loader = loader
    return found


# The names of services in botocore's table of endpoints (`endpointPrefix` of their models), where they differ.
ENDPOINT_PREFIXES = {"sagemaker": "api.sagemaker"}


class _Services(Collection[str]):
    """The services that have models of `type_name`. botocore looks into the directories of all 400, for each type, to
    tell whether there is one of them; here it looks into the directory of that one."""

    def __init__(self, loader: Loader, every: Callable[[str], list[str]], type_name: str) -> None:
        self._loader, self._every, self._type = loader, every, type_name

    def __contains__(self, service: object) -> bool:
        from botocore.exceptions import DataNotFoundError

        try:
            return bool(self._loader.list_api_versions(str(service), self._type))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._every(self._type))

    def __len__(self) -> int:
        return len(self._every(self._type))


class Session:
    """A session for one region. `account` pins the account: any other is refused (`aws-wrong-account`).

    With `keys` the session has these credentials, and no profile or variable is read. `left` returns the seconds that
    the command still has: attempts are cut to them, and none is repeated after them (`timed-out`).
    """

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        account: str | None = None,
        keys: Keys | None = None,
        left: Callable[[], float] = endless,
    ) -> None:
        self.left = left
        self.profile, self._region, self._account, self._keys = profile, region, account, keys
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, bool, bool], Untyped] = {}
        self._identity: Identity | None = None

    def _configured(self) -> AbstractContextManager[None]:
        return configured(f"variables AWS_…, profile {self.profile or 'default'}")

    @cached_property
    def _core(self) -> botocore.session.Session:
        """botocore's session. Errors: `aws-profile-unknown`, `aws-config-invalid`."""
        load()
        import botocore.session

        with self._configured():
            core = botocore.session.Session(profile=None if self._keys else self.profile)
            core.register_component("data_loader", _models(core.get_config_variable("data_path")))
            return core

    @cached_property
    def session(self) -> boto3.Session:
        """The boto3 session. Errors: `aws-profile-unknown`, `aws-config-invalid`."""
        load()
        import boto3

        keys: dict[str, str] = {}
        if self._keys:
            keys = {
                "aws_access_key_id": self._keys.access_key,
                "aws_secret_access_key": self._keys.secret_key,
                "aws_session_token": self._keys.token,
            }
        # also for the clients with which botocore itself gets credentials
        self._sender.listen(self._core.get_component("event_emitter"))
        with self._configured():
            return boto3.Session(botocore_session=self._core, region_name=self._region, **keys)

    @property
    def region(self) -> str:
        """The region in force. Error: `aws-region-missing`."""
        region = self.session.region_name
        if not region:
            raise AcksmError("aws-region-missing", "no region given, and none set in the environment or the profile")
        return str(region)

    def client(self, service: str, region: str = "", *, fips: bool = False, dual_stack: bool = False) -> Untyped:
        """The client of `service` in the session's region or another, one for all threads (boto3 clients are
        thread-safe, sessions are not). `fips`, `dual_stack`: by that endpoint, whatever the settings say."""
        key = (service, region or self.region, fips, dual_stack)
        with self._lock:
            if key not in self._clients:
                from botocore.config import Config

                more = Config(use_fips_endpoint=fips or None, use_dualstack_endpoint=dual_stack or None)
                self._clients[key] = self._create_client(service, key[1], more)
            return self._clients[key]

    def _create_client(self, service: str, region: str, more: Config | None = None) -> Untyped:
        """A client with acksm's retries, under the command's deadline."""
        from botocore.config import Config

        # AWS_MAX_ATTEMPTS is the user's; an option here would override it
        config = Config(
            retries={"mode": "standard"}
            if os.environ.get("AWS_MAX_ATTEMPTS")
            else {"mode": "standard", "total_max_attempts": ATTEMPTS},
            user_agent_extra="acksm",
        )
        make: Callable[..., Untyped] = self.session.client  # typed by literal names of services
        with self._configured():
            client = make(service, region_name=region, config=config.merge(more) if more else config)
            self._check_keys()
        self._sender.listen(client.meta.events)
        client.meta.events.register_first("needs-retry", self._stop_retries)
        client.meta.events.register_first("needs-retry", _log)
        if not os.environ.get("AWS_MAX_ATTEMPTS"):
            client.meta.events.register_last("needs-retry", _pause)
        return client

    def _check_keys(self) -> None:
        """What no key has would fail in the signature. Error: `aws-config-invalid`."""
        found = self.session.get_credentials()
        keys = found.get_frozen_credentials() if found else None
        for name, value in (("access key", keys and keys.access_key), ("session token", keys and keys.token)):
            if value and not (value.isascii() and value.isprintable()):
                raise AcksmError("aws-config-invalid", f"the {name} has characters that no {name} has")

    def _seconds(self) -> float:
        """An attempt waits no longer for an answer than the deadline allows."""
        return READ_SECONDS if self.left() >= READ_SECONDS else max(LAST_SECONDS, self.left())

    @cached_property
    def _sender(self) -> Sender:
        variable = os.environ.get("AWS_CA_BUNDLE")
        where = "variable AWS_CA_BUNDLE" if variable else f"ca_bundle of profile {self.profile or 'default'}"
        return Sender(self._seconds, str(self._core.get_config_variable("ca_bundle") or ""), where)

    def _stop_retries(
        self, response: Untyped, caught_exception: Exception | None, operation: OperationModel, **_: object
    ) -> None:
        """`timed-out` instead of a further attempt when the deadline is exceeded; none with a certificate that is not
        trusted."""
        from acksm.retries import UNTRUSTED

        action = f"{operation.service_model.service_name}:{operation.name}"
        if UNTRUSTED in str(caught_exception):
            raise AcksmError("certificate-untrusted", str(caught_exception)[:400], where=action)
        if self.left() > 0 or isinstance(caught_exception, AcksmError):
            return
        if response is not None:
            code = str(response[1].get("Error", {}).get("Code", ""))
            if response[0].status_code < 500 and response[0].status_code != 429 and code not in THROTTLED:
                return
            reply = f"answered {response[0].status_code} {code}".rstrip()
        else:
            reply = f"did not answer: {caught_exception}"[:300]
        raise AcksmError("timed-out", f"AWS {reply}; deadline exceeded", where=action)

    def identity(self) -> Identity:
        """The caller, read once. Errors: `aws-no-credentials`, `aws-expired-credentials`, `aws-wrong-account`."""
        if self._identity is None:
            client = self.client("sts")
            with translated("sts", "GetCallerIdentity"):
                answer = client.get_caller_identity()
            self._identity = Identity(str(answer["Account"]), str(answer["Arn"]), str(answer["UserId"]))
        if self._account and self._identity.account != self._account:
            raise AcksmError(
                "aws-wrong-account",
                f"the credentials are of account {self._identity.account}, but --account is {self._account}",
                where=self._identity.arn,
            )
        return self._identity

    def assume(self, role_arn: str, account: str | None = None) -> Self:
        """A session of `role_arn`, for an hour. Errors: `aws-access-denied` with AWS's message."""
        client = self.client("sts")
        with translated("sts", "AssumeRole", role_arn):
            answer = client.assume_role(RoleArn=role_arn, RoleSessionName="acksm")
        return type(self)(region=self.region, account=account, keys=_keys(answer), left=self.left)

    def keys(self) -> Keys:
        """The credentials in force, for a process that is to be the same caller. Error: `aws-no-credentials`."""
        with self._configured():
            found = self.session.get_credentials()
        if found is None:
            raise AcksmError("aws-no-credentials", "no credentials found")
        frozen = found.get_frozen_credentials()
        return Keys(str(frozen.access_key), str(frozen.secret_key), str(frozen.token or ""))

    def with_profile(self, profile: str) -> Self:
        """A session of another profile, in the same region and under the same deadline."""
        return type(self)(profile=profile, region=self.region, left=self.left)

    def web_identity(self, role_arn: str, token: str) -> Self:
        """A session of `role_arn` by an OIDC token, as a controller's pod gets it; without the caller's credentials."""
        from botocore import UNSIGNED
        from botocore.config import Config

        with translated("sts", "AssumeRoleWithWebIdentity", role_arn):
            client = self._create_client("sts", self.region, Config(signature_version=UNSIGNED))
            answer = client.assume_role_with_web_identity(
                RoleArn=role_arn, RoleSessionName="acksm-verify", WebIdentityToken=token, DurationSeconds=900
            )
        return type(self)(region=self.region, keys=_keys(answer), left=self.left)

    def partitions(self) -> list[str]:
        """The partitions that botocore knows: aws, aws-cn, aws-us-gov, …"""
        return [str(name) for name in self.session.get_available_partitions()]

    def regions(self, service: str, partition: str) -> list[str]:
        """The regions of `partition` that have `service` (botocore's name of it), from botocore's own table.

        As `get_available_regions` of a session, which reads the whole model of the service to learn its name there.
        """
        table: Json = self._core.get_component("data_loader").load_data("endpoints")
        found: set[str] = set()
        for one in table["partitions"]:
            if one["partition"] == partition:
                has = one["services"].get(ENDPOINT_PREFIXES.get(service, service)) or {}
                found |= set(has.get("endpoints") or ()) & set(one["regions"])
        return sorted(found)


def _keys(answer: Document) -> Keys:
    given = answer["Credentials"]
    return Keys(str(given["AccessKeyId"]), str(given["SecretAccessKey"]), str(given["SessionToken"]))
