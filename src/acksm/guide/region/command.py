"""Guide §5: the default region of a namespace, by the annotation services.k8s.aws/default-region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Plan
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.live import bindings, discovery, running
from acksm.live.bindings import OBJECT_REGION, REGION, ManagedObject, Namespace
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings
from acksm.words import counted, did_you_mean

if TYPE_CHECKING:
    from acksm import reports

STEP = "region"
# botocore's name of each service
ENDPOINTS = {"sagemaker": "sagemaker", "applicationautoscaling": "application-autoscaling"}

# (service, partition) -> its regions
Regions = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True)
class Observed:
    """What a plan needs: acksm's controllers, and every namespace by name. `unseen`: which controllers could not be
    searched, "" for none."""

    running: Sequence[Running]
    namespaces: Mapping[str, Namespace]
    unseen: str = ""


def observe(target: Target) -> Observed:
    """Controllers and namespaces, read concurrently."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = pool.submit(discovery.observe, target.kube, target.settings.controller_namespace)
        namespaces, controllers = bindings.observe(target.kube), found.result()
        unseen = controllers.unseen(target.settings.controller_namespace)
        return Observed(controllers.working, namespaces, unseen)


def check_region(
    region: str,
    partition: str,
    services: Sequence[str],
    regions: Regions,
    where: str,
    command: str = "acksm … --object-region",
) -> None:
    """Errors: `region-unknown` with close names, `region-no-service`. The table is botocore's. `command`: what a region
    corrects."""
    known = regions("sts", partition)
    if region not in known:
        near = get_close_matches(region, known, n=3)
        raise AcksmError(
            "region-unknown",
            f"{region!r} is not a region of partition {partition}" + did_you_mean(near),
            where=where,
            remedy=f"{command} {near[0]}" if near else "",
        )
    for service in services:
        if region not in regions(ENDPOINTS[service], partition):
            raise AcksmError("region-no-service", f"{service} is not available in {region}", where=where)


def plan(observed: Observed, desired: Mapping[str, str | None], *, create: bool = False) -> list[Change]:
    """Changes that give each namespace its region, or none (None). Errors: of `bindings` and `running`."""
    names = list(desired)
    # A region may be removed also from a namespace that no controller reads.
    running.check_followed(observed.running, [name for name in names if desired[name] is not None], "defaults")
    unbinds = not any(desired.values())
    bindings.check_names(observed.namespaces, names, create=create, command="region unbind" if unbinds else "")
    changes = []
    for name, region in desired.items():
        live = observed.namespaces.get(name)
        changes += [bindings.create(name, STEP)] if live is None else []
        changes += bindings.annotate(name, live, REGION, region, STEP)
    return changes


def check_objects(observed: Observed, desired: Mapping[str, str | None], objects: Sequence[ManagedObject]) -> list[str]:
    """Notes on objects that keep their region. A binding never moves an object; what else it does depends on the
    version (runtime, reconciler.go: getRegion, regionDrifted).

    Errors: `region-objects-move` (created a second time), `region-objects-stuck` (no longer reconciled).
    """
    notes = []
    controllers = {item.service: item for item in reversed(observed.running)}
    for name, region in desired.items():
        moved: list[ManagedObject] = []
        stuck: list[ManagedObject] = []
        kept: list[ManagedObject] = []
        for item in objects:
            controller = controllers.get(item.service)
            if item.namespace != name or controller is None or item.pinned:
                continue
            if not controller.has("status-region"):
                moved.append(item)
            elif item.region and item.region != (region or controller.region):
                (stuck if controller.has("drift-refused") else kept).append(item)
        after = region or "the controllers' default region"
        if moved:
            raise AcksmError(
                "region-objects-move",
                f"{bindings.shortened(moved)} would be searched for in {after} and created again there",
                where=f"namespace {name}",
            )
        if stuck:
            raise stuck_error(stuck, f"namespace {name}", after)
        if kept:
            regions = ", ".join(sorted({item.region for item in kept}))
            remain = "remains" if len(kept) == 1 else "remain"
            notes.append(
                f"{counted(len(kept), 'object')} in {name} {remain} in {regions}: a binding never moves objects"
            )
    return notes


