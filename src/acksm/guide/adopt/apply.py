"""Adoptions carried out: created side by side, waited for together, told one by one.

A failure of one of many is kept in its row, and the others go on; one alone raises it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from acksm import reports
from acksm.engine.change import Change, Op, Plan
from acksm.engine.diff import as_text
from acksm.errors import AcksmError
from acksm.events import Event, Kind as EventKind
from acksm.exits import ExitCode
from acksm.guide.adopt import plan as adopt_plan
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.wait import Result, State, Wait, judge
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target
from acksm.json_types import Document, Json, Manifest, Object
from acksm.kube.keys import ANNOTATIONS
from acksm.kube.paths import Ref, ref, ref_of
from acksm.output import Output


def show(target: Target, ui: Output, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
    for note in notes:
        ui.emit(Event(EventKind.NOTE, "note", note))
    made = [adopt_plan.manifest(item) for item in planned]
    facts: reports.AdoptFacts = {"objects": [row(Result(item)) for item in planned], "manifests": made}
    report: reports.AdoptReport = {
        "target": target.as_data(),
        "dry_run": True,
        "notes": list(notes),
        "changes": [],
        "result": facts,
    }
    ui.result("adopt", report, "---\n".join(as_text(item) for item in made))
    return 0


def run(target: Target, ui: Output, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
    results = [
        Result(item, State.UP_TO_DATE if item.is_done and item.change is None else State.PLANNED) for item in planned
    ]
    for result in results:
        if result.state is State.UP_TO_DATE and result.item.live is not None:
            result.manifest = result.item.live.manifest
            result.text = judge(result.item, result.manifest, None).text
    calls = Calls(target, ui, {str(item.item.target): item for item in results})
    changes = [item.change for item in planned if item.change is not None]
    open_ends = [item for item in results if item.state is State.PLANNED]
    if open_ends and target.run.wait:
        changes.append(_await(len(open_ends), open_ends[0].item))
    facts: Document = {"objects": lambda: [row(item) for item in results]}
    made = Plan("adopt", tuple(changes), tuple(notes), facts)
    return apply_plan(
        target,
        ui,
        made,
        calls.table(),
        lambda: text(ui, results),
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
    """What the changes call. A failure of one of many is told in its row, and the others go on."""

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
        """Delete it as it was looked at, and make it again. One that has changed is being adopted, and stays."""

        def again(where: Ref) -> None:
            try:
                self.target.kube.delete(where, resource_version)
            except AcksmError as error:
                if error.id != "kube-conflict":
                    raise
                return
            self.target.kube.create(manifest)

        self._each(ref_of(manifest), again)

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
        if str(where) in self.results:
            return self.results[str(where)]
        return next(item for item in self.results.values() if item.item.helper == where)

    def wait(self) -> None:
        """All together. One alone raises what went wrong with it."""
        open_ends = [item for item in self.results.values() if item.state in {State.PLANNED, State.WRITTEN}]
        for item in open_ends:
            item.state = State.WAITING
        Wait(self.target.kube, open_ends, self.target.deadline, self.ui.emit).run()
        if len(self.results) > 1:
            return
        for item in open_ends:
            if item.error is not None:
                raise item.error
            if item.state is State.WAITING:
                raise AcksmError(
                    "timed-out",
                    f"{item.item} is not adopted after the {self.target.deadline.seconds:.0f} s allowed",
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
        "arn": item.found.arn,
        "fields": dict(item.found.key),
        "account": item.place.account,
        "region": item.region,
        "way": str(item.place.way),
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


def text(ui: Output, results: Sequence[Result]) -> str:
    if not results:
        return "nothing is to be adopted"
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
    table = str(ui.table(("KIND", "OBJECT", "STATE", "TOLD"), cells))
    if len(results) > 1:
        counts = {state: sum(item.state is state for item in results) for state in State}
        return table + "\n" + ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    one = results[0]
    shown: Json = {"spec": one.manifest.get("spec"), "conditions": one.conditions}
    told = {key: value for key, value in shown.items() if value}
    return table + ("\n" + as_text(told) if told else "")
