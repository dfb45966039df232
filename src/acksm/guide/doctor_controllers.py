"""Checks of what is installed: releases, CRDs, identity, pods, leader election, scope and bindings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from acksm.catalog import lookup
from acksm.engine.change import Plan
from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide import carm, controller_logs, crds, running, switching, symptoms, trust
from acksm.guide.bindings import told
from acksm.guide.doctor_facts import Deployed, Facts, lease_namespace
from acksm.guide.readiness import pod_state
from acksm.guide.release import Observed as Release
from acksm.guide.running import IGNORED_NAMESPACES, Running
from acksm.kube.keys import ANNOTATIONS

ERROR, WARNING = Severity.ERROR, Severity.WARNING
RELEASE, IDENTITY, RUNNING, BINDINGS, OBJECTS = "releases", "identity", "controllers", "bindings", "objects"
NOTHING = "no controller is installed; acksm install does it"
LATE = timedelta(seconds=60)  # a lease is renewed every few seconds (controller-runtime: 15 s lease, 10 s deadline)
Json = Mapping[str, Any]


def _releases(facts: Facts) -> dict[str, Release]:
    found = facts.releases
    return {} if isinstance(found, AcksmError) else {name: item for name, item in found.items() if item.version}


def _release(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.releases, AcksmError):
        yield unread("check.release", "", facts.releases)
        return
    found = _releases(facts)
    for service, item in found.items():
        where = f"release of {service}"
        if item.status == "deployed":
            yield Check("check.release", State.OK, where, f"{item.version}, deployed")
        else:
            symptom = symptoms.of_helm(item.description)
            why = f": {item.description}" if item.description else ""
            remedy = lookup(symptom.id).remedy if symptom else ""
            yield Check("check.release", State.BROKEN, where, f"{item.version}, {item.status}{why}", remedy)
    if not found:
        yield Check("check.release", State.SKIPPED, "", NOTHING)


def _values(facts: Facts) -> Iterator[Check]:
    found = facts.unknown_values
    if isinstance(found, AcksmError):
        yield unread("check.values", "", found)
        return
    for service, keys in found.items():
        state = State.BROKEN if keys else State.OK
        text = f"the chart does not have {told(keys)}: nothing reads it" if keys else ""
        yield Check("check.values", state, f"release of {service}", text)


def _drift(facts: Facts) -> Iterator[Check]:
    for service, item in _releases(facts).items():
        text = f"changed by hand: {told(item.drift)}" if item.drift else ""
        yield Check("check.drift", State.BROKEN if item.drift else State.OK, f"release of {service}", text)


def _crds(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.crds, AcksmError):
        yield unread("check.crds", "", facts.crds)
        return
    going = [str(item["metadata"]["name"]) for item in facts.crds if item["metadata"].get("deletionTimestamp")]
    unserved = [
        str(item["metadata"]["name"])
        for item in facts.crds
        if not item["metadata"].get("deletionTimestamp") and not crds.established(item)
    ]
    missing = _planned(facts, "crds.create")
    for names, text in ((going, "being deleted"), (unserved, "not served"), (missing, "missing")):
        if names:
            yield Check("check.crds", State.BROKEN, told(names), text)
    if not (going or unserved or missing):
        yield Check("check.crds", State.OK, "", f"{len(facts.crds)} served")


def _planned(facts: Facts, name: str) -> list[str]:
    """Targets of the install plan's changes of this id."""
    plan = facts.plan
    return [change.target for change in plan.changes if change.id == name] if isinstance(plan, Plan) else []


def _crd_drift(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.plan, AcksmError):
        yield unread("check.crd-drift", "", facts.plan)
        return
    older = _planned(facts, "crds.update")
    state = State.BROKEN if older else State.OK
    yield Check("check.crd-drift", state, told(older), "other than the installed charts' CRDs" if older else "")


# identity


def _deployed(facts: Facts) -> list[Deployed]:
    return [] if isinstance(facts.deployed, AcksmError) else list(facts.deployed)


def _associated(facts: Facts, item: Running) -> str:
    """The role by EKS Pod Identity, "" for none or where it is not known."""
    if isinstance(facts.associated, AcksmError):
        return ""
    return facts.associated.get((item.namespace, item.service_account), "")


