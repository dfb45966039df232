"""What `acksm upgrade` adds to install's plan: what is synced is recorded before it, and compared afterwards.

The comparison continues where a killed upgrade stopped: as long as there is a record, the next upgrade compares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import cache, partial

from acksm import reports
from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded
from acksm.guide.install.around import Around, Compose, Result
from acksm.guide.upgrade import again, record, rollback
from acksm.guide.upgrade.again import Compared
from acksm.guide.upgrade.record import Record
from acksm.live import readiness, running
from acksm.live.bindings import shortened
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import ControllerSettings

AWAIT_READY = "controller.await_ready"


@dataclass(frozen=True)
class Step:
    """One service. `upgrades`: in this run; otherwise the record is that of an earlier one. `was` and `now` are the
    installed controller and the one afterwards; `recorded`: an earlier run has recorded all that this one would."""

    record: Record
    was: Running
    now: Running
    upgrades: bool
    recorded: bool = False

    @property
    def service(self) -> str:
        return self.record.service


@dataclass
class Ending:
    """What is known after the last change. `failed`: why a controller did not start, by service."""

    compared: list[Compared] = field(default_factory=list)
    rolled_back: list[rollback.Result] = field(default_factory=list)
    failed: dict[str, AcksmError] = field(default_factory=dict)
    skipped: bool = False


def compose(*, on_worse: bool, converts: bool = False) -> Compose:
    """The part of `acksm upgrade`; `on_worse`: with --rollback-on-worse, `converts`: with --convert-adopted. Errors:
    `rollback-impossible`, `upgrade-record`, and those of helm's records."""

    def around(target: Target, controllers: ControllerSettings, result: Result, ui: Output) -> Around:
        steps = planned(target, controllers, result)
        notes = [note for step in steps if (note := _history(step.record))]
        if on_worse:
            upgraded = [(step.record, step.now, step.was) for step in steps if step.upgrades]
            rollback.check(target, upgraded, result, converts=converts)
        due = [step for step in steps if step.upgrades or _is_due(step)]
        if not due:
            return Around(notes=notes, facts={"after": None})
        recording = [
            record.change(step.record, target.settings.controller_namespace)
            for step in due
            if step.upgrades and not step.recorded
        ]
        if target.run.dry_run:
            return Around(before=recording, notes=notes, facts={"after": None})
        ending = Ending()

        @cache
        def end() -> Ending:
            _end(target, ui, due, ending, on_worse=on_worse)
            return ending

        calls: dict[str, Callable[..., object]] = {"upgrade.record": _keeping(target, due)}
        if on_worse:
            calls[AWAIT_READY] = _tolerant(target, ui, due, ending)
        return Around(
            before=recording,
            calls=calls,
            notes=notes,
            facts={
                "after": lambda: _as_data(end()),
                "rolled_back": lambda: [one.as_data() for one in end().rolled_back],
            },
            text=lambda: "\n".join(_lines(end())),
            ended=lambda: _code(end()),
        )

    return around


def planned(target: Target, controllers: ControllerSettings, result: Result) -> list[Step]:
    """What this run upgrades, and what an earlier one left to compare. Reads only."""
    namespace, steps = target.settings.controller_namespace, list[Step]()
    upgrading = {change.lane for change in result.plan.changes if change.id == "release.upgrade"}
    for service, item in recorded.installed(target, controllers.service).items():
        release, worked = item.release, item.worked
        if release is None or item.kept_by or service not in result.facts.get("controllers", {}):
            continue
        facts = result.facts["controllers"][service]
        before, after = charts.normalise(release.version), charts.normalise(facts["version"])
        was = running.from_values(service, namespace, before, release.values)
        now = running.from_values(service, namespace, after, facts["values"])
        found = record.read(target.kube, service, namespace)
        rolls = found is not None and found.state == record.ROLLING_BACK and after == found.before
        if service in upgrading and before != after and not rolls:
            fresh = Record(service, before, after, release.revision, max(worked, default=release.revision))
            past = replace(fresh, state=found.state, worse=found.worse) if found else fresh
            steps.append(Step(past, was, now, upgrades=True, recorded=_is_recorded(target, found, fresh, was)))
        elif found is not None:
            steps.append(Step(found, was, now, upgrades=False))
    return steps


def _is_recorded(target: Target, found: Record | None, fresh: Record, was: Running) -> bool:
    """Whether an earlier run has recorded what this one would: killed after that, each would do only that."""
    if found is None or found.state != record.PENDING:
        return False
    return record.with_earlier(_observed(target, fresh, was), found) == found


