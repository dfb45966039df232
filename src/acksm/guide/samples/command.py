"""Guide §4: samples of both services, applied with what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cache

from acksm import reports
from acksm.ack import charts
from acksm.ack.kinds import SINCE
from acksm.aws.account import Aws
from acksm.aws.documents import Role
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op, Plan
from acksm.engine.executor import Dispatch
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import iam_role
from acksm.guide.region.command import check_region
from acksm.guide.region.explain import explain
from acksm.guide.samples import costs, plan as sample_plan, roles as sample_roles
from acksm.guide.samples.files import Sample
from acksm.guide.samples.plan import Desired
from acksm.guide.samples.values import Location
from acksm.json_types import Json, Manifest, Object, Value
from acksm.kube.api import Applier
from acksm.kube.paths import Ref, ref, ref_of
from acksm.live import bindings, discovery, drift, role_selectors, running, served, synced
from acksm.live.bindings import Namespace
from acksm.live.drift import Drift, State
from acksm.live.role_selectors import Selector
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import RoleSettings, RunSettings, TargetSettings

ROLE_KEY = "role"
_ARN = "status.ackResourceMetadata.arn"


@dataclass(frozen=True)
class Request:
    """The command line of `samples apply`. `region` is that of the objects, "" for the namespace's; `create`
    whether a missing namespace is created; `role` are the settings of the role of `with_role`."""

    sample: Sample
    given: Mapping[str, str]
    namespace: str
    region: str = ""
    with_role: bool = False
    create: bool = False
    role: RoleSettings = field(default_factory=RoleSettings)


@dataclass(frozen=True)
class Observed:
    """What a plan needs. `served` are the names of the CRDs; `live` the sample's objects; `role` as IAM has it; `notes`
    on what this identity may not read."""

    running: Sequence[Running]
    namespaces: Mapping[str, Namespace]
    served: frozenset[str] = frozenset()
    live: Mapping[Ref, Manifest | None] = field(default_factory=dict)
    role: Role | None = None
    notes: Sequence[str] = ()


def run_apply(at: TargetSettings, run: RunSettings, ui: Output, request: Request) -> int:
    """`samples apply`: validate by the apiserver, then create in order and wait for each."""
    sample_plan.names(request.sample, request.given)  # invalid options are refused before anything is read
    if request.with_role and ROLE_KEY in request.given:
        raise AcksmError("sample-set", "--with-role cannot be used with --set role", where="--with-role")
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        observed = observe(target, request)
        planned = plan(target, request, observed)
        states: dict[Ref, str] = {}
        table = dispatch(target, observed, ui.emit, states)
        rows = planned.facts["objects"]

        @cache
        def objects() -> list[reports.SampleObject]:
            refs = [ref(row["kind"], row["name"], request.namespace) for row in rows]
            live = {} if run.dry_run else synced.look(target.kube, refs)
            found: list[reports.SampleObject] = []
            for row, one in zip(rows, refs, strict=True):
                found.append(
                    {
                        "sample": row["sample"],
                        "kind": row["kind"],
                        "name": row["name"],
                        "state": states.get(one, ""),
                        "arn": sample_plan.at(live.get(one) or {}, _ARN),
                    }
                )
            return found

        facts = {**planned.facts, "objects": objects}
        done = replace(planned, facts=facts)
        return apply_plan(target, ui, done, table, lambda: _text(planned, objects()), waits_unlocked=True)


def observe(target: Target, request: Request) -> Observed:
    """Read everything concurrently."""
    object_names = sample_plan.names(request.sample, request.given)
    refs = [
        ref(sample.kind, object_names[sample.name], request.namespace)
        for sample in sample_plan.members(request.sample, request.given)
    ]
    with ThreadPoolExecutor(max_workers=5) as pool:
        found = pool.submit(discovery.visible, target.kube, target.settings.controller_namespace)
        names = pool.submit(bindings.observe_some, target.kube, [request.namespace])
        kinds = pool.submit(served.crds, target.kube)
        live = pool.submit(synced.look, target.kube, refs)
        role = (
            pool.submit(target.aws.iam.get_role, sample_roles.name(target.cluster.name)) if request.with_role else None
        )
        controllers, notes = found.result().or_assumed(target.settings.controller_namespace, target.cluster.region)
        namespaces, more = names.result()
        found_role = role.result() if role else None
        return Observed(controllers, namespaces, kinds.result(), live.result(), found_role, [*notes, *more])


def plan(target: Target, request: Request, observed: Observed) -> Plan:
    """The whole plan; the apiserver has validated each manifest. Errors: ``sample-…``, `kube-…`."""
    bindings.check_exists(observed.namespaces, request.namespace, create=request.create, creates=True)
    members = sample_plan.members(request.sample, request.given)
    check_served(members, observed.served, observed.running)
    watching = {sample.service: controller_of(sample, request.namespace, observed.running) for sample in members}
    location = location_of(target, request, observed, watching[request.sample.service])
    if request.region:
        services = sorted(watching)
        check_region(request.region, location.partition, services, target.aws.regions, "--object-region")
    given = dict(request.given)
    if request.with_role and any(ROLE_KEY in sample.parameters for sample in members):
        given[ROLE_KEY] = own_role(target, request.role, location)
    desired = sample_plan.desired(request.sample, given, location, request.namespace, observed.live, request.region)
    sample_plan.check_missing(desired)
    sample_plan.check_effect(request.sample, request.given, desired, location, observed.live)
    same, notes = settled(target.kube, desired, observed.live)
    objects = sample_plan.plan(desired, observed.live, wait=target.run.wait, requested_region=request.region, same=same)
    changing = {change.target for change in objects if change.op is not Op.WAIT}
    in_s3 = check_buckets(target.aws, [one for one in desired if str(one.ref) in changing], location.region)
    needs_role = any(ROLE_KEY in one.sample.parameters and not one.kept for one in desired)
    roles = _role_changes(target, request.role, observed, desired) if request.with_role and needs_role else []
    exists = request.namespace in observed.namespaces
    validate(target, [change for change in objects if change.op is not Op.WAIT], exists)
    spaces = [] if exists else [bindings.create(request.namespace, sample_plan.STEP)]
    notes = [*observed.notes, *in_s3, *notes, *_notes(target, desired, watching[request.sample.service], given)]
    facts: reports.SampleFacts = {
        "sample": request.sample.name,
        "namespace": request.namespace,
        "region": location.region,
        "account": location.account,
        "role_arn": given.get(ROLE_KEY, "") if needs_role else "",
        "objects": [
            {"sample": one.sample.name, "kind": one.sample.kind, "name": one.name, "state": "", "arn": ""}
            for one in desired
        ],
        "cost": costs.hint(
            request.sample,
            [one.manifest or {"kind": one.sample.kind, **(observed.live.get(one.ref) or {})} for one in desired],
            request.namespace,
        ),
    }
    return Plan("samples apply", (*roles, *spaces, *objects), tuple(notes), dict(facts))


def settled(
    kube: Applier, desired: Sequence[Desired], live: Mapping[Ref, Manifest | None]
) -> tuple[frozenset[Ref], list[str]]:
    """Existing objects whose spec an apply would not change, by a dry run where its text differs; and notes on those
    that a webhook or policy changes."""

    def changed(item: Desired, now: Manifest) -> Drift | None:
        metadata = {key: item.manifest["metadata"][key] for key in ("name", "namespace")}
        return drift.of(kube, {**item.manifest, "metadata": metadata}, now, force=False)

    pairs = [(item, now) for item in desired if (now := live.get(item.ref)) and not (item.kept or item.late)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(zip(pairs, pool.map(lambda pair: changed(*pair), pairs), strict=True))
    kept = [(item.ref, one) for (item, _), one in found if one is None or one.state is State.NOT_KEPT]
    return frozenset(one for one, _ in kept), [str(one) for _, one in kept if one]


def check_buckets(aws: Aws, desired: Sequence[Desired], region: str) -> list[str]:
    """Refuse a bucket that does not exist, or is in another region than the objects: their jobs would fail after
    minutes. Notes on those that S3 says nothing of. Errors: `sample-bucket-missing`, `sample-bucket-region`."""
    notes = []
    users = {bucket: one.sample.name for one in reversed(desired) for bucket in one.buckets}
    for name, sample in users.items():
        found = aws.bucket(name, region)
        where = f"bucket of sample {sample}"
        if found.exists is False:
            raise AcksmError("sample-bucket-missing", f"bucket {name} does not exist", where=where)
        if found.region not in {"", region} and region:
            raise AcksmError(
                "sample-bucket-region",
                f"bucket {name} is in {found.region}, but the objects are in {region}",
                where=where,
                remedy=f"acksm samples apply {sample} --set bucket=BUCKET   (in {region}; or --object-region "
                f"{found.region})",
            )
        if found.exists is None:
            notes.append(f"not checked: whether bucket {name} exists ({found.why})")
    return notes


def check_served(members: Sequence[Sample], crds: frozenset[str], controllers: Sequence[Running]) -> None:
    """Error: `sample-kind-not-served` with the chart version that has the kind."""
    for sample in members:
        one = ref(sample.kind)
        group = one.api_version.partition("/")[0]
        if f"{one.plural}.{group}" in crds:
            continue
        chart, since = charts.chart_name(sample.service), SINCE.get(sample.kind, "")
        here = next((item.version for item in controllers if item.service == sample.service and item.deployment), "")
        needed = f"needs {chart} {since} or newer" if since else f"every {chart} has"
        raise AcksmError(
            "sample-kind-not-served",
            f"the cluster does not serve {sample.kind}, which {needed}; {here or 'no version'} is installed",
            where=f"sample {sample.name}",
            remedy=f"acksm install --service {sample.service}"
            + (f" --version {sample.service}={charts.TESTED[sample.service]}" if here else ""),
        )


def controller_of(sample: Sample, namespace: str, controllers: Sequence[Running]) -> Running:
    """The controller that will reconcile the sample's object. Errors: `controllers-missing`, `sample-not-watched`."""
    running.require(controllers)
    matching = [item for item in controllers if item.service == sample.service]
    found = next((item for item in matching if item.watches(namespace)), None)
    if found is None:
        scopes = "; ".join(f"{item}: {running.scope_text(item)}" for item in matching)
        raise AcksmError(
            "sample-not-watched",
            f"no controller of {sample.service} watches namespace {namespace}" + (f" ({scopes})" if scopes else ""),
            where=f"sample {sample.name}",
            remedy=running.watch_remedy(matching, namespace) or f"acksm install --service {sample.service}",
        )
    return found


