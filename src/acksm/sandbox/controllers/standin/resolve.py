"""Which account, role, region and deletion policy an object has: the order of the sources.

From docs/ack/accounts-and-regions.md.

Pure: the content of the caches is an argument. Releases differ in the order and in what they do when a role is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acksm.json_types import Manifest
from acksm.sandbox.controllers.standin.flags import Config
from acksm.sandbox.controllers.standin.versions import Release

ACCOUNT_MAP, TEAM_MAP = "ack-role-account-map", "ack-role-team-map"
PREFIX = "services.k8s.aws/"
_ARN = re.compile(r"^arn:[^:]+:[^:]+:[^:]*:(\d{12}):.+$")


@dataclass(frozen=True)
class Caches:
    """What the controller has read: annotations and labels of namespaces, both maps (None: no such map), selectors."""

    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    accounts: Mapping[str, str] | None = None
    teams: Mapping[str, str] | None = None
    selectors: Sequence[Manifest] = ()

    def of(self, namespace: str, name: str) -> str:
        """A namespace's annotation, "" without one; `name` has its prefix."""
        return self.annotations.get(namespace, {}).get(name, "")


class NoRoleError(Exception):
    """The role is not available now; the object waits. The text is the condition's reason."""


class ResolveError(Exception):
    """Neither account nor role can be determined; only the log says so."""


@dataclass(frozen=True)
class Resolved:
    """Account and role ("" for the controller's own); `selector` is the IAMRoleSelector that chose it."""

    account: str
    role: str
    selector: Manifest | None = None


def account(obj: Manifest, caches: Caches, config: Config, own: str, release: Release) -> Resolved:
    """The account that the object belongs in. Raises NoRoleError and ResolveError."""
    namespace = obj["metadata"]["namespace"]
    found = _by_map(obj, caches, config, own, release)
    if config.gates.get("IAMRoleSelector"):
        fitting = [item for item in caches.selectors if selects(item, obj, caches.labels.get(namespace, {}), release)]
        if len(fitting) > 1:
            raise ResolveError(f"multiple ({len(fitting)}) matching IAMRoleSelectors found")
        if fitting:
            role = str(fitting[0]["spec"]["arn"])
            return Resolved(_account_of(role, f'IAMRoleSelector "{fitting[0]["metadata"]["name"]}"'), role, fitting[0])
    return found


def _by_map(obj: Manifest, caches: Caches, config: Config, own: str, release: Release) -> Resolved:
    namespace = obj["metadata"]["namespace"]
    teams = config.gates.get("TeamLevelCARM") and config.caches_namespaces(release)
    team = caches.of(namespace, f"{PREFIX}team-id") if teams else ""
    if team:
        role = _role(team, caches.teams, TEAM_MAP, config, release)
        return Resolved(_account_of(role, f'"{TEAM_MAP}" configmap'), role)
    annotated = caches.of(namespace, f"{PREFIX}owner-account-id") if config.caches_namespaces(release) else ""
    recorded = metadata_of(obj).get("ownerAccountID", "")
    if release.has("namespace-account-first"):
        key = annotated or (recorded if recorded != own else "")
    else:
        key = (recorded if recorded != own else "") if recorded else annotated
    if not key:
        return Resolved(own, "")
    if release.has("carm-flag") and not config.carm:
        return Resolved(key, "")  # the account is taken as it is, and no role is assumed
    try:
        role = _role(key, caches.accounts, ACCOUNT_MAP, config, release)
    except NoRoleError:
        if release.has("missing-role-waits"):
            raise
        return Resolved(key, "")  # silently the controller's own role, and so the controller's account
    return Resolved(_account_of(role, f'"{ACCOUNT_MAP}" configmap') if release.has("account-from-role") else key, role)


def _role(key: str, data: Mapping[str, str] | None, name: str, config: Config, release: Release) -> str:
    if data and config.gates.get("ServiceLevelCARM") and data.get(f"{release.service}.{key}"):
        return data[f"{release.service}.{key}"]
    new = release.has("role-message-v2")
    if data is None:
        why = "CARM configmap not found"
    elif key not in data:
        why = "key not found in CARM configmap" if new else "account ID not found in CARM configmap"
    elif not data[key]:
        why = "role value is empty in CARM configmap" if new else "role ARN is empty in CARM configmap"
    else:
        return data[key]
    if new:
        raise NoRoleError(f'retrieving role ARN for account/team ID "{key}" from "{name}" configmap: {why}')
    raise NoRoleError(f"unable to retrieve role ARN for account {key}: {why}")


