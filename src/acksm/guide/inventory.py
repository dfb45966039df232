"""What of ACK is in a cluster: every object of the services, what deleting it does in AWS, and who else is here.

Reads only. `cleanup` plans from it; doctor, adopt and status look at the same. What an object's deletion does follows
from its policy (object's annotation, namespace's, controller's flag; ack-facts.md §2.1), its kind and its state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from acksm import charts
from acksm.errors import AcksmError
from acksm.guide import bindings, role_selector, running
from acksm.guide.bindings import Namespace
from acksm.guide.crds import CHART_ANNOTATION, COMMON_GROUP
from acksm.guide.running import Running
from acksm.helm import records
from acksm.kinds import KINDS, Kind
from acksm.kube.client import Kube
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.kube.owners import OWNED_LABEL, Owner, owner_of
from acksm.kube.paths import Ref, ref

PREFIX = f"{COMMON_GROUP}/"
POLICY, READ_ONLY, ADOPTED = PREFIX + "deletion-policy", PREFIX + "read-only", PREFIX + "adopted"
FINALIZER = "finalizers."  # finalizers.sagemaker.services.k8s.aws/Model, finalizers.services.k8s.aws/FieldExport
RETAIN, DELETE = "retain", "delete"
COMMON_KINDS = {"FieldExport": "fieldexports", "AdoptedResource": "adoptedresources"}

Json = Mapping[str, Any]


class Effect(StrEnum):
    """What deleting an object does in AWS. `NOTHING`: the controller has not taken it into its hands."""

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
    word for how it is."""

    service: str
    kind: str
    place: Ref
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
    conditions: tuple[Json, ...] = ()

    def __hash__(self) -> int:
        return hash((self.place, self.uid))

    @property
    def ours(self) -> tuple[str, ...]:
        """ACK's own finalizers of the object; others are somebody else's."""
        return tuple(item for item in self.finalizers if is_ack_finalizer(item))

    @property
    def live(self) -> bool:
        """Whether an AWS object stands behind it that its deletion would delete or stop."""
        return self.effect in {Effect.DELETES, Effect.STOPS}

    def __str__(self) -> str:
        return f"{self.kind} {self.place.namespace}/{self.place.name}"


@dataclass(frozen=True)
class Common:
    """A FieldExport, AdoptedResource or IAMRoleSelector. `services`: whose controllers handle it."""

    kind: str
    place: Ref
    services: tuple[str, ...]
    uid: str = ""
    owned: bool = False
    terminating: bool = False
    finalizers: tuple[str, ...] = ()

    @property
    def ours(self) -> tuple[str, ...]:
        return tuple(item for item in self.finalizers if is_ack_finalizer(item))

    def __str__(self) -> str:
        return str(self.place)


@dataclass(frozen=True)
class Crd:
    """A CRD of ACK, of whatever service. `chart` is the one that acksm took it from, "sagemaker-chart 1.9.1"."""

    name: str
    owner: Owner | None = None
    chart: str = ""
    terminating: bool = False

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


@dataclass(frozen=True)
class Record:
    """A helm release by its records' labels. `name` and `namespace` as helm has them."""

    name: str
    namespace: str
    record: str
    status: str = ""


@dataclass(frozen=True)
class Inventory:
    """The cluster. `records` are helm's of everything that looks like ACK's; `forbidden` what could not be listed."""

    items: tuple[Item, ...] = ()
    common: tuple[Common, ...] = ()
    crds: Mapping[str, Crd] = field(default_factory=dict)
    running: Sequence[Running] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    forbidden: tuple[str, ...] = ()

    def of(self, services: Collection[str]) -> list[Item]:
        """The objects of these services."""
        return [item for item in self.items if item.service in services]

    def others(self, services: Collection[str], namespace: str) -> list[str]:
        """What else of ACK is here when `services` in `namespace` are gone, in words: controllers, releases, CRDs of
        other services."""
        ours = {(charts.release_name(service), namespace) for service in services}
        found = [str(item) for item in self.running if (item.release, item.namespace) not in ours]
        found += [
            f"release {item.namespace}/{item.name}"
            for item in self.records
            if (item.name, item.namespace) not in ours
            and not any((one.release, one.namespace) == (item.name, item.namespace) for one in self.running)
        ]
        groups = {item.group for item in self.crds.values() if item.service and item.service not in services}
        told = {item.service for item in self.running if (item.release, item.namespace) not in ours}
        found += [f"CRDs of {group}" for group in sorted(groups) if group.partition(".")[0] not in told]
        return found


