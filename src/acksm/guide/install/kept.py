"""What another tool keeps, against what acksm would install: nothing of it is written, as an engine restores what is
changed and creates again what is deleted. Equal is up to date; else the difference is shown, and what to commit instead
(docs/gitops.md#a-cluster-that-an-engine-keeps)."""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.install import keeper
from acksm.guide.install.release import Desired, Observed
from acksm.json_types import Json, Manifest, Value
from acksm.kube.api import Applier
from acksm.kube.owners import ENGINES, MANIFESTS, Owner
from acksm.kube.paths import ref, ref_in
from acksm.live import drift
from acksm.live.drift import Drift, State
from acksm.live.engines import Source, source
from acksm.live.readiness import ROLE_ANNOTATION
from acksm.settings import ControllerSettings, RoleSettings
from acksm.words import counted

if TYPE_CHECKING:
    from acksm import reports

FOLDER = "manifests"  # of an export: its layers
OF_FLEET = "clusters"  # of the export of a fleet: that of each cluster
_FLEET_APPLICATION = re.compile(r"ack-[0-9]{12}-[a-z0-9.-]{1,240}")  # ACCOUNT-REGION-CLUSTER
_LOGIN = re.compile(r"(?:https?|oci)://[^/]{0,500}@|[a-z]{1,10}://[^/@]{0,500}:[^/]{0,500}@")


@dataclass(frozen=True)
class Kept:
    """A controller that another tool keeps: `desired` is what acksm would install, `differs` the objects in which the
    cluster differs from that. `rendered`: `acksm export` wrote it. `missing`: the keeper has not created it yet.
    `source`: from where the keeper has it, where it differs and that can be read."""

    desired: Desired
    by: Owner
    rendered: bool
    differs: tuple[Drift, ...] = ()
    missing: bool = False
    source: Source | None = None

    @property
    def changed(self) -> list[Drift]:
        """What a new export would change."""
        return [one for one in self.differs if one.is_restored]

    @property
    def unsettled(self) -> list[Drift]:
        """What could not be compared, or is changed at each write."""
        return [one for one in self.differs if not one.is_restored]

    @property
    def lines(self) -> list[str]:
        """The differences, as text."""
        return [_line(one, keeper.managers_of(self.by)) for one in self.changed]

    @property
    def notes(self) -> list[str]:
        """That it is kept, and that it is up to date where it is."""
        if self.missing:
            return []
        how = "" if self.differs else ", up to date"
        return [f"{self.desired.service} {self.desired.version}{how}: kept by {self.by.described}"]


def _line(one: Drift, managers: frozenset[str]) -> str:
    """A difference; who changed it only where that is another than the keeper."""
    if one.state is State.DELETED:
        return f"{one.object} does not exist"
    return str(replace(one, by=tuple(name for name in one.by if name not in managers)))


def compare(
    kube: Applier,
    found: Sequence[tuple[Observed, Desired]],
    rendered: Callable[[Sequence[Desired]], Iterable[Sequence[Json]]],
    crds: Sequence[Drift],
) -> list[Kept]:
    """The controllers of `found` that another tool keeps, against what `rendered` returns of each; the differences of
    `crds` go with the first."""
    items = [(observed, one) for observed, one in found if observed.kept_by]
    kept = []
    for (observed, one), manifests in zip(items, rendered([one for _, one in items]), strict=True):
        if observed.kept_by is None:
            continue
        if not observed.version:
            kept.append(Kept(one, observed.kept_by, True, missing=True))
            continue
        live = kube.get(ref("Deployment", observed.health.deployment, one.namespace)) if observed.health else None
        differs = drift.of_all(kube, pinned(manifests, live), one.namespace)
        differs += _annotated(kube, manifests, one.namespace)
        written = observed.owned or (live is not None and keeper.exported(live))
        item = Kept(one, observed.kept_by, written, (*differs, *(() if kept else crds)))
        kept.append(replace(item, source=source(kube, item.by)) if item.changed else item)
    return kept


def _annotated(kube: Applier, manifests: Sequence[Manifest], namespace: str) -> list[Drift]:
    """Service accounts with the annotation of a role that they are to lose: an apply by another field manager, which
    the comparison is, removes nothing."""
    found = []
    for manifest in manifests:
        if manifest["kind"] == "ServiceAccount" and ROLE_ANNOTATION not in _annotations(manifest):
            live = kube.get(ref_in(manifest, namespace))
            if live is not None and ROLE_ANNOTATION in _annotations(live):
                found.append(Drift(drift.object_name(manifest), fields=(f"metadata.annotations.{ROLE_ANNOTATION}",)))
    return found


def _annotations(manifest: Manifest) -> Manifest:
    return manifest["metadata"].get("annotations") or {}


def expected(observed: Observed, service: str, crds: Iterable[Manifest]) -> Observed:
    """A controller that does not exist, with who is to create it, if another tool is."""
    by = None if observed.version else keeper.expected(service, crds)
    return replace(observed, kept_by=by) if by else observed


def as_data(observed: Observed) -> reports.KeptBy | None:
    """Who keeps a controller, None where none is installed."""
    if not observed.version:
        return None
    by = observed.kept_by
    if by is None:
        return {"tool": "acksm" if observed.owned else "helm", "name": "", "described": text_of(observed)}
    return {"tool": by.tool, "name": by.name if by.tool == MANIFESTS else by.object_name, "described": by.described}


