"""The plan of adoptions, from the requests and from what AWS and the cluster have. Pure.

Objects are created and never applied: adoption annotations on an object that another user created in the meantime would
replace its AWS resource.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from acksm.ack.kinds import Kind
from acksm.ack.names import COMMON_GROUP
from acksm.aws.objects import Found
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.adopt.placement import Location, Method, read_only_works
from acksm.guide.adopt.requested import Request
from acksm.json_types import Object
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref
from acksm.live.drift import differences
from acksm.live.managed import ADOPTED_RESOURCE, FIELDS, OBJECT_REGION, POLICY, PREFIX, Holder, Index

STEP = "adopt"
STALE_SECONDS = 60.0  # an object that is not adopted by then is recreated, because the controller backs off
RETAIN, READ_ONLY = PREFIX + "deletion-policy", PREFIX + "read-only"
LANES = 8  # so many objects are created concurrently
MAX_NAME = 253
_LABEL = re.compile(r"[^a-z0-9-]+")


@dataclass
class Adoption:
    """One adoption. `live` is its existing object; `change` is None when it is up to date."""

    request: Request
    location: Location
    found: Found
    name: str
    live: Holder | None = None
    change: Change | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return self.request.kind

    @property
    def region(self) -> str:
        return self.request.region or self.location.region

    @property
    def target(self) -> Ref:
        """The object itself."""
        return ref(self.kind.name, self.name, self.request.namespace)

    @property
    def helper(self) -> Ref:
        """The AdoptedResource that creates it."""
        return ref(ADOPTED_RESOURCE, helper_name(self.kind, self.name), self.request.namespace)

    @property
    def exists(self) -> bool:
        """Whether AWS has it; only adopt-or-create takes what it lacks."""
        return bool(self.found.arn or self.found.state or self.found.answer) or not self.request.creates

    @property
    def is_done(self) -> bool:
        """Whether it was adopted by an earlier run."""
        return self.live is not None and not self.live.by and self.live.adopted

    def __str__(self) -> str:
        return str(self.target)


def kube_name(kind: Kind, key: Mapping[str, str]) -> str:
    """The object's name: AWS's in lower case where Kubernetes allows it, else one like it.

    Always a DNS subdomain of at most 253 characters; names that differ in more than case end with a hash, so that they
    are unique.
    """
    written = key.get("arn", "").partition(":")[2].rpartition(":")[2].partition("/")[2] or kind.write(key)
    plain = _LABEL.sub("-", written.lower()).strip("-")
    clean = plain[: MAX_NAME - 9].strip("-") or kind.name.lower()
    if clean == written.lower().replace("/", "-"):
        return clean
    return f"{clean}-{hashlib.sha256(written.encode()).hexdigest()[:8]}"


def helper_name(kind: Kind, name: str) -> str:
    """The name of an AdoptedResource; the guide's is adopt-endpoint-sample."""
    full = f"adopt-{kind.name.lower()}-{name}"
    return full if len(full) <= MAX_NAME else f"{full[: MAX_NAME - 9].rstrip('-.')}-{zlib.crc32(full.encode()):08x}"


def marks(item: Adoption) -> dict[str, str]:
    """The annotations of the object, whichever the method."""
    found = {RETAIN: "retain"} if item.request.retain else {}
    found |= {READ_ONLY: "true"} if item.request.read_only else {}
    return found | ({OBJECT_REGION: item.request.region} if item.request.region else {})


