"""`acksm doctor`: everything that can be wrong, looked at side by side; `--fix` carries out what is safe, as a plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from acksm import reports
from acksm.catalog import lookup
from acksm.engine.change import Change, Danger, Op, Plan, question, summary
from acksm.engine.checks import Check, Result, Severity, State, judge
from acksm.engine.diff import render_plan
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect import rights
from acksm.guide.connect.apply import hand_over, perform
from acksm.guide.connect.target import Target, connect
from acksm.guide.doctor import caller_policies, object as doctor_object, trace
from acksm.guide.doctor.facts import Facts, attempt, gather
from acksm.guide.doctor.ground import CHECKS as OF_GROUND
from acksm.guide.doctor.releases import CHECKS as OF_RELEASES
from acksm.guide.doctor.roles import CHECKS as OF_ROLES
from acksm.guide.doctor.running import CHECKS as OF_RUNNING
from acksm.guide.install import command as install
from acksm.live import controller_logs, symptoms
from acksm.live.symptoms import Found
from acksm.output import Output
from acksm.settings import OtherAccountSettings, RunSettings, Settings, TargetSettings

CHECKS = (*OF_GROUND, *OF_RELEASES, *OF_ROLES, *OF_RUNNING)


def run(settings: Settings, ui: Output, *, fix: bool) -> int:
    """Run every check. Exit 3 when one of severity error failed, after --fix too."""
    facts, target = _look(settings, ui)
    try:
        results = judge(CHECKS, facts)
        fixed: list[Change] = []
        if fix and target is not None:
            fixed = _fix(target, ui, results, facts)
            if fixed and not settings.run.dry_run:
                ui.emit(Event(Kind.PROGRESS, "doctor.look", "looking again"))
                ended, (facts, target) = target, gather(settings, ui.emit)
                ended.__exit__()
                ui.emit(Event(Kind.PROGRESS, "doctor.look", ""))
                results = judge(CHECKS, facts)
        said = seen(facts)
        data: reports.DoctorReport = {
            "target": target.as_data() if target else None,
            "healthy": is_healthy(results),
            "checks": [result.as_data() for result in results],
            "symptoms": [symptom_data(item) for item in said],
        }
        if fix:
            data["fix"], data["dry_run"] = [change.as_data() for change in fixed], settings.run.dry_run
        code = int(ExitCode.OK if is_healthy(results) else ExitCode.CHECK_FAILED)
        ui.result("doctor", data, text_of(results, full=settings.run.full), code)
        return code
    finally:
        if target is not None:
            target.__exit__()


def _look(settings: Settings, ui: Output) -> tuple[Facts, Target | None]:
    ui.emit(Event(Kind.PROGRESS, "doctor.look", "looking at account, cluster and registry"))
    facts, target = gather(settings, ui.emit)
    ui.emit(Event(Kind.PROGRESS, "doctor.look", ""))
    if target is not None:
        ui.emit(Event(Kind.STEP, "target", target.line()))
    return facts, target


def is_healthy(results: Iterable[Result]) -> bool:
    """No check of severity error failed."""
    return not any(item.check.state is State.FAILED and item.severity is Severity.ERROR for item in results)


def seen(facts: Facts) -> list[Found]:
    """Symptoms of logs and of conditions."""
    logs = [] if isinstance(facts.logs, AcksmError) else controller_logs.symptoms_of(facts.logs)
    if isinstance(facts.inventory, AcksmError):
        return logs
    conditions = [found for item in facts.inventory.items for found in symptoms.of_object(item.spoken)]
    return symptoms.merged([*logs, *conditions])


def symptom_data(found: Found) -> reports.Symptom:
    entry = lookup(found.id)
    return {
        "id": found.id,
        "place": str(found.place),
        "object": found.object,
        "text": found.text,
        "count": found.count,
        "cause": entry.cause,
        "remedy": entry.remedy,
    }


def text_of(results: Sequence[Result], *, full: bool) -> str:
    """Lines by category: what does not hold with its remedy; of what holds only how much, unless `full`."""
    lines: list[str] = []
    for category in dict.fromkeys(item.category for item in results):
        own = [item.check for item in results if item.category == category]
        lines.append(f"{category}: {_counted(own)}")
        for check in own:
            if check.state in {State.OK, State.SKIPPED} and not full:
                continue
            told = ": ".join(part for part in (check.where, check.text) if part)
            lines.append(f"  {check.state:9}{check.id:26}{told}".rstrip())
            if check.effective_remedy:
                lines.append(f"  {'':9}remedy: {check.effective_remedy}")
    return "\n".join([*lines, "", _counted([item.check for item in results])])


def _counted(checks: Sequence[Check]) -> str:
    """ "3 ok, 1 failed", and why when all are skipped."""
    counts = {state: sum(1 for check in checks if check.state is state) for state in State}
    told = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    reasons = {check.text for check in checks}
    return told + (f" ({reasons.pop()})" if counts[State.SKIPPED] == len(checks) and len(reasons) == 1 else "")


# --fix


def fixes(results: Sequence[Result], plan: Plan) -> list[Change]:
    """The changes of the install plan that are the remedy of a failed check or a warning, and the waits for them.

    Safe is what has no danger: nothing that exists gets another version, nothing is taken over.
    """
    desired: set[str] = set()
    for item in results:
        if item.check.state in {State.FAILED, State.WARNING}:
            desired |= item.fixes
    chosen = [change for change in plan.mutations if change.id in desired and change.danger is not Danger.SEVERE]
    chosen = [change for change in chosen if not _moves(change)]
    ids = {change.id for change in chosen}
    lanes = {change.lane for change in chosen}
    if any(name.startswith(("iam-role.", "oidc.")) for name in ids):
        ids.add("iam.visible")
    if any(name.startswith("crds.") for name in ids):
        ids.add("crds.established")
    if any(name.startswith("release.") for name in ids):
        ids.add("release.ready")
    waits = {"iam.visible", "crds.established", "release.ready"}
    return [
        change
        for change in plan.changes
        if change in chosen
        or (
            change.op is Op.WAIT and change.id in ids & waits and (change.id != "release.ready" or change.lane in lanes)
        )
    ]


def _moves(change: Change) -> bool:
    """Whether a release would get another chart."""
    if change.id != "release.upgrade":
        return False
    before, after = _chart(change.before), _chart(change.after)
    return bool(before and before != after)


def _chart(release: object) -> object:
    return release.get("chart") if isinstance(release, Mapping) else None


def _fix(target: Target, ui: Output, results: Sequence[Result], facts: Facts) -> list[Change]:
    """Show the plan, ask, carry it out. Returns the changes; [] when nothing can be done safely."""
    run = target.run
    changes = fixes(results, facts.plan) if isinstance(facts.plan, Plan) else []
    plan = Plan("doctor", tuple(changes))
    hand_over(target, plan)
    if not plan.mutations:
        ui.emit(
            Event(Kind.UP_TO_DATE, "up-to-date", "nothing that is wrong has a remedy that acksm may apply by itself")
        )
        return []
    ui.show(render_plan(plan, full=run.full))
    if run.dry_run:
        ui.emit(Event(Kind.NOTE, "note", f"dry run: {summary(plan.mutations)}; nothing was written"))
        return list(plan.mutations)
    rights.check(target, plan.mutations, ())
    ui.confirm(question(plan.mutations, target.cluster.name), yes=run.yes)
    perform(target, plan, install.dispatch(target, ui.emit), ui.emit)
    return list(plan.mutations)


# one object


def run_object(
    at: TargetSettings, other: OtherAccountSettings, run: RunSettings, ui: Output, asked: str, namespace: str
) -> int:
    """Follow KIND/NAME. Exit 3 when something on its way is wrong."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        facts = doctor_object.gather(target, other, asked, namespace)
        results = trace.follow(facts)
        wrong = trace.first(results)
        healthy = is_healthy(results)
        logs = [] if isinstance(facts.logs, AcksmError) else facts.logs
        said = symptoms.merged(
            [*symptoms.of_object(facts.object), *controller_logs.symptoms_of(logs, facts.name)] if facts.object else []
        )
        data: reports.DoctorReport = {
            "target": target.as_data(),
            "healthy": healthy,
            "object": facts.name,
            "first": wrong.as_data() if wrong else None,
            "checks": [result.as_data() for result in results],
            "symptoms": [symptom_data(item) for item in said],
        }
        code = int(ExitCode.OK if healthy else ExitCode.CHECK_FAILED)
        ui.result("doctor", data, object_text(facts.name, results), code)
        return code


