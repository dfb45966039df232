"""`acksm fleet facts`: what of one cluster matters to the others. Reads only."""

from __future__ import annotations

from acksm import reports
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.upgrade import touched
from acksm.live import crossing, discovery
from acksm.live.bindings import OWNER, TEAM
from acksm.live.inventory_objects import READ_ONLY
from acksm.live.managed import OBJECT_REGION, Holder, identity
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings


def run(at: TargetSettings, run: RunSettings, ui: Output) -> int:
    """Print the facts; exit 7 where they are not whole. Errors: those of `connect`."""
    with connect(at, run) as target:
        found = of(target)
        code = ExitCode.INCOMPLETE if found["incomplete"] else ExitCode.OK
        lines = [
            f"{item['service']} {item['version']} ({item['mode']}) {item['role_arn']}" for item in found["controllers"]
        ]
        lines += [f"{item['object']}: {'/'.join(item['aws'])}" for item in found["held"]]
        lines += [f"incomplete: {note}" for note in found["incomplete"]]
        ui.result("fleet facts", {**found}, "\n".join(lines), int(code))
        return int(code)


def of(target: Target) -> reports.FleetFactsReport:
    """The facts of a connected cluster."""
    cluster = touched.observe(target.kube)
    running = discovery.observe(target.kube, target.settings.controller_namespace)
    incomplete = [*cluster.notes]
    if unseen := running.unseen(target.settings.controller_namespace):
        incomplete.append(unseen)
    holders = cluster.holders or ()
    namespaces = cluster.namespaces or {}
    crossed = [str(item) for item in holders if not item.by and crossing.namespaces(item.manifest)]
    crossed += [str(item) for item in cluster.exports or () if item.crosses]
    return {
        "target": target.as_data(),
        "issuer": target.cluster.issuer,
        "controllers": [
            {"service": item.service, "version": item.version, "role_arn": item.role_arn, "mode": item.mode}
            for item in (*running.own, *running.others)
        ],
        "held": sorted(
            (_held(target, item) for item in holders if item.holds and item.key), key=lambda one: one["object"]
        ),
        "adopted_resources": sorted(str(item) for item in holders if item.by),
        "crossing": sorted(crossed),
        "bound": sorted(name for name, item in namespaces.items() if {OWNER, TEAM} & set(item.annotations)),
        "incomplete": incomplete,
    }


def _held(target: Target, item: Holder) -> reports.FleetHeld:
    account = item.account or target.identity.account
    region = item.region or item.annotations.get(OBJECT_REGION) or target.cluster.region
    return {
        "object": str(item),
        "aws": list(identity(item.kind, item.key, account, region)),
        "read_only": item.annotations.get(READ_ONLY) == "true",
    }
