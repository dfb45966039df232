"""Bindings by IAMRoleSelectors instead of map and annotation (docs/ack/accounts-and-regions.md#role-selectors).

One selector for each namespace and role, named after both, so that concurrent runs do not edit the same list. An object
that two selectors match is silently not reconciled, and one that none matches is created with the controller's own
role; so a new selector is created before the old one is deleted, and overlaps are found beforehand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.carm import command as carm
from acksm.guide.carm.command import Desired, Observed, Planned
from acksm.guide.carm.role_map import STEP, Subject
from acksm.guide.connect.target import Target
from acksm.kube.api import Lister
from acksm.live import account_roles, bindings, running
from acksm.live.role_selectors import KIND, Selector, Selectors, list_all, overlap, overlaps


def binding_selector(namespace: str, arn: str, service: str = "") -> Selector:
    """acksm's selector for one namespace and role, for one service or for all."""
    digest = hashlib.sha256(f"{arn} {service}".encode()).hexdigest()[:10]
    types = ((f"{service}.{COMMON_GROUP}", "", ""),) if service else None
    return Selector(f"acksm-{namespace}-{digest}", arn, (namespace,), types=types, owned=True)


@dataclass(frozen=True)
class ObservedSelectors:
    """The cluster with its selectors."""

    base: Observed
    selectors: Sequence[Selector]


def observe(target: Target, base: Observed, desired: Mapping[str, Subject | None]) -> ObservedSelectors:
    """Selectors, and the objects of namespaces whose account would change."""
    selectors = list_all(target.kube)
    names = [name for name in desired if name in base.namespaces]
    objects = bindings.managed_objects(target.kube, names) if names else []
    return ObservedSelectors(replace(base, objects=objects), selectors)


def owned_selectors(selectors: Iterable[Selector]) -> dict[str, list[Selector]]:
    """acksm's own selectors, by the one namespace of each."""
    found: dict[str, list[Selector]] = {}
    for item in selectors:
        if item.owned and item.names is not None and len(item.names) == 1:
            found.setdefault(item.names[0], []).append(item)
    return found


def plan(observed: ObservedSelectors, want: Desired) -> Planned:
    """New selectors, then the deletion of the namespaces' old ones. Errors: selector-…, carm-…, of `bindings`."""
    base = observed.base
    bindings.check_names(base.namespaces, want.bindings, create=want.create)
    running.check_followed(base.running, want.bindings, "selectors")
    planned = Planned()
    creations: list[Change] = []
    new: list[Selector] = []
    old: list[Selector] = []
    owned = owned_selectors(observed.selectors)
    for name, subject in want.bindings.items():
        if subject.level == carm.TEAM_LEVEL:
            raise AcksmError("selector-team", "teams are not supported with IAMRoleSelectors", where=name)
        mine = owned.get(name, [])
        roles = {
            service: _role(want, subject, service, requested, mine)
            for service, requested in want.roles[subject].items()
        }
        desired = [binding_selector(name, arn, service) for service, arn in roles.items()]
        types = [item.types for item in desired]
        new += [item for item in desired if item.name not in {one.name for one in mine}]
        old += [item for item in mine if item.types in types and item.name not in {one.name for one in desired}]
        planned.rows.append(carm.row(name, subject, roles))
        if name not in base.namespaces:
            creations.append(bindings.create(name, STEP))
    _check_overlaps(observed, want, new, old)
    changed = {item.names[0] for item in [*new, *old] if item.names}
    accounts = {name: {subject.id} for name, subject in want.bindings.items() if name in changed}
    carm.check_objects(base, accounts)
    planned.changes = creations + [_create(item) for item in new] + [_delete(item, "another role") for item in old]
    if planned.changes:
        planned.changes.append(_confirm_change(list(want.bindings)))
    return planned


