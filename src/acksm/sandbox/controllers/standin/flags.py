"""The controllers' command line: which flags a release knows, and what it reports for wrong ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from packaging.version import Version

from acksm.sandbox.controllers.standin import pflag
from acksm.sandbox.controllers.standin.pflag import FlagError
from acksm.sandbox.controllers.standin.versions import Release

# flag -> its type (pflag.TYPES), and the runtimes that know it
_FLAGS = {
    "aws-region": ("string", "0.0.0"),
    "aws-account-id": ("string", "0.0.3-0.15.0"),
    "aws-endpoint-url": ("string", "0.0.5"),
    "aws-identity-endpoint-url": ("string", "0.21.0"),
    "allow-unsafe-aws-endpoint-urls": ("bool", "0.21.0"),
    "aws-endpoint-use-path-style": ("bool", "0.58.1"),
    "http-client-timeout": ("duration", "0.59.0"),
    "log-level": ("string", "0.0.0"),
    "enable-development-logging": ("bool", "0.0.0"),
    "resource-tags": ("slice", "0.0.0"),
    "watch-namespace": ("string", "0.0.0"),
    "watch-selectors": ("string", "0.44.0"),
    "deletion-policy": ("policy", "0.22.0"),
    "metrics-addr": ("string", "0.0.0"),
    "healthz-addr": ("string", "0.31.0"),
    "enable-leader-election": ("bool", "0.0.0"),
    "leader-election-namespace": ("string", "0.27.0"),
    "enable-webhook-server": ("bool", "0.0.0"),
    "webhook-server-addr": ("string", "0.0.0"),
    "reconcile-default-resync-seconds": ("int", "0.24.0"),
    "reconcile-resource-resync-seconds": ("array", "0.24.0"),
    "reconcile-default-max-concurrent-syncs": ("int", "0.32.0"),
    "reconcile-resource-max-concurrent-syncs": ("array", "0.32.0"),
    "enable-adopted-resource-reconciler": ("bool", "0.33.0-0.53.0"),
    "enable-field-export-reconciler": ("bool", "0.33.0"),
    "feature-gates": ("string", "0.35.0"),
    "reconcile-resources": ("string", "0.46.0"),
    "enable-carm": ("bool", "0.52.0"),
    "enable-cross-namespace": ("bool", "0.60.0"),
}
_ON = ("enable-carm", "enable-cross-namespace", "enable-adopted-resource-reconciler", "enable-field-export-reconciler")
_NAMESPACE = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_DECIMAL = re.compile(r"[+-]?[0-9]+")
# The namespaces whose annotations are never read (docs/ack/accounts-and-regions.md#annotations)
IGNORED = ("kube-system", "kube-public", "kube-node-lease")


@dataclass
class Config:
    """The settings from flags and environment. `watch` empty means all namespaces; `kinds` empty means all kinds."""

    region: str = ""
    account: str = ""  # --aws-account-id, before STS is called
    endpoint: str = ""
    identity_endpoint: str = ""
    unsafe_endpoints: bool = False
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
    field_exports: bool = True
    cross_namespace: bool = True
    resync: dict[str, float] = field(default_factory=dict)  # by kind in lower case, "" for the default; seconds
    system_namespace: str = "ack-system"
    leader_election: bool = False
    leader_election_namespace: str = ""  # "" for the pod's

    def caches_namespaces(self, release: Release) -> bool:
        """Whether annotations of namespaces and the role maps are read at all.

        docs/ack/accounts-and-regions.md#scope.
        """
        return release.has("always-cached-namespaces") or (self.carm and len(self.watch) != 1)


def parse(arguments: Sequence[str], environment: Mapping[str, str], release: Release) -> Config:
    """The flags of a release, checked as the controller does before it calls AWS. Raises FlagError."""
    known = {name: kind for name, (kind, _) in _FLAGS.items() if knows(release, name)}
    found = pflag.parse(arguments, known)

    def text(name: str, default: str = "") -> str:
        return (found.get(name) or [default])[-1]

    def flag(name: str) -> bool:
        return text(name, "true" if name in _ON else "false") == "true"

    config = Config(
        region=text("aws-region", environment.get("AWS_REGION", "")),
        account=text("aws-account-id"),
        endpoint=text("aws-endpoint-url"),
        identity_endpoint=text("aws-identity-endpoint-url"),
        unsafe_endpoints=flag("allow-unsafe-aws-endpoint-urls"),
        level=text("log-level", "info"),
        development=flag("enable-development-logging"),
        tags=found.get("resource-tags", []),
        selector=text("watch-selectors"),
        deletion_policy=text("deletion-policy", "delete"),
        carm=flag("enable-carm"),
        adopted_resources=release.has("adopted-resource") and flag("enable-adopted-resource-reconciler"),
        field_exports=release.has("field-export") and flag("enable-field-export-reconciler"),
        cross_namespace=flag("enable-cross-namespace"),
        system_namespace=environment.get("ACK_SYSTEM_NAMESPACE") or environment.get("K8S_NAMESPACE") or "ack-system",
        raw_gates=text("feature-gates"),
        leader_election=flag("enable-leader-election"),
        leader_election_namespace=text("leader-election-namespace"),
    )
    config.watch = [text("watch-namespace")] if text("watch-namespace") else []
    _check(config, release, found)
    return config


def knows(release: Release, flag: str) -> bool:
    """Whether this release has the flag."""
    since, _, until = _FLAGS[flag][1].partition("-")
    return Version(since) <= release.runtime and (not until or release.runtime < Version(until))


def _check(config: Config, release: Release, found: Mapping[str, list[str]]) -> None:
    """In the controllers' order (ACK's runtime, pkg/config, Validate); what is not of one kind is set here."""
    for tag in config.tags if release.has("checks-tags") else ():
        if tag.count("=") != 1:
            raise FlagError(f"invalid resource tag: {tag}")
    config.resync = _numbers("reconcile-resource-resync-seconds", found, release)
    _numbers("reconcile-resource-max-concurrent-syncs", found, release)
    config.kinds = _kinds((found.get("reconcile-resources") or [""])[-1], release)
    if not release.has("account-by-sts") and not config.account:
        raise FlagError("unable to start service controller as account ID is nil. Please pass --aws-account-id flag")
    if not config.region:
        raise FlagError(
            "unable to start service controller as AWS region is missing. Please pass --aws-region flag or set "
            "AWS_REGION environment variable"
        )
    for endpoint in (config.endpoint, config.identity_endpoint):
        url = urlsplit(endpoint)
        if url.netloc and url.scheme != "https" and not config.unsafe_endpoints:
            if knows(release, "allow-unsafe-aws-endpoint-urls"):
                raise FlagError("using an unsafe endpoint is not allowed. Please review the controller configuration")
            page = "https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html"
            raise FlagError(f"invalid service endpoint. Please refer to {page} for more details")
    for name, word, least in (
        ("reconcile-default-resync-seconds", "resync seconds", 0),
        ("reconcile-default-max-concurrent-syncs", "max concurrency", 1),
    ):
        number = int((found.get(name) or [str(least)])[-1])
        if number < least:
            raise FlagError(f"invalid value for flag '{name}': {word} default must be greater than 0")
        if number and name.endswith("seconds"):
            config.resync[""] = float(number)


def _numbers(flag: str, found: Mapping[str, list[str]], release: Release) -> dict[str, float]:
    """Positive integers by kind, in lower case."""
    numbers: dict[str, float] = {}
    for item in found.get(flag, []):
        kind, _, number = item.partition("=")
        fault = ""
        if item.count("=") != 1:
            fault = "invalid flag argument format: expected key=value"
        elif not kind or not number:
            fault = f"missing {'value' if kind else 'key'} in flag argument"
        elif not _DECIMAL.fullmatch(number):
            fault = f'invalid value in flag argument: strconv.Atoi: parsing "{number}": invalid syntax'
        elif int(number) <= 0:
            fault = "invalid value in flag argument: value must be greater than 0"
        fault = f"{fault}. Expected format: string=number" if fault else ""
        if not fault and kind not in release.kinds:
            names = ", ".join(release.kinds)
            fault = f"resource '{kind}' is not managed by this controller. Expected one of {names}"
        if fault:
            raise FlagError(f"invalid value for flag '{flag}': error parsing flag argument '{item}': {fault}")
        numbers[kind.lower()] = float(number)
    return numbers


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
        fault = ""
        if not kind:
            fault = "invalid resource kind: empty kind"
        elif kinds.count(kind) > 1:
            fault = f"duplicate resource kind '{kind}'"
        elif kind not in release.kinds:
            names = ", ".join(release.kinds)
            fault = f"resource kind '{kind}' is not supported by this controller. Valid resource kinds are: {names}"
        if fault:
            raise FlagError(f"invalid value for flag 'reconcile-resources': {fault}")
    return kinds


def _gates(text: str, release: Release) -> dict[str, bool]:
    found = dict(release.gates)
    for item in text.split(",") if text.strip() else []:
        name, equals, value = (part.strip() for part in item.partition("="))
        fault = ""
        if not equals:
            fault = f"invalid feature gate format: {item}"
        elif not name:
            fault = f"invalid feature gate name: {item}"
        elif value not in pflag.TRUE | pflag.FALSE:
            fault = f"invalid feature gate value for {name}: {value}"
        if fault:
            raise FlagError(f"invalid value for flag 'feature-gates': {fault}")
        if name not in found:
            raise FlagError(f"error overriding feature gates: unknown feature gate: {name}")
        found[name] = value in pflag.TRUE
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
