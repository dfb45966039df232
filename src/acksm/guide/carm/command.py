"""Guide §6.2 and §6.3: namespaces bound to accounts: the map's entry, then the annotation; and their removal.

On bind the entry comes first, because releases before 1.2.8 create an object with the controller's own role when they
find none; on unbind the annotation goes first, for the same reason (docs/ack/accounts-and-regions.md#role-map).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.carm import role_map
from acksm.guide.carm.role_map import STEP, Maps, Subject
from acksm.guide.connect.target import Target
from acksm.live import account_roles, bindings, discovery, readiness, running
from acksm.live.bindings import OWNER, TEAM, ManagedObject, Namespace
from acksm.live.running import SERVICE_CARM, TEAM_CARM, Running
from acksm.settings import TARGET_ROLE

if TYPE_CHECKING:
    from acksm import reports

ACCOUNT, TEAM_LEVEL = "account", "team"
ALL = "all"  # in a report: every service without its own role


@dataclass(frozen=True)
class Desired:
    """Bindings to create. `roles`: subject to service ("" for all) to role ARN ("": what the map has, or the default).

    `own` is the cluster account, `partition` its partition.
    """

    bindings: Mapping[str, Subject]
    roles: Mapping[Subject, Mapping[str, str]]
    own: str
    partition: str
    partitions: Sequence[str]
    default_role: str = TARGET_ROLE
    create: bool = False


@dataclass(frozen=True)
class Observed:
    """The cluster as it is. `running` are acksm's own controllers, and `maps` theirs: those of
    other controllers are not changed. `objects` are managed ones of the namespaces whose binding would change."""

    running: Sequence[Running]
    namespaces: Mapping[str, Namespace]
    maps: Maps
    objects: Sequence[ManagedObject] = ()
    others: Sequence[Running] = ()
    unseen: str = ""  # which controllers could not be searched


@dataclass
class Planned:
    """Changes, notes, and rows (namespace, subject, roles) for the report."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: list[reports.CarmBinding] = field(default_factory=list)
    unbound: list[reports.CarmUnbound] = field(default_factory=list)


