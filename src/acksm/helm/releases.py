"""Releases: what is there, and the operations, for helm 3.8+ and 4.

helm is never asked to wait: helm 4's watcher waits for every custom resource and may hang (helm#32615, #32224); acksm
waits itself, on named objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from acksm import yaml_reader
from acksm.errors import AcksmError
from acksm.helm.runner import Helm

# The mark of acksm's own releases. Every generation of the charts has this key, and it survives any helm version.
MARK_PATH = ("deployment", "labels", "acksm.dev/owned")
PENDING_GRACE_SECONDS = 300.0


@dataclass(frozen=True)
class Release:
    """A release; `version` is the chart's, `values` what was given on top of the chart's own."""

    name: str
    namespace: str
    status: str
    chart: str
    version: str
    revision: int
    updated: str = ""

    @property
    def age_seconds(self) -> float:
        """Since its last operation; a large number when helm's time cannot be read.

        helm writes Go's form, in the zone of whoever ran it: ``2026-01-29 10:00:00.123456789 +0100 CET``.
        """
        try:
            date, time, offset = self.updated.split(" ")[:3]
            stamp = datetime.fromisoformat(f"{date} {time}{offset}")
        except ValueError:
            return 1e9
        return (datetime.now(UTC) - stamp).total_seconds()


def is_marked(values: Mapping[str, Any]) -> bool:
    """Whether these values carry acksm's mark."""
    found: Any = values
    for key in MARK_PATH:
        found = found.get(key) if isinstance(found, Mapping) else None
    return bool(found == "true")


def recovery(release: Release, deployed: Sequence[int]) -> tuple[str, int]:
    """What puts a half-made release right: ("", 0), ("uninstall", 0) or ("rollback", revision).

    `deployed` are the revisions that once were deployed or superseded. A killed helm leaves pending-*, and every
    later upgrade fails with it (anchors.md §0.6).
    """
    if release.status in {"pending-install", "uninstalling"} or (release.status == "failed" and not deployed):
        return ("uninstall", 0)
    if release.status in {"pending-upgrade", "pending-rollback"}:
        return ("rollback", max(deployed)) if deployed else ("uninstall", 0)
    return ("", 0)


class Releases:
    """helm's operations on releases. `seconds` is asked for the time left each time."""

    def __init__(self, helm: Helm) -> None:
        self._helm = helm

    def all(self, namespace: str, *, seconds: float) -> list[Release]:
        """Every release of the namespace in whatever state."""
        # helm 3 leaves pending ones out without -a; helm 4 has no -a and shows all.
        everything = ["-a"] if self._helm.version[0] == 3 else []
        found = self._helm.json(["list", "-n", namespace, *everything], seconds=seconds) or []
        return [_release(item) for item in found]

    def values(self, release: Release, *, seconds: float) -> dict[str, Any]:
        """The values given on top of the chart's."""
        found = self._helm.json(["get", "values", release.name, "-n", release.namespace], seconds=seconds)
        return dict(found or {})

    def deployed_revisions(self, release: Release, *, seconds: float) -> Sequence[int]:
        """Revisions that once worked."""
        found = self._helm.json(["history", release.name, "-n", release.namespace], seconds=seconds) or []
        return [int(item["revision"]) for item in found if item.get("status") in {"deployed", "superseded"}]

    def template(
        self, release: str, namespace: str, chart: str, values: Mapping[str, Any], *, seconds: float
    ) -> list[dict[str, Any]]:
        """The objects that the chart would make, rendered without the cluster."""
        file = self._helm.private_file(f"template-{release}.json", values)
        text = self._helm.run(["template", release, chart, "-n", namespace, "-f", file], seconds=seconds)
        return [item for item in yaml_reader.load_all(text) if isinstance(item, dict)]

    def install(self, release: str, namespace: str, chart: str, values: Mapping[str, Any], *, seconds: float) -> None:
        self._write("install", release, namespace, chart, values, seconds)

    def upgrade(self, release: str, namespace: str, chart: str, values: Mapping[str, Any], *, seconds: float) -> None:
        """On fresh chart values: `--reset-values`, never `--reuse-values` (ack-facts.md §1.1, "Traps")."""
        self._write("upgrade", release, namespace, chart, values, seconds, "--reset-values")

    def _write(
        self, verb: str, release: str, namespace: str, chart: str, values: Mapping[str, Any], seconds: float, *more: str
    ) -> None:
        file = self._helm.private_file(f"values-{release}.json", values)
        self._helm.run(
            [
                verb,
                release,
                chart,
                "-n",
                namespace,
                "--skip-crds",
                "-f",
                file,
                "--timeout",
                f"{max(1, int(seconds))}s",
                "-o",
                "json",
                *more,
            ],
            seconds=seconds + 10,
        )

    def recover(self, release: str, namespace: str, action: str, revision: int, *, seconds: float) -> None:
        """Carry out what `recovery` said."""
        if action == "uninstall":
            try:
                self._helm.run(["uninstall", release, "-n", namespace], seconds=seconds)
            except AcksmError as error:
                if not error.details.get("missing"):
                    raise
        else:
            self._helm.run(["rollback", release, str(revision), "-n", namespace], seconds=seconds)


def _release(item: Mapping[str, Any]) -> Release:
    chart, _, version = str(item.get("chart", "")).rpartition("-chart-")
    return Release(
        str(item["name"]),
        str(item.get("namespace", "")),
        str(item.get("status", "")),
        f"{chart}-chart" if chart else str(item.get("chart", "")),
        version,
        int(item.get("revision", 0)),
        str(item.get("updated", "")),
    )
