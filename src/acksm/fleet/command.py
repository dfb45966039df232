"""`acksm fleet`: one command on every cluster, in waves, and one report. Nothing is kept but in AWS and the clusters.

A run that ended early is run again: clusters that are done say so within a second, and the rest continues.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from acksm import reports
from acksm.aws.session import Keys
from acksm.engine import interrupts
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.fleet import between, discovery, merging, plans, rollout, rows, shards
from acksm.fleet.children import Children, Ended
from acksm.fleet.file import Fleet, Member, Wave, read
from acksm.json_types import Json
from acksm.output import Output
from acksm.words import counted, duration

LOOK = ("status",)


@dataclass(frozen=True)
class Chosen:
    """Which clusters of the file: with all of `labels`, of `names` where it has some, of a shard, of a report."""

    path: str
    labels: Mapping[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    shard: tuple[int, int] | None = None
    failed_of: Json | None = None


@dataclass(frozen=True)
class Command:
    """What runs on each cluster: its words after `acksm`. `writes`: in waves, after a question;
    `deletes`: in AWS, which has to be confirmed by the number of clusters; `settings`: it takes a settings file;
    `starts`: controllers run afterwards, so that a soak ends with their status."""

    name: str
    argv: Sequence[str]
    writes: bool = False
    dry_run: bool = False
    yes: bool = False
    concurrency: int = 0
    deletes: bool = False
    confirm: str = ""
    settings: bool = True
    starts: bool = False
    of_member: Callable[[Member], Sequence[str]] = lambda _one: ()

    def words(self, one: Member) -> list[str]:
        """The words for one cluster. Deleting in AWS was confirmed for all; each cluster has to be named to acksm."""
        return [*self.argv, *self.of_member(one), *(["--confirm", one.cluster] if self.deletes else [])]


@dataclass(frozen=True)
class Answers:
    """What a run that changes something was started with."""

    dry_run: bool
    yes: bool


@dataclass(frozen=True)
class Ran:
    """A command that ran: its rows in the order of the waves, why it stopped, and what was not discovered."""

    rows: list[reports.FleetRow]
    stopped: str
    incomplete: Sequence[str]
    shard: str = ""


def members(chosen: Chosen) -> tuple[Fleet, discovery.Found]:
    """The fleet and the chosen clusters of it. Errors: those of the file, `fleet-unknown`, `fleet-empty`."""
    fleet = read(chosen.path)
    return fleet, _narrowed(fleet, discovery.complete(fleet), chosen)


def _narrowed(fleet: Fleet, found: discovery.Found, chosen: Chosen) -> discovery.Found:
    wanted = discovery.chosen(found.members, chosen.labels, chosen.names)
    if chosen.failed_of is not None:
        failed = set(rows.failed_of(chosen.failed_of))
        wanted = [one for one in wanted if one.id in failed]
    wanted = shards.part(wanted, chosen.shard)
    if not wanted and chosen.shard is None and chosen.failed_of is None:
        raise AcksmError("fleet-empty", "no cluster of the fleet was chosen", where=fleet.path)
    return discovery.Found(tuple(wanted), found.unread, shards.shown(chosen.shard))


def labels_of(pairs: Sequence[str]) -> dict[str, str]:
    """Labels from KEY=VALUE. Error: `config-invalid`."""
    for pair in pairs:
        if not pair.partition("=")[1]:
            raise AcksmError("config-invalid", f'"{pair}" is not in the form KEY=VALUE', where="--select")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def listed(chosen: Chosen, ui: Output) -> int:
    """Show the chosen clusters, with their waves; reads EKS where the file has `discover`, and no cluster."""
    fleet, found = members(chosen)
    steps = rollout.steps(fleet.waves, found.members)
    data: reports.FleetListReport = {
        "clusters": [rows.place(one, step.wave.name) for step in steps for one in step.members],
        "incomplete": list(found.unread),
    }
    cells = [
        (*_cells(item), item["wave"], ", ".join(f"{key}={value}" for key, value in sorted(item["labels"].items())))
        for item in data["clusters"]
    ]
    lines = [ui.table(("CLUSTER", "ACCOUNT", "REGION", "WAVE", "LABELS"), cells)]
    lines += [f"incomplete: {note}" for note in found.unread]
    code = ExitCode.INCOMPLETE if found.unread else ExitCode.OK
    ui.result("fleet list", {**data}, "\n".join(lines), int(code))
    return int(code)


def doctor(chosen: Chosen, command: Command, ui: Output) -> int:
    """Check every cluster, then what is wrong between them."""
    fleet, found = members(chosen)
    ran = execute(fleet, found, command, ui)
    compared = execute(fleet, found, Command("facts", ["fleet", "facts"], concurrency=command.concurrency), ui)
    facts, unread = {}, []
    for item in compared.rows:
        if item["error"] is None and "held" in item["report"]:
            facts[item["id"]] = between.checked(item["report"])
            unread += [f"{item['id']}: {note}" for note in facts[item["id"]]["incomplete"]]
        else:
            unread.append(f"{item['id']}: not compared with the other clusters: {rows.reason(item)}")
    return show(replace(ran, incomplete=[*ran.incomplete, *unread]), command, ui, between.findings(facts))


def plan(chosen: Chosen, command: Command, out: str, ui: Output) -> int:
    """Plan for every cluster; `out` is the directory for the plans, "" to show them only."""
    fleet, found = members(chosen)
    if not out:
        return show(execute(fleet, found, command, ui), command, ui)
    command = replace(command, of_member=lambda one: ["--out", plans.path_of(out, one)])
    ran = execute(fleet, found, command, ui)
    more = ""
    if all(item["exit_code"] in rollout.FINE for item in ran.rows):
        index = plans.write(out, command.argv, fleet, found.members, ran.rows)
        more = f"plans saved to {out}; to apply exactly these plans:\n  "
        more += shlex.join(["acksm", "fleet", "apply", out, "--digest", index["digest"]])
    return show(ran, command, ui, more=more)


def apply_plans(chosen: Chosen, digest: str, answers: Answers, ui: Output) -> int:
    """Apply reviewed plans in their waves; `chosen.path` is their directory. Errors: `plan-file-invalid`,
    `plan-digest`."""
    fleet, index = plans.read(chosen.path)
    if digest and digest != index["digest"]:
        message = f"digest is {index['digest']}, expected {digest}"
        raise AcksmError("plan-digest", message, where=fleet.path)
    digests = plans.digests(index)
    more = [*(["--dry-run"] if answers.dry_run else []), *(["--yes"] if answers.yes else [])]
    command = Command(
        "apply",
        ["apply", *more],
        writes=True,
        starts=True,
        dry_run=answers.dry_run,
        yes=answers.yes,
        settings=False,
        of_member=lambda one: [
            plans.path_of(chosen.path, one),
            "--digest",
            digests[one.id],
            *(["--profile", one.profile] if one.profile and not one.assume_role_arn else []),
        ],
    )
    found = _narrowed(fleet, discovery.Found(fleet.members, ()), chosen)
    return show(execute(fleet, found, command, ui), command, ui)


def merge(files: Sequence[tuple[str, str]], ui: Output) -> int:
    """One report of the (name, text) of many, in the order of time. Error: `fleet-report-invalid`."""
    found = merging.merged(files)
    for note in found.notes:
        ui.emit(Event(Kind.NOTE, "note", f"left out {note}"))
    command = Command("merge", found.argv, dry_run=found.dry_run)
    return show(Ran(found.rows, found.stopped, found.incomplete), command, ui, found.findings)


def run(chosen: Chosen, command: Command, ui: Output) -> int:
    """Run `command` on the chosen clusters and report. Returns the exit code."""
    ran = execute(*members(chosen), command, ui)
    return show(ran, command, ui)


def execute(fleet: Fleet, found: discovery.Found, command: Command, ui: Output) -> Ran:
    """Run it, in waves where it writes. Errors: `needs-confirmation`, `not-confirmed`."""
    steps = rollout.steps(fleet.waves, found.members)
    if not command.writes or command.dry_run:
        steps = [rollout.Step(_at_once(step.wave, command, len(step.members)), step.members) for step in steps]
    for note in found.unread:
        ui.emit(Event(Kind.WARNING, "fleet.unread", note))
    if command.writes and not command.dry_run and found.members:
        ui.show(_outline(steps, command))
        _confirm(command, len(found.members), ui)
    ended: dict[str, Ended] = {}
    stopped = threading.Event()
    with Children.folder_for_one_run() as folder, interrupts.finishing(stopped, ui.emit):
        children = Children(Path(folder), stopped.is_set)

        def start(one: Member, argv: Sequence[str], *, verb: str) -> Ended:
            ui.emit(Event(Kind.PROGRESS, "fleet.cluster", f"{one.cluster}: {verb}"))
            try:
                return children.run(
                    one,
                    argv,
                    _keys(one),
                    lambda line: ui.emit(Event(Kind.PROGRESS, "fleet.cluster", f"{one.cluster}: {line}")),
                    settings=command.settings or argv == LOOK,
                )
            except AcksmError as error:  # of signing in: of this cluster alone
                return Ended(int(error.exit_code), {"error": error.as_data()}, (f"error[{error.id}] {error.message}",))

        def work(one: Member) -> int:
            ended[one.id] = start(one, command.words(one), verb="started")
            ui.emit(_line(one, rows.row(one, "", ended[one.id])))
            return ended[one.id].code

        def soak(step: rollout.Step, outcome: rollout.Outcome) -> None:
            changed = [one for one in step.members if _changed(ended.get(one.id))]
            if not command.writes or command.dry_run or not step.wave.soak or not changed:
                return
            ui.emit(Event(Kind.STEP, "fleet.soak", f"wave {step.wave.name}: waiting {duration(step.wave.soak)}"))
            stopped.wait(step.wave.soak)
            for one in changed if command.starts else ():
                if not stopped.is_set():
                    again = start(one, LOOK, verb="looking again")
                    if again.code:
                        ended[one.id], outcome.codes[one.id] = again, again.code
                        ui.emit(_line(one, rows.row(one, "", again)))

        outcome = rollout.run(steps, fleet.writers_per_account, work, soak, interrupted=stopped.is_set)
    return Ran(rows.rows(steps, ended), outcome.stopped, found.unread, found.shard)


def _confirm(command: Command, count: int, ui: Output) -> None:
    if command.deletes:
        question = f"AWS resources of {counted(count, 'cluster')} are deleted. Type the number of clusters:"
        ui.confirm_name(question, str(count), given=command.confirm)
    else:
        ui.confirm(f"Run acksm {' '.join(command.argv)} on {counted(count, 'cluster')}?", yes=command.yes)


def _at_once(wave: Wave, command: Command, size: int) -> Wave:
    """A wave of a command that changes nothing: none of it waits for another's failures."""
    most = command.concurrency or max(wave.concurrency, 4)
    return wave.model_copy(update={"concurrency": most, "max_failures": size, "soak": 0.0})


