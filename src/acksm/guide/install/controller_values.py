"""Guide §3.1.2: the values of a release: the chart's, the installed ones, the options', and what acksm sets.

An option that is not set keeps the installed value, so that a run changes only what its options say; `--reset-values`
starts from the chart's.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from acksm.ack import charts
from acksm.ack.defaults import KINDS_PATH
from acksm.archive import Chart
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.connect.target import Target
from acksm.guide.install import carried, crds, crossing, mirrored, release
from acksm.helm import kept_values, registry, values
from acksm.helm.releases import MARK_PATH
from acksm.helm.values import Edit
from acksm.json_types import Document
from acksm.kube.paths import ref
from acksm.live import running
from acksm.live.inventory import Inventory
from acksm.live.readiness import INSTANCE_LABEL, ROLE_ANNOTATION
from acksm.live.unread import AWAY, Unread
from acksm.settings import DEFAULT_REGISTRY, ControllerSettings

ROLE_PATH = ("serviceAccount", "annotations", ROLE_ANNOTATION)
ACCOUNT_PATH = ("serviceAccount", "name")
# Options set these values; the next run would undo a --set.
MANAGED = {
    ("installScope",): "--scope",
    ("watchNamespace",): "--watch-namespace",
    ROLE_PATH: "--role-arn",
    ("aws", "account_id"): "--account",
    MARK_PATH: "acksm",
    mirrored.REGISTRY_PATH: "--registry",
}


@dataclass(frozen=True)
class Controller:
    """One service: its pulled chart, its release as it is; `image` is the repository in the mirror `registry`, "" where
    the values name no mirror."""

    service: str
    pulled: registry.Pulled
    observed: release.Observed
    desired_crds: Sequence[crds.DesiredCrd]
    registry: str = DEFAULT_REGISTRY
    image: str = ""


def values_of(
    target: Target, controllers: ControllerSettings, item: Controller, role_arn: str, found: Callable[[], Inventory]
) -> tuple[values.Patched, charts.Scope, list[str]]:
    """The values of the release, patched and checked, its scope, and notes. `found` reads the cluster's objects, where
    the values depend on them. Errors: `values-…`, `scope-…`."""
    chart, namespace = item.pulled.chart, target.settings.controller_namespace
    edits, scope = _edits(target, controllers, item, role_arn)
    try:
        patched = _patched(item, edits)
        after = running.from_values(item.service, namespace, chart.version, patched.values)
        if note := crossing.kept(after, edits, found):
            return _patched(item, [*edits, crossing.ON]), scope, [note]
    except AcksmError as error:
        raise _of_the_release(error, edits, f"helm show values {shlex.quote(str(item.pulled.path))}") from error
    return patched, scope, []


def _patched(item: Controller, edits: Sequence[Edit]) -> values.Patched:
    """What the installed release has of the same version is not validated: helm did that, and it is not sent again."""
    chart, observed = item.pulled.chart, item.observed
    where = f"{chart.name} {chart.version} values.yaml"
    patched = values.patch(chart.values_text, edits, where)
    if observed.version != chart.version or dict(observed.values) != release.overrides(patched):
        values.validate(patched.values, chart.schema, where)
    return patched


def _of_the_release(error: AcksmError, edits: Sequence[Edit], shows: str) -> AcksmError:
    """`error`, with where the value is from if only the installed release has it; `shows` prints the chart's values."""
    for path in error.details.get("paths", []):
        matching = [edit for edit in edits if list(edit.path[: len(path)]) == path[: len(edit.path)]]
        if path and matching and all(edit.kept for edit in matching):
            return AcksmError(
                error.id,
                error.message,
                where=f"values of the installed release → {error.where}",
                remedy=f"acksm install --set {'.'.join(path)}=VALUE   (or --reset-values)",
                details=error.details,
            )
    if error.id == "values-unknown-key":
        return AcksmError(error.id, error.message, where=error.where, remedy=shows, details=error.details)
    return error


def not_carried(controllers: ControllerSettings, item: Controller) -> list[str]:
    """Notes on installed values that do not carry over as they are."""
    if not item.observed.version or controllers.reset_values:
        return []
    chart, found = item.pulled.chart, carried.chosen(item.observed, item.pulled.chart)
    note = kept_values.note(found, chart, item.observed.chart_values, MANAGED)
    return [*carried.carried(item.service, item.observed, chart).notes, *([note] if note else [])]


