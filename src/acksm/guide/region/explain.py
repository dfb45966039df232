"""`acksm region explain`: every source of an object's region, in the order that the installed controller uses.

Order: docs/ack/accounts-and-regions.md#region. Guide §5.0 leaves the first one out: once an object is synced, its
status decides, and another annotation is an error, never a move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.guide.connect.target import connect
from acksm.json_types import Manifest
from acksm.kube.api import Documents, Reader
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.kube.paths import Ref
from acksm.live import bindings, discovery, running, served
from acksm.live.bindings import OBJECT_REGION, REGION, Namespace
from acksm.live.readiness import pods_of
from acksm.live.running import Running
from acksm.live.unread import Unread
from acksm.output import Output, Table
from acksm.settings import RunSettings, TargetSettings
from acksm.words import did_you_mean

if TYPE_CHECKING:
    from acksm import reports

_ENV = ("AWS_REGION", "AWS_DEFAULT_REGION")
_OF_THE_OBJECT = (0, 1)  # the sources that are the object's own


@dataclass(frozen=True)
class Source:
    """One place where a region may be set. `ignored` says why it does not count although it is set."""

    name: str
    region: str
    ignored: str = ""


@dataclass(frozen=True)
class Explained:
    """The sources in order, the index of the one that decides (-1: none), and notes."""

    sources: Sequence[Source]
    winner: int
    notes: Sequence[str]

    @property
    def region(self) -> str:
        return self.sources[self.winner].region if self.winner >= 0 else ""


def explain(
    manifest: Manifest | None, namespace: Namespace, controller: Running | None, env: Mapping[str, str]
) -> Explained:
    """What decides for an object (None: one that would be created now). `env` is the controller's pod environment."""
    annotations = values_at(manifest or {}, ANNOTATIONS)
    status = ((manifest or {}).get("status") or {}).get("ackResourceMetadata") or {}
    counts = controller is None or controller.has("status-region")
    held = str(status.get("region", ""))
    sources = [
        Source("status.ackResourceMetadata.region", held, "" if counts else "this version does not read it"),
        Source(f"annotation {OBJECT_REGION} of the object", annotations.get(OBJECT_REGION, "")),
        Source(
            f"annotation {REGION} of namespace {namespace.name}",
            namespace.annotations.get(REGION, ""),
            _not_followed(namespace.name, controller),
        ),
        Source("controller flag --aws-region", controller.region if controller else ""),
        *(Source(f"pod environment {name}", env.get(name, "")) for name in _ENV),
    ]
    winner = next((index for index, item in enumerate(sources) if item.region and not item.ignored), -1)
    notes = []
    if OBJECT_REGION in namespace.annotations:
        notes.append(
            f"{OBJECT_REGION} on namespace {namespace.name} is ignored: it applies to objects only; "
            f"set {REGION} on a namespace"
        )
    requested = next((item.region for item in sources[1:4] if item.region and not item.ignored), "")
    if held and counts and requested and requested != held:
        stuck = controller is not None and controller.has("drift-refused")
        notes.append(
            f"{requested} is requested now, but an object does not move: "
            + ("the controller no longer reconciles it, which only its log shows" if stuck else f"it remains in {held}")
        )
    if controller is None:
        notes.append("no controller watches this namespace, so its objects are not reconciled")
    return Explained(sources, winner, notes)


def _not_followed(name: str, controller: Running | None) -> str:
    if name in running.IGNORED_NAMESPACES:
        return f"the controllers ignore annotations of {name}"
    if controller and not controller.reading.defaults:
        return str(running.ignored(controller, controller.reading, name).message)
    return ""


def find_kind(kube: Documents, requested: str) -> tuple[str, Ref]:
    """(service, collection) of a kind by its name, plural, short name, with or without group.

    Error: `kind-unknown` with close names.
    """
    known: dict[str, tuple[str, Ref]] = {}
    kinds = []
    for one in served.observe(kube):
        if not one.service:
            continue
        kinds.append(one.kind.kind)
        for name in one.names:
            for written in (name, f"{name}.{one.service}", f"{name}.{one.group}"):
                known.setdefault(written, (one.service, one.kind))
    if requested.lower() in known and requested:
        return known[requested.lower()]
    near = get_close_matches(requested.lower(), [kind.lower() for kind in kinds], n=3)
    raise AcksmError(
        "kind-unknown",
        f"the cluster serves no kind {requested!r} of SageMaker or Application Auto Scaling"
        + did_you_mean([kind for kind in kinds if kind.lower() in near]),
        where=requested,
    )


