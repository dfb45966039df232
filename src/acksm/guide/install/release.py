"""Guide §3.1.2 and §3.1.3: the release of one controller: what is there, what is wanted, and the way between.

Only acksm's own overrides go to helm, on fresh chart values: `--reuse-values` would keep an old chart's defaults,
such as the list of kinds to reconcile, for ever (docs/ack/versions.md#reused-values).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acksm.engine.change import Change, Danger, Op
from acksm.errors import AcksmError
from acksm.helm.releases import PENDING_GRACE_SECONDS
from acksm.json_types import Document, Json, Manifest
from acksm.kube.owners import owner_of
from acksm.live.namespaces import create as create_namespace
from acksm.live.readiness import SCALED_TO_ZERO, Health, needs_restart, ready


@dataclass(frozen=True)
class Desired:
    """A release as it should be. `chart` is the kept archive, `values` the overrides that go to helm."""

    service: str
    name: str
    namespace: str
    chart: str
    chart_name: str
    version: str
    digest: str
    values: Document
    role_arn: str
    values_diff: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unmanaged: tuple[str, ...] = ()  # objects that the controller watches now and would not any more
    beside: tuple[str, ...] = ()  # other controllers that would work on the same objects


@dataclass(frozen=True)
class Observed:
    """A release as it is. `version` is "" when there is none; `recovery` what a killed helm left to do, `drift`
    the objects that are not as helm made them."""

    version: str = ""
    status: str = ""
    values: Document = field(default_factory=dict)
    owned: bool = False
    recovery: str = ""
    revision: int = 0
    health: Health | None = None
    age_seconds: float = 0.0
    drift: tuple[str, ...] = ()
    description: str = ""


def plan(observed: Observed, desired: Desired, *, wait: bool, iam_is_new: bool, adopt: bool) -> list[Change]:
    """Changes from `observed` to `wanted`, in the service's lane. Error: `release-not-ours`."""
    target = f"release {desired.namespace}/{desired.name}"
    if observed.version and not observed.owned and not adopt:  # a half-made one too: its values tell whose it is
        raise AcksmError(
            "release-not-ours",
            f"release {desired.name} ({observed.version}) is there and acksm did not make it",
            where=f"namespace {desired.namespace}",
        )
    changes: list[Change] = []
    common: Json = {"step": "release", "target": target, "lane": desired.service}
    where = {"release": desired.name, "namespace": desired.namespace}
    if observed.recovery:
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
                reason=f"helm was killed and left it {observed.status}",
            )
        )
    exists = bool(observed.version) and observed.recovery != "uninstall"
    params = where | {"chart": Path(desired.chart).name, "values": dict(desired.values)}
    after = {"chart": f"{desired.chart_name} {desired.version}", "values": dict(desired.values)}
    guide = f"helm install -n {desired.namespace} --create-namespace --skip-crds {desired.name} …"
    restart = exists and needs_restart(observed.health, desired.role_arn) and bool(desired.role_arn)
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
                danger=Danger.MILD if desired.beside else Danger.NONE,
                guide=guide,
                reason=f"beside {'; '.join(desired.beside)}" if desired.beside else "",
            )
        )
    elif reason := _difference(observed, desired):
        moves = observed.version != desired.version
        changes.append(
            Change(
                **common,
                id="release.upgrade",
                op=Op.UPDATE,
                system="helm",
                call="helm.upgrade",
                params=params | {"take_back": bool(observed.drift)},
                before={"chart": f"{desired.chart_name} {observed.version}", "values": dict(observed.values)},
                after=after,
                danger=Danger.MILD if moves or desired.unmanaged or desired.beside else Danger.NONE,
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
                reason="its pods were made before the role was known",
            )
        )
    if wait and (changes or _rolls_out(observed.health)):
        changes.append(
            ready(
                desired.name,
                desired.namespace,
                desired.role_arn,
                step="release",
                lane=desired.service,
                iam_is_new=iam_is_new,
            )
        )
    return changes


def _rolls_out(health: Health | None) -> bool:
    """Whether what an earlier run began, perhaps one that was killed, is not through yet. A Deployment that somebody
    scaled to zero never will be."""
    return health is not None and not health.available and health.text != SCALED_TO_ZERO


def check_busy(status: str, age_seconds: float, namespace: str, name: str, *, sure: Callable[[], bool]) -> None:
    """Refuse a release whose helm may still be at it (`release-busy`). `sure` is asked where that may be: a person who
    killed helm says by `--yes` that no other helm runs, and an acksm that was killed left its lock, which is held until
    its helm has ended too (acksm.engine.lease)."""
    if status.startswith("pending") and age_seconds < PENDING_GRACE_SECONDS and not sure():
        raise AcksmError(
            "release-busy",
            f"release {name} is {status} since {age_seconds:.0f} s",
            where=f"namespace {namespace}",
            remedy="wait for it; or, when no helm works on it any more, run the same command again with --yes",
        )


def _difference(observed: Observed, desired: Desired) -> str:
    """Why the release has to be written again, "" when it has not."""
    if observed.version != desired.version:
        return f"{observed.version} → {desired.version}"
    if dict(observed.values) != dict(desired.values):
        return "values differ"
    if not observed.owned:
        return "it is taken over"
    if observed.recovery:
        return "its last operation did not end"
    if observed.status != "deployed":
        return f"it is {observed.status}"
    return f"changed by hand: {', '.join(observed.drift)}" if observed.drift else ""


def namespaces(
    desired: Sequence[str], live: Mapping[str, Manifest | None], *, controller_namespace: str, create: bool
) -> list[Change]:
    """Namespaces to make: the controllers' always, watched ones with `create`.

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
            raise AcksmError("namespace-missing", f"namespace {name} is to be watched but does not exist", where=name)
        changes.append(create_namespace(name, "namespace", guide="helm install --create-namespace"))
    return changes


def check_owners(
    rendered: Sequence[Manifest], live: Mapping[tuple[str, str, str], Manifest], release: str, namespace: str
) -> None:
    """Refuse what helm would refuse half-way: an object of the release that another owns (`object-not-ours`).

    `rendered` are the chart's objects, `live` those that exist by (kind, namespace, name).
    """
    ours = f"{namespace}/{release}"
    for manifest in rendered:
        metadata = manifest["metadata"]
        key = (str(manifest["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))
        now = live.get(key) or live.get((key[0], namespace, key[2]))
        if now is None:
            continue
        owner = owner_of(now)
        if owner is None or owner.tool != "helm" or owner.name != ours:
            told = str(owner) if owner else "nobody that left a mark (made by hand)"
            raise AcksmError(
                "object-not-ours",
                f"{key[0]} {key[2]} exists and belongs to {told}",
                where=f"{key[0]} {key[1] + '/' if key[1] else ''}{key[2]}",
                details={"owner": told},
            )


def overrides(chart_values: Document, patched: Manifest) -> Json:
    """What of `patched` differs from the chart's own values: the smallest mapping that gives the same result."""
    found: Json = {}
    for key, value in patched.items():
        before = chart_values.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            inner = overrides(before, value)
            if inner:
                found[key] = inner
        elif key not in chart_values or value != before or type(value) is not type(before):
            found[key] = value
    return found
