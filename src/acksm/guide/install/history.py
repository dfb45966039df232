"""`acksm history`: what was changed in a cluster, when and by which tool, as far as helm, Kubernetes and IAM keep it.

helm keeps the last revisions of a release, Kubernetes the time of each field manager's last change of an object
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management), IAM when a role or an OIDC
provider was created. None of them keeps the person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from acksm import reports
from acksm.ack import charts
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect
from acksm.guide.identity import oidc, role_names
from acksm.guide.identity.oidc import is_owned
from acksm.guide.install.recorded import Installed, installed
from acksm.helm import records
from acksm.helm.releases import Release, is_marked
from acksm.json_types import Manifest, Object
from acksm.kube.client import FIELD_MANAGER, HELM_MANAGER
from acksm.kube.owners import OWNED_LABEL
from acksm.kube.paths import Ref, ref
from acksm.live import managed, served
from acksm.output import Output
from acksm.settings import RoleSettings, RunSettings, TargetSettings
from acksm.words import counted

KINDS = ("Namespace", "CustomResourceDefinition", "ConfigMap")
RIGHTS = ("Role", "RoleBinding")  # of `acksm rbac grant`, in the objects' namespaces
WORKERS = 8
NOTES = (
    "helm keeps the last 10 revisions of a release, and Kubernetes only each field manager's last change of an object",
    "which user it was is in AWS CloudTrail and in the audit log of the apiserver only",
)


def run(at: TargetSettings, role: RoleSettings, run: RunSettings, ui: Output) -> int:
    """Read and print; what could not be read is listed, and ends with exit 7. Errors: those of `connect`."""
    with connect(at, run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        found, unread = observe(target, role)
        data: reports.HistoryReport = {
            "target": target.as_data(),
            "events": found,
            "unread": unread,
            "notes": list(NOTES),
        }
        cells = [(row["time"], row["by"], row["what"], row["object"]) for row in found]
        lines = [ui.table(("TIME (UTC)", "BY", "WHAT", "OBJECT"), cells) if found else "no changes found"]
        lines += [f"incomplete: not checked: {reason}" for reason in unread]
        code = ExitCode.INCOMPLETE if unread else ExitCode.OK
        for note in NOTES:
            ui.emit(Event(Kind.NOTE, "note", note))
        ui.result("history", {**data}, "\n".join(lines), code)
        return code


def observe(target: Target, role: RoleSettings) -> tuple[list[reports.HistoryEvent], list[str]]:
    """All events, the oldest first, and why some could not be read."""
    namespace, kube = target.settings.controller_namespace, target.kube

    def releases() -> list[reports.HistoryEvent]:
        names = {charts.release_name(service) for service in charts.SERVICES}
        secrets = kube.list(ref("Secret", namespace=namespace), selector=records.SELECTOR)
        found = [item for item in secrets if (item["metadata"].get("labels") or {}).get("name") in names]
        return [of_release(records.decode(item)) for item in found]

    def kept() -> list[reports.HistoryEvent]:
        return [event for one in installed(target, charts.SERVICES).values() if (event := of_keeper(one))]

    def objects(kind: str) -> list[reports.HistoryEvent]:
        where = namespace if kind == "ConfigMap" else ""
        return of_objects(kind, kube.list(ref(kind, namespace=where), metadata_only=True))

    def owned(kind: Ref) -> list[reports.HistoryEvent]:
        return of_objects(kind.kind, kube.list(kind, selector=f"{OWNED_LABEL}=true", metadata_only=True))

    def of_ack() -> list[reports.HistoryEvent]:
        found = served.observe(kube)
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            return [event for events in pool.map(lambda one: owned(one.kind), found) for event in events]

    def provider() -> list[reports.HistoryEvent]:
        arn = oidc.provider_arn(target.cluster)
        found = target.aws.iam.get_oidc_provider(arn)
        if found is None or not is_owned(found["tags"], target.cluster.arn):
            return []
        return [_event(found["created"], "acksm", "created", arn, "iam")]

    def identity() -> list[reports.HistoryEvent]:
        name = role_names.of_controllers(target.cluster.name, role)
        found = target.aws.iam.get_role(name)
        if found is None or not is_owned(found["tags"], target.cluster.arn):
            return []
        return [_event(found["created"], "acksm", "created", found["arn"], "iam")]

    reads = [releases, kept, provider, identity, of_ack]
    reads += [partial(objects, kind) for kind in KINDS]
    reads += [partial(owned, ref(kind)) for kind in RIGHTS]
    events: list[reports.HistoryEvent] = []
    unread: list[str] = []
    with ThreadPoolExecutor(max_workers=len(reads)) as pool:
        for future in [pool.submit(read) for read in reads]:
            try:
                events += future.result()
            except AcksmError as error:
                unread.append(f"{error.id}: {error.message}")
    return sorted(events, key=lambda row: (row["time"], row["object"])), unread


def of_release(release: Release) -> reports.HistoryEvent:
    """A revision of a release. Only its mark says that acksm made it; helm records no user."""
    what = "installed" if release.revision == 1 else "upgraded"
    if release.status not in {"deployed", "superseded"}:
        what = f"{what}, now {release.status}"
    detail = f"{release.chart} {release.version}, revision {release.revision}"
    by = "acksm" if is_marked(release.values) else "helm"
    return _event(release.updated, by, f"{what} {detail}", f"release {release.namespace}/{release.name}", "helm")


def of_keeper(found: Installed) -> reports.HistoryEvent | None:
    """When another tool than helm last applied a controller; None for helm's, which has records."""
    release, by = found.release, found.kept_by
    if release is None or by is None or release.revision:
        return None
    name = f"Deployment {release.namespace}/{(found.deployment or {})['metadata']['name']}"
    return _event(release.updated, by.described, f"applied {release.chart} {release.version}", name, "kubernetes")


def of_objects(kind: str, objects: Iterable[Manifest]) -> list[reports.HistoryEvent]:
    """The last change of each object by acksm; many of one kind in the same minute are one event."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in objects:
        metadata = item["metadata"]
        times = {
            str(entry.get("manager")): str(entry.get("time") or "")
            for entry in sorted(metadata.get("managedFields") or (), key=lambda entry: str(entry.get("time") or ""))
        }
        if FIELD_MANAGER not in times:
            continue
        created = str(metadata.get("creationTimestamp") or "")
        # An apply that changes nothing has no time: acksm's marks on a common CRD, which it applied as helm before
        last = times[FIELD_MANAGER] or times.get(HELM_MANAGER, "") or created
        verb = _verb(metadata, is_new=_minute(last) == _minute(created))
        place = "/".join(str(part) for part in (metadata.get("namespace"), metadata["name"]) if part)
        found.setdefault((_minute(last), verb), []).append(place)
    return [
        _event(minute, "acksm", verb, _objects(kind, names), "kubernetes") for (minute, verb), names in found.items()
    ]


def _verb(metadata: Object, *, is_new: bool) -> str:
    if not is_new:
        return "changed"
    return "adopted" if managed.POLICY in (metadata.get("annotations") or {}) else "created"


def _objects(kind: str, names: Sequence[str]) -> str:
    return f"{kind} {names[0]}" if len(names) == 1 else f"{counted(len(names), kind)}"


def _event(time: str, by: str, what: str, place: str, source: str) -> reports.HistoryEvent:
    return {"time": _minute(time), "by": by, "what": what, "object": place, "source": source}


def _minute(text: str) -> str:
    """RFC 3339 in UTC, to the minute; the text itself where it is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment.astimezone(UTC) if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%MZ")
