"""What `carm` and `region` wrote: IAMRoleSelectors, annotations of namespaces, and entries of the maps."""

from __future__ import annotations

from acksm.ack import charts
from acksm.engine.change import Change, Danger, Op
from acksm.guide.carm import role_map
from acksm.guide.carm.role_map import ACCOUNT_MAP, STEP as CARM
from acksm.guide.cleanup.observation import Desired, Observed, Part
from acksm.kube.paths import Ref
from acksm.live import bindings
from acksm.live.bindings import OWNER, REGION, TEAM
from acksm.live.inventory import Common
from acksm.live.role_selectors import KIND as SELECTOR


def selectors_of(observed: Observed) -> list[Common]:
    """acksm's own IAMRoleSelectors."""
    return [item for item in observed.inventory.common if item.kind == SELECTOR and item.owned]


def plan_selectors(observed: Observed, desired: Desired) -> Part:
    """acksm's own IAMRoleSelectors, unless another controller may need them."""
    part = Part()
    others = observed.inventory.others(desired.services, observed.namespace)
    for item in selectors_of(observed):
        if not desired.carm:
            part.kept.append((str(item), "delete with --carm"))
        elif others:
            part.kept.append((str(item), f"may be needed by {others[0]}"))
        else:
            part.changes.append(_selector(item.location))
    return part


def plan_carm(observed: Observed, desired: Desired) -> Part:
    """Annotations of namespaces and entries of the maps that acksm wrote; they are kept while another controller may
    read them."""
    part = Part()
    inventory = observed.inventory
    others = inventory.others(desired.services, observed.namespace)
    bound = _bound(observed)
    why = f"may be needed by {others[0]}" if others else "" if desired.carm else "delete with --carm"
    if why:
        part.kept += [(f"annotation {key} of namespace {name}", why) for name, key in bound]
        part.kept += [(str(item), why) for item in observed.maps.values() if item.data]
        return part
    used: dict[str, str] = {}  # account or team -> a namespace that is still bound to it
    for name, key in bound:
        live = inventory.namespaces[name]
        if not bindings.made_by_acksm(live.managers.get(key, ())):
            part.kept.append((f"annotation {key} of namespace {name}", "not written by acksm"))
            used[live.annotations[key]] = name
        elif not live.terminating:
            step = "region" if key == REGION else CARM
            part.changes += bindings.annotate(name, live, key, None, step)
    for item in observed.maps.values():
        if item.data is None:
            continue
        ids = {key: subject for key in item.data if (subject := _id(key)) not in used}
        part.kept += [
            (f"entry {key} of {item}", f"namespace {used[_id(key)]} is bound to it")
            for key in item.data
            if key not in ids
        ]
        changes, _ = role_map.release(item, ids, OWNER if item.name == ACCOUNT_MAP else TEAM)
        part.changes += changes
        left = [key for key in ids if not bindings.made_by_acksm(item.managers.get(key, ()))]
        part.kept += [(f"entry {key} of {item}", "not written by acksm") for key in left]
        if not changes and item.owned and not item.data:
            part.changes += _empty(item)
    return part


def _bound(observed: Observed) -> list[tuple[str, str]]:
    """(namespace, key) of each annotation that the controllers follow and acksm may have written."""
    return [
        (name, key)
        for name, live in sorted(observed.inventory.namespaces.items())
        for key in (OWNER, TEAM, REGION)
        if key in live.annotations
    ]


def _id(key: str) -> str:
    """The account or team of a map's key, which may be for one service: "sagemaker.111111111111"."""
    service, dot, rest = key.partition(".")
    return rest if dot and service in charts.SERVICES else key


def _empty(item: role_map.Map) -> list[Change]:
    return [
        Change(
            id="carm.map-empty",
            step=CARM,
            op=Op.DELETE,
            system="kubernetes",
            target=str(item),
            call="kube.delete_when_empty",
            params={"kind": "ConfigMap", "name": item.name, "namespace": item.namespace, "field": ["data"]},
            before={"data": {}},
            reason="created by acksm and empty",
            danger=Danger.MILD,
            guide=f"kubectl delete -n {item.namespace} configmap {item.name}",
        )
    ]


def _selector(location: Ref) -> Change:
    return Change(
        id="selector.delete",
        step=CARM,
        op=Op.DELETE,
        system="kubernetes",
        target=f"{SELECTOR} {location.name}",
        call="kube.delete",
        params={"kind": SELECTOR, "name": location.name},
        before={"name": location.name},
        danger=Danger.MILD,
        guide=f"kubectl delete iamroleselector {location.name}",
    )
