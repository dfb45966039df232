"""The report of a cleanup: what happens to each object, what is kept and why, and at the end what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from functools import cached_property

from acksm import reports
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op
from acksm.exits import ExitCode
from acksm.guide.cleanup.objects import Choice, fate
from acksm.guide.cleanup.observation import Desired
from acksm.json_types import Json
from acksm.live import bindings
from acksm.live.inventory import Effect, Item
from acksm.output import Table
from acksm.words import counted

MAX_NAMES = 3
_CELLS = {"deletes": "deleted", "stops": "stopped", "leaves": "kept", "nothing": "not in AWS"}


@dataclass(frozen=True)
class Planned:
    """Changes in order; what is kept, as (what, why); notes; the objects that were observed; and what was not looked
    at, as messages: `unchecked` of what the options ask for, `elsewhere` beyond this account. `by_others`: the services
    whose controllers another tool keeps, and which are not uninstalled."""

    changes: tuple[Change, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    choice: Choice = field(default_factory=Choice)
    unchecked: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    by_others: tuple[str, ...] = ()


def facts(planned: Planned, desired: Desired) -> reports.CleanupFacts:
    """The report's own part, as far as it is known before the run."""
    rows: list[reports.CleanupObject] = []
    for item in planned.choice.items:
        rows.append(
            {
                "object": str(item),
                "service": item.service,
                "account": item.account,
                "region": item.region,
                "arn": item.arn,
                "state": item.state,
                "policy": item.policy.value,
                "policy_source": item.policy.source,
                "effect": str(item.effect),
                "fate": str(fate_of(item, desired)),
                "terminating": item.terminating,
            }
        )
    in_aws = [item.arn for item in planned.choice.items if item.arn and fate_of(item, desired) is Effect.LEAVES]
    return {"objects": rows, "kept_in_aws": in_aws, "kept": [], "left": [], "unchecked": list(planned.unchecked)}


def fate_of(item: Item, desired: Desired) -> Effect:
    if desired.orphan and item.effect is not Effect.NOTHING:
        return Effect.LEAVES
    return fate(item, delete_aws=desired.delete_aws)


def inventory_text(
    report: reports.CleanupFacts,
    kept: Sequence[tuple[str, str]],
    table: Table,
) -> str:
    """What is printed below the plan: for each object what deleting it would do in AWS today and what the plan does,
    what is kept, what was not checked, and how many AWS resources are deleted."""
    header = ("OBJECT", "POLICY", "ACCOUNT", "REGION", "TODAY", "PLANNED")
    rows = [
        (
            row["object"] + (" (being deleted)" if row["terminating"] else ""),
            f"{row['policy']} ({row['policy_source']})",
            row["account"],
            row["region"],
            _CELLS[row["effect"]],
            _CELLS[row["fate"]],
        )
        for row in report["objects"]
    ]
    lines = ["# objects", table(header, rows, drop=("REGION", "ACCOUNT", "POLICY"))] if rows else []
    return "\n".join([*lines, *_kept_lines(kept), *report["unchecked"], *([_in_aws(report)] if rows else [])])


def _in_aws(report: reports.CleanupFacts) -> str:
    """ "deletes in AWS: 8, keeps: 11"."""
    fates = Counter(row["fate"] for row in report["objects"])
    stops = f", stops: {fates['stops']}" if fates["stops"] else ""
    return f"deletes in AWS: {fates['deletes']}{stops}, keeps: {fates['leaves']}"


def _kept_lines(kept: Sequence[tuple[str, str]]) -> list[str]:
    """One line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for what, why in kept:
        by_reason.setdefault(why, []).append(what)
    return [f"kept: {bindings.shortened(whats, MAX_NAMES)} ({why})" for why, whats in by_reason.items()]


@dataclass
class Outcome:
    """The result at the end. After changes `replan` observes and plans again: what that plan would still delete
    is left. What named another account before may be deleted by then, so what was not checked is kept."""

    planned: Planned
    report: reports.CleanupFacts
    replan: Callable[[], Planned]
    executed: bool

    @cached_property
    def _after(self) -> Planned:
        return self.replan() if self.executed else replace(self.planned, changes=())

    def facts(self) -> Json:
        """The report's own part; `kept`, `left` and `unchecked` are computed when it is written."""
        return {**self.report, "kept": self.kept, "left": self.left, "unchecked": self.unchecked}

    def kept(self) -> list[reports.CleanupKept]:
        return [{"what": what, "why": why} for what, why in self._after.kept]

    def left(self) -> list[str]:
        return list(dict.fromkeys(change.target for change in self._after.changes if change.op is not Op.WAIT))

    def unchecked(self) -> list[str]:
        return list(dict.fromkeys([*self.planned.unchecked, *self._after.unchecked]))

    def code(self) -> int:
        if self.left():
            return int(ExitCode.STEP_FAILED)
        if self._after.by_others:
            return int(ExitCode.REFUSED)
        return int(ExitCode.INCOMPLETE if self.unchecked() else ExitCode.OK)

    def text(self) -> str:
        lines = [f"not deleted: {name}" for name in self.left()]
        lines += [f"kept in AWS: {arn}" for arn in self.report["kept_in_aws"]]
        lines += _kept_lines(self._after.kept)
        unchecked = self.unchecked()
        if unchecked:
            return "\n".join([*lines, "", f"incomplete: {counted(len(unchecked), 'part')} not checked", *unchecked])
        where = " in this cluster and its account" if self._after.elsewhere else ""
        return "\n".join([*(lines or [f"nothing is left{where}"]), *self._after.elsewhere])
