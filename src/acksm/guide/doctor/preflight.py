"""Preflight checks: tools, account, cluster, network, and the caller's permissions. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator

from acksm.ack import charts
from acksm.aws.eks import MINIMUM_KUBERNETES, Cluster
from acksm.aws.session import Identity
from acksm.engine.change import Plan
from acksm.engine.checks import Check, Definition, Severity, State, failed, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Facts, services_installed
from acksm.kube.kubeconfig import Context, is_server
from acksm.live import capability
from acksm.live.placement import Fit
from acksm.words import counted

ERROR, WARNING = Severity.ERROR, Severity.WARNING
TOOLS, ACCOUNT, CLUSTER, NETWORK, RIGHTS = "tools", "account", "cluster", "network", "rights"
# errors that mean that the check failed; any other means that it could not be done
_CREDENTIALS = {"aws-no-credentials", "aws-expired-credentials", "aws-profile-unknown"}
# what install refuses because it is not owned: a warning
_NOT_OWNED = {"release-not-ours", "role-not-ours", "crd-not-ours", "release-busy"}
_CLUSTER_ERRORS = {"cluster-unknown", "cluster-not-active", "cluster-missing", "cluster-no-issuer"}


def _error(name: str, where: str, error: AcksmError, ids: set[str]) -> Check:
    return failed(name, where, error) if error.id in ids else unread(name, where, error)


def _ok(name: str, where: str, text: str = "") -> Check:
    return Check(name, State.OK, where, text)


def _helm(facts: Facts) -> Iterator[Check]:
    found = facts.helm
    if isinstance(found, AcksmError):
        yield _error("check.helm", "this machine", found, {"helm-missing", "helm-too-old"})
    else:
        yield _ok("check.helm", "this machine", found)


def _region(facts: Facts) -> Iterator[Check]:
    name, region = "check.region", facts.region
    if isinstance(region, AcksmError):
        yield _error(name, "settings", region, {"aws-region-missing", "aws-profile-unknown"})
        return
    known = facts.regions.get("sts", ())
    if not known:
        yield Check(name, State.UNKNOWN, region, "the table of regions could not be read")
        return
    if region not in known:
        yield Check(name, State.FAILED, region, f"{region} is not a region of this partition")
        return
    without = [name for name in facts.settings.controllers.service if region not in facts.regions.get(name, ())]
    if without:
        yield Check(name, State.FAILED, region, f"{', '.join(without)} is not available in {region}")
    else:
        yield _ok(name, region)


def _credentials(facts: Facts) -> Iterator[Check]:
    found = facts.identity
    if isinstance(found, AcksmError):
        yield _error("check.credentials", "AWS", found, _CREDENTIALS)
    else:
        yield _ok("check.credentials", found.arn)


def _account(facts: Facts) -> Iterator[Check]:
    found, pinned = facts.identity, facts.settings.target.account
    if isinstance(found, Identity):
        if pinned and found.account != pinned:
            text = f"the credentials are for account {found.account}, but --account is {pinned}"
            yield Check("check.account", State.FAILED, found.arn, text)
        else:
            yield _ok("check.account", found.account, "as set by --account" if pinned else "--account is not set")


def _cluster(facts: Facts) -> Iterator[Check]:
    found = facts.cluster
    if isinstance(found, AcksmError):
        yield (
            Check("check.cluster", State.OK, found.where, "")
            if found.id == "cluster-too-old"
            else _error("check.cluster", facts.settings.target.cluster, found, _CLUSTER_ERRORS)
        )
    else:
        yield _ok("check.cluster", found.name, f"{found.status} in {found.region}")


def _version(facts: Facts) -> Iterator[Check]:
    found = facts.cluster
    if isinstance(found, AcksmError):
        yield _error("check.kubernetes-version", facts.settings.target.cluster, found, {"cluster-too-old"})
    else:
        minimum = ".".join(map(str, MINIMUM_KUBERNETES))
        yield _ok("check.kubernetes-version", found.name, f"{found.version} (at least {minimum})")


def _partition(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.identity, Identity) and isinstance(facts.cluster, Cluster):
        partition, where = facts.identity.partition, facts.cluster.arn
        same = where.split(":")[1] == partition and facts.cluster.account == facts.identity.account
        text = f"partition {partition}, account {facts.identity.account}"
        state = State.OK if same else State.FAILED
        yield Check("check.partition", state, where, text if same else f"the caller is in {text}")


def _context(facts: Facts) -> Iterator[Check]:
    found = facts.context
    if isinstance(found, AcksmError):
        yield failed("check.context", found.where, found)
    elif not isinstance(found, Context):
        yield _ok("check.context", "", "no context is used; the endpoint comes from EKS")
    elif isinstance(facts.cluster, Cluster) and not is_server(found, facts.cluster.endpoint):
        text = f"its server is {found.server}, but the cluster's endpoint is {facts.cluster.endpoint}"
        yield Check("check.context", State.FAILED, f"context {found.name}", text)
    else:
        yield _ok("check.context", f"context {found.name}", found.server)


def _apiserver(facts: Facts) -> Iterator[Check]:
    found, name = facts.server, "check.apiserver"
    if facts.connection is not None:
        yield failed(name, "", facts.connection)
    elif isinstance(found, AcksmError):
        yield _error(name, "", found, {"kube-unreachable", "kube-unauthorized", "kube-forbidden"})
    else:
        yield _ok(name, facts.cluster.endpoint if isinstance(facts.cluster, Cluster) else "", f"Kubernetes {found}")


def _compute(facts: Facts) -> Iterator[Check]:
    name, found = "check.compute", facts.nodes
    if isinstance(found, AcksmError):
        yield unread(name, "nodes", found)
        return
    cluster = facts.cluster.name if isinstance(facts.cluster, Cluster) else ""
    states = {Fit.YES: State.OK, Fit.MAYBE: State.WARNING, Fit.NO: State.FAILED}
    for placement in dict.fromkeys(found):  # each answer once, however many controllers have it
        yield Check(
            name, states[placement.fit], "nodes", placement.text, placement.remedy.replace("{cluster}", cluster)
        )
        yield from (Check(name, State.WARNING, "nodes", note) for note in placement.notes)


def _namespace(facts: Facts) -> Iterator[Check]:
    name, found = facts.settings.target.controller_namespace, facts.namespace
    where = f"namespace {name}"
    if isinstance(found, AcksmError):
        yield unread("check.namespace", where, found)
    elif found is None:
        yield Check("check.namespace", State.OK, where, "does not exist yet; acksm install creates it")
    elif found["metadata"].get("deletionTimestamp"):
        yield Check("check.namespace", State.FAILED, where, "is being deleted")
    else:
        yield _ok("check.namespace", where)


def _registry(facts: Facts) -> Iterator[Check]:
    requested = facts.settings.controllers
    for service in requested.chart:
        yield _ok("check.registry", charts.chart_name(service), "not checked: --chart is set")
    for (service, location), found in facts.registry.items():
        where = f"{location}/{charts.chart_name(service)}"
        if isinstance(found, AcksmError):
            sure = found.id.startswith("registry-") or found.id in {"chart-version-unknown", "aws-access-denied"}
            yield _error("check.registry", where, found, {found.id} if sure else set())
        else:
            yield _ok("check.registry", where, f"version {found}")


def _capability(facts: Facts) -> Iterator[Check]:
    where = facts.cluster.name if isinstance(facts.cluster, Cluster) else ""
    if isinstance(facts.capabilities, AcksmError):
        yield unread("check.capability", where, facts.capabilities)
        return
    if not facts.capabilities:
        yield _ok("check.capability", where, "the cluster has no EKS capability for ACK")
        return
    if isinstance(facts.deployed, AcksmError):
        yield unread("check.capability", where, facts.deployed)
        return
    deployed = facts.deployed
    requested = facts.settings.controllers.service
    turns = dict.fromkeys([item.running.service for item in deployed] or requested, False)
    turns |= {
        item.running.service: capability.flags_share(item.flags.values, item.running.namespace) for item in deployed
    }
    judged = capability.judge(facts.capabilities, turns)
    try:
        judged.raise_conflict(where, [name for name in turns if name not in judged.services], services_installed(facts))
    except AcksmError as error:
        yield failed("check.capability", where, error)
    unhealthy = [item for item in facts.capabilities if item.issues or item.status not in capability.WORKING]
    for item in unhealthy if not judged.conflicts else ():
        yield Check("check.capability", State.WARNING, where, f"EKS capability {capability.described(item)}")
    if not (judged.conflicts or unhealthy):
        yield _ok("check.capability", where, "; ".join(judged.notes))


def _iam(facts: Facts) -> Iterator[Check]:
    name, found = "check.iam-rights", facts.iam
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for command, lacking in found.items():
        where, remedy = f"acksm {command}", f"acksm doctor --print-policy {command.replace(' ', '-')}"
        if lacking is None:
            yield Check(name, State.UNKNOWN, where, "could not be simulated in IAM", remedy)
        elif lacking:
            yield Check(name, State.FAILED, where, f"missing permissions: {', '.join(lacking)}", remedy)
        else:
            yield _ok(name, where)


def _plan(facts: Facts) -> Iterator[Check]:
    found = facts.plan
    if isinstance(found, Plan):
        count = len(found.mutations)
        yield _ok("check.plan", "acksm install", f"{counted(count, 'change')} to apply" if count else "up to date")
    elif found.id in _NOT_OWNED:
        yield Check("check.plan", State.WARNING, found.where, f"{found.id}: {found.message}", found.remedy)
    elif found.id in {"aws-access-denied", "kube-forbidden"} or found.id.startswith("registry-"):
        yield unread("check.plan", "acksm install", found)
    else:
        yield failed("check.plan", "acksm install", found)


def _plan_rights(facts: Facts) -> Iterator[Check]:
    found = facts.plan_rights
    if isinstance(found, AcksmError):
        yield unread("check.plan-rights", "acksm install", found)
        return
    for text in found.lacking:
        yield Check("check.plan-rights", State.FAILED, "acksm install", text)
    for text in found.unknown:
        yield Check("check.plan-rights", State.UNKNOWN, "acksm install", text, expected=True)
    if not found.lacking and not found.unknown:
        yield _ok(
            "check.plan-rights", "acksm install", "the plan's permissions are allowed, as far as IAM reports them"
        )


CHECKS: tuple[Definition[Facts], ...] = (
    Definition("check.helm", TOOLS, ERROR, _helm),
    Definition("check.region", ACCOUNT, ERROR, _region),
    Definition("check.credentials", ACCOUNT, ERROR, _credentials),
    Definition("check.account", ACCOUNT, ERROR, _account, ("check.credentials",)),
    Definition("check.cluster", CLUSTER, ERROR, _cluster, ("check.region", "check.credentials")),
    Definition("check.partition", ACCOUNT, ERROR, _partition, ("check.cluster",)),
    Definition("check.kubernetes-version", CLUSTER, ERROR, _version, ("check.cluster",)),
    Definition("check.context", CLUSTER, ERROR, _context, ("check.cluster",)),
    Definition(
        "check.apiserver",
        CLUSTER,
        ERROR,
        _apiserver,
        ("check.account", "check.kubernetes-version", "check.partition", "check.context"),
    ),
    Definition("check.compute", CLUSTER, ERROR, _compute, ("check.apiserver",)),
    Definition("check.namespace", CLUSTER, ERROR, _namespace, ("check.apiserver",)),
    Definition("check.registry", NETWORK, ERROR, _registry),
    Definition("check.capability", CLUSTER, ERROR, _capability, ("check.cluster", "check.apiserver")),
    Definition("check.iam-rights", RIGHTS, WARNING, _iam, ("check.apiserver",)),
    Definition(
        "check.plan", RIGHTS, ERROR, _plan, ("check.helm", "check.apiserver", "check.compute", "check.registry")
    ),
    Definition("check.plan-rights", RIGHTS, ERROR, _plan_rights, ("check.plan",)),
)
