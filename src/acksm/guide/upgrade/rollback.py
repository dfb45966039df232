"""`acksm upgrade --rollback-on-worse`: helm's revision before the upgrade again, and the proof that objects are synced.

CRDs are kept: helm rolls back none, and an older controller reads what a newer CRD serves (docs/upgrade.md#going-back).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from acksm import reports
from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, Plan
from acksm.errors import AcksmError
from acksm.guide.connect.apply import perform
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded, stored
from acksm.guide.install.around import Result as Planned
from acksm.guide.install.controllers import annotated_role
from acksm.guide.upgrade import again, going_back, record
from acksm.guide.upgrade.again import Compared
from acksm.guide.upgrade.record import Record, Was
from acksm.helm.releases import Release
from acksm.kube import conditions
from acksm.live import adopted_resources, readiness, running
from acksm.live.bindings import shortened
from acksm.live.managed import ADOPTED_CONDITION
from acksm.live.running import Running
from acksm.output import Output


@dataclass(frozen=True)
class Result:
    """A release that was rolled back. `problem`: why its controller is not ready, or why nothing was rolled back."""

    service: str
    version: str
    revision: int
    compared: Compared
    problem: str = ""

    def as_data(self) -> reports.UpgradeRollback:
        """The rollback as the report has it."""
        return {
            "service": self.service,
            "version": self.version,
            "revision": self.revision,
            "ready": not self.problem,
            "worse": self.compared.as_data(),
            "unchanged": [str(was) for was in self.compared.unchanged],
            "unread": list(self.compared.unread),
        }

    def lines(self) -> list[str]:
        """The result as text."""
        if self.problem:
            return [f"not rolled back: {self.service} {self.version}: {self.problem}"]
        head = f"rolled back: {self.service} {self.version} (revision {self.revision}) runs again; CRDs are kept"
        return [head, *self.compared.lines()]


def check(
    target: Target, steps: Sequence[tuple[Record, Running, Running]], planned: Planned, *, converts: bool
) -> None:
    """Refuse an upgrade that could not be rolled back; each step is (record, controller afterwards, installed one),
    `planned` what install would do, and `converts` whether AdoptedResources are converted.
    Error: `rollback-impossible`. Reads only."""
    if not target.run.wait:
        raise AcksmError("rollback-impossible", "--no-wait compares nothing", where="--rollback-on-worse --no-wait")
    for change in planned.plan.changes if steps else ():
        if change.call == stored.CONVERT:
            why = f"{change.target} drops a version that the earlier chart needs"
            raise AcksmError("rollback-impossible", why, where=change.target)
    for found, after, before in steps:
        where = f"{found.service} {found.before} → {found.after}"
        if _release(target, found) is None:
            raise AcksmError("rollback-impossible", f"helm has no record of revision {found.worked}", where=where)
        judged = going_back.judge(target.kube, after, before)
        reasons = [*judged.reasons, *judged.unread]
        if converts and not going_back.adopts(before) and (left := _pending(planned, found.service)):
            reasons.append(
                f"{before.service} {before.version} would not follow the adoption annotations that replace "
                + shortened(left)
            )
        if reasons:
            raise AcksmError(
                "rollback-impossible",
                f"{found.service} {found.before} cannot take over again: {reasons[0]}",
                where=where,
                details={"diff": reasons if len(reasons) > 1 else []},
            )


def _pending(planned: Planned, service: str) -> list[str]:
    """AdoptedResources of the service that have adopted nothing yet."""
    return [
        f"AdoptedResource {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
        for item in planned.adopted_resources
        if adopted_resources.service_of(item) == service and not conditions.holds(item, ADOPTED_CONDITION)
    ]


def run(target: Target, ui: Output, found: Record, worse: Compared) -> Result:
    """Roll back and prove it. What was done is noted in the record first, so that a killed one continues."""
    namespace, service = target.settings.controller_namespace, found.service
    release = _release(target, found)
    if release is None:
        return _refused(found, worse, f"helm has no record of revision {found.worked}")
    after = running.from_values(service, namespace, found.after, release.values)
    before = running.from_values(service, namespace, release.version, release.values)
    judged = going_back.judge(target.kube, after, before)
    if reasons := [*judged.reasons, *judged.unread]:
        return _refused(found, worse, reasons[0])
    record.mark(target.kube, namespace, service, record.ROLLING_BACK, worse.reasons)
    perform(target, plan(release, service), _calls(target, ui), ui.emit)
    return prove(target, ui, found, before, worse.versions)


def plan(release: Release, service: str) -> Plan:
    """helm's rollback to this revision, and the wait for its controller. Pure."""
    where = {"release": release.name, "namespace": release.namespace}
    back = Change(
        id="release.rollback",
        step="release",
        op=Op.UPDATE,
        system="helm",
        target=f"release {release.namespace}/{release.name}",
        call="helm.rollback",
        params=where | {"revision": release.revision},
        after={"chart": f"{release.chart} {release.version}"},
        reason="objects became worse",
        guide=f"helm rollback -n {release.namespace} {release.name} {release.revision}",
        lane=service,
    )
    role = annotated_role(release.values)
    wait = readiness.ready(release.name, release.namespace, role, step="release", lane=service)
    return Plan("upgrade", (back, wait))


def prove(
    target: Target, ui: Output, found: Record, before: Running, left: Mapping[Was, str] = MappingProxyType({})
) -> Result:
    """Whether the objects are synced with the earlier controller, which is ready; `left` are the resourceVersions that
    the newer one left, where they are known."""
    compared = again.compare(target.kube, target.deadline, ui.emit, found, before, left)
    record.mark(target.kube, target.settings.controller_namespace, found.service, record.ROLLED_BACK)
    return Result(found.service, before.version, found.worked, compared)


def _refused(found: Record, worse: Compared, why: str) -> Result:
    return Result(found.service, found.before, found.worked, worse, why)


def _calls(target: Target, ui: Output) -> dict[str, Callable[..., object]]:
    deadline = target.deadline

    def roll_back(release: str, namespace: str, revision: int) -> None:
        target.releases.rollback(release, namespace, revision, seconds=deadline.remaining)

    await_ready = partial(readiness.await_ready, target.kube, deadline, ui.emit)
    return {"helm.rollback": roll_back, "controller.await_ready": await_ready}


def _release(target: Target, found: Record) -> Release | None:
    """helm's record of the revision before the upgrade."""
    name = charts.release_name(found.service)
    return recorded.revision(target.kube, target.settings.controller_namespace, name, found.worked)
