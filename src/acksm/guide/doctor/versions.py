"""Checks of what an object needs that its controller's version or values do not do. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator

from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Facts
from acksm.guide.install import crossing
from acksm.live.bindings import shortened
from acksm.live.inventory import Common
from acksm.live.running import Running
from acksm.words import counted


def _cross_namespace(facts: Facts) -> Iterator[Check]:
    name, found = "check.cross-namespace", facts.inventory
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    used = {item: users for item in found.controllers.working if (users := crossing.users(found, item))}
    for item, users in used.items():
        if item.cross_namespace:
            yield Check(name, State.OK, str(item), f"{counted(len(users), 'object')} of another namespace, as allowed")
        else:
            text = f"refused, as enableCrossNamespace is off: {shortened(users)}"
            remedy = f"acksm install --set {item.service}:enableCrossNamespace=true"
            yield Check(name, State.FAILED, str(item), text, remedy)
    if not used:
        yield Check(name, State.OK, "", "no object names another namespace")


def _field_exports(facts: Facts) -> Iterator[Check]:
    name, found = "check.field-exports", facts.inventory
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    exports = [item for item in found.common if item.kind == "FieldExport"]
    once: dict[Running, list[Common]] = {}
    for item in found.controllers.working:
        if item.has("exports-once"):
            own = [one for one in exports if item.service in one.services and item.watches(one.location.namespace)]
            once |= {item: own} if own else {}
    for item, written in once.items():
        text = f"written once, and not when their source changes: {shortened(written)}"
        yield Check(name, State.WARNING, str(item), text, f"acksm upgrade --version {item.service}=latest")
    if not once:
        yield Check(name, State.OK, "", counted(len(exports), "FieldExport"))


CHECKS: tuple[Definition[Facts], ...] = (
    Definition("check.cross-namespace", "objects", Severity.ERROR, _cross_namespace, ("check.apiserver",)),
    Definition("check.field-exports", "objects", Severity.WARNING, _field_exports, ("check.apiserver",)),
)