def location_of(target: Target, request: Request, observed: Observed, controller: Running) -> Location:
    """Region and account in which the controller will create the objects."""
    live = observed.namespaces.get(request.namespace, Namespace(request.namespace))
    region = request.region or explain(None, live, controller, {}).region or target.cluster.region
    selectors = role_selectors.list_all(target.kube) if controller.reading.selectors else ()
    account = account_of(live, controller, selectors, target.identity.account)
    return Location(region, target.identity.partition, account, target.aws.partitions())


def account_of(live: Namespace, controller: Running, selectors: Sequence[Selector], own: str) -> str:
    """The account of objects in a namespace: that of its annotation or of the selector that fits it, where the
    controller reads them. "" where it is only in the controllers' team map."""
    if controller.reading.carm:
        return "" if bindings.TEAM in live.annotations else live.annotations.get(bindings.OWNER, own)
    matching = [
        item
        for item in selectors
        if controller.reading.selectors
        and item.fits(live.name, live.labels)
        and controller.service in role_selectors.services_of(item)
    ]
    return matching[0].arn.split(":")[4] if matching else own


def own_role(target: Target, role: RoleSettings, location: Location) -> str:
    """The ARN of the role of --with-role. Error: `sample-role-account`."""
    if location.account != target.identity.account:
        raise AcksmError(
            "sample-role-account",
            f"objects in this namespace are created in {location.account or 'another account'}, but --with-role "
            f"creates a role in {target.identity.account}",
            where="--with-role",
        )
    return sample_roles.arn(target.identity, target.cluster.name, role)