def text_of(observed: Observed) -> str:
    """The same as text, "" where none is installed."""
    if not observed.version:
        return ""
    if observed.kept_by is not None:
        return observed.kept_by.described
    return "acksm" if observed.owned else "helm"


def refused(
    found: Sequence[Kept], controllers: ControllerSettings, role: RoleSettings, namespace: str
) -> AcksmError | None:
    """The error for what would have to change in controllers that another tool keeps; None where nothing would."""
    if missing := [one for one in found if one.missing]:
        return _not_created(missing, namespace)
    changed = [one for one in found if one.changed]
    if not changed:
        return None
    keepers = " and ".join(dict.fromkeys(one.by.described for one in changed))
    names = " and ".join(one.desired.service for one in changed)
    lines = [line for one in changed for line in one.lines]
    return AcksmError(
        "kept-by-engine",
        f"{names}: {counted(len(lines), 'object')} would change, kept by {keepers}; none was written",
        where=f"namespace {namespace}",
        remedy=commit([one for one in found if one.by.tool == changed[0].by.tool], controllers, role),
        details={"diff": lines, "owner": keepers},
    )


def _not_created(found: Sequence[Kept], namespace: str) -> AcksmError:
    by = found[0].by
    names = " and ".join(one.desired.service for one in found)
    where = f"-n {by.namespace}" if by.namespace else "-A"
    look = f"kubectl get {by.kind.lower()}s {where}" if by.kind else "kubectl get crds -l acksm.dev/export"
    return AcksmError(
        "kept-by-engine",
        f"the CRDs of {names} are of an export that {by.described} keeps, and their controllers do not exist yet",
        where=f"namespace {namespace}",
        remedy=f"{look}   (what it waits for; acksm doctor reports it too)",
        details={"diff": [], "owner": by.described},
    )


def commit(found: Sequence[Kept], controllers: ControllerSettings, role: RoleSettings) -> str:
    """The command whose output is to be committed; where acksm did not render what exists, where to change that."""
    first = found[0]
    by = first.by
    if not first.rendered or by.kind == "HelmRelease":
        if not by.kind:
            return f"change them where the manifests come from, which {by.name or 'an unknown tool'} applied"
        where = f" -n {by.namespace}" if by.namespace else " -A"
        return (
            f"kubectl get {by.kind.lower()}{f' {by.engine_object}' if by.namespace else ''}{where} -o yaml   "
            "(change its version and values where it comes from)"
        )
    if by.tool == "argocd" and _FLEET_APPLICATION.fullmatch(by.engine_object):
        words = ["acksm export", "--fleet FILE", "--to argocd", *_repository(first.source, OF_FLEET)]
        return f"{' '.join(words)} --out DIR   (after changing FILE; and commit DIR)"
    to = by.tool if by.tool in ENGINES else "kustomize"
    words = ["acksm export", f"--to {to}", *([] if to == "kustomize" else _repository(first.source))]
    words += [f"--service {name}" for name in controllers.service if len(controllers.service) < len(charts.SERVICES)]
    words += [f"--version {one.desired.service}={one.desired.version}" for one in found]
    watched = list(dict.fromkeys(name for one in found for name in one.desired.watched))
    words += [f"--scope namespace --watch-namespace {','.join(watched)}"] if watched else []
    words += _options(controllers, ("create_namespace", "mode", "registry", "values", "set"))
    words += _options(role, [name for name in type(role).model_fields if name != "adopt_role"])
    return f"{' '.join(words)} --out DIR   (and commit DIR)"


def _repository(found: Source | None, below: str = FOLDER) -> list[str]:
    """--repo, --repo-path and --revision of what the keeper reads, with the path above folder `below`; a URL with a
    login, which no export writes, is not printed."""
    if found is None or not found.url or _LOGIN.match(found.url):
        return ["--repo URL"]
    path = found.path.partition(f"{below}/")[0].strip("/")
    given = {"--repo": found.url, "--repo-path": path, "--revision": found.revision}
    return [f"{option} {shlex.quote(value)}" for option, value in given.items() if value]


def _options(group: ControllerSettings | RoleSettings, names: Sequence[str]) -> list[str]:
    """The options that give these settings, of those that are not as by default."""
    words: list[str] = []
    for name, value in group.model_dump(mode="json", include=set(names), exclude_defaults=True).items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
            continue
        values = [f"{key}={one}" for key, one in value.items()] if isinstance(value, dict) else value
        words += [f"{option} {shlex.quote(str(one))}" for one in (values if isinstance(values, list) else [values])]
    return words


def pinned(rendered: Sequence[Json], live: Manifest | None) -> list[Json]:
    """`rendered` with the digest that an export gave the images, where the live Deployment has the same tag with it."""
    digests = {image.partition("@")[0]: image for image in map(str, _images(live)) if "@" in image}
    found = copy.deepcopy(list(rendered)) if digests else list(rendered)
    for item in found if digests else ():
        for container in _containers(item):
            container["image"] = digests.get(str(container.get("image", "")), container.get("image"))
    return found


def _containers(manifest: Manifest | None) -> list[Value]:
    if manifest is None or manifest.get("kind", "Deployment") != "Deployment":
        return []
    pod = manifest["spec"]["template"]["spec"]
    return [one for key in ("initContainers", "containers") for one in pod.get(key) or []]


def _images(manifest: Manifest | None) -> list[Value]:
    return [one.get("image", "") for one in _containers(manifest)]
