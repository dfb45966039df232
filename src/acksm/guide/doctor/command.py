"""`acksm doctor`: every check, over facts read concurrently; `--fix` applies the safe remedies as a plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from acksm.catalog import lookup
from acksm.engine.change import Change, Danger, Op, Plan, question, summary
from acksm.engine.checks import Check, Result, State, exit_code, healthy, incomplete, judge
from acksm.engine.diff import render_plan
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect import rights
from acksm.guide.connect.apply import hand_over, perform
from acksm.guide.connect.target import Target, connect
from acksm.guide.doctor import caller_policies
from acksm.guide.doctor.engines import CHECKS as ENGINE_CHECKS
from acksm.guide.doctor.facts import Facts, attempt, gather, services_installed
from acksm.guide.doctor.folding import consequences, folded
from acksm.guide.doctor.preflight import CHECKS as PREFLIGHT_CHECKS
from acksm.guide.doctor.releases import CHECKS as RELEASE_CHECKS
from acksm.guide.doctor.roles import CHECKS as ROLE_CHECKS
from acksm.guide.doctor.running import CHECKS as RUNNING_CHECKS
from acksm.guide.doctor.selection import ALL, Answer, Options, Selection, select
from acksm.guide.doctor.versions import CHECKS as VERSION_CHECKS
from acksm.guide.install import command as install
from acksm.live import controller_logs, symptoms
from acksm.live.symptoms import Found
from acksm.output import Output
from acksm.settings import OtherAccountSettings, RunSettings, Settings, TargetSettings
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports

CHECKS = (*PREFLIGHT_CHECKS, *RELEASE_CHECKS, *ENGINE_CHECKS, *ROLE_CHECKS, *RUNNING_CHECKS, *VERSION_CHECKS)


def run(settings: Settings, ui: Output, *, fix: bool, options: Options = ALL) -> int:
    """Run every check. Exit 3 when one of severity error failed, after --fix too, 7 when one that counts is
    unknown. Error: `check-unknown`."""
    selection = select(CHECKS, options.only, options.ignore)
    facts, target = _observe(settings, ui)
    try:
        results, ignored = _selected(facts, selection)
        fixed: list[Change] = []
        if fix and target is not None:
            began = datetime.now(UTC).isoformat()
            fixed = _fix(target, ui, results, facts)
            if fixed and not settings.run.dry_run:
                ui.emit(Event(Kind.PROGRESS, "doctor.look", "checking again"))
                ended, (facts, target) = target, gather(settings, ui.emit)
                ended.__exit__()
                ui.emit(Event(Kind.PROGRESS, "doctor.look", ""))
                facts = replace(facts, fixed=began)
                results, ignored = _selected(facts, selection)
        answer = _answer(facts, target, results, ignored, full=settings.run.full)
        if fix:
            answer.data["fix"], answer.data["dry_run"] = [change.as_data() for change in fixed], settings.run.dry_run
        options.show(ui, answer)
        return answer.code
    finally:
        if target is not None:
            target.__exit__()


def answer_now(settings: Settings, options: Options) -> Answer:
    """What `run` would show, without --fix. Error: `check-unknown`."""
    selection = select(CHECKS, options.only, options.ignore)
    facts, target = gather(settings, lambda _: None)
    try:
        return _answer(facts, target, *_selected(facts, selection), full=settings.run.full)
    finally:
        if target is not None:
            target.__exit__()


def _selected(facts: Facts, selection: Selection) -> tuple[list[Result], list[Result]]:
    counted_in, ignored = selection.of(judge(CHECKS, facts))
    return folded(counted_in), ignored  # what follows from an ignored cause is not folded below it


def _answer(
    facts: Facts, target: Target | None, results: Sequence[Result], ignored: Sequence[Result], *, full: bool
) -> Answer:
    data: reports.DoctorReport = {
        "target": target.as_data() if target else None,
        "healthy": healthy(results),
        "checks": [result.as_data() for result in results],
        "symptoms": [symptom_data(item) for item in known_symptoms(facts)],
        "ignored": [result.as_data() for result in ignored],
    }
    title = f"acksm doctor: cluster {target.cluster.name}" if target else "acksm doctor"
    text = text_of(results, ignored, full=full)
    if not (exit_code(results) or facts.installed or services_installed(facts)):
        text += "\nready to install: acksm install --dry-run"
    return Answer(data, title, text, results, ignored)


def _observe(settings: Settings, ui: Output) -> tuple[Facts, Target | None]:
    ui.emit(Event(Kind.PROGRESS, "doctor.look", "reading account, cluster and registry"))
    facts, target = gather(settings, ui.emit)
    ui.emit(Event(Kind.PROGRESS, "doctor.look", ""))
    if target is not None:
        ui.emit(Event(Kind.STEP, "target", target.line()))
    return facts, target


def known_symptoms(facts: Facts) -> list[Found]:
    """Symptoms of logs and of conditions."""
    logs = [] if isinstance(facts.logs, AcksmError) else controller_logs.symptoms_of(facts.logs)
    if isinstance(facts.inventory, AcksmError):
        return logs
    conditions = [found for item in facts.inventory.items for found in symptoms.of_object(item.as_manifest)]
    return symptoms.merged([*logs, *conditions])


def symptom_data(found: Found) -> reports.Symptom:
    entry = lookup(found.id)
    return {
        "id": found.id,
        "place": str(found.location),
        "object": found.object,
        "text": found.text,
        "count": found.count,
        "cause": entry.cause,
        "remedy": entry.remedy,
    }


def text_of(results: Sequence[Result], ignored: Sequence[Result] = (), *, full: bool) -> str:
    """Lines by category: failed checks and warnings with their remedies; the others only counted, unless `full`. Then
    each of `ignored`."""
    lines: list[str] = []
    for category in dict.fromkeys(item.category for item in results):
        own = [item.check for item in results if item.category == category]
        lines.append(f"{category}: {summary_of(own)}")
        for check in own:
            if check.state in {State.OK, State.SKIPPED} and not full:
                continue
            lines.append(f"  {check.state:9}{check.id:25} {check.detail()}".rstrip())
            if check.effective_remedy:
                lines.append(f"  {'':9}remedy: {check.effective_remedy}")
            following = consequences(results, check.id)
            if following and not full:
                lines.append(f"  {'':9}follows from it: {'; '.join(_short(one) for one in following)}")
    hidden = [
        f"ignored: {item.check.id} ({item.check.title}): {item.check.state}: {item.check.text or item.check.where}"
        for item in ignored
    ]
    return "\n".join([*lines, "", *hidden, summary_of([item.check for item in results]), *incomplete(results)])


def _short(check: Check) -> str:
    """A consequence in few words: whom it concerns, and its symptom."""
    symptom = next((part for part in check.text.split(": ") if part.startswith("symptom.")), "")
    where = re.sub(r"(\d{1,9} objects): .*", r"\1", check.where)
    return f"{where} ({symptom})" if symptom else where


def summary_of(checks: Sequence[Check]) -> str:
    """ "3 ok, 1 failed", and why when all are skipped."""
    counts = {state: sum(1 for check in checks if check.state is state) for state in State}
    detail = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    reasons = {check.text for check in checks}
    return detail + (f" ({reasons.pop()})" if counts[State.SKIPPED] == len(checks) and len(reasons) == 1 else "")


# --fix


def fixes(results: Sequence[Result], plan: Plan) -> list[Change]:
    """The changes of the install plan that are the remedy of a failed check or a warning, and the waits for them.

    A change is safe when it is without danger: no release gets another version, nothing of others is changed.
    """
    desired: set[str] = set()
    for item in results:
        # pods that get their identity back need the rest of it too, which is not checked before
        waits_for_it = item.check.state is State.SKIPPED and item.check.text.startswith("needs check.annotation, ")
        if item.check.state in {State.FAILED, State.WARNING} or waits_for_it:
            desired |= item.fixes
    chosen = [change for change in plan.mutations if change.id in desired and change.danger is not Danger.SEVERE]
    chosen = [change for change in chosen if not _changes_chart(change)]
    upgraded = {change.lane for change in chosen if change.id == "release.upgrade"}
    chosen += [  # pods get what a release restores of their identity only when they are made again
        change
        for change in plan.mutations
        if change.id == "release.restart" and change.lane in upgraded and change not in chosen
    ]
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


def _changes_chart(change: Change) -> bool:
    """Whether a release would get another chart version."""
    if change.id != "release.upgrade":
        return False
    before, after = _chart(change.before), _chart(change.after)
    return bool(before and before != after)


def _chart(release: object) -> object:
    return release.get("chart") if isinstance(release, Mapping) else None


def _fix(target: Target, ui: Output, results: Sequence[Result], facts: Facts) -> list[Change]:
    """Show the plan, confirm, apply it. Returns the changes; [] when nothing can be fixed safely."""
    run = target.run
    changes = fixes(results, facts.plan) if isinstance(facts.plan, Plan) else []
    plan = Plan("doctor", tuple(changes))
    hand_over(target, plan)
    if not plan.mutations:
        ui.emit(Event(Kind.UP_TO_DATE, "up-to-date", "no problem found that --fix can repair"))
        return []
    ui.show(render_plan(plan, full=run.full))
    if run.dry_run:
        ui.emit(Event(Kind.NOTE, "note", f"dry run: {summary(plan.mutations)}; nothing was written"))
        return list(plan.mutations)
    for note in rights.check(target, plan.mutations, ()):
        ui.emit(Event(Kind.NOTE, "note", note))
    ui.confirm(question(plan.mutations, target.cluster.name), yes=run.yes)
    perform(target, plan, install.dispatch(target, ui.emit), ui.emit)
    return list(plan.mutations)


# one object


def run_object(
    at: TargetSettings,
    other: OtherAccountSettings,
    run: RunSettings,
    ui: Output,
    requested: str,
    namespace: str,
    options: Options = ALL,
) -> int:
    """Check KIND/NAME. Exit 3 when a check of severity error failed, 7 when one is unknown. Error: `check-unknown`."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        answer = answer_of_object(target, other, requested, namespace, options)
        options.show(ui, answer)
        return answer.code


