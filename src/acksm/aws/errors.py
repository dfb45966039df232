"""botocore's errors as acksm's: what was refused, for whom, and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from acksm.errors import AcksmError

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_BAD_KEYS = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "InvalidAccessKeyId",
    "MissingAuthenticationToken",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
# As botocore.retries.standard has them; a quota (LimitExceededException) is not throttling, though botocore retries it
THROTTLED = {
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_PRINCIPAL = re.compile(r"User: (\S+)")
_ACTION = re.compile(r"not authorized to perform: ([A-Za-z0-9-]{1,64}:[A-Za-z0-9]{1,64})")
# The kinds of policies that a denial names, and the remedy of each (IAM User Guide, "Access denied error messages").
_BY_POLICY = {
    "service control policy": "ask the administrators of the organization to allow {action}: a service control policy "
    "denies it, also to administrators of the account",
    "resource control policy": "ask the administrators of the organization to allow {action}: a resource control "
    "policy denies it",
    "permissions boundary": "allow {action} in the permissions boundary of {who}",
    "session policy": "allow {action} in the session policy, or sign in as {who} without one",
    "VPC endpoint policy": "allow {action} in the policy of the VPC endpoint",
    "identity-based policy": "allow {action} to {who}",
}
_ANY_POLICY = (
    "allow {action} to {who}   (a service control policy, a permissions boundary or a session policy may deny it too)"
)


def code_of(error: Exception) -> str:
    """The AWS error code of a botocore ClientError, "" for anything else."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


@contextmanager
def translated(service: str, operation: str, where: str = "") -> Iterator[None]:
    """Raise AcksmError for what botocore raises inside; `service` and `operation` form the IAM action's name."""
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError  # for a proxy's error page; not a BotoCoreError

    from acksm.retries import UNTRUSTED

    action = f"{service}:{operation}"
    try:
        yield
    except boto.ClientError as error:
        code, message = code_of(error), str(error.response.get("Error", {}).get("Message", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise _client_error(code, message, action, where, status) from error
    except boto.ProfileNotFound as error:
        raise AcksmError("aws-profile-unknown", str(error), where=f"profile {error.kwargs['profile']}") from error
    except (boto.SSOError, boto.TokenRetrievalError, boto.LoginError) as error:
        login = "login" if isinstance(error, boto.LoginError) else "sso login"
        raise AcksmError(
            "aws-expired-credentials", str(error), where=where, remedy=f"aws {login} --profile PROFILE"
        ) from error
    except _no_credentials() as error:
        raise AcksmError("aws-no-credentials", _short(error), where=where) from error
    except boto.NoRegionError as error:
        raise AcksmError("aws-region-missing", "no region given", where=where) from error
    except boto.SSLError as error:
        if UNTRUSTED not in str(error):
            raise AcksmError("aws-unreachable", _short(error), where=where or action) from error
        raise AcksmError("certificate-untrusted", _short(error), where=where or action) from error
    except (boto.ConnectionError, boto.HTTPClientError) as error:
        raise AcksmError("aws-unreachable", _short(error), where=where or action) from error
    except _misconfigured() as error:
        raise AcksmError("aws-config-invalid", _short(error), where=where or action) from error
    except (boto.BotoCoreError, ResponseParserError, ValueError) as error:
        raise AcksmError("aws-failed", f"{action}: {error}"[:500], where=where) from error


@contextmanager
def configured(where: str) -> Iterator[None]:
    """Raise AcksmError for what botocore raises inside, while it reads its variables, files and credentials.

    It converts many values without a check, so that an invalid one can be any exception: `aws-config-invalid`.
    """
    try:
        with translated("", "", where):
            yield
    except AcksmError as error:
        if error.id != "aws-failed":
            raise
        raise AcksmError("aws-config-invalid", error.message.removeprefix(":: "), where=where) from error
    except Exception as error:
        message = f"botocore cannot use a value: {type(error).__name__}: {error}"[:400]
        raise AcksmError("aws-config-invalid", message, where=where) from error


def _short(error: Exception) -> str:
    return str(error)[:400]


def _no_credentials() -> tuple[type[Exception], ...]:
    from botocore import exceptions as boto

    return (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.NoAuthTokenError,
        boto.MetadataRetrievalError,
        boto.RefreshWithMFAUnsupportedError,
    )


def _misconfigured() -> tuple[type[Exception], ...]:
    """What botocore raises for its variables and its files."""
    from botocore import exceptions as boto

    return (
        boto.ConfigParseError,
        boto.ConfigNotFound,
        boto.InvalidConfigError,
        boto.InvalidRetryConfigurationError,
        boto.InvalidDefaultsMode,
        boto.InvalidSTSRegionalEndpointsConfigError,
        boto.InvalidIMDSEndpointError,
        boto.InvalidIMDSEndpointModeError,
        boto.InvalidEndpointConfigurationError,
        boto.InvalidChecksumConfigError,
        boto.EndpointVariantError,
        boto.EndpointProviderError,
        boto.UnknownSignatureVersionError,
        boto.UnsupportedSignatureVersionError,
        boto.UnknownTokenProviderError,
        boto.UnknownCredentialError,
        boto.MissingDependencyException,
        boto.DataNotFoundError,
        UnicodeError,
    )


def _client_error(code: str, message: str, action: str, where: str, status: int) -> AcksmError:
    if code in _EXPIRED:
        return AcksmError("aws-expired-credentials", message, where=where or action)
    if code in _BAD_KEYS:
        return AcksmError("aws-no-credentials", f"AWS rejected the credentials: {message}", where=where or action)
    if code in _DENIED:
        principal = _PRINCIPAL.search(message)
        who = principal[1] if principal else "the caller"
        named = _ACTION.search(message)  # a call may need other actions too: iam:TagRole, iam:PassRole
        action = named[1] if named else action
        remedy = next((text for kind, text in _BY_POLICY.items() if kind in message), _ANY_POLICY)
        return AcksmError(
            "aws-access-denied",
            f"{who} is not allowed to perform {action}: {message}",
            where=where or action,
            remedy=remedy.format(action=action, who=who),
            details={"action": action, "principal": who},
        )
    if code in THROTTLED or status == 429:
        return AcksmError("aws-throttled", f"{action}: {message}", where=where)
    return AcksmError("aws-failed", f"{action}: {code}: {message}"[:800], where=where, details={"code": code})
