"""Releases, and helm's operations on them, for helm 3.8+ and 4.

helm never waits: helm 4's watcher waits for every custom resource and may hang (helm#32615, #32224); acksm itself
waits for named objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import UTC, datetime

from acksm import yaml_reader
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.helm.runner import Helm
from acksm.json_types import Document, Json

# The mark of acksm's own releases. Every generation of the charts has this key, and every helm version keeps it.
MARK_PATH = ("deployment", "labels", "acksm.dev/owned")
PENDING_GRACE_SECONDS = 300.0


@dataclass(frozen=True)
class Release:
    """A release; `version` is the chart's, `values` what was set over the chart's own (`chart_values`), `manifest`
    its objects as YAML."""

    name: str
    namespace: str
    status: str
    chart: str
    version: str
    revision: int
    updated: str = ""
    values: Document = field(default_factory=dict)
    manifest: str = ""
    description: str = ""  # helm's text on the last operation, its error when that failed
    chart_values: Document = field(default_factory=dict)

    @property
    def complete(self) -> Json:
        """All values of the release, with the defaults of its chart."""
        return completed(self.chart_values, self.values)

    @property
    def age_seconds(self) -> float:
        """Since its last operation; a large number when helm's time (RFC 3339) cannot be read."""
        try:
            stamp = datetime.fromisoformat(self.updated)
        except ValueError:
            return 1e9
        return (datetime.now(UTC) - stamp).total_seconds() if stamp.tzinfo else 1e9


def completed(defaults: Document, given: Document) -> Json:
    """All values of a release: `given` over the `defaults` of its chart, as helm merges them. A null, which removes a
    default, is kept as one."""
    found: Json = {**defaults}
    for key, value in given.items():
        before = found.get(key)
        found[key] = completed(before, value) if isinstance(value, Mapping) and isinstance(before, Mapping) else value
    return found


def is_marked(values: Document) -> bool:
    """Whether these values carry acksm's mark."""
    found: object = values
    for key in MARK_PATH:
        found = found.get(key) if isinstance(found, Mapping) else None
    return bool(found == "true")


def recovery(release: Release, deployed: Sequence[int]) -> tuple[str, int]:
    """What repairs an interrupted release: ("", 0), ("uninstall", 0) or ("rollback", revision).

    `deployed` are the revisions that once were deployed or superseded. A killed helm leaves pending-*, and every
    later upgrade fails with it (https://github.com/helm/helm/blob/main/pkg/action/upgrade.go, errPending).
    """
    if release.status in {"pending-install", "uninstalling"} or (release.status == "failed" and not deployed):
        return ("uninstall", 0)
    if release.status in {"pending-upgrade", "pending-rollback"}:
        return ("rollback", max(deployed)) if deployed else ("uninstall", 0)
    return ("", 0)


class Releases:
    """helm's operations on releases; `acksm.helm.records` reads them. `seconds` is the time left."""

    def __init__(self, helm: Helm) -> None:
        self._helm = helm

    def template(self, release: str, namespace: str, chart: str, values: Document, *, seconds: float) -> list[Json]:
        """The objects that the chart would create, rendered without the cluster. Errors: helm-missing, -too-old, …"""
        file = self._helm.private_file(f"template-{release}.json", values)
        with ThreadPoolExecutor(max_workers=1) as pool:
            version = pool.submit(lambda: self._helm.version)
            try:
                text = self._helm.run(["template", release, chart, "-n", namespace, "-f", file], seconds=seconds)
            finally:
                version.result()  # reports an old helm as that, not by an option that it lacks
        return [item for item in yaml_reader.load_all(text) if isinstance(item, dict)]

    def install(self, release: str, namespace: str, chart: str, values: Document, *, seconds: float) -> None:
        self._write("install", release, namespace, chart, values, seconds)

    def upgrade(
        self,
        release: str,
        namespace: str,
        chart: str,
        values: Document,
        *,
        take_back: bool,
        seconds: float,
        description: str = "",
    ) -> None:
        """On fresh chart values: `--reset-values`, never `--reuse-values` (docs/ack/versions.md#reused-values).

        `take_back` takes back fields that were changed by hand; helm 4 applies on the server and would refuse,
        helm 3 merges three ways and needs no option. `description` is kept in helm's record.
        """
        force = ["--force-conflicts"] if take_back and self._helm.version[0] >= 4 else []
        force += ["--description", description] if description else []
        self._write("upgrade", release, namespace, chart, values, seconds, "--reset-values", *force)

    def _write(
        self, verb: str, release: str, namespace: str, chart: str, values: Document, seconds: float, *more: str
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
                "--disable-openapi-validation",  # helm would load the apiserver's whole schema; the apiserver validates
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
        """Run what `recovery` returned."""
        if action == "uninstall":
            self.uninstall(release, namespace, seconds=seconds)
        else:
            self.rollback(release, namespace, revision, seconds=seconds)

    def rollback(self, release: str, namespace: str, revision: int, *, seconds: float) -> None:
        """A new revision with chart, values and objects of an earlier one; helm changes no CRDs."""
        self._helm.run(["rollback", release, str(revision), "-n", namespace], seconds=seconds)

    def uninstall(self, release: str, namespace: str, *, seconds: float) -> None:
        """Delete its objects and records; helm keeps CRDs. A release that does not exist is no error."""
        try:
            self._helm.run(["uninstall", release, "-n", namespace], seconds=seconds)
        except AcksmError as error:
            if not error.details.get("missing"):
                raise
