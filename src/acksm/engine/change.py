"""A change is data: what is done, to what, why, and by which adapter call.

Diff, JSON, plan files and the audit trail are all made from it; only `acksm.engine.executor` acts on it,
as in chalice (https://github.com/aws/chalice/blob/master/chalice/deploy/models.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.json_types import Document, Json

if TYPE_CHECKING:
    from acksm import reports


class Op(StrEnum):
    """What a change does. `WAIT` writes nothing and does not count as a change."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    WAIT = "wait"


class Danger(StrEnum):
    """What has to be confirmed first: MILD with yes, SEVERE by typing the cluster's name."""

    NONE = "none"
    MILD = "mild"
    SEVERE = "severe"


@dataclass(frozen=True)
class Change:
    """One step of a plan.

    `call` is the executor's key ("iam.create_role"), `params` the JSON-serialisable keyword arguments of that adapter
    method, `before`/`after` JSON shapes for the diff (None: does not exist). `guide` is the command of the manual
    guide that it replaces. Neighbours with different non-empty `lane`s run concurrently. `words` describe the change
    under way and done, where its target says too little ("attaching …", "attached …").
    """

    id: str
    step: str
    op: Op
    system: str
    target: str
    call: str
    params: Document
    before: object = None
    after: object = None
    reason: str = ""
    danger: Danger = Danger.NONE
    guide: str = ""
    lane: str = ""
    secret: bool = False
    words: tuple[str, str] = ("", "")

    def as_data(self) -> reports.Change:
        """The JSON form, without `params` of secret changes."""
        return {
            "id": self.id,
            "step": self.step,
            "op": str(self.op),
            "system": self.system,
            "target": self.target,
            "before": None if self.secret else self.before,
            "after": None if self.secret else self.after,
            "reason": self.reason,
            "danger": str(self.danger),
            "guide": self.guide,
        }

    @classmethod
    def from_data(cls, data: reports.Change) -> Change:
        """A change to be shown, from its JSON form; nothing can be executed with it."""
        op = Op(data["op"])
        hidden = op is not Op.DELETE and data["before"] is None and data["after"] is None
        return cls(
            id=data["id"],
            step=data["step"],
            op=op,
            system=data["system"],
            target=data["target"],
            call="",
            params={},
            before=data["before"],
            after=data["after"],
            reason=data["reason"],
            danger=Danger(data["danger"]),
            guide=data["guide"],
            secret=hidden,
        )

    @property
    def content(self) -> Json:
        """All that makes it this change: the JSON form with the call and its parameters."""
        return {**self.as_data(), "call": self.call, "params": self.params}


def words(doing: str, done: str, what: str) -> tuple[str, str]:
    """The `words` of a change: its verb, while it is applied and after, on the same thing."""
    return f"{doing} {what}", f"{done} {what}"


def sha256(document: object) -> str:
    """ "sha256:…" of a JSON document; equal ones have equal digests, on every machine."""
    return "sha256:" + hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """Changes in order, and waits between them. `notes` are what a person should read first."""

    command: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    facts: Document = field(default_factory=dict)

    @property
    def mutations(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.op is not Op.WAIT)

    @property
    def danger(self) -> Danger:
        """The greatest danger of any change."""
        order = list(Danger)
        return max((change.danger for change in self.changes), key=order.index, default=Danger.NONE)

    def digest(self) -> str:
        """sha256 over every change with its parameters; equal plans have equal digests."""
        return sha256([change.content for change in self.changes])

    def stages(self) -> list[list[list[Change]]]:
        """Stages in order; a stage is a list of lanes that run concurrently, a lane a list of changes in order."""
        stages: list[list[list[Change]]] = []
        index = 0
        while index < len(self.changes):
            if not self.changes[index].lane:
                stages.append([[self.changes[index]]])
                index += 1
                continue
            lanes: dict[str, list[Change]] = {}
            while index < len(self.changes) and self.changes[index].lane:
                lanes.setdefault(self.changes[index].lane, []).append(self.changes[index])
                index += 1
            stages.append(list(lanes.values()))
        return stages


def summary(changes: Sequence[Change]) -> str:
    """ "3 to create, 1 to update"."""
    return ", ".join(f"{count} to {op}" for op, count in _counts(changes)) or "nothing to do"


def achieved(changes: Sequence[Change]) -> str:
    """ "3 created, 1 updated"."""
    return ", ".join(f"{count} {op}d" for op, count in _counts(changes))


def question(changes: Sequence[Change], cluster: str) -> str:
    """'Create 3 and update 1 object in cluster "practice"?'; at least one of `changes` is no wait."""
    *others, last = [f"{op} {count}" for op, count in _counts(changes)]
    objects = "object" if last.endswith(" 1") else "objects"
    listed = f"{', '.join(others)} and {last}" if others else last
    return f'{listed.capitalize()} {objects} in cluster "{cluster}"?'


def _counts(changes: Sequence[Change]) -> list[tuple[Op, int]]:
    """How many changes of each kind there are, without those of none."""
    counts = [(op, sum(1 for change in changes if change.op is op)) for op in (Op.CREATE, Op.UPDATE, Op.DELETE)]
    return [(op, count) for op, count in counts if count]
