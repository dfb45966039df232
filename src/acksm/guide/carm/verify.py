"""`acksm carm verify` and `list`: every check from a namespace to a role that can be assumed.

The controllers' role, its policy, the map, the target role and its trust; and annotation, scope, chart version and
region. What could not be checked is unknown, never ok.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from acksm.ack import charts
from acksm.catalog import lookup
from acksm.dataclass import dataclass
from acksm.engine.checks import Check, State, worst
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.carm import command as carm, evidence as carm_evidence, role_map, trust
from acksm.guide.carm.evidence import Evidence
from acksm.guide.carm.role_map import Subject
from acksm.guide.connect.target import Target, connect, context_of
from acksm.guide.identity.judged import Judged, Verdict
from acksm.live import account_roles, bindings, role_selectors, running, unread
from acksm.live.bindings import OBJECT_REGION, REGION, Namespace
from acksm.live.running import IGNORED_NAMESPACES, SELECTOR, SERVICE_CARM, TEAM_CARM, Running
from acksm.output import Output, Table
from acksm.settings import OtherAccountSettings, RunSettings, TargetSettings
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports

T = TypeVar("T")
LIVE = "acksm carm verify --live"


_HEADER = ("NAMESPACE", "ACCOUNT", "ASSUMABLE", "ROLE")


@dataclass(frozen=True)
class Chain:
    """One namespace: whose it is, by which role (by service; "" where none is found), and its checks."""

    namespace: str
    subject: Subject | None
    roles: Mapping[str, str]
    checks: Sequence[Check]

    @property
    def assumable(self) -> str:
        """ "yes", "unknown", or "no: " with the id of the first failed check."""
        state = worst(self.checks)
        if state is State.FAILED:
            return "no: " + next(check.id for check in self.checks if check.state is State.FAILED)
        return "unknown" if state is State.UNKNOWN else "yes"


def chain(evidence: Evidence, namespace: Namespace) -> Chain:
    """Every check of one namespace."""
    watching = [item for item in evidence.observed.running if item.watches(namespace.name)]
    subject = effective(namespace, watching)
    roles: dict[str, str] = {}
    checks = [*_namespace(evidence, namespace, subject, watching)]
    for item in watching:
        who = (item.namespace, item.deployment, item.service)
        checks += _once(evidence, who, partial(_listed, _controller, evidence, item))
        if evidence.mode == SELECTOR:
            arn, found = _selected(evidence, item, namespace)
        else:
            arn, found = (
                _once(evidence, (*who, subject), partial(_mapped, evidence, item, subject)) if subject else ("", [])
            )
        checks += found
        roles[item.service] = arn
        if arn and item.role_arn:
            pair = (item.role_arn, arn)
            checks += _once(evidence, pair, partial(_listed, _cross_account, evidence, *pair))
    return Chain(namespace.name, subject, roles, list(dict.fromkeys(checks)))


def _once(evidence: Evidence, key: Hashable, make: Callable[[], T]) -> T:
    """What is the same for thousands of namespaces is judged once, and shared."""
    if key not in evidence.judged:
        evidence.judged[key] = make()
    found: T = evidence.judged[key]
    return found


def _listed(checks: Callable[..., Iterator[Check]], *about: object) -> list[Check]:
    return list(checks(*about))


def effective(namespace: Namespace, watching: Sequence[Running]) -> Subject | None:
    """The subject that the controllers use for the namespace: a team counts only with its feature gate on."""
    found = carm.bound_to(namespace)
    if not any(TEAM_CARM in item.gates for item in watching):
        found = [item for item in found if item.level == carm.ACCOUNT] or found
    return found[0] if found else None


def _namespace(
    evidence: Evidence, namespace: Namespace, subject: Subject | None, watching: Sequence[Running]
) -> Iterator[Check]:
    where = f"namespace {namespace.name}"
    if evidence.mode != SELECTOR:
        yield _annotation(namespace, subject, where)
    yield _check("check.carm-watched", bool(watching), where, _once(evidence, "scopes", partial(_scopes, evidence)))
    region = namespace.annotations.get(REGION)
    if region is not None:
        without = [item.service for item in watching if region not in evidence.regions.get(item.service, ())]
        text = (
            f"{' and '.join(without)} {'is' if len(without) == 1 else 'are'} not available in region {region!r}"
            if without
            else region
        )
        yield _check("check.carm-region", not without, where, text)
    if OBJECT_REGION in namespace.annotations:
        yield Check("check.region-annotation", State.WARNING, where, f"{OBJECT_REGION} is ignored on a namespace")


def _scopes(evidence: Evidence) -> str:
    return "; ".join(f"{item}: {running.scope_text(item)}" for item in evidence.observed.running)


def _annotation(namespace: Namespace, subject: Subject | None, where: str) -> Check:
    problem = ""
    if subject is None:
        problem = "not bound to an account"
    elif namespace.name in IGNORED_NAMESPACES:
        problem = f"the controllers ignore annotations of {namespace.name}"
    elif not role_map.is_key(subject.id):
        problem = f"{subject.annotation} is {subject.id!r}, which is not a valid ConfigMap key"
    elif subject.level == carm.ACCOUNT and subject.id.isdigit() and len(subject.id) != 12:
        short = len(subject.id) < 12
        hint = f"; with its leading zeros it is {subject.id.zfill(12)}" if short else ""
        problem = f"{subject.id!r} has {len(subject.id)} digits, not 12{hint}"
    return _check("check.carm-annotation", not problem, where, problem or f"{subject}")


def _controller(evidence: Evidence, item: Running) -> Iterator[Check]:
    where, reading = str(item), item.reading
    follows = reading.starts and (reading.selectors if evidence.mode == SELECTOR else reading.carm)
    text = running.scope_text(item)
    yield _check(
        "check.carm-scope",
        follows,
        where,
        text if follows else f"{text}: {lookup(reading.id).title}" if reading.id else text,
    )
    yield _check("check.carm-version", item.has("carm"), where, f"version {item.version}")
    role = evidence.own_roles.get(item.role_arn)
    missing = f"role {item.role_arn} does not exist" if item.role_arn else "its service account has no role annotation"
    yield _check("check.carm-controller-role", role is not None, where, item.role_arn if role is not None else missing)
    if item.endpoint:
        text = f"--aws-endpoint-url {item.endpoint} is also used for STS, which assumes the target account's role"
        yield Check("check.carm-endpoint", State.WARNING, where, text)


def _mapped(evidence: Evidence, item: Running, subject: Subject) -> tuple[str, list[Check]]:
    """The role that the map in the controller's namespace gives, "" for none."""
    checks = []
    if subject.level == carm.TEAM_LEVEL:
        checks.append(_check("check.carm-gate", TEAM_CARM in item.gates, str(item), f"feature gate {TEAM_CARM}"))
    found = evidence.observed.maps[(item.namespace, subject.map)]
    keys = [subject.key(item.service)] if SERVICE_CARM in item.gates else []
    key = next((key for key in [*keys, subject.key()] if found.get(key) is not None), "")
    if not key:
        text = "does not exist" if found.data is None else f"no entry {subject.id}"
        off = subject.key(item.service)
        if found.get(off) is not None:
            checks.append(_check("check.carm-gate", False, str(item), f"entry {off} needs feature gate {SERVICE_CARM}"))
        option = "--target-account" if subject.level == carm.ACCOUNT else "--team"
        command = f"acksm carm bind {evidence.first_bound.get(subject, 'NAMESPACE')} {option} {subject.id}"
        return "", [*checks, Check("check.carm-map", State.FAILED, str(found), text, command)]
    checks.append(_check("check.carm-map", True, str(found), key))
    value = str(found.get(key))
    account = subject.id if subject.level == carm.ACCOUNT and subject.id.isdigit() else ""
    where = f"{found}: {key}"
    try:
        account_roles.check(
            value, account=account, partition=evidence.partition, partitions=evidence.partitions, where=where
        )
    except AcksmError as error:
        return "", [*checks, _check("check.carm-map-value", False, where, error.message)]
    return value, [*checks, _check("check.carm-map-value", True, where, value)]


