"""Checks of a cluster that an engine keeps: whether it has what the settings give, and whether the engine applies its
source. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator

from acksm.engine.change import Plan
from acksm.engine.checks import Check, Definition, Severity, State, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Facts
from acksm.guide.doctor.releases import RELEASE, installed_releases
from acksm.live.bindings import shortened


def _kept(facts: Facts) -> Iterator[Check]:
    name, plan = "check.kept", facts.plan
    for service, item in installed_releases(facts).items():
        where = f"release of {service}"
        if item.kept_by is None:
            yield Check(name, State.OK, where, "kept by helm alone")
        elif isinstance(plan, AcksmError):
            yield unread(name, where, plan)
        else:
            yield Check(name, State.OK, where, f"kept by {item.kept_by.described}")
    differs = plan.facts.get("kept") if isinstance(plan, Plan) else None
    if differs:
        text = f"another tool keeps what the settings would change: {shortened(differs['differs'])}"
        yield Check(name, State.FAILED, "", text, str(differs["commit"]))


def _engine(facts: Facts) -> Iterator[Check]:
    name, found = "check.engine", facts.engines
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    if not found:
        yield Check(name, State.OK, "", "none keeps them")
    for where, one in found.items():
        if isinstance(one, AcksmError):
            yield unread(name, where, one)
        elif one.problem is None:
            text = "is not in this cluster, or not where its marks say: whether it applies its source is not known"
            yield Check(name, State.UNKNOWN, where, text, expected=True)  # an engine may run in another cluster
        elif one.problem:
            yield Check(name, State.FAILED, where, one.problem)
        else:
            yield Check(name, State.OK, where, one.text)


CHECKS: tuple[Definition[Facts], ...] = (
    Definition("check.engine", RELEASE, Severity.ERROR, _engine, ("check.apiserver",)),
    Definition("check.kept", RELEASE, Severity.WARNING, _kept, ("check.release",)),
)
