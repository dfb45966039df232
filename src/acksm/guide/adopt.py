"""Guide §8: objects that exist in AWS become objects of the cluster, by whichever way its controllers have.

Everything is looked at before the first write: what is asked for exists where the controller would look, its kind is
served, the controller watches the namespace, and nothing else manages it. Then all are created side by side, waited
for together, and told one by one; a run that was stopped is gone on with by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from acksm import reports
from acksm.aws.session import Aws
from acksm.config import Settings, place as place_in_file
from acksm.engine.change import Change, Op, Plan
from acksm.engine.diff import as_text
from acksm.errors import AcksmError, ExitCode
from acksm.events import Event, Kind as EventKind
from acksm.guide import adopt_discover, adopt_lookup, adopt_place, adopt_plan, adopt_wanted, managed
from acksm.guide.adopt_discover import Search
from acksm.guide.adopt_lookup import Accounts
from acksm.guide.adopt_place import ADOPTED_CRD, Observed, Place
from acksm.guide.adopt_plan import Adoption
from acksm.guide.adopt_wait import Result, State, Wait
from acksm.guide.adopt_wanted import Refusals, Wish
from acksm.guide.carry_out import carry_out
from acksm.guide.managed import Index
from acksm.guide.target import Target, connect
from acksm.kinds import Kind
from acksm.kube.client import Kube
from acksm.kube.keys import ANNOTATIONS
from acksm.kube.paths import Ref, ref, ref_of


@dataclass(frozen=True)
class Options:
    """What the command line says. `retain` None: not said, which is to retain. `file` holds the declarations."""

    kind: str = ""
    name: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    as_: str = ""
    namespace: str = ""
    region: str = ""
    retain: bool | None = None
    read_only: bool = False
    print_only: bool = False
    discover: bool = False
    kinds: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    file: str = ""


def wishes(settings: Settings, options: Options, refusals: Refusals) -> list[Wish]:
    """What is asked for, by arguments or by the file. Errors: `adopt-nothing`, adopt-… to `refusals`."""
    namespace = options.namespace or "default"
    retain = options.retain is not False
    if options.kinds or options.tags or options.prefix:
        raise AcksmError("adopt-nothing", "--kind, --tag and --prefix are for --discover, which is not given")
    if options.kind:
        kind_text, name = options.kind, options.name
        if kind_text.startswith("arn:") and not name:
            kind, name = adopt_wanted.kind_of(adopt_wanted.parse_arn(kind_text)), kind_text
        else:
            kind = adopt_wanted.find_kind(kind_text)
        return [
            adopt_wanted.wish(
                kind,
                name,
                options.fields,
                namespace=namespace,
                name=options.as_,
                region=options.region,
                retain=retain,
                read_only=options.read_only,
            )
        ]
    if options.as_ or options.fields:
        raise AcksmError("adopt-nothing", "--as and --field are of one object, and no kind is named")
    if not settings.adopt:
        raise AcksmError("adopt-nothing", "neither an object was named, nor does a file declare one")
    found = []
    for index, item in enumerate(settings.adopt):
        changed: dict[str, Any] = {} if options.retain is None else {"retain": options.retain}
        changed |= {"read_only": True} if options.read_only else {}
        changed |= {"region": options.region} if options.region and not item.region else {}
        try:
            found.append(
                adopt_wanted.of_declared(item.model_copy(update=changed), namespace, f"{options.file}{INDEX}{index}")
            )
        except AcksmError as error:
            refusals.errors.append(error)
    refusals.check()
    return found


INDEX = "#adopt."


def locate(where: str) -> str:
    """FILE:LINE:COLUMN of a declaration; anything else as it is."""
    path, mark, index = where.rpartition(INDEX)
    return place_in_file(path, ("adopt", int(index))) if mark and index.isdigit() else where


def run(settings: Settings, ui: Any, options: Options) -> int:
    """`acksm adopt`. The exit code; errors: adopt-…, and those of every section that is looked at."""
    refusals = Refusals(locate=lambda text: "; ".join(map(locate, text.split("; "))))
    asked = [] if options.discover else wishes(settings, options, refusals)
    search = _search(options) if options.discover else None
    with connect(_with_region(settings, options)) as target:
        ui.emit(Event(EventKind.STEP, "target", target.line()))
        observed = adopt_place.observe(target)
        notes: list[str] = []
        if search is not None:
            planned = _discovered(target, ui, observed, search, refusals, notes, ask=not options.print_only)
        else:
            planned = _asked(target, observed, asked, refusals)
        notes += list(dict.fromkeys(note for item in planned for note in item.notes))
        if options.print_only:
            return _print(target, ui, planned, notes)
        return _carry_out(target, ui, planned, notes)


def _with_region(settings: Settings, options: Options) -> Settings:
    """--region is the object's. Where nothing says where the cluster is, it is meant for both."""
    said = settings.region or settings.context or settings.kubeconfig or not settings.cluster
    if said or not options.region or Aws(profile=settings.profile or None).session.region_name:
        return settings
    return settings.model_copy(update={"region": options.region})