def _role_changes(target: Target, role: RoleSettings, observed: Observed, desired: Sequence[Desired]) -> list[Change]:
    buckets = [bucket for one in desired for bucket in one.buckets]
    changes = sample_roles.plan(observed.role, target.cluster, target.identity, role, buckets)
    if not changes:
        return []
    role_arn = sample_roles.arn(target.identity, target.cluster.name, role)
    visible = Change(
        id="iam.visible",
        step=sample_plan.STEP,
        op=Op.WAIT,
        system="aws",
        target=f"role {role_arn}",
        call="iam.await_visible",
        params={"role_arn": role_arn},
    )
    return [*changes, visible]


def validate(target: Target, changes: Sequence[Change], exists: bool) -> None:
    """Validate each manifest by a server-side dry run; in `default` for a namespace that does not exist yet.

    Error: `sample-invalid` with the apiserver's message."""

    def one(change: Change) -> None:
        manifest = change.params["manifest"]
        if not exists:
            manifest = {**manifest, "metadata": {**manifest["metadata"], "namespace": "default"}}
        try:
            target.kube.apply(manifest, dry_run=True)
        except AcksmError as error:
            if error.id not in {"kube-invalid", "kube-failed"}:
                raise
            raise AcksmError("sample-invalid", error.message, where=change.target) from error

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(one, changes))


