"""`acksm fleet facts`: what of one cluster matters to the others. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from acksm import reports
from acksm.ack.kinds import Kind
from acksm.aws.eks import Cluster
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.adopt import placement
from acksm.guide.carm import command as carm, role_map
from acksm.guide.carm.verify import effective
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import trust
from acksm.guide.upgrade import touched
from acksm.kube import kubeconfig
from acksm.live import crossing, discovery, managed, role_selectors
from acksm.live.inventory_objects import READ_ONLY
from acksm.live.managed import OBJECT_REGION, POLICY, Holder, identity
from acksm.live.running import CARM, IGNORED_NAMESPACES, SELECTOR, Running
from acksm.live.unread import FORBIDDEN, Unread
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings

_DENIED = FORBIDDEN | {"aws-access-denied"}
Where = Callable[[Holder], tuple[str, str]]


def run(at: TargetSettings, run: RunSettings, ui: Output) -> int:
    """Print the facts; exit 7 where they are not whole. Errors: those of `connect`."""
    with connect(at, run) as target:
        found = of(target)
        code = ExitCode.INCOMPLETE if found["incomplete"] else ExitCode.OK
        lines = [
            f"{item['service']} {item['version']} ({item['mode']}) {item['role_arn']}" for item in found["controllers"]
        ]
        lines += [f"{item['object']}: {'/'.join(item['aws'])}" for item in found["held"]]
        lines += [
            f"namespace {item['namespace']}: {item['team'] or item['account']} {', '.join(item['role_arns'])}"
            for item in found["bound"]
        ]
        lines += [f"incomplete: {note}" for note in found["incomplete"]]
        ui.result("fleet facts", {**found}, "\n".join(lines), int(code))
        return int(code)


def of(target: Target) -> reports.FleetFactsReport:
    """The facts of a connected cluster."""
    here, unread = target.settings.controller_namespace, Unread()
    cluster = touched.observe(target.kube)
    running = discovery.observe(target.kube, here)
    controllers = [_identified(target, item, unread) for item in running.working]
    unseen = running.unseen(here)
    roles = sorted({item.role_arn for item in controllers if item.role_arn})
    observed = placement.Observed(
        controllers,
        cluster.namespaces or {},
        unread.read(
            "the account map", lambda: role_map.observe(target.kube, {item.namespace for item in controllers}), {}
        ),
        unread.read("IAMRoleSelectors", lambda: role_selectors.list_all(target.kube), [])
        if _selects(controllers)
        else [],
        frozenset(f"{item.kind.plural}.{item.kind.group}" for item in cluster.holders or ()),
        target.identity.account,
    )
    waiting = [item for item in map(managed.of_adopted_resource, cluster.adopted or ()) if item]
    crossed = [str(item) for item in cluster.holders or () if crossing.namespaces(item.manifest)]
    crossed += [str(item) for item in cluster.exports or () if item.crosses]
    return {
        "target": target.as_data(),
        "context": _context(target.cluster),
        "issuer": target.cluster.issuer,
        "controllers": [
            {
                "service": item.service,
                "version": item.version,
                "role_arn": item.role_arn,
                "mode": item.mode,
                "read_only": placement.read_only_works(item),
            }
            for item in controllers
        ],
        "trusts": [_trusted(target, role, unread) for role in roles],
        "held": sorted(
            (
                _held(item, controllers, _where(target, observed))
                for item in (*(cluster.holders or ()), *waiting)
                if item.holds and item.key
            ),
            key=lambda one: one["object"],
        ),
        "adopted_resources": sorted(
            f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}" for item in cluster.adopted or ()
        ),
        "crossing": sorted(crossed),
        "bound": _bound(observed),
        "incomplete": [*cluster.notes, *unread.notes, *([unseen] if unseen else [])],
    }


def _identified(target: Target, item: Running, unread: Unread) -> Running:
    """The controller with the role of its association of EKS Pod Identity, which wins over the annotation."""
    found = unread.read(
        f"the association of {item}",
        lambda: target.aws.eks.pod_identity(target.cluster.name, item.namespace, item.service_account),
        None,
        _DENIED,
    )
    return replace(item, role_arn=found.role) if found else item


def _trusted(target: Target, role: str, unread: Unread) -> reports.FleetTrust:
    found = unread.read(
        f"the trust policy of {role}", lambda: target.aws.iam.get_role(role.rpartition("/")[2]), None, _DENIED
    )
    policy = dict(found["trust"]) if found and found["arn"] == role else {}
    return {"role_arn": role, "issuers": trust.issuers(policy), "policy": policy}


def _selects(controllers: Sequence[Running]) -> bool:
    return any(item.mode == SELECTOR for item in controllers)


def _context(cluster: Cluster) -> str:
    """The kubeconfig's context that connects to the cluster: the one of its ARN, or the current one; "" for neither."""
    for name in (cluster.arn, ""):
        try:
            found = kubeconfig.load(context=name)
        except AcksmError:  # none, or of a tool that acksm does not start
            continue
        if kubeconfig.is_server(found, cluster.endpoint):
            return found.name
    return ""


