"""`acksm versions`: which chart versions there are, which is installed, and which was tested."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from packaging.version import InvalidVersion, Version

from acksm import reports
from acksm.ack import charts
from acksm.aws.account import Aws
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect.registries import registry
from acksm.guide.connect.target import Target, connect
from acksm.guide.install import mirrored, recorded
from acksm.output import Output
from acksm.settings import ControllerSettings, RunSettings, TargetSettings

SHOWN = 10


def run(at: TargetSettings, controllers: ControllerSettings, run: RunSettings, ui: Output, *, every: bool) -> int:
    """Read the registry, and the cluster where it can be read. Errors: registry-…"""
    with ExitStack() as stack:
        target = _target(at, run, ui, stack)
        rows = [_row(service, at, controllers.registry, run, target) for service in controllers.service]
    data: reports.VersionsReport = {"target": target.as_data() if target else None, "services": rows}
    cells = [
        (
            row["service"],
            "unknown" if row["installed"] is None else row["installed"] or "-",
            row["tested"],
            row["latest"] or "-",
        )
        for row in rows
    ]
    lines = [ui.table(("SERVICE", "INSTALLED", "TESTED", "LATEST"), cells)]
    for row in rows:
        listed = row["versions"] if every else row["versions"][:SHOWN]
        more = len(row["versions"]) - len(listed)
        lines += ["", f"{row['service']} in {row['registry']}:", *(f"  {_described(one, row)}" for one in listed)]
        lines += [f"  and {more} older: --all"] if more else []
    ui.result("versions", {**data}, "\n".join(lines))
    return 0


def _target(at: TargetSettings, run: RunSettings, ui: Output, stack: ExitStack) -> Target | None:
    """The cluster, None with a note where it cannot be read: the registry can be read without one."""
    try:
        target = stack.enter_context(connect(at, run))
    except AcksmError as error:
        ui.emit(Event(Kind.NOTE, "note", f"installed versions are unknown: {error.message}"))
        return None
    ui.emit(Event(Kind.STEP, "target", target.line()))
    return target


def _row(
    service: str, at: TargetSettings, requested: str, run: RunSettings, target: Target | None
) -> reports.ServiceVersions:
    release = recorded.installed(target, [service]).get(service, recorded.NOTHING).release if target else None
    location = mirrored.location(requested, release.complete if release else {})
    if target:
        found = target.registry(location)
    else:
        deadline = Deadline(run.timeout)
        aws = Aws(at.profile or None, at.region or None, at.account or None, left=deadline.left)
        found = registry(location, deadline.left, aws)
    versions = ordered(found.tags(service))
    finals = [one for one in versions if not Version(one).is_prerelease]
    return {
        "service": service,
        "registry": location,
        "installed": None if target is None else charts.normalise(release.version) if release else "",
        "tested": charts.TESTED[service],
        "latest": finals[0] if finals else "",
        "versions": versions,
    }


def ordered(tags: Iterable[str]) -> list[str]:
    """The versions among `tags`, without `v`, each once, the newest first."""
    found: set[Version] = set()
    for tag in tags:
        try:
            found.add(Version(charts.normalise(tag)))
        except InvalidVersion:
            continue
    return [str(version) for version in sorted(found, reverse=True)]


def _described(version: str, row: reports.ServiceVersions) -> str:
    marks = {"installed": row["installed"], "tested": row["tested"], "latest": row["latest"]}
    named = ", ".join(name for name, other in marks.items() if other == version)
    return f"{version:12}{named}".rstrip()
