"""Guide §8: adopt AWS resources, by the method that the cluster's controllers support.

Everything is checked before the first write: the resource exists where the controller would search, its kind is served,
the controller watches the namespace, and nothing else manages it. Then all objects are created concurrently, waited for
together, and reported each; the next run continues an interrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import UTC, datetime
from functools import partial

from acksm.ack.kinds import Kind
from acksm.aws.account import Aws
from acksm.aws.objects import Found
from acksm.config import location as place_in_file
from acksm.dataclass import dataclass
from acksm.declared import Adoptions
from acksm.errors import AcksmError
from acksm.events import Event, Kind as EventKind
from acksm.guide.adopt import (
    apply,
    dependencies,
    discover as adopt_discover,
    lookup,
    placement,
    plan as adopt_plan,
    requested,
)
from acksm.guide.adopt.discover import Search
from acksm.guide.adopt.lookup import Accounts
from acksm.guide.adopt.placement import ADOPTED_CRD, Location, Observed
from acksm.guide.adopt.plan import Adoption
from acksm.guide.adopt.requested import Refusals, Request
from acksm.guide.connect.target import Target, connect
from acksm.guide.region.command import check_region
from acksm.json_types import Json
from acksm.kube.api import Applier, Lister
from acksm.live import managed
from acksm.live.managed import Index
from acksm.live.unread import Unread
from acksm.output import Output
from acksm.settings import OtherAccountSettings, RunSettings, TargetSettings
from acksm.words import counted


@dataclass(frozen=True)
class Options:
    """The options. `retain` None: not given, which means to retain. `more` are further names of the kind, `file` has
    the declarations."""

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
    more: Sequence[str] = ()
    with_dependencies: bool = False


def requests(declared: Adoptions, options: Options, refusals: Refusals) -> list[Request]:
    """What is requested, by arguments or by the file. Errors: `adopt-nothing`, adopt-… to `refusals`."""
    namespace = options.namespace or "default"
    retain = options.retain is not False
    if options.kinds or options.tags or options.prefix:
        raise AcksmError("adopt-nothing", "--kind, --tag-filter and --prefix can only be used with --discover")
    if options.kind:
        texts = [options.name, *options.more]
        if options.more and (options.as_ or options.fields):
            raise AcksmError("adopt-nothing", "--as and --field can only be used with one NAME")
        if options.kind.startswith("arn:"):
            arns = [options.kind, *filter(None, texts)]
            named = [(requested.kind_of(requested.parse_arn(text)), text) for text in arns]
        else:
            kind = requested.find_kind(options.kind)
            named = [(kind, text) for text in dict.fromkeys(texts)]
        return [
            requested.request(
                kind,
                name,
                options.fields,
                namespace=namespace,
                name=options.as_,
                region=options.region,
                retain=retain,
                read_only=options.read_only,
            )
            for kind, name in named
        ]
    if options.as_ or options.fields:
        raise AcksmError("adopt-nothing", "--as and --field can only be used with KIND NAME")
    if not declared:
        raise AcksmError("adopt-nothing", "nothing to adopt: give KIND NAME, -f FILE or --discover")
    found = []
    for index, item in enumerate(declared):
        changed: Json = {} if options.retain is None else {"retain": options.retain}
        changed |= {"read_only": True} if options.read_only else {}
        changed |= {"region": options.region} if options.region and not item.region else {}
        try:
            found.append(
                requested.of_declared(item.model_copy(update=changed), namespace, f"{options.file}{INDEX}{index}")
            )
        except AcksmError as error:
            refusals.errors.append(error)
    refusals.check()
    return found


INDEX = "#adopt."


def locate(where: str) -> str:
    """FILE:LINE:COLUMN of a declaration; anything else as it is."""
    path, mark, index = where.rpartition(INDEX)
    return place_in_file(path, ("adopt", int(index))) if mark and index.isdecimal() else where


def run(
    at: TargetSettings,
    other: OtherAccountSettings,
    declared: Adoptions,
    run: RunSettings,
    ui: Output,
    options: Options,
) -> int:
    """`acksm adopt`. The exit code; errors: adopt-…, and those of every section that is read."""
    refusals = Refusals(locate=lambda text: "; ".join(map(locate, text.split("; "))))
    requested_items = [] if options.discover else requests(declared, options, refusals)
    search = _search(options) if options.discover else None
    with connect(_with_region(at, options), run) as target:
        ui.emit(Event(EventKind.STEP, "target", target.line()))
        for item in requested_items:
            if item.region:
                region_where = item.where or "--object-region"
                check_region(item.region, target.identity.partition, [], target.aws.regions, region_where)
        requested_in = {item.namespace for item in requested_items} or {options.namespace or "default"}
        observed = placement.observe(target, requested_in)
        accounts = Accounts(target, other)
        notes = list(observed.notes)
        if search is not None:
            planned = _discovered(target, accounts, ui, observed, search, refusals, notes, ask=not options.print_only)
        else:
            planned = named(
                target,
                accounts,
                observed,
                requested_items,
                refusals,
                notes,
                with_dependencies=options.with_dependencies,
            )
        _validate(target.kube, planned, refusals)
        notes += list(dict.fromkeys(note for item in planned for note in item.notes))
        if options.print_only:
            return apply.show(target, ui, planned, notes)
        return apply.run(target, ui, planned, notes)


def _with_region(settings: TargetSettings, options: Options) -> TargetSettings:
    """--region is the object's; where no region is set for the cluster, it is used for both."""
    known = settings.region or settings.context or settings.kubeconfig or not settings.cluster
    if known or not options.region or Aws(profile=settings.profile or None).session.region_name:
        return settings
    return settings.model_copy(update={"region": options.region})