def is_ack_finalizer(name: str) -> bool:
    """Whether a finalizer is one of ACK's: finalizers.[SERVICE.]services.k8s.aws/KIND."""
    host, slash, kind = name.partition("/")
    return bool(slash and kind) and (
        host == FINALIZER + COMMON_GROUP or (host.startswith(FINALIZER) and host.endswith(f".{COMMON_GROUP}"))
    )


def policy_of(annotations: Mapping[str, str], namespace: Namespace | None, service: str, by: Running | None) -> Policy:
    """What holds for an object that `by` watches (None: nobody runs, and what a new controller would do counts)."""
    if by is not None and not by.has("deletion-policy"):
        return Policy(DELETE, "version")
    if POLICY in annotations:
        return Policy(_known(annotations[POLICY]), "object")
    key = f"{service}.{POLICY}"
    if namespace and key in namespace.annotations and (by is None or by.reading.defaults):
        return Policy(_known(namespace.annotations[key]), "namespace")
    return Policy(_known(by.deletion_policy) if by else DELETE, "controller")


def _known(value: str) -> str:
    """Anything but retain is taken for the worse."""
    return RETAIN if value == RETAIN else DELETE


def effect_of(kind: Kind | None, policy: str, state: str, *, managed: bool, read_only: bool) -> Effect:
    """What the controller does in AWS when the object is deleted. A kind that is not known is taken for the worse."""
    if not managed:
        return Effect.NOTHING
    if policy == RETAIN or read_only:
        return Effect.LEAVES
    if kind is None or not kind.stops:
        return Effect.DELETES
    # a job without a state yet may be running
    return Effect.STOPS if not state or state in kind.busy else Effect.LEAVES


def item_of(
    manifest: Json, service: str, place: Ref, namespaces: Mapping[str, Namespace], found: Sequence[Running]
) -> Item:
    """An object as the inventory has it. `place` is its kind's collection."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    where = status.get("ackResourceMetadata") or {}
    annotations = values_at(manifest, ANNOTATIONS)
    kind = next((one for one in KINDS[service].values() if one.plural == place.plural), None)
    namespace = str(metadata.get("namespace", ""))
    by = next((one for one in found if one.service == service and one.watches(namespace)), None)
    policy = policy_of(annotations, namespaces.get(namespace), service, by)
    finalizers = tuple(map(str, metadata.get("finalizers") or ()))
    state = str(status.get(_lower(kind.status), "")) if kind and kind.status else ""
    read_only = annotations.get(READ_ONLY) == "true" and (by is None or by.has("read-only"))
    managed = any(is_ack_finalizer(name) for name in finalizers)
    name = str(manifest.get("kind") or (kind.name if kind else place.plural))
    return Item(
        service,
        name,
        replace(place, kind=name, name=str(metadata["name"]), namespace=namespace),
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
        tuple(status.get("conditions") or ()),
    )


def _key(kind: Kind | None, spec: Json, status: Json, arn: str) -> dict[str, str]:
    """{} for a kind that is not known, and for what is not in AWS yet."""
    if kind is None or not arn:
        return {}
    if kind.by_arn:
        return {"arn": arn}
    return {name: str(value) for name in kind.key if (value := spec.get(name) or status.get(name))}


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def common_of(manifest: Json, kind: str, place: Ref) -> Common:
    """A FieldExport, AdoptedResource or IAMRoleSelector."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    if kind == role_selector.KIND:
        services = tuple(role_selector.services_of(role_selector.Selector.of(manifest)))
    else:
        source = (spec.get("from") or {}).get("resource") if kind == "FieldExport" else spec.get("kubernetes")
        services = (str((source or {}).get("group", "")).removesuffix(f".{COMMON_GROUP}"),)
    return Common(
        kind,
        replace(place, kind=kind, name=str(metadata["name"]), namespace=str(metadata.get("namespace", ""))),
        services,
        str(metadata.get("uid", "")),
        (metadata.get("labels") or {}).get(OWNED_LABEL) == "true",
        bool(metadata.get("deletionTimestamp")),
        tuple(map(str, metadata.get("finalizers") or ())),
    )