def manifest(item: Adoption) -> Object:
    """The object to create: of the kind itself, with a spec only for adopt-or-create, or an AdoptedResource."""
    labels = {OWNED_LABEL: "true", **item.location.labels}
    metadata: Object = {"name": item.name, "namespace": item.request.namespace, "labels": labels}
    if item.location.method is Method.ANNOTATIONS:
        own: Object = {"apiVersion": item.target.api_version, "kind": item.kind.name, "metadata": metadata}
        if item.request.creates:  # the spec names it; the fields are needed only where it does not
            given = dict(item.found.key) if item.request.fields else {}
            fields = {FIELDS: json.dumps(given, sort_keys=True)} if given else {}
            metadata["annotations"] = {POLICY: "adopt-or-create", **fields, **marks(item)}
            return {**own, "spec": dict(item.request.spec)}
        key_text = json.dumps(dict(item.found.key), sort_keys=True)
        metadata["annotations"] = {POLICY: "adopt", FIELDS: key_text, **marks(item)}
        return own
    where = {OBJECT_REGION: item.request.region} if item.request.region else {}
    target: Object = {**metadata, **({"annotations": found} if (found := marks(item)) else {})}
    helper: Object = {**metadata, "name": item.helper.name, **({"annotations": where} if where else {})}
    key = dict(item.found.key)
    aws: Object = {"arn": key["arn"]} if "arn" in key else {"nameOrID": key.pop(item.kind.named)}
    if "arn" not in key and key:
        aws["additionalKeys"] = key
    return {
        "apiVersion": f"{COMMON_GROUP}/v1alpha1",
        "kind": ADOPTED_RESOURCE,
        "metadata": helper,
        "spec": {"aws": aws, "kubernetes": {"group": item.kind.group, "kind": item.kind.name, "metadata": target}},
    }


def plan(
    desired: Sequence[tuple[Request, Location, Found]],
    index: Index,
    refuse: Callable[[AcksmError], None],
    now: datetime,
) -> list[Adoption]:
    """Every adoption with its change. Errors go to `refuse`: adopt-…"""
    planned = []
    for request, location, found in desired:
        item = Adoption(request, location, found, request.name or kube_name(request.kind, found.key))
        try:
            _check(item)
            item.live = _live(item, index)
            item.change = _change(item, now)
        except AcksmError as error:
            refuse(error)
            continue
        planned.append(item)
    return planned


def _check(item: Adoption) -> None:
    if len(item.name) > MAX_NAME or not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,252}[a-z0-9])?", item.name):
        raise AcksmError("adopt-name", f"invalid object name {item.name!r}", where=_where(item))
    if item.request.read_only and not read_only_works(item.location.controller):
        raise AcksmError(
            "adopt-read-only", f"{item.location.controller} does not support read-only objects", where=_where(item)
        )
    if item.request.creates and item.location.method is Method.ADOPTED_RESOURCE:
        raise AcksmError(
            "adopt-off",
            f"{item.location.controller} adopts by AdoptedResource objects, which have no spec for adopt-or-create",
            where=_where(item),
        )
    if item.request.creates and not item.location.controller.has("adopt-or-create-updates"):
        item.notes.append(
            f"{item.location.controller} does not change what it adopts: {item} gets the spec that AWS has"
        )
    if item.request.spec and not item.request.creates:
        item.notes.append(
            f"the spec of {item} is ignored: with adoption-policy adopt the controller fills it in from AWS "
            "(adopt-or-create keeps it)"
        )
    if item.found.state.startswith("Delet"):
        raise AcksmError("adopt-deleting", f"{item.request} is {item.found.state} in AWS", where=_where(item))
    if item.request.retain and not item.location.controller.has("deletion-policy"):
        item.notes.append(
            f"{item.location.controller} does not support deletion policies: deleting {item} deletes the AWS resource"
        )


def _live(item: Adoption, index: Index) -> Holder | None:
    """The existing object of this adoption. Errors: `adopt-managed` (by another object), `adopt-name-taken`."""
    at = index.at(item.kind, item.request.namespace, item.name)
    holders = index.of(item.kind, item.found.key, item.location.account, item.region)
    others = [one for one in holders if (one.namespace, one.name) != (item.request.namespace, item.name)]
    if others:
        one = others[0]
        raise AcksmError(
            "adopt-managed",
            f"{item.request} is managed by {one}",
            where=_where(item),
            remedy=f"kubectl get {_resource(one)} {one.by or one.name} -n {one.namespace}",
            details={"holder": str(one)},
        )
    mine = [one for one in at if one in holders]
    # an AdoptedResource that has created its object conflicts only by name
    at = [one for one in at if not one.by or one.holds or one.by == item.helper.name]
    if at and not mine:
        one = at[0]
        what = "manages a different AWS resource" if one.holds else "manages nothing in AWS"
        delete = f"kubectl delete {_resource(one)} {one.by or one.name} -n {one.namespace}"
        remedy = "" if one.holds else f"{delete}   (then again)"
        raise AcksmError("adopt-name-taken", f"{one} already exists and {what}", where=_where(item), remedy=remedy)
    return min(mine, key=lambda one: bool(one.by)) if mine else None


