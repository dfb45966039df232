"""Objects that wait for a controller which was deleted, or which has lost its role or its map.

Only a controller can delete an object's AWS resource, so it is installed again for that: the same version, by install's
own plan. What is created for it is deleted with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Op
from acksm.errors import AcksmError
from acksm.events import Emit
from acksm.guide.carm import command as carm, role_map, trust
from acksm.guide.carm.role_map import ACCOUNT_MAP, Subject
from acksm.guide.cleanup.objects import Choice
from acksm.guide.cleanup.observation import Desired, Observed, ReleaseState, RoleState
from acksm.guide.connect.target import Target
from acksm.guide.identity.trust import as_list, statements
from acksm.guide.install import command as install
from acksm.json_types import Document
from acksm.kube.client import FIELD_MANAGER
from acksm.kube.contents import Contents
from acksm.live import bindings, readiness, running
from acksm.live.inventory_objects import crd_of
from acksm.live.readiness import Health
from acksm.settings import TARGET_ROLE, ControllerSettings, RoleSettings

STEP = "repair"


@dataclass(frozen=True)
class Repaired:
    """Changes that install controllers again, the objects that these create (for the check of permissions), and the
    state after them. `temporary`: what is deleted afterwards, whatever the options are: iam, oidc, namespace."""

    changes: tuple[Change, ...]
    manifests: Sequence[Document]
    observed: Observed
    temporary: frozenset[str] = frozenset()


def reasons(observed: Observed, choice: Choice, desired: Desired) -> dict[str, str]:
    """Why a service's controller cannot delete its objects, by service; without those that can."""
    found = {}
    for service in desired.services:
        held = [item for item in choice.items if item.service == service and item.ours]
        exports = [
            item for item in choice.common if item.kind == "FieldExport" and service in item.services and item.ours
        ]
        if desired.orphan or not (held or exports):
            continue
        release = observed.releases.get(service) or ReleaseState(service, observed.namespace)
        if release.health is None:
            found[service] = "no controller is running"
        elif not release.health.available:
            found[service] = release.health.problems[0] if release.health.problems else release.health.text
        elif desired.delete_aws and any(item.live for item in held) and _lost_role(observed, release):
            found[service] = f"its role {release.health.service_account_role} does not exist"
    return found


def _lost_role(observed: Observed, release: ReleaseState) -> bool:
    name = release.health.service_account_role.rpartition("/")[2] if release.health else ""
    return any(role.name == name and role.role is None for role in observed.roles)


def version_of(observed: Observed, service: str) -> str:
    """The version to install: the release's, else that of the chart which its CRDs came from; "" unknown."""
    release = observed.releases.get(service)
    if release and release.version:
        return charts.normalise(release.version)
    sources = [crd.chart for crd in observed.inventory.crds.values() if crd.service == service and crd.chart]
    charts_of = Counter(chart.rpartition(" ")[2] for chart in sources if chart.startswith(charts.chart_name(service)))
    return charts_of.most_common(1)[0][0] if charts_of else ""


def plan(
    target: Target,
    controllers: ControllerSettings,
    role: RoleSettings,
    observed: Observed,
    choice: Choice,
    desired: Desired,
    emit: Emit,
) -> Repaired:
    """Errors: `cleanup-controller-gone`, and those of install."""
    why = reasons(observed, choice, desired)
    entries = map_entries(observed, choice) if not desired.orphan else []
    if not why:
        return Repaired(tuple(entries), (), with_entries(observed, entries))
    where = observed.inventory.namespaces.get(observed.namespace)
    why_text = "; ".join(f"{service}: {reason}" for service, reason in why.items())
    if where and where.terminating:
        raise AcksmError(
            "cleanup-controller-gone",
            f"objects wait for their controller ({why_text}), and its namespace {observed.namespace} is being deleted",
            where=f"namespace {observed.namespace}",
        )
    versions = {service: version for service in why if (version := version_of(observed, service))}
    reinstalled = controllers.model_copy(
        update={
            "service": list(why),
            "version": {**versions, **controllers.version},
            "adopt_release": desired.adopt_release,
        }
    )
    result = install.plan(target, reinstalled, role, "cleanup", install.ALL, emit, only_missing_crds=True)
    if result.refused and any(health_of(observed, service) is None for service in why):
        raise result.refused
    role_arn = str(result.facts.get("role_arn", ""))
    restarts = _restarts(observed, why, result.plan.changes, role_arn)
    changes = [*(_with_reason(change) for change in result.plan.changes), *restarts, *entries]
    after = predicted(observed, [*result.plan.changes, *entries], versions, list(why))
    return Repaired(tuple(changes), result.manifests, after, temporary(result.plan.changes))


def health_of(observed: Observed, service: str) -> Health | None:
    """The state of a service's controller, None where there is none."""
    release = observed.releases.get(service)
    return release.health if release else None


def _with_reason(change: Change) -> Change:
    reason = change.reason or "the controller is needed to delete its objects"
    return replace(change, reason=reason) if change.op is not Op.WAIT else change


def temporary(changes: Sequence[Change]) -> frozenset[str]:
    """What installing the controllers again creates."""
    ids = {change.id for change in changes}
    names = {"iam-role.create": "iam", "oidc.create": "oidc", "namespace.create": "namespace"}
    return frozenset(what for id_, what in names.items() if id_ in ids)