def _search(options: Options) -> Search:
    if options.kind or options.name or options.as_ or options.fields:
        raise AcksmError("adopt-nothing", "--discover looks for objects, and one is named as well")
    kinds = tuple(adopt_wanted.find_kind(text) for text in options.kinds)
    return Search(
        kinds,
        options.tags,
        options.prefix,
        options.namespace or "default",
        options.region,
        options.retain is not False,
        options.read_only,
    )


def _asked(target: Target, observed: Observed, asked: Sequence[Wish], refusals: Refusals) -> list[Adoption]:
    kinds = list(dict.fromkeys(item.kind for item in asked))
    with ThreadPoolExecutor(max_workers=1) as pool:
        holders = pool.submit(_holders, target.kube, observed, kinds)
        placed: list[tuple[Wish, Place]] = []
        known: dict[tuple[Kind, str], Place | AcksmError] = {}
        for item in asked:
            key = (item.kind, item.namespace)
            if key not in known:
                known[key] = _place(observed, item)
            found = known[key]
            if isinstance(found, AcksmError):
                refusals.errors.append(AcksmError(**_copied(found, item.where or found.where)))
            else:
                placed.append((item, found))
        refusals.check()
        found_in_aws = adopt_lookup.find(placed, Accounts(target), refusals.errors.append)
        refusals.check()
        index = Index(holders.result(), _where(observed))
    same = [
        (wish, managed.identity(wish.kind, found.key, place.account, wish.region or place.region) + _optional(found))
        for wish, place, found in found_in_aws
    ]
    refusals.errors += adopt_wanted.twice(same)
    refusals.check()
    return _planned(found_in_aws, index, refusals)


def _optional(found: Any) -> tuple[str, ...]:
    return tuple(found.key.get(name, "") for name in found.kind.optional)


def _discovered(
    target: Target, ui: Any, observed: Observed, search: Search, refusals: Refusals, notes: list[str], *, ask: bool
) -> list[Adoption]:
    there, more = adopt_discover.run(observed, search, Accounts(target))
    notes += more
    kinds = list(dict.fromkeys(wish.kind for wish, _, _ in there))
    index = Index(_holders(target.kube, observed, kinds), _where(observed))
    free = adopt_discover.unmanaged(there, index)
    if len(there) > len(free):
        notes.append(f"{len(there) - len(free)} of {len(there)} are managed already")
    planned = _planned(free, index, refusals)
    if planned and ask and not target.settings.dry_run:
        rows = [
            (str(number), item.kind.name, str(item.wish.text), item.found.state or "-", item.name)
            for number, item in enumerate(planned, 1)
        ]
        ui.show(ui.table(("", "KIND", "IN AWS", "STATE", "AS"), rows))
        question = f"Adopt which of these {len(planned)} into namespace {search.namespace}?"
        chosen = ui.choose(question, len(planned), yes=target.settings.yes)
        planned = [planned[number] for number in chosen]
    return planned


def _planned(found: adopt_discover.Discovered, index: Index, refusals: Refusals) -> list[Adoption]:
    planned = adopt_plan.plan(found, index, refusals.errors.append, datetime.now(UTC))
    refusals.check()
    names = [(item.wish, (item.kind.service, item.kind.name, item.wish.namespace, item.name)) for item in planned]
    refusals.errors += adopt_wanted.twice(names)
    refusals.check()
    return planned