def answer_of_object(
    target: Target, other: OtherAccountSettings, requested: str, namespace: str, options: Options
) -> Answer:
    """What `run_object` shows. Error: `check-unknown`."""
    from acksm.guide.doctor import object as doctor_object, trace

    selection = select(trace.CHECKS, options.only, options.ignore)
    facts = doctor_object.gather(target, other, requested, namespace)
    results, ignored = selection.of(trace.follow(facts))
    wrong = trace.first(results)
    logs = [] if isinstance(facts.logs, AcksmError) else facts.logs
    found = symptoms.merged(
        [*symptoms.of_object(facts.object), *controller_logs.symptoms_of(logs, facts.name)] if facts.object else []
    )
    data: reports.DoctorReport = {
        "target": target.as_data(),
        "healthy": healthy(results),
        "object": facts.name,
        "first": wrong.as_data() if wrong else None,
        "checks": [result.as_data() for result in results],
        "symptoms": [symptom_data(item) for item in found],
        "ignored": [result.as_data() for result in ignored],
    }
    return Answer(data, f"acksm doctor {facts.name}", object_text(facts.name, results, ignored), results, ignored)


def object_text(name: str, results: Sequence[Result], ignored: Sequence[Result] = ()) -> str:
    """The checks in order, those that were skipped because of another one on one line; then the first failure with its
    remedy, and what could not be checked."""
    from acksm.guide.doctor import trace

    lines = [f"{'ignored':9}{item.check.id:25} {item.check.state}: {item.check.text}" for item in ignored]
    skipped: dict[str, list[str]] = {}
    for item in results:
        check = item.check
        if check.state is State.SKIPPED and not check.where:
            skipped.setdefault(check.text, []).append(check.id)
            continue
        lines.append(f"{check.state:9}{check.id:25} {check.detail(apart_from=name)}".rstrip())
    for why, ids in skipped.items():
        lines.append(f"{State.SKIPPED:9}{ids[0] if len(ids) == 1 else counted(len(ids), 'check'):25} {why}".rstrip())
    wrong = trace.first(results)
    if wrong is not None:
        lines += ["", f"first {wrong.check.state}: {wrong.check.id} ({wrong.check.title}): {wrong.check.text}"]
        lines += [f"  remedy: {wrong.check.effective_remedy}", f"  more:   acksm explain {wrong.check.id}"]
    if healthy(results) is None:
        return "\n".join([*lines, *incomplete(results)])
    unknown = [item.check.id for item in results if item.check.state is State.UNKNOWN]
    if wrong is None:
        apart = f" in what was checked; not checked: {', '.join(unknown)}" if unknown else ""
        lines += ["", f"{name}: no problems found{apart}"]
    return "\n".join(lines)


