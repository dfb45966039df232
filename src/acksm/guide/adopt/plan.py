"""The plan of adoptions: what was asked for, what AWS and the cluster have, and the objects to be made of it. Pure.

An object is created, never applied over: adoption annotations on an object that somebody else made meanwhile would
put another AWS object into it.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from acksm.ack.kinds import Kind
from acksm.ack.names import COMMON_GROUP
from acksm.aws.objects import Found
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.adopt.placement import Place, Way, read_only_works
from acksm.guide.adopt.requested import Request
from acksm.json_types import Object
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref
from acksm.live.managed import ADOPTED_RESOURCE, FIELDS, OBJECT_REGION, POLICY, PREFIX, Holder, Index

STEP = "adopt"
STALE_SECONDS = 60.0  # an object that is not adopted by then is made anew: by now the controller looks ever more rarely
RETAIN, READ_ONLY = PREFIX + "deletion-policy", PREFIX + "read-only"
LANES = 8  # so many objects are created side by side
MAX_NAME = 253
_LABEL = re.compile(r"[^a-z0-9-]+")


@dataclass
class Adoption:
    """One adoption. `live` is what is there of it already; `change` is None when nothing is to be written."""

    request: Request
    place: Place
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
        return self.request.region or self.place.region

    @property
    def target(self) -> Ref:
        """The object itself."""
        return ref(self.kind.name, self.name, self.request.namespace)

    @property
    def helper(self) -> Ref:
        """The AdoptedResource that makes it."""
        return ref(ADOPTED_RESOURCE, helper_name(self.kind, self.name), self.request.namespace)

    @property
    def is_done(self) -> bool:
        """Whether it was adopted by an earlier run."""
        return self.live is not None and not self.live.by and self.live.adopted

    def __str__(self) -> str:
        return str(self.target)


def kube_name(kind: Kind, key: Mapping[str, str]) -> str:
    """A name for an object: AWS's own where the cluster can have it, in small letters, else as near as it can be.

    Always a DNS subdomain of at most 253 characters; names that had to be changed further than in their case have a
    digest at the end, so that two of them do not meet.
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
    """What holds for the object whichever way it is adopted."""
    found = {RETAIN: "retain"} if item.request.retain else {}
    found |= {READ_ONLY: "true"} if item.request.read_only else {}
    return found | ({OBJECT_REGION: item.request.region} if item.request.region else {})


def manifest(item: Adoption) -> Object:
    """The object to be made: of the kind itself without a spec, or an AdoptedResource."""
    labels = {OWNED_LABEL: "true", **item.place.labels}
    metadata: Object = {"name": item.name, "namespace": item.request.namespace, "labels": labels}
    if item.place.way is Way.ANNOTATIONS:
        fields = json.dumps(dict(item.found.key), sort_keys=True)
        metadata["annotations"] = {POLICY: "adopt", FIELDS: fields, **marks(item)}
        return {"apiVersion": item.target.api_version, "kind": item.kind.name, "metadata": metadata}
    where = {OBJECT_REGION: item.request.region} if item.request.region else {}
    target: Object = {**metadata, **({"annotations": found} if (found := marks(item)) else {})}
    own: Object = {**metadata, "name": item.helper.name, **({"annotations": where} if where else {})}
    key = dict(item.found.key)
    aws: Object = {"arn": key["arn"]} if "arn" in key else {"nameOrID": key.pop(item.kind.named)}
    if "arn" not in key and key:
        aws["additionalKeys"] = key
    return {
        "apiVersion": f"{COMMON_GROUP}/v1alpha1",
        "kind": ADOPTED_RESOURCE,
        "metadata": own,
        "spec": {"aws": aws, "kubernetes": {"group": item.kind.group, "kind": item.kind.name, "metadata": target}},
    }


