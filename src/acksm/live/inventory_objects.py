"""An ACK object as observed: what deleting it does in AWS, by its policy, its kind and its state.

Pure; `inventory` reads them all. The policy is the object's annotation, the namespace's, the controller's flag, in this
order (docs/ack/accounts-and-regions.md#deletion-policy).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum

from acksm.ack.kinds import KINDS, Kind
from acksm.ack.names import CHART_ANNOTATION, COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.json_types import Manifest, Object
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.kube.owners import Owner, is_owned, owner_of
from acksm.kube.paths import Ref
from acksm.live import crossing, role_selectors
from acksm.live.bindings import Namespace
from acksm.live.running import Running

PREFIX = f"{COMMON_GROUP}/"
POLICY, READ_ONLY, ADOPTED = PREFIX + "deletion-policy", PREFIX + "read-only", PREFIX + "adopted"
FINALIZER = "finalizers."  # finalizers.sagemaker.services.k8s.aws/Model, finalizers.services.k8s.aws/FieldExport
RETAIN, DELETE = "retain", "delete"


class Effect(StrEnum):
    """What deleting an object does in AWS. `NOTHING`: no controller manages it."""

    DELETES = "deletes"
    STOPS = "stops"
    LEAVES = "leaves"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Policy:
    """`value` is delete or retain; `source` object, namespace, controller or version (too old to retain)."""

    value: str = DELETE
    source: str = "controller"


@dataclass(frozen=True)
class Item:
    """An object of a service. `account`, `region` and `arn` are its status's, "" before it is synced; `state` is AWS's
    own."""

    service: str
    kind: str
    location: Ref
    uid: str = ""
    account: str = ""
    region: str = ""
    arn: str = ""
    policy: Policy = Policy()
    effect: Effect = Effect.NOTHING
    state: str = ""
    terminating: bool = False
    adopted: bool = False
    read_only: bool = False
    finalizers: tuple[str, ...] = ()
    key: Mapping[str, str] = field(default_factory=dict)  # what names it in AWS, as `acksm.aws.objects` takes it
    owner: Owner | None = None
    roles: tuple[str, ...] = ()  # ARNs of roles in its spec
    conditions: tuple[Manifest, ...] = ()
    crosses: tuple[str, ...] = ()  # other namespaces that its references name

    def __hash__(self) -> int:
        return hash((self.location, self.uid))

    @property
    def as_manifest(self) -> Manifest:
        """As much of the object as `acksm.live.symptoms` reads: its name and what its conditions say."""
        metadata = {"name": self.location.name, "namespace": self.location.namespace}
        return {"kind": self.kind, "metadata": metadata, "status": {"conditions": list(self.conditions)}}

    @property
    def ours(self) -> tuple[str, ...]:
        """ACK's finalizers of the object; others belong to other programs."""
        return tuple(item for item in self.finalizers if is_ack_finalizer(item))

    @property
    def live(self) -> bool:
        """Whether its deletion would delete or stop an AWS resource."""
        return self.effect in {Effect.DELETES, Effect.STOPS}

    def __str__(self) -> str:
        return f"{self.kind} {self.location.namespace}/{self.location.name}"


@dataclass(frozen=True)
class Common:
    """A FieldExport, AdoptedResource or IAMRoleSelector. `services`: whose controllers handle it; `role`: the ARN that
    an IAMRoleSelector selects."""

    kind: str
    location: Ref
    services: tuple[str, ...]
    uid: str = ""
    owned: bool = False
    terminating: bool = False
    finalizers: tuple[str, ...] = ()
    role: str = ""
    crosses: tuple[str, ...] = ()  # the other namespace that it writes to
    manifest: Object = field(default_factory=dict, compare=False, repr=False)  # of an AdoptedResource

    @property
    def ours(self) -> tuple[str, ...]:
        return tuple(item for item in self.finalizers if is_ack_finalizer(item))

    def __str__(self) -> str:
        return str(self.location)


@dataclass(frozen=True)
class Crd:
    """A CRD of ACK, of whatever service. `chart` is the one that acksm took it from, "sagemaker-chart 1.9.1"."""

    name: str
    owner: Owner | None = None
    chart: str = ""
    terminating: bool = False
    temporary: bool = False  # in a plan: installed for the cleanup itself

    @property
    def plural(self) -> str:
        return self.name.partition(".")[0]

    @property
    def group(self) -> str:
        return self.name.partition(".")[2]

    @property
    def is_common(self) -> bool:
        return self.group == COMMON_GROUP

    @property
    def service(self) -> str:
        """ "sagemaker" of sagemaker.services.k8s.aws, "" for the common group."""
        return self.group.removesuffix(COMMON_GROUP).rstrip(".")


def is_ack_finalizer(name: str) -> bool:
    """Whether a finalizer is one of ACK's: finalizers.[SERVICE.]services.k8s.aws/KIND."""
    host, slash, kind = name.partition("/")
    return bool(slash and kind) and (
        host == FINALIZER + COMMON_GROUP or (host.startswith(FINALIZER) and host.endswith(f".{COMMON_GROUP}"))
    )


