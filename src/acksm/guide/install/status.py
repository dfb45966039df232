"""Guide §3 and §9.3: what is installed, whether it is healthy, and its drift.

Drift is what `acksm install` with the same options would change: the same plan, shown as findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from typing import TYPE_CHECKING

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind, silent
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.install import command as install, controllers as section, details, kept, mirrored
from acksm.guide.install.details import Details, of as details_of
from acksm.guide.install.release import Observed as ReleaseObserved
from acksm.guide.install.standing import NOTHING_WRONG, Problem, Standing, observe as standing_of
from acksm.live import capability, discovery, readiness, served, unread
from acksm.live.drift import State
from acksm.live.once import Once
from acksm.live.running import Running
from acksm.output import Output, Table
from acksm.settings import DEFAULT_REGISTRY, ControllerSettings, RoleSettings, RunSettings, TargetSettings
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports


@dataclass(frozen=True)
class Row:
    """One controller: what is installed, and what is wrong with it; None for what could not be read."""

    service: str
    installed: bool | None
    version: str
    status: str
    scope: str
    role_arn: str
    owned: bool
    healthy: bool | None
    problems: tuple[str, ...]
    registry: str = ""
    remedies: tuple[str, ...] = ()
    details: Details = field(default_factory=Details)
    kept_by: reports.KeptBy | None = None

    def as_data(self) -> reports.Controller:
        return {
            "service": self.service,
            "installed": self.installed,
            "version": self.version,
            "status": self.status,
            "scope": self.scope,
            "role_arn": self.role_arn,
            "owned_by_acksm": self.owned,
            "healthy": self.healthy,
            "problems": list(self.problems),
            "registry": self.registry,
            "remedies": list(self.remedies),
            "watched": list(self.details.watched),
            "pods": self.details.pods,
            "pods_ready": self.details.ready,
            "restarts": self.details.restarts,
            "updated": self.details.updated,
            "chart": self.details.chart,
            "newer": self.details.newer,
            "kept_by": self.kept_by,
        }


@dataclass(frozen=True)
class Compared:
    """What install would change, or why that is `unknown`; `notes` on what differs and install would not change.
    `standing` is read as rarely as drift is."""

    changes: Sequence[reports.Drift] = ()
    unknown: str = ""
    notes: Sequence[str] = ()
    standing: Standing = NOTHING_WRONG

    def lines(self) -> list[str]:
        found = [f"drift: {item['target']} ({item['reason'] or item['id']})" for item in self.changes]
        return found + [f"note: {note}" for note in self.all_notes]

    @property
    def all_notes(self) -> list[str]:
        return [*self.notes, *self.standing.notes]

    @property
    def missing(self) -> list[str]:
        """What could not be read, and why."""
        return [*([f"drift unknown: {self.unknown}"] if self.unknown else []), *self.standing.unknown]


@dataclass(frozen=True)
class Snapshot:
    """The state at one moment. `lines` has one for everything that can change, for `--watch` without a terminal."""

    data: reports.StatusReport
    text: str
    lines: Sequence[str]
    code: int
    drift: Compared


def run(at: TargetSettings, controllers: ControllerSettings, role: RoleSettings, run: RunSettings, ui: Output) -> int:
    """`acksm status`. Exit 3 when a controller is unhealthy or not installed, 7 when too little could be read to
    tell."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        found = observe(target, controllers, role, ui.table, emit=ui.emit)
        ui.result("status", found.data, found.text, found.code)
        return found.code


def observe(
    target: Target,
    controllers: ControllerSettings,
    role: RoleSettings,
    table: Table,
    drift: Compared | None = None,
    emit: Emit = silent,
) -> Snapshot:
    """The state now. `drift`: that of an earlier snapshot, which is then not read again."""
    kube = Once(target.kube)
    try:
        releases = section.releases(target, controllers.service, compared=False, kube=kube)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        return _without_releases(target, controllers.service, table, error)
    rows = [row(service, found) for service, found in releases.items()]
    found = drift if drift is not None else _compared(target, kube, controllers, role, releases, emit)
    rows = [_judged(item, found.standing) for item in rows]
    healthy = _healthy(rows, found)
    data: reports.StatusReport = {
        "target": target.as_data(),
        "healthy": healthy,
        "controllers": [item.as_data() for item in rows],
        "drift": list(found.changes),
        "drift_unknown": found.unknown,
        "notes": found.all_notes,
        "problems": [item.text for item in found.standing.problems if not item.service],
        "incomplete": found.missing,
    }
    text = _text(rows, found, healthy, table)
    code = {True: ExitCode.OK, False: ExitCode.CHECK_FAILED, None: ExitCode.INCOMPLETE}[healthy]
    return Snapshot(data, text, _lines(rows, found), int(code), found)