def _restarts(observed: Observed, why: Mapping[str, str], changes: Sequence[Change], role_arn: str) -> list[Change]:
    """Restart controllers that could not start, since their back-off is minutes, and wait until each is ready. The
    waits have no lane, so that what follows runs after them."""
    found = []
    for service in why:
        release = observed.releases.get(service) or ReleaseState(service, observed.namespace)
        changes_it = any(change.step == "release" and change.lane == service for change in changes)
        if release.health and not changes_it:
            found.append(
                Change(
                    id="release.restart",
                    step=STEP,
                    op=Op.UPDATE,
                    system="kubernetes",
                    target=f"Deployment {release.namespace}/{release.health.deployment}",
                    call="kube.restart",
                    params={"namespace": release.namespace, "deployment": release.health.deployment},
                    reason=why[service],
                )
            )
        found.append(readiness.ready(release.name, release.namespace, role_arn, step=STEP, iam_is_new=True))
    return found


def predicted(
    observed: Observed, changes: Sequence[Change], versions: Mapping[str, str], services: Sequence[str]
) -> Observed:
    """The state after `changes` of install, as far as a cleanup reads it."""
    releases = dict(observed.releases)
    for service in services:
        release = releases.get(service) or ReleaseState(service, observed.namespace)
        version = release.version or versions.get(service, "")
        recorded = release.kept_by is None
        releases[service] = replace(release, version=version, status="deployed", owned=True, recorded=recorded)
    roles = {role.name: role for role in observed.roles}
    providers, owned = observed.providers, set(observed.owned_namespaces)
    contained, crds = dict(observed.contents), dict(observed.inventory.crds)
    namespaces = dict(observed.inventory.namespaces)
    for change in changes:
        name = str(change.params.get("name", ""))
        if change.id == "iam-role.create":
            roles[name] = RoleState(
                name,
                {
                    "arn": change.target,
                    "path": change.params["path"],
                    "created": "",
                    "trust": change.params["trust"],
                    "tags": change.params["tags"],
                    "boundary": change.params["boundary"],
                    "attached": [],
                    "inline": {},
                },
            )
        elif change.call == "iam.attach_policy" and name in roles and (role := roles[name].role):
            role["attached"].append(change.params["policy_arn"])
        elif change.call == "iam.put_policy" and name in roles and (role := roles[name].role):
            role["inline"][change.params["policy"]] = change.params["document"]
        elif change.id == "oidc.create":
            owned_arns = tuple(sorted({*providers.owned, change.target}))
            providers = replace(providers, owned=owned_arns, existing=providers.existing | {change.target})
        elif change.id == "crds.create":
            new_crd = crd_of(change.params["manifest"])
            crds[new_crd.name] = replace(new_crd, temporary=True)
        elif change.id == "namespace.create":
            new_name = str(change.params["manifest"]["metadata"]["name"])
            owned.add(new_name)
            namespaces[new_name] = bindings.Namespace(new_name)
            contained[new_name] = Contents()
    after = replace(
        observed,
        releases=releases,
        roles=tuple(roles.values()),
        providers=providers,
        owned_namespaces=frozenset(owned),
        contents=contained,
        inventory=replace(observed.inventory, namespaces=namespaces, crds=crds),
    )
    return with_entries(after, [change for change in changes if change.id == "carm.map"])


def map_entries(observed: Observed, choice: Choice) -> list[Change]:
    """Missing entries of the map without which objects of other accounts would wait for ever. The role is the one that
    the controller role may assume there, else the one that `carm setup` creates."""
    missing: dict[str, str] = {}
    for item in choice.items:
        if not item.ours or not item.account or item.account == observed.account:
            continue
        by = next((one for one in observed.inventory.controllers.own if one.service == item.service), None)
        if by is not None and (by.mode != running.CARM or not by.reading.carm):
            continue
        bound = carm.bound_to(observed.inventory.namespaces.get(item.location.namespace))
        if bound and bound[0].level != carm.ACCOUNT:
            continue
        key = Subject(carm.ACCOUNT, bound[0].id if bound else item.account)
        now = observed.maps.get((observed.namespace, ACCOUNT_MAP))
        if not any(now and now.get(name) for name in key.keys):
            missing[key.id] = _role_in(observed, item.account)
    now = observed.maps.get((observed.namespace, ACCOUNT_MAP)) or role_map.Map(observed.namespace, ACCOUNT_MAP)
    changes = role_map.entries(now, missing, {}) if missing else []
    return [replace(change, reason="objects of that account cannot be deleted without it") for change in changes]


def _role_in(observed: Observed, account: str) -> str:
    for release in observed.roles:
        for statement in statements(release.role["inline"].get(trust.POLICY) if release.role else None):
            for arn in as_list(statement.get("Resource")):
                if f"::{account}:role/" in str(arn):
                    return str(arn)
    partition = observed.cluster_arn.split(":")[1]
    return f"arn:{partition}:iam::{account}:role/{TARGET_ROLE}"


def with_entries(observed: Observed, changes: Sequence[Change]) -> Observed:
    """The maps after `changes` of `map_entries`."""
    maps = dict(observed.maps)
    for change in changes:
        where = (str(change.params["namespace"]), str(change.params["name"]))
        now = maps.get(where) or role_map.Map(*where)
        put = {key: after for key, (_, after) in change.params["keys"].items()}
        managers = {**now.managers, **{key: [FIELD_MANAGER] for key in put}}
        maps[where] = replace(
            now, data={**(now.data or {}), **put}, owned=now.owned or now.data is None, managers=managers
        )
    return replace(observed, maps=maps)
