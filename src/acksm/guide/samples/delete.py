"""`acksm samples delete`: the objects that `samples apply` created, each after those that need it.

An object that keeps its AWS resource (deletion policy retain), that was adopted, or that another object still needs, is
kept. So are the execution role of `--with-role`, which is one for all samples of the cluster, and what jobs wrote to
S3: a note names each, with the command that deletes it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from acksm import reports
from acksm.ack.kinds import KINDS
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op, Plan
from acksm.engine.waits import Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, Event, Kind
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.target import Target, connect
from acksm.guide.samples import roles
from acksm.guide.samples.files import Sample, chain, samples
from acksm.guide.samples.plan import SAMPLE_LABEL, STEP
from acksm.json_types import Manifest
from acksm.kube.api import Lister
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.kube.owners import is_owned
from acksm.kube.paths import Ref, ref
from acksm.live import bindings, managed, synced
from acksm.output import Output
from acksm.remedies import filled
from acksm.settings import RunSettings, TargetSettings

RETAIN = "retain"
POLICY = f"{managed.PREFIX}deletion-policy"


@dataclass(frozen=True)
class Existing:
    """An object of a namespace: `sample` by its label, "" for one that no sample created."""

    sample: str
    location: Ref
    manifest: Manifest

    @property
    def is_sample(self) -> bool:
        return bool(self.sample) and is_owned(self.manifest)


def run_delete(at: TargetSettings, run: RunSettings, ui: Output, names: Sequence[Sample], namespace: str) -> int:
    """`samples delete`. Errors: `sample-none`, `object-…` of an object that cannot be deleted."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        live = observe(target.kube, names, namespace)
        spaces, unread = bindings.observe_some(target.kube, [namespace])
        bindings.check_names(spaces, [namespace], create=False)
        changes, notes = plan(names, live, _retained(spaces[namespace]), wait=run.wait)
        facts: reports.SampleDeleteFacts = {
            "namespace": namespace,
            "objects": [change.target for change in changes if change.op is Op.DELETE],
        }
        doomed = [one.manifest for one in live if str(one.location) in facts["objects"]]
        rest = left(doomed, roles.name(target.cluster.name))
        planned = Plan("samples delete", tuple(changes), (*notes, *rest, *unread), dict(facts))
        text = "\n".join(f"deleted {name}" for name in facts["objects"]) or f"no sample is left in {namespace}"
        table: dict[str, Callable[..., object]] = {
            "samples.delete": lambda **one: target.kube.delete(_ref(one), uid=one["uid"]),
            "samples.gone": lambda **one: await_gone(target, _ref(one), ui.emit),
        }
        return apply_plan(target, ui, planned, table, text)


def _ref(one: Mapping[str, str]) -> Ref:
    return ref(one["kind"], one["name"], one["namespace"])


def observe(kube: Lister, names: Sequence[Sample], namespace: str) -> list[Existing]:
    """The objects of the samples' kinds in the namespace, and of kinds that may need them."""
    kinds = {one.kind for sample in names for one in chain(sample.name)}
    kinds |= {one.kind for one in samples().values() if kinds & {samples()[used].kind for used in one.uses}}
    found = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        places = [ref(kind, namespace=namespace) for kind in sorted(kinds)]
        for place, items in zip(places, pool.map(kube.list, places), strict=True):
            for item in items:
                sample = str((item["metadata"].get("labels") or {}).get(SAMPLE_LABEL, ""))
                found.append(Existing(sample, replace(place, name=str(item["metadata"]["name"])), item))
    return found


def _retained(namespace: bindings.Namespace) -> frozenset[str]:
    """The services whose objects keep their AWS resources, by the namespace's annotations."""
    return frozenset(key.partition(".")[0] for key in bindings.DELETION if namespace.annotations.get(key) == RETAIN)


def plan(
    names: Sequence[Sample], live: Sequence[Existing], retained: Iterable[str], *, wait: bool
) -> tuple[list[Change], list[str]]:
    """Deletions, each with its wait, those that need others first; and notes on what is kept. Error: `sample-none`."""
    order = _order(names)
    doomed = sorted(
        (one for one in live if one.is_sample and one.sample in order), key=lambda one: order.index(one.sample)
    )
    requested = {sample.name for sample in names}
    if not any(one.sample in requested for one in doomed):
        raise AcksmError(
            "sample-none",
            f"no object of sample {', '.join(sorted(requested))} in this namespace was created by acksm",
            where=", ".join(sorted(requested)),
        )
    changes: list[Change] = []
    notes: list[str] = []
    kept = [one for one in live if one not in doomed]
    for one in doomed:
        user = next((other for other in kept if _needs(other, one)), None)
        reason = f"needed by {user.location}" if user else _kept_in_aws(one, retained)
        if reason:
            notes.append(f"kept: {one.location} ({reason})")
            kept.append(one)
            continue
        changes += _deletion(one, wait=wait)
    return changes, notes


_WRITTEN = ("output", "destination", "s3storageconfig")  # parts of the fields whose S3 URIs SageMaker writes to


_DEEPEST = 64