def _healthy(rows: Sequence[Row], found: Compared) -> bool | None:
    """Every requested controller is installed and without a problem; None where too little could be read to tell."""
    if not all(item.healthy for item in rows) or found.standing.problems:
        return False
    return None if found.missing else True


def _judged(item: Row, standing: Standing) -> Row:
    """The row with what the account says about its role; an association's wins over the annotation's."""
    item = replace(item, role_arn=standing.roles.get(item.service, item.role_arn))
    own = [one for one in standing.problems if one.service == item.service]
    if not own:
        return item
    problems = (*item.problems, *(one.text for one in own))
    remedies = tuple(dict.fromkeys([*item.remedies, *(one.remedy for one in own)]))
    return replace(item, healthy=False, problems=problems, remedies=remedies)


def _without_releases(
    target: Target,
    services: Sequence[str],
    table: Table,
    error: AcksmError,
) -> Snapshot:
    """The state as far as an identity sees it that may not read helm's records: by Deployments, if it may read these,
    and by the kinds that are served."""
    namespace, why = target.settings.controller_namespace, unread.reason(error)
    seen = discovery.visible(target.kube, namespace)
    kinds = Counter(one.service for one in served.observe(target.kube))
    notes = [f"not checked: helm's releases, and their drift ({why})"]
    notes += [f"not checked: the controllers ({seen.hidden})"] if seen.hidden else []
    rows = []
    for service in services:
        found = next((item for item in seen.own if item.service == service), None)
        rows.append(_seen(target, service, found, unknown=bool(seen.hidden or seen.partial)))
        count = counted(kinds[service], "kind")
        notes.append(f"the cluster serves {count} of {service}")
    failing = any(item.problems for item in rows)
    code = ExitCode.CHECK_FAILED if failing else ExitCode.INCOMPLETE
    compared = Compared(unknown=f"{error.id}: {error.message}", notes=notes)
    data: reports.StatusReport = {
        "target": target.as_data(),
        "healthy": False if failing else None,
        "controllers": [item.as_data() for item in rows],
        "drift": [],
        "drift_unknown": compared.unknown,
        "notes": notes,
        "problems": [],
        "incomplete": compared.missing,
    }
    lines = [table(_HEADER, [(*_cells(item), *item.details.cells()) for item in rows], drop=details.DROP)]
    lines += [f"! {item.service}: {problem}" for item in rows for problem in item.problems]
    lines += [*notes, "", "incomplete: the releases could not be read"]
    return Snapshot(data, "\n".join(lines), _lines(rows, compared), int(code), compared)


def _seen(target: Target, service: str, found: Running | None, *, unknown: bool) -> Row:
    """A controller by its Deployment; what only helm's record has is empty, and health None where it is not known."""
    if found is None:
        return Row(service, None if unknown else False, "", "", "", "", False, None if unknown else False, ())
    health = unread.unless_forbidden(lambda: readiness.look(target.kube, found.namespace, found.release), None)
    scope = f"namespace {','.join(found.watched)}" if found.watched else "cluster"
    problems = tuple(health.problems) if health else ()
    remedies = health.remedies if health else ()
    healthy = None if health is None else not problems
    return Row(service, True, found.version, "", scope, found.role_arn, False, healthy, problems, "", remedies)


def _lines(rows: Sequence[Row], drift: Compared) -> list[str]:
    lines = [" ".join(cell for cell in _cells(item) if cell) for item in rows]
    lines += [f"{item.service}: {problem}" for item in rows for problem in item.problems]
    lines += [item.text for item in drift.standing.problems if not item.service]
    return [*lines, *drift.lines(), *(f"incomplete: {one}" for one in drift.missing)]


