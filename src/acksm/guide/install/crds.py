"""Guide §3.1.3, first half: the CRDs of a chart, by server-side apply, before helm.

Helm installs what is in crds/ once and never again (community#1419, #1432), and a controller crash-loops on a kind
that is not served (community#2007, #2160), so acksm applies them itself. The common CRDs of `services.k8s.aws`
are in every ACK chart, with contents that differ by the runtime's version: they are never downgraded
(docs/ack/versions.md#crds).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from packaging.version import InvalidVersion, Version

from acksm import yaml_reader
from acksm.ack import charts
from acksm.ack.names import CHART_ANNOTATION, COMMON_GROUP
from acksm.archive import unreadable
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op
from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.guide.install.stored import Dropped, change as convert, dropped
from acksm.json_types import Json, Manifest, Object, Value
from acksm.kube import conditions
from acksm.kube.api import Applier, Lister, ManagerApplier, Patcher, Watcher
from acksm.kube.client import FIELD_MANAGER, HELM_MANAGER
from acksm.kube.owners import OWNED_LABEL, Owner, is_owned, owner_of
from acksm.kube.paths import ref
from acksm.live import drift
from acksm.live.drift import Drift, State
from acksm.words import counted

GENERATOR = "controller-gen.kubebuilder.io/version"
NUDGE_ANNOTATION = "acksm.dev/served"
LOOK_SECONDS = 5.0
LANES = 4  # CRDs applied concurrently; more are not faster


@dataclass(frozen=True)
class DesiredCrd:
    """A CRD of a chart. `chart` is "sagemaker-chart 1.9.1"."""

    manifest: Manifest
    chart: str

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def is_common(self) -> bool:
        return bool(self.manifest["spec"]["group"] == COMMON_GROUP)


def parse(crds: Iterable[tuple[str, str]], chart: str) -> list[DesiredCrd]:
    """The chart's crds/ files as CRDs. Anything else in it is refused (`chart-invalid`)."""
    found = []
    for file, text in crds:
        try:
            documents = yaml_reader.load_all(text)
        except yaml_reader.YamlError as error:
            raise unreadable(error, file, chart) from error
        for document in documents:
            if document is None:
                continue
            _check(document, file, chart)
            found.append(DesiredCrd(document, chart))
    return found


def _check(document: object, file: str, chart: str) -> None:
    """Refuse what is not a CRD of ACK in the shape that the rest of this module reads."""
    top = document if isinstance(document, dict) else {}
    metadata, spec = _mapping(top.get("metadata")), _mapping(top.get("spec"))
    group = str(spec.get("group", ""))
    of_ack = group == COMMON_GROUP or group.endswith("." + COMMON_GROUP)
    if top.get("kind") != "CustomResourceDefinition" or not of_ack:
        raise AcksmError(
            "chart-invalid",
            f"{file} contains a {top.get('kind')} of group {group!r}, not an ACK CRD"[:400],
            where=chart,
        )
    versions = spec.get("versions")
    complete = (
        top.get("apiVersion") == "apiextensions.k8s.io/v1"
        and metadata.get("name") == f"{_mapping(spec.get('names')).get('plural')}.{group}"
        and all(isinstance(metadata.get(key) or {}, dict) for key in ("labels", "annotations"))
        and isinstance(versions, list)
        and all(isinstance(item, dict) and isinstance(item.get("schema") or {}, dict) for item in versions)
    )
    if not complete:
        raise AcksmError("chart-invalid", f"{file} contains an incomplete CRD", where=chart)


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def newest(desired: Sequence[DesiredCrd]) -> list[DesiredCrd]:
    """One per name: of a common CRD that is in several charts the one by the newest generator."""
    best: dict[str, DesiredCrd] = {}
    for crd in desired:
        other = best.get(crd.name)
        if other is None or _outranks(crd.manifest, other.manifest):
            best[crd.name] = crd
    return list(best.values())


def _outranks(one: Manifest, other: Manifest) -> bool:
    """Whether a CRD is newer: by its generator's version, then by how many fields its schema has, which only grows."""
    mine, theirs = _generator(one), _generator(other)
    if mine != theirs:
        return mine > theirs
    versions, others = (manifest.get("spec", {}).get("versions") for manifest in (one, other))
    return versions != others and _fields(versions) > _fields(others)


def _generator(manifest: Manifest) -> Version:
    annotations = manifest["metadata"].get("annotations") or {}
    try:
        return Version(str(annotations.get(GENERATOR, "0")).lstrip("v"))
    except InvalidVersion:
        return Version("0")