def _observed(target: Target, fresh: Record, was: Running) -> Record:
    objects, unread = again.observe(target.kube, fresh.service, was.watches)
    return replace(fresh, objects=tuple(objects), unread=tuple(unread), state=record.PENDING, worse=())


def _is_due(step: Step) -> bool:
    """Whether the record of an earlier run is of what is installed, and was not compared to its end."""
    found = step.record
    if found.state == record.ROLLING_BACK:
        return step.now.version == found.before
    return found.state in {record.PENDING, record.REPORTED} and step.now.version == found.after


def _history(found: Record) -> str:
    if found.state == record.ROLLED_BACK:
        worse = f": {shortened(list(found.worse))}" if found.worse else ""
        return f"an upgrade of {found.service} to {found.after} was rolled back, as objects became worse{worse}"
    if found.state == record.ROLLING_BACK:
        return f"the rollback of {found.service} {found.after} to {found.before} was interrupted"
    return ""


def _keeping(target: Target, steps: Sequence[Step]) -> Callable[..., object]:
    by_service = {step.service: step for step in steps}

    def keep(service: str, name: str, namespace: str) -> None:
        step = by_service[service]
        record.keep(target.kube, namespace, _observed(target, step.record, step.was))

    return keep


def _tolerant(target: Target, ui: Output, steps: Sequence[Step], ending: Ending) -> Callable[..., object]:
    """The wait for a controller, whose failure is a reason to roll back where it was upgraded."""
    upgraded = {charts.release_name(step.service): step.service for step in steps if step.upgrades}

    wait: Callable[..., None] = partial(readiness.await_ready, target.kube, target.deadline, ui.emit)

    def await_ready(release: str, **params: str | bool) -> None:
        try:
            wait(release=release, **params)
        except AcksmError as error:
            if release not in upgraded or error.id in {"interrupted", "timed-out"}:
                raise
            ending.failed[upgraded[release]] = error

    return await_ready


def _end(target: Target, ui: Output, steps: Sequence[Step], ending: Ending, *, on_worse: bool) -> None:
    """Compare, and roll back what is worse. What was compared to its end needs its record no longer."""
    namespace, kube = target.settings.controller_namespace, target.kube
    if not target.run.wait:
        ending.skipped = True
        return
    for step in steps:
        found = record.read(kube, step.service, namespace)
        if found is None:
            result = Compared(step.service, step.record.before, step.record.after)
            result.unread.append(f"{record.where(step.service, namespace)} was deleted, so nothing is known of before")
            ending.compared.append(result)
            continue
        if found.state == record.ROLLING_BACK:
            ending.rolled_back.append(rollback.prove(target, ui, found, step.now))
            continue
        if error := ending.failed.get(step.service):
            result = Compared(step.service, found.before, found.after, failed=f"{error.id}: {error.message}")
        else:
            result = again.compare(kube, target.deadline, ui.emit, found, step.now)
        ending.compared.append(result)
        if not result.worse and not result.unread and not result.failed:
            record.forget(kube, namespace, step.service)
            continue
        if (found.state, found.worse) != (record.REPORTED, tuple(result.reasons[: record.MOST_WORSE])):
            record.mark(kube, namespace, step.service, record.REPORTED, result.reasons)
        if on_worse and (result.worse or result.failed):
            ending.rolled_back.append(rollback.run(target, ui, found, result))


def _code(ending: Ending) -> int:
    if ending.rolled_back or any(item.worse or item.failed for item in ending.compared):
        return int(ExitCode.CHECK_FAILED)
    return int(ExitCode.INCOMPLETE if any(item.unread for item in ending.compared) else ExitCode.OK)


def _as_data(ending: Ending) -> reports.UpgradeAfter:
    return {
        "compared": not ending.skipped,
        "worse": [row for item in ending.compared for row in item.as_data()],
        "unchanged": [str(was) for item in ending.compared for was in item.unchanged],
        "unread": [note for item in ending.compared for note in item.unread],
    }


def _lines(ending: Ending) -> list[str]:
    """The result as text: first what is worse."""
    if ending.skipped:
        return [
            "not checked: what became worse, as --no-wait does not wait for the controllers; acksm upgrade checks it"
        ]
    lines = [line for item in ending.compared for line in item.lines()]
    lines += [line for item in ending.rolled_back for line in item.lines()]
    unread = any(item.unread for item in ending.compared)
    return lines + (["incomplete: what became worse could not be read in full"] if unread else [])
