"""What `identity status` reads of each controller: annotation, association, pods, and the trust of the roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import cache
from typing import TypeVar

from acksm.aws.documents import Role
from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.identity import oidc, pod_trust, trust
from acksm.guide.identity.judged import Verdict
from acksm.json_types import Manifest
from acksm.live import discovery, identities, readiness
from acksm.live.identities import Reading, Trust, Way
from acksm.live.running import Running

Found = TypeVar("Found")


@dataclass(frozen=True)
class Seen:
    """The controllers of the controllers' namespace. `hidden`: why they could not be read, "" where they could."""

    readings: tuple[Reading, ...] = ()
    hidden: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def observe(target: Target) -> Seen:
    """Read all of it, concurrently. What is denied or fails is an error in its place."""
    namespace = target.settings.controller_namespace
    found = discovery.visible(target.kube, namespace)
    with ThreadPoolExecutor(max_workers=4) as pool:
        readings = tuple(pool.map(lambda item: of(target, item), found.own))
    readings = tuple(with_trust(target, readings))
    elsewhere = [f"{item.service} is found in {item.namespace} too: use -n {item.namespace}" for item in found.others]
    unseen = found.unseen(namespace) if not found.hidden else ""
    notes = [*elsewhere, *([f"not checked: {unseen}"] if unseen else [])]
    return Seen(readings, found.hidden, tuple(dict.fromkeys(notes)))


def of(target: Target, item: Running) -> Reading:
    """One controller, without the trust of its roles."""
    namespace, account = item.namespace, item.service_account
    association = _or_error(lambda: target.aws.eks.pod_identity(target.cluster.name, namespace, account))
    pods = _or_error(lambda: tuple(pods_of(target, item)))
    return Reading(item.service, namespace, account, item.deployment, item.role_arn, association, pods)


def pods_of(target: Target, item: Running) -> list[identities.Pod]:
    """The pods of a controller; those that are terminating, and records of those that ended, are left out."""
    return [
        identities.pod(one) for one in readiness.pods_of(target.kube, item.namespace, item.release) if is_current(one)
    ]


def is_current(pod: Manifest) -> bool:
    """Whether it runs, or will: not one that is terminating, or the record of one that ended."""
    over = (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}
    return not over and not pod["metadata"].get("deletionTimestamp")


def _or_error(read: Callable[[], Found]) -> Found | AcksmError:
    try:
        return read()
    except AcksmError as error:
        return error


def with_trust(target: Target, readings: Iterable[Reading]) -> list[Reading]:
    """The readings, each with whether the roles of its ways trust it."""
    provider = cache(lambda: _or_error(lambda: oidc.observe(target.aws, target.cluster)))
    role_of = cache(lambda arn: _or_error(lambda: target.aws.iam.get_role(arn.rpartition("/")[2])))

    def of_way(reading: Reading, way: Way) -> Trust | None:
        association = reading.association
        through = association.through if way is Way.POD_IDENTITY and isinstance(association, Association) else ""
        arn = through or reading.role(way)
        if not arn:
            return None
        if f"::{target.identity.account}:" not in arn:
            return Trust(None, f"{arn} is in another account, which is not read", expected=True)
        role = role_of(arn)
        if isinstance(role, AcksmError):
            return Trust(None, f"{role.id}: {role.message}")
        if role is None or role["arn"] != arn:
            return Trust(False, "it does not exist in IAM")
        if way is Way.POD_IDENTITY:
            return by_association(role, target.cluster.arn, reading)
        known = provider()
        return (
            Trust(None, f"{known.id}: {known.message}")
            if isinstance(known, AcksmError)
            else by_token(role, known, reading)
        )

    return [
        replace(one, trusts={way: found for way in one.ways if (found := of_way(one, way)) is not None})
        for one in readings
    ]


def by_token(role: Role, provider: oidc.Observed, reading: Reading) -> Trust:
    """Whether the role can be assumed by the service account's token (IRSA)."""
    if provider.lacks:
        return Trust(False, provider.lacks)
    subject = trust.subject(reading.namespace, reading.service_account)
    return _judged(trust.trusts(role["trust"], provider.arn, subject).verdict, f"its trust policy names no {subject}")


def by_association(role: Role, cluster_arn: str, reading: Reading) -> Trust:
    """Whether EKS may give the service account's pods the role (EKS Pod Identity)."""
    association = reading.association
    tags = association.tags if isinstance(association, Association) else True
    subject = trust.subject(reading.namespace, reading.service_account)
    answer = pod_trust.trusts(role["trust"], cluster_arn, subject, tags=tags)
    lacks = f" for {answer.why}" if answer.why.startswith("sts:") else ""
    return _judged(answer.verdict, f"its trust policy does not name {pod_trust.SERVICE} with {subject}{lacks}")


def _judged(verdict: Verdict, why: str) -> Trust:
    if verdict is Verdict.UNKNOWN:
        return Trust(None, "its conditions do not tell", expected=True)
    return Trust(True) if verdict is Verdict.YES else Trust(False, why)