def _resource(live: Holder) -> str:
    """For kubectl: models.sagemaker.services.k8s.aws."""
    where = ref(ADOPTED_RESOURCE if live.by else live.kind.name)
    return f"{where.plural}.{where.api_version.partition('/')[0]}"


def _change(item: Adoption, moment: datetime) -> Change | None:
    if item.live is None:
        return _create(item)
    if not item.live.adopted and item.live.owned and _age(item.live, moment) > STALE_SECONDS:
        return _renew(item, item.live)
    desired = marks(item)
    now = {key: item.live.annotations[key] for key in (RETAIN, READ_ONLY) if key in item.live.annotations}
    after = {key: value for key, value in desired.items() if key != OBJECT_REGION}
    if item.request.creates and any(differences(item.request.spec, item.live.manifest.get("spec"))):
        item.notes.append(f"{item} exists with another spec, which is not changed; change it with kubectl apply")
    if now == after or item.live.by:
        return None
    if not item.live.owned:
        item.notes.append(
            f"{item} was not created by acksm; its deletion policy and read-only annotation are not changed"
        )
        return None
    moves = {key: after.get(key) for key in {*now, *after} if now.get(key) != after.get(key)}
    return Change(
        id="adopt.update",
        step=STEP,
        op=Op.UPDATE,
        system="kubernetes",
        target=str(item),
        call="adopt.annotate",
        params={
            "kind": item.kind.name,
            "name": item.name,
            "namespace": item.request.namespace,
            "annotations": dict(sorted(moves.items())),
        },
        before=now or None,
        after=after or None,
        reason="the options have changed",
        danger=Danger.MILD if now.get(RETAIN) == "retain" and RETAIN not in after else Danger.NONE,
        guide=f"kubectl annotate {item.kind.plural}.{item.kind.group} {item.name} -n {item.request.namespace} …",
        lane=_lane(item),
    )


def _create(item: Adoption) -> Change:
    created, changes = manifest(item), item.request.creates and item.exists
    where = item.target if item.location.method is Method.ANNOTATIONS else item.helper
    return Change(
        id="adopt.create",
        step=STEP,
        op=Op.CREATE,
        system="kubernetes",
        target=str(where),
        call="adopt.create",
        params={"manifest": created},
        after=created,
        reason=_reason(item),
        danger=Danger.NONE if item.request.read_only or (item.request.retain and not changes) else Danger.MILD,
        guide=f"kubectl apply -f {where.name}.yaml",
        lane=_lane(item),
    )


def _reason(item: Adoption) -> str:
    if not item.exists:
        return "creates it in AWS, where it does not exist"
    adopts = f"adopts {item.found.arn or item.request}"
    return f"{adopts}, and changes it to this spec" if item.request.creates else adopts


def _age(live: Holder, moment: datetime) -> float:
    """Seconds since it was created."""
    created = str(live.manifest["metadata"].get("creationTimestamp") or "")
    return (moment - datetime.fromisoformat(created.replace("Z", "+00:00"))).total_seconds() if created else 0.0


def _renew(item: Adoption, live: Holder) -> Change:
    """Recreate an object that is not adopted: nothing in AWS depends on it."""
    create = _create(item)
    return replace(
        create,
        id="adopt.renew",
        op=Op.UPDATE,
        call="adopt.renew",
        params={**create.params, "resource_version": str(live.manifest["metadata"]["resourceVersion"])},
        before={"metadata": {"name": live.by or live.name}},
        reason="not adopted yet; recreated, so that the controller retries",
        danger=Danger.NONE,
        guide=f"kubectl replace --force -f {live.by or live.name}.yaml",
    )


def _lane(item: Adoption) -> str:
    return f"a{zlib.crc32(str(item.target).encode()) % LANES}"


def _where(item: Adoption) -> str:
    return item.request.where or f"{item.request} as {item.request.namespace}/{item.name}"
