"""Checks of what runs: pods, logs, leader election, scope and bindings, objects. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from acksm.catalog import lookup
from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Deployed, Facts, lease_namespace
from acksm.guide.doctor.releases import deployed, installed_releases
from acksm.guide.install import switching
from acksm.json_types import Manifest
from acksm.kube.keys import ANNOTATIONS
from acksm.live import controller_logs, discovery, running, symptoms
from acksm.live.bindings import shortened
from acksm.words import counted

ERROR, WARNING = Severity.ERROR, Severity.WARNING
RUNNING, BINDINGS, OBJECTS = "controllers", "bindings", "objects"
MAX_LEASE_AGE = timedelta(
    seconds=60
)  # a Lease is renewed every few seconds (controller-runtime: 15 s lease, 10 s deadline)


def _pods(facts: Facts) -> Iterator[Check]:
    name = "check.pods"
    for service, item in installed_releases(facts).items():
        health, where = item.health, f"controller of {service}"
        if health is None:
            yield Check(name, State.FAILED, where, "the release has no Deployment")
        elif health.problems:
            found_symptoms = controller_logs.symptoms_of([log for log in _logs(facts) if log.service == service])
            fatal = [one for one in found_symptoms if one.symptom.fatal]
            text = "; ".join(health.problems) + (f" (log: {fatal[-1].text[:300]})" if fatal else "")
            remedy = lookup(fatal[-1].id).remedy if fatal else "; ".join(health.remedies)
            yield Check(name, State.FAILED, where, text, remedy)
        else:
            yield Check(name, State.OK, where, health.text)


def _logs(facts: Facts) -> list[controller_logs.PodLog]:
    return [] if isinstance(facts.logs, AcksmError) else list(facts.logs)


def _log(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.logs, AcksmError):
        yield unread("check.log", "", facts.logs)
        return
    if not facts.logs:
        yield Check("check.log", State.UNKNOWN, "", "no controller log could be read")
        return
    found = [(log, one) for log in facts.logs for one in controller_logs.symptoms_of([log])]
    for log, one in found:
        where = f"{log.service}: {one.object}" if one.object else f"{log.service}: pod {log.pod}"
        count = f" ({one.count} times)" if one.count > 1 else ""
        entry = lookup(one.id)
        yield Check("check.log", State.FAILED, where, f"{one.id}: {one.text[:300]}{count}", entry.remedy)
    if not found:
        yield Check("check.log", State.OK, "", f"{counted(len(facts.logs), 'log')}, no known symptom")


def _election(facts: Facts) -> Iterator[Check]:
    name = "check.leader-election"
    if isinstance(facts.deployed, AcksmError):
        yield unread(name, "", facts.deployed)
        return
    if isinstance(facts.leases, AcksmError):
        yield unread(name, "", facts.leases)
        return
    for item in deployed(facts):
        where, on = str(item.running), item.flags.get("enable-leader-election") == "true"
        if not on:
            many = item.replicas > 1
            text = f"{item.replicas} replicas without leader election: each reconciles every object" if many else "off"
            yield Check(name, State.FAILED if many else State.OK, where, text)
            continue
        desired = f"ack-{item.running.service}.services.k8s.aws"
        namespace = lease_namespace(item)
        lease = next(
            (
                one
                for one in facts.leases
                if one["metadata"]["name"] == desired and one["metadata"].get("namespace", namespace) == namespace
            ),
            None,
        )
        yield Check(name, *_held(item, lease, namespace))


def _others(facts: Facts) -> Iterator[Check]:
    """Other controllers of the services; what only looks like one is named too."""
    name = "check.other-controllers"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    found = facts.inventory.controllers
    rivals = found.remaining()
    for rival in rivals:
        overlapping = [
            own for own in found.own if own is not rival and own.service == rival.service and own.meets(rival)
        ]
        text = f"{discovery.described(rival)}" + ("" if rival.proven else "; its permissions could not be checked")
        state = State.WARNING if overlapping else State.OK
        yield Check(
            name, state, str(rival), f"{text}; {overlapping[0]} reconciles the same objects" if overlapping else text
        )
    for item in found.idle:
        where = f"Deployment {item.namespace}/{item.deployment}"
        yield Check(name, State.OK, where, f"looks like a controller of {item.service}, but may not change its objects")
    if found.partial:
        yield Check(name, State.UNKNOWN, "", "Deployments of other namespaces cannot be listed")
    elif not rivals:
        yield Check(name, State.OK, "", "none")


def _held(item: Deployed, lease: Manifest | None, namespace: str) -> tuple[State, str, str]:
    """State, where and text of a controller's lease."""
    where = f"{item.running}, Lease in {namespace}"
    if lease is None:
        return State.FAILED, where, "the Lease does not exist: no pod reconciles"
    spec = lease.get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    pods = {str(pod["metadata"]["name"]) for pod in item.pods}
    age = _age(str(spec.get("renewTime") or ""))
    if holder.partition("_")[0] not in pods:
        return State.FAILED, where, f"held by {holder or 'no one'}, not by a pod of this release"
    if age is None or age > MAX_LEASE_AGE:
        return State.FAILED, where, f"held by {holder}, but not renewed"
    return State.OK, where, f"held by {holder}"