def _where(target: Target, observed: placement.Observed) -> Where:
    """Account and region of an object that is not synced yet: those of its namespace, else the cluster's."""
    known: dict[tuple[Kind, str], tuple[str, str]] = {}

    def find(item: Holder) -> tuple[str, str]:
        at = (item.kind, item.namespace)
        if at not in known:
            try:
                found = placement.location(observed, item.kind, item.namespace, "")
                known[at] = (found.account, found.region)
            except AcksmError:  # no controller would reconcile it there
                known[at] = ("", "")
        account, region = known[at]
        return account or target.identity.account, region or target.cluster.region

    return find


def _held(item: Holder, controllers: Sequence[Running], where: Where) -> reports.FleetHeld:
    account, region = item.account, item.region
    if not account or not region:
        of_namespace = where(item)
        account = account or of_namespace[0]
        region = region or item.annotations.get(OBJECT_REGION) or of_namespace[1]
    followed = all(
        placement.read_only_works(one)
        for one in controllers
        if one.service == item.kind.service and one.watches(item.namespace)
    )
    return {
        "object": str(item),
        "aws": list(identity(item.kind, item.key, account, region)),
        "read_only": item.annotations.get(READ_ONLY) == "true" and followed,
        "adopted": bool(item.by or item.annotations.get(POLICY)),
    }


def _bound(observed: placement.Observed) -> list[reports.FleetBinding]:
    """What controllers follow: annotations by those with CARM, selectors by those with that mode."""
    found: list[reports.FleetBinding] = []
    for name, namespace in sorted(observed.namespaces.items()):
        watching = [item for item in observed.running if item.watches(name)]
        by_map = [item for item in watching if item.mode == CARM]
        subject = effective(namespace, by_map)
        if subject and by_map and name not in IGNORED_NAMESPACES:
            of_team = subject.level == carm.TEAM_LEVEL
            roles = _roles(observed, by_map, subject)
            account = _account(roles) if of_team else subject.id
            found.append(_binding(name, CARM, account, subject.id if of_team else "", roles))
        if _selects(watching):
            arns = {item.arn for item in observed.by_namespace.fitting(name, namespace.labels)}
            found += [_binding(name, SELECTOR, _account([arn]), "", [arn]) for arn in sorted(arns)]
    return found


def _binding(name: str, mode: str, account: str, team: str, roles: Sequence[str]) -> reports.FleetBinding:
    return {"namespace": name, "mode": mode, "account": account, "team": team, "role_arns": list(roles)}


def _roles(observed: placement.Observed, controllers: Sequence[Running], subject: role_map.Subject) -> list[str]:
    """The roles that the controllers' maps have for it."""
    maps = [observed.maps.get((item.namespace, subject.map)) for item in controllers]
    return sorted({role for found in maps if found for key in subject.keys if (role := found.get(key))})


def _account(roles: Sequence[str]) -> str:
    parts = roles[0].split(":") if roles else []
    return parts[4] if len(parts) > 4 else ""
