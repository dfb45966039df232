"""What is wrong between clusters, from the facts of each. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from pydantic import TypeAdapter

from acksm import reports
from acksm.ack import charts
from acksm.json_types import Json
from acksm.live.bindings import shortened

ERROR, WARNING = "error", "warning"
Facts = Mapping[str, reports.FleetFactsReport]


def checked(report: Json) -> reports.FleetFactsReport:
    """The facts in a report of `acksm fleet facts`. Error: pydantic's ValidationError, as they are acksm's own."""
    return TypeAdapter(reports.FleetFactsReport).validate_python(report)


def findings(facts: Facts) -> list[reports.FleetFinding]:
    """Every finding, errors first; `facts` by cluster id."""
    every = [
        *_one_object(facts),
        *_one_role(facts),
        *_one_name(facts),
        *_skew(facts),
        *_leaving(facts),
    ]
    return sorted(every, key=lambda item: (item["severity"] != ERROR, item["id"], item["clusters"], item["text"]))


def _one_object(facts: Facts) -> Iterator[reports.FleetFinding]:
    """Controllers of two clusters that change one AWS resource in turn; a read-only object changes nothing."""
    holders: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for cluster, found in facts.items():
        for item in found["held"]:
            if not item["read_only"]:
                holders[tuple(item["aws"])].append((cluster, item["object"]))
    for aws, held in sorted(holders.items()):
        clusters = sorted({cluster for cluster, _ in held})
        if len(clusters) < 2:
            continue
        service, kind, account, region, *key = aws
        _, name, place = _parts(held[-1][1])
        yield {
            "id": "fleet.resource-in-two-clusters",
            "severity": ERROR,
            "clusters": clusters,
            "text": f"{service} {kind} {'/'.join(filter(None, key))} in {account}, {region} is managed by "
            + shortened([f"{cluster} ({what})" for cluster, what in held]),
            "remedy": f"kubectl annotate {kind.lower()} {name} -n {place} services.k8s.aws/read-only=true"
            "   (in all clusters but one)",
        }


def _parts(shown: str) -> tuple[str, str, str]:
    kind, _, place = shown.partition(" ")
    namespace, _, name = place.partition("/")
    return kind, name, namespace


def _one_role(facts: Facts) -> Iterator[reports.FleetFinding]:
    users: dict[str, set[str]] = defaultdict(set)
    for cluster, found in facts.items():
        for item in found["controllers"]:
            if item["role_arn"]:
                users[item["role_arn"]].add(cluster)
    for role, clusters in sorted(users.items()):
        if len(clusters) > 1:
            yield {
                "id": "fleet.role-in-two-clusters",
                "severity": WARNING,
                "clusters": sorted(clusters),
                "text": f"{role} is used by the controllers of {shortened(sorted(clusters))}",
                "remedy": "acksm install --role-name NAME   (in all clusters but one)",
            }


def _one_name(facts: Facts) -> Iterator[reports.FleetFinding]:
    """Default role names have the cluster's name: two clusters of one name in one account would share a role."""
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for cluster in facts:
        account, _, name = cluster.split("/", 2)
        named[account, name].add(cluster)
    for (account, name), clusters in sorted(named.items()):
        if len(clusters) > 1:
            yield {
                "id": "fleet.name-in-two-regions",
                "severity": WARNING,
                "clusters": sorted(clusters),
                "text": f"account {account} has a cluster {name} in two regions: the default name of their role is one",
                "remedy": "acksm install --role-name NAME   (in all clusters but one)",
            }


def _skew(facts: Facts) -> Iterator[reports.FleetFinding]:
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
            cluster for version, clusters in by_version.items() if version != newest for cluster in clusters
        )
        yield {
            "id": "fleet.version-skew",
            "severity": WARNING,
            "clusters": behind,
            "text": f"{service} has {len(by_version)} versions: "
            + "; ".join(f"{version} in {shortened(sorted(found))}" for version, found in sorted(by_version.items())),
            "remedy": f"acksm fleet upgrade --version {service}={newest}",
        }


def _leaving(facts: Facts) -> Iterator[reports.FleetFinding]:
    """What newer controllers do not handle, or are announced not to."""
    adopted = {cluster: found["adopted_resources"] for cluster, found in facts.items()}
    crossing = {cluster: found["crossing"] for cluster, found in facts.items()}
    for finding, what, remedy, every in (
        ("fleet.adopted-resources", "AdoptedResources, which newer controllers do not handle", _LEFT, adopted),
        ("fleet.cross-namespace", "objects that name another namespace", _CROSSING, crossing),
    ):
        if found := {cluster: objects for cluster, objects in sorted(every.items()) if objects}:
            yield {
                "id": finding,
                "severity": WARNING,
                "clusters": list(found),
                "text": f"{what}: " + "; ".join(f"{len(objects)} in {cluster}" for cluster, objects in found.items()),
                "remedy": remedy,
            }


_LEFT, _CROSSING = "acksm explain adopted-resources-left", "acksm explain check.cross-namespace"
