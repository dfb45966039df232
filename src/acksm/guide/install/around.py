"""What a command adds around the plan of install: changes before and after its own, and what is reported at the end.

`acksm upgrade` converts and checks objects around an upgrade; install itself knows of neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Plan
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.json_types import Json, Manifest, Object
from acksm.live.drift import Drift
from acksm.output import Output
from acksm.settings import ControllerSettings


@dataclass
class Result:
    """What a command reports: the plan, facts for `-o json` and the last lines, the objects of new releases, what
    differs from the installed ones, every AdoptedResource of the cluster, and the error for what would have to change
    in what another tool keeps."""

    plan: Plan
    facts: Json = field(default_factory=dict)
    manifests: Sequence[Manifest] = ()
    drift: Sequence[Drift] = ()
    adopted_resources: Sequence[Object] = ()
    refused: AcksmError | None = None


def _no_text() -> str:
    return ""


def _ok() -> int:
    return 0


@dataclass(frozen=True)
class Around:
    """Changes `before` and `after` those of install, applied under the same lock by `calls`.

    `notes` and `facts` (callable where they are known only afterwards) are added to the plan's; `shown` follows the
    diff of a dry run. When all is applied, without the lock: `ended` returns an exit code, and may raise; then `text`
    follows the result's. Neither is called in a dry run.
    """

    before: Sequence[Change] = ()
    after: Sequence[Change] = ()
    calls: Mapping[str, Callable[..., object]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    facts: Json = field(default_factory=dict)
    shown: str = ""
    text: Callable[[], str] = _no_text
    ended: Callable[[], int] = _ok


# Reads only; `Result` is what install would do.
Compose = Callable[[Target, ControllerSettings, Result, Output], Around]


def composed(plan: Plan, more: Sequence[Around]) -> Plan:
    """The plan with what is around it: each of `more` outside the ones before it."""
    for item in more:
        plan = replace(
            plan,
            changes=(*item.before, *plan.changes, *item.after),
            notes=(*plan.notes, *item.notes),
            facts={**plan.facts, **item.facts},
        )
    return plan
