"""What `acksm status` reads besides the releases and their drift.

Whether the controllers can assume their roles (running pods keep their credentials for up to an hour after it no
longer does), controllers outside the controllers' namespace, and what no controller watches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from functools import cache

from acksm.ack import charts
from acksm.aws.documents import Trusting
from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.identity import associations, oidc, pod_trust, trust, ways
from acksm.guide.identity.judged import Verdict
from acksm.guide.install.release import Observed as Release
from acksm.kube.api import Reviewer
from acksm.kube.paths import ref
from acksm.live import discovery, inventory, unattended
from acksm.live.bindings import shortened
from acksm.live.inventory import Inventory
from acksm.live.readiness import Health
from acksm.words import counted


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, of a service or ("") of none, and the command that fixes it."""

    service: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Standing:
    """What was found. `unknown`: what could not be read, and why. `roles`: by service, the role of an association."""

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)


NOTHING_WRONG = Standing()


def observe(target: Target, kube: Reviewer, releases: Mapping[str, Release]) -> Standing:
    """Read it concurrently, the cluster by `kube`. Reads only; what fails is `unknown`."""
    namespace = target.settings.controller_namespace
    with ThreadPoolExecutor(max_workers=2) as pool:
        roles = pool.submit(_roles, target, releases)
        cluster = pool.submit(inventory.observe, kube, namespace, watched=False)
        found = roles.result()
        problems, notes, unknown = list(found.problems), list(found.notes), list(found.unknown)
        try:
            seen = cluster.result()
        except AcksmError as error:
            unknown.append(f"objects and bindings that no controller watches: {error.id}: {error.message}")
        else:
            problems += of_cluster(seen)
            notes += elsewhere(seen, namespace)
            if seen.controllers.partial:
                unknown.append(seen.controllers.unseen(namespace))
            unknown += seen.forbidden
    try:
        notes += _without_namespace(target, releases)
    except AcksmError as error:
        unknown.append(f"namespace {namespace}: {error.id}: {error.message}")
    return Standing(tuple(problems), tuple(notes), tuple(unknown), found.roles)


def _without_namespace(target: Target, releases: Mapping[str, Release]) -> Iterator[str]:
    namespace = target.settings.controller_namespace
    if not any(item.version for item in releases.values()) and target.kube.get(ref("Namespace", namespace)) is None:
        yield f"namespace {namespace} does not exist"


def _roles(target: Target, releases: Mapping[str, Release]) -> Standing:
    """Whether each installed controller can assume its role, by each way that its pods use or would use."""
    problems, notes, unknown = list[Problem](), list[str](), list[str]()
    roles: dict[str, str] = {}
    provider = cache(lambda: oidc.observe(target.aws, target.cluster))
    associated = cache(
        lambda: associations.of_namespace(target.aws, target.cluster, target.settings.controller_namespace)
    )
    role_of = cache(lambda arn: target.aws.iam.get_trust(arn.rpartition("/")[2]))
    for service, item in releases.items():
        health = item.health
        if not item.version or not health:
            continue
        account = (target.settings.controller_namespace, health.service_account)
        try:
            association = associated().get(account)
        except AcksmError as error:
            unknown.append(f"associations of EKS Pod Identity: {error.id}: {error.message}")
            continue
        if association:
            roles[service] = association.role
        if lost := without_association(health, association):
            again = "acksm install" if health.service_account_role else "acksm install --identity pod-identity"
            problems.append(Problem(service, lost, again))
        for use in ways.used(health.service_account_role, association, health.pods):
            if f"::{target.identity.account}:" not in use.role:
                notes.append(f"not checked: role {use.role}, which is in another account")
                continue
            try:
                role = role_of(use.role)
                role = role if role and role["arn"] == use.role else None
                if use.way == ways.POD_IDENTITY:
                    tags = association is None or association.tags
                    why = broken_for_pods(role, target.cluster.arn, trust.subject(*account), tags=tags)
                else:
                    why = broken(role, provider(), trust.subject(*account))
            except AcksmError as error:
                unknown.append(f"whether the controllers may assume role {use.role}: {error.id}: {error.message}")
                continue
            if why:
                soon = "within hours" if use.way == ways.POD_IDENTITY else "within the hour"
                text = f"role {use.role}: {why}; the pods lose their credentials {soon}"
                owned = role is None or oidc.is_owned(role["tags"], target.cluster.arn)
                problems.append(Problem(service, text, "acksm install" if owned else "acksm doctor"))
    return Standing(tuple(problems), tuple(notes), tuple(dict.fromkeys(unknown)), roles)


def without_association(health: Health, association: Association | None) -> str:
    """Why pods that got their role by an association will lose it; "" where they do not. Pure."""
    by_agent = [pod for pod in health.pods if pod.by_agent and not pod.role_arn]
    if association is not None or not by_agent:
        return ""
    after = health.service_account_role
    then = f"pods created later have {after} of the annotation" if after else "pods created later have no role"
    which = f"service account {health.service_account}, from which pod {by_agent[0].name} has its role"
    return f"the EKS Pod Identity association of {which}, was deleted; {then}"


def broken(role: Trusting | None, provider: oidc.Observed, subject: str) -> str:
    """Why a service account cannot assume the role; "" where it can, or where its conditions do not tell. Pure."""
    if role is None:
        return "does not exist in IAM"
    if provider.lacks:
        return provider.lacks
    verdict = trust.trusts(role["trust"], provider.arn, subject).verdict
    return f"its trust policy does not allow {subject}" if verdict is Verdict.NO else ""


def broken_for_pods(role: Trusting | None, cluster_arn: str, subject: str, *, tags: bool) -> str:
    """The same for an association with the role, of whose sessions `tags` says whether they have tags. Pure."""
    if role is None:
        return "does not exist in IAM"
    answer = pod_trust.trusts(role["trust"], cluster_arn, subject, tags=tags)
    if answer.verdict is not Verdict.NO:
        return ""
    return f"its trust policy does not allow {pod_trust.SERVICE} for {subject} ({answer.why})"


def of_cluster(found: Inventory) -> Iterator[Problem]:
    """What waits for a controller that does not watch it. Pure."""
    stuck = unattended.stuck(found)
    if stuck:
        text = f"stuck in Terminating, as no controller watches {_them(len(stuck))}: {shortened(stuck)}"
        yield Problem("", text, unattended.stuck_remedy(found))
    ignored = unattended.bindings(found)
    if ignored:
        text = f"bound, but no controller watches {_them(len(ignored))}: "
        text += shortened([f"namespace {name} ({key})" for name, key in ignored.items()])
        yield Problem("", text, unattended.watching(ignored))


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def elsewhere(found: Inventory, namespace: str) -> Iterator[str]:
    """Controllers that run beside the controllers' namespace, and objects that no controller watches. Pure."""
    own = {item.service: item for item in found.controllers.own}
    for item in found.controllers.remaining():
        meeting = own.get(item.service)
        if meeting is not None and meeting is not item and meeting.meets(item):
            yield f"{discovery.described(item)} and {meeting} reconcile the same objects"
        elif meeting is None and item.namespace != namespace:
            how = f": use -n {item.namespace}" if item.release == charts.release_name(item.service) else ""
            yield f"{item.service} is found in {item.namespace}{how}"
    alone = [item for item in unattended.objects(found) if not item.terminating]
    if alone:
        yield f"{counted(len(alone), 'object')} that no controller watches: {shortened(alone)}"
