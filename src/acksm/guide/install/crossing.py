"""enableCrossNamespace: a controller without it refuses references and exports to another namespace.

Its default in the charts is to become false (community#3031). Where objects of the cluster need it, it is kept on,
unless the user turned it off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acksm.helm.values import Edit
from acksm.live.bindings import shortened
from acksm.live.inventory import Common, Inventory, Item
from acksm.live.running import CROSS_NAMESPACE, Running

ON = Edit((CROSS_NAMESPACE,), True, "acksm")


def users(found: Inventory, controller: Running) -> list[Item | Common]:
    """What the controller would refuse without the value: what names another namespace, where it watches. Pure."""
    named: list[Item | Common] = [item for item in found.items if item.service == controller.service]
    named += [item for item in found.common if controller.service in item.services]
    return [item for item in named if item.crosses and controller.watches(item.location.namespace)]


def kept(after: Running, edits: Iterable[Edit], found: Callable[[], Inventory]) -> str:
    """A note where the value has to be set, as the chart's default would refuse what the cluster has; "" otherwise.

    `found` is read only where the default refuses.
    """
    if after.cross_namespace or any(edit.path == ON.path for edit in edits) or not (named := users(found(), after)):
        return ""
    return (
        f"{after.service}: {CROSS_NAMESPACE} is set to true, as {shortened(named)} "
        f"{'names' if len(named) == 1 else 'name'} another namespace, which the chart's default refuses"
    )


def refused(before: Running | None, after: Running, found: Callable[[], Inventory]) -> list[Item | Common]:
    """What `before` allows and `after` would refuse."""
    if after.cross_namespace or before is None or not before.cross_namespace:
        return []
    return users(found(), after)
