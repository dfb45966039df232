"""`acksm fleet`: one command on every cluster, in waves, and one report. Nothing is kept but in AWS and the clusters.

A run that ended early is run again: clusters that are done say so within a second, and the rest continues.
"""

from __future__ import annotations

import gc
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cache

from acksm import reports
from acksm.aws.session import Keys
from acksm.dataclass import dataclass
from acksm.engine import interrupts
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.fleet import between, discovery, merging, plans, remedies, rollout, rows, shards
from acksm.fleet.children import Children, Ended
from acksm.fleet.file import Fleet, Member, read
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
    unread = [*found.unread]
    if chosen.failed_of is not None:
        failed = rows.failed_of(chosen.failed_of)
        wanted = [one for one in wanted if one.id in failed]
        known = {one.id for one in found.members}
        unread += [f"cluster {name} of the report is not in the fleet" for name in failed if name not in known]
    wanted = shards.part(wanted, chosen.shard)
    if not wanted and chosen.shard is None and chosen.failed_of is None:
        message = "no cluster of the fleet was chosen"
        remedy = shlex.join(["acksm", "fleet", "list", "-f", fleet.path])
        raise AcksmError("fleet-empty", message, where=fleet.path, remedy=remedy)
    return discovery.Found(tuple(wanted), tuple(unread), shards.shown(chosen.shard))


def labels_of(pairs: Sequence[str]) -> dict[str, str]:
    """Labels from KEY=VALUE. Error: `config-invalid`."""
    for pair in pairs:
        if not pair.partition("=")[1]:
            message = f'"{pair}" is not in the form KEY=VALUE'
            raise AcksmError(
                "config-invalid", message, where="--select", remedy="acksm fleet list   (shows the labels)"
            )
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
    every = not (chosen.labels or chosen.names or chosen.shard or chosen.failed_of or found.unread)
    by_id = {one.id: one for one in found.members}
    named = remedies.Fleet(fleet.path, by_id, every and len(facts) == len(by_id))
    return show(replace(ran, incomplete=[*ran.incomplete, *unread]), command, ui, between.findings(facts, named))


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
    started, writers = steps, fleet.writers_per_account
    if not command.writes or command.dry_run:
        started, writers = _at_once(steps, command), len(found.members)
    for note in found.unread:
        ui.emit(Event(Kind.WARNING, "fleet.unread", note))
    if command.writes and not command.dry_run and found.members:
        ui.show(_outline(steps, command))
        _confirm(command, len(found.members), ui)
    stopped = threading.Event()
    with Children.of(len(found.members), stopped.is_set) as children, interrupts.finishing(stopped, ui.emit):
        running = _Running(command, len(found.members), children, stopped, ui)
        outcome = rollout.run(started, writers, running.work, running.soak, interrupted=stopped.is_set)
    return Ran(rows.rows(steps, running.ended), outcome.stopped, found.unread, found.shard)