def crd_of(manifest: Json) -> Crd:
    """A CRD, from its metadata alone."""
    metadata = manifest["metadata"]
    terminating = bool(metadata.get("deletionTimestamp"))
    chart = str((metadata.get("annotations") or {}).get(CHART_ANNOTATION, ""))
    return Crd(str(metadata["name"]), owner_of(manifest), chart, terminating)


def observe(kube: Kube, namespace: str, services: Collection[str] = charts.SERVICES) -> Inventory:
    """The whole cluster, in as many lists as there are kinds. `namespace` is the controllers'.

    An identity that may not list an ACK kind gets `kube-forbidden`: what cannot be seen cannot be said to be gone.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        listed = pool.submit(kube.list, ref("CustomResourceDefinition"), metadata_only=True)
        spaces = pool.submit(bindings.observe, kube)
        found = pool.submit(running.observe, kube, namespace)
        helm = pool.submit(_records, kube, namespace)
        crds = {
            crd.name: crd
            for crd in map(crd_of, listed.result())
            if crd.group == COMMON_GROUP or crd.group.endswith(f".{COMMON_GROUP}")
        }
        lists = [
            (crd, Ref(f"{crd.group}/v1alpha1", crd.plural, crd.plural))
            for crd in crds.values()
            if crd.service in services and crd.service in charts.SERVICES
        ]
        objects = list(pool.map(lambda one: kube.list(one[1]), lists))
        shared = [
            (kind, Ref(f"{COMMON_GROUP}/v1alpha1", plural, kind))
            for kind, plural in {**COMMON_KINDS, role_selector.KIND: "iamroleselectors"}.items()
            if f"{plural}.{COMMON_GROUP}" in crds
        ]
        commons = list(pool.map(lambda one: kube.list(one[1]), shared))
        namespaces, controllers = spaces.result(), found.result()
        releases, forbidden = helm.result()
    items = [
        item_of(manifest, crd.service, place, namespaces, controllers)
        for (crd, place), manifests in zip(lists, objects, strict=True)
        for manifest in manifests
    ]
    common = [
        common_of(manifest, kind, place)
        for (kind, place), manifests in zip(shared, commons, strict=True)
        for manifest in manifests
    ]
    return Inventory(
        tuple(sorted(items, key=lambda item: (item.service, item.kind, item.place.namespace, item.place.name))),
        tuple(common),
        crds,
        controllers,
        namespaces,
        releases,
        forbidden,
    )


def _records(kube: Kube, namespace: str) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """Releases that look like ACK's, everywhere, else in the controllers' namespace; and what could not be seen."""
    forbidden: tuple[str, ...] = ()
    try:
        secrets = kube.list(ref("Secret"), selector=records.SELECTOR, metadata_only=True)
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        forbidden = ("releases of other namespaces",)
        secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR, metadata_only=True)
    return tuple(_by_namespace(secrets)), forbidden


def _by_namespace(secrets: Iterable[Json]) -> list[Record]:
    by_namespace: dict[str, list[Json]] = {}
    for secret in secrets:
        by_namespace.setdefault(str(secret["metadata"].get("namespace", "")), []).append(secret)
    found = []
    for namespace, of_namespace in sorted(by_namespace.items()):
        status = {str(one["metadata"]["name"]): _status(one) for one in of_namespace}
        for name, (record, _) in sorted(records.newest(of_namespace).items()):
            if name.startswith("ack-") and name.endswith("-controller"):
                found.append(Record(name, namespace, record, status[record]))
    return found


def _status(secret: Json) -> str:
    return str((secret["metadata"].get("labels") or {}).get("status", ""))
