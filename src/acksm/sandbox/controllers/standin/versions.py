"""What the controllers of each release can do: the ACK runtime of each tag, and what each runtime brought.

Read at the tags of the two controllers' and the runtime's repositories; the effects are in
docs/ack/versions.md and docs/ack/accounts-and-regions.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from acksm.ack.kinds import KINDS, SINCE

# release -> runtime, where it changed; a release between two has the runtime of the one before it
_RUNTIMES = {
    "sagemaker": """
        0.0.1 0.2.1  0.0.2 0.6.0  0.0.4 0.13.0  0.1.0 0.13.2  0.2.0 0.15.1  0.3.1 0.18.4  0.3.2 0.19.1  0.4.4 0.20.0
        0.5.1 0.21.0  0.6.0 0.23.0  1.1.0 0.24.0  1.2.1 0.25.0  1.2.2 0.26.0  1.2.3 0.27.1  1.2.5 0.28.0  1.2.6 0.29.2
        1.2.7 0.30.0  1.2.8 0.32.0  1.2.10 0.33.0  1.2.11 0.34.0  1.2.12 0.36.0  1.2.13 0.38.0  1.2.14 0.41.0
        1.2.15 0.42.0  1.2.16 0.44.0  1.2.17 0.45.0  1.2.18 0.46.1  1.2.19 0.47.0  1.3.1 0.48.0  1.3.2 0.49.0
        1.3.3 0.50.0  1.4.0 0.51.0  1.4.1 0.52.0  1.5.1 0.53.1  1.6.0 0.56.0  1.7.1 0.57.0  1.7.3 0.58.0  1.8.0 0.59.1
        1.8.1 0.60.0  1.8.2 0.61.0  1.9.0 0.62.0""",
    "applicationautoscaling": """
        0.0.1 0.2.1  0.0.2 0.13.0  0.1.1 0.13.2  0.2.0 0.15.1  0.2.1 0.16.0  0.2.4 0.17.0  0.2.7 0.18.0  0.2.9 0.18.4
        0.2.10 0.19.0  0.2.13 0.20.0  0.2.15 0.21.0  0.2.16 0.23.0  1.0.1 0.24.0  1.0.3 0.25.0  1.0.4 0.26.0
        1.0.7 0.27.1  1.0.9 0.29.2  1.0.10 0.30.0  1.0.11 0.31.0  1.0.12 0.32.0  1.0.13 0.33.0  1.0.14 0.34.0
        1.0.15 0.35.0  1.0.16 0.36.0  1.0.17 0.38.0  1.0.18 0.39.0  1.0.19 0.41.0  1.0.20 0.42.0  1.0.21 0.43.0
        1.0.24 0.44.0  1.0.25 0.45.0  1.0.26 0.46.1  1.0.27 0.47.0  1.0.29 0.48.0  1.0.30 0.49.0  1.0.31 0.50.0
        1.1.0 0.51.0  1.1.1 0.52.0  1.1.2 0.53.1  1.2.0 0.56.0  1.2.1 0.57.0  1.2.2 0.58.0  1.3.0 0.59.1
        1.3.1 0.60.0  1.4.1 0.61.0""",
}

# what -> the first runtime that does it (and, after a dash, the first that no longer does)
_BROUGHT = {
    "account-by-sts": "0.15.0",  # before, --aws-account-id is needed
    "status-region-first": "0.18.0",
    "synced-condition": "0.18.0",
    "unknown-synced": "0.19.0",
    "deletion-policy": "0.22.0",
    "arm64-image": "0.29.2",  # before, the image is for amd64 only (docs/ack/versions.md#architectures)
    "many-namespaces": "0.30.0",
    "missing-role-waits": "0.31.0",  # before, the controller's own role is used silently
    "namespace-account-first": "0.36.0",  # before, the account in the object's status
    "waits-for-caches": "0.36.0",
    "role-message-v2": "0.38.0",
    "role-in-manager-key": "0.38.0",  # before, a changed role was not seen until a restart (community#2088)
    "ServiceLevelCARM": "0.38.0",
    "TeamLevelCARM": "0.38.0",
    "ReadOnlyResources": "0.41.0",
    "ResourceAdoption": "0.41.0",
    "adopt-or-create-updates": "0.45.0",
    "adoption-on": "0.51.0",
    "carm-flag": "0.52.0",
    "adopted-resource": "0.0.0-0.53.0",
    "ready-condition": "0.53.0",
    "drift-refused": "0.53.0",
    "account-from-role": "0.53.0",  # before, the account is that of the namespace's annotation
    "IAMRoleSelector": "0.53.0",
    "resource-tags": "0.19.0",  # before, --resource-tags has no effect
    "kro-tags": "0.54.0",  # %MANAGED_BY% and %KRO_VERSION%
    "checks-tags": "0.56.0",  # each of --resource-tags has one "="
    "selector-labels": "0.57.0",
    "field-export": "0.18.0",
    "exports-once": "0.51.0-0.62.0",  # a FieldExport is not written again when its source changes (community#2964)
    "cross-namespace": "0.60.0",
    "partition-in-status": "0.59.0",
    "always-cached-namespaces": "0.0.0-0.13.0",
    "sdk-v2": "0.42.0",  # messages of the second AWS SDK for Go
    "account-info-message": "0.59.0",
}
GATES = ("ServiceLevelCARM", "TeamLevelCARM", "ReadOnlyResources", "ResourceAdoption", "IAMRoleSelector")


@dataclass(frozen=True)
class Release:
    """One controller: its service, its version ("" when the image's tag is not a version) and its runtime."""

    service: str
    version: str
    runtime: Version

    def has(self, what: str) -> bool:
        """Whether this release does `what`, a key of the table above."""
        since, _, until = _BROUGHT[what].partition("-")
        return Version(since) <= self.runtime and (not until or self.runtime < Version(until))

    @property
    def group(self) -> str:
        return f"{self.service}.services.k8s.aws"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it reconciles."""
        newest = Version(self.version) if self.version else None
        return tuple(
            sorted(
                kind
                for kind in KINDS[self.service]
                if newest is None or kind not in SINCE or Version(SINCE[kind]) <= newest
            )
        )

    @property
    def gates(self) -> dict[str, bool]:
        """The feature gates that it knows, with their defaults."""
        on = self.has("adoption-on")
        return {gate: on and gate in {"ReadOnlyResources", "ResourceAdoption"} for gate in GATES if self.has(gate)}


def release(service: str, tag: str) -> Release:
    """The release behind an image's tag; the newest for a tag that is not a version (latest, a digest)."""
    pairs = _pairs(service)
    try:
        version = Version(tag[1:] if tag[:1] == "v" else tag)
    except InvalidVersion:
        return Release(service, "", pairs[-1][1])
    fitting = [runtime for since, runtime in pairs if since <= version]
    return Release(service, str(version), fitting[-1] if fitting else pairs[0][1])


def _pairs(service: str) -> list[tuple[Version, Version]]:
    words = _RUNTIMES[service].split()
    return [(Version(one), Version(two)) for one, two in zip(words[::2], words[1::2], strict=True)]
