"""Guide §9, first half: objects of the services go while their controller, role, map and annotations stand.

First what has to stay in AWS is told so (`retain`), then objects are deleted in the order in which AWS lets go of them,
by background propagation, and waited for (docs/ack/deletion.md#order).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from acksm.ack.kinds import deletion_rank
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.json_types import Json
from acksm.kube.paths import Ref
from acksm.live import bindings
from acksm.live.discovery import Controllers, described, is_managed
from acksm.live.inventory import Inventory
from acksm.live.inventory_objects import POLICY, RETAIN, Common, Effect, Item, Policy
from acksm.live.running import Running

POLICIES, STEP, COMMON_STEP = "policies", "objects", "common"
# They put back what is deleted.
_GITOPS = {"argocd", "flux"}
_TOLD = {
    Effect.DELETES: "deletes it in AWS",
    Effect.STOPS: "stops it in AWS",
    Effect.LEAVES: "it stays in AWS",
    Effect.NOTHING: "nothing of it is in AWS",
}


@dataclass(frozen=True)
class Choice:
    """What a cleanup takes: objects and common objects of its services. `left` are objects that stay, each with the
    other controller that works on it."""

    items: tuple[Item, ...] = ()
    common: tuple[Common, ...] = ()
    left: tuple[tuple[Item, Running], ...] = ()

    @property
    def notes(self) -> list[str]:
        """What is left, by the controller that it is left to."""
        counts = Counter(str(by) for _, by in self.left)
        return [
            f"kept: {count} object{'s' if count > 1 else ''}, which {who} works on" for who, count in counts.items()
        ]


def choose(inventory: Inventory, services: Sequence[str]) -> Choice:
    """The objects of `services`, without those that another controller of the service works on."""
    staying = inventory.controllers.beside()

    items, left = [], []
    for item in inventory.of(services):
        at_work = (by for by in staying if by.service == item.service and by.works_on(item.kind, item.place.namespace))
        by = next(at_work, None)
        if by is None:
            items.append(item)
        else:
            left.append((item, by))
    common = [
        item
        for item in inventory.common
        if item.place.namespace
        and set(item.services) <= set(services)
        and not any(by.service in item.services and by.watches(item.place.namespace) for by in staying)
    ]
    return Choice(tuple(items), tuple(common), tuple(left))


def fate(item: Item, *, delete_aws: bool) -> Effect:
    """What its deletion will do in AWS once policies are set.

    An object that was adopted was there before ACK: it stays, unless the object itself says that it shall go.
    """
    if not item.live:
        return item.effect
    kept = item.adopted and item.policy.source != "object"
    return item.effect if delete_aws and not kept else Effect.LEAVES


def check(choice: Choice, controllers: Controllers, *, delete_aws: bool, orphan: bool) -> None:
    """Refuse what cannot end well. Errors: `cleanup-would-strand`, `cleanup-gitops`, `cleanup-not-watched`,
    `cleanup-cannot-retain`."""
    _check_stranded(choice, controllers)
    kept = [item for item in choice.items if item.owner and item.owner.tool in _GITOPS]
    if kept:
        raise AcksmError(
            "cleanup-gitops",
            f"{bindings.told(kept)} would come back: {kept[0].owner} keeps {'it' if len(kept) == 1 else 'them'}",
            where=str(kept[0]),
            details={"objects": [str(item) for item in kept]},
        )
    if orphan:
        return
    mine = [item for item in controllers.own if is_managed(item)]
    for item in choice.items:
        watching = [one for one in mine if one.service == item.service]
        if item.ours and watching and not any(one.watches(item.place.namespace) for one in watching):
            raise AcksmError(
                "cleanup-not-watched",
                f"{item} waits for a controller, and {watching[0]} does not watch its namespace",
                where=str(item),
            )
    old = [
        item
        for item in choice.items
        if item.policy.source == "version" and item.effect != fate(item, delete_aws=delete_aws)
    ]
    if old:
        raise AcksmError(
            "cleanup-cannot-retain",
            f"{bindings.told(old)} would be deleted in AWS: the controller is too old to retain anything",
            where=str(old[0]),
            details={"objects": [str(item) for item in old]},
        )


def _check_stranded(choice: Choice, controllers: Controllers) -> None:
    """Objects that stay for another controller need one that is there: with no replica ready, or rights that could not
    be asked for, the release that serves them now is the last that does."""
    mine = [item for item in controllers.own if is_managed(item)]
    stranded = [
        (item, by)
        for item, by in choice.left
        if not (by.ready and by.proven)
        and any(one.service == item.service and one.works_on(item.kind, item.place.namespace) for one in mine)
    ]
    if stranded:
        item, by = stranded[0]
        raise AcksmError(
            "cleanup-would-strand",
            f"{bindings.told([one for one, _ in stranded])} would be left without a controller: "
            f"{described(by)} does not serve {'it' if len(stranded) == 1 else 'them'} now",
            where=str(item),
            details={"objects": [str(one) for one, _ in stranded], "controller": described(by)},
        )


def plan(choice: Choice, *, delete_aws: bool, orphan: bool, handled: bool = True) -> list[Change]:
    """Policies, then objects rank by rank, then common objects. `orphan`: nobody is there to let go of them, so ACK's
    own finalizers are taken off. `handled`: whether some controller lets go of AdoptedResources."""
    changes: list[Change] = []
    if orphan:
        changes += [_orphan(item, item.ours, STEP) for item in choice.items]
        changes += [_gone(choice.items, STEP)] if choice.items else []
    else:
        changes += [_retain(item) for item in choice.items if _lacks_word(item, delete_aws)]
        by_rank = sorted(choice.items, key=lambda item: _rank(item, delete_aws))
        for _, group in groupby(by_rank, key=lambda item: _rank(item, delete_aws)):
            same_rank = list(group)
            changes += [_delete(item, fate(item, delete_aws=delete_aws)) for item in same_rank if not item.terminating]
            changes.append(_gone(same_rank, STEP))
            checked = [
                item
                for item in same_rank
                if item.key and fate(item, delete_aws=delete_aws) == item.effect and item.live
            ]
            changes += [_in_aws(checked)] if checked else []
    for one in choice.common:
        alone = orphan or (one.kind == "AdoptedResource" and not handled)
        if alone and (one.ours or not one.terminating):
            changes.append(_orphan(one, one.ours, COMMON_STEP))
        elif not one.terminating:
            changes.append(_delete_common(one))
    changes += [_gone(choice.common, COMMON_STEP)] if choice.common else []
    return changes


def _lacks_word(item: Item, delete_aws: bool) -> bool:
    """Whether what stays in AWS is not said on the object itself. A policy of its namespace or of the controller, a
    gate, a scope may be another by the time it is deleted; its own annotation is looked at with the deletion."""
    return fate(item, delete_aws=delete_aws) is Effect.LEAVES and item.policy != Policy(RETAIN, "object")


def _rank(item: Item, delete_aws: bool) -> int:
    """What does nothing in AWS need not wait for its turn."""
    return deletion_rank(item.kind) if fate(item, delete_aws=delete_aws) in {Effect.DELETES, Effect.STOPS} else -1


def place_params(place: Ref) -> Json:
    """A place as parameters of a change; `place_of` reads it."""
    return {
        "api_version": place.api_version,
        "plural": place.plural,
        "kind": place.kind,
        "name": place.name,
        "namespace": place.namespace,
    }


def _facts(item: Item) -> Json:
    found = {"account": item.account, "region": item.region, "arn": item.arn, "state": item.state}
    policy = f"{item.policy.value} ({item.policy.source})"
    return {"policy": policy, **{key: value for key, value in found.items() if value}}


def _on(item: Item | Common, **params: object) -> Json:
    """What every change of an object has: which one it is, as it was looked at, and a lane of its own."""
    return {
        "system": "kubernetes",
        "target": str(item.place),
        "params": {**place_params(item.place), "uid": item.uid, **params},
        "lane": bindings.lane(f"{item.place.namespace}/{item.place.name}"),
    }


def _retain(item: Item) -> Change:
    return Change(
        **_on(item),
        id="cleanup.retain",
        step=POLICIES,
        op=Op.UPDATE,
        call="cleanup.retain",
        before={POLICY: item.policy.value if item.policy.source == "object" else None},
        after={POLICY: RETAIN},
        reason=f"the policy of its {item.policy.source} is {item.policy.value}",
        guide=f"kubectl annotate {item.place.plural} {item.place.name} -n {item.place.namespace} {POLICY}={RETAIN}",
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
        reason=_TOLD[effect] + where,
        danger=Danger.SEVERE if severe else Danger.MILD,
        guide=f"kubectl delete {item.place.plural} {item.place.name} -n {item.place.namespace}",
    )


def _orphan(item: Item | Common, finalizers: Sequence[str], step: str) -> Change:
    """Of an object: `retain` too, so that a controller that comes back lets go of it."""
    return Change(
        **_on(item, finalizers=list(finalizers)),
        id="cleanup.orphan",
        step=step,
        op=Op.DELETE,
        call="cleanup.orphan",
        before={"finalizers": list(item.finalizers)},
        reason=_TOLD[Effect.LEAVES if isinstance(item, Item) and item.arn else Effect.NOTHING],
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
        reason="what it made stays",
        danger=Danger.MILD,
    )


def _gone(items: Iterable[Item | Common], step: str) -> Change:
    listed = list(items)
    return Change(
        id="cleanup.gone",
        step=step,
        op=Op.WAIT,
        system="kubernetes",
        target=f"{len(listed)} object{'s' if len(listed) > 1 else ''} to go",
        call="cleanup.gone",
        params={"objects": [{**place_params(item.place), "uid": item.uid} for item in listed]},
    )


def _in_aws(items: Sequence[Item]) -> Change:
    """An object may go before AWS has ended with what it stands for (community#2126)."""
    return Change(
        id="cleanup.in-aws",
        step=STEP,
        op=Op.WAIT,
        system="aws",
        target=f"{len(items)} object{'s' if len(items) > 1 else ''} in AWS",
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