def _changed(ended: Ended | None) -> bool:
    return bool(ended and ended.report.get("changes"))


def _keys(one: Member) -> Keys | None:
    """Who acts on the cluster, where it is not the profile or the caller. Errors: `aws-access-denied`, …"""
    if not one.assume_role_arn:
        return None
    return _assumed(one.profile, one.region, one.assume_role_arn, one.account)


@cache
def _assumed(profile: str, region: str, role: str, account: str) -> Keys:
    return discovery.session(profile, region, role, account).keys()


def show(ran: Ran, command: Command, ui: Output, findings: Sequence[reports.FleetFinding] = (), more: str = "") -> int:
    """The report of a run."""
    code = rows.exit_code(ran.rows, ran.stopped, ran.incomplete, findings)
    data: reports.FleetReport = {
        "argv": list(command.argv),
        "dry_run": command.dry_run,
        "shard": ran.shard,
        "clusters": ran.rows,
        "totals": rows.totals(ran.rows),
        "stopped": ran.stopped,
        "findings": list(findings),
        "incomplete": list(ran.incomplete),
    }
    lines = [_table(ran.rows, ui), "", ", ".join(f"{number} {state}" for state, number in data["totals"].items())]
    lines += [f"stopped: {ran.stopped}"] if ran.stopped else []
    lines += [f"{item['severity']}: {item['text']}\n  remedy: {item['remedy']}" for item in findings]
    lines += [f"incomplete: {note}" for note in ran.incomplete]
    ui.result(f"fleet {command.name}", {**data}, "\n".join([*lines, *([more] if more else [])]), code)
    return code