def plan(
    desired: Sequence[tuple[Request, Place, Found]], index: Index, refuse: Callable[[AcksmError], None], now: datetime
) -> list[Adoption]:
    """Every adoption with its change. What cannot be goes to `refuse`: adopt-…"""
    planned = []
    for request, place, found in desired:
        item = Adoption(request, place, found, request.name or kube_name(request.kind, found.key))
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
        raise AcksmError("adopt-name", f"{item.name!r} is not a name that an object can have", where=_where(item))
    if item.request.read_only and not read_only_works(item.place.controller):
        raise AcksmError(
            "adopt-read-only", f"{item.place.controller} would change the object all the same", where=_where(item)
        )
    if item.found.state.startswith("Delet"):
        raise AcksmError("adopt-deleting", f"{item.request} is {item.found.state} in AWS", where=_where(item))
    if item.request.retain and not item.place.controller.has("deletion-policy"):
        item.notes.append(
            f"{item.place.controller} knows no deletion policy: deleting {item} will delete what it stands for in AWS"
        )


def _live(item: Adoption, index: Index) -> Holder | None:
    """What is there of this adoption. Errors: `adopt-managed` (another has it), `adopt-name-taken`."""
    at = index.at(item.kind, item.request.namespace, item.name)
    holders = index.of(item.kind, item.found.key, item.place.account, item.region)
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
    # what has made its object is in the way only where the new one would have its name
    at = [one for one in at if not one.by or one.holds or one.by == item.helper.name]
    if at and not mine:
        one = at[0]
        what = "stands for something else in AWS" if one.holds else "manages nothing in AWS"
        delete = f"kubectl delete {_resource(one)} {one.by or one.name} -n {one.namespace}"
        remedy = "" if one.holds else f"{delete}   (then again)"
        raise AcksmError("adopt-name-taken", f"{one} is there, and {what}", where=_where(item), remedy=remedy)
    return min(mine, key=lambda one: bool(one.by)) if mine else None


def _resource(live: Holder) -> str:
    """As kubectl takes it: models.sagemaker.services.k8s.aws."""
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
    if now == after or item.live.by:
        return None
    if not item.live.owned:
        item.notes.append(f"{item} was not made by acksm; its deletion policy and read-only mark stay as they are")
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
        reason="asked for otherwise than before",
        danger=Danger.MILD if now.get(RETAIN) == "retain" and RETAIN not in after else Danger.NONE,
        guide=f"kubectl annotate {item.kind.plural}.{item.kind.group} {item.name} -n {item.request.namespace} …",
        lane=_lane(item),
    )


def _create(item: Adoption) -> Change:
    made = manifest(item)
    where = item.target if item.place.way is Way.ANNOTATIONS else item.helper
    return Change(
        id="adopt.create",
        step=STEP,
        op=Op.CREATE,
        system="kubernetes",
        target=str(where),
        call="adopt.create",
        params={"manifest": made},
        after=made,
        reason=f"adopts {item.found.arn or item.request}",
        danger=Danger.NONE if item.request.retain or item.request.read_only else Danger.MILD,
        guide=f"kubectl apply -f {where.name}.yaml",
        lane=_lane(item),
    )


def _age(live: Holder, moment: datetime) -> float:
    """Seconds since it was made."""
    made = str(live.manifest["metadata"].get("creationTimestamp") or "")
    return (moment - datetime.fromisoformat(made.replace("Z", "+00:00"))).total_seconds() if made else 0.0


def _renew(item: Adoption, live: Holder) -> Change:
    """Nothing in AWS hangs on an object that is not adopted, so that it may go and come again."""
    made = _create(item)
    return replace(
        made,
        id="adopt.renew",
        op=Op.UPDATE,
        call="adopt.renew",
        params={**made.params, "resource_version": str(live.manifest["metadata"]["resourceVersion"])},
        before={"metadata": {"name": live.by or live.name}},
        reason="not adopted since it was made; made anew, so that the controller looks again",
        danger=Danger.NONE,
        guide=f"kubectl replace --force -f {live.by or live.name}.yaml",
    )


def _lane(item: Adoption) -> str:
    return f"a{zlib.crc32(str(item.target).encode()) % LANES}"


def _where(item: Adoption) -> str:
    return item.request.where or f"{item.request} as {item.request.namespace}/{item.name}"
