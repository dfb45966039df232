"""`acksm carm bind|unbind`: from options and acksm.yaml to a plan of `carm` or `role_selector`, and its execution."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from acksm import reports
from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.engine.change import Plan
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.carm import command as carm, role_map, role_selector
from acksm.guide.carm.role_map import Subject
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.live import account_roles, bindings, readiness, running
from acksm.output import Output
from acksm.remedies import filled
from acksm.settings import Declared, RunSettings, TargetSettings


@dataclass(frozen=True)
class Requested:
    """The options. Without namespaces those of the settings file. `services`: keys for these only."""

    namespaces: Sequence[str] = ()
    account: str = ""
    team: str = ""
    role_arn: str = ""
    services: Sequence[str] = ()


def subjects(declared: Declared, requested: Requested) -> tuple[dict[str, Subject], dict[Subject, dict[str, str]]]:
    """Namespace to subject, and subject to role by service. Errors: `bindings-none`, `carm-subject`, `carm-account`."""
    if requested.namespaces:
        if bool(requested.account) == bool(requested.team):
            raise AcksmError(
                "carm-subject",
                "exactly one of --target-account and --team is required",
                where=", ".join(requested.namespaces),
            )
        subject = (
            Subject(carm.TEAM_LEVEL, requested.team) if requested.team else Subject(carm.ACCOUNT, requested.account)
        )
        _check_id(subject, "--target-account" if requested.account else "--team")
        for service in requested.services:
            if service not in charts.SERVICES:
                raise AcksmError(
                    "carm-service", f"unknown service {service!r}; expected {' or '.join(charts.SERVICES)}"
                )
        roles = dict.fromkeys(requested.services or [""], requested.role_arn)
        return dict.fromkeys(requested.namespaces, subject), {subject: roles}
    if requested.account or requested.team or requested.role_arn or requested.services:
        raise AcksmError("bindings-none", "no namespace specified")
    return _declared(declared)


def _declared(declared: Declared) -> tuple[dict[str, Subject], dict[Subject, dict[str, str]]]:
    bound: dict[str, Subject] = {}
    for name, item in declared.namespaces.items():
        if item.account and item.team:
            raise AcksmError("carm-subject", "account and team are mutually exclusive", where=f"namespaces.{name}")
        if item.account or item.team:
            bound[name] = Subject(carm.TEAM_LEVEL, item.team) if item.team else Subject(carm.ACCOUNT, item.account)
    if not bound:
        raise AcksmError("bindings-none", "no namespace specified, and the settings file declares no account")
    roles = {}
    for subject in dict.fromkeys(bound.values()):
        _check_id(subject, "namespaces")
        role = (declared.teams if subject.level == carm.TEAM_LEVEL else declared.accounts).get(subject.id)
        by_service = dict(role.service_role_arn) if role else {}
        for service in by_service:
            if service not in charts.SERVICES:
                raise AcksmError("carm-service", f"unknown service {service!r}", where=f"{subject.level}s.{subject.id}")
        if not by_service or (role and role.role_arn):
            by_service[""] = role.role_arn if role else ""
        roles[subject] = by_service
    return bound, roles


def _check_id(subject: Subject, where: str) -> None:
    """A ConfigMap's keys are letters, digits, '-', '_' and '.'; ids of accounts have 12 digits."""
    if subject.level == carm.ACCOUNT:
        account_roles.check_account(subject.id, where)
    elif not role_map.is_key(subject.id):
        raise AcksmError("carm-team", f"{subject.id!r} is not a valid ConfigMap key", where=where)


def run_bind(
    at: TargetSettings,
    declared: Declared,
    run: RunSettings,
    ui: Output,
    requested: Requested,
    *,
    mode: str,
    default_role: str,
    create: bool,
) -> int:
    """`carm bind`. `mode` "" for that of the controllers; `default_role` is a name; `create` missing namespaces."""
    bound, roles = subjects(declared, requested)
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        observed = carm.observe(target)
        mode = running.mode_of(running.require(observed.running), mode)
        want = carm.Desired(
            bound,
            roles,
            own=target.identity.account,
            partition=target.identity.partition,
            partitions=target.aws.partitions(),
            default_role=default_role,
            create=create,
        )
        if mode == running.SELECTOR:
            planned = role_selector.plan(role_selector.observe(target, observed, bound), want)
        else:
            observed = _with_objects(target, observed, bound)
            planned = carm.plan(observed, want)
        return _finish(target, ui, "carm bind", observed, planned, _bound_text(bound, planned))


def run_unbind(at: TargetSettings, run: RunSettings, ui: Output, names: Sequence[str], *, mode: str) -> int:
    """`carm unbind`."""
    if not names:
        raise AcksmError("bindings-none", "no namespace specified")
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        observed = carm.observe(target)
        mode = running.mode_of(observed.running, mode)
        desired = dict.fromkeys(names)
        if mode == running.SELECTOR:
            planned = role_selector.plan_unbind(
                role_selector.observe(target, observed, desired), names, target.identity.account
            )
        else:
            observed = _with_objects(target, observed, desired)
            planned = carm.plan_unbind(observed, names, target.identity.account)
        text = "\n".join(f"{name} is not bound to an account" for name in names)
        return _finish(target, ui, "carm unbind", observed, planned, text)


def _with_objects(target: Target, observed: carm.Observed, desired: Mapping[str, Subject | None]) -> carm.Observed:
    names = carm.changing(observed, desired)
    return replace(observed, objects=bindings.managed_objects(target.kube, names)) if names else observed


def _finish(target: Target, ui: Output, command: str, observed: carm.Observed, planned: carm.Planned, text: str) -> int:
    facts: reports.CarmBindFacts | reports.CarmUnbindFacts = (
        {"bindings": planned.unbound} if planned.unbound else {"bindings": planned.rows}
    )
    notes = [*planned.notes, *([f"not checked: {observed.unseen}"] if observed.unseen else [])]
    plan = Plan(command, tuple(planned.changes), tuple(dict.fromkeys(notes)), dict(facts))
    return apply_plan(target, ui, plan, dispatch(target, ui.emit), text)


def dispatch(target: Target, emit: Emit) -> dict[str, Callable[..., object]]:
    """Every call of these plans."""

    return {
        **bindings.kube_calls(target.kube),
        **role_map.calls(target.kube),
        **role_selector.calls(target.kube),
        "kube.restart": target.kube.restart,
        "controller.await_ready": partial(readiness.await_ready, target.kube, target.deadline, emit),
    }


def _bound_text(bound: Mapping[str, Subject], planned: carm.Planned) -> str:
    if len(bound) > 20:
        return f"{len(bound)} namespaces are bound\nnext: {filled('acksm carm verify --live')}"
    lines = []
    for row in planned.rows:
        roles = row["roles"]
        described = ", ".join(
            role + (f" ({service} only)" if service != carm.ALL else "") for service, role in roles.items()
        )
        lines.append(f"{row['namespace']} → {bound[row['namespace']]} → {described}")
    names = [row["namespace"] for row in planned.rows]
    return "\n".join([*lines, f"next: {filled(f'acksm carm verify {shlex.join(names)} --live')}"])