def left(manifests: Iterable[Manifest], role_name: str) -> list[str]:
    """Notes on what the objects used and their deletion keeps: the role of --with-role, and what was written to S3."""
    found = [field for manifest in manifests for field in _fields(manifest.get("spec"))]
    used = sorted({text for _, text in found if ":iam:" in text and text.rpartition("/")[2] == role_name})
    written = sorted(
        {text for path, text in found if text.startswith("s3://") and any(part in path for part in _WRITTEN)}
    )
    notes = [
        f"kept: role {arn}, one for all samples of the cluster; deleted with the controllers by: "
        + filled("acksm cleanup --iam")
        for arn in used
    ]
    for uri in written:
        command = shlex.join(["aws", "s3", "rm", "--recursive", "--dryrun", uri])
        notes.append(f"kept: what was written to S3; listed by: {command}   (and deleted without --dryrun)")
    return notes


def _fields(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text with the names of the fields to it, in lower case; JSON in a text is read too."""
    if path.count(".") > _DEEPEST:
        return
    if isinstance(node, str) and node.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            node = json.loads(node)
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _fields(value, f"{path}.{key}".lower())
    elif isinstance(node, list):
        for value in node:
            yield from _fields(value, f"{path}.")
    elif isinstance(node, str):
        yield path, node


def _order(names: Sequence[Sample]) -> list[str]:
    """The samples and those that they need, each after all that need it."""
    found: list[str] = []
    for sample in names:
        for one in chain(sample.name):
            if one.name not in found:
                found.append(one.name)
    depth = {name: len(chain(name)) for name in found}
    return sorted(found, key=lambda name: -depth[name])


def _needs(user: Existing, used: Existing) -> bool:
    """Whether an object names another whose kind its own may refer to."""
    may = any(
        samples()[name].kind == used.location.kind
        for sample in samples().values()
        if sample.kind == user.location.kind
        for name in sample.uses
    )
    status = used.manifest.get("status") or {}
    identifiers = {used.location.name, *(str(value) for value in _texts(used.manifest.get("spec"), top=True))}
    identifiers.add(str((status.get("ackResourceMetadata") or {}).get("arn", "")))
    named = [text for text in _texts(user.manifest.get("spec")) if text]
    return may and any(_refers(text, identifiers) for text in named)


def _refers(text: str, identifiers: set[str]) -> bool:
    """An ARN, a name, or a resource id such as endpoint/NAME/variant/V."""
    return text in identifiers or any(part in identifiers for part in text.split("/"))


def _texts(node: object, *, top: bool = False) -> Iterator[str]:
    """The texts of a spec; with `top` only those of its own fields that are names."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if not top:
                yield from _texts(value)
            elif isinstance(value, str) and str(key).lower().endswith("name"):
                yield value
    elif isinstance(node, list) and not top:
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield node


def _kept_in_aws(one: Existing, retained: Iterable[str]) -> str:
    """Why its AWS resource is kept, so that the object is; "" where deleting the object deletes it."""
    notes = values_at(one.manifest, ANNOTATIONS)
    if notes.get(managed.ADOPTED) == "true" or notes.get(managed.POLICY):
        return "adopted"
    service = one.location.api_version.partition(".")[0]
    policy = notes.get(POLICY) or (RETAIN if service in set(retained) else "")
    return "deletion policy retain" if policy == RETAIN else ""


def _deletion(one: Existing, *, wait: bool) -> list[Change]:
    where = {"kind": one.location.kind, "namespace": one.location.namespace, "name": one.location.name}
    arn = str(((one.manifest.get("status") or {}).get("ackResourceMetadata") or {}).get("arn", ""))
    service = KINDS[one.location.api_version.partition(".")[0]]
    kept_in_aws = service[one.location.kind].stops
    what = "stops it in AWS" if kept_in_aws else "deletes it in AWS"
    found = [
        Change(
            id="sample.delete",
            step=STEP,
            op=Op.DELETE,
            system="kubernetes",
            target=str(one.location),
            call="samples.delete",
            params={**where, "uid": str(one.manifest["metadata"].get("uid", ""))},
            before={"arn": arn} if arn else None,
            reason=what,
            danger=Danger.MILD,
            guide=f"kubectl delete {one.location.plural}.{one.location.api_version.partition('/')[0]} "
            f"{one.location.name} -n {one.location.namespace}",
        )
    ]
    if wait:
        found.append(
            Change(
                id="sample.gone",
                step=STEP,
                op=Op.WAIT,
                system="kubernetes",
                target=f"{one.location} to be deleted",
                call="samples.gone",
                params=where,
            )
        )
    return found


def await_gone(target: Target, one: Ref, emit: Emit) -> None:
    """Until the object does not exist. Errors: `object-terminal` with the controller's message, `timed-out`."""

    def check() -> Progress:
        manifest = target.kube.get(one)
        if manifest is None:
            return Progress(True, "deleted")
        state = synced.judge(manifest, str(one))
        return Progress(False, state.text or "being deleted", state.failure)

    wait_until(check, target.deadline, what=str(one), emit=emit, longest_pause=1.5)
    emit(Event(Kind.DONE, "sample-deleted", f"{one}: deleted"))