def _age(stamp: str) -> timedelta | None:
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return datetime.now(UTC) - then if then.tzinfo else None


# bindings and objects


def _scope(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.deployed, AcksmError):
        yield unread("check.scope", "", facts.deployed)
        return
    namespaces = {} if isinstance(facts.inventory, AcksmError) else facts.inventory.namespaces
    manifests = {
        name: {
            "metadata": {
                ANNOTATIONS[1]: dict(item.annotations),
                **({"deletionTimestamp": "x"} if item.terminating else {}),
            }
        }
        for name, item in namespaces.items()
    }
    for item in facts.installed:
        where, reading = str(item), item.reading
        text = running.scope_text(item)
        if item.watched and item.has("namespace-rbac-broken"):
            yield Check("check.scope", State.FAILED, where, f"{text}: {lookup('scope-broken').title}")
            continue
        watched = {name: found for name, found in manifests.items() if item.watches(name)}
        lost = switching.ignored(reading, item.service, watched)
        if not reading.starts:
            entry = lookup(reading.id)
            yield Check("check.scope", State.FAILED, where, f"{text}: {entry.title}", entry.remedy)
        elif lost:
            entry = lookup(reading.id)
            names = shortened([f"{name} ({key})" for name, key in lost.items()])
            yield Check("check.scope", State.FAILED, where, f"{names} ignored: {entry.title}", entry.remedy)
        elif reading.id and not reading.selectors:
            yield Check("check.scope", State.WARNING, where, f"{text}: {lookup(reading.id).title}")
        else:
            yield Check("check.scope", State.OK, where, text)


def _bindings(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.chains, AcksmError):
        yield unread("check.bindings", "", facts.chains)
        return
    checks = list(dict.fromkeys(check for chain in facts.chains for check in chain.checks))
    yield from (check for check in checks if check.state is not State.OK)
    bound = len(facts.chains)
    if bound and all(check.state is State.OK for check in checks):
        yield Check("check.bindings", State.OK, counted(bound, "namespace"), "all checks passed")
    elif not bound:
        yield Check("check.bindings", State.SKIPPED, "", "no namespace is bound to another account")


def _objects(facts: Facts) -> Iterator[Check]:
    name = "check.objects"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    items = facts.inventory.items
    failing = 0
    for item in items:
        problems = symptoms.failing(item.as_manifest)
        if not problems:
            continue
        failing += 1
        known = symptoms.of_object(item.as_manifest)
        if known:
            yield Check(
                name, State.FAILED, str(item), f"{known[0].id}: {known[0].text[:300]}", lookup(known[0].id).remedy
            )
        elif any(kind != "ACK.ResourceSynced" for kind, _ in problems):  # what is being created is not synced yet
            yield Check(name, State.FAILED, str(item), f"{problems[0][0]}: {problems[0][1][:300]}")
        else:
            failing -= 1
    if not failing:
        yield Check(name, State.OK, "", f"{counted(len(items), 'object')}, none failing")


def _stuck(facts: Facts) -> Iterator[Check]:
    name = "check.stuck"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    found, working = facts.inventory, facts.inventory.controllers.working
    unattended = [
        item
        for item in found.items
        if item.terminating
        and item.finalizers
        and not any(
            one.service == item.service and one.watches(item.location.namespace) for one in found.controllers.working
        )
    ]
    old = [
        item
        for item in found.common
        if item.kind == "AdoptedResource" and not any(one.has("adopted-resource") for one in working)
    ]
    for listed, text in (
        (unattended, "being deleted, but no controller removes their finalizers"),
        (old, "no controller reconciles it"),
    ):
        if listed:
            yield Check(name, State.FAILED, shortened(listed), text)
    if not (unattended or old):
        yield Check(name, State.OK, "")


_RELEASE, _PODS = ("check.release",), ("check.release", "check.pods")
CHECKS: tuple[Definition[Facts], ...] = (
    Definition(
        "check.pods",
        RUNNING,
        ERROR,
        _pods,
        _RELEASE,
        frozenset({"release.install", "release.upgrade", "release.restart"}),
    ),
    Definition("check.leader-election", RUNNING, ERROR, _election, _PODS),
    Definition("check.other-controllers", RUNNING, WARNING, _others, ("check.apiserver",)),
    Definition("check.log", RUNNING, WARNING, _log, _RELEASE),
    Definition("check.scope", BINDINGS, ERROR, _scope, _RELEASE),
    Definition("check.bindings", BINDINGS, ERROR, _bindings, ("check.scope",)),
    Definition("check.objects", OBJECTS, WARNING, _objects, ("check.apiserver",)),
    Definition("check.stuck", OBJECTS, ERROR, _stuck, ("check.apiserver",)),
)