def _table(found: Sequence[reports.FleetRow], ui: Output) -> str:
    cells = [(*_cells(item), item["wave"], item["state"], rows.reason(item)) for item in found]
    return ui.table(("CLUSTER", "ACCOUNT", "REGION", "WAVE", "STATE", "REASON"), cells, drop=("WAVE",))


def _cells(item: reports.FleetPlace) -> tuple[str, str, str]:
    return item["cluster"], item["account"], item["region"]


def _line(one: Member, item: reports.FleetRow) -> Event:
    kind = {rows.FAILED: Kind.FAILED, rows.INCOMPLETE: Kind.WARNING, rows.UP_TO_DATE: Kind.UP_TO_DATE}
    reason = rows.reason(item)
    text = f"{one.cluster}: {item['state']}" + (f" ({reason})" if reason else "")
    return Event(kind.get(item["state"], Kind.DONE), "fleet.cluster", text, {"cluster": one.id})


def _outline(steps: Sequence[rollout.Step], command: Command) -> str:
    lines = [f"acksm {' '.join(command.argv)}"]
    for step in steps:
        wave = step.wave
        most = rollout.allowed(wave.max_failures, len(step.members))
        lines.append(
            f"  wave {wave.name}: {counted(len(step.members), 'cluster')}, {wave.concurrency} at a time, "
            f"stops after more than {counted(most, 'failure')}" + (f", soak {duration(wave.soak)}" if wave.soak else "")
        )
        lines += [f"    {one.id}" for one in step.members]
    return "\n".join(lines)