def _search(options: Options) -> Search:
    if options.kind or options.name or options.as_ or options.fields:
        raise AcksmError("adopt-nothing", "--discover cannot be used with KIND NAME, --as or --field")
    kinds = tuple(requested.find_kind(text) for text in options.kinds)
    return Search(
        kinds,
        options.tags,
        options.prefix,
        options.namespace or "default",
        options.region,
        options.retain is not False,
        options.read_only,
    )


def named(
    target: Target,
    accounts: Accounts,
    observed: Observed,
    asked: Sequence[Request],
    refusals: Refusals,
    notes: list[str],
    *,
    with_dependencies: bool = False,
) -> list[Adoption]:
    """The adoptions of what is named, each looked up in AWS. Errors, together: adopt-…, aws-…"""
    kinds = list(dict.fromkeys(item.kind for item in asked))
    with ThreadPoolExecutor(max_workers=1) as pool:
        holders = pool.submit(_holders, target.kube, observed, kinds, {item.namespace for item in asked}, notes)
        located: list[tuple[Request, Location]] = []
        known: dict[tuple[Kind, str], Location | AcksmError] = {}
        for item in asked:
            key = (item.kind, item.namespace)
            if key not in known:
                known[key] = _location(observed, item)
            found = known[key]
            if isinstance(found, AcksmError):
                refusals.errors.append(AcksmError(**_copied(found, item.where or found.where)))
            else:
                located.append((item, found))
        refusals.check()
        found_in_aws = lookup.find(located, accounts, refusals.errors.append, partial(placement.namespace_of, observed))
        refusals.check()
        index = Index(holders.result(), _where(observed, notes))
    if with_dependencies:
        more = _dependencies(found_in_aws, accounts, observed, refusals)
        kinds = list(dict.fromkeys(request.kind for request, _, _ in [*found_in_aws, *more]))
        spaces = {item.namespace for item in asked}
        index = Index(_holders(target.kube, observed, kinds, spaces, notes), _where(observed, notes))
        free = adopt_discover.unmanaged(more, index)
        notes += [
            f"{request} is managed by {holder}"
            for request, location, found in more
            for holder in index.of(request.kind, found.key, location.account, request.region or location.region)[:1]
        ]
        found_in_aws = [*found_in_aws, *free]
    same = [
        (
            request,
            managed.identity(request.kind, found.key, location.account, request.region or location.region)
            + _optional(found),
        )
        for request, location, found in found_in_aws
    ]
    refusals.errors += requested.duplicates(same)
    refusals.check()
    return _planned(found_in_aws, index, refusals)


def _dependencies(
    roots: adopt_discover.Discovered, accounts: Accounts, observed: Observed, refusals: Refusals
) -> list[tuple[Request, Location, Found]]:
    """All that `roots` refer to, and what that refers to; each with the options of the root. Errors to `refusals`."""
    known = {(request.kind.name, *sorted(found.key.values())) for request, _, found in roots}
    pending, more = list(roots), list[tuple[Request, Location, Found]]()
    while pending:
        items: list[tuple[Request, Location]] = []
        for root, _, found in pending:
            for kind, name in dependencies.named_by(found):
                one = requested.request(
                    kind,
                    name,
                    namespace=root.namespace,
                    region=root.region,
                    retain=root.retain,
                    read_only=root.read_only,
                    where=f"{kind.name} {name}, which {root} refers to",
                )
                items.append((one, placement.location(observed, kind, root.namespace, one.where)))
        pending = []
        namespace_of = partial(placement.namespace_of, observed)
        for request, location, found in lookup.find(items, accounts, refusals.errors.append, namespace_of):
            identity = (request.kind.name, *sorted(found.key.values()))
            if identity not in known:
                known.add(identity)
                pending.append((request, location, found))
        refusals.check()
        more += pending
    return more


