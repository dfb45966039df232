"""`acksm capability status`: what the cluster's EKS capability reconciles, and which controllers run beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from acksm import reports
from acksm.ack import charts
from acksm.aws.eks import Capability
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.kube.paths import ref
from acksm.live import capability, discovery, running
from acksm.live.running import Running
from acksm.live.unread import Unread
from acksm.output import Output, Table
from acksm.settings import RunSettings, TargetSettings

NO_ONE = "no one"


@dataclass(frozen=True)
class Lease:
    """A Lease as it is; `holder` is "" where no one holds it."""

    namespace: str
    holder: str
    renewed: str


@dataclass(frozen=True)
class Observed:
    """The capabilities, the controllers in the cluster with the flags of each, and the Leases by service; None where
    they could not be read. `unread` says why."""

    capabilities: Sequence[Capability] | None
    controllers: Mapping[Running, running.Flags] | None
    leases: Mapping[str, Sequence[Lease]] | None
    unread: Sequence[str] = ()


def run(at: TargetSettings, run: RunSettings, ui: Output) -> int:
    """Exit 3 when a service is reconciled twice or a capability is not ACTIVE, 7 when something could not be read."""
    with connect(at, run) as target:
        observed = observe(target)
        problems = problems_of(observed, target.cluster.name)
        code = 3 if problems else int(ExitCode.INCOMPLETE) if observed.unread else 0
        data: reports.CapabilityStatusReport = {
            "target": target.as_data(),
            "capabilities": None
            if observed.capabilities is None
            else [_as_data(item) for item in observed.capabilities],
            "services": [_service(observed, service) for service in charts.SERVICES],
            "problems": problems,
            "incomplete": list(observed.unread),
        }
        ui.result("capability status", data, _text(observed, problems, ui.table), code)
        return code


def observe(target: Target) -> Observed:
    """Capabilities, controllers and Leases, read concurrently. Reads only."""
    unread = Unread()
    with ThreadPoolExecutor(max_workers=2) as pool:
        of_eks = pool.submit(capability.visible, target.aws, target.cluster.name)
        found = unread.read("the controllers", lambda: _controllers(target, unread), None)
        namespaces = {capability.LEASES}
        namespaces |= {
            flags.get("leader-election-namespace") or item.namespace
            for item, flags in (found or {}).items()
            if flags.get("enable-leader-election") == "true"
        }
        leases = unread.read("who holds the Leases", lambda: _leases(target, sorted(namespaces)), None)
        capabilities, notes = of_eks.result()
    return Observed(None if notes else capabilities, found, leases, [*notes, *unread.notes])


def _controllers(target: Target, unread: Unread) -> dict[Running, running.Flags]:
    namespace = target.settings.controller_namespace
    found = discovery.observe(target.kube, namespace)
    unread.notes += [f"not checked: {unseen}"] if (unseen := found.unseen(namespace)) else []
    return {
        item: running.flags_of(target.kube.get(ref("Deployment", item.deployment, item.namespace)) or {})
        for item in found.working
    }


def _leases(target: Target, namespaces: Sequence[str]) -> dict[str, list[Lease]]:
    found: dict[str, list[Lease]] = {service: [] for service in charts.SERVICES}
    for service, leases in found.items():
        for namespace in namespaces:
            lease = target.kube.get(ref("Lease", capability.lease_name(service), namespace))
            spec = (lease or {}).get("spec") or {}
            if lease is not None:
                holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
                leases.append(Lease(namespace, str(holder or ""), str(renewed or "")))
    return found


def problems_of(observed: Observed, cluster: str) -> list[str]:
    """What is reconciled twice, and which capabilities are not ACTIVE."""
    turns = _turns(observed)
    judged = capability.judge(observed.capabilities or (), turns)
    found = []
    try:
        judged.raise_conflict(cluster, [name for name in turns if name not in judged.services], turns)
    except AcksmError as error:
        found.append(f"{error.message}; remedy: {error.remedy}")
    return found + [
        f"EKS capability {capability.described(item)}"
        for item in observed.capabilities or ()
        if item.issues or item.status not in capability.WORKING
    ]


def _turns(observed: Observed) -> dict[str, bool]:
    """The services with a controller in the cluster, and whether all of these take turns with the capability."""
    found: dict[str, bool] = {}
    for item, flags in (observed.controllers or {}).items():
        takes = capability.flags_share(flags.values, item.namespace)
        found[item.service] = takes and found.get(item.service, True)
    return found


def _as_data(item: Capability) -> reports.Capability:
    return {
        "name": item.name,
        "status": item.status,
        "version": item.version,
        "role_arn": item.role,
        "disabled_services": list(item.disabled),
        "issues": list(item.issues),
    }


def _service(observed: Observed, service: str) -> reports.CapabilityService:
    by = [item.name for item in observed.capabilities or () if capability.reconciled(item, [service])]
    own = [item for item in observed.controllers or () if item.service == service]
    leases = None if observed.leases is None else observed.leases.get(service, ())
    return {
        "service": service,
        "capability": None if observed.capabilities is None else by[0] if by else "",
        "controllers": None if observed.controllers is None else [item.as_data() for item in own],
        "takes_turns": None if observed.controllers is None else _turns(observed).get(service, False),
        "leases": None
        if leases is None
        else [{"namespace": one.namespace, "holder": one.holder, "renewed": one.renewed} for one in leases],
    }


def _text(observed: Observed, problems: Sequence[str], table: Table) -> str:
    lines: list[str] = []
    if observed.capabilities:
        listed = [
            (item.name, item.status, item.version or "-", item.role or "-", ", ".join(item.disabled) or "none")
            for item in observed.capabilities
        ]
        header = ("CAPABILITY", "STATUS", "VERSION", "ROLE", "DISABLED SERVICES")
        lines += [table(header, listed, drop=("VERSION",)), ""]
    elif observed.capabilities is not None:
        lines += ["the cluster has no EKS capability for ACK", ""]
    rows = []
    for service in charts.SERVICES:
        found = _service(observed, service)
        name = found["capability"]
        by = "unknown" if name is None else name or "-"
        own = [str(item) for item in observed.controllers or () if item.service == service]
        here = "unknown" if observed.controllers is None else ", ".join(own) or "-"
        held = [f"{one.namespace}: {one.holder or NO_ONE}" for one in (observed.leases or {}).get(service, ())]
        rows.append((service, by, here, "unknown" if observed.leases is None else ", ".join(held) or "-"))
    lines.append(table(("SERVICE", "CAPABILITY", "CONTROLLER", "LEASE HELD BY"), rows))
    lines += [f"! {problem}" for problem in problems]
    lines += ["", *(f"incomplete: {note}" for note in observed.unread)] if observed.unread else []
    return "\n".join(lines)