def maps(evidence: Evidence) -> list[Check]:
    """Damaged keys of the maps, whoever uses them: account ids that became numbers."""
    return [
        Check("check.carm-map-key", State.FAILED, f"{found}: {key}", problem)
        for found in evidence.observed.maps.values()
        for key in found.data or {}
        if found.name == role_map.ACCOUNT_MAP and (problem := damaged_key(key))
    ]


def damaged_key(key: str) -> str:
    """What is wrong with a key that was an account id: as a number it lost its leading zeros, or became 1e+11."""
    plain = next((key[len(name) + 1 :] for name in charts.SERVICES if key.startswith(f"{name}.")), key)
    if plain.isdigit() and len(plain) != 12:
        hint = f"; with its leading zeros it is {plain.zfill(12)}" if len(plain) < 12 else ""
        return f"{len(plain)} digits, not 12{hint}"
    mantissa, e, exponent = plain.lower().partition("e")
    if e and mantissa.replace(".", "", 1).isdigit() and exponent.lstrip("+-").isdigit():
        return "a number instead of an account id: it was not quoted"
    return ""


def _selected(evidence: Evidence, item: Running, namespace: Namespace) -> tuple[str, list[Check]]:
    """The role of the one selector that matches objects of this service here, "" for none or several."""
    fitting = [
        one
        for one in evidence.by_namespace.fitting(namespace.name, namespace.labels)
        if item.service in role_selectors.services_of(one)
    ]
    where = f"namespace {namespace.name}, {item.service}"
    twice = role_selectors.overlaps(fitting, {namespace.name: namespace})
    checks = [
        _check(
            "check.carm-selector",
            bool(fitting),
            where,
            bindings.shortened([one.name for one in fitting]) or "no IAMRoleSelector matches",
        )
    ]
    if twice:
        text = f"{twice[0][0]} and {twice[0][1]} both match"
        return "", [*checks, _check("check.carm-selector-overlap", False, where, text)]
    return (fitting[0].arn if fitting else ""), checks