def _pod_identity(facts: Facts) -> Iterator[Check]:
    name = "check.pod-identity"
    if isinstance(facts.associated, AcksmError):
        yield unread(name, "", facts.associated)
        return
    for item in facts.installed:
        by_eks, where = _associated(facts, item), f"service account {item.namespace}/{item.service_account}"
        if by_eks and item.role_arn and by_eks != item.role_arn:
            text = f"EKS Pod Identity gives it {by_eks}, and its annotation {item.role_arn}"
            yield Check(name, State.BROKEN, where, text)
        else:
            yield Check(name, State.OK, where, by_eks or "none: the role comes by the service account's annotation")


def _annotation(facts: Facts) -> Iterator[Check]:
    for item in facts.installed:
        where = f"service account {item.namespace}/{item.service_account}"
        if item.role_arn:
            yield Check("check.annotation", State.OK, where, item.role_arn)
        elif by_eks := _associated(facts, item):
            yield Check("check.annotation", State.SKIPPED, where, f"EKS Pod Identity gives it {by_eks}")
        else:
            yield Check("check.annotation", State.BROKEN, where, "it names no role")


def _provider(facts: Facts) -> Iterator[Check]:
    found, name = facts.provider, "check.oidc"
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
    elif found.audiences is None:
        yield Check(name, State.BROKEN, found.arn, "IAM has no such provider")
    elif trust.AUDIENCE not in found.audiences:
        yield Check(name, State.BROKEN, found.arn, f"its audiences {', '.join(found.audiences)} lack {trust.AUDIENCE}")
    else:
        yield Check(name, State.OK, found.arn)


def _role(facts: Facts) -> Iterator[Check]:
    found, name = facts.roles, "check.role"
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for arn in sorted({item.role_arn for item in facts.installed if item.role_arn}):
        if arn not in found:
            yield Check(name, State.UNKNOWN, arn, "it is of another account")
        elif (role := found[arn]) is None:
            yield Check(name, State.BROKEN, arn, "IAM has no such role")
        elif not (role["attached"] or role["inline"]):
            yield Check(name, State.BROKEN, arn, "it has no policy at all")
        else:
            yield Check(name, State.OK, arn)


def _trust(facts: Facts) -> Iterator[Check]:
    name, roles, provider = "check.trust", facts.roles, facts.provider
    if isinstance(roles, AcksmError):
        yield unread(name, "", roles)
        return
    if isinstance(provider, AcksmError):
        yield unread(name, "", provider)
        return
    for item in facts.installed:
        role = roles.get(item.role_arn)
        if role is None:
            continue
        subject = trust.subject(item.namespace, item.service_account)
        let_in = [trust.admitted(one, provider.arn) for one in trust.statements(role["trust"])]
        if any(names is not None and subject in names for names in let_in):
            yield Check(name, State.OK, item.role_arn, f"{subject} is let in")
        else:
            yield Check(name, State.BROKEN, item.role_arn, f"{subject} is not let in: {_trusted(role['trust'])}")


def _trusted(document: Json) -> str:
    """Whom a trust policy lets in, in words."""
    found = []
    for item in trust.statements(document):
        principal = item.get("Principal")
        names = principal.values() if isinstance(principal, Mapping) else [principal]
        conditions = [
            f"{key.rpartition(':')[2]}={','.join(map(str, trust.as_list(value)))}"
            for pairs in (item.get("Condition") or {}).values()
            for key, value in (pairs.items() if isinstance(pairs, Mapping) else ())
        ]
        found.append(" ".join([*(str(name) for name in names), *conditions]))
    return "it trusts " + ("; ".join(found) or "nobody")


def _pod_role(facts: Facts) -> Iterator[Check]:
    for item in _deployed(facts):
        wanted = item.running.role_arn
        for pod in item.pods:
            state = pod_state(pod)
            if not wanted or pod["metadata"].get("deletionTimestamp"):
                continue
            right = state.role_arn == wanted and state.has_token_file
            text = "" if right else f"it has the role {state.role_arn or '(none)'}, its service account {wanted}"
            where = f"pod {item.running.namespace}/{state.name}"
            yield Check("check.pod-role", State.OK if right else State.BROKEN, where, text)


# what runs


def _pods(facts: Facts) -> Iterator[Check]:
    name = "check.pods"
    for service, item in _releases(facts).items():
        health, where = item.health, f"controller of {service}"
        if health is None:
            yield Check(name, State.BROKEN, where, "the release has no Deployment")
        elif health.problems:
            said = controller_logs.symptoms_of([log for log in _logs(facts) if log.service == service])
            fatal = [one for one in said if one.symptom.fatal]
            text = "; ".join(health.problems) + (f" (log: {fatal[-1].text[:300]})" if fatal else "")
            remedy = lookup(fatal[-1].id).remedy if fatal else ""
            yield Check(name, State.BROKEN, where, text, remedy)
        else:
            yield Check(name, State.OK, where, health.text)


