"""Guide §9, first half: delete the services' objects while their controller, role, map and annotations still exist.

First the objects whose AWS resources are kept get the policy `retain`; then objects are deleted in the order that AWS
allows, by background propagation, and waited for (docs/ack/deletion.md#order).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from acksm.ack.kinds import deletion_rank
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.json_types import Json
from acksm.kube.owners import ENGINES
from acksm.kube.paths import Ref
from acksm.live import bindings, running
from acksm.live.discovery import Controllers, described, is_managed
from acksm.live.inventory import Inventory
from acksm.live.inventory_objects import POLICY, RETAIN, Common, Effect, Item, Policy
from acksm.live.running import Running
from acksm.words import counted

POLICIES, STEP, COMMON_STEP = "policies", "objects", "common"
_REASON = {
    Effect.DELETES: "deletes the AWS resource",
    Effect.STOPS: "stops it in AWS",
    Effect.LEAVES: "keeps the AWS resource",
    Effect.NOTHING: "has no AWS resource",
}


@dataclass(frozen=True)
class Choice:
    """What a cleanup deletes: objects and common objects of its services. `kept` are objects that another controller
    reconciles, each with that controller."""

    items: tuple[Item, ...] = ()
    common: tuple[Common, ...] = ()
    kept: tuple[tuple[Item, Running], ...] = ()

    @property
    def notes(self) -> list[str]:
        """How many objects are kept, by controller."""
        counts = Counter(str(by) for _, by in self.kept)
        return [f"kept: {counted(count, 'object')} reconciled by {who}" for who, count in counts.items()]


def choose(inventory: Inventory, services: Sequence[str]) -> Choice:
    """The objects of `services`, without those that another controller of the service reconciles."""
    others = inventory.controllers.remaining()

    items, kept = [], []
    for item in inventory.of(services):
        at_work = (
            by for by in others if by.service == item.service and by.reconciles(item.kind, item.location.namespace)
        )
        by = next(at_work, None)
        if by is None:
            items.append(item)
        else:
            kept.append((item, by))
    common = [
        item
        for item in inventory.common
        if item.location.namespace
        and set(item.services) <= set(services)
        and not any(by.service in item.services and by.watches(item.location.namespace) for by in others)
    ]
    return Choice(tuple(items), tuple(common), tuple(kept))


def fate(item: Item, *, delete_aws: bool) -> Effect:
    """What its deletion will do in AWS once policies are set.

    An adopted resource existed before ACK: it is kept, unless its object itself has the policy `delete`.
    """
    if not item.live:
        return item.effect
    kept = item.adopted and item.policy.source != "object"
    return item.effect if delete_aws and not kept else Effect.LEAVES


def check(choice: Choice, controllers: Controllers, *, delete_aws: bool, orphan: bool) -> None:
    """Refuse what would fail halfway. Errors: `cleanup-would-strand`, `cleanup-gitops`, `cleanup-not-watched`,
    `cleanup-cannot-retain`."""
    _check_stranded(choice, controllers)
    kept = [item for item in choice.items if item.owner and item.owner.tool in ENGINES]
    if kept:
        raise AcksmError(
            "cleanup-gitops",
            f"{kept[0].owner} would recreate {bindings.shortened(kept)}",
            where=str(kept[0]),
            details={"objects": [str(item) for item in kept]},
        )
    if orphan:
        return
    mine = [item for item in controllers.own if is_managed(item)]
    for item in choice.items:
        watching = [one for one in mine if one.service == item.service]
        if item.ours and watching and not any(one.watches(item.location.namespace) for one in watching):
            raise AcksmError(
                "cleanup-not-watched",
                f"{item} waits for its controller, but {watching[0]} does not watch its namespace",
                where=str(item),
                remedy=running.watch_remedy(watching, item.location.namespace)
                + "   (then acksm cleanup again; or acksm cleanup --orphan, which keeps the AWS resources)",
            )
    old = [
        item
        for item in choice.items
        if item.policy.source == "version" and item.effect != fate(item, delete_aws=delete_aws)
    ]
    if old:
        raise AcksmError(
            "cleanup-cannot-retain",
            f"{bindings.shortened(old)} would be deleted in AWS: the controller is too old to support retain",
            where=str(old[0]),
            details={"objects": [str(item) for item in old]},
        )


def _check_stranded(choice: Choice, controllers: Controllers) -> None:
    """Refuse to uninstall the last controller of objects that are kept: where the other has no ready replica, or its
    permissions could not be checked, the release to uninstall may be the only one that reconciles them."""
    mine = [item for item in controllers.own if is_managed(item)]
    stranded = [
        (item, by)
        for item, by in choice.kept
        if not (by.ready and by.proven)
        and any(one.service == item.service and one.reconciles(item.kind, item.location.namespace) for one in mine)
    ]
    if stranded:
        item, by = stranded[0]
        raise AcksmError(
            "cleanup-would-strand",
            f"{bindings.shortened([one for one, _ in stranded])} would be left without a controller: "
            f"{described(by)} does not reconcile {'it' if len(stranded) == 1 else 'them'} now",
            where=str(item),
            details={"objects": [str(one) for one, _ in stranded], "controller": described(by)},
        )


def plan(choice: Choice, *, delete_aws: bool, orphan: bool, handled: bool = True) -> list[Change]:
    """Policies, then objects rank by rank, then common objects. `orphan`: no controller removes ACK's
    finalizers, so this does. `handled`: whether some controller removes those of AdoptedResources."""
    changes: list[Change] = []
    if orphan:
        changes += [_orphan(item, item.ours, STEP) for item in choice.items]
        changes += [_wait_deleted(choice.items, STEP)] if choice.items else []
    else:
        changes += [_retain(item) for item in choice.items if _needs_retain(item, delete_aws)]
        by_rank = sorted(choice.items, key=lambda item: _rank(item, delete_aws))
        for _, group in groupby(by_rank, key=lambda item: _rank(item, delete_aws)):
            same_rank = list(group)
            changes += [_delete(item, fate(item, delete_aws=delete_aws)) for item in same_rank if not item.terminating]
            changes.append(_wait_deleted(same_rank, STEP))
            checked = [
                item
                for item in same_rank
                if item.key and fate(item, delete_aws=delete_aws) == item.effect and item.live
            ]
            changes += [_wait_in_aws(checked)] if checked else []
    for one in choice.common:
        alone = orphan or (one.kind == "AdoptedResource" and not handled)
        if alone and (one.ours or not one.terminating):
            changes.append(_orphan(one, one.ours, COMMON_STEP))
        elif not one.terminating:
            changes.append(_delete_common(one))
    changes += [_wait_deleted(choice.common, COMMON_STEP)] if choice.common else []
    return changes


def _needs_retain(item: Item, delete_aws: bool) -> bool:
    """Whether an object whose AWS resource is kept lacks its own annotation for that. The policy of its namespace or of
    the controller may change before it is deleted; its own annotation is checked in the same request."""
    return fate(item, delete_aws=delete_aws) is Effect.LEAVES and item.policy != Policy(RETAIN, "object")


def _rank(item: Item, delete_aws: bool) -> int:
    """Objects that do nothing in AWS come first; their order does not matter."""
    return deletion_rank(item.kind) if fate(item, delete_aws=delete_aws) in {Effect.DELETES, Effect.STOPS} else -1


def place_params(location: Ref) -> Json:
    """A reference as parameters of a change."""
    return {
        "api_version": location.api_version,
        "plural": location.plural,
        "kind": location.kind,
        "name": location.name,
        "namespace": location.namespace,
    }


def _facts(item: Item) -> Json:
    found = {"account": item.account, "region": item.region, "arn": item.arn, "state": item.state}
    policy = f"{item.policy.value} ({item.policy.source})"
    return {"policy": policy, **{key: value for key, value in found.items() if value}}


def _on(item: Item | Common, **params: object) -> Json:
    """What every change of an object has: its reference and uid as observed, and a lane of its own."""
    return {
        "system": "kubernetes",
        "target": str(item.location),
        "params": {**place_params(item.location), "uid": item.uid, **params},
        "lane": bindings.lane(f"{item.location.namespace}/{item.location.name}"),
    }


def _retain(item: Item) -> Change:
    at = item.location
    return Change(
        **_on(item),
        id="cleanup.retain",
        step=POLICIES,
        op=Op.UPDATE,
        call="cleanup.retain",
        before={POLICY: item.policy.value if item.policy.source == "object" else None},
        after={POLICY: RETAIN},
        reason=f"deletion policy is {item.policy.value}, from its {item.policy.source}",
        guide=f"kubectl annotate {at.plural} {at.name} -n {at.namespace} {POLICY}={RETAIN}",
    )


def _delete(item: Item, effect: Effect) -> Change:
    severe = effect in {Effect.DELETES, Effect.STOPS}
    where = f", account {item.account}, {item.region}" if severe and item.account else ""
    return Change(
        **_on(item, retain=effect is Effect.LEAVES),
        id="cleanup.object",
        step=STEP,
        op=Op.DELETE,
        call="cleanup.delete",
        before=_facts(item),
        reason=_REASON[effect] + where,
        danger=Danger.SEVERE if severe else Danger.MILD,
        guide=f"kubectl delete {item.location.plural} {item.location.name} -n {item.location.namespace}",
    )


def _orphan(item: Item | Common, finalizers: Sequence[str], step: str) -> Change:
    """An object gets `retain` too, so that a controller that is installed again does not delete its AWS resource."""
    return Change(
        **_on(item, finalizers=list(finalizers)),
        id="cleanup.orphan",
        step=step,
        op=Op.DELETE,
        call="cleanup.orphan",
        before={"finalizers": list(item.finalizers)},
        reason=_REASON[Effect.LEAVES if isinstance(item, Item) and item.arn else Effect.NOTHING],
        danger=Danger.MILD,
    )


def _delete_common(one: Common) -> Change:
    return Change(
        **_on(one, retain=False),
        id="cleanup.common",
        step=COMMON_STEP,
        op=Op.DELETE,
        call="cleanup.delete",
        before={"finalizers": list(one.finalizers)},
        reason="what it created is kept",
        danger=Danger.MILD,
    )


def _wait_deleted(items: Iterable[Item | Common], step: str) -> Change:
    listed = list(items)
    return Change(
        id="cleanup.gone",
        step=step,
        op=Op.WAIT,
        system="kubernetes",
        target=f"{counted(len(listed), 'object')} to be deleted",
        call="cleanup.gone",
        params={"objects": [{**place_params(item.location), "uid": item.uid} for item in listed]},
    )


def _wait_in_aws(items: Sequence[Item]) -> Change:
    """An object may be deleted before AWS has finished with its resource (community#2126)."""
    return Change(
        id="cleanup.in-aws",
        step=STEP,
        op=Op.WAIT,
        system="aws",
        target=f"AWS to finish with {counted(len(items), 'resource')}",
        call="cleanup.in_aws",
        params={
            "objects": [
                {
                    "service": item.service,
                    "kind": item.kind,
                    "key": dict(item.key),
                    "region": item.region,
                    "account": item.account,
                    "arn": item.arn,
                }
                for item in items
            ]
        },
    )
