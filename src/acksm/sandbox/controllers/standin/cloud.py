"""AWS as a controller sees it: its own identity, clients of other accounts and regions, errors in the SDK's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from acksm.ack.kinds import API, SDK_NAME, Kind, is_absent
from acksm.json_types import Document, Json, Untyped
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.versions import Release

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.loaders import Loader
    from botocore.session import Session


class AwsError(Exception):
    """A failed call. `code` is AWS's, "" when the call was never sent; `short` is what a condition shows."""

    def __init__(self, text: str, code: str = "", short: str = "", message: str = "") -> None:
        super().__init__(text)
        self.code, self.short, self.message = code, short or text, message


class AbsentError(Exception):
    """The AWS resource does not exist."""

    def __init__(self) -> None:
        super().__init__("resource not found")


@lru_cache(maxsize=1)
def _models() -> Loader:
    """AWS's models, read once in a process."""
    from botocore.loaders import Loader

    return Loader()


def new_session() -> Session:
    """A session with the credentials of the environment."""
    import botocore.session

    session = botocore.session.Session()
    session.register_component("data_loader", _models())
    return session


class Cloud:
    """Clients by account, region and role. Thread-safe."""

    def __init__(self, release: Release, config: Config, environment: Mapping[str, str]) -> None:
        import botocore.config

        self.release, self.config = release, config
        self.default_endpoint = environment.get("AWS_ENDPOINT_URL", "")
        self._session = new_session()
        self._options = botocore.config.Config(
            retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=16
        )
        self._clients: dict[tuple[str, ...], BaseClient] = {}
        self._lock = threading.Lock()
        self.model: Untyped = self._session.get_service_model(API[release.service])

    def identity(self) -> str:
        """The account of the controller's own credentials. Raises AwsError in the controllers' words."""
        if self.config.account:
            return self.config.account
        try:
            endpoint = self.config.identity_endpoint or None
            client: Untyped = self._session.create_client(
                "sts", region_name=self.config.region, endpoint_url=endpoint, config=self._options
            )
            answer = client.get_caller_identity()
        except Exception as failure:
            what = "info" if self.release.has("account-info-message") else "ID"
            told = self._translated(failure, "STS", "GetCallerIdentity")
            raise AwsError(f"unable to determine account {what}: unable to get caller identity: {told}") from failure
        return str(answer["Account"])

    def client(self, account: str, region: str, role: str, endpoint: str) -> BaseClient:
        """A client of the service; `role` is assumed unless it is "". Nothing is sent yet.

        Only a call with the client raises AwsError.
        """
        key = (account, region) + ((role,) if self.release.has("role-in-manager-key") else ())
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._session_of(role, endpoint).create_client(
                    API[self.release.service], region_name=region, endpoint_url=endpoint or None, config=self._options
                )
            return self._clients[key]

    def _session_of(self, role: str, endpoint: str) -> Session:
        if not role:
            return self._session
        import botocore.credentials

        def keys() -> dict[str, str]:
            client: Untyped = self._session.create_client(
                "sts", region_name=self.config.region, endpoint_url=endpoint or None, config=self._options
            )
            found = client.assume_role(RoleArn=role, RoleSessionName="aws-go-sdk-practice")["Credentials"]
            return {
                "access_key": found["AccessKeyId"],
                "secret_key": found["SecretAccessKey"],
                "token": found["SessionToken"],
                "expiry_time": found["Expiration"].isoformat(),
            }

        session: Untyped = new_session()
        # assumed at the first call and again before the keys expire; that call raises a refusal
        session._credentials = botocore.credentials.DeferredRefreshableCredentials(keys, "assume-role")
        found: Session = session
        return found

    def call(self, client: BaseClient, operation: str, parameters: Document) -> Json:
        """One API call by its name in the API. Raises AwsError and AbsentError."""
        from botocore import xform_name

        try:
            return dict(getattr(client, xform_name(operation))(**parameters))
        except Exception as failure:
            error = self._translated(failure, SDK_NAME[self.release.service], operation)
            if operation.startswith("Describe") and is_absent(error.code, error.message):
                raise AbsentError from failure
            raise error from failure

    def _translated(self, failure: Exception, service: str, operation: str) -> AwsError:
        """A failure of botocore in the words of the SDK for Go."""
        import botocore.exceptions as known

        if isinstance(failure, known.ClientError):
            code, message = str(failure.response["Error"]["Code"]), str(failure.response["Error"]["Message"])
            meta = failure.response.get("ResponseMetadata", {})
            status, request = meta.get("HTTPStatusCode", 400), meta.get("RequestId", "practice")
            if not self.release.has("sdk-v2"):
                text = f"{code}: {message}\n\tstatus code: {status}, request id: {request}"
                return AwsError(text, code, text, message)
            short = self._short(operation, code, message)
            chain = f"https response error StatusCode: {status}, RequestID: {request}, {short}"
            if failure.operation_name != operation:  # no credentials for the call
                chain = (
                    "get identity: get credentials: failed to refresh cached credentials, "
                    + ("failed to retrieve credentials, " if "WebIdentity" in failure.operation_name else "")
                    + f"operation error STS: {failure.operation_name}, {chain}"
                )
            return AwsError(f"operation error {service}: {operation}, {chain}", code, short, message)
        if isinstance(failure, known.NoCredentialsError):
            why = (
                "get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, "
                "operation error ec2imds: GetMetadata, access disabled to EC2 IMDS via client option, or "
                '"AWS_EC2_METADATA_DISABLED" environment variable'
                if self.release.has("sdk-v2")
                else "NoCredentialProviders: no valid providers in chain. Deprecated."
            )
            return AwsError(f"operation error {service}: {operation}, {why}" if self.release.has("sdk-v2") else why)
        if isinstance(failure, known.ParamValidationError):
            return AwsError(f"operation error {service}: {operation}, {failure}")
        return AwsError(f"operation error {service}: {operation}, {failure}")

    def _short(self, operation: str, code: str, message: str) -> str:
        """An error that the API declares for the call has a type of its own; any other is shown as `api error`."""
        try:
            declared = {shape.name for shape in self.model.operation_model(operation).error_shapes}
        except Exception:  # a call of another service: STS
            declared = set()
        return f"{code}: {message}" if code in declared else f"api error {code}: {message}"


def lacks(error: AwsError) -> bool:
    """Whether the practice cloud lacks the call."""
    return error.code == "UnknownOperationException"


def is_terminal(error: AwsError, kind: Kind) -> bool:
    """Whether the controllers stop retrying after this error (ACK.Terminal)."""
    return error.code in kind.terminal


def same(one: object, two: object) -> bool:
    """Equal as JSON."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(two, sort_keys=True, default=str)