def _notes(target: Target, desired: Sequence[Desired], controller: Running, given: Mapping[str, str]) -> list[str]:
    notes = [f"{one.ref} exists and is used unchanged" for one in desired if one.kept]
    role = given.get(ROLE_KEY, "")
    passes = sample_roles.may_pass(target.aws, controller.role_arn, role) if role and controller.role_arn else True
    if passes is None:
        notes.append(
            f"not checked: whether {controller.role_arn} may pass {role} to {sample_roles.SERVICE} (iam:PassRole), "
            "as IAM did not simulate it"
        )
    elif not passes:
        notes.append(
            f"{controller.role_arn} may not pass {role} to {sample_roles.SERVICE} (iam:PassRole), by IAM's "
            "simulation; SageMaker would reject the object"
        )
    return notes


def dispatch(target: Target, observed: Observed, emit: Emit, states: dict[Ref, str]) -> Dispatch:
    """The calls of these changes; `states` gets the state of each object that was waited for."""
    kube = target.kube
    waiter = synced.Waiter(kube, target.deadline, emit, synced.log_reader(kube, observed.running))

    def apply(manifest: Manifest) -> None:
        applied = kube.apply(manifest)
        if manifest["kind"] != "Namespace":
            waiter.note(ref_of(manifest), applied)

    def apply_late(manifest: Object, late: Sequence[Manifest]) -> None:
        apply(filled(manifest, late, lambda kind, name: kube.get(ref(kind, name, manifest["metadata"]["namespace"]))))

    def await_synced(kind: str, namespace: str, name: str) -> None:
        one = ref(kind, name, namespace)
        state = waiter.wait(kind, namespace, name)
        failed = synced.failed_in_aws(state, str(one))
        if failed:
            raise failed
        states[one] = state.aws or "synced"
        emit(Event(Kind.DONE, "sample-synced", f"{one}: {states[one]}"))

    table: dict[str, Callable[..., object]] = {
        **target.aws.dispatch_table(),
        "iam.await_visible": lambda role_arn: iam_role.await_visible(target.aws, role_arn, target.deadline, emit),
        "kube.apply": apply,
        "samples.apply_late": apply_late,
        "samples.await": await_synced,
    }
    return table


def filled(manifest: Object, late: Sequence[Manifest], get: Callable[[str, str], Manifest | None]) -> Json:
    """The manifest with values that AWS has set on other objects since. Error: `sample-not-yet`."""
    import copy

    found = copy.deepcopy(manifest)
    for item in late:
        text = sample_plan.at(get(item["kind"], item["name"]) or {}, item["field"])
        if not text:
            raise AcksmError(
                "sample-not-yet", f"{item['kind']} {item['name']} has no {item['field']} yet", where=item["name"]
            )
        node: Value = found
        for step in item["path"][:-1]:
            node = node[step]
        node[item["path"][-1]] = text
    return found


def _text(planned: Plan, objects: Sequence[reports.SampleObject]) -> str:
    facts = planned.facts
    lines = [
        "  ".join(
            part for part in (f"{item['kind']} {facts['namespace']}/{item['name']}", item["state"], item["arn"]) if part
        )
        for item in objects
    ]
    lines += [f"role {facts['role_arn']}"] if facts["role_arn"] else []
    lines += [f"cost: {facts['cost']}"] if facts["cost"] else []
    last = objects[-1]
    one = ref(last["kind"])
    group = one.api_version.partition("/")[0]
    return "\n".join([*lines, f"next: kubectl get {one.plural}.{group} {last['name']} -n {facts['namespace']} -o yaml"])