def _fields(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_fields(item) for item in value.values())
    if isinstance(value, list):
        return sum(_fields(item) for item in value)
    return 0


def same(desired: Manifest, live: Manifest) -> bool:
    """Whether the cluster serves this CRD: nothing missing, and the schemas equal (the apiserver adds none of it)."""
    (schemas, rest), (live_schemas, live_rest) = _split(desired["spec"]), _split(live["spec"])
    return schemas == live_schemas and drift.holds(rest, live_rest)


def _split(spec: Json) -> tuple[list[Value], Json]:
    """The schemas of a CRD's versions, which are nearly all of it, and the rest."""
    versions = spec.get("versions") or []
    schemas = [(version.get("schema") or {}).get("openAPIV3Schema") for version in versions]
    bare = [{key: value for key, value in version.items() if key != "schema"} for version in versions]
    return schemas, spec | {"versions": bare}


def plan(
    desired: Sequence[DesiredCrd],
    live: Mapping[str, Object],
    releases: Iterable[str] = (),
    *,
    only_missing: bool = False,
    unchanged: Collection[str] = (),
    stored: Callable[[Dropped], int] = lambda _dropped: 0,
) -> list[Change]:
    """Changes that make the cluster serve `desired`; `live` is every ACK CRD by name, `unchanged` as `settled` has it.

    `releases` are acksm's own, as "namespace/release": a CRD that helm created with one of them has no other owner.
    `only_missing`: existing ones are not changed, whatever their state. The last changes, `crds.convert`, are for after
    the releases: they drop versions whose objects have to be converted first; `stored` checks and counts these.
    Errors: `crd-terminating`, `crd-not-ours` (owner named), only for CRDs that would have to change;
    `crd-version-gone`, `crd-conversion`, and those of `stored`.
    """
    changes: list[Change] = []
    later: list[Change] = []
    for crd in newest(desired):
        manifest = _marked(crd)
        now = live.get(crd.name)
        if now is not None and only_missing:
            continue
        if now is not None and now["metadata"].get("deletionTimestamp"):
            raise AcksmError(
                "crd-terminating",
                f"CRD {crd.name} is being deleted and waits for its finalizers",
                where=f"CustomResourceDefinition {crd.name}",
            )
        if now is None:
            changes.append(_change(crd, manifest, None, ""))
            continue
        newer = is_newer(now, crd)
        if newer:
            _check_served(crd, now)
        if same(crd.manifest, now) or crd.name in unchanged or newer:
            if crd.is_common and is_owned(now) and _is_held(now):
                changes.append(_shared(now))
            continue
        owner = owner_of(now)
        if not _may_change(owner, releases):
            raise AcksmError(
                "crd-not-ours",
                f"CRD {crd.name} differs from {crd.chart} and belongs to {owner}",
                where=f"CustomResourceDefinition {crd.name}",
                details={"owner": str(owner)},
            )
        found = dropped(manifest, now)
        if found is not None:
            later.append(convert(found, manifest, common=crd.is_common, count=stored(found)))
            manifest = found.united
            if same(manifest, now):
                continue
        changes.append(_change(crd, manifest, now, "differs from the chart's"))
    return [replace(change, lane=f"crds-{number % LANES}") for number, change in enumerate(changes)] + later


def settled(
    kube: Applier, desired: Sequence[DesiredCrd], live: Mapping[str, Object]
) -> tuple[frozenset[str], list[str]]:
    """Names of CRDs whose text differs although this chart's were applied, and that applying them again would not
    change: a policy changes them, say. With notes on those that are not as the chart has them."""

    def one(crd: DesiredCrd) -> Drift | None:
        return drift.of(kube, _marked(crd), live[crd.name], whole=True)

    applied = [
        crd
        for crd in newest(desired)
        if (now := live.get(crd.name)) and _chart_of(now) == crd.chart and not same(crd.manifest, now)
    ]
    with ThreadPoolExecutor(max_workers=LANES) as pool:
        found = dict(zip((crd.name for crd in applied), pool.map(one, applied), strict=True))
    names = frozenset(name for name, one in found.items() if not (one and one.is_restored))
    return names, [str(one) for name, one in found.items() if one and name in names]


