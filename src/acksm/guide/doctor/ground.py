"""Checks of the ground: tools, account, cluster, network, and what the caller may do. Pure, over `Facts`."""

from __future__ import annotations

from collections.abc import Iterator

from acksm.ack import charts
from acksm.aws.eks import MINIMUM_KUBERNETES, Cluster
from acksm.aws.session import Identity
from acksm.engine.change import Plan
from acksm.engine.checks import Check, Definition, Severity, State, failed, unread
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Facts
from acksm.kube.kubeconfig import Context, is_server

ERROR, WARNING = Severity.ERROR, Severity.WARNING
TOOLS, ACCOUNT, CLUSTER, NETWORK, RIGHTS = "tools", "account", "cluster", "network", "rights"
# errors that say that the thing asked for is not as it should be; any other says that it could not be looked at
_OF_CREDENTIALS = {"aws-no-credentials", "aws-expired-credentials", "aws-profile-unknown"}
# what install leaves alone because somebody else keeps it: nothing is wrong with that
_OF_OTHERS = {"release-not-ours", "role-not-ours", "crd-not-ours", "release-busy"}
_OF_CLUSTER = {"cluster-unknown", "cluster-not-active", "cluster-missing", "cluster-no-issuer"}


def _told(name: str, where: str, error: AcksmError, ids: set[str]) -> Check:
    return failed(name, where, error) if error.id in ids else unread(name, where, error)


def _ok(name: str, where: str, text: str = "") -> Check:
    return Check(name, State.OK, where, text)


def _helm(facts: Facts) -> Iterator[Check]:
    found = facts.helm
    if isinstance(found, AcksmError):
        yield _told("check.helm", "this machine", found, {"helm-missing", "helm-too-old"})
    else:
        yield _ok("check.helm", "this machine", found)


def _region(facts: Facts) -> Iterator[Check]:
    name, region = "check.region", facts.region
    if isinstance(region, AcksmError):
        yield _told(name, "settings", region, {"aws-region-missing", "aws-profile-unknown"})
        return
    known = facts.regions.get("sts", ())
    if not known:
        yield Check(name, State.UNKNOWN, region, "the table of regions could not be read")
        return
    if region not in known:
        yield Check(name, State.FAILED, region, f"{region!r} is no region of this partition")
        return
    without = [name for name in facts.settings.controllers.service if region not in facts.regions.get(name, ())]
    if without:
        yield Check(name, State.FAILED, region, f"{', '.join(without)} is not in {region}")
    else:
        yield _ok(name, region)


def _credentials(facts: Facts) -> Iterator[Check]:
    found = facts.identity
    if isinstance(found, AcksmError):
        yield _told("check.credentials", "AWS", found, _OF_CREDENTIALS)
    else:
        yield _ok("check.credentials", found.arn)


def _account(facts: Facts) -> Iterator[Check]:
    found, pinned = facts.identity, facts.settings.target.account
    if isinstance(found, Identity):
        if pinned and found.account != pinned:
            text = f"the credentials are of account {found.account}, and {pinned} is pinned"
            yield Check("check.account", State.FAILED, found.arn, text)
        else:
            yield _ok("check.account", found.account, "as pinned" if pinned else "not pinned by --account")


def _cluster(facts: Facts) -> Iterator[Check]:
    found = facts.cluster
    if isinstance(found, AcksmError):
        yield (
            Check("check.cluster", State.OK, found.where, "")
            if found.id == "cluster-too-old"
            else _told("check.cluster", facts.settings.target.cluster, found, _OF_CLUSTER)
        )
    else:
        yield _ok("check.cluster", found.name, f"{found.status} in {found.region}")


def _version(facts: Facts) -> Iterator[Check]:
    found = facts.cluster
    if isinstance(found, AcksmError):
        yield _told("check.kubernetes-version", facts.settings.target.cluster, found, {"cluster-too-old"})
    else:
        minimum = ".".join(map(str, MINIMUM_KUBERNETES))
        yield _ok("check.kubernetes-version", found.name, f"{found.version} (at least {minimum})")