def _logs(facts: Facts) -> list[controller_logs.PodLog]:
    return [] if isinstance(facts.logs, AcksmError) else list(facts.logs)


def _log(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.logs, AcksmError):
        yield unread("check.log", "", facts.logs)
        return
    if not facts.logs:
        yield Check("check.log", State.UNKNOWN, "", "no controller has a log that can be read")
        return
    found = [(log, one) for log in facts.logs for one in controller_logs.symptoms_of([log])]
    for log, one in found:
        where = f"{log.service}: {one.object}" if one.object else f"{log.service}: pod {log.pod}"
        count = f" ({one.count} times)" if one.count > 1 else ""
        entry = lookup(one.id)
        yield Check("check.log", State.BROKEN, where, f"{one.id}: {one.text[:300]}{count}", entry.remedy)
    if not found:
        yield Check("check.log", State.OK, "", f"{len(facts.logs)} logs, no known symptom")


def _election(facts: Facts) -> Iterator[Check]:
    name = "check.leader-election"
    if isinstance(facts.leases, AcksmError):
        yield unread(name, "", facts.leases)
        return
    for item in _deployed(facts):
        where, on = str(item.running), item.flags.get("enable-leader-election") == "true"
        if not on:
            many = item.replicas > 1
            text = f"{item.replicas} replicas without leader election: each works on every object" if many else "off"
            yield Check(name, State.BROKEN if many else State.OK, where, text)
            continue
        wanted = f"ack-{item.running.service}.services.k8s.aws"
        place = lease_namespace(item)
        lease = next(
            (
                one
                for one in facts.leases
                if one["metadata"]["name"] == wanted and one["metadata"].get("namespace", place) == place
            ),
            None,
        )
        yield Check(name, *_held(item, lease, place))


def _held(item: Deployed, lease: Json | None, place: str) -> tuple[State, str, str]:
    """State, where and text of a controller's lease."""
    where = f"{item.running}, lease in {place}"
    if lease is None:
        return State.BROKEN, where, "nobody holds a lease: no pod works"
    spec = lease.get("spec") or {}
    holder = str(spec.get("holderIdentity") or "")
    pods = {str(pod["metadata"]["name"]) for pod in item.pods}
    age = _age(str(spec.get("renewTime") or ""))
    if holder.partition("_")[0] not in pods:
        return State.BROKEN, where, f"{holder or 'nobody'} holds it, which is no pod of this release"
    if age is None or age > LATE:
        return State.BROKEN, where, f"{holder} holds it and does not renew it"
    return State.OK, where, f"held by {holder}"


def _age(stamp: str) -> timedelta | None:
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return datetime.now(UTC) - then if then.tzinfo else None


# bindings and objects


def _scope(facts: Facts) -> Iterator[Check]:
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
            yield Check("check.scope", State.BROKEN, where, f"{text}: {lookup('scope-broken').title}")
            continue
        watched = {name: found for name, found in manifests.items() if item.watches(name)}
        lost = switching.ignored(reading, item.service, watched)
        if not reading.starts:
            entry = lookup(reading.id)
            yield Check("check.scope", State.BROKEN, where, f"{text}: {entry.title}", entry.remedy)
        elif lost:
            entry = lookup(reading.id)
            names = told([f"{name} ({key})" for name, key in lost.items()])
            yield Check("check.scope", State.BROKEN, where, f"{names} ignored: {entry.title}", entry.remedy)
        elif reading.id and not reading.selectors:
            yield Check("check.scope", State.WARNING, where, f"{text}: {lookup(reading.id).title}")
        else:
            yield Check("check.scope", State.OK, where, text)


