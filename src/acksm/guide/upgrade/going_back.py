"""Whether an older controller can take over again: what a newer one manages that the older one would harm.

From the table of features (docs/charts.md) and what the cluster has. CRDs are never part of it: they are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.install import recorded
from acksm.guide.upgrade import touched
from acksm.guide.upgrade.touched import Cluster
from acksm.kube.api import Discovery
from acksm.live import running
from acksm.live.bindings import TEAM, shortened
from acksm.live.inventory_objects import READ_ONLY, is_ack_finalizer
from acksm.live.managed import POLICY as ADOPTION, Holder
from acksm.live.running import SELECTOR, Running
from acksm.settings import ControllerSettings

_Named = Callable[[Cluster, Running], Sequence[str] | None]


@dataclass(frozen=True)
class Harm:
    """What a controller without a feature does to what depends on it. `works`: whether it has the feature, on;
    `named`: what depends on it, None where that could not be read. `what` and `does` make a sentence."""

    works: Callable[[Running], bool]
    named: _Named
    what: str
    does: str


def _objects(chosen: Callable[[Holder], bool]) -> _Named:
    def named(cluster: Cluster, newer: Running) -> Sequence[str] | None:
        if cluster.holders is None:
            return None
        own = (item for item in cluster.holders if not item.by and item.kind.service == newer.service)
        return sorted(str(item) for item in own if newer.watches(item.namespace) and chosen(item))

    return named


def _not_adopted(item: Holder) -> bool:
    finalizers = item.manifest["metadata"].get("finalizers") or ()
    return bool(item.annotations.get(ADOPTION)) and not any(map(is_ack_finalizer, finalizers))


def _retained(cluster: Cluster, newer: Running) -> Sequence[str] | None:
    return touched.retained(newer.service, cluster, newer)


def _teams(cluster: Cluster, newer: Running) -> Sequence[str] | None:
    if cluster.namespaces is None:
        return None
    bound = (name for name, item in cluster.namespaces.items() if TEAM in item.annotations and newer.watches(name))
    return sorted(f"namespace {name}" for name in bound)


def _exports(cluster: Cluster, newer: Running) -> Sequence[str] | None:
    if cluster.exports is None:
        return None
    return sorted(str(item) for item in cluster.exports if newer.service in item.services)


def _selectors(_cluster: Cluster, newer: Running) -> Sequence[str]:
    return ["the controller's gate IAMRoleSelector"] if newer.mode == SELECTOR else []


def adopts(older: Running) -> bool:
    """Whether it adopts by annotations."""
    return older.gate("ResourceAdoption", "adoption-gate", "adoption-annotations")


HARMS: Mapping[str, Harm] = {
    "adoption-annotations": Harm(
        adopts,
        _objects(_not_adopted),
        "not adopted yet",
        "creates an AWS resource instead of adopting the existing one",
    ),
    "read-only": Harm(
        lambda older: older.gate("ReadOnlyResources", "read-only", "adoption-annotations"),
        _objects(lambda item: item.annotations.get(READ_ONLY) == "true"),
        "read-only",
        "changes them in AWS",
    ),
    "deletion-policy": Harm(
        lambda older: older.has("deletion-policy"),
        _retained,
        "with a deletion policy",
        "deletes the AWS resource of each deleted object",
    ),
    "carm-levels": Harm(
        lambda older: older.has("carm-levels"),
        _teams,
        "bound to a team",
        "creates their resources in the cluster's account",
    ),
    "role-selector": Harm(
        lambda older: older.has("role-selector"),
        _selectors,
        "is on",
        "reconciles every object with its own role",
    ),
    "field-export": Harm(
        lambda older: older.has("field-export"),
        _exports,
        "exist",
        "writes no FieldExport, and they are stuck when deleted",
    ),
}


@dataclass(frozen=True)
class Judged:
    """`reasons` why going back would do harm, `unread` what could not be checked; both empty where it works."""

    reasons: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def judge(kube: Discovery, newer: Running, older: Running) -> Judged:
    """Whether `older` can take over from `newer`. Reads only what a lost feature can concern."""
    lost = [name for name, harm in HARMS.items() if not harm.works(older) and newer.has(name)]
    return of(touched.observe(kube), newer, older) if lost else Judged()


def of(cluster: Cluster, newer: Running, older: Running) -> Judged:
    """The same for a cluster that was read. Pure."""
    reasons, unread = list[str](), list[str]()
    for name, harm in HARMS.items():
        if harm.works(older) or not newer.has(name):
            continue
        named = harm.named(cluster, newer)
        if named is None:
            unread.append(f"{older.service} {older.version} {harm.does}, and what is {harm.what} could not be read")
        elif named:
            reasons.append(f"{older.service} {older.version} {harm.does}: {shortened(list(named))} ({harm.what})")
    return Judged(tuple(reasons), tuple(unread))


def checked(target: Target, controllers: ControllerSettings) -> ControllerSettings:
    """The settings of `acksm install`, unless it would go back to a version that does harm: `downgrade-harmful`."""
    if controllers.version:
        found = recorded.installed(target, [item for item in controllers.service if item in controllers.version])
        for service, item in found.items():
            requested, release = controllers.version[service], item.release
            if release is not None and is_older(requested, release.version):
                check(target, service, release.version, requested, release.values)
    return controllers


def is_older(requested: str, installed: str) -> bool:
    """Whether `requested` is a version below the installed one."""
    return requested != charts.LATEST and charts.parse(requested) < charts.parse(installed)


def check(target: Target, service: str, installed: str, requested: str, values: Mapping[str, object]) -> None:
    """Error: `downgrade-harmful`: what the older version would do, to what."""
    namespace = target.settings.controller_namespace
    newer, older = (
        running.from_values(service, namespace, charts.normalise(version), values) for version in (installed, requested)
    )
    judged = judge(target.kube, newer, older)
    problems = (*judged.reasons, *judged.unread)
    if problems:
        raise AcksmError(
            "downgrade-harmful",
            problems[0],
            where=f"{service} {newer.version} → {older.version}",
            details={"diff": list(problems) if len(problems) > 1 else []},
        )