def _cross_account(evidence: Evidence, own: str, target_role: str) -> Iterator[Check]:
    """The own role's policy, the target role and its trust, or the proof by assuming it."""
    pair = f"{own} → {target_role}"
    proven = (own, target_role) in evidence.proofs
    failure = evidence.proofs.get((own, target_role))
    done = proven and failure is None
    if evidence.own_roles.get(own) is not None:
        allowed = evidence.allowed.get((own, target_role), Judged(Verdict.UNKNOWN, "policies that were not read"))
        yield _judged("check.carm-policy", allowed, pair, f"no policy of {own} allows {trust.ASSUME}", done)
    if proven:
        yield _check("check.carm-live", done, pair, failure.message if failure else "assumed")
    if target_role in evidence.target_roles:
        yield from _target_role(evidence, own, target_role, done)
    elif not done:
        account = target_role.split(":")[4]
        text = f"not checked: no credentials for account {account}"
        remedy = f"{LIVE}   (or --target-profile)"
        yield Check("check.carm-role", State.UNKNOWN, target_role, text, remedy, expected=True)


def _target_role(evidence: Evidence, own: str, target_role: str, done: bool) -> Iterator[Check]:
    role = evidence.target_roles[target_role]
    yield _check("check.carm-role", role is not None, target_role, "" if role else "does not exist")
    if role is None:
        return
    answer = trust.trusts(role["trust"], own, evidence.pod_identity)
    ids = {"external-id": "check.carm-external-id", "tag-session": "check.carm-tag-session"}
    if answer.why in ids:
        yield _check(ids[answer.why], False, target_role, f"for {own}")
    else:
        trusts = f"trusts {own}" if answer.verdict is Verdict.YES else ""
        yield _judged("check.carm-trust", answer, target_role, f"does not trust {own}", done, trusts)
    has_policies = bool(role["attached"] or role["inline"])
    yield _check(
        "check.carm-permissions", has_policies, target_role, "" if has_policies else "has no permissions policy"
    )


def _judged(id: str, answer: Judged, where: str, failure: str, done: bool, text: str = "") -> Check:
    """A check by what policies say; where they do not suffice, by whether the role was really assumed (`done`)."""
    if answer.verdict is Verdict.UNKNOWN and not done:
        return Check(id, State.UNKNOWN, where, f"{answer.why} cannot be evaluated here", LIVE, expected=True)
    if answer.verdict is Verdict.UNKNOWN:
        return Check(id, State.OK, where, "confirmed by assuming the role")
    return _check(id, answer.verdict is Verdict.YES, where, text if answer.verdict is Verdict.YES else failure)


def _check(id: str, holds: bool, where: str, text: str = "") -> Check:
    return Check(id, State.OK if holds else State.FAILED, where, text)


def chains(evidence: Evidence, names: Sequence[str] = ()) -> list[Chain]:
    """The chains of the named namespaces, or of all bound ones."""
    live = evidence.observed.namespaces
    if names:
        known = [name for name in names if name not in IGNORED_NAMESPACES]
        bindings.check_names(live, known, create=False, command="carm verify")
    chosen = names or [name for name, found in sorted(live.items()) if _is_bound(evidence, found)]
    return [chain(evidence, live[name]) for name in chosen]


def _is_bound(evidence: Evidence, namespace: Namespace) -> bool:
    if evidence.mode != SELECTOR:
        return bool(carm.bound_to(namespace))
    fitting = evidence.by_namespace.fitting(namespace.name, namespace.labels)
    return namespace.name not in IGNORED_NAMESPACES and bool(fitting)