def stuck_error(stuck: Sequence[ManagedObject], where: str, after: str) -> AcksmError:
    """`region-objects-stuck`: what a controller would stop reconciling with `after` (a region in words, or a
    version)."""
    regions = ", ".join(sorted({item.region for item in stuck}))
    is_are, it_them = ("is", "it") if len(stuck) == 1 else ("are", "them")
    return AcksmError(
        "region-objects-stuck",
        f"{bindings.shortened(stuck)} {is_are} in {regions}, and the controller would stop reconciling {it_them} "
        f"with {after}",
        where=where,
        remedy=f"kubectl annotate KIND NAME -n {stuck[0].namespace} {OBJECT_REGION}={stuck[0].region}   "
        "(for each object; then run the same command again)",
        details={"objects": [str(item) for item in stuck], "regions": regions},
    )


def run_bind(
    at: TargetSettings,
    run: RunSettings,
    ui: Output,
    desired: Mapping[str, str | None],
    *,
    command: str,
    create: bool = False,
) -> int:
    """`region bind` and `region unbind` (regions None). `create`: whether missing namespaces are created."""
    if not desired:
        raise AcksmError("bindings-none", "no namespace specified, and the settings file declares no region")
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        observed = observe(target)
        partition = target.cluster.arn.split(":")[1]
        for name, region in desired.items():
            if region is not None:
                services = sorted({item.service for item in observed.running if item.watches(name)})
                if name in target.aws.regions("sts", partition) and region in observed.namespaces:
                    remedy = f"acksm region bind {region} {name}"
                    raise AcksmError("region-unknown", f"{region} is a namespace, no region", where=name, remedy=remedy)
                corrected = f"acksm region bind {name}"
                check_region(region, partition, services, target.aws.regions, f"namespace {name}", corrected)
        changes = plan(observed, desired, create=create)
        changed = {change.params["name"] for change in changes if change.call == "kube.set_keys"}
        touched = {name: desired[name] for name in desired if name in changed and name in observed.namespaces}
        notes = check_objects(observed, touched, bindings.managed_objects(target.kube, touched) if touched else [])
        notes += [f"not checked: {observed.unseen}"] if observed.unseen else []
        facts: reports.RegionFacts = {
            "regions": [{"namespace": name, "region": region} for name, region in desired.items()]
        }
        planned = Plan(command, tuple(changes), tuple(notes), dict(facts))
        return apply_plan(target, ui, planned, bindings.kube_calls(target.kube), _bound_text(desired))


def _bound_text(desired: Mapping[str, str | None]) -> str:
    if len(desired) > 20:
        return f"{len(desired)} namespaces have the requested region"
    return "\n".join(
        f"{name} → {region or 'the default region of the controllers'}" for name, region in desired.items()
    )


def rows(observed: Observed, partition: str, regions: Regions) -> list[reports.RegionRow]:
    """Every namespace with a region, and what is wrong with it (`problem` is an id, "" for nothing)."""
    found: list[reports.RegionRow] = []
    known = set(regions("sts", partition))
    for name, live in sorted(observed.namespaces.items()):
        region = live.annotations.get(REGION, "")
        watching = [item for item in observed.running if item.watches(name)]
        problem = ""
        if region and name in running.IGNORED_NAMESPACES:
            problem = "namespace-ignored"
        elif region and region not in known:
            problem = "region-unknown"
        elif region and not watching:
            problem = "binding-not-watched" if observed.running else "controllers-missing"
        elif region:
            problem = next((item.reading.id for item in watching if not item.reading.defaults), "")
        if not problem and OBJECT_REGION in live.annotations:
            problem = "region-annotation-ignored"
        if region or problem:
            found.append({"namespace": name, "region": region, "problem": problem})
    return found


def run_list(at: TargetSettings, run: RunSettings, ui: Output, names: Sequence[str] = ()) -> int:
    """`region list`, of `names` only where there are any. Exit 3 when a controller does not follow a binding, 7 when
    some could not be searched."""
    with connect(at, run) as target:
        observed = observe(target)
        found = rows(observed, target.cluster.arn.split(":")[1], target.aws.regions)
        found = [row for row in found if not names or row["namespace"] in names]
        cells = [(row["namespace"], row["region"] or "-", row["problem"] or "-") for row in found]
        lines = [ui.table(("NAMESPACE", "REGION", "PROBLEM"), cells) if cells else "no namespace has a default region"]
        lines += [f"{item}: {item.region} by default" for item in observed.running]
        lines += ["", f"incomplete: not checked: {observed.unseen}"] if observed.unseen else []
        code = 3 if any(row["problem"] for row in found) else int(ExitCode.INCOMPLETE) if observed.unseen else 0
        data: reports.RegionListReport = {
            "target": target.as_data(),
            "regions": found,
            "controllers": [item.as_data() for item in observed.running],
        }
        ui.result("region list", data, "\n".join(lines), code)
        return code