def differing(
    desired: Sequence[DesiredCrd], live: Mapping[str, Object], unchanged: Collection[str] = ()
) -> list[Drift]:
    """Those of `desired` that the cluster does not serve as they are, where another tool applies them. Pure."""
    found = []
    for crd in newest(desired):
        now, name = live.get(crd.name), f"CustomResourceDefinition {crd.name}"
        if now is None:
            found.append(Drift(name, State.DELETED))
        elif not (same(crd.manifest, now) or crd.name in unchanged or is_newer(now, crd)):
            found.append(Drift(name, fields=("spec",)))
    return found


def served(changes: Sequence[Change]) -> Change:
    """The wait for the CRDs of `changes`. It has no lane: what comes after it runs after it."""
    names = [change.target.rpartition(" ")[2] for change in changes]
    return Change(
        id="crds.established",
        step="crds",
        op=Op.WAIT,
        system="kubernetes",
        target=counted(len(names), "CRD"),
        call="crds.await",
        params={"names": names},
    )


def _may_change(owner: Owner | None, releases: Iterable[str]) -> bool:
    return owner is None or owner.tool == "acksm" or (owner.tool == "helm" and owner.name in set(releases))


def kept_newer(desired: Sequence[DesiredCrd], live: Mapping[str, Object]) -> list[str]:
    """Names of CRDs that are kept because the cluster's are newer."""
    return [
        crd.name
        for crd in newest(desired)
        if crd.name in live and is_newer(live[crd.name], crd) and not same(crd.manifest, live[crd.name])
    ]


def is_newer(live: Manifest, crd: DesiredCrd) -> bool:
    """Whether the cluster's CRD is newer than the chart's: an older schema would prune fields that objects have. That
    of a service by the chart that acksm took it from; where that is not known, it also has all that the chart's has."""
    if crd.is_common:
        return _outranks(live, crd.manifest)
    chart, _, version = _chart_of(live).partition(" ")
    own, _, wanted = crd.chart.partition(" ")
    if chart == own and charts.is_version(version) and charts.is_version(wanted):
        return charts.parse(version) > charts.parse(wanted)
    return _outranks(live, crd.manifest) and drift.holds(crd.manifest["spec"], live["spec"])


def _check_served(crd: DesiredCrd, live: Manifest) -> None:
    """An older controller needs a version of its kinds that the newer CRD serves. Error: `crd-version-gone`."""
    needed = [str(item["name"]) for item in crd.manifest["spec"]["versions"] if item.get("served", True)]
    has = [str(item["name"]) for item in live["spec"]["versions"] if item.get("served", True)]
    if not set(needed) & set(has):
        raise AcksmError(
            "crd-version-gone",
            f"{crd.chart} needs {' or '.join(needed)} of CRD {crd.name}, and a newer chart's serves {', '.join(has)}",
            where=f"CustomResourceDefinition {crd.name}",
        )


def _marked(crd: DesiredCrd) -> Object:
    """The manifest to apply, with acksm's label."""
    found = plain(crd)
    labels = {**(found["metadata"].get("labels") or {}), OWNED_LABEL: "true"}
    return {**found, "metadata": {**found["metadata"], "labels": labels}}


def plain(crd: DesiredCrd) -> Object:
    """The chart's CRD without status and null fields, with the chart that it is of."""
    metadata = {key: value for key, value in crd.manifest["metadata"].items() if value is not None}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), CHART_ANNOTATION: crd.chart}
    return {
        "apiVersion": crd.manifest["apiVersion"],
        "kind": crd.manifest["kind"],
        "metadata": metadata,
        "spec": crd.manifest["spec"],
    }


def _is_held(live: Manifest) -> bool:
    """Whether acksm alone manages what the charts say, so that another chart's helm 4 would meet a conflict."""
    fields = {
        str(entry.get("manager")): entry.get("fieldsV1") or {} for entry in live["metadata"].get("managedFields") or []
    }
    return "f:spec" in fields.get(FIELD_MANAGER, {})


def _shared(live: Object) -> Change:
    """The common CRD as it is, with helm as the manager of what charts say."""
    annotations = live["metadata"].get("annotations") or {}
    kept = {key: annotations[key] for key in (GENERATOR, CHART_ANNOTATION) if key in annotations}
    metadata = {"name": live["metadata"]["name"], "labels": {OWNED_LABEL: "true"}, "annotations": kept}
    manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",  # items of a list have none
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": live["spec"],
    }
    return Change(
        id="crds.share",
        step="crds",
        op=Op.UPDATE,
        system="kubernetes",
        target=f"CustomResourceDefinition {metadata['name']}",
        call="crds.apply_common",
        params={"manifest": manifest},
        before={"field manager": FIELD_MANAGER},
        after={"field manager": HELM_MANAGER},
        reason="charts of other ACK controllers have it too",
    )


