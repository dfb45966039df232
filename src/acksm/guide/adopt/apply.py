"""Apply adoptions: create all concurrently, wait for them together, report each.

With several, a failure is kept in its row and the others continue; a single one raises it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from acksm import reports
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, Plan
from acksm.engine.diff import as_text
from acksm.errors import AcksmError
from acksm.events import Event, Kind as EventKind
from acksm.exits import ExitCode
from acksm.guide.adopt import plan as adopt_plan
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.wait import Result, State, Wait, arn_of, judge
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target
from acksm.json_types import Document, Json, Manifest, Object
from acksm.kube.keys import ANNOTATIONS
from acksm.kube.paths import Ref, ref, ref_of
from acksm.output import Output
from acksm.remedies import filled


def show(target: Target, ui: Output, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
    for note in notes:
        ui.emit(Event(EventKind.NOTE, "note", note))
    manifests = [adopt_plan.manifest(item) for item in planned]
    facts: reports.AdoptFacts = {"objects": [row(Result(item)) for item in planned], "manifests": manifests}
    report: reports.AdoptReport = {
        "target": target.as_data(),
        "dry_run": True,
        "notes": list(notes),
        "changes": [],
        "result": facts,
    }
    ui.result("adopt", report, "---\n".join(as_text(item) for item in manifests))
    return 0


def run(target: Target, ui: Output, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
    results = [
        Result(item, State.UP_TO_DATE if item.is_done and item.change is None else State.PLANNED) for item in planned
    ]
    for result in results:
        if result.state is State.UP_TO_DATE and result.item.live is not None:
            result.manifest = result.item.live.manifest
            progress = judge(result.item, result.manifest, None)
            result.text = progress.text
            if progress.other:
                result.fail("adopt-other-resource", progress.other)
    calls = Calls(target, ui, {str(item.item.target): item for item in results})
    changes = [item.change for item in planned if item.change is not None]
    pending = [item for item in results if item.state is State.PLANNED]
    if pending and target.run.wait:
        changes.append(_await(len(pending), pending[0].item))
    facts: Document = {"objects": lambda: [row(item) for item in results]}
    plan = Plan("adopt", tuple(changes), tuple(notes), facts)
    return apply_plan(
        target,
        ui,
        plan,
        calls.table(),
        lambda: text(ui, results, full=target.run.full),
        dry_text=text(ui, results) if len(results) > 1 else "",
        code=lambda: code(results),
        waits_unlocked=True,
    )


def _await(count: int, first: Adoption) -> Change:
    return Change(
        id="adopt.await",
        step=adopt_plan.STEP,
        op=Op.WAIT,
        system="kubernetes",
        target=str(first) if count == 1 else f"{count} adoptions",
        call="adopt.await",
        params={},
        guide="kubectl describe adoptedresource …",
    )


@dataclass
class Calls:
    """What the changes call. With several, a failure is reported in its row, and the others continue."""

    target: Target
    ui: Output
    results: Mapping[str, Result]

    def table(self) -> dict[str, Callable[..., object]]:
        return {
            "adopt.create": self.create,
            "adopt.annotate": self.annotate,
            "adopt.renew": self.renew,
            "adopt.await": self.wait,
        }

    def create(self, manifest: Manifest) -> None:
        self._each(ref_of(manifest), lambda _: self.target.kube.create(manifest))

    def annotate(self, kind: str, name: str, namespace: str, annotations: Mapping[str, str | None]) -> None:
        body: Object = {ANNOTATIONS[0]: {ANNOTATIONS[1]: dict(annotations)}}
        self._each(ref(kind, name, namespace), lambda where: self.target.kube.patch(where, body))

    def renew(self, manifest: Manifest, resource_version: str) -> None:
        """Delete the observed version, and create it again. One that has changed since is being adopted, and kept."""

        def recreate(where: Ref) -> None:
            try:
                self.target.kube.delete(where, resource_version)
            except AcksmError as error:
                if error.id != "kube-conflict":
                    raise
                return
            self.target.kube.create(manifest)

        self._each(ref_of(manifest), recreate)

    def _each(self, where: Ref, work: Callable[[Ref], object]) -> None:
        result = self._of(where)
        try:
            work(where)
            result.state = State.WRITTEN
        except AcksmError as error:
            if len(self.results) == 1:
                raise
            result.state, result.error = State.FAILED, error

    def _of(self, where: Ref) -> Result:
        return self._by_name.get(str(where)) or self.results[str(where)]

    @cached_property
    def _by_name(self) -> dict[str, Result]:
        return {str(item.item.helper): item for item in self.results.values()}

    def wait(self) -> None:
        """Wait for all together. A single one raises its error."""
        pending = [item for item in self.results.values() if item.state in {State.PLANNED, State.WRITTEN}]
        for item in pending:
            item.state = State.WAITING
        Wait(self.target.kube, pending, self.target.deadline, self.ui.emit).run()
        if len(self.results) > 1:
            return
        for item in pending:
            if item.error is not None:
                raise item.error
            if item.state is State.WAITING:
                raise AcksmError(
                    "timed-out",
                    f"deadline of {self.target.deadline.seconds:.0f} s exceeded before {item.item} was adopted",
                    where=item.text,
                )


def row(result: Result) -> reports.AdoptedObject:
    """One adoption for the report."""
    item = result.item
    waiting = result.state is State.WAITING
    return {
        "kind": item.kind.name,
        "namespace": item.request.namespace,
        "name": item.name,
        "arn": item.found.arn or arn_of(result.manifest),
        "fields": dict(item.found.key),
        "account": item.location.account,
        "region": item.region,
        "method": str(item.location.method),
        "retain": item.request.retain,
        "read_only": item.request.read_only,
        "state": str(result.state),
        "id": result.error.id if result.error else "timed-out" if waiting else "",
        "message": result.error.message if result.error else result.text,
        "conditions": result.conditions,
        "spec": result.manifest.get("spec"),
    }


def code(results: Sequence[Result]) -> int:
    if any(item.state is State.FAILED for item in results):
        return int(ExitCode.STEP_FAILED)
    return int(ExitCode.TIMED_OUT if any(item.state is State.WAITING for item in results) else ExitCode.OK)


def text(ui: Output, results: Sequence[Result], *, full: bool = False) -> str:
    """The objects as a table; of one also its conditions where it is not adopted, and its spec with `full`."""
    if not results:
        return "nothing to adopt"
    rows = [row(item) for item in results]
    cells = [
        (
            one["kind"],
            f"{one['namespace']}/{one['name']}",
            one["state"] + (f" ({one['id']})" if one["id"] else ""),
            one["message"],
        )
        for one in rows
    ]
    table = str(ui.table(("KIND", "OBJECT", "STATE", "MESSAGE"), cells))
    new = [item for item in results if item.state in {State.FAILED, State.WAITING, State.ADOPTED}]
    after = ""
    if new:  # the worst first
        first = min(new, key=lambda item: (State.FAILED, State.WAITING, State.ADOPTED).index(item.state))
        command = f"acksm doctor {first.item.kind.name}/{first.item.name} -n {first.item.request.namespace}"
        after = f"\nnext: {filled(command)}"
    if len(results) > 1:
        counts = {state: sum(item.state is state for item in results) for state in State}
        return table + "\n" + ", ".join(f"{count} {state}" for state, count in counts.items() if count) + after
    one = results[0]
    good = one.state in {State.ADOPTED, State.UP_TO_DATE}
    shown: Json = {
        "spec": one.manifest.get("spec") if full else None,
        "conditions": None if good and not full else one.conditions,
    }
    details = {key: value for key, value in shown.items() if value}
    return table + ("\n" + as_text(details).rstrip("\n") if details else "") + after
