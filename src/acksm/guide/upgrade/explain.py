"""`acksm upgrade --explain`: what changes between two versions, whether it concerns this cluster, and what to do.

From the table of features (docs/charts.md). With --from it needs no cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acksm import reports
from acksm.ack import charts
from acksm.ack.crossings import Concerns, Difference, between
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.install import mirrored, recorded
from acksm.guide.upgrade import touched, versions
from acksm.live import running
from acksm.live.bindings import shortened
from acksm.output import Output
from acksm.settings import ControllerSettings, RunSettings, TargetSettings
from acksm.words import counted


@dataclass(frozen=True)
class Row:
    """A difference, and what of the cluster it concerns: None where that could not be read, or there is no cluster."""

    difference: Difference
    here: Sequence[str] | None

    @property
    def remedy(self) -> str:
        """What to do, with the first of the names; "" where it concerns nothing."""
        if self.here is None or not self.here:
            return self.difference.remedy if self.here is None else ""
        kind, _, place = self.here[0].partition(" ")
        namespace, _, name = place.partition("/")
        return self.difference.remedy.replace("KIND/NAME -n NAMESPACE", f"{kind}/{name} -n {namespace}")

    def as_data(self) -> reports.UpgradeDifference:
        """The row as the report has it."""
        return {
            "feature": self.difference.feature,
            "begins": self.difference.begins,
            "means": self.difference.means,
            "concerns": str(self.difference.concerns),
            "here": None if self.here is None else list(self.here),
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Explained:
    """What changes for one service."""

    service: str
    before: str
    after: str
    rows: tuple[Row, ...]

    def as_data(self) -> reports.UpgradeService:
        """The service as the report has it."""
        return {
            "service": self.service,
            "from": self.before,
            "to": self.after,
            "differences": [row.as_data() for row in self.rows],
        }


def run(
    at: TargetSettings, controllers: ControllerSettings, run: RunSettings, ui: Output, *, installed: Sequence[str]
) -> int:
    """Print what changes; `installed` is SERVICE=VERSION of each controller, read from the cluster where it is empty.

    Errors: `config-invalid`, `chart-version-unknown`, `controllers-missing`, and those of `connect`.
    """
    if installed:
        before = _given(installed)
        chosen = {service: controllers.version.get(service) or charts.TESTED[service] for service in before}
        if unresolved := [service for service, version in chosen.items() if version == charts.LATEST]:
            raise AcksmError(
                "config-invalid",
                f"--from reads no registry, so the newest {unresolved[0]} is not known",
                where=f"--version {unresolved[0]}={charts.LATEST}",
                remedy="acksm versions   (lists them)",
            )
        found = [explained(service, version, chosen[service], None) for service, version in before.items()]
        return _show(ui, found, None, ())
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        found, notes = _of_cluster(target, controllers)
        return _show(ui, found, target, notes)


def _given(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        service, _, version = pair.partition("=")
        if service not in charts.SERVICES or not charts.is_version(version):
            raise AcksmError(
                "config-invalid", f'"{pair}" is not in the form SERVICE=VERSION', where="--from", remedy=_FORM
            )
        found[service] = charts.normalise(version)
    return found


_FORM = f"acksm upgrade --explain --from {charts.SAGEMAKER}=1.2.13"


def _of_cluster(target: Target, controllers: ControllerSettings) -> tuple[list[Explained], Sequence[str]]:
    chosen = versions.controllers_for(target, controllers)
    releases = recorded.installed(target, chosen.service)
    cluster = touched.observe(target.kube)
    found = []
    for service, item in releases.items():
        release = item.release
        if release is None:
            continue
        registry = target.registry(mirrored.location(controllers.registry, release.complete))
        wanted = chosen.version[service]
        after = charts.resolve(service, wanted, registry.tags(service)) if wanted == charts.LATEST else wanted
        namespace = target.settings.controller_namespace
        before = running.from_values(service, namespace, release.version, release.complete)
        here = touched.of(service, cluster, before, replace(before, version=charts.normalise(after)))
        found.append(explained(service, release.version, after, here))
    return found, cluster.notes


def explained(service: str, before: str, after: str, here: touched.Here | None) -> Explained:
    """What changes for a service; `here` is None without a cluster. Pure. Error: `chart-version-unknown`."""
    rows = [Row(item, _concerned(item, here)) for item in between(service, before, after)]
    rows.sort(key=lambda row: _urgency(row, here is not None))  # stable: the table's order within
    return Explained(service, charts.normalise(before), charts.normalise(after), tuple(rows))


def _concerned(item: Difference, here: touched.Here | None) -> Sequence[str] | None:
    if item.concerns is Concerns.NOTHING:
        return ()
    return None if here is None else here[item.concerns]


def _urgency(row: Row, known: bool) -> int:
    if row.here:
        return 0
    return 1 if row.here is None else 2 if known and row.difference.remedy else 3


def _show(ui: Output, found: Sequence[Explained], target: Target | None, notes: Sequence[str]) -> int:
    code = ExitCode.INCOMPLETE if notes else ExitCode.OK
    data: reports.UpgradeExplainReport = {
        "target": target.as_data() if target else None,
        "services": [item.as_data() for item in found],
        "incomplete": list(notes),
    }
    lines = [line for item in found for line in text(item)]
    if target is None:
        lines += ["without --from, the cluster is read: what of it each change concerns"]
    if notes:
        lines += [*notes, "", "incomplete: what the changes concern could not be read in full"]
    ui.result("upgrade", {**data}, "\n".join(lines), int(code))
    return int(code)


def text(item: Explained) -> list[str]:
    """Lines for people: first what concerns the cluster, with what to do, last what only changed."""
    head = f"{item.service} {item.before} → {item.after}"
    if not item.rows:
        return [f"{head}: nothing that acksm knows of changes", ""]
    lines = [f"{head}: {counted(len(item.rows), 'change')}"]
    for row in item.rows:
        lines += ["", f"  {_verb(row.difference)} {row.difference.means.removeprefix('bug: ')}"]
        if row.here:
            lines.append(f"    here: {shortened(list(row.here))}")
        elif row.here is None:
            lines.append(f"    concerns {row.difference.concerns}")
        elif row.difference.remedy:
            lines.append(f"    here: no {row.difference.concerns}")
        if row.remedy:
            lines.append(f"    remedy: {row.remedy.replace('SERVICE', item.service)}")
    return [*lines, ""]


def _verb(item: Difference) -> str:
    if item.means.startswith("bug: "):
        return "fault:" if item.begins else "fixed:"
    return "new:" if item.begins else "ends:"