def observe(target: Target) -> Observed:
    """Controllers, namespaces and maps. Objects are read later, and only where something changes."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        listed = pool.submit(bindings.observe, target.kube)
        namespace = target.settings.controller_namespace
        maps = pool.submit(role_map.observe, target.kube, {namespace})
        found = discovery.observe(target.kube, namespace)
        return Observed(found.own, listed.result(), maps.result(), others=found.others, unseen=found.unseen(namespace))


def bound_to(namespace: Namespace | None) -> list[Subject]:
    """What a namespace is bound to now; the team first, which takes precedence
    (docs/ack/accounts-and-regions.md#role-map)."""
    found = namespace.annotations if namespace else {}
    pairs = ((TEAM_LEVEL, found.get(TEAM)), (ACCOUNT, found.get(OWNER)))
    return [Subject(level, value) for level, value in pairs if value is not None]


def changing(observed: Observed, desired: Mapping[str, Subject | None]) -> list[str]:
    """Existing namespaces whose objects could get another account: with a new binding, or a team (whose role may
    change)."""
    names, subjects = [], set(desired.values())
    for name, live in observed.namespaces.items():
        now, subject = bound_to(live), desired.get(name)
        rebound = name in desired and (now != [subject] if subject else bool(now))
        of_team = any(item.level == TEAM_LEVEL and item in subjects for item in now)
        if rebound or of_team:
            names.append(name)
    return names


def roles_of(observed: Observed, want: Desired) -> dict[Subject, dict[str, str]]:
    """Each subject's roles by service, every one a checked ARN. Errors: carm-…"""
    return {
        subject: {
            service: _role(observed, want, subject, service, requested)
            for service, requested in requested_roles.items()
        }
        for subject, requested_roles in want.roles.items()
    }


def _role(observed: Observed, want: Desired, subject: Subject, service: str, requested: str) -> str:
    where = f"{subject}" + (f" for {service}" if service else "")
    kept, _ = _kept(observed, subject, service)
    account = subject.id if subject.level == ACCOUNT else ""
    if not requested and not kept and subject.level == TEAM_LEVEL:
        raise AcksmError("carm-team-role", f"the map has no role for {where}", where=where)
    if not requested and not kept and account == want.own:
        raise AcksmError("carm-own-account", f"{account} is the cluster account, not a target account", where=where)
    text = requested or kept or f"arn:{want.partition}:iam::{account}:role/{want.default_role}"
    try:
        account_roles.check(text, account=account, partition=want.partition, partitions=want.partitions, where=where)
    except AcksmError as error:
        if requested:
            raise
        raise AcksmError(
            "carm-entry-broken",
            f"entry {subject.key(service)} of the map: {error.message}",
            where=where,
            details={"id": error.id},
        ) from error
    return text


def _kept(observed: Observed, subject: Subject, service: str) -> tuple[str, str]:
    """The role that the map has, and the map in words; ("", "") for none."""
    key = subject.key(service)
    found = ((item.get(key), str(item)) for item in observed.maps.values() if item.name == subject.map)
    return next(((role, where) for role, where in found if role), ("", ""))


def _note_kept(observed: Observed, want: Desired) -> list[str]:
    """Roles that no option names, with the map that has them."""
    return [
        f"{subject}" + (f" for {service}" if service else "") + f" keeps role {role} from {where}"
        for subject, by_service in want.roles.items()
        for service, requested in by_service.items()
        for role, where in [_kept(observed, subject, service)]
        if role and not requested
    ]


def check_gates(controllers: Iterable[Running], subject: Subject, services: Collection[str], where: str) -> None:
    """Errors: `carm-gate-unsupported` (too old for it), `carm-gate-off`."""
    for item in controllers:
        needed = [TEAM_CARM] if subject.level == TEAM_LEVEL else []
        needed += [SERVICE_CARM] if item.service in services else []
        for gate in needed:
            if not item.has("carm-levels"):
                raise AcksmError("carm-gate-unsupported", f"{item} does not have feature gate {gate}", where=where)
            if gate not in item.gates:
                raise AcksmError(
                    "carm-gate-off",
                    f"feature gate {gate} of {item} is off: the key would be ignored",
                    where=where,
                    remedy=f"acksm install … --set {item.service}:featureGates.{gate}=true",
                )


def plan(observed: Observed, want: Desired) -> Planned:
    """Map entries, then annotations, then the removal of an earlier binding's entries. Errors, all before the first
    write: of `bindings`, `running` and `carm_roles`; carm-team-wins, carm-objects-live, carm-gate-…"""
    bindings.check_names(observed.namespaces, want.bindings, create=want.create)
    running.check_followed(observed.running, want.bindings, "carm")
    roles = roles_of(observed, want)
    for name, subject in want.bindings.items():
        watching = [item for item in observed.running if item.watches(name)]
        check_gates(watching, subject, {service for service in roles[subject] if service}, f"namespace {name}")
        _check_team(observed.namespaces.get(name), subject, watching)
    check_objects(observed, _allowed(observed, want, roles))
    planned = Planned()
    entries = [change for item in observed.maps.values() for change in _entries(observed, item, roles)]
    for name, subject in want.bindings.items():
        planned.rows.append(row(name, subject, roles[subject]))
    planned.changes += [bindings.create(name, STEP) for name in want.bindings if name not in observed.namespaces]
    planned.changes += entries
    if entries:
        planned.changes += _restarts(observed, want.bindings)
    left: set[Subject] = set()
    annotations: list[Change] = []
    for name, subject in want.bindings.items():
        live = observed.namespaces.get(name)
        annotations += bindings.annotate(name, live, subject.annotation, subject.id, STEP)
        left |= {other for other in bound_to(live) if other != subject and other.level == subject.level}
    planned.changes += annotations
    if entries or annotations:
        planned.changes.append(
            role_map.confirm({(item.namespace, item.name): _keys(item.name, roles) for item in observed.maps.values()})
        )
    kept = {
        subject for name, live in observed.namespaces.items() if name not in want.bindings for subject in bound_to(live)
    }
    _release(observed, left - kept - set(want.bindings.values()), planned)
    planned.notes += _note_kept(observed, want)
    for subject, by_service in roles.items():
        _note_uncovered(observed, want, subject, by_service, planned)
    return planned


def row(name: str, subject: Subject, by_service: Mapping[str, str]) -> reports.CarmBinding:
    """A binding for the report."""
    roles = {service or ALL: role for service, role in by_service.items()}
    return {"namespace": name, "level": subject.level, "id": subject.id, "roles": roles}


def _keys(map_name: str, roles: Mapping[Subject, Mapping[str, str]]) -> dict[str, str]:
    return {
        subject.key(service): role
        for subject, by_service in roles.items()
        if subject.map == map_name
        for service, role in by_service.items()
    }


def _entries(observed: Observed, now: role_map.Map, roles: Mapping[Subject, Mapping[str, str]]) -> list[Change]:
    desired = _keys(now.name, roles)
    used: dict[str, int] = {}
    for live in observed.namespaces.values():
        for subject in bound_to(live):
            for key in subject.keys if subject.map == now.name else ():
                used[key] = used.get(key, 0) + 1
    return role_map.entries(now, desired, used) if desired else []


def _allowed(observed: Observed, want: Desired, roles: Mapping[Subject, Mapping[str, str]]) -> dict[str, set[str]]:
    """The accounts that objects of each namespace may be of: those of its subject's roles after the change."""
    accounts: dict[Subject, set[str]] = {}
    for subject, by_service in roles.items():
        entries = {key: value for item in observed.maps.values() for key in subject.keys if (value := item.get(key))}
        entries |= {subject.key(service): role for service, role in by_service.items()}
        accounts[subject] = {role.split(":")[4] for role in entries.values() if role.count(":") >= 5}
    found = {name: accounts[subject] for name, subject in want.bindings.items()}
    for name, live in observed.namespaces.items():  # namespaces that keep a team whose role changes
        for subject in bound_to(live)[:1]:
            if name not in found and subject in accounts and subject.level == TEAM_LEVEL:
                found[name] = accounts[subject]
    return found


def _check_team(live: Namespace | None, subject: Subject, watching: Sequence[Running]) -> None:
    """A team's annotation takes precedence: a binding to an account would be silently ignored."""
    if subject.level == TEAM_LEVEL or live is None or TEAM not in live.annotations:
        return
    if any(TEAM_CARM in item.gates for item in watching):
        raise AcksmError(
            "carm-team-wins",
            f"namespace {live.name} is bound to team {live.annotations[TEAM]}, which takes precedence over an account",
            where=f"namespace {live.name}",
            remedy=f"acksm carm unbind {live.name}",
        )


def check_objects(observed: Observed, accounts: Mapping[str, set[str]]) -> None:
    """Refuse to change the account of a namespace that has objects of another account: they do not move."""
    objects: dict[str, list[ManagedObject]] = {}
    for item in observed.objects:
        objects.setdefault(item.namespace, []).append(item)
    for name, allowed in accounts.items():
        others = [item for item in objects.get(name, ()) if item.account not in allowed]
        if others:
            owners = sorted({item.account for item in others})
            raise AcksmError(
                "carm-objects-live",
                f"{bindings.shortened(others)} {'belongs' if len(others) == 1 else 'belong'} to "
                f"{'account' if len(owners) == 1 else 'accounts'} {', '.join(owners)}",
                where=f"namespace {name}",
                details={"objects": [str(item) for item in others], "accounts": owners},
            )


def _restarts(observed: Observed, names: Iterable[str]) -> list[Change]:
    """Versions that cache a role without end are restarted after a change of the map (community#2088)."""
    changes = []
    for item in observed.running:
        if item.has("carm") or not any(item.watches(name) for name in names):
            continue
        changes.append(
            Change(
                id="carm.restart",
                step=STEP,
                op=Op.UPDATE,
                system="kubernetes",
                target=f"Deployment {item.namespace}/{item.deployment}",
                call="kube.restart",
                params={"namespace": item.namespace, "deployment": item.deployment},
                reason=f"{item.service} {item.version} reads a changed map only after a restart",
                danger=Danger.MILD,
                guide=f"kubectl -n {item.namespace} rollout restart deployment {item.deployment}",
            )
        )
        changes.append(readiness.ready(item.release, item.namespace, "", step=STEP))
    return changes


def _note_uncovered(
    observed: Observed, want: Desired, subject: Subject, by_service: Mapping[str, str], planned: Planned
) -> None:
    """A service without its own entry waits for one of all services."""
    if "" in by_service:
        return
    names = [name for name, bound in want.bindings.items() if bound == subject]
    for item in observed.running:
        entry = next(
            (one for one in observed.maps.values() if (one.namespace, one.name) == (item.namespace, subject.map)), None
        )
        has_entry = item.service in by_service or (entry is not None and entry.get(subject.id))
        if not has_entry and any(item.watches(name) for name in names):
            planned.notes.append(
                f"objects of {item.service} in {', '.join(names)} will wait: {subject} has no entry for it"
            )


def plan_unbind(observed: Observed, names: Sequence[str], own: str) -> Planned:
    """The removal of annotations, then of entries that no namespace uses. Errors: carm-objects-live, of `bindings`."""
    bindings.check_names(observed.namespaces, names, create=False, command="carm unbind")
    bound = {name: bound_to(observed.namespaces[name]) for name in names}
    check_objects(observed, {name: {own} for name in names if bound[name]})
    planned = Planned()
    for name, subjects in bound.items():
        for subject in subjects:
            planned.changes += bindings.annotate(name, observed.namespaces[name], subject.annotation, None, STEP)
        planned.unbound.append({"namespace": name, "was": [str(subject) for subject in subjects]})
    kept = {subject for name, live in observed.namespaces.items() if name not in bound for subject in bound_to(live)}
    _release(observed, {subject for subjects in bound.values() for subject in subjects} - kept, planned)
    return planned


def _release(observed: Observed, removed: Collection[Subject], planned: Planned) -> None:
    for item in observed.maps.values():
        subjects = sorted(subject for subject in removed if subject.map == item.name)
        ids = {key: subject.id for subject in subjects for key in subject.keys}
        if ids:
            changes, notes = role_map.release(item, ids, subjects[0].annotation)
            planned.changes += changes
            planned.notes += notes
