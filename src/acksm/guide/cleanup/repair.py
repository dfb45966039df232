"""Half states: objects that wait for a controller which is not there any more, or has lost its role or its map.

Only a controller can delete what an object stands for, so it is brought back for that: the same version, by install's
own plan. What was made for it goes with it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from acksm.ack import charts
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
from acksm.settings import TARGET_ROLE, ControllerSettings, RoleSettings

STEP = "mend"


@dataclass(frozen=True)
class Repaired:
    """Changes that bring controllers back, the objects that they would make (for the check of rights), and the state
    after them. `made`: what has to go again, whatever was asked: iam, oidc, namespace."""

    changes: tuple[Change, ...]
    manifests: Sequence[Document]
    observed: Observed
    made: frozenset[str] = frozenset()


def reasons(observed: Observed, choice: Choice, desired: Desired) -> dict[str, str]:
    """Why each service's controller cannot let go of its objects as it is; services that can are left out."""
    found = {}
    for service in desired.services:
        held = [item for item in choice.items if item.service == service and item.ours]
        exports = [
            item for item in choice.common if item.kind == "FieldExport" and service in item.services and item.ours
        ]
        if desired.orphan or not (held or exports):
            continue
        seen = observed.releases.get(service) or ReleaseState(service, observed.namespace)
        if seen.health is None:
            found[service] = "no controller of it runs"
        elif not seen.health.available:
            found[service] = seen.health.problems[0] if seen.health.problems else seen.health.text
        elif desired.delete_aws and any(item.live for item in held) and _lost_role(observed, seen):
            found[service] = f"its role {seen.health.service_account_role} is gone"
    return found


def _lost_role(observed: Observed, seen: ReleaseState) -> bool:
    name = seen.health.service_account_role.rpartition("/")[2] if seen.health else ""
    return any(role.name == name and role.role is None for role in observed.roles)


def version_of(observed: Observed, service: str) -> str:
    """The version to bring back: the release's, else that of the chart which its CRDs came from; "" unknown."""
    seen = observed.releases.get(service)
    if seen and seen.version:
        return charts.normalise(seen.version)
    made_by = [crd.chart for crd in observed.inventory.crds.values() if crd.service == service and crd.chart]
    charts_of = Counter(chart.rpartition(" ")[2] for chart in made_by if chart.startswith(charts.chart_name(service)))
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
    told = "; ".join(f"{service}: {reason}" for service, reason in why.items())
    if where and where.terminating:
        raise AcksmError(
            "cleanup-controller-gone",
            f"objects wait for their controller ({told}), and its namespace {observed.namespace} is being deleted",
            where=f"namespace {observed.namespace}",
        )
    versions = {service: version for service in why if (version := version_of(observed, service))}
    back = controllers.model_copy(
        update={
            "service": list(why),
            "version": {**versions, **controllers.version},
            "adopt_release": desired.adopt_release,
        }
    )
    result = install.plan(target, back, role, "cleanup", install.ALL, emit, only_missing_crds=True)
    role_arn = str(result.facts.get("role_arn", ""))
    restarts = _restarts(observed, why, result.plan.changes, role_arn)
    changes = [*(_again(change) for change in result.plan.changes), *restarts, *entries]
    after = predicted(observed, [*result.plan.changes, *entries], versions, list(why))
    return Repaired(tuple(changes), result.manifests, after, made(result.plan.changes))


def _again(change: Change) -> Change:
    reason = change.reason or "the controller has to come back to let go of its objects"
    return replace(change, reason=reason) if change.op is not Op.WAIT else change


def made(changes: Sequence[Change]) -> frozenset[str]:
    """What bringing the controllers back makes anew."""
    ids = {change.id for change in changes}
    names = {"iam-role.create": "iam", "oidc.create": "oidc", "namespace.create": "namespace"}
    return frozenset(what for made_by, what in names.items() if made_by in ids)


def _restarts(observed: Observed, why: Mapping[str, str], changes: Sequence[Change], role_arn: str) -> list[Change]:
    """A controller that could not start waits minutes before it tries again; and each has to be ready before objects
    go. The waits have no lane, so that what comes after them runs after them."""
    found = []
    for service in why:
        seen = observed.releases.get(service) or ReleaseState(service, observed.namespace)
        changes_it = any(change.step == "release" and change.lane == service for change in changes)
        if seen.health and not changes_it:
            found.append(
                Change(
                    id="release.restart",
                    step=STEP,
                    op=Op.UPDATE,
                    system="kubernetes",
                    target=f"Deployment {seen.namespace}/{seen.health.deployment}",
                    call="kube.restart",
                    params={"namespace": seen.namespace, "deployment": seen.health.deployment},
                    reason=why[service],
                )
            )
        found.append(readiness.ready(seen.name, seen.namespace, role_arn, step=STEP, iam_is_new=True))
    return found


def predicted(
    observed: Observed, changes: Sequence[Change], versions: Mapping[str, str], services: Sequence[str]
) -> Observed:
    """The state after `changes` of install, as far as a cleanup looks at it."""
    releases = dict(observed.releases)
    for service in services:
        seen = releases.get(service) or ReleaseState(service, observed.namespace)
        version = seen.version or versions.get(service, "")
        releases[service] = replace(seen, version=version, status="deployed", owned=True, recorded=True)
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
            ours = tuple(sorted({*providers.ours, change.target}))
            providers = replace(providers, ours=ours, there=providers.there | {change.target})
        elif change.id == "crds.create":
            made_crd = crd_of(change.params["manifest"])
            crds[made_crd.name] = replace(made_crd, passing=True)
        elif change.id == "namespace.create":
            made_name = str(change.params["manifest"]["metadata"]["name"])
            owned.add(made_name)
            namespaces[made_name] = bindings.Namespace(made_name)
            contained[made_name] = Contents()
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
    """Entries of the map that objects of other accounts need and somebody took away (they would wait for ever). The
    role is the one that the controllers' role may assume there, else the one that `carm setup` makes."""
    missing: dict[str, str] = {}
    for item in choice.items:
        if not item.ours or not item.account or item.account == observed.own:
            continue
        by = next((one for one in observed.inventory.controllers.own if one.service == item.service), None)
        if by is not None and (by.mode != running.CARM or not by.reading.carm):
            continue
        bound = carm.bound_to(observed.inventory.namespaces.get(item.place.namespace))
        if bound and bound[0].level != carm.ACCOUNT:
            continue
        key = Subject(carm.ACCOUNT, bound[0].id if bound else item.account)
        now = observed.maps.get((observed.namespace, ACCOUNT_MAP))
        if not any(now and now.get(name) for name in key.keys):
            missing[key.id] = _role_in(observed, item.account)
    now = observed.maps.get((observed.namespace, ACCOUNT_MAP)) or role_map.Map(observed.namespace, ACCOUNT_MAP)
    changes = role_map.entries(now, missing, {}) if missing else []
    return [replace(change, reason="objects of that account could not be let go of without it") for change in changes]


def _role_in(observed: Observed, account: str) -> str:
    for seen in observed.roles:
        for statement in statements(seen.role["inline"].get(trust.POLICY) if seen.role else None):
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
