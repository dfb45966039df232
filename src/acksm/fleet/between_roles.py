"""What is wrong between clusters with roles, names and accounts. Pure."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from acksm import reports
from acksm.fleet.remedies import WARNING, Facts, Fleet
from acksm.guide.identity import role_names, trust
from acksm.live.bindings import shortened
from acksm.live.running import CARM
from acksm.words import counted

_OTHERS = "   (each of the others in the same way, with a name of its own)"


def findings(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """The findings, unsorted."""
    for found in (_one_role, _one_name, _trusted, _one_target_role, _contrary, _carm):
        yield from found(facts, fleet)


def _finding(id: str, clusters: Iterable[str], text: str, remedy: str) -> reports.FleetFinding:
    return {"id": id, "severity": WARNING, "clusters": sorted(clusters), "text": text, "remedy": remedy}


def _roles(found: reports.FleetFactsReport) -> set[str]:
    return {item["role_arn"] for item in found["controllers"] if item["role_arn"]}


def _one_role(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    for role, clusters in _by(facts, {cluster: _roles(found) for cluster, found in facts.items()}):
        default = {cluster: role_names.of_cluster(role_names.PREFIX, cluster.split("/", 2)[2]) for cluster in clusters}
        # whose default role it is keeps it
        first, *later = sorted(clusters, key=lambda one: (default[one] != role.rpartition("/")[2], one))
        own = default[later[0]] if default[later[0]] != default[first] else _regional(later[0])
        yield _finding(
            "fleet.role-in-two-clusters",
            clusters,
            f"{role} is used by the controllers of {shortened(clusters)}",
            fleet.command("run", later[:1], "--", "install", "--role-name", own)
            + (_OTHERS if later[1:] else fleet.pinned("role_name", later)),
        )


def _regional(cluster: str) -> str:
    """A role name that no other region's cluster of the same name has by default."""
    _, region, name = cluster.split("/", 2)
    return role_names.of_cluster(role_names.PREFIX, f"{name}-{region}")