def _account_of(role: str, where: str) -> str:
    match = _ARN.match(role)
    if not match:
        raise ResolveError(f'parsing role ARN "{role}" from {where}: arn: invalid prefix')
    return match[1]


def metadata_of(obj: Manifest) -> Mapping[str, str]:
    """status.ackResourceMetadata."""
    found: Mapping[str, str] = (obj.get("status") or {}).get("ackResourceMetadata") or {}
    return found


def region(obj: Manifest, caches: Caches, config: Config, release: Release) -> str:
    """The region that the AWS resource is in, or will be created in."""
    recorded = metadata_of(obj).get("region", "")
    if recorded and release.has("status-region-first"):
        return recorded
    return wanted_region(obj, caches, config)


def wanted_region(obj: Manifest, caches: Caches, config: Config) -> str:
    """Object's annotation, namespace's default region, --aws-region."""
    own = (obj["metadata"].get("annotations") or {}).get(f"{PREFIX}region", "")
    return str(own or caches.of(obj["metadata"]["namespace"], f"{PREFIX}default-region") or config.region)


def deletion_policy(obj: Manifest, caches: Caches, config: Config, release: Release) -> str:
    """ "delete" or "retain": object's annotation, namespace's for the service, --deletion-policy."""
    if not release.has("deletion-policy"):
        return "delete"
    own = (obj["metadata"].get("annotations") or {}).get(f"{PREFIX}deletion-policy", "")
    of_namespace = caches.of(obj["metadata"]["namespace"], f"{release.service}.{PREFIX}deletion-policy")
    return str(own or of_namespace or config.deletion_policy)


def endpoint(obj: Manifest, caches: Caches, config: Config) -> str:
    """The namespace's endpoint URL, else --aws-endpoint-url, else ""."""
    return caches.of(obj["metadata"]["namespace"], f"{PREFIX}endpoint-url") or config.endpoint


def selects(selector: Manifest, obj: Manifest, labels: Mapping[str, str], release: Release) -> bool:
    """Whether an IAMRoleSelector matches: AND between its blocks, OR inside its lists."""
    spec = selector.get("spec") or {}
    namespaces = spec.get("namespaceSelector") or {}
    names = namespaces.get("names") or []
    if names and obj["metadata"]["namespace"] not in names:
        return False
    if not _has(labels, namespaces.get("labelSelector")):
        return False
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    kinds = spec.get("resourceTypeSelector") or []
    asked = {"group": group, "version": version, "kind": obj["kind"]}
    if kinds and not any(all(item.get(key) in (None, "", value) for key, value in asked.items()) for item in kinds):
        return False
    if not release.has("selector-labels"):
        return True
    return _has(obj["metadata"].get("labels") or {}, spec.get("resourceLabelSelector"))


def _has(labels: Mapping[str, str], selector: Manifest | None) -> bool:
    return all(labels.get(key) == value for key, value in ((selector or {}).get("matchLabels") or {}).items())


def invalid_selector(selector: Manifest) -> str:
    """Why an IAMRoleSelector is invalid, "" when it is valid."""
    spec = selector.get("spec") or {}
    arn = str(spec.get("arn") or "")
    if not arn:
        return "ARN cannot be empty"
    if not arn.startswith("arn:") or arn.count(":") < 5:
        return "invalid ARN: arn: invalid prefix"
    names = (spec.get("namespaceSelector") or {}).get("names") or []
    for name in names:
        if not name:
            return "invalid namespace selector: namespace name cannot be empty"
        if names.count(name) > 1:
            return f"invalid namespace selector: duplicate namespace name: {name}"
    kinds = [
        tuple(item.get(key) or "" for key in ("group", "version", "kind"))
        for item in spec.get("resourceTypeSelector") or []
    ]
    for index, kind in enumerate(kinds):
        if not any(kind):
            return (
                "invalid resource type selector: at least one of group, version, or kind must be specified at index "
                f"{index}"
            )
        if kinds.count(kind) > 1:
            return f"invalid resource type selector: duplicate resource type selector: {'/'.join(kind)}"
    return ""