def service_account(target: Target, controllers: ControllerSettings, item: Controller) -> str:
    """The name of the service account that the release will have."""
    plain = values.plain(item.pulled.chart.values_text)
    edits, _ = _edits(target, controllers, item, "")
    requested = [edit.value for edit in edits if edit.path == ACCOUNT_PATH and edit.value is not None]
    return str(requested[-1] if requested else plain["serviceAccount"]["name"])


def reconciled(target: Target, controllers: ControllerSettings, item: Controller) -> tuple[str, ...]:
    """The kinds that the release will reconcile, () for all."""
    chart = values.plain(item.pulled.chart.values_text).get(KINDS_PATH[0])
    edits, _ = _edits(target, controllers, item, "")
    requested = [edit.value for edit in edits if edit.path == KINDS_PATH]
    found = requested[-1] if requested else chart.get(KINDS_PATH[1]) if isinstance(chart, Mapping) else None
    return tuple(map(str, found)) if isinstance(found, list) else ()


def reconciled_now(target: Target, controllers: ControllerSettings, unread: Unread) -> dict[str, tuple[str, ...]]:
    """The same without charts, for `acksm iam-role` alone: as options say, else as the installed Deployments do."""
    plain = {KINDS_PATH[0]: {KINDS_PATH[1]: list[str]()}}
    found: dict[str, tuple[str, ...]] = {}
    namespace = target.settings.controller_namespace
    for service in controllers.service:
        given = [values.parse_set(text, plain) for text in _for_service(controllers.set, service)]
        requested = [edit.value for edit in given if edit.path == KINDS_PATH]
        if requested:
            found[service] = _named(requested[-1])
            continue
        of_release = partial(
            target.kube.list,
            ref("Deployment", namespace=namespace),
            selector=f"{INSTANCE_LABEL}={charts.release_name(service)}",
        )
        live = unread.read("the kinds of installed controllers; all are allowed", of_release, [], AWAY)
        named = [running.flags_of(item).get("reconcile-resources") for item in live]
        found[service] = tuple(part.strip() for part in "".join(named[:1]).split(",") if part.strip())
    return found


def _named(kinds: object) -> tuple[str, ...]:
    """The kinds of a --set. Error: `values-type`, as the chart's own default would give."""
    if not isinstance(kinds, list):
        raise AcksmError(
            "values-type", f"{'.'.join(KINDS_PATH)} is a list in the chart, and {kinds!r} is none", where="--set"
        )
    return tuple(map(str, kinds))


def _edits(
    target: Target, controllers: ControllerSettings, item: Controller, role_arn: str
) -> tuple[list[Edit], charts.Scope]:
    """The installed values, the region, --values, --set, and last what acksm has to set; a later one wins."""
    chart = item.pulled.chart
    kept, given = kept_and_given(controllers, item.service, chart, item.observed)
    kept = mirrored.edits(kept, item.service, item.registry, item.image, item.observed.complete)
    scope = scope_of(controllers, item, target.settings.controller_namespace)
    region = Edit(("aws", "region"), target.cluster.region, "acksm")
    theirs = item.observed.kept_by is not None and not item.observed.owned  # not rendered by acksm
    own = [] if theirs else [Edit(MARK_PATH, "true", "acksm")]
    own += [Edit((key,), value, "acksm") for key, value in scope.values.items()]
    own += running.mode_edits(controllers.mode, item.service, chart.version)
    if charts.has(item.service, chart.version, "account-id"):
        own.append(Edit(("aws", "account_id"), target.identity.account, "acksm"))
    if role_arn:
        own.append(Edit(ROLE_PATH, role_arn, "acksm"))
    for edit in given:
        if edit.path in MANAGED:
            raise AcksmError(
                "values-managed",
                f"{'.'.join(edit.path)} cannot be set: it is managed by {MANAGED[edit.path]}",
                where=edit.origin,
            )
    return [*kept, region, *given, *own], scope


