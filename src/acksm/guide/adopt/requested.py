"""Requests to adopt: kind and name or ARN as arguments, declarations and manifests in a file.

Pure. A name gives the fields by which the controllers find an object (`acksm.ack.kinds`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from difflib import get_close_matches

from acksm.ack.kinds import ARN_SERVICES, KINDS, Kind
from acksm.ack.names import COMMON_GROUP
from acksm.dataclass import dataclass
from acksm.declared import DeclaredAdoption
from acksm.errors import AcksmError
from acksm.json_types import Document
from acksm.live.managed import ADOPTED_RESOURCE
from acksm.words import counted, did_you_mean

ALL: tuple[Kind, ...] = tuple(kind for kinds in KINDS.values() for kind in kinds.values())
_ARN = re.compile(
    r"arn:(?P<partition>[^:]+):(?P<service>[^:]+):(?P<region>[^:]*):(?P<account>\d{12}):(?P<path>.+)", re.ASCII
)


@dataclass(frozen=True)
class Arn:
    """An ARN in its parts; `path` is what follows the account."""

    text: str
    service: str
    region: str
    account: str
    path: str


@dataclass(frozen=True)
class Request:
    """An AWS resource to adopt. `keys`: the fields that its name may give, in the order in which they are tried; none
    where only the ARN identifies it. `name` is its name in the cluster, "" for one derived from AWS's; `region` "" is
    its namespace's. `spec` is the desired state, which adopt-or-create (`creates`) applies to AWS; `fields` are the
    adoption fields that were given. `where` is where it was requested."""

    kind: Kind
    text: str
    keys: tuple[Mapping[str, str], ...]
    namespace: str = "default"
    name: str = ""
    region: str = ""
    arn: Arn | None = None
    retain: bool = True
    read_only: bool = False
    where: str = ""
    creates: bool = False
    spec: Document = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.text}"


def find_kind(text: str, where: str = "") -> Kind:
    """A kind by name or plural, in any case, with or without its group.

    Errors: `kind-unknown` with close names, `adopt-wrong-group`.
    """
    name, _, group = text.lower().partition(".")
    matching = [kind for kind in ALL if name in {kind.name.lower(), kind.plural}]
    for kind in matching:
        if group in {"", kind.service, kind.group}:
            return kind
    if matching:
        raise AcksmError(
            "adopt-wrong-group",
            f"{matching[0].name} is in group {matching[0].group}, not {group}",
            where=where or text,
        )
    near = close_names(name)
    raise AcksmError(
        "kind-unknown",
        f'no SageMaker or Application Auto Scaling kind "{text}"' + did_you_mean(near),
        where=where or text,
        remedy=f"acksm adopt {near[0]} NAME -n NAMESPACE" if near else "",
    )


def close_names(text: str, count: int = 3) -> list[str]:
    """Names of kinds that `text` may mean: spelt alike, starting with it, or abbreviated by it."""
    if not text:
        return []
    begins = [kind.name for kind in ALL if kind.name.lower().startswith(text)]
    short = [kind.name for kind in ALL if _is_short(text, kind.name)]
    lower = {name: kind.name for kind in ALL for name in (kind.name.lower(), kind.plural)}
    spelt = [lower[name] for name in get_close_matches(text, list(lower), n=count, cutoff=0.6)]
    return list(dict.fromkeys([*spelt, *sorted(begins, key=len), *sorted(short, key=len)]))[:count]


def _is_short(text: str, name: str) -> bool:
    """ "ep" for Endpoint, "nb" for NotebookInstance: its letters in their order, from the first on."""
    rest = iter(name.lower())
    return name[0].lower() == text[0] and all(letter in rest for letter in text)


def parse_arn(text: str, where: str = "") -> Arn:
    """Error: `adopt-arn` for anything that is not an ARN."""
    match = _ARN.fullmatch(text)
    if not match:
        raise AcksmError(
            "adopt-arn",
            f"invalid ARN {text!r}: expected arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME",
            where=where or text,
        )
    return Arn(text, match["service"], match["region"], match["account"], match["path"])


def kind_of(arn: Arn, where: str = "") -> Kind:
    """The kind whose ARNs look like this. Error: `adopt-arn`."""
    matching = [kind for kind in ALL if arn.service in ARN_SERVICES[kind.service] and _path(kind, arn) is not None]
    if not matching:
        raise AcksmError("adopt-arn", f"the controllers have no kind for {arn.text}", where=where or arn.text)
    return matching[0]


def _path(kind: Kind, arn: Arn) -> str | None:
    """The resource's name in an ARN of this kind; None in another's."""
    head, _, rest = arn.path.partition(":" if kind.arn_kind == "scalingPolicy" else "/")
    if head != kind.arn_kind or not rest:
        return None
    if kind.lists:
        return rest
    return rest if kind.read(rest) else None


def request(
    kind: Kind,
    text: str,
    fields: Mapping[str, str] | None = None,
    *,
    namespace: str = "default",
    name: str = "",
    region: str = "",
    retain: bool = True,
    read_only: bool = False,
    where: str = "",
) -> Request:
    """One object. `text` is its name or ARN, `fields` some or all of its adoption fields.

    Errors: `adopt-arn`, `adopt-field` (not one of the kind's), `adopt-key` (not enough to find it).
    """
    given = dict(fields or {})
    location = where or f"{kind.name} {text}".strip()
    allowed = ("arn",) if kind.by_arn else kind.key
    for key in given:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1, cutoff=0.3) or list(allowed)
            raise AcksmError(
                "adopt-field",
                f"{kind.name} has no field {key!r}; it has {', '.join(allowed)}{did_you_mean(near[:1])}",
                where=location,
            )
    text = text or given.get("arn", "")
    arn = parse_arn(text, where) if text.startswith("arn:") else None
    if arn is not None:
        found = kind_of(arn, where)
        if found is not kind:
            raise AcksmError(
                "adopt-arn", f"{text} is the ARN of {_a(found.name)}, not of {_a(kind.name)}", where=location
            )
    item = Request(
        kind, text, _keys(kind, text, arn, given, location), namespace, name, region, arn, retain, read_only, where
    )
    return (
        item
        if item.text
        else Request(**{**item.__dict__, "text": kind.write(item.keys[0]) or ", ".join(given.values())})
    )


def _keys(
    kind: Kind, text: str, arn: Arn | None, given: Mapping[str, str], location: str
) -> tuple[dict[str, str], ...]:
    if kind.by_arn:
        if arn is not None:
            return ({"arn": arn.text},)
        if kind.read(text):
            return ({"path": f"{kind.arn_kind}/{text}"},)
    elif arn is not None and kind.lists:
        return ()
    else:
        path = _path(kind, arn) if arn is not None else text
        read = kind.read(path or "") if text else [{}]
        keys = tuple({**dict(kind.given), **one, **given} for one in read)
        whole = tuple(key for key in keys if all(key.get(name) for name in kind.key if name not in kind.optional))
        if whole:
            return whole
    form = " or ".join(way.replace("{", "").replace("}", "") for way in kind.ways)
    raise AcksmError(
        "adopt-key",
        (f"{text!r} does not identify {_a(kind.name)}" if text else f"missing name of the {kind.name}")
        + f"; use {form}, or its ARN",
        where=location,
    )


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def of_declared(item: DeclaredAdoption, namespace: str, where: str) -> Request:
    """A declaration, or a manifest read as one; `namespace` is the default.

    Errors: those of `request` and `find_kind`, `adopt-wrong-group`.
    """
    if item.kind == ADOPTED_RESOURCE:
        raise AcksmError(
            "adopt-wrong-group",
            f"{ADOPTED_RESOURCE} is in group {COMMON_GROUP}, not {item.group or 'none'}",
            where=where,
        )
    if item.group and not any(item.group == kind.group for kind in ALL):
        raise AcksmError(
            "adopt-wrong-group",
            f"{item.kind}.{item.group} is not a kind of SageMaker or Application Auto Scaling",
            where=where,
        )
    arn = parse_arn(item.name, where) if item.name.startswith("arn:") else None
    if arn and not item.kind:
        kind = kind_of(arn, where)
    else:
        kind = find_kind(f"{item.kind}.{item.group}" if item.group else item.kind, where)
    name, fields = item.name, dict(item.fields)
    if item.group and name and not arn and not kind.by_arn and (fields or not kind.read(name)):
        # an AdoptedResource's nameOrID with its additional keys; where those have the field that it usually is, it is
        # the one that they lack: a scaling policy's name beside its resource
        lacking = [key for key in kind.key if key not in fields]
        name, fields = "", {kind.named if kind.named in lacking else next(iter(lacking), kind.named): name, **fields}
    found = request(
        kind,
        name,
        _with_spec(kind, fields, item, where),
        namespace=item.namespace or namespace,
        name=item.as_,
        region=item.region,
        retain=item.retain,
        read_only=item.read_only,
        where=where,
    )
    return replace(found, creates=item.policy == "adopt-or-create", spec=item.spec, fields=item.fields)


def _with_spec(kind: Kind, fields: Mapping[str, str], item: DeclaredAdoption, where: str) -> dict[str, str]:
    """The adoption fields, and what the spec of adopt-or-create has of them. Error: `adopt-field`."""
    if item.policy == "adopt":
        return dict(fields)
    if not item.spec:
        raise AcksmError("adopt-field", f"adopt-or-create needs the spec of the {kind.name}", where=where)
    named = {key: str(item.spec[key]) for key in kind.key if item.spec.get(key) and not kind.by_arn}
    other = [key for key in fields if named.get(key, fields[key]) != fields[key]]
    if other:
        key = other[0]
        message = f"adoption-fields have {key} {fields[key]!r}, and the spec has {named[key]!r}"
        raise AcksmError("adopt-field", message, where=where)
    return {**named, **fields}


@dataclass
class Refusals:
    """Errors of many requests, reported together before the first write."""

    errors: list[AcksmError] = field(default_factory=list)
    locate: Callable[[str], str] = str

    def check(self) -> None:
        """Raise the first, with all the others in its details."""
        if not self.errors:
            return
        for error in self.errors[:MAX_ERRORS]:
            error.where = self.locate(error.where)
        first = self.errors[0]
        if len(self.errors) > 1:
            lines = [f"{error.id}: {error.where}: {error.message}" for error in self.errors]
            first.details["diff"] = lines[:MAX_ERRORS]
            first.details["errors"] = [
                {"id": error.id, "where": error.where, "message": error.message} for error in self.errors
            ]
            first.message += f" (and {counted(len(self.errors) - 1, 'more error')})"
        raise first


MAX_ERRORS = 20


def duplicates(requests: Iterable[tuple[Request, tuple[str, ...]]]) -> Sequence[AcksmError]:
    """An error for each request with the identity of an earlier one."""
    seen: dict[tuple[str, ...], Request] = {}
    errors = []
    for item, identity in requests:
        before = seen.setdefault(identity, item)
        if before is not item:
            errors.append(
                AcksmError(
                    "adopt-twice", f"{item} is requested twice", where=f"{before.where or before}; {item.where or item}"
                )
            )
    return errors
