"""Guide §3 and §9.3: what is installed, whether it is healthy, and what differs from what acksm would make of it.

Drift is what `acksm install` with the same options would change: the same plan, shown as findings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from acksm import charts, reports
from acksm.config import Settings
from acksm.errors import AcksmError, ExitCode
from acksm.events import Event, Kind
from acksm.guide import controllers, install
from acksm.guide.release import Observed as ReleaseObserved
from acksm.guide.target import Target, connect


@dataclass(frozen=True)
class Row:
    """One controller: what is there, and what is wrong with it."""

    service: str
    installed: bool
    version: str
    status: str
    scope: str
    role_arn: str
    owned: bool
    healthy: bool
    problems: tuple[str, ...]

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
        }


def run(settings: Settings, ui: Any) -> int:
    """Look, compare, tell. Exit 3 when anything is unhealthy or nothing is installed."""
    with connect(settings) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        rows = [row(service, found) for service, found in controllers.releases(target).items()]
        drift, unknown = _drift(target, rows, ui)
        healthy = all(item.healthy for item in rows if item.installed) and any(item.installed for item in rows)
        code = int(ExitCode.OK if healthy else ExitCode.CHECK_FAILED)
        data: reports.StatusReport = {
            "target": target.as_data(),
            "healthy": healthy,
            "controllers": [item.as_data() for item in rows],
            "drift": drift,
            "drift_unknown": unknown,
        }
        ui.result("status", data, _text(rows, drift, unknown, healthy, ui.table), code)
        return code


def row(service: str, observed: ReleaseObserved) -> Row:
    """A release and its health as a row."""
    if not observed.version:
        return Row(service, False, "", "", "", "", False, False, ())
    health = observed.health
    problems = list(health.problems) if health else ["the release has no Deployment"]
    if observed.status != "deployed":
        problems.append(f"the release is {observed.status}")
    values = observed.values
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
        observed.owned,
        not problems,
        tuple(problems),
    )


def _drift(target: Target, rows: Sequence[Row], ui: Any) -> tuple[list[reports.Drift], str]:
    """What install would change for the services that are there, or why that cannot be told."""
    services = [item.service for item in rows if item.installed]
    if not services:
        return [], ""
    settings = target.settings.model_copy(update={"service": services})
    target.settings = settings
    try:
        planned = install.plan(target, "install", install.ALL, ui.emit).plan
    except AcksmError as error:
        return [], f"{error.id}: {error.message}"
    return [{"id": change.id, "target": change.target, "reason": change.reason} for change in planned.mutations], ""


def _cells(item: Row) -> tuple[str, ...]:
    if not item.installed:
        return (item.service, "", "", "not installed", "")
    health = "healthy" if item.healthy else "UNHEALTHY"
    return (item.service, item.version, item.scope, health, "acksm" if item.owned else "another")


def _text(
    rows: Sequence[Row],
    drift: Sequence[reports.Drift],
    unknown: str,
    healthy: bool,
    table: Callable[[Sequence[str], Sequence[Sequence[str]]], str],
) -> str:
    lines = [table(("SERVICE", "VERSION", "SCOPE", "HEALTH", "MADE BY"), [_cells(item) for item in rows])]
    lines += [f"! {item.service}: {problem}" for item in rows for problem in item.problems]
    roles = sorted({item.role_arn for item in rows if item.role_arn})
    lines += [f"role {role}" for role in roles]
    lines += [f"differs: {item['target']} ({item['reason'] or item['id']})" for item in drift]
    if unknown:
        lines.append(f"what differs cannot be told: {unknown}")
    if healthy and not drift and not unknown:
        lines.append("nothing differs from what acksm install would make")
    return "\n".join(lines)
