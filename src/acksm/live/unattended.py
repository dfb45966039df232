"""What no controller watches: objects of the services, and namespaces that are bound to an account or a region.

Nothing reports either: an object that no controller watches has no new condition, and when it is deleted it is stuck in
Terminating with ACK's finalizer. Pure, over an inventory.
"""

from __future__ import annotations

from collections.abc import Iterable

from acksm.live.bindings import OWNER, REGION, TEAM
from acksm.live.inventory import Inventory, Item
from acksm.live.running import IGNORED_NAMESPACES


def objects(found: Inventory) -> list[Item]:
    """The objects that no controller of their service watches; FieldExports and the like are not among them."""
    return [
        item
        for item in found.items
        if not any(
            one.service == item.service and one.watches(item.location.namespace) for one in found.controllers.working
        )
    ]


def stuck(found: Inventory) -> list[Item]:
    """Those of `objects` that are being deleted: no controller removes their finalizers."""
    return [item for item in objects(found) if item.terminating and item.finalizers]


def watching(namespaces: Iterable[str]) -> str:
    """The command by which the controllers watch `namespaces` too; without any, the one that installs them."""
    return "acksm install" + "".join(f" --add-watch-namespace {name}" for name in dict.fromkeys(namespaces))


def stuck_remedy(found: Inventory) -> str:
    """The command after which a controller removes their finalizers: services that are not installed come first."""
    items, installed = stuck(found), {item.service for item in found.controllers.own}
    every = all(item.service in installed for item in items)
    return watching(item.location.namespace for item in items if every)


def bindings(found: Inventory) -> dict[str, str]:
    """Namespace to the annotation that binds it, of those that no controller watches; {} where none runs at all."""
    working = found.controllers.working
    return {
        name: key
        for name, live in sorted(found.namespaces.items())
        for key in (OWNER, TEAM, REGION)
        if key in live.annotations
        and working
        and not live.terminating
        and name not in IGNORED_NAMESPACES
        and not any(one.watches(name) for one in working)
    }