def row(service: str, observed: ReleaseObserved) -> Row:
    """A release and its health as a row."""
    if not observed.version:
        return Row(service, False, "", "", "", "", False, False, ())
    health = observed.health
    problems = list(health.problems) if health else ["the release has no Deployment"]
    if observed.status != "deployed":
        problems.append(f"the release is {observed.status}")
    values = observed.complete
    watched = str(values.get("watchNamespace") or "")
    namespaced = bool(watched) or values.get("installScope") == "namespace"
    scope = f"namespace {watched or '(the release namespace)'}" if namespaced else "cluster"
    role = health.service_account_role if health else ""
    return Row(
        service,
        True,
        charts.normalise(observed.version),
        observed.status,
        scope,
        role,
        observed.owned and observed.kept_by is None,
        not problems,
        tuple(problems),
        mirrored.location("", values),
        health.remedies if health else (),
        details_of(service, observed),
        kept.as_data(observed),
    )


def _compared(
    target: Target,
    kube: Once,
    controllers: ControllerSettings,
    role: RoleSettings,
    releases: Mapping[str, ReleaseObserved],
    emit: Emit,
) -> Compared:
    """What install would change, or why that is unknown, and where the controllers stand. Where none is installed,
    install would make everything, and no plan is needed to tell."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        standing = pool.submit(standing_of, target, kube, releases)
        if not any(item.version for item in releases.values()):
            return Compared(standing=standing.result())
        try:
            planned = install.plan(target, controllers, role, "install", install.ALL, emit, kube=kube)
        except AcksmError as error:
            if error.id == "capability-conflict":
                problem = Problem("", error.message, error.remedy)
                found = standing.result()
                return Compared(unknown=error.id, standing=replace(found, problems=(*found.problems, problem)))
            return Compared(unknown=f"{error.id}: {error.message}", standing=standing.result())
    changes: list[reports.Drift] = [
        {"id": change.id, "target": change.target, "reason": change.reason or _MADE.get(change.id, "")}
        for change in planned.plan.mutations
    ]
    unknown = [str(found) for found in planned.drift if found.state is State.UNKNOWN]
    if planned.refused:
        changes += [
            {"id": planned.refused.id, "target": line, "reason": f"commit: {planned.refused.remedy}"}
            for line in planned.refused.details["diff"]
        ]
    notes = [str(found) for found in planned.drift if found.state is State.NOT_KEPT]
    found = standing.result()
    unseen = [note for note in planned.plan.notes if note.startswith(capability.UNREAD)]
    return Compared(changes, "; ".join(unknown), notes, replace(found, unknown=(*found.unknown, *unseen)))


_MADE = {"release.install": "not installed; acksm install creates it"}


_HEADER = ("SERVICE", "VERSION", "SCOPE", "HEALTH", "MANAGED BY", *details.HEADER)


def _cells(item: Row) -> tuple[str, ...]:
    if item.installed is None:
        return (item.service, "", "", "unknown", "")
    if item.healthy is None:
        return (item.service, item.version, item.scope, "unknown", "")
    if not item.installed:
        return (item.service, "", "", "not installed", "")
    health = "healthy" if item.healthy else "UNHEALTHY"
    return (item.service, item.version, item.scope, health, item.kept_by["described"] if item.kept_by else "")


def _text(
    rows: Sequence[Row],
    drift: Compared,
    healthy: bool | None,
    table: Table,
) -> str:
    lines = [table(_HEADER, [(*_cells(item), *item.details.cells()) for item in rows], drop=details.DROP)]
    lines += [line for item in rows for line in item.details.newer_line(item.service)]
    for item in rows:
        lines += [f"! {item.service}: {problem}" for problem in item.problems]
        lines += [f"  remedy: {remedy}" for remedy in item.remedies]
    roles = sorted({item.role_arn for item in rows if item.role_arn})
    lines += [f"role {role}" for role in roles]
    mirrors = sorted({item.registry for item in rows if item.installed} - {DEFAULT_REGISTRY})
    lines += [f"registry {mirror}" for mirror in mirrors]
    for found in (item for item in drift.standing.problems if not item.service):
        lines += [f"! {found.text}", *([f"  remedy: {found.remedy}"] if found.remedy else [])]
    lines += drift.lines()
    if healthy and not drift.changes and not drift.missing:
        lines.append("no drift")
    absent = [item.service for item in rows if not item.installed]
    if absent and len(absent) < len(rows):
        own = " ".join(f"--service {item.service}" for item in rows if item.installed)
        lines.append(f"{', '.join(absent)}: not installed; acksm install creates it; acksm status {own} leaves it out")
    if drift.missing:
        lines += ["", f"incomplete: {counted(len(drift.missing), 'part')} of the state could not be read"]
        lines += [f"  {one}" for one in drift.missing]
    return "\n".join(lines)