def _holders(kube: Kube, observed: Observed, kinds: Sequence[Kind]) -> list[managed.Holder]:
    served = [kind for kind in kinds if f"{kind.plural}.{kind.group}" in observed.served]
    return managed.observe(kube, served, adopted_resources=ADOPTED_CRD in observed.served)


def _where(observed: Observed) -> Callable[[Kind, str], tuple[str, str]]:
    """Account and region of a namespace's objects; ("", "") where no controller would take them."""
    known: dict[tuple[str, str], tuple[str, str]] = {}

    def find(kind: Kind, namespace: str) -> tuple[str, str]:
        if (kind.service, namespace) not in known:
            try:
                found = adopt_place.place(observed, kind, namespace, "")
                known[kind.service, namespace] = (found.account, found.region)
            except AcksmError:
                known[kind.service, namespace] = ("", "")
        return known[kind.service, namespace]

    return find


def _place(observed: Observed, item: Wish) -> Place | AcksmError:
    try:
        return adopt_place.place(observed, item.kind, item.namespace, item.where or str(item))
    except AcksmError as error:
        return error


def _copied(error: AcksmError, where: str) -> dict[str, Any]:
    return {"id": error.id, "message": error.message, "where": where, "remedy": error.remedy, "details": error.details}


def _print(target: Target, ui: Any, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
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


def _carry_out(target: Target, ui: Any, planned: Sequence[Adoption], notes: Sequence[str]) -> int:
    results = [
        Result(item, State.UP_TO_DATE if item.is_done and item.change is None else State.PLANNED) for item in planned
    ]
    for result in results:
        if result.state is State.UP_TO_DATE and result.item.live is not None:
            result.manifest = result.item.live.manifest
    calls = Calls(target, ui, {str(item.item.target): item for item in results})
    changes = [item.change for item in planned if item.change is not None]
    open_ends = [item for item in results if item.state is State.PLANNED]
    if open_ends and target.settings.wait:
        changes.append(_await(len(open_ends), open_ends[0].item))
    facts: Mapping[str, Any] = {"objects": lambda: [row(item) for item in results]}
    made = Plan("adopt", tuple(changes), tuple(notes), facts)
    return carry_out(
        target, ui, made, calls.table(), lambda: _text(ui, results), code=lambda: _code(results), waits_unlocked=True
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
    ui: Any
    results: Mapping[str, Result]

    def table(self) -> dict[str, Callable[..., Any]]:
        return {
            "adopt.create": self.create,
            "adopt.annotate": self.annotate,
            "adopt.renew": self.renew,
            "adopt.await": self.wait,
        }

    def create(self, manifest: Mapping[str, Any]) -> None:
        self._each(ref_of(manifest), lambda _: self.target.kube.create(manifest))

    def annotate(self, kind: str, name: str, namespace: str, annotations: Mapping[str, str | None]) -> None:
        body: dict[str, Any] = {ANNOTATIONS[0]: {ANNOTATIONS[1]: dict(annotations)}}
        self._each(ref(kind, name, namespace), lambda where: self.target.kube.patch(where, body))

    def renew(self, manifest: Mapping[str, Any], resource_version: str) -> None:
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

    def _each(self, where: Ref, work: Callable[[Ref], Any]) -> None:
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
        "namespace": item.wish.namespace,
        "name": item.name,
        "arn": item.found.arn,
        "fields": dict(item.found.key),
        "account": item.place.account,
        "region": item.region,
        "way": str(item.place.way),
        "retain": item.wish.retain,
        "read_only": item.wish.read_only,
        "state": str(result.state),
        "id": result.error.id if result.error else "timed-out" if waiting else "",
        "message": result.error.message if result.error else result.text,
        "conditions": result.conditions,
        "spec": result.manifest.get("spec"),
    }


def _code(results: Sequence[Result]) -> int:
    if any(item.state is State.FAILED for item in results):
        return int(ExitCode.STEP_FAILED)
    return int(ExitCode.TIMED_OUT if any(item.state is State.WAITING for item in results) else ExitCode.OK)


def _text(ui: Any, results: Sequence[Result]) -> str:
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
    shown: dict[str, Any] = {"spec": one.manifest.get("spec"), "conditions": one.conditions}
    told = {key: value for key, value in shown.items() if value}
    return table + ("\n" + as_text(told) if told else "")