def run(
    at: TargetSettings,
    other: OtherAccountSettings,
    run: RunSettings,
    ui: Output,
    names: Sequence[str],
    *,
    mode: str,
    live: bool,
    command: str,
) -> int:
    """`carm verify` (exit 3 unless every check is ok or a warning) and `carm list` (3 when one failed, 7 when
    some controllers could not be searched)."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        if live:
            ui.emit(Event(Kind.PROGRESS, "carm.live", "assuming the roles as the controllers would"))
        try:
            evidence = carm_evidence.gather(target, other, live=live)
        except AcksmError as error:
            if error.id != "kube-forbidden" or command != "carm list":
                raise
            return _annotations(target, ui, names, unread.reason(error))
        running.mode_of(evidence.observed.running, mode)
        found = chains(evidence, names)
        checks = list(dict.fromkeys(check for item in found for check in item.checks)) + maps(evidence)
        if unseen := evidence.observed.unseen:
            checks.append(Check("check.other-controllers", State.UNKNOWN, "", f"not checked: {unseen}"))
            ui.emit(Event(Kind.NOTE, "note", f"not checked: {unseen}"))
        state = worst(checks)
        good = state in {State.OK, State.WARNING} or (command == "carm list" and state is State.UNKNOWN)
        code = int(ExitCode.OK if good else ExitCode.CHECK_FAILED)
        if command == "carm list" and good and unseen:
            code = int(ExitCode.INCOMPLETE)
        data: reports.CarmListReport = {
            "target": target.as_data(),
            "mode": evidence.mode,
            "verified": state in {State.OK, State.WARNING},
            "bindings": [_row(item) for item in found],
        }
        if command == "carm list":
            ui.result(command, data, _list_text(found, checks, ui.table), code)
        else:
            ui.result(
                command, data | {"checks": [check.as_data() for check in checks]}, _verify_text(found, checks), code
            )
        return code


def _annotations(target: Target, ui: Output, names: Sequence[str], why: str) -> int:
    """`carm list` for an identity that may not read the cluster's controllers, maps or namespaces: what the annotations
    of those that it may read say. Exit 7."""
    context = None if names else context_of(target.settings)
    namespaces, notes = bindings.observe_some(
        target.kube, names or [(context.namespace if context else "") or "default"]
    )
    notes = [f"not checked: the roles of the account map, and whether they can be assumed ({why})", *notes]
    found = [
        Chain(name, subject=next(iter(carm.bound_to(live)), None), roles={}, checks=())
        for name, live in sorted(namespaces.items())
        if not names or name in names
    ]
    found = [item for item in found if item.subject]
    rows: list[reports.CarmRow] = [{**_row(item), "assumable": "unknown"} for item in found]
    data: reports.CarmListReport = {
        "target": target.as_data(),
        "mode": "",
        "verified": False,
        "bindings": rows,
        "notes": notes,
    }
    lines = [ui.table(_HEADER, [(row["namespace"], row["id"], "unknown", "-") for row in rows])] if rows else []
    lines += ["", "incomplete: the controllers and their account map could not be read", *notes]
    ui.result("carm list", data, "\n".join(lines).strip("\n"), int(ExitCode.INCOMPLETE))
    return int(ExitCode.INCOMPLETE)


def _row(item: Chain) -> reports.CarmRow:
    return {
        "namespace": item.namespace,
        "level": item.subject.level if item.subject else "",
        "id": item.subject.id if item.subject else "",
        "roles": dict(item.roles),
        "assumable": item.assumable,
    }


def _list_text(found: Sequence[Chain], checks: Sequence[Check], table: Table) -> str:
    if not found:
        return "no namespace is bound to another account"
    rows = []
    for item in found:
        roles = sorted({role for role in item.roles.values() if role})
        owner = item.subject.id if item.subject else (roles[0].split(":")[4] if roles else "-")
        rows.append((item.namespace, owner, item.assumable, ", ".join(roles) or "-"))
    failed = [line for check in checks if check.state is State.FAILED for line in _lines(check)]
    return "\n".join([table(_HEADER, rows), *([""] if failed else []), *failed])


def _lines(check: Check) -> list[str]:
    lines = [f"{check.state:9}{check.id:29} {check.detail()}"]
    return [*lines, f"{'':9}remedy: {check.effective_remedy}"] if check.effective_remedy else lines


def _verify_text(found: Sequence[Chain], checks: Sequence[Check]) -> str:
    if not found:
        return "no namespace is bound to another account"
    lines = []
    for check in checks:
        if check.state is State.OK and len(found) > 5:
            continue
        lines += _lines(check)
    fine = sum(1 for check in checks if check.state is State.OK)
    return "\n".join([*lines, f"{fine} of {counted(len(checks), 'check')} ok ({counted(len(found), 'namespace')})"])
