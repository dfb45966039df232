"""Checks of what runs: pods, logs, leader election, scope and bindings, objects. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from acksm.catalog import lookup
from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Deployed, Facts, lease_namespace
from acksm.guide.doctor.folding import node_role
from acksm.guide.doctor.releases import deployed, installed_releases
from acksm.guide.install import switching
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.kube.keys import ANNOTATIONS
from acksm.live import adopted_resources, capability, controller_logs, discovery, running, symptoms, unattended
from acksm.live.bindings import shortened
from acksm.live.inventory import Item
from acksm.live.readiness import Health
from acksm.live.symptoms import Found
from acksm.live.synced import moment
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
            remedy = lookup(fatal[-1].id).remedy if fatal else pods_remedy(facts, health)
            yield Check(name, State.FAILED, where, text, remedy)
        else:
            yield Check(name, State.OK, where, health.text)


def pods_remedy(facts: Facts, health: Health) -> str:
    namespace = facts.settings.target.controller_namespace
    return "; ".join(health.remedies) or f"kubectl -n {namespace} describe pods"


def _logs(facts: Facts) -> list[controller_logs.PodLog]:
    return [] if isinstance(facts.logs, AcksmError) else list(facts.logs)


def _log(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.logs, AcksmError):
        yield unread("check.log", "", facts.logs)
        return
    if not facts.logs:
        names = [f"deployment/{item.running.deployment}" for item in deployed(facts)]
        down = [item.health for item in installed_releases(facts).values() if item.health and item.health.problems]
        where = f"kubectl -n {facts.settings.target.controller_namespace} logs "
        remedy = pods_remedy(facts, down[0]) if down else "; ".join(where + name for name in names)
        text = "no log: the controllers do not run" if down else "no controller has written a log"
        yield Check("check.log", State.UNKNOWN, "", text, remedy)
        return
    groups: dict[tuple[str, str], list[tuple[str, Found]]] = {}
    for log in facts.logs:
        for one in controller_logs.symptoms_of([log]):
            groups.setdefault((log.service, one.id), []).append((one.object or f"pod {log.pod}", one))
    for (service, symptom), found in groups.items():
        count = sum(one.count for _, one in found)
        times = f" ({count} times)" if count > 1 else ""
        names = list(dict.fromkeys(name for name, _ in found))
        text = f"{symptom}: {found[0][1].text[:300]}{times}"
        yield Check("check.log", State.FAILED, f"{service}: {_them(names)}", text, _remedy_of(symptom, text, ()))
    if not groups:
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
        desired = capability.lease_name(item.running.service)
        namespace = lease_namespace(item)
        lease = next(
            (
                one
                for one in facts.leases
                if one["metadata"]["name"] == desired and one["metadata"].get("namespace", namespace) == namespace
            ),
            None,
        )
        state, where, text = _held(item, lease, namespace)
        if state is State.FAILED and (by := _by_capability(facts, item, lease, namespace)):
            state, text = State.OK, by
        yield Check(name, state, where, text)


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
        home = facts.settings.target.controller_namespace
        if not found.own and rival.namespace != home:
            text += f"; none is installed in {home}"
            yield Check(name, State.WARNING, str(rival), text, f"acksm doctor --controller-namespace {rival.namespace}")
            continue
        state = State.WARNING if overlapping else State.OK
        yield Check(
            name, state, str(rival), f"{text}; {overlapping[0]} reconciles the same objects" if overlapping else text
        )
    for item in found.idle:
        where = f"Deployment {item.namespace}/{item.deployment}"
        yield Check(name, State.OK, where, f"looks like a controller of {item.service}, but may not change its objects")
    if found.partial:
        yield Check(name, State.UNKNOWN, "", "Deployments of other namespaces cannot be listed")
    for what in facts.inventory.forbidden:
        yield Check(name, State.UNKNOWN, "", f"{what} cannot be listed")
    if not (rivals or found.partial or facts.inventory.forbidden):
        yield Check(name, State.OK, "", "none")


def _by_capability(facts: Facts, item: Deployed, lease: Manifest | None, namespace: str) -> str:
    """What it means that an EKS capability's controller holds the Lease; "" where none may."""
    found = () if isinstance(facts.capabilities, AcksmError) else facts.capabilities
    age = _age(str((lease or {}).get("spec", {}).get("renewTime") or ""))
    if lease is None or namespace != capability.LEASES or age is None or age > MAX_LEASE_AGE:
        return ""
    by = [one.name for one in found if capability.reconciled(one, [item.running.service])]
    holder = (lease.get("spec") or {}).get("holderIdentity")
    text = f"held by {holder}, not by a pod of this release: EKS capability"
    return f"{text} {by[0]} reconciles {item.running.service} too, and this controller waits" if by else ""


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
    """What fails, once for each symptom or message, with all objects that have it."""
    name = "check.objects"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    groups: dict[tuple[str, str], list[Item]] = {}
    texts: dict[tuple[str, str], str] = {}
    for item in facts.inventory.items:
        problems = symptoms.failing(item.as_manifest)
        known = symptoms.of_object(item.as_manifest)
        old = "not retried since the fix: " if _is_older(item, facts.fixed) else ""
        if known:
            key, text = (known[0].id, old), f"{known[0].id}: {lookup(known[0].id).title}: {known[0].text[:300]}"
        elif any(kind != "ACK.ResourceSynced" for kind, _ in problems):  # what is being created is not synced yet
            text = f"{problems[0][0]}: {problems[0][1][:300]}"
            key = (text, old)
        else:
            continue
        groups.setdefault(key, []).append(item)
        texts.setdefault(key, old + text)
    for key, items in groups.items():
        yield Check(name, State.FAILED, _them(items), texts[key], _remedy_of(key[0], texts[key], items))
    if not groups:
        yield Check(name, State.OK, "", f"{counted(len(facts.inventory.items), 'object')}, none failing")


