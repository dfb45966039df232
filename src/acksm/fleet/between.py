"""What is wrong between clusters, from the facts of each. Pure; roles and accounts are in `between_roles`.

A remedy is for the clusters that came later, where that is known, so that what works is unchanged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from pydantic import TypeAdapter

from acksm import reports
from acksm.ack import charts
from acksm.ack.kinds import KINDS
from acksm.fleet import between_roles
from acksm.fleet.remedies import ERROR, WARNING, Facts, Fleet
from acksm.json_types import Json
from acksm.live.bindings import shortened
from acksm.live.inventory_objects import POLICY as DELETION, READ_ONLY, RETAIN
from acksm.live.managed import ADOPTED_RESOURCE

Held = tuple[str, reports.FleetHeld]  # cluster id, and its object


def checked(report: Json) -> reports.FleetFactsReport:
    """The facts in a report of `acksm fleet facts`. Error: pydantic's ValidationError, as they are acksm's own."""
    return _shape().validate_python(report)


@cache
def _shape() -> TypeAdapter[reports.FleetFactsReport]:
    return TypeAdapter(reports.FleetFactsReport)  # takes longer than what it checks


def findings(facts: Facts, fleet: Fleet | None = None) -> list[reports.FleetFinding]:
    """Every finding, errors first; `facts` by cluster id."""
    at = fleet or Fleet()
    every = [
        *_one_object(facts, at),
        *between_roles.findings(facts, at),
        *_skew(facts, at),
        *_leaving(facts, at),
    ]
    return sorted(every, key=lambda item: (item["severity"] != ERROR, item["id"], item["clusters"], item["text"]))


def _one_object(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """Controllers of two clusters that change one AWS resource in turn; a read-only object changes nothing."""
    holders: dict[tuple[str, ...], list[Held]] = defaultdict(list)
    for cluster, found in sorted(facts.items()):
        for item in found["held"]:
            if not item["read_only"]:
                holders[tuple(item["aws"])].append((cluster, item))
    for aws, held in sorted(holders.items(), key=lambda item: item[0]):
        clusters = sorted({cluster for cluster, _ in held})
        if len(clusters) < 2:
            continue
        service, kind, account, region, *key = aws
        ranked = sorted(held, key=lambda one: one[1]["adopted"])  # who created it keeps it
        later = next(one for one in ranked if one[0] != ranked[0][0])
        yield {
            "id": "fleet.resource-in-two-clusters",
            "severity": ERROR,
            "clusters": clusters,
            "text": f"{service} {kind} {'/'.join(filter(None, key))} in {account}, {region} is managed by "
            + shortened([f"{cluster} ({item['object']})" for cluster, item in held]),
            "remedy": _let_go(facts, fleet, service, later)
            + ("   (and in every other cluster but one)" if len(clusters) > 2 else ""),
        }


def _let_go(facts: Facts, fleet: Fleet, service: str, held: Held) -> str:
    """The commands after which one cluster no longer changes the AWS resource."""
    cluster, item = held
    kind, _, place = item["object"].partition(" ")
    namespace, _, name = place.partition("/")
    kubectl, connect = fleet.kubectl(cluster, facts[cluster])
    if kind == ADOPTED_RESOURCE:  # it is not adopted yet
        return f"{connect}{kubectl} delete adoptedresources.services.k8s.aws {name} -n {namespace}"
    of_kind = KINDS[service][kind]
    named = f"{of_kind.plural}.{of_kind.group} {name} -n {namespace}"
    following = [one["read_only"] for one in facts[cluster]["controllers"] if one["service"] == service]
    if following and all(following):
        return f"{connect}{kubectl} annotate {named} {READ_ONLY}=true --overwrite"
    retained = f"{kubectl} annotate {named} {DELETION}={RETAIN} --overwrite"
    return f"{connect}{retained} && {kubectl} delete {named}"


def _skew(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    versions: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cluster, found in facts.items():
        for item in found["controllers"]:
            versions[item["service"]][item["version"]].add(cluster)
    for service, by_version in sorted(versions.items()):
        known = [version for version in by_version if charts.is_version(version)]
        if len(by_version) < 2 or not known:
            continue
        newest = max(known, key=charts.parse)
        behind = sorted(
            {cluster for version, clusters in by_version.items() if version != newest for cluster in clusters}
        )
        yield {
            "id": "fleet.version-skew",
            "severity": WARNING,
            "clusters": behind,
            "text": f"{service} has {len(by_version)} versions: "
            + "; ".join(f"{version} in {shortened(sorted(found))}" for version, found in sorted(by_version.items())),
            "remedy": fleet.command("upgrade", behind, "--version", f"{service}={newest}")
            + fleet.pinned("version", behind),
        }


def _leaving(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """What newer controllers do not handle, or are announced not to."""
    for finding, what, objects, words in (
        (
            "fleet.adopted-resources",
            "AdoptedResources, which newer controllers do not handle",
            {cluster: found["adopted_resources"] for cluster, found in facts.items()},
            ("upgrade", "--convert-adopted"),
        ),
        (
            "fleet.cross-namespace",
            "objects that name another namespace",
            {cluster: found["crossing"] for cluster, found in facts.items()},
            ("run", "--", "install", "--set", "enableCrossNamespace=true"),
        ),
    ):
        if found := {cluster: names for cluster, names in sorted(objects.items()) if names}:
            yield {
                "id": finding,
                "severity": WARNING,
                "clusters": list(found),
                "text": f"{what}: " + "; ".join(_counted(cluster, names) for cluster, names in found.items()),
                "remedy": fleet.command(words[0], list(found), *words[1:]),
            }


def _counted(cluster: str, names: Sequence[str]) -> str:
    return f"{len(names)} in {cluster} ({shortened(names, 3)})"