def _partition(facts: Facts) -> Iterator[Check]:
    if isinstance(facts.identity, Identity) and isinstance(facts.cluster, Cluster):
        theirs, where = facts.identity.partition, facts.cluster.arn
        same = where.split(":")[1] == theirs and facts.cluster.account == facts.identity.account
        text = f"partition {theirs}, account {facts.identity.account}"
        state = State.OK if same else State.FAILED
        yield Check("check.partition", state, where, text if same else f"the caller is of {text}")


def _context(facts: Facts) -> Iterator[Check]:
    found = facts.context
    if isinstance(found, AcksmError):
        yield failed("check.context", found.where, found)
    elif not isinstance(found, Context):
        yield _ok("check.context", "", "no context is used: EKS names the endpoint")
    elif isinstance(facts.cluster, Cluster) and not is_server(found, facts.cluster.endpoint):
        text = f"its server is {found.server}, and EKS says {facts.cluster.endpoint}"
        yield Check("check.context", State.FAILED, f"context {found.name}", text)
    else:
        yield _ok("check.context", f"context {found.name}", found.server)


def _apiserver(facts: Facts) -> Iterator[Check]:
    found, name = facts.server, "check.apiserver"
    if facts.connection is not None:
        yield failed(name, "", facts.connection)
    elif isinstance(found, AcksmError):
        yield _told(name, "", found, {"kube-unreachable", "kube-unauthorized", "kube-forbidden"})
    else:
        yield _ok(name, facts.cluster.endpoint if isinstance(facts.cluster, Cluster) else "", f"Kubernetes {found}")


def _compute(facts: Facts) -> Iterator[Check]:
    found = facts.nodes
    if isinstance(found, AcksmError):
        yield _told("check.compute", "nodes", found, {"no-nodes"})
    else:
        yield _ok("check.compute", "nodes", found)


def _namespace(facts: Facts) -> Iterator[Check]:
    name, found = facts.settings.target.controller_namespace, facts.namespace
    where = f"namespace {name}"
    if isinstance(found, AcksmError):
        yield unread("check.namespace", where, found)
    elif found is None:
        yield Check("check.namespace", State.OK, where, "not there yet; acksm install makes it")
    elif found["metadata"].get("deletionTimestamp"):
        yield Check("check.namespace", State.FAILED, where, "it is being deleted")
    else:
        yield _ok("check.namespace", where)


def _registry(facts: Facts) -> Iterator[Check]:
    location = facts.settings.controllers.registry
    for service in facts.settings.controllers.service:
        found = facts.registry.get(service)
        where = f"{location}/{charts.chart_name(service)}"
        if found is None:
            yield _ok("check.registry", where, "not asked: --chart names a file")
        elif isinstance(found, AcksmError):
            ids = {"registry-unreachable", "registry-forbidden", "registry-failed", "chart-version-unknown"}
            yield _told("check.registry", where, found, ids)
        else:
            yield _ok("check.registry", where, f"{found} versions")


def _capability(facts: Facts) -> Iterator[Check]:
    where = facts.cluster.name if isinstance(facts.cluster, Cluster) else ""
    if isinstance(facts.capability, AcksmError):
        yield _told("check.capability", where, facts.capability, {"capability-conflict"})
    else:
        yield _ok("check.capability", where, "EKS runs no ACK of its own")


def _iam(facts: Facts) -> Iterator[Check]:
    name, found = "check.iam-rights", facts.iam
    if isinstance(found, AcksmError):
        yield unread(name, "", found)
        return
    for command, lacking in found.items():
        where = f"acksm {command}"
        if lacking is None:
            yield Check(name, State.UNKNOWN, where, "IAM does not tell")
        elif lacking:
            remedy = f"acksm doctor --print-policy {command.replace(' ', '-')}"
            yield Check(name, State.FAILED, where, f"the caller lacks {', '.join(lacking)}", remedy)
        else:
            yield _ok(name, where)


def _plan(facts: Facts) -> Iterator[Check]:
    found = facts.plan
    if isinstance(found, Plan):
        count = len(found.mutations)
        yield _ok("check.plan", "acksm install", f"{count} changes would be made" if count else "nothing is to be done")
    elif found.id in _OF_OTHERS:
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
    for text in found:
        yield Check("check.plan-rights", State.FAILED, "acksm install", text)
    if not found:
        yield _ok("check.plan-rights", "acksm install", "what the plan needs is allowed, as far as IAM tells")


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