def object_text(name: str, results: Sequence[Result]) -> str:
    """The way link by link, and at its end the first thing wrong with its remedy."""
    lines = []
    for item in results:
        check = item.check
        told = ": ".join(part for part in (check.where if check.where != name else "", check.text) if part)
        lines.append(f"{check.state:9}{check.id:26}{told}".rstrip())
    wrong = trace.first(results)
    if wrong is None:
        return "\n".join([*lines, "", f"{name}: nothing wrong was found"])
    lines += ["", f"first {wrong.check.state}: {wrong.check.id}: {wrong.check.text}"]
    return "\n".join([*lines, f"  remedy: {wrong.check.effective_remedy}", f"  more:   acksm explain {wrong.check.id}"])


# --print-policy


def run_policy(settings: Settings, ui: Output, asked: str) -> int:
    """The IAM policy of a command's caller, for this cluster as far as it can be told; no right is needed for it."""
    command, other = caller_policies.command_of(asked), settings.other_account
    target = attempt(lambda: connect(settings.target, settings.run))
    notes = []
    if isinstance(target, AcksmError):
        place = replace(_guessed(settings.target), roles=())
        notes.append(f"the cluster could not be looked at ({target.id}); what is not known is written as *")
    else:
        place = caller_policies.place_of(target, settings.role, other)
        target.__exit__()
    if command in caller_policies.ABROAD_ONLY:
        place = replace(place, account=other.target_account or "*", caller=other.target_role_arn)
    notes += [
        f"{', '.join(grant.actions)}: only when {grant.when}" for grant in caller_policies.ALL[command] if grant.when
    ]
    notes += [
        f"{', '.join(grant.actions)}: can be left out; less is then told before the first write"
        for grant in caller_policies.ALL[command]
        if grant.optional
    ]
    document = caller_policies.document(command, place)
    for note in dict.fromkeys(notes):
        ui.emit(Event(Kind.NOTE, "note", note))
    data: reports.DoctorReport = {"policy": {"command": command, "document": document, "notes": notes}}
    ui.result("doctor", data, json.dumps(document, indent=2))
    return 0


def _guessed(settings: TargetSettings) -> caller_policies.Place:
    """What options alone tell."""
    return caller_policies.Place(
        region=settings.region or "*", account=settings.account or "*", cluster=settings.cluster or "*"
    )
