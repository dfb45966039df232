"""What a cleanup tells: each object and what becomes of it, what stays and why, and at the end what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from acksm import reports
from acksm.engine.change import Change, Op
from acksm.exits import ExitCode
from acksm.guide.cleanup.objects import Choice, fate
from acksm.guide.cleanup.observation import Desired
from acksm.json_types import Json
from acksm.live import bindings
from acksm.live.inventory import Effect, Item

MOST_TOLD = 3


@dataclass(frozen=True)
class Planned:
    """Changes in order, what stays and why, notes, and the objects as they were found."""

    changes: tuple[Change, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    choice: Choice = field(default_factory=Choice)


def facts(planned: Planned, desired: Desired) -> reports.CleanupFacts:
    """The report's own part, as far as it is known before."""
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
    stays = [item.arn for item in planned.choice.items if item.arn and fate_of(item, desired) is Effect.LEAVES]
    return {"objects": rows, "stays_in_aws": stays, "kept": [], "left": []}


def fate_of(item: Item, desired: Desired) -> Effect:
    if desired.orphan and item.effect is not Effect.NOTHING:
        return Effect.LEAVES
    return fate(item, delete_aws=desired.delete_aws)


def inventory_text(
    told: reports.CleanupFacts,
    kept: Sequence[tuple[str, str]],
    table: Callable[[Sequence[str], Sequence[Sequence[str]]], str],
) -> str:
    """What a dry run says beside the plan: each object, what deleting it would do and will do, and what stays."""
    header = ("OBJECT", "POLICY", "ACCOUNT", "REGION", "AS IT IS", "BY THIS PLAN")
    rows = [
        (
            row["object"] + (" (being deleted)" if row["terminating"] else ""),
            f"{row['policy']} ({row['policy_source']})",
            row["account"],
            row["region"],
            row["effect"],
            row["fate"],
        )
        for row in told["objects"]
    ]
    lines = ["# objects", table(header, rows)] if rows else []
    return "\n".join([*lines, *_stays(kept)])


def _stays(kept: Sequence[tuple[str, str]]) -> list[str]:
    """Lines; many things that stay for one reason are one line."""
    by_reason: dict[str, list[str]] = {}
    for what, why in kept:
        by_reason.setdefault(why, []).append(what)
    return [f"stays: {bindings.told(whats, MOST_TOLD)} ({why})" for why, whats in by_reason.items()]


@dataclass
class Ending:
    """What is told at the end. After changes everything is looked at `again`, once: what a plan of that would still
    take away is left."""

    planned: Planned
    told: reports.CleanupFacts
    again: Callable[[], Planned]
    executed: bool

    @cached_property
    def _after(self) -> Planned:
        return self.again() if self.executed else Planned(kept=self.planned.kept)

    def facts(self) -> Json:
        """The report's own part; `kept` and `left` are asked for when all is done."""
        return {**self.told, "kept": self.kept, "left": self.left}

    def kept(self) -> list[reports.CleanupKept]:
        return [{"what": what, "why": why} for what, why in self._after.kept]

    def left(self) -> list[str]:
        return list(dict.fromkeys(change.target for change in self._after.changes if change.op is not Op.WAIT))

    def code(self) -> int:
        return int(ExitCode.STEP_FAILED if self.left() else ExitCode.OK)

    def text(self) -> str:
        lines = [f"left: {name}" for name in self.left()]
        lines += [f"stays in AWS: {arn}" for arn in self.told["stays_in_aws"]]
        lines += _stays(self._after.kept)
        return "\n".join(lines or ["nothing is left"])