def _bindings(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.chains, AcksmError):
        yield unread("check.bindings", "", facts.chains)
        return
    links = list(dict.fromkeys(check for chain in facts.chains for check in chain.checks))
    yield from (check for check in links if check.state is not State.OK)
    bound = len(facts.chains)
    if bound and all(check.state is State.OK for check in links):
        yield Check("check.bindings", State.OK, f"{bound} namespaces", "every link to the other account holds")
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
        manifest = {
            "kind": item.kind,
            "metadata": {"name": item.place.name, "namespace": item.place.namespace},
            "status": {"conditions": list(item.conditions)},
        }
        said = symptoms.failing(manifest)
        if not said:
            continue
        failing += 1
        known = symptoms.of_object(manifest)
        if known:
            yield Check(
                name, State.BROKEN, str(item), f"{known[0].id}: {known[0].text[:300]}", lookup(known[0].id).remedy
            )
        elif any(kind != "ACK.ResourceSynced" for kind, _ in said):  # what is being made is not synced yet
            yield Check(name, State.BROKEN, str(item), f"{said[0][0]}: {said[0][1][:300]}")
        else:
            failing -= 1
    if not failing:
        yield Check(name, State.OK, "", f"{len(items)} objects, none of them failing")


def _stuck(facts: Facts) -> Iterator[Check]:
    name = "check.stuck"
    if isinstance(facts.inventory, AcksmError):
        yield unread(name, "", facts.inventory)
        return
    found = facts.inventory
    alone = [
        item
        for item in found.items
        if item.terminating
        and item.finalizers
        and not any(one.service == item.service and one.watches(item.place.namespace) for one in found.running)
    ]
    old = [
        item
        for item in found.common
        if item.kind == "AdoptedResource" and not any(one.has("adopted-resource") for one in found.running)
    ]
    for things, text in (
        (alone, "being deleted, and no controller is there to do it"),
        (old, "no controller handles it"),
    ):
        if things:
            yield Check(name, State.BROKEN, told(things), text)
    if not (alone or old):
        yield Check(name, State.OK, "")


def bound(facts: Facts) -> list[str]:
    """Namespaces that are bound to an account or team."""
    if isinstance(facts.inventory, AcksmError):
        return []
    spaces = facts.inventory.namespaces.values()
    return [item.name for item in spaces if carm.bound_to(item) and item.name not in IGNORED_NAMESPACES]


_RELEASE, _PODS = ("check.release",), ("check.release", "check.pods")
CHECKS: tuple[Definition[Facts], ...] = (
    Definition(
        "check.release",
        RELEASE,
        ERROR,
        _release,
        ("check.apiserver",),
        frozenset({"release.recover", "release.upgrade", "release.install"}),
    ),
    Definition("check.values", RELEASE, WARNING, _values, ("check.registry", "check.release")),
    Definition("check.drift", RELEASE, WARNING, _drift, _RELEASE, frozenset({"release.upgrade"})),
    Definition("check.crds", RELEASE, ERROR, _crds, _RELEASE, frozenset({"crds.create"})),
    Definition(
        "check.crd-drift", RELEASE, WARNING, _crd_drift, ("check.crds", "check.plan"), frozenset({"crds.update"})
    ),
    Definition("check.pod-identity", IDENTITY, WARNING, _pod_identity, _RELEASE),
    Definition("check.annotation", IDENTITY, ERROR, _annotation, _RELEASE, frozenset({"release.upgrade"})),
    Definition(
        "check.oidc", IDENTITY, ERROR, _provider, ("check.annotation",), frozenset({"oidc.create", "oidc.audience"})
    ),
    Definition(
        "check.role",
        IDENTITY,
        ERROR,
        _role,
        ("check.annotation",),
        frozenset({"iam-role.create", "iam-role.attach", "iam-role.inline", "iam-role.service-linked"}),
    ),
    Definition("check.trust", IDENTITY, ERROR, _trust, ("check.role", "check.oidc"), frozenset({"iam-role.trust"})),
    Definition(
        "check.pod-role",
        IDENTITY,
        ERROR,
        _pod_role,
        ("check.annotation",),
        frozenset({"release.restart"}),
    ),
    Definition(
        "check.pods",
        RUNNING,
        ERROR,
        _pods,
        _RELEASE,
        frozenset({"release.install", "release.upgrade", "release.restart"}),
    ),
    Definition("check.leader-election", RUNNING, ERROR, _election, _PODS),
    Definition("check.log", RUNNING, WARNING, _log, _RELEASE),
    Definition("check.scope", BINDINGS, ERROR, _scope, _RELEASE),
    Definition("check.bindings", BINDINGS, ERROR, _bindings, ("check.scope",)),
    Definition("check.objects", OBJECTS, WARNING, _objects, ("check.apiserver",)),
    Definition("check.stuck", OBJECTS, ERROR, _stuck, ("check.apiserver",)),
)
