"""The controllers' command line: which flags a release knows, and what it reports for wrong ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from acksm.sandbox.controllers.standin.versions import Release

# flag -> its type, and the runtimes that know it
_FLAGS = {
    "aws-region": ("text", "0.0.0"),
    "aws-account-id": ("text", "0.0.3-0.15.0"),
    "aws-endpoint-url": ("text", "0.0.5"),
    "aws-identity-endpoint-url": ("text", "0.21.0"),
    "allow-unsafe-aws-endpoint-urls": ("flag", "0.21.0"),
    "aws-endpoint-use-path-style": ("flag", "0.58.1"),
    "http-client-timeout": ("text", "0.59.0"),
    "log-level": ("text", "0.0.0"),
    "enable-development-logging": ("flag", "0.0.0"),
    "resource-tags": ("list", "0.0.0"),
    "watch-namespace": ("text", "0.0.0"),
    "watch-selectors": ("text", "0.44.0"),
    "deletion-policy": ("text", "0.22.0"),
    "metrics-addr": ("text", "0.0.0"),
    "healthz-addr": ("text", "0.31.0"),
    "enable-leader-election": ("flag", "0.0.0"),
    "leader-election-namespace": ("text", "0.27.0"),
    "enable-webhook-server": ("flag", "0.0.0"),
    "webhook-server-addr": ("text", "0.0.0"),
    "reconcile-default-resync-seconds": ("text", "0.24.0"),
    "reconcile-resource-resync-seconds": ("list", "0.24.0"),
    "reconcile-default-max-concurrent-syncs": ("text", "0.32.0"),
    "reconcile-resource-max-concurrent-syncs": ("list", "0.32.0"),
    "enable-adopted-resource-reconciler": ("flag", "0.33.0-0.53.0"),
    "enable-field-export-reconciler": ("flag", "0.33.0"),
    "feature-gates": ("text", "0.35.0"),
    "reconcile-resources": ("text", "0.46.0"),
    "enable-carm": ("flag", "0.52.0"),
    "enable-cross-namespace": ("flag", "0.60.0"),
}
_ON = ("enable-carm", "enable-cross-namespace", "enable-adopted-resource-reconciler", "enable-field-export-reconciler")
_NAMESPACE = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_TRUE, _FALSE = {"1", "t", "true", "TRUE", "True", "T"}, {"0", "f", "false", "FALSE", "False", "F"}
# The namespaces whose annotations are never read (docs/ack/accounts-and-regions.md#annotations)
IGNORED = ("kube-system", "kube-public", "kube-node-lease")


class FlagError(Exception):
    """The controller does not start with these flags; `code` is its exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Config:
    """The settings from flags and environment. `watch` empty means all namespaces; `kinds` empty means all kinds."""

    region: str = ""
    account: str = ""  # --aws-account-id, before STS is called
    endpoint: str = ""
    identity_endpoint: str = ""
    level: str = "info"
    development: bool = False
    tags: list[str] = field(default_factory=list)
    watch: list[str] = field(default_factory=list)
    selector: str = ""
    deletion_policy: str = "delete"
    raw_gates: str = ""
    gates: dict[str, bool] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    carm: bool = True
    adopted_resources: bool = True
    resync: dict[str, float] = field(default_factory=dict)  # by kind in lower case, "" for the default; seconds
    system_namespace: str = "ack-system"

    def caches_namespaces(self, release: Release) -> bool:
        """Whether annotations of namespaces and the role maps are read at all.

        docs/ack/accounts-and-regions.md#scope.
        """
        return release.has("always-cached-namespaces") or (self.carm and len(self.watch) != 1)


def parse(arguments: Sequence[str], environment: Mapping[str, str], release: Release) -> Config:
    """Flags as pflag reads them. Raises FlagError."""
    found = _read(arguments, release)

    def text(name: str, default: str = "") -> str:
        return (found.get(name) or [default])[-1]

    def flag(name: str) -> bool:
        value = text(name, "true" if name in _ON else "false")
        if value not in _TRUE | _FALSE:
            raise FlagError(f'invalid argument "{value}" for "--{name}" flag: strconv.ParseBool: invalid syntax', 2)
        return value in _TRUE

    config = Config(
        region=text("aws-region", environment.get("AWS_REGION", "")),
        account=text("aws-account-id"),
        endpoint=text("aws-endpoint-url"),
        identity_endpoint=text("aws-identity-endpoint-url"),
        level=text("log-level", "info"),
        development=flag("enable-development-logging"),
        tags=[tag for item in found.get("resource-tags", []) for tag in item.split(",") if tag],
        selector=text("watch-selectors"),
        deletion_policy=text("deletion-policy") or "delete",
        carm=flag("enable-carm"),
        adopted_resources=release.has("adopted-resource") and flag("enable-adopted-resource-reconciler"),
        system_namespace=environment.get("ACK_SYSTEM_NAMESPACE") or environment.get("K8S_NAMESPACE") or "ack-system",
    )
    if config.deletion_policy not in {"delete", "retain"}:
        raise FlagError(f'invalid argument "{config.deletion_policy}" for "--deletion-policy" flag', 2)
    config.watch = [text("watch-namespace")] if text("watch-namespace") else []
    config.resync = _resync(
        text("reconcile-default-resync-seconds"), found.get("reconcile-resource-resync-seconds", [])
    )
    config.raw_gates = text("feature-gates")
    config.kinds = _kinds(text("reconcile-resources"), release)
    _check(config, release)
    return config