@dataclass
class _Running:
    """A command that runs on `count` clusters, and how those that ended did, by id."""

    command: Command
    count: int
    children: Children
    stopped: threading.Event
    ui: Output
    ended: dict[str, Ended] = field(default_factory=dict)

    def work(self, one: Member) -> int:
        """The command on one cluster."""
        self.ended[one.id] = self._start(one, self.command.words(one), verb="started")
        self.ui.emit(_line(one, rows.row(one, "", self.ended[one.id])))
        return self.ended[one.id].code

    def soak(self, step: rollout.Step, outcome: rollout.Outcome) -> None:
        """After a wave, wait, and check the clusters that it changed again. An earlier run of the same command may have
        changed them and been killed: the age of their releases counts."""
        if not self.command.writes or self.command.dry_run or not step.wave.soak:
            return
        changed = [one for one in step.members if _changed(self.ended.get(one.id))]
        left = step.wave.soak if changed else 0.0
        if self.command.starts and (rest := [one for one in step.members if one not in changed]):
            ages = {one.id: rows.age(ended.report) for one, ended in self._look(step, rest, outcome)}
            recent = [one for one in rest if ages.get(one.id, step.wave.soak) < step.wave.soak]
            left = max([left, *(step.wave.soak - ages[one.id] for one in recent)])
            changed += recent
        if not changed or step.stopped(outcome.codes):
            return
        self.ui.emit(Event(Kind.STEP, "fleet.soak", f"wave {step.wave.name}: waiting {duration(left)}"))
        self.stopped.wait(left)
        if self.command.starts:
            self._look(step, changed, outcome)

    def _look(
        self, step: rollout.Step, members: Sequence[Member], outcome: rollout.Outcome
    ) -> list[tuple[Member, Ended]]:
        """What `acksm status` says of these clusters; one that is not healthy counts as failed."""

        def look(one: Member) -> Ended | None:
            if self.stopped.is_set() or outcome.codes.get(one.id) not in rollout.FINE:
                return None
            found = self._start(one, LOOK, verb="checking again")
            if found.code:
                self.ended[one.id], outcome.codes[one.id] = found, found.code
            self.ui.emit(_line(one, rows.row(one, "", self.ended[one.id])))
            return found

        with ThreadPoolExecutor(max_workers=step.wave.concurrency) as pool:
            seen = zip(members, pool.map(look, members), strict=True)
            return [(one, found) for one, found in seen if found]

    def _start(self, one: Member, argv: Sequence[str], *, verb: str) -> Ended:
        self._says(one, verb)
        try:
            settings = self.command.settings or argv == LOOK
            found = self.children.run(one, argv, _keys(one), lambda line: self._says(one, line), settings=settings)
            gc.freeze()  # thousands of reports would be searched again for each further one
            return found
        except AcksmError as error:  # of signing in: of this cluster alone
            return Ended(int(error.exit_code), {"error": error.as_data()}, (f"error[{error.id}] {error.message}",))

    def _says(self, one: Member, line: str) -> None:
        data = {"cluster": one.id, "name": one.cluster, "line": line, "of": self.count}
        self.ui.emit(Event(Kind.PROGRESS, "fleet.cluster", f"{one.cluster}: {line}", data))


def _confirm(command: Command, count: int, ui: Output) -> None:
    if command.deletes:
        question = f"AWS resources of {counted(count, 'cluster')} are deleted. Type the number of clusters:"
        ui.confirm_name(question, str(count), given=command.confirm)
    else:
        ui.confirm(f"Run acksm {' '.join(command.argv)} on {counted(count, 'cluster')}?", yes=command.yes)


def _at_once(steps: Sequence[rollout.Step], command: Command) -> list[rollout.Step]:
    """All clusters in one wave, for a command that changes nothing: none waits for another's failures."""
    every = tuple(one for step in steps for one in step.members)
    most = command.concurrency or max([4, *(step.wave.concurrency for step in steps)])
    limits = {"concurrency": most, "max_failures": len(every), "soak": 0.0}
    return [rollout.Step(steps[0].wave.model_copy(update=limits), every)] if every else []


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
    counts = ", ".join(f"{number} {state}" for state, number in data["totals"].items())
    lines = [table(ran.rows, ui), "", counts] if ran.rows else ["no clusters to run on"]
    lines += [f"stopped: {ran.stopped}"] if ran.stopped else []
    lines += [f"{item['severity']}: {item['text']}\n  remedy: {item['remedy']}" for item in findings]
    lines += [f"incomplete: {note}" for note in ran.incomplete]
    ui.result(f"fleet {command.name}", {**data}, "\n".join([*lines, *([more] if more else [])]), code)
    return code


def table(found: Sequence[reports.FleetRow], ui: Output) -> str:
    """The rows for people."""
    cells = [(*_cells(item), item["wave"], item["state"], rows.reason(item)) for item in found]
    return ui.table(("CLUSTER", "ACCOUNT", "REGION", "WAVE", "STATE", "REASON"), cells, drop=("WAVE",))


def _cells(item: reports.FleetPlace) -> tuple[str, str, str]:
    return item["cluster"], item["account"], item["region"]


def _line(one: Member, item: reports.FleetRow) -> Event:
    kind = {rows.FAILED: Kind.FAILED, rows.INCOMPLETE: Kind.WARNING, rows.UP_TO_DATE: Kind.UP_TO_DATE}
    reason = rows.reason(item)
    text = f"{one.cluster}: {item['state']}" + (f" ({reason})" if reason else "")
    data = {"cluster": one.id, "name": one.cluster, "state": item["state"], "line": reason}
    return Event(kind.get(item["state"], Kind.DONE), "fleet.cluster", text, data)


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