def pod_environment(kube: Reader, controller: Running | None) -> dict[str, str]:
    """The plain variables of a pod of the controller; EKS's webhook adds some that the Deployment does not have."""
    if controller is None:
        return {}
    for pod in pods_of(kube, controller.namespace, controller.release):
        containers = (pod.get("spec") or {}).get("containers") or []
        return {
            str(item["name"]): str(item.get("value") or "") for one in containers[:1] for item in one.get("env") or []
        }
    return {}


def object_missing(one: Ref) -> AcksmError:
    """The error for an object that does not exist."""
    return AcksmError(
        "object-missing",
        f"{one.kind} {one.namespace}/{one.name} does not exist",
        where=str(one),
        remedy=f"kubectl get {one.plural}.{one.api_version.partition('/')[0]} -n {one.namespace}   (or -A)",
    )


def run(at: TargetSettings, run: RunSettings, ui: Output, requested: str, namespace: str) -> int:
    """`region explain KIND/NAME -n NS`; KIND alone is for an object that would be created."""
    kind_name, slash, name = requested.partition("/")
    if slash and not name:
        raise AcksmError(
            "object-missing",
            f"no name after the slash in {requested!r}",
            where=requested,
            remedy=f"acksm region explain {kind_name} -n {namespace}   (for an object to be created; or KIND/NAME)",
        )
    limited = Unread()
    with connect(at, run) as target:
        with ThreadPoolExecutor(max_workers=3) as pool:
            seen = pool.submit(discovery.visible, target.kube, at.controller_namespace)
            live = pool.submit(bindings.observe_some, target.kube, [namespace])
            service, kind = find_kind(target.kube, kind_name)
            namespaces, unread = live.result()
            found = seen.result()
        if namespace not in namespaces:
            raise AcksmError(
                "object-namespace-missing",
                f"namespace {namespace} does not exist",
                where=namespace,
                remedy="kubectl get namespaces",
            )
        one = Ref(kind.api_version, kind.plural, kind.kind, name, namespace)
        live_object = target.kube.get(one) if name else None
        if name and live_object is None:
            raise object_missing(one)
        space = namespaces[namespace]
        controller = next((item for item in found.working if item.service == service and item.watches(namespace)), None)
        if controller is None and found.partial:
            unread += found.or_assumed(at.controller_namespace, "")[1]
            explained = explain(live_object, space, None, {})
            explained = replace(explained, notes=explained.notes[:-1])  # on a controller that may be elsewhere
        else:
            what = "variables of the controller's pod"
            env = limited.read(what, lambda: pod_environment(target.kube, controller), {})
            unread += limited.notes
            explained = explain(live_object, space, controller, env)
        explained = replace(explained, notes=[*explained.notes, *unread])
        # the object's own status and annotation come first, whatever the controller and the namespace have
        code = int(ExitCode.INCOMPLETE if unread and explained.winner not in _OF_THE_OBJECT else ExitCode.OK)
        what = f"{kind.kind} {namespace}/{name}" if name else f"a new {kind.kind} in {namespace}"
        data: reports.RegionExplainReport = {
            "target": target.as_data(),
            "object": what,
            "region": explained.region,
            "sources": [
                {
                    "name": item.name,
                    "region": item.region,
                    "ignored": item.ignored,
                    "decides": index == explained.winner,
                }
                for index, item in enumerate(explained.sources)
            ],
            "notes": list(explained.notes),
            "controller": controller.as_data() if controller else None,
        }
        ui.result(
            "region explain", data, _text(what, explained, controller, ui.table, complete=code == ExitCode.OK), code
        )
        return code


def _text(what: str, explained: Explained, controller: Running | None, table: Table, *, complete: bool) -> str:
    found = explained.region if complete else f"{explained.region or 'unknown'}, incomplete"
    lines = [f"{what}: {found or 'no region'}" + (f"  ({controller})" if controller else "")]
    rows = [
        (
            f"{'→' if index == explained.winner else ' '} {index + 1}.",
            item.name,
            item.region or "-",
            f"ignored: {item.ignored}" if item.ignored and item.region else "",
        )
        for index, item in enumerate(explained.sources)
    ]
    lines.append(table(("", "SOURCE", "REGION", ""), rows))
    notes = (note if note.startswith("not checked: ") else f"note: {note}" for note in explained.notes)
    return "\n".join([*lines, *notes])