def policy_of(annotations: Mapping[str, str], namespace: Namespace | None, service: str, by: Running | None) -> Policy:
    """The policy of an object that `by` watches (None: no controller; then what a new one would do counts)."""
    if by is not None and not by.has("deletion-policy"):
        return Policy(DELETE, "version")
    if POLICY in annotations:
        return Policy(_known(annotations[POLICY]), "object")
    key = f"{service}.{POLICY}"
    if namespace and key in namespace.annotations and (by is None or by.reading.defaults):
        return Policy(_known(namespace.annotations[key]), "namespace")
    return Policy(_known(by.deletion_policy) if by else DELETE, "controller")


def _known(value: str) -> str:
    """Anything but retain counts as delete."""
    return RETAIN if value == RETAIN else DELETE


def effect_of(kind: Kind | None, policy: str, state: str, *, managed: bool, read_only: bool) -> Effect:
    """What the controller does in AWS when the object is deleted. For an unknown kind the worst is assumed."""
    if not managed:
        return Effect.NOTHING
    if policy == RETAIN or read_only:
        return Effect.LEAVES
    if kind is None or not kind.stops:
        return Effect.DELETES
    # a job without a state yet may be running
    return Effect.STOPS if not state or state in kind.busy else Effect.LEAVES


def item_of(
    manifest: Manifest, service: str, location: Ref, namespaces: Mapping[str, Namespace], found: Sequence[Running]
) -> Item:
    """An object as the inventory has it. `place` is the collection of its kind."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    where = status.get("ackResourceMetadata") or {}
    annotations = values_at(manifest, ANNOTATIONS)
    kind = next((one for one in KINDS[service].values() if one.plural == location.plural), None)
    namespace = str(metadata.get("namespace", ""))
    by = next((one for one in found if one.service == service and one.watches(namespace)), None)
    policy = policy_of(annotations, namespaces.get(namespace), service, by)
    finalizers = tuple(map(str, metadata.get("finalizers") or ()))
    state = str(status.get(_lower(kind.status), "")) if kind and kind.status else ""
    read_only = annotations.get(READ_ONLY) == "true" and (by is None or by.has("read-only"))
    managed = any(is_ack_finalizer(name) for name in finalizers)
    name = str(manifest.get("kind") or (kind.name if kind else location.plural))
    return Item(
        service,
        name,
        replace(location, kind=name, name=str(metadata["name"]), namespace=namespace),
        str(metadata.get("uid", "")),
        str(where.get("ownerAccountID", "")),
        str(where.get("region", "")),
        str(where.get("arn", "")),
        policy,
        effect_of(kind, policy.value, state, managed=managed, read_only=read_only),
        state,
        bool(metadata.get("deletionTimestamp")),
        annotations.get(ADOPTED) == "true",
        read_only,
        finalizers,
        _key(kind, manifest.get("spec") or {}, status, str(where.get("arn", ""))),
        owner_of(manifest),
        tuple(sorted(set(_roles(manifest.get("spec"))))),
        tuple(status.get("conditions") or ()),
        tuple(crossing.namespaces(manifest)),
    )


def _roles(value: object) -> Iterator[str]:
    """Every role's ARN in a spec."""
    if isinstance(value, str) and value.startswith("arn:") and ":role/" in value:
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _roles(inner)


def _key(kind: Kind | None, spec: Manifest, status: Manifest, arn: str) -> dict[str, str]:
    """{} for an unknown kind, and for what is not in AWS yet."""
    if kind is None or not arn:
        return {}
    if kind.by_arn:
        return {"arn": arn}
    return {name: str(value) for name in kind.key if (value := spec.get(name) or status.get(name))}


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def common_of(manifest: Object, kind: str, location: Ref) -> Common:
    """A FieldExport, AdoptedResource or IAMRoleSelector."""
    metadata, spec, role = manifest["metadata"], manifest.get("spec") or {}, ""
    if kind == role_selectors.KIND:
        selector = role_selectors.Selector.of(manifest)
        services, role = tuple(role_selectors.services_of(selector)), selector.arn
    else:
        source = (spec.get("from") or {}).get("resource") if kind == "FieldExport" else spec.get("kubernetes")
        services = (str((source or {}).get("group", "")).removesuffix(f".{COMMON_GROUP}"),)
    return Common(
        kind,
        replace(location, kind=kind, name=str(metadata["name"]), namespace=str(metadata.get("namespace", ""))),
        services,
        str(metadata.get("uid", "")),
        is_owned(manifest),
        bool(metadata.get("deletionTimestamp")),
        tuple(map(str, metadata.get("finalizers") or ())),
        role,
        tuple(crossing.targets(manifest)) if kind == crossing.EXPORT else (),
        manifest if kind == "AdoptedResource" else {},
    )


def crd_of(manifest: Manifest) -> Crd:
    """A CRD, from its metadata alone."""
    metadata = manifest["metadata"]
    terminating = bool(metadata.get("deletionTimestamp"))
    chart = str((metadata.get("annotations") or {}).get(CHART_ANNOTATION, ""))
    return Crd(str(metadata["name"]), owner_of(manifest), chart, terminating)