def knows(release: Release, flag: str) -> bool:
    """Whether this release has the flag."""
    since, _, until = _FLAGS[flag][1].partition("-")
    return Version(since) <= release.runtime and (not until or release.runtime < Version(until))


def _read(arguments: Sequence[str], release: Release) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        kind = _FLAGS.get(name, ("", ""))[0]
        if not word.startswith("--") or not kind or not knows(release, name):
            raise FlagError(f"unknown flag: --{name}" if word.startswith("--") else f"unknown argument: {word}", 2)
        if not equals:
            if kind == "flag":
                value = "true"
            elif not rest:
                raise FlagError(f"flag needs an argument: --{name}", 2)
            else:
                value = rest.pop(0)
        found.setdefault(name, []).append(value)
    return found


def _resync(default: str, kinds: Sequence[str]) -> dict[str, float]:
    found = {"": float(default)} if default and default != "0" else {}
    for item in kinds:
        name, equals, seconds = item.partition("=")
        if not equals or not seconds.isdecimal() or int(seconds) <= 0:
            raise FlagError(
                f"invalid value for flag 'reconcile-resource-resync-seconds': error parsing flag argument '{item}'"
            )
        found[name.lower()] = float(seconds)
    return found


def _check(config: Config, release: Release) -> None:
    if not release.has("account-by-sts") and not config.account:
        raise FlagError("unable to start service controller as account ID is nil. Please pass --aws-account-id flag")
    if not config.region:
        raise FlagError(
            "unable to start service controller as AWS region is missing. Please pass --aws-region flag or set "
            "AWS_REGION environment variable"
        )


def check_late(config: Config, release: Release) -> None:
    """What the controllers check once they know their account: gates and namespaces. Raises FlagError."""
    config.gates = _gates(config.raw_gates, release)
    if config.gates.get("IAMRoleSelector") and config.carm:
        raise FlagError("cannot enable feature gate 'IAMRoleSelector' when flag 'enable-carm' is set to true")
    if config.watch and release.has("many-namespaces"):
        config.watch = _namespaces(config.watch[0])


def _kinds(text: str, release: Release) -> list[str]:
    kinds = [kind.strip() for kind in text.split(",")] if text.strip() else []
    for kind in kinds:
        if kind not in release.kinds:
            raise FlagError(
                f"invalid value for flag 'reconcile-resources': resource kind '{kind}' is not supported by this "
                f"controller. Valid resource kinds are: {', '.join(release.kinds)}"
            )
    return kinds


def _gates(text: str, release: Release) -> dict[str, bool]:
    found = dict(release.gates)
    for item in text.split(",") if text.strip() else []:
        name, equals, value = item.partition("=")
        if not equals:
            raise FlagError(f"invalid value for flag 'feature-gates': invalid feature gate format: {item}")
        if value.strip() not in _TRUE | _FALSE:
            raise FlagError(f"invalid value for flag 'feature-gates': invalid feature gate value for {name}: {value}")
        if name.strip() not in found:
            raise FlagError(f"error overriding feature gates: unknown feature gate: {name.strip()}")
        found[name.strip()] = value.strip() in _TRUE
    return found


def _namespaces(text: str) -> list[str]:
    names: list[str] = []
    for name in text.split(","):
        if not name:
            raise FlagError("invalid namespace: empty namespace")
        if name in names:
            raise FlagError(f"duplicate namespace '{name}'")
        if not _NAMESPACE.match(name):
            raise FlagError(
                f"invalid namespace '{name}': [a lowercase RFC 1123 label must consist of lower case alphanumeric "
                "characters or '-', and must start and end with an alphanumeric character]"
            )
        names.append(name)
    return names
