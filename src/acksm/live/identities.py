"""Which AWS identity a controller's pods have, by which way, and what is wrong with it.

EKS's webhook decides when a pod is created: an association of EKS Pod Identity wins over the service account's
annotation (docs/ack/identity.md#pod-identity). What a pod got is kept for its life, so what counts is the pod itself,
not the annotation or the association of today. Reading and judging are apart: `pod`, then `judge`, both pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from acksm.aws.eks import Association
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Manifest
from acksm.kube import conditions
from acksm.live.readiness import AGENT_ENV, IDENTITY_ENV

# Variables that SDKs read before any role (docs/ack/identity.md#order-of-the-sdk)
_FIRST = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID")
_FILE = "AWS_SHARED_CREDENTIALS_FILE"


class Way(StrEnum):
    """How a pod gets credentials. `NODE`: by nothing of its own, so that SDKs ask for the node's; `NONE`: the same, in
    a pod that is not ready, as a controller without credentials exits."""

    IRSA = "irsa"
    POD_IDENTITY = "pod-identity"
    STATIC = "static"
    NODE = "node"
    NONE = "none"


# The audience of the token that the webhook mounts for each way
AUDIENCES = {Way.IRSA: "sts.amazonaws.com", Way.POD_IDENTITY: "pods.eks.amazonaws.com"}


@dataclass(frozen=True)
class Pod:
    """A pod and its identity. `role`: of its variables, "" where they name none, as with EKS Pod Identity. `proofs`:
    what shows it: `variables`, `token` (the mounted one has the way's audience), `ready` (the controller asks STS who
    it is at its start, docs/ack/identity.md#readiness)."""

    name: str
    created: str
    ready: bool
    way: Way
    role: str = ""
    proofs: tuple[str, ...] = ()


def pod(manifest: Manifest) -> Pod:
    """What a pod has, by its variables and volumes."""
    spec, metadata = manifest.get("spec") or {}, manifest["metadata"]
    env = {
        str(item.get("name")): str(item.get("value", ""))
        for container in spec.get("containers") or []
        for item in container.get("env") or []
    }
    ready = conditions.holds(manifest, "Ready")
    way = _way(env, ready)
    shown = {
        "variables": way in AUDIENCES or way is Way.STATIC,
        "token": AUDIENCES.get(way) in set(_audiences(spec)),
        "ready": ready,
    }
    role = env.get(IDENTITY_ENV[0], "") if way is Way.IRSA else ""
    proofs = tuple(name for name, holds in shown.items() if holds)
    return Pod(str(metadata["name"]), str(metadata.get("creationTimestamp") or ""), ready, way, role, proofs)


def _way(env: Mapping[str, str], ready: bool) -> Way:
    if any(name in env for name in _FIRST):
        return Way.STATIC
    if all(env.get(name) for name in IDENTITY_ENV):
        return Way.IRSA
    if _FILE in env:
        return Way.STATIC
    if AGENT_ENV in env:
        return Way.POD_IDENTITY
    return Way.NODE if ready else Way.NONE


def _audiences(spec: Manifest) -> Iterator[str]:
    for volume in spec.get("volumes") or []:
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield str((source.get("serviceAccountToken") or {}).get("audience", ""))


@dataclass(frozen=True)
class Trust:
    """Whether the role that a way leads to trusts it, and `why` not; `holds` is None where that is not known, which is
    `expected` where no right of the caller would change it."""

    holds: bool | None
    why: str = ""
    expected: bool = False


@dataclass(frozen=True)
class Reading:
    """What was read of one controller; an AcksmError where it could not be. `annotation` is "" for none. `trusts` by
    the way, of those that a pod has or would get."""

    service: str
    namespace: str
    service_account: str
    deployment: str
    annotation: str | AcksmError
    association: Association | AcksmError | None
    pods: Sequence[Pod] | AcksmError = ()
    trusts: Mapping[Way, Trust] = field(default_factory=dict)

    @property
    def ways(self) -> list[Way]:
        """The ways by which its pods have a role, or would get one if they were created now."""
        pods = [] if isinstance(self.pods, AcksmError) else self.pods
        found = [one.way for one in pods] + [way for way, there in self._given() if there]
        return [way for way in AUDIENCES if way in found]

    def _given(self) -> Iterator[tuple[Way, bool]]:
        yield Way.IRSA, isinstance(self.annotation, str) and bool(self.annotation)
        yield Way.POD_IDENTITY, isinstance(self.association, Association)

    def role(self, way: Way) -> str:
        """The role that a way leads to now, "" for none or where it is unknown."""
        if way is Way.POD_IDENTITY:
            return self.association.role if isinstance(self.association, Association) else ""
        return self.annotation if way is Way.IRSA and isinstance(self.annotation, str) else ""


@dataclass(frozen=True)
class Problem:
    """Something wrong, by an id of the catalogue. `pod` is "" where it is of the whole controller."""

    id: str
    text: str
    remedy: str = ""
    pod: str = ""


@dataclass(frozen=True)
class Verdict:
    """What `judge` says of one controller. `now`: the way of a pod that would be created now, None where that is
    unknown, and `role` the role of its sessions. `roles`: that of each pod, by name, None where it is unknown."""

    now: Way | None
    role: str | None
    roles: Mapping[str, str | None]
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def judge(reading: Reading, cluster: str, region: str) -> Verdict:
    """Compare what each pod has with what a pod would get that is created now; `cluster` and `region` are for
    remedies."""
    annotation, association = reading.annotation, reading.association
    unknown = [
        f"{what}: {found.id}: {found.message}"
        for what, found in (
            (f"the annotation of {_account(reading)}", annotation),
            (f"the association of {_account(reading)}", association),
            (f"the pods of {reading.service}", reading.pods),
        )
        if isinstance(found, AcksmError)
    ]
    notes = list[str]()
    now, role = _now(annotation, association)
    problems = [*_of_both(reading, cluster, region), *_of_trust(reading)]
    if now is Way.NONE:
        text = f"{_account(reading)} has neither an association nor a role annotation"
        problems.append(Problem("identity-missing", text, "acksm install"))
    for way, trust in reading.trusts.items():
        if trust.holds is None:
            text = f"whether {reading.role(way)} trusts {_account(reading)} ({way}): {trust.why}"
            (notes if trust.expected else unknown).append(text)
    roles: dict[str, str | None] = {}
    for one in () if isinstance(reading.pods, AcksmError) else reading.pods:
        roles[one.name] = _role_of(one, association)
        problems += _of_pod(one, reading)
    return Verdict(now, role, roles, tuple(problems), tuple(unknown), tuple(f"not checked: {text}" for text in notes))


def _account(reading: Reading) -> str:
    return f"service account {reading.namespace}/{reading.service_account}"


def _now(annotation: str | AcksmError, association: Association | AcksmError | None) -> tuple[Way | None, str | None]:
    """The webhook's rule: an association first, then the annotation."""
    if isinstance(association, Association):
        return Way.POD_IDENTITY, association.role
    if isinstance(association, AcksmError) or isinstance(annotation, AcksmError):
        return None, None
    return (Way.IRSA, annotation) if annotation else (Way.NONE, "")


def _role_of(one: Pod, association: Association | AcksmError | None) -> str | None:
    if one.way is Way.POD_IDENTITY:
        return association.role if isinstance(association, Association) else None
    return one.role if one.way in {Way.IRSA, Way.NONE} else None


def _of_both(reading: Reading, cluster: str, region: str) -> Iterator[Problem]:
    """An annotation and an association that name different roles."""
    annotation, association = reading.annotation, reading.association
    if not isinstance(association, Association) or isinstance(annotation, AcksmError):
        return
    if annotation and annotation != association.role:
        text = f"the association of {_account(reading)} gives its next pods {association.role}, which wins over the "
        text += f"annotation, {annotation}"
        where = f"--cluster-name {cluster} --region {region}"
        account = f"--namespace {reading.namespace} --service-account {reading.service_account}"
        remedy = f"aws eks list-pod-identity-associations {where} {account}"
        yield Problem("identity-roles-differ", text, f"{remedy}   (then update or delete the one that is wrong)")


def _of_trust(reading: Reading) -> Iterator[Problem]:
    for way, trust in reading.trusts.items():
        if trust.holds is False:
            text = f"{reading.role(way)} does not trust {_account(reading)} ({way}): {trust.why}"
            yield Problem("identity-not-trusted", text, f"acksm identity migrate --to {way}")


def _of_pod(one: Pod, reading: Reading) -> Iterator[Problem]:
    """Whether a pod has an identity that its service account gives it, by either way."""
    annotation, association = reading.annotation, reading.association
    restart = f"kubectl -n {reading.namespace} rollout restart deployment {reading.deployment}"
    if one.way is Way.STATIC:
        text = f"pod {one.name} has credentials of its own, which SDKs use before any role"
        remedy = f"kubectl -n {reading.namespace} get deployment {reading.deployment} -o yaml"
        yield Problem("identity-static", text, f"{remedy}   (then remove its AWS_ variables from the values)", one.name)
    elif one.way is Way.POD_IDENTITY:
        if association is None:
            text = f"pod {one.name} gets its credentials by an association that was deleted; they expire within hours"
            yield Problem("identity-association-deleted", text, restart, one.name)
    elif one.way is Way.IRSA and one.role == annotation:
        return
    elif isinstance(association, Association):
        text = f"pod {one.name} {_has(one)}, as it was created before its association, which gives {association.role}"
        yield Problem("identity-pod-older", text, restart, one.name)
    elif isinstance(annotation, str) and association is None and (annotation or one.way is Way.IRSA):
        text = f"pod {one.name} {_has(one)}, but its service account has {annotation or 'none'}"
        yield Problem("identity-pod-differs", text, restart, one.name)


def _has(one: Pod) -> str:
    return f"has role {one.role}" if one.way is Way.IRSA else "has no role of its own"