def apply_common(kube: ManagerApplier, manifest: Manifest) -> None:
    """Apply a CRD that every ACK chart has, so that helm 4 can apply another chart's: as helm's field manager, which
    meets no conflict with itself; acksm manages its own marks alone, which are kept when helm applies without them.
    """
    kube.apply(manifest, force=True, manager=HELM_MANAGER)
    metadata = manifest["metadata"]
    marks = {
        "name": metadata["name"],
        "labels": {OWNED_LABEL: metadata["labels"][OWNED_LABEL]},
        "annotations": {CHART_ANNOTATION: metadata["annotations"][CHART_ANNOTATION]},
    }
    kube.apply({**{key: manifest[key] for key in ("apiVersion", "kind")}, "metadata": marks}, force=True)


def apply_kept(kube: ManagerApplier, manifest: Manifest, common: bool) -> None:
    """Apply a CRD as `plan` would."""
    if common:
        apply_common(kube, manifest)
    else:
        kube.apply(manifest, force=True)


def _change(crd: DesiredCrd, manifest: Object, live: Object | None, reason: str) -> Change:
    return Change(
        id="crds.create" if live is None else "crds.update",
        step="crds",
        op=Op.CREATE if live is None else Op.UPDATE,
        system="kubernetes",
        target=f"CustomResourceDefinition {crd.name}",
        # force: the guide's own `kubectl apply` left another field manager on CRDs that have no other owner.
        call="crds.apply_common" if crd.is_common else "kube.apply",
        params={"manifest": manifest} if crd.is_common else {"manifest": manifest, "force": True},
        before=None if live is None else {"chart": _chart_of(live), "spec": live["spec"]},
        after={"chart": crd.chart, "spec": manifest["spec"]},
        reason=reason,
        guide="kubectl apply -f $CHART_EXPORT_PATH/$SERVICE-chart/crds",
    )


def _chart_of(live: Manifest) -> str:
    return str((live["metadata"].get("annotations") or {}).get(CHART_ANNOTATION, "unknown"))


def established(live: Manifest | None) -> bool:
    """Whether the apiserver serves the CRD: conditions NamesAccepted and Established are True."""
    return conditions.holds(live, "NamesAccepted") and conditions.holds(live, "Established")


class Cluster(Patcher, Lister, Watcher, Protocol):
    """What the wait for CRDs needs."""


def await_established(kube: Cluster, deadline: Deadline, names: Sequence[str], emit: Emit = silent) -> None:
    """Wait until every CRD of `names` is served (helm and the controller need it, and helm's own wait does not cover
    it). All of them carry acksm's label. Error: `timed-out` naming those that are not served.
    """
    left = set(names)

    def look() -> Progress:
        for live in _owned(kube, min(LOOK_SECONDS, deadline.remaining)):
            if established(live):
                left.discard(str(live["metadata"]["name"]))
            if not left:
                return Progress(True)
        _nudge(kube, left)
        return Progress(False, f"{counted(len(left), 'CRD')} not served yet: {', '.join(sorted(left)[:3])}")

    wait_until(look, deadline, what="CRDs", emit=emit)


def _nudge(kube: Cluster, names: Iterable[str]) -> None:
    """Change each CRD and change it back. An apiserver that was restarted between accepting a CRD's names and serving
    it continues only when the CRD changes (apiextensions-apiserver, crdHandler queues on updates alone)."""
    for name in names:
        crd = ref("CustomResourceDefinition", name)
        for value in ("waits", None):
            try:
                kube.patch(crd, {"metadata": {"annotations": {NUDGE_ANNOTATION: value}}})
            except AcksmError as error:
                if error.id not in {"kube-not-found", "kube-forbidden"}:
                    raise


def _owned(kube: Cluster, seconds: float) -> Iterator[Object]:
    """acksm's CRDs as they are and as they change, by one watch; as they are where only a list is allowed."""
    crds, selector = ref("CustomResourceDefinition"), f"{OWNED_LABEL}=true"
    try:
        yield from kube.watch(crds, selector=selector, seconds=int(seconds))
    except AcksmError as error:
        if error.id != "kube-forbidden":
            raise
        yield from kube.list(crds, selector=selector)
