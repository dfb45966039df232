"""Who signs in by a kubeconfig's exec entry: cluster, region, profile and role, read from its command line.

The entry is never run. What decides the identity is used, or refused by name: an ignored option would silently be
another identity. The command lines are those of the AWS CLI
(https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html) and of aws-iam-authenticator
(https://github.com/kubernetes-sigs/aws-iam-authenticator).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from acksm.dataclass import dataclass

# What else an entry's environment may set decides nothing that acksm does.
_PROFILE, _REGIONS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), ("AWS_REGION", "AWS_DEFAULT_REGION")
# The AWS SDKs' variables that decide whose credentials are used, or where the token is valid
# (https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html).
_DECIDING = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_STS_REGIONAL_ENDPOINTS",
)
# Programs that get credentials of their own and then run the rest of the line.
_WRAPPERS = {"aws-vault", "saml2aws", "granted", "assume", "aws-okta", "chamber"}
_SHELLS = {"sh", "bash", "zsh", "dash", "ash", "cmd", "powershell", "pwsh"}


class RefusedError(ValueError):
    """The entry cannot be used; the text says what in it, and what to do instead."""


@dataclass(frozen=True)
class SignIn:
    """`cluster` and `region` are "" where the entry does not name them, `profile` and `role_arn` where it uses the
    caller's own."""

    cluster: str = ""
    region: str = ""
    profile: str = ""
    role_arn: str = ""


NO_SIGN_IN = SignIn()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise RefusedError(message)


# The options of each token command, and its flags. `aws eks update-kubeconfig` writes --role for --role-arn.
_AWS = ("--cluster-name", "--role-arn --role", "--region", "--profile", "--output", "--color"), ("--no-cli-pager",)
_AUTHENTICATOR = (
    ("--cluster-id -i", "--role -r", "--region", "--session-name -s", "--log-format -l"),
    ("--token-only", "--cache"),
)
_ACKSM = ("--cluster", "--region", "--profile", "--account", "--role"), ()


def read(entry: Mapping[str, object], environment: Mapping[str, str]) -> SignIn:
    """Who an exec entry signs in as. Raises RefusedError for another command, and for options that are not used.

    What its own variables add to `environment`, acksm's own, is refused as well where it decides the identity.
    """
    arguments = entry.get("args") or []
    given = _variables(entry.get("env") or [])
    variables = {name: value for name, value in given.items() if environment.get(name) != value}
    line = [str(entry.get("command") or ""), *(map(str, arguments) if isinstance(arguments, list) else ())]
    return _of_line(line, variables)


def _of_line(line: Sequence[str], variables: dict[str, str]) -> SignIn:
    program = PurePath(line[0].replace("\\", "/")).name.removesuffix(".exe") if line else ""
    if program == "env":  # env [NAME=VALUE]… COMMAND
        rest = list(line[1:])
        while rest and "=" in rest[0] and not rest[0].startswith("-"):
            name, _, value = rest.pop(0).partition("=")
            variables[name] = value
        if rest and rest[0].startswith("-"):
            raise RefusedError(f"env {rest[0]} is not supported")
        return _of_line(rest, variables)
    if program in _WRAPPERS:
        raise RefusedError(
            f"it gets its credentials from {program}; run acksm itself under {program}, with --cluster and --region "
            "instead of the context"
        )
    if program in _SHELLS:
        raise RefusedError(f"it runs {program}; name the EKS token command itself")
    if deciding := [name for name in _DECIDING if variables.get(name)]:
        raise RefusedError(f"its environment sets {', '.join(deciding)}; set it for acksm itself, or name a profile")
    profile = next((variables[name] for name in _PROFILE if variables.get(name)), "")
    region = next((variables[name] for name in _REGIONS if variables.get(name)), "")
    if program == "aws":
        found = _parsed(_AWS, line[1:], ["eks", "get-token"])
        return SignIn(found.cluster_name, found.region or region, found.profile or profile, found.role_arn)
    if program == "aws-iam-authenticator":
        found = _parsed(_AUTHENTICATOR, line[1:], ["token"])
        return SignIn(found.cluster_id.removeprefix("="), found.region or region, profile, found.role)
    words = list(line[1:]) if program == "acksm" else list(line[line.index("acksm") + 1 :]) if "acksm" in line else []
    if not words:
        raise RefusedError("it is not an EKS token command, and acksm does not run it")
    found = _parsed(_ACKSM, words, ["token"])
    return SignIn(found.cluster, found.region or region, found.profile or profile, found.role)


def _parsed(
    known: tuple[Sequence[str], Sequence[str]], arguments: Sequence[str], words: Sequence[str]
) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False)
    options, flags = known
    for names in options:
        parser.add_argument(*names.split(), default="")
    for name in flags:
        parser.add_argument(name, action="store_true")
    parser.add_argument("words", nargs="*")
    found, unknown = parser.parse_known_intermixed_args([*arguments])
    if unknown:
        raise RefusedError(f"option {unknown[0]} is not supported")
    if found.words != list(words):
        raise RefusedError(f"it runs {' '.join(found.words) or 'no command'}, not {' '.join(words)}")
    return found


def _variables(listed: object) -> dict[str, str]:
    """The entry's `env`: a list of names and values (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/)."""
    if not isinstance(listed, list):
        raise RefusedError("its env is not a list")
    return {str(item.get("name")): str(item.get("value") or "") for item in listed if isinstance(item, Mapping)}
