"""The objects that a sample needs, their desired state, and the changes towards it. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace

from acksm.ack.kinds import KINDS
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.samples import values as sample_values
from acksm.guide.samples.files import Parameter, Sample, chain, samples
from acksm.guide.samples.values import Location
from acksm.json_types import Json, Manifest, Object, Value
from acksm.kube.owners import OWNED_LABEL, owner_of
from acksm.kube.paths import Ref, ref
from acksm.live.bindings import OBJECT_REGION
from acksm.live.drift import differences

STEP = "samples"
SAMPLE_LABEL = "acksm.dev/sample"


@dataclass(frozen=True)
class Late:
    """A value that AWS sets on another object: its path in the manifest, and its source."""

    path: tuple[str | int, ...]
    kind: str
    name: str
    field: str

    def as_params(self) -> Json:
        return {"path": list(self.path), "kind": self.kind, "name": self.name, "field": self.field}


@dataclass(frozen=True)
class Desired:
    """An object of a sample. `kept`: it exists, is only used, and is not changed, so it has no manifest.
    `missing` are parameters without a value."""

    sample: Sample
    name: str
    namespace: str
    manifest: Object = field(default_factory=dict)
    kept: bool = False
    missing: tuple[Parameter, ...] = ()
    late: tuple[Late, ...] = ()
    buckets: tuple[str, ...] = ()

    @property
    def ref(self) -> Ref:
        return ref(self.sample.kind, self.name, self.namespace)


def members(root: Sample, given: Mapping[str, str]) -> list[Sample]:
    """The samples that have an object in the plan, in order: `root` last. Error: `sample-parameter-unknown`."""
    everything = chain(root.name)
    sample_values.check_names(given, root, everything)

    def is_given(sample: Sample, parameter: Parameter) -> bool:
        return parameter.name in sample_values.given_to(given, root, sample)

    return chain(root.name, is_given)


def names(root: Sample, given: Mapping[str, str]) -> dict[str, str]:
    """Each member's object by its sample's name. Error: `sample-value`."""
    found = {}
    for sample in members(root, given):
        parameter, own = sample.parameters["name"], sample_values.given_to(given, root, sample)
        found[sample.name] = str(sample_values.value(parameter, own.get("name", str(parameter.default)), Location()))
    return found


def desired(
    root: Sample,
    given: Mapping[str, str],
    location: Location,
    namespace: str,
    live: Mapping[Ref, Manifest | None],
    region: str,
) -> list[Desired]:
    """Every object, in order. `live` has those that exist; `region` is the requested one, "" for none.

    Errors: `sample-parameter-unknown`, `sample-value`, `sample-no-image`.
    """
    object_names = names(root, given)
    found = []
    for sample in members(root, given):
        one = Desired(sample, object_names[sample.name], namespace)
        own = sample_values.given_to(given, root, sample)
        addressed = any(key.startswith(f"{sample.name}.") and not key.endswith(".name") for key in given)
        if sample is not root and live.get(one.ref) is not None and not addressed:
            found.append(replace(one, kept=True))
            continue
        found.append(_filled(one, own, location, object_names, live, region))
    return found


def _filled(
    one: Desired,
    own: Mapping[str, str],
    location: Location,
    object_names: Mapping[str, str],
    live: Mapping[Ref, Manifest | None],
    region: str,
) -> Desired:
    values: Json = {}
    missing, late, buckets = [], [], []
    for name, parameter in one.sample.parameters.items():
        if name == "name":
            values[name] = one.name
        elif name in own:
            values[name] = sample_values.value(parameter, own[name], location)
        elif parameter.sample and parameter.of:
            source = ref(samples()[parameter.sample].kind, object_names[parameter.sample], one.namespace)
            values[name] = at(live.get(source) or {}, parameter.of)
            if not values[name]:
                values[name] = parameter.like
                late += [
                    Late(path, source.kind, source.name, parameter.of) for path in locations(one.sample, parameter.name)
                ]
        elif parameter.sample:
            values[name] = object_names[parameter.sample]
        elif parameter.default is not None:
            values[name] = sample_values.default(parameter, location)
        else:
            missing.append(parameter)
        if parameter.kind == "bucket" and name in values:
            buckets.append(values[name])
    if missing:
        return replace(one, missing=tuple(missing))
    manifest = one.sample.manifest(values)
    metadata = manifest["metadata"]
    metadata["namespace"] = one.namespace
    metadata["labels"] = {OWNED_LABEL: "true", SAMPLE_LABEL: one.sample.name}
    if region:
        metadata["annotations"] = {OBJECT_REGION: region}
    return replace(one, manifest=manifest, late=tuple(late), buckets=tuple(buckets))


def check_effect(
    root: Sample,
    given: Mapping[str, str],
    items: Sequence[Desired],
    location: Location,
    live: Mapping[Ref, Manifest | None],
) -> None:
    """Refuse a parameter that only objects have which exist and are not changed, unless they have that value. Errors:
    `sample-no-effect`, `sample-value`."""
    used = {key for one in items if not one.kept for key in sample_values.given_to(given, root, one.sample)}
    for one in items:
        if not one.kept:
            continue
        for name, text in sample_values.given_to(given, root, one.sample).items():
            if name in used or name == "name":
                continue
            value = sample_values.value(one.sample.parameters[name], text, location)
            if _has(live.get(one.ref) or {}, one.sample, name, value):
                continue
            changes = KINDS[one.sample.service][one.sample.kind].updates
            key = f"{one.sample.name}.{name}={text}" if changes else f"{one.sample.name}.name=OTHER"
            raise AcksmError(
                "sample-no-effect",
                f"{name} would have no effect: {one.ref} exists with another value, and is used unchanged",
                where=f"--set {name}",
                remedy=f"acksm … --set {shlex.quote(key)}   ({'changes it' if changes else 'creates another one'})",
            )


def _has(manifest: Manifest, sample: Sample, name: str, value: object) -> bool:
    """Whether an object has a parameter's value wherever the sample's manifest has the parameter."""
    token = f"\0{name}"
    template = sample.manifest({other: token if other == name else other for other in sample.parameters})

    def same(wanted: object, found: object) -> bool:
        if isinstance(wanted, Mapping):
            return all(
                same(item, found.get(key) if isinstance(found, Mapping) else None) for key, item in wanted.items()
            )
        if isinstance(wanted, list):
            items = found if isinstance(found, list) else []
            return all(same(item, items[at] if at < len(items) else None) for at, item in enumerate(wanted))
        if wanted == token:
            return found == value
        return token not in str(wanted) or str(value) in str(found)

    return same(template.get("spec"), manifest.get("spec"))


def at(manifest: Manifest, path: str) -> str:
    """The text at a dotted path, "" where there is none."""
    found: object = manifest
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return str(found or "")


def locations(sample: Sample, parameter: str) -> list[tuple[str | int, ...]]:
    """The paths at which the parameter alone is a value in the sample's manifest."""
    marker = object()
    manifest = sample.manifest({name: marker if name == parameter else name for name in sample.parameters})

    def walk(node: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        if node is marker:
            return [path]
        pairs: Iterable[tuple[Value, object]] = (
            node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
        )
        return [found for key, item in pairs for found in walk(item, (*path, key))]

    return walk(manifest, ())


def check_missing(items: Sequence[Desired]) -> None:
    """Errors: `sample-no-role`, `sample-parameter-missing`; each missing parameter is named with its sample."""
    missing = [(one, parameter) for one in items for parameter in one.missing]
    if not missing:
        return
    lines = [f"--set {parameter.name}=…   {parameter.about}" for _, parameter in missing]
    details = {"diff": list(dict.fromkeys(lines)), "parameters": sorted({parameter.name for _, parameter in missing})}
    names = list(dict.fromkeys(f"{parameter.name} of {one.sample.name}" for one, parameter in missing))
    message = f"missing required parameter{'s' if len(names) > 1 else ''}: {', '.join(names)}"
    if all(parameter.kind == "role" for _, parameter in missing):
        raise AcksmError("sample-no-role", message, details=details)
    options = [f"--set {name}={name.upper()}" for name in details["parameters"] if name != "role"]
    options += ["--with-role"] if "role" in details["parameters"] else []
    raise AcksmError("sample-parameter-missing", message, remedy=f"acksm … {' '.join(options)}", details=details)


def plan(
    items: Sequence[Desired],
    live: Mapping[Ref, Manifest | None],
    *,
    wait: bool,
    requested_region: str = "",
    same: Collection[Ref] = (),
) -> list[Change]:
    """Create what does not exist, update what differs and can be updated, wait for each before the next. The specs of
    `same` differ in text only.

    Errors: `sample-terminating`, `sample-not-ours`, `sample-unchangeable`.
    """
    changes: list[Change] = []
    for one in items:
        changes += _object(one, live.get(one.ref), requested_region, same)
        if wait:
            changes.append(
                Change(
                    id="sample.synced",
                    step=STEP,
                    op=Op.WAIT,
                    system="kubernetes",
                    target=str(one.ref),
                    call="samples.await",
                    params={"kind": one.sample.kind, "namespace": one.namespace, "name": one.name},
                )
            )
    return changes


def _object(one: Desired, live: Manifest | None, requested_region: str, same: Collection[Ref] = ()) -> list[Change]:
    where = str(one.ref)
    if live is not None and live["metadata"].get("deletionTimestamp"):
        raise AcksmError("sample-terminating", f"{where} is being deleted", where=where)
    if one.kept:
        return []
    call = "samples.apply_late" if one.late else "kube.apply"
    params = {"manifest": one.manifest} | ({"late": [item.as_params() for item in one.late]} if one.late else {})
    common: Json = {"step": STEP, "system": "kubernetes", "target": where, "call": call, "params": params}
    guide = f"kubectl apply -f {one.sample.name}.yaml"
    if live is None:
        return [Change(**common, id="sample.create", op=Op.CREATE, after=one.manifest, guide=guide)]
    _check_region(one, live, requested_region)
    before = live.get("spec") or {}
    if one.ref in same or not any(differences(one.manifest["spec"], before)):
        return []
    owner = owner_of(live)
    if owner is None or owner.tool != "acksm":
        raise AcksmError(
            "sample-not-ours",
            f"{where} already exists with different content, "
            + (f"managed by {owner}" if owner else "not created by acksm"),
            where=where,
            remedy=f"acksm … --set {one.sample.name}.name=OTHER",
        )
    if not KINDS[one.sample.service][one.sample.kind].updates:
        raise AcksmError(
            "sample-unchangeable",
            f"{where} already exists with different content, and a {one.sample.kind} is immutable in SageMaker",
            where=where,
            remedy=f"acksm … --set {one.sample.name}.name=OTHER   (or delete the object)",
        )
    now = {key: before.get(key) for key in one.manifest["spec"]}
    return [
        Change(
            **common,
            id="sample.update",
            op=Op.UPDATE,
            before={"spec": now},
            after={"spec": one.manifest["spec"]},
            danger=Danger.MILD,
            guide=guide,
        )
    ]


def _check_region(one: Desired, live: Manifest, requested_region: str) -> None:
    held = at(live, "status.ackResourceMetadata.region")
    if requested_region and held and held != requested_region:
        raise AcksmError(
            "sample-unchangeable",
            f"{one.ref} is in {held}, and cannot be moved to {requested_region}",
            where=str(one.ref),
        )
