"""`acksm capability share`: services are taken out of the cluster's EKS capability, for acksm's controllers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from acksm import reports
from acksm.aws.eks import Capability
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.engine.executor import Dispatch
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError, OutdatedError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.live import capability
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings

STEP = "capability"
MOST = 200  # names: https://docs.aws.amazon.com/eks/latest/APIReference/API_AckConfigRequest.html
Find = Callable[[], Sequence[Capability]]


def run(at: TargetSettings, services: Sequence[str], run: RunSettings, ui: Output) -> int:
    """Observe, plan, show or execute. Returns the exit code; raises AcksmError."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        found = target.aws.eks.ack_capabilities(target.cluster.name)
        changes, notes = plan(found, services, target.cluster.name)
        disabled = desired(found[0], services) if found else []
        facts: reports.CapabilityFacts = {
            "capability": found[0].name if found else None,
            "services": list(services),
            "disabled_services": disabled,
        }
        planned = Plan("capability share", tuple(changes), tuple(notes), dict(facts))
        text = f"{found[0].name} leaves out {', '.join(disabled)}" if found else "no EKS capability for ACK"
        return apply_plan(target, ui, planned, dispatch(target, ui.emit), text, lock=False)


def desired(item: Capability, services: Sequence[str]) -> list[str]:
    """What the capability leaves out already, and `services`. EKS replaces its list, so nothing may be missing."""
    return list(dict.fromkeys([*item.disabled, *services]))


def plan(found: Sequence[Capability], services: Sequence[str], cluster: str) -> tuple[list[Change], list[str]]:
    """The changes, and notes. Errors: `capability-full`, `capability-not-active`."""
    changes: list[Change] = []
    notes = [] if found else [f"cluster {cluster} has no EKS capability for ACK"]
    for item in found:
        after = desired(item, services)
        target = f"EKS capability {item.name}"
        if item.status in capability.ENDED or item.status == "DELETING":
            notes.append(f"{target} is {item.status} and is not changed")
            continue
        wait = Change(
            id="capability.active",
            step=STEP,
            op=Op.WAIT,
            system="aws",
            target=f"{target} to become ACTIVE",
            call="capability.await_active",
            params={"capability": item.name, "services": list(item.disabled)},
        )
        changes += [wait] if item.status in capability.BUSY else []
        if after == list(item.disabled):
            continue
        if len(after) > MOST:
            raise AcksmError(
                "capability-full",
                f"{target} would leave out {len(after)} services; EKS allows {MOST}",
                where=target,
            )
        own = [service for service in services if service not in item.disabled]
        changes.append(
            Change(
                id="capability.disable",
                step=STEP,
                op=Op.UPDATE,
                system="aws",
                target=item.arn or target,
                call="eks.disable_services",
                params={"cluster": cluster, "capability": item.name, "before": list(item.disabled), "services": after},
                before={"disabledServices": list(item.disabled)},
                after={"disabledServices": after},
                reason=f"it would no longer reconcile {' and '.join(own)}",
                danger=Danger.MILD,
                guide=f"aws eks update-capability --cluster-name {cluster} --capability-name {item.name} …",
            )
        )
        changes.append(replace(wait, params={"capability": item.name, "services": after}))
    return changes, notes


def dispatch(target: Target, emit: Emit) -> Dispatch:
    """The calls of the plan."""

    def find() -> Sequence[Capability]:
        return target.aws.eks.ack_capabilities(target.cluster.name)

    return {
        "eks.disable_services": partial(_disable, target, find),
        "capability.await_active": partial(await_active, find, target.deadline, emit),
    }


def _disable(
    target: Target, find: Find, cluster: str, capability: str, before: Sequence[str], services: Sequence[str]
) -> None:
    """The list is read again just before it is replaced: names that others added since then would be lost."""
    now = next((item for item in find() if item.name == capability), None)
    if now is None or list(now.disabled) != list(before):
        raise OutdatedError({"timeout": target.deadline.remaining})
    target.aws.eks.disable_services(cluster, capability, services)


def await_active(find: Find, deadline: Deadline, emit: Emit, capability: str, services: Sequence[str]) -> None:
    """Wait until the capability leaves out `services`. Errors: `capability-not-active`, `timed-out`."""

    def look() -> Progress:
        return progress(next((item for item in find() if item.name == capability), None), services)

    wait_until(look, deadline, what=f"EKS capability {capability}", emit=emit, first_pause=1.0, longest_pause=5.0)


def progress(item: Capability | None, services: Sequence[str]) -> Progress:
    """How far a capability is: None where it no longer exists, so that it reconciles nothing."""
    if item is None:
        return Progress(True)
    text = capability.described(item)
    if item.status == "ACTIVE" and set(services) <= set(item.disabled):
        return Progress(True, text)
    if item.status in {"DEGRADED", "CREATE_FAILED", "DELETE_FAILED", "DELETING"}:
        error = AcksmError("capability-not-active", f"EKS capability {text}", where=f"EKS capability {item.name}")
        return Progress(False, text, error)
    return Progress(False, text)