def _optional(found: Found) -> tuple[str, ...]:
    return tuple(found.key.get(name, "") for name in found.kind.optional)


def _discovered(
    target: Target,
    accounts: Accounts,
    ui: Output,
    observed: Observed,
    search: Search,
    refusals: Refusals,
    notes: list[str],
    *,
    ask: bool,
) -> list[Adoption]:
    existing, more = adopt_discover.run(observed, search, accounts)
    notes += more
    kinds = list(dict.fromkeys(request.kind for request, _, _ in existing))
    index = Index(_holders(target.kube, observed, kinds, [search.namespace], notes), _where(observed, notes))
    free = adopt_discover.unmanaged(existing, index)
    if len(existing) > len(free):
        notes.append(f"{len(existing) - len(free)} of {counted(len(existing), 'AWS resource')} already managed")
    planned = _planned(free, index, refusals)
    if planned and ask and not target.run.dry_run:
        rows = [
            (str(number), item.kind.name, str(item.request.text), item.found.state or "-", item.name)
            for number, item in enumerate(planned, 1)
        ]
        ui.show(ui.table(("", "KIND", "AWS RESOURCE", "STATE", "OBJECT"), rows))
        question = f"Which of these {len(planned)} to adopt into namespace {search.namespace}?"
        chosen = ui.choose(question, len(planned), yes=target.run.yes)
        planned = [planned[number] for number in chosen]
    return planned


def _planned(found: adopt_discover.Discovered, index: Index, refusals: Refusals) -> list[Adoption]:
    planned = adopt_plan.plan(found, index, refusals.errors.append, datetime.now(UTC))
    refusals.check()
    names = [(item.request, (item.kind.service, item.kind.name, item.request.namespace, item.name)) for item in planned]
    refusals.errors += requested.duplicates(names)
    refusals.check()
    return planned


def _validate(kube: Applier, planned: Sequence[Adoption], refusals: Refusals) -> None:
    """Specs that objects would be created with, by a dry run. Errors: kube-…, before the first write."""
    for item in planned:
        if item.request.creates and item.live is None:
            try:
                kube.apply(adopt_plan.manifest(item), dry_run=True)
            except AcksmError as error:
                refusals.errors.append(AcksmError(**_copied(error, item.request.where or str(item))))
    refusals.check()


def _holders(
    kube: Lister, observed: Observed, kinds: Sequence[Kind], namespaces: Iterable[str], notes: list[str]
) -> list[managed.Holder]:
    """Objects of every namespace; only of `namespaces` where no others may be listed."""
    served, unread = [kind for kind in kinds if f"{kind.plural}.{kind.group}" in observed.served], Unread()
    pending = ADOPTED_CRD in observed.served
    everywhere = unread.read(
        "whether an object of another namespace manages it",
        lambda: managed.observe(kube, served, adopted_resources=pending),
        None,
    )
    if everywhere is not None:
        return everywhere
    found: list[managed.Holder] = []
    for name in sorted(namespaces):
        found += managed.observe(kube, served, adopted_resources=False, namespace=name)
        if pending:
            found += unread.read(
                f"AdoptedResources of namespace {name}",
                partial(managed.pending, kube, name),
                [],
            )
    notes += [note for note in unread.notes if note not in notes]
    return [item for item in found if item.kind in served]


def _where(observed: Observed, notes: list[str]) -> Callable[[Kind, str], tuple[str, str]]:
    """Account and region of a namespace's objects; ("", "") where no controller would reconcile them, and with a note
    where the namespace could not be read."""
    known: dict[tuple[str, str], tuple[str, str]] = {}

    def find(kind: Kind, namespace: str) -> tuple[str, str]:
        if (kind.service, namespace) not in known:
            if namespace not in observed.namespaces:
                notes.append(f"not checked: objects of namespace {namespace} that are not synced yet")
            try:
                found = placement.location(observed, kind, namespace, "")
                known[kind.service, namespace] = (found.account, found.region)
            except AcksmError:
                known[kind.service, namespace] = ("", "")
        return known[kind.service, namespace]

    return find


def _location(observed: Observed, item: Request) -> Location | AcksmError:
    try:
        return placement.location(observed, item.kind, item.namespace, item.where or str(item))
    except AcksmError as error:
        return error


def _copied(error: AcksmError, where: str) -> Json:
    return {"id": error.id, "message": error.message, "where": where, "remedy": error.remedy, "details": error.details}