def kept_and_given(
    controllers: ControllerSettings, service: str, chart: Chart, observed: release.Observed
) -> tuple[list[Edit], list[Edit]]:
    """The installed values that are kept, and those of --values and --set."""
    plain, kept = values.plain(chart.values_text), list[Edit]()
    if observed.version and not controllers.reset_values:
        kept = [
            edit
            for edit in carried.carried(service, observed, chart).edits
            if edit.path not in MANAGED and edit.path != ("aws", "region")
        ]
    given = [edit for name in controllers.values for edit in _from_file(name, service, plain)]
    for text in _for_service(controllers.set, service):
        given += values.leaves(values.parse_set(text, plain), plain)
    return kept, given


def _from_file(name: str, service: str, plain: Document) -> list[Edit]:
    chosen = _for_service([name], service)
    return [edit for path in chosen for edit in values.flatten(values.read_file(path), plain, path)]


def _for_service(items: Sequence[str], service: str) -> list[str]:
    """`SERVICE:rest` is for one service, anything else for both."""
    found = []
    for item in items:
        prefix, colon, rest = item.partition(":")
        if colon and prefix in charts.SERVICES:
            found += [rest] if prefix == service else []
        else:
            found.append(item)
    return found


def scope_of(controllers: ControllerSettings, item: Controller, namespace: str) -> charts.Scope:
    """The requested scope, else the installed one, else cluster. Errors: `config-invalid`, `scope-…`."""
    installed = item.observed.complete if item.observed.version else {}
    names = charts.watched(installed)
    was = "namespace" if names or installed.get("installScope") == "namespace" else "cluster"
    if controllers.scope == "cluster" and (option := _list_option(controllers)):
        raise AcksmError("config-invalid", f"{option} requires --scope namespace", where=option)
    scope = controllers.scope or ("namespace" if controllers.watch_namespace else was)
    watch = controllers.watch_namespace or ([] if controllers.scope == "namespace" and was == "cluster" else names)
    if controllers.add_watch_namespace or controllers.remove_watch_namespace:
        now: list[str] | None = controllers.watch_namespace  # for the first installation, and a change of the scope
        if installed and was == "namespace":
            now = names or [namespace]
        elif installed and controllers.scope is None:
            now = None
        watch = _changed(controllers, item.service, now)
        scope = "namespace" if watch else "cluster"
    return charts.scope(item.service, item.pulled.chart.version, scope, watch, namespace)


def _list_option(controllers: ControllerSettings) -> str:
    """The option that names watched namespaces, "" for none."""
    lists = ("watch_namespace", "add_watch_namespace", "remove_watch_namespace")
    return next((f"--{name.replace('_', '-')}" for name in lists if getattr(controllers, name)), "")


def _changed(controllers: ControllerSettings, service: str, now: Sequence[str] | None) -> list[str]:
    """The watched namespaces `now` (None: all) with the changes of the options; [] for all. Error: `config-invalid`."""
    added, removed = controllers.add_watch_namespace, controllers.remove_watch_namespace
    option = "--remove-watch-namespace"
    if both := [name for name in added if name in removed]:
        raise AcksmError("config-invalid", f"namespace {both[0]} is both added and removed", where=option)
    if now is None and removed:
        raise AcksmError(
            "config-invalid",
            f"{service} watches all namespaces, so none can be removed",
            where=option,
            remedy="acksm install --scope namespace --watch-namespace NAMESPACE   (for each to watch)",
        )
    if now is None:
        return []
    left = [name for name in dict.fromkeys([*now, *added]) if name not in removed]
    if not left:
        raise AcksmError(
            "config-invalid",
            f"{service} would watch no namespace",
            where=option,
            remedy=f"acksm cleanup --service {service}   (or acksm install --scope cluster, to watch all)",
        )
    return left


def list_notes(controllers: ControllerSettings, service: str, scope: charts.Scope) -> list[str]:
    """What to know about a changed list: that it changes nothing, or that the settings have another one."""
    if not (controllers.add_watch_namespace or controllers.remove_watch_namespace):
        return []
    watched = charts.watched(scope.values)
    listed = controllers.watch_namespace
    if not watched:
        return [f"{service} already watches all namespaces"] if scope.text == "all namespaces" else []
    if not listed or set(listed) == set(watched):
        return []
    return [
        f"watch-namespace of the settings is {', '.join(listed)}: change it to {', '.join(watched)}, or the next "
        "acksm install uses it again"
    ]