# --print-policy


def run_policy(settings: Settings, ui: Output, requested: str) -> int:
    """The IAM policy that a command's caller needs, for this cluster where it can be read; needs no permission."""
    command, other = caller_policies.command_of(requested), settings.other_account
    target = attempt(lambda: connect(settings.target, settings.run))
    notes, registries = [], [settings.controllers.registry]
    if isinstance(target, AcksmError):
        scope = replace(_guessed(settings.target), repositories=caller_policies.repositories(registries))
        notes.append(f"the cluster could not be read ({target.id}); unknown values are *")
    else:
        scope = caller_policies.scope_of(target, settings.role, other, registries)
        target.__exit__()
    if command in caller_policies.TARGET_ACCOUNT_ONLY:
        scope = replace(scope, account=other.target_account or "*", caller=other.target_role_arn)
    if command in caller_policies.MIRROR and not scope.repositories:
        scope = replace(scope, repositories=(f"arn:{scope.partition}:ecr:{scope.region}:{scope.account}:repository/*",))
    notes += [
        f"{', '.join(grant.actions)}: only when {grant.when}"
        for grant in caller_policies.ALL[command]
        if grant.when and scope.arns(grant.on)
    ]
    notes += [
        f"{', '.join(grant.actions)}: optional; without it less is checked before the first write"
        for grant in caller_policies.ALL[command]
        if grant.optional and scope.arns(grant.on)
    ]
    document = caller_policies.document(command, scope)
    for note in dict.fromkeys(notes):
        ui.emit(Event(Kind.NOTE, "note", note))
    data: reports.DoctorReport = {"policy": {"command": command, "document": document, "notes": notes}}
    ui.result("doctor", data, json.dumps(document, indent=2))
    return 0


def _guessed(settings: TargetSettings) -> caller_policies.Scope:
    """What the options alone say."""
    return caller_policies.Scope(
        region=settings.region or "*", account=settings.account or "*", cluster=settings.cluster or "*"
    )