def _role(want: Desired, subject: Subject, service: str, requested: str, mine: Sequence[Selector]) -> str:
    types = binding_selector("x", "", service).types
    kept = next((item.arn for item in mine if item.types == types and f"::{subject.id}:" in item.arn), "")
    if not requested and not kept and subject.id == want.own:
        raise AcksmError("carm-own-account", f"{subject.id} is the cluster account, not a target account")
    text = requested or kept or f"arn:{want.partition}:iam::{subject.id}:role/{want.default_role}"
    where = str(subject)
    account_roles.check(text, account=subject.id, partition=want.partition, partitions=want.partitions, where=where)
    return text


def _check_overlaps(
    observed: ObservedSelectors, want: Desired, new: Sequence[Selector], old: Sequence[Selector]
) -> None:
    replaced = {item.name for item in old}
    kept = Selectors(item for item in observed.selectors if item.name not in replaced)
    labels = {name: live.labels for name, live in observed.base.namespaces.items()}
    # kubectl and the apiserver give every namespace this label
    labels |= {name: {"kubernetes.io/metadata.name": name} for name in want.bindings if name not in labels}
    for item in new:
        found = (
            (other, name)
            for name in item.names or ()
            for other in kept.fitting(name, labels[name])
            if overlap(item, other, [(name, labels[name])])
        )
        for other, where in found:
            raise AcksmError(
                "selector-overlap",
                f"IAMRoleSelector {other.name} (role {other.arn}) also matches objects of namespace {where}",
                where=f"namespace {where}",
                details={"selectors": [item.name, other.name]},
            )


def _create(item: Selector) -> Change:
    return Change(
        id="selector.create",
        step=STEP,
        op=Op.CREATE,
        system="kubernetes",
        target=f"{KIND} {item.name}",
        call="kube.apply",
        params={"manifest": item.manifest()},
        after=item.manifest()["spec"],
        lane=bindings.lane((item.names or ("",))[0]),
    )


def _delete(item: Selector, reason: str) -> Change:
    return Change(
        id="selector.delete",
        step=STEP,
        op=Op.DELETE,
        system="kubernetes",
        target=f"{KIND} {item.name}",
        call="kube.delete",
        params={"kind": KIND, "name": item.name},
        before=item.manifest()["spec"],
        reason=reason,
        danger=Danger.MILD if reason == "another role" else Danger.NONE,
        lane=bindings.lane((item.names or ("",))[0]),
    )


def _confirm_change(names: Sequence[str]) -> Change:
    return Change(
        id="selector.confirm",
        step=STEP,
        op=Op.WAIT,
        system="kubernetes",
        target="one selector for each namespace",
        call="selector.confirm",
        params={"names": list(names)},
    )


def calls(kube: Lister) -> dict[str, Callable[..., object]]:
    """The calls of these changes."""
    return {"selector.confirm": lambda names: _confirm(kube, names)}


def _confirm(kube: Lister, names: Sequence[str]) -> None:
    """Another user may have created a selector in the meantime. Error: `selector-overlap`."""
    live = bindings.observe(kube)
    found = overlaps(list_all(kube), {name: live[name] for name in names if name in live})
    if found:
        one, other, where = found[0]
        raise AcksmError(
            "selector-overlap",
            f"IAMRoleSelectors {one} and {other} both match objects of namespace {where}",
            where=where,
        )


def plan_unbind(observed: ObservedSelectors, names: Sequence[str], own: str) -> Planned:
    """The deletion of acksm's own selectors of these namespaces. Errors: carm-objects-live, of `bindings`."""
    bindings.check_names(observed.base.namespaces, names, create=False, command="carm unbind")
    planned = Planned()
    owned, kept = owned_selectors(observed.selectors), Selectors(observed.selectors)
    deleted = {name: owned.get(name, []) for name in names}
    carm.check_objects(observed.base, {name: {own} for name in names if deleted[name]})
    for name, mine in deleted.items():
        planned.changes += [_delete(item, "") for item in mine]
        planned.unbound.append({"namespace": name, "was": [item.arn for item in mine]})
        labels = observed.base.namespaces[name].labels
        others = [item.name for item in kept.fitting(name, labels) if item not in mine]
        if others:
            planned.notes.append(
                f"{', '.join(others)} still {'matches' if len(others) == 1 else 'match'} {name}: not created by acksm"
            )
    return planned