def _one_name(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    named: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cluster in sorted(facts):
        account, _, name = cluster.split("/", 2)
        named[name][account].append(cluster)
    for name, by_account in sorted(named.items()):
        role = role_names.of_cluster(role_names.PREFIX, name)
        for account, clusters in by_account.items():
            if len(clusters) > 1 and not _apart([facts[cluster] for cluster in clusters]):
                yield _finding(
                    "fleet.name-in-two-regions",
                    clusters,
                    f"account {account} has a cluster {name} in {counted(len(clusters), 'region')}: "
                    f"the default role of each is {role}",
                    fleet.command("run", clusters[1:2], "--", "install", "--role-name", _regional(clusters[1]))
                    + (_OTHERS if clusters[2:] else fleet.pinned("role_name", clusters[1:])),
                )
        if len(by_account) > 1:
            every = [cluster for clusters in by_account.values() for cluster in clusters]
            shared = sorted(_targets(facts, every[0]).intersection(*(_targets(facts, one) for one in every[1:])))
            yield _finding(
                "fleet.name-in-two-accounts",
                every,
                f"{counted(len(by_account), 'account')} have a cluster {name}: --cluster {name} means each of them, "
                "and the default roles differ by account alone"
                + (f", also in the trust policies of account {shortened(shared)}, which both use" if shared else ""),
                fleet.command("list", every[:1]) + "   (name one by ACCOUNT/REGION/CLUSTER)",
            )


def _apart(found: list[reports.FleetFactsReport]) -> bool:
    """Whether each has a controller role, and none has another's."""
    roles = [_roles(one) for one in found]
    return all(roles) and len(set[str]().union(*roles)) == sum(map(len, roles))


def _targets(facts: Facts, cluster: str) -> set[str]:
    """The other accounts in which a cluster creates objects."""
    own = cluster.partition("/")[0]
    return {item["account"] for item in facts[cluster]["bound"] if item["account"] not in {"", own}}


def _trusted(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """Issuers in the trust policy of a controller role that are no user's of it: of a cluster that was deleted or
    recreated, or that used it before."""
    owners = {found["issuer"].removeprefix("https://"): cluster for cluster, found in sorted(facts.items())}
    for role, clusters in _by(facts, {cluster: _roles(found) for cluster, found in facts.items()}, least=1):
        trusts = [item for one in clusters for item in facts[one]["trusts"] if item["role_arn"] == role]
        named = {issuer: item["policy"] for item in trusts for issuer in item["issuers"]}
        for issuer, policy in sorted(named.items()):
            owner = owners.get(issuer, "")
            if owner in clusters or (not owner and not fleet.whole):
                continue
            whose = f"of {owner}, whose controllers do not use it" if owner else "of no cluster of the fleet"
            kept = json.dumps(trust.without_issuer(policy, issuer))
            words = ["--role-name", role.rpartition("/")[2], "--policy-document", kept]
            profile = fleet.profile(clusters[0])
            yield _finding(
                "fleet.issuer-trusted",
                clusters,
                f"{role}, used by {shortened(clusters)}, trusts the tokens of {issuer}, {whose}",
                shlex.join(["aws", "iam", "update-assume-role-policy", *profile, *words]),
            )


def _one_target_role(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """Roles of other accounts that the controllers of several clusters assume."""
    used = {
        cluster: {
            role
            for item in found["bound"]
            for role in item["role_arns"]
            if role.split(":")[4:5] != [cluster.partition("/")[0]]
        }
        for cluster, found in facts.items()
    }
    for role, clusters in _by(facts, used):
        name, account = role.rpartition("/")[2], role.split(":")[4]
        cluster = clusters[-1].split("/", 2)[2]
        own = role_names.of_cluster(f"{name}-", cluster)
        words = ["--target-account", account, "--target-role-name", own, "--target-profile", "PROFILE"]
        yield _finding(
            "fleet.target-role-in-two-clusters",
            clusters,
            f"{role} is assumed by the controllers of {shortened(clusters)}",
            fleet.command("run", clusters[-1:], "--", "carm", "setup", *words)
            + f"   (then carm bind NAMESPACE --role-arn {role.rpartition('/')[0]}/{own})",
        )


def _contrary(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """A namespace whose objects are created in another account by each of two clusters."""
    places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for cluster, found in facts.items():
        for item in found["bound"]:
            if item["account"]:
                places[item["namespace"]][item["account"]].add(cluster)
    for namespace, by_account in sorted(places.items()):
        clusters = sorted(set[str]().union(*by_account.values()))
        if len(by_account) > 1 and len(clusters) > 1:
            where = [f"{account} in {shortened(sorted(found))}" for account, found in sorted(by_account.items())]
            yield _finding(
                "fleet.namespace-in-two-accounts",
                clusters,
                f"namespace {namespace} is bound to account {'; '.join(where)}",
                fleet.command("run", clusters, "--", "carm", "list"),
            )


def _carm(facts: Facts, fleet: Fleet) -> Iterator[reports.FleetFinding]:
    """Who still binds namespaces by annotations and maps."""
    bound = {
        cluster: [item["namespace"] for item in found["bound"] if item["mode"] == CARM]
        for cluster, found in sorted(facts.items())
    }
    if users := {cluster: names for cluster, names in bound.items() if names}:
        yield _finding(
            "fleet.carm",
            users,
            "namespaces bound by annotation (CARM): "
            + "; ".join(f"{len(names)} in {cluster} ({shortened(names, 3)})" for cluster, names in users.items()),
            fleet.command("run", list(users), "--", "carm", "list"),
        )


def _by(facts: Facts, values: Mapping[str, Iterable[str]], least: int = 2) -> Iterator[tuple[str, list[str]]]:
    """Each value with the clusters that have it, at least so many."""
    found: dict[str, set[str]] = defaultdict(set)
    for cluster in facts:
        for value in values[cluster]:
            found[value].add(cluster)
    for value, clusters in sorted(found.items()):
        if len(clusters) >= least:
            yield value, sorted(clusters)
