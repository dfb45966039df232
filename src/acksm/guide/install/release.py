"""Guide §3.1.2 and §3.1.3: the release of one controller: observed, desired, and the changes between.

Only acksm's own overrides go to helm, on fresh chart values: `--reuse-values` would keep an old chart's defaults,
such as the list of kinds to reconcile (docs/ack/versions.md#reused-values).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.guide.install import mirrored
from acksm.helm.releases import PENDING_GRACE_SECONDS, completed
from acksm.helm.values import Patched, Path as ValuePath
from acksm.json_types import Document, Json, Manifest
from acksm.kube.owners import Owner, owner_of
from acksm.live.drift import Drift, restoring
from acksm.live.namespaces import create as create_namespace
from acksm.live.readiness import SCALED_TO_ZERO, Health, identity, lost_agent, needs_agent, needs_restart, ready
from acksm.settings import DEFAULT_REGISTRY


@dataclass(frozen=True)
class Desired:
    """The desired release. `chart` is the cached archive, `values` the overrides that go to helm. `role_arn`: that of
    the annotation, "" for none; `by_agent`: pods get their role by an association, `associating`: which is new;
    `associated`: whether the service account has one, True where that is not known."""

    service: str
    name: str
    namespace: str
    chart: str
    chart_name: str
    version: str
    digest: str
    values: Document
    role_arn: str
    values_diff: Callable[[], tuple[str, ...]] = tuple  # only a release that changes shows it
    notes: tuple[str, ...] = ()
    by_agent: bool = False
    associating: bool = False
    associated: bool = True
    unmanaged: tuple[str, ...] = ()  # objects and bound namespaces that the controller would no longer watch
    watched: tuple[str, ...] = ()  # namespaces, empty for all
    watched_before: tuple[str, ...] | None = None  # by the installed release, None where there is none
    rivals: tuple[str, ...] = ()  # other controllers that would reconcile the same objects
    takes_turns: bool = False  # by a Lease, with the controllers of an EKS capability
    chart_values: Document = field(default_factory=dict)  # defaults of the chart


@dataclass(frozen=True)
class Observed:
    """A release as it is. `version` is "" when there is none; `recovery` is what an interrupted helm left to do,
    `drift` the objects that differ from the release, `chart_values` the defaults of its chart, `objects` the names of
    the objects that it has. `kept_by`: who keeps it instead of acksm by helm; then `owned` is whether acksm rendered
    it."""

    version: str = ""
    status: str = ""
    values: Document = field(default_factory=dict)
    owned: bool = False
    recovery: str = ""
    revision: int = 0
    health: Health | None = None
    age_seconds: float = 0.0
    drift: tuple[Drift, ...] = ()
    description: str = ""
    chart: str = ""
    chart_values: Document = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    updated: str = ""  # when its last operation was, RFC 3339
    kept_by: Owner | None = None

    @property
    def complete(self) -> Document:
        """All values of the release, with the defaults of its chart."""
        return completed(self.chart_values, self.values)


def plan(observed: Observed, desired: Desired, *, wait: bool, iam_is_new: bool, adopt: bool) -> list[Change]:
    """Changes from `observed` to `desired`, in the service's lane: of what another tool keeps only its pods. Error:
    `release-not-ours`."""
    target = f"release {desired.namespace}/{desired.name}"
    kept = observed.kept_by is not None
    if kept and observed.health is None:  # its keeper has not created it
        return []
    if observed.version and not (observed.owned or adopt or kept):  # an interrupted one too: its values say whose it is
        raise AcksmError(
            "release-not-ours",
            f"release {desired.name} ({observed.version}) exists and was not created by acksm",
            where=f"namespace {desired.namespace}",
        )
    changes: list[Change] = []
    common: Json = {"step": "release", "target": target, "lane": desired.service}
    where = {"release": desired.name, "namespace": desired.namespace}
    if observed.recovery and not kept:
        changes.append(
            Change(
                **common,
                id="release.recover",
                op=Op.UPDATE,
                system="helm",
                call="helm.recover",
                params=where | {"action": observed.recovery, "revision": observed.revision},
                before={"status": observed.status},
                after={"action": observed.recovery},
                reason=f"an interrupted helm left it {observed.status}",
            )
        )
    exists = kept or (bool(observed.version) and observed.recovery != "uninstall")
    params = where | {"chart": Path(desired.chart).name, "values": dict(desired.values)}
    after = {"chart": f"{desired.chart_name} {desired.version}", "values": dict(desired.values)}
    guide = f"helm install -n {desired.namespace} --create-namespace --skip-crds {desired.name} …"
    annotated = observed.health is not None and observed.health.service_account_role == desired.role_arn
    restart = exists and annotated and needs_restart(observed.health, desired.role_arn) and bool(desired.role_arn)
    restart = restart or (exists and not desired.by_agent and not desired.associated and lost_agent(observed.health))
    if not exists:
        changes.append(
            Change(
                **common,
                id="release.install",
                op=Op.CREATE,
                system="helm",
                call="helm.install",
                params=params,
                after=after,
                danger=danger(observed, desired),
                guide=guide,
                reason=f"in addition to {'; '.join(desired.rivals)}" if desired.rivals else "",
            )
        )
    elif not kept and (reason := _difference(observed, desired)):
        changes.append(
            Change(
                **common,
                id="release.upgrade",
                op=Op.UPDATE,
                system="helm",
                call="helm.upgrade",
                params=params | {"take_back": bool(observed.drift), "description": restoring(observed.drift)},
                before={"chart": f"{desired.chart_name} {observed.version}", "values": dict(observed.values)},
                after=after,
                danger=danger(observed, desired),
                guide=guide,
                reason=reason,
            )
        )
        restart = restart or (
            observed.health is not None
            and observed.health.service_account_role != desired.role_arn
            and bool(desired.role_arn)
        )
    if restart and observed.health is not None:
        changes.append(
            Change(
                **common,
                id="release.restart",
                op=Op.UPDATE,
                system="kubernetes",
                call="kube.restart",
                params={"namespace": desired.namespace, "deployment": observed.health.deployment},
                reason="its pods do not have the role that new pods get",
            )
        )
    if wait and desired.by_agent and (not exists or desired.associating or needs_agent(observed.health)):
        changes.append(identity(desired.name, desired.namespace, step="release", lane=desired.service))
    if wait and (changes or _rolls_out(observed.health)):
        changes.append(
            ready(
                desired.name,
                desired.namespace,
                desired.role_arn,
                step="release",
                lane=desired.service,
                iam_is_new=iam_is_new,
                by_agent=desired.by_agent,
            )
        )
    return changes


def danger(observed: Observed, desired: Desired) -> Danger:
    """Whether the change has to be confirmed: an existing release gets another chart or other values, the role of its
    service account among them, or objects get none or two controllers. A new release and a repaired one do not: what
    was installed, or is repaired, is what was confirmed."""
    exists = bool(observed.version) and observed.recovery != "uninstall"
    differs = observed.version != desired.version or dict(observed.values) != dict(desired.values)
    return Danger.MILD if (exists and differs) or desired.unmanaged or desired.rivals else Danger.NONE


def _rolls_out(health: Health | None) -> bool:
    """Whether a rollout of an earlier run has not finished. That of a Deployment scaled to zero never will."""
    return health is not None and not health.available and health.text != SCALED_TO_ZERO


def check_busy(status: str, age_seconds: float, namespace: str, name: str, *, confirmed: Callable[[], bool]) -> None:
    """Refuse a release that helm may still be changing (`release-busy`), unless `confirmed`: by --yes of a user who
    knows that no helm runs, or by the lock that a killed acksm left, which is held until its helm has ended too
    (acksm.engine.lease)."""
    if status.startswith("pending") and age_seconds < PENDING_GRACE_SECONDS and not confirmed():
        raise AcksmError(
            "release-busy",
            f"release {name} has been {status} for {age_seconds:.0f} s",
            where=f"namespace {namespace}",
            remedy="acksm … --yes   (only if no helm is running; else wait until it has finished)",
        )


def _difference(observed: Observed, desired: Desired) -> str:
    """Why the release has to be upgraded, "" when it is up to date."""
    if observed.version != desired.version:
        return f"{observed.version} → {desired.version}"
    before, after = (mirrored.mirror_of(values) or DEFAULT_REGISTRY for values in (observed.values, desired.values))
    if before != after:
        return f"images from {after} instead of {before}"
    if dict(observed.values) != dict(desired.values):
        return "values differ"
    if not observed.owned:
        return "adopted by acksm"
    tag, of_chart = (
        charts.normalise(mirrored.tag_of(values)) for values in (observed.chart_values, desired.chart_values)
    )
    if tag and of_chart and tag != of_chart:  # helm records the old defaults as those of the new chart
        return f"its defaults are those of {tag} (helm upgrade --reuse-values)"
    if observed.recovery:
        return "its last operation was interrupted"
    if observed.status != "deployed":
        return f"its status is {observed.status}"
    changed = [str(found) for found in observed.drift if found.is_restored]
    return f"changed by hand: {', '.join(changed)}" if changed else ""


def namespaces(
    desired: Sequence[str], live: Mapping[str, Manifest | None], *, controller_namespace: str, create: bool
) -> list[Change]:
    """Namespaces to create: the controllers' always, watched ones with `create`.

    Errors: `namespace-missing`, `namespace-terminating`.
    """
    changes = []
    for name in dict.fromkeys([controller_namespace, *desired]):
        now = live.get(name)
        if now is not None:
            if now["metadata"].get("deletionTimestamp"):
                raise AcksmError("namespace-terminating", f"namespace {name} is being deleted", where=name)
            continue
        if name != controller_namespace and not create:
            raise AcksmError("namespace-missing", f"namespace {name} to watch does not exist", where=name)
        changes.append(create_namespace(name, "namespace", guide="helm install --create-namespace"))
    return changes


def check_owners(
    rendered: Sequence[Manifest], live: Mapping[tuple[str, str, str], Manifest], release: str, namespace: str
) -> None:
    """Refuse what helm would refuse half-way: an object of the release that has another owner (`object-not-ours`).

    `rendered` are the chart's objects, `live` those that exist by (kind, namespace, name).
    """
    own = f"{namespace}/{release}"
    for manifest in rendered:
        metadata = manifest["metadata"]
        key = (str(manifest["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))
        now = live.get(key) or live.get((key[0], namespace, key[2]))
        if now is None:
            continue
        owner = owner_of(now)
        if owner is None or owner.tool != "helm" or owner.name != own:
            belongs = f"belongs to {owner}" if owner else "has no known owner (created by hand)"
            raise AcksmError(
                "object-not-ours",
                f"{key[0]} {key[2]} exists and {belongs}",
                where=f"{key[0]} {key[1] + '/' if key[1] else ''}{key[2]}",
                details={"owner": str(owner or "")},
            )


def overrides(patched: Patched) -> Json:
    """The values that go to helm: what differs from the chart's, and what is explicit."""
    return difference(patched.chart_values, patched.values, patched.explicit)


def difference(
    chart_values: Document, changed: Document, explicit: Collection[ValuePath] = (), at: ValuePath = ()
) -> Json:
    """The smallest mapping that changes the chart's values to `changed`, with the paths of `explicit`, which begin with
    `at`."""
    found: Json = {}
    for key, value in changed.items():
        before = chart_values.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = difference(before, value, explicit, (*at, key))
            if inner:
                found[key] = inner
        elif key not in chart_values or value != before or type(value) is not type(before) or (*at, key) in explicit:
            found[key] = value
    return found
