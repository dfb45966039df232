"""`acksm region explain`: every source of an object's region, in the order that the installed controller uses.

Order: docs/ack/accounts-and-regions.md#region. Guide §5.0 leaves the first one out: once an object is synced, its
status decides, and another annotation is an error, never a move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches

from acksm import reports
from acksm.ack import charts
from acksm.ack.names import COMMON_GROUP
from acksm.errors import AcksmError
from acksm.guide.connect.target import connect
from acksm.json_types import Manifest
from acksm.kube.api import Lister, Reader
from acksm.kube.keys import ANNOTATIONS, values_at
from acksm.kube.paths import Ref, ref
from acksm.live import discovery, running
from acksm.live.bindings import OBJECT_REGION, REGION, Namespace
from acksm.live.readiness import pods_of
from acksm.live.running import Running
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings

_ENV = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class Source:
    """One place where a region may stand. `ignored` says why it does not count although it is there."""

    name: str
    region: str
    ignored: str = ""


@dataclass(frozen=True)
class Explained:
    """The sources in order, which of them decides (-1: none), and what else there is to know."""

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
        Source("status.ackResourceMetadata.region", held, "" if counts else "this version does not look there"),
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
            f"{OBJECT_REGION} on namespace {namespace.name} is ignored: it counts on objects only; "
            f"for a namespace it is {REGION}"
        )
    asked = next((item.region for item in sources[1:4] if item.region and not item.ignored), "")
    if held and counts and asked and asked != held:
        stuck = controller is not None and controller.has("drift-refused")
        notes.append(
            f"{asked} is asked for now, but an object does not move: "
            + ("the controller works on it no more, and says so only in its log" if stuck else "it stays")
        )
    if controller is None:
        notes.append("no controller watches this namespace: nothing happens to its objects")
    return Explained(sources, winner, notes)


def _not_followed(name: str, controller: Running | None) -> str:
    if name in running.IGNORED_NAMESPACES:
        return f"no annotation of {name} is read"
    if controller and not controller.reading.defaults:
        return str(running.ignored(controller, controller.reading, name).message)
    return ""


def find_kind(kube: Lister, asked: str) -> tuple[str, Ref]:
    """(service, collection) of a kind by its name, plural, short name, with or without group.

    Error: `kind-unknown` with the nearest.
    """
    known: dict[str, tuple[str, Ref]] = {}
    kinds = []
    for item in kube.list(ref("CustomResourceDefinition")):
        spec, names = item["spec"], item["spec"]["names"]
        service = str(spec["group"]).removesuffix(f".{COMMON_GROUP}")
        if service not in charts.SERVICES:
            continue
        where = (service, Ref(f"{spec['group']}/v1alpha1", str(names["plural"]), str(names["kind"])))
        kinds.append(str(names["kind"]))
        for name in (names["kind"], names["plural"], names.get("singular", ""), *(names.get("shortNames") or ())):
            for written in (str(name), f"{name}.{service}", f"{name}.{spec['group']}"):
                known.setdefault(written.lower(), where)
    if asked.lower() in known and asked:
        return known[asked.lower()]
    near = get_close_matches(asked.lower(), [kind.lower() for kind in kinds], n=3)
    told = [kind for kind in kinds if kind.lower() in near]
    raise AcksmError(
        "kind-unknown",
        f"the cluster serves no kind {asked!r} of SageMaker or Application Auto Scaling"
        + (f"; nearest: {', '.join(told)}" if told else ""),
        where=asked,
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


def run(at: TargetSettings, run: RunSettings, ui: Output, asked: str, namespace: str) -> int:
    """`region explain KIND/NAME -n NS`; KIND alone tells of an object that would be created."""
    kind_name, slash, name = asked.partition("/")
    if slash and not name:
        raise AcksmError("object-missing", f"{asked!r} names no object", where=asked, remedy="KIND/NAME, or KIND alone")
    with connect(at, run) as target:
        with ThreadPoolExecutor(max_workers=3) as pool:
            found = pool.submit(discovery.observe, target.kube, at.controller_namespace)
            live = pool.submit(target.kube.get, ref("Namespace", namespace))
            service, kind = find_kind(target.kube, kind_name)
            manifest = live.result()
            controllers = found.result().working
        if manifest is None:
            raise AcksmError("binding-namespace-missing", f"namespace {namespace} does not exist", where=namespace)
        one = Ref(kind.api_version, kind.plural, kind.kind, name, namespace)
        thing = target.kube.get(one) if name else None
        if name and thing is None:
            raise AcksmError("object-missing", f"there is no {kind.kind} {namespace}/{name}", where=str(one))
        controller = next((item for item in controllers if item.service == service and item.watches(namespace)), None)
        told = explain(thing, Namespace.of(manifest), controller, pod_environment(target.kube, controller))
        what = f"{kind.kind} {namespace}/{name}" if name else f"a new {kind.kind} in {namespace}"
        data: reports.RegionExplainReport = {
            "target": target.as_data(),
            "object": what,
            "region": told.region,
            "sources": [
                {
                    "name": item.name,
                    "region": item.region,
                    "ignored": item.ignored,
                    "decides": index == told.winner,
                }
                for index, item in enumerate(told.sources)
            ],
            "notes": list(told.notes),
            "controller": controller.as_data() if controller else None,
        }
        ui.result("region explain", data, _text(what, told, controller))
        return 0


def _text(what: str, told: Explained, controller: Running | None) -> str:
    lines = [f"{what}: {told.region or 'no region at all'}" + (f"  ({controller})" if controller else "")]
    width = max(len(item.name) for item in told.sources)
    for index, item in enumerate(told.sources):
        mark = "→" if index == told.winner else " "
        line = f"{mark} {index + 1}. {item.name:{width}}  {item.region or '-'}"
        if item.ignored and item.region:
            line += f"  ignored: {item.ignored}"
        lines.append(line)
    return "\n".join([*lines, *told.notes])