def _is_older(item: Item, fixed: str) -> bool:
    """Whether every condition that reports a failure is from before the fix."""
    since = moment(fixed)
    times = [
        moment(str(one.get("lastTransitionTime") or ""))
        for one in conditions.listed({"status": {"conditions": list(item.conditions)}})
    ]
    return since is not None and bool(times) and all(one is not None and one < since for one in times)


def _them(names: Sequence[object]) -> str:
    """The name of one, or the number of many and the first of them."""
    return str(names[0]) if len(names) == 1 else f"{len(names)} objects: {shortened(names, 3)}"


def _remedy_of(symptom: str, text: str, items: Sequence[Item]) -> str:
    if node_role(text):
        return "acksm doctor --fix   (the pods have no role of their own: AWS was asked as the node)"
    if symptom.startswith("symptom."):
        return lookup(symptom).remedy
    one = items[0]
    return f"acksm doctor {one.kind}/{one.location.name} --namespace {one.location.namespace}"


def _unwatched(facts: Facts) -> Iterator[Check]:
    """Bound namespaces and objects that no controller watches."""
    name, found = "check.unwatched", facts.inventory
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    bound = unattended.bindings(found)
    alone = [item for item in unattended.objects(found) if not item.terminating]
    spaces = list(dict.fromkeys([*bound, *(item.location.namespace for item in alone)]))
    remedy = unattended.watching(spaces if found.controllers.own else ())
    if spaces and found.controllers.partial:
        yield Check(name, State.UNKNOWN, shortened(spaces), "watched by no controller that may be listed")
        return
    if bound:
        where = shortened([f"namespace {space} ({key})" for space, key in bound.items()])
        yield Check(name, State.FAILED, where, "bound, but no controller watches it", remedy)
    if alone:
        yield Check(name, State.WARNING, _them(alone), "no controller watches it: changes do not reach AWS", remedy)
    if not spaces:
        yield Check(name, State.OK, "", "every object and bound namespace is watched")


def _stuck(facts: Facts) -> Iterator[Check]:
    name = "check.stuck"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    found = facts.inventory
    stuck = unattended.stuck(found)
    judged = adopted_resources.of(found)
    old = [item for item in judged if not item.handled]
    failing = [item for item in judged if item.handled and item.state is adopted_resources.State.FAILING]
    if stuck and found.controllers.partial:
        text = "being deleted, and no controller that may be listed removes the finalizers"
        yield Check(name, State.UNKNOWN, shortened(stuck), text)
    elif stuck:
        text = "being deleted, but no controller removes the finalizers"
        yield Check(name, State.FAILED, shortened(stuck), text, unattended.stuck_remedy(found))
    if old:
        state = State.UNKNOWN if found.controllers.partial else State.FAILED
        what = adopted_resources.described(old)
        text = (
            "no controller that may be listed handles it" if found.controllers.partial else "no controller handles it"
        )
        remedy = "acksm upgrade --convert-adopted" if any(item.service for item in old) else ""
        yield Check(name, state, what, text, remedy)
    if failing:
        yield Check(name, State.WARNING, adopted_resources.described(failing), "it has adopted nothing")
    if not (stuck or old or failing):
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
    Definition("check.unwatched", BINDINGS, ERROR, _unwatched, ("check.apiserver",)),
    Definition("check.objects", OBJECTS, WARNING, _objects, ("check.apiserver",)),
    Definition("check.stuck", OBJECTS, ERROR, _stuck, ("check.apiserver",)),
)
