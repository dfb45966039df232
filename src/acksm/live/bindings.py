"""What `region` and `carm` share: namespaces with their annotations, changes of single annotations, managed objects.

A namespace's binding is one annotation. It is set alone (`kube.keys`), so that what others wrote is kept.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import partial

from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object
from acksm.kube.api import Discovery, Documents, Lister, Reader, Writer
from acksm.kube.client import FIELD_MANAGER
from acksm.kube.keys import (
    ANNOTATIONS,
    delete_when_empty,
    managers_at,
    set_keys,
    unmanaged,
    values_at,
)
from acksm.kube.paths import Ref, ref
from acksm.live import namespaces, served
from acksm.live.running import IGNORED_NAMESPACES
from acksm.live.unread import Unread, unless_forbidden
from acksm.words import did_you_mean

OWNER = "services.k8s.aws/owner-account-id"
TEAM = "services.k8s.aws/team-id"
REGION = "services.k8s.aws/default-region"
ENDPOINT = "services.k8s.aws/endpoint-url"
OBJECT_REGION = "services.k8s.aws/region"
DELETION = tuple(f"{service}.{COMMON_GROUP}/deletion-policy" for service in charts.SERVICES)
FOLLOWED = (OWNER, TEAM, REGION, ENDPOINT, *DELETION)

_IDS = {"region": ("region.unbind", "region.bind"), "carm": ("carm.unbind", "carm.bind")}
LANES = 8  # namespaces that are changed concurrently
FEW = 4  # up to so many namespaces are listed one by one
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Field managers of people; any other would set the key again.
_PERSONS = ("acksm", "kubectl", "Mozilla", "k9s", "lens")


@dataclass(frozen=True)
class Namespace:
    """A namespace as observed. `managers`: the field managers of each annotation."""

    name: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    terminating: bool = False
    managers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest) -> Namespace:
        metadata = manifest["metadata"]
        return cls(
            str(metadata["name"]),
            values_at(manifest, ANNOTATIONS),
            dict(metadata.get("labels") or {}),
            bool(metadata.get("deletionTimestamp")),
            managers_at(manifest, ANNOTATIONS),
        )


def observe(kube: Lister) -> dict[str, Namespace]:
    """Every namespace by name, in one list."""
    found = kube.list(ref("Namespace"), metadata_only=True, keep=observed)
    return {item["namespace"].name: item["namespace"] for item in found}


def observed(manifest: Object) -> Object:
    """What is kept of a namespace (a `Keep`)."""
    return {"namespace": Namespace.of(manifest)}


def observe_some(kube: Reader, names: Iterable[str]) -> tuple[dict[str, Namespace], list[str]]:
    """Every namespace, or only `names` where they cannot be listed; and notes on those that this identity may not read
    either, which count as existing."""
    listed = unless_forbidden(lambda: observe(kube), None)
    if listed is not None:
        return listed, []
    found, unread = dict[str, Namespace](), Unread()
    for name in dict.fromkeys(names):
        unknown: Manifest = {"metadata": {"name": name}}
        what = f"annotations of namespace {name}, which can set account and region"
        live = unread.read(what, partial(kube.get, ref("Namespace", name)), unknown)
        if live is not None:
            found[name] = Namespace.of(live)
    return found, unread.notes


def check_names(live: Mapping[str, Namespace], names: Iterable[str], *, create: bool, command: str = "") -> None:
    """Refuse what cannot be bound, with all missing namespaces in one error. `command`: one that cannot create them.

    Errors: `namespace-name`, `namespace-ignored`, `namespace-terminating`, `binding-namespace-missing`.
    """
    missing = []
    for name in names:
        if not _NAME.fullmatch(name):
            raise AcksmError("namespace-name", f'invalid namespace name "{name}"', where=name)
        if name in IGNORED_NAMESPACES:
            raise AcksmError("namespace-ignored", f"the controllers ignore annotations of namespace {name}", where=name)
        found = live.get(name)
        if found and found.terminating:
            raise AcksmError("namespace-terminating", f"namespace {name} is being deleted", where=name)
        if not found:
            missing.append(name)
    if missing and not create:
        from difflib import get_close_matches

        near = get_close_matches(missing[0], list(live), n=1)
        raise AcksmError(
            "binding-namespace-missing",
            f"namespace {missing[0]} does not exist"
            + did_you_mean(near)
            + (f" ({len(missing) - 1} more do not exist)" if len(missing) > 1 else ""),
            where=missing[0],
            remedy=f"acksm {command} {near[0]}" if command and near else _LIST if command else "",
            details={"namespaces": missing, "diff": missing[:20] if len(missing) > 1 else []},
        )


_LIST = "kubectl get namespaces"


def check_exists(live: Mapping[str, Namespace], name: str, *, create: bool, creates: bool) -> None:
    """Refuse a namespace in which no object can be created; `creates`: the command has --create-namespace.

    Errors: of `check_names`, with `object-namespace-missing` for a missing one.
    """
    try:
        check_names(live, [name], create=create)
    except AcksmError as error:
        if error.id != "binding-namespace-missing":
            raise
        remedy = "" if creates else f"kubectl create namespace {name}"
        raise AcksmError(
            "object-namespace-missing", error.message, where=name, remedy=remedy, details=error.details
        ) from None


def check_manager(managers: Sequence[str], what: str, where: str) -> None:
    """Refuse to change a key that another tool manages. Error: `binding-managed`, with the tool."""
    others = [name for name in managers if name and not name.startswith(_PERSONS)]
    if others:
        raise AcksmError("binding-managed", f"{what} is managed by {', '.join(others)}", where=where)


def made_by_acksm(managers: Sequence[str]) -> bool:
    """Whether acksm alone wrote a key."""
    return bool(managers) and all(name == FIELD_MANAGER for name in managers)


def lane(name: str) -> str:
    """The lane of a namespace: its own changes are kept in order, LANES namespaces run concurrently."""
    return f"n{zlib.crc32(name.encode()) % LANES}"


def create(name: str, step: str) -> Change:
    """Create a namespace; its annotation is a separate change after it."""
    return namespaces.create(name, step, guide=f"kubectl create namespace {name}", lane=lane(name))


def annotate(name: str, live: Namespace | None, key: str, value: str | None, step: str) -> list[Change]:
    """Set one annotation, or remove it with None; [] when it is up to date. Error: `binding-managed`."""
    before = live.annotations.get(key) if live else None
    if before == value:
        return []
    if live:
        check_manager(live.managers.get(key, ()), f"annotation {key}", f"namespace {name}")
    op = Op.UPDATE if value is not None else Op.DELETE
    suffix = "-" if value is None else f"={value}"
    return [
        Change(
            id=_IDS[step][value is not None],
            step=step,
            op=op,
            system="kubernetes",
            target=f"annotation {key} of namespace {name}",
            call="kube.set_keys",
            params={"kind": "Namespace", "name": name, "keys": {key: [before, value]}, "field": list(ANNOTATIONS)},
            before={key: before} if before is not None else None,
            after={key: value} if value is not None else None,
            reason=f"currently {before}" if before is not None and value is not None else "",
            danger=Danger.MILD if before is not None and value is not None else Danger.NONE,
            guide=f"kubectl annotate namespace {name} {key}{suffix}",
            lane=lane(name),
        )
    ]


def kube_calls(kube: Writer) -> dict[str, Callable[..., object]]:
    """The calls of these changes."""
    return {
        "kube.apply": kube.apply,
        "kube.delete": lambda kind, name: kube.delete(ref(kind, name)),
        "kube.set_keys": lambda **params: set_keys(kube, **params),
        "kube.delete_when_empty": lambda **params: delete_when_empty(kube, **params),
    }


@dataclass(frozen=True)
class ManagedObject:
    """An ACK object that has an AWS resource, and where that resource is."""

    kind: str
    namespace: str
    name: str
    account: str
    region: str
    service: str
    pinned: str = ""  # its own region annotation

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def managed_objects(kube: Discovery, namespaces: Collection[str] = ()) -> list[ManagedObject]:
    """Objects of the two services that have an AWS resource, in `namespaces` (empty: all).

    One list for each kind; for up to FEW namespaces one for each kind and namespace, which reads less.
    """
    names = list(namespaces) if 0 < len(namespaces) <= FEW else [""]
    lists = [(service, replace(kind, namespace=name)) for service, kind in object_kinds(kube) for name in names]
    if not lists:
        return []
    with ThreadPoolExecutor(max_workers=8) as pool:
        listed = pool.map(lambda one: kube.list(one[1], keep=unmanaged), lists)
        found = [_managed_objects(item, *one) for one, items in zip(lists, listed, strict=True) for item in items]
    return [item for item in found if item and (not namespaces or item.namespace in namespaces)]


def object_kinds(kube: Documents) -> list[tuple[str, Ref]]:
    """(service, collection) of each kind of the two services that the cluster serves."""
    return [(one.service, one.kind) for one in served.observe(kube) if one.service]


def _managed_objects(manifest: Manifest, service: str, kind: Ref) -> ManagedObject | None:
    metadata, where = manifest["metadata"], (manifest.get("status") or {}).get("ackResourceMetadata") or {}
    if not where.get("ownerAccountID"):
        return None
    return ManagedObject(
        str(manifest.get("kind") or kind.plural),
        str(metadata.get("namespace", "")),
        str(metadata["name"]),
        str(where["ownerAccountID"]),
        str(where.get("region", "")),
        service,
        values_at(manifest, ANNOTATIONS).get(OBJECT_REGION, ""),
    )


def shortened(items: Sequence[object], most: int = 5) -> str:
    """ "a, b, c and 4 more"."""
    names = [str(item) for item in items[:most]]
    return ", ".join(names) + (f" and {len(items) - most} more" if len(items) > most else "")
