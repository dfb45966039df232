"""The checks of one object's path, over what was read of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from acksm.catalog import lookup
from acksm.engine.checks import Check, Definition, Result, Severity, State, judge, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.object import Facts
from acksm.guide.install import crds
from acksm.live import controller_logs, running, symptoms
from acksm.live.bindings import OWNER, TEAM, Namespace, shortened
from acksm.live.controller_logs import PodLog
from acksm.live.inventory import is_ack_finalizer
from acksm.words import counted

ERROR, WARNING = Severity.ERROR, Severity.WARNING


def _kind(facts: Facts) -> Iterator[Check]:
    found, name = facts.kind, "check.object-kind"
    if isinstance(found, AcksmError) and found.id == "kube-forbidden" and facts.location:
        yield Check(name, State.OK, facts.location.plural, "served")  # discovery has it; only administrators read CRDs
    elif isinstance(found, AcksmError):
        state = State.FAILED if found.id == "kind-unknown" else State.UNKNOWN
        yield Check(name, state, facts.requested, found.message, found.remedy)
    elif found is None or not crds.established(found):
        yield Check(name, State.FAILED, facts.name, "its CRD is not served")
    elif found["metadata"].get("deletionTimestamp"):
        yield Check(name, State.FAILED, facts.name, "its CRD is being deleted; no new objects are accepted")
    else:
        yield Check(name, State.OK, str(found["metadata"]["name"]))


def _exists(facts: Facts) -> Iterator[Check]:
    found, name = facts.manifest, "check.object-there"
    if isinstance(found, AcksmError):
        yield unread(name, facts.name, found)
    elif found is None:
        exists = facts.namespace or "namespace" in facts.unread
        why = "does not exist" if exists else "its namespace does not exist"
        yield Check(name, State.FAILED, facts.name, why)
    else:
        yield Check(name, State.OK, facts.name)


def _controller(facts: Facts) -> Iterator[Check]:
    found, name = facts.controllers, "check.object-controller"
    if isinstance(found, AcksmError):
        yield unread(name, facts.service, found)
    elif facts.controller is None and facts.elsewhere:
        text = f"no controller of {facts.service} found, and Deployments of other namespaces cannot be listed"
        yield Check(name, State.UNKNOWN, facts.service, text)
    elif facts.controller is None:
        remedy = f"acksm install --service {facts.service}"
        yield Check(name, State.FAILED, facts.service, f"no controller of {facts.service} is installed", remedy)
    else:
        yield Check(name, State.OK, str(facts.controller))


def _running(facts: Facts) -> Iterator[Check]:
    found, name = facts.health, "check.object-running"
    where = str(facts.controller)
    if isinstance(found, AcksmError):
        yield unread(name, where, found)
    elif found is None:
        yield Check(name, State.FAILED, where, "its release has no Deployment")
    elif found.problems:
        failing = [one for one in controller_logs.symptoms_of(_logs(facts)) if one.symptom.fatal]
        text = "; ".join(found.problems) + (f" (log: {failing[-1].text[:300]})" if failing else "")
        yield Check(
            name, State.FAILED, where, text, lookup(failing[-1].id).remedy if failing else "; ".join(found.remedies)
        )
    else:
        yield Check(name, State.OK, where, found.text)


def _scope(facts: Facts) -> Iterator[Check]:
    controller, location = facts.controller, facts.location
    if controller and location:
        watches = controller.watches(location.namespace)
        text = running.scope_text(controller)
        state = State.OK if watches else State.FAILED
        remedy = "" if watches else running.watch_remedy([controller], location.namespace)
        yield Check("check.object-scope", state, str(controller), f"watches {text}", remedy)


def _reconciled(facts: Facts) -> Iterator[Check]:
    if "flags" in facts.unread:
        yield unread("check.object-reconciled", str(facts.controller), facts.unread["flags"])
        return
    kinds = [item.strip() for item in facts.flags.get("reconcile-resources").split(",") if item.strip()]
    kind = facts.location.kind if facts.location else ""
    reconciles = not kinds or kind in kinds
    text = (
        "every kind"
        if not kinds
        else counted(len(kinds), "kind")
        if reconciles
        else f"{kind} is not among {shortened(kinds, 30)}"
    )
    yield Check("check.object-reconciled", State.OK if reconciles else State.FAILED, str(facts.controller), text)


def _selector(facts: Facts) -> Iterator[Check]:
    name, selector = "check.object-selector", facts.flags.get("watch-selectors")
    error = facts.selected if isinstance(facts.selected, AcksmError) else facts.unread.get("flags")
    if error:
        yield unread(name, facts.name, error)
    elif not facts.selected:
        yield Check(name, State.FAILED, facts.name, f"the controller watches only objects with labels {selector}")
    else:
        yield Check(name, State.OK, facts.name, f"matches {selector}" if selector else "no selector")


def _region(facts: Facts) -> Iterator[Check]:
    found, name = facts.region, "check.object-region"
    if found is None:
        return
    held = str(facts.recorded.get("region", ""))
    requested = next((item.region for item in found.sources[1:4] if item.region and not item.ignored), "")
    moved = bool(held and requested and requested != held)
    stuck = moved and facts.controller is not None and facts.controller.has("drift-refused")
    by = found.sources[found.winner].name if found.winner >= 0 else "no source"
    error = facts.unread.get("namespace") or (None if found.region else facts.unread.get("environment"))
    if error and not held:
        yield unread(name, facts.name, error)
    elif not found.region:
        yield Check(name, State.FAILED, facts.name, "no region is set")
    elif stuck:
        yield Check(name, State.FAILED, facts.name, f"exists in {held}, but {requested} is requested now")
    else:
        yield Check(name, State.WARNING if moved else State.OK, facts.name, f"{found.region} ({by})")


def _account(facts: Facts) -> Iterator[Check]:
    name, space, controller = "check.object-account", facts.namespace, facts.controller
    if "namespace" in facts.unread:
        yield unread(name, facts.name, facts.unread["namespace"])
    if space is None or controller is None:
        return
    held = str(facts.recorded.get("ownerAccountID", ""))
    reading = controller.reading
    annotations = [key for key in (OWNER, TEAM) if key in space.annotations]
    if annotations and not (reading.carm or reading.selectors):
        entry = lookup(reading.id)
        yield Check(name, State.FAILED, facts.name, f"{annotations[0]} is ignored: {entry.title}", entry.remedy)
        return
    desired = _desired_account(facts, space)
    if held and desired and held != desired:
        text = f"exists in account {held}, but account {desired} is requested now"
        yield Check(name, State.FAILED if controller.has("drift-refused") else State.WARNING, facts.name, text)
    else:
        yield Check(name, State.OK, facts.name, held or desired or "unknown until its role is known")


def _desired_account(facts: Facts, space: Namespace) -> str:
    """The account that a new object would be created in, "" where it is unknown."""
    chain = facts.chain
    if isinstance(chain, AcksmError):
        return ""
    if chain is None:
        return facts.own_account
    role = chain.roles.get(facts.service, "")
    if role:
        return role.split(":")[4]
    owner = space.annotations.get(OWNER, "")
    return owner if owner.isdigit() and len(owner) == 12 else ""


def _role(facts: Facts) -> Iterator[Check]:
    name, chain = "check.object-role", facts.chain
    if isinstance(chain, AcksmError):
        yield unread(name, facts.name, chain)
    elif chain is None:
        role = facts.controller.role_arn if facts.controller else ""
        yield Check(name, State.OK, facts.name, f"the controller's own role {role}".strip())
    elif bad := [check for check in chain.checks if check.state is State.FAILED]:
        yield Check(name, State.FAILED, bad[0].where, f"{bad[0].id}: {bad[0].text}", bad[0].effective_remedy)
    else:
        yield Check(name, State.OK, facts.name, f"{chain.roles.get(facts.service, '')}, assumable: {chain.assumable}")


def _logs(facts: Facts) -> list[PodLog]:
    return [] if isinstance(facts.logs, AcksmError) else list(facts.logs)


def _conditions(facts: Facts) -> Iterator[Check]:
    name, failing = "check.object-conditions", symptoms.failing(facts.object)
    known = symptoms.of_object(facts.object)
    if known:
        entry = lookup(known[0].id)
        yield Check(name, State.FAILED, facts.name, f"{known[0].id}: {entry.title}: {known[0].text}", entry.remedy)
    elif failing:
        fails = [item for item in failing if item[0] in {"ACK.Terminal", "ACK.Recoverable"}]
        kind, text = (fails or failing)[0]
        yield Check(name, State.FAILED if fails else State.WARNING, facts.name, f"{kind}: {text or 'no message'}")
    elif not (facts.object.get("status") or {}).get("conditions"):
        yield Check(name, State.WARNING, facts.name, "no conditions: the controller has not reconciled it yet")
    else:
        yield Check(name, State.OK, facts.name)


def _log(facts: Facts) -> Iterator[Check]:
    name = "check.object-log"
    if isinstance(facts.logs, AcksmError):
        yield unread(name, facts.name, facts.logs)
        return
    found = controller_logs.symptoms_of(facts.logs, facts.name)
    for one in found:
        entry = lookup(one.id)
        yield Check(name, State.FAILED, facts.name, f"{one.id}: {entry.title}: {one.text}", entry.remedy)
    if not found:
        yield Check(name, State.OK, facts.name, "no known symptom")


def _deletion(facts: Facts) -> Iterator[Check]:
    name, metadata = "check.object-deletion", facts.object.get("metadata") or {}
    since = str(metadata.get("deletionTimestamp") or "")
    if not since:
        yield Check(name, State.OK, facts.name)
        return
    held_by = [str(item) for item in metadata.get("finalizers") or ()]
    foreign = [item for item in held_by if not is_ack_finalizer(item)]
    text = f"being deleted since {since}, held by {shortened(held_by) or 'nothing'}"
    if foreign:
        at = facts.location
        remedy = (
            f"kubectl get {at.plural}.{at.api_version.partition('/')[0]} {at.name} -n {at.namespace} -o yaml"
            if at
            else ""
        )
        yield Check(name, State.FAILED, facts.name, f"{text}; not ACK's: {shortened(foreign)}", remedy)
    else:
        yield Check(name, State.WARNING, facts.name, text)


def _aws(facts: Facts) -> Iterator[Check]:
    name = "check.object-aws"
    if isinstance(facts.aws, AcksmError):
        yield replace(unread(name, facts.name, facts.aws), expected=facts.aws.id == "not-looked-at")
    elif not facts.recorded and not facts.aws:
        yield Check(name, State.FAILED, facts.name, "does not exist in AWS, and was never created")
    elif not facts.aws:
        yield Check(name, State.FAILED, facts.name, "created according to its status, but does not exist in AWS")
    else:
        yield Check(name, State.OK, facts.name, facts.aws)


_OBJECT = "object"
_WATCHED = ("check.object-controller", "check.object-scope")
CHECKS: tuple[Definition[Facts], ...] = (
    Definition("check.object-kind", _OBJECT, ERROR, _kind),
    Definition("check.object-there", _OBJECT, ERROR, _exists, ("check.object-kind",)),
    Definition("check.object-controller", _OBJECT, ERROR, _controller, ("check.object-kind",)),
    Definition("check.object-scope", _OBJECT, ERROR, _scope, ("check.object-controller",)),
    Definition("check.object-running", _OBJECT, ERROR, _running, ("check.object-controller",)),
    Definition("check.object-reconciled", _OBJECT, ERROR, _reconciled, _WATCHED),
    Definition("check.object-selector", _OBJECT, ERROR, _selector, ("check.object-there", *_WATCHED)),
    Definition("check.object-region", _OBJECT, ERROR, _region, ("check.object-there", *_WATCHED)),
    Definition("check.object-account", _OBJECT, ERROR, _account, ("check.object-there", *_WATCHED)),
    Definition("check.object-role", _OBJECT, ERROR, _role, ("check.object-account",)),
    Definition("check.object-conditions", _OBJECT, ERROR, _conditions, ("check.object-there",)),
    Definition("check.object-log", _OBJECT, ERROR, _log, ("check.object-there", "check.object-controller")),
    Definition("check.object-deletion", _OBJECT, ERROR, _deletion, ("check.object-there",)),
    Definition("check.object-aws", _OBJECT, ERROR, _aws, ("check.object-there",)),
)


def follow(facts: Facts) -> list[Result]:
    """The checks of the path, in order."""
    return judge(CHECKS, facts)


def first(results: Sequence[Result]) -> Result | None:
    """The first failed check, else the first warning."""
    for state in (State.FAILED, State.WARNING):
        found = next((result for result in results if result.check.state is state), None)
        if found:
            return found
    return None
