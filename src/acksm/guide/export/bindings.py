"""The layer of bindings: the regions, accounts and teams of namespaces that acksm.yaml declares, as objects.

The plans of `acksm region bind` and `acksm carm bind` are made for a cluster that has none of them, and each change is
done to manifests instead of the apiserver. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from acksm.engine.change import Change
from acksm.guide.carm import bind, command as carm, role_map, role_selector
from acksm.guide.connect.target import Target
from acksm.guide.region import command as region
from acksm.json_types import Document, Object
from acksm.live import running
from acksm.live.running import Running
from acksm.settings import Declared


def objects(target: Target, declared: Declared, controllers: Sequence[Running]) -> tuple[list[Object], list[str]]:
    """The objects, and notes. `controllers` are the exported ones. Errors: those of both plans."""
    changes: list[Change] = []
    notes: list[str] = []
    regions = {name: item.region for name, item in declared.namespaces.items() if item.region}
    partition, table = target.identity.partition, target.aws.regions
    for name, at in regions.items():
        services = sorted({item.service for item in controllers if item.watches(name)})
        region.check_region(at, partition, services, table, f"namespaces.{name}", f"namespaces.{name}.region:")
    if regions:
        changes += region.plan(region.Observed(controllers, {}), {**regions}, create=True)
    if any(item.account or item.team for item in declared.namespaces.values()):
        planned = _accounts(target, declared, controllers)
        changes += planned.changes
        notes += planned.notes
    notes += [f"{change.target} needs a restart: {change.reason}" for change in changes if change.id == "carm.restart"]
    return written(changes), notes


def _accounts(target: Target, declared: Declared, controllers: Sequence[Running]) -> carm.Planned:
    bound, roles = bind.subjects(declared, bind.Requested())
    want = carm.Desired(
        bound,
        roles,
        own=target.identity.account,
        partition=target.identity.partition,
        partitions=target.aws.partitions(),
        create=True,
    )
    namespace = target.settings.controller_namespace
    maps = {(namespace, name): role_map.Map(namespace, name) for name in (role_map.ACCOUNT_MAP, role_map.TEAM_MAP)}
    nothing = carm.Observed(controllers, {}, maps)
    if running.mode_of(controllers) == running.SELECTOR:
        return role_selector.plan(role_selector.ObservedSelectors(nothing, ()), want)
    return carm.plan(nothing, want)


def written(changes: Iterable[Change]) -> list[Object]:
    """What the changes leave in a cluster that had none of it, in their order."""
    found: dict[tuple[str, str, str], Object] = {}
    for change in changes:
        if change.call == "kube.apply":
            found.setdefault(_key(change.params["manifest"]), dict(change.params["manifest"]))
        elif change.call == "kube.set_keys":
            params = change.params
            first = params.get("create") or _empty(params)
            item = found.setdefault(_key(first), dict(first))
            _set(item, params["field"], {key: after for key, (_, after) in params["keys"].items()})
    return [found[key] for key in sorted(found)]


def _key(manifest: Document) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return str(manifest["kind"]), str(metadata.get("namespace", "")), str(metadata["name"])


def _empty(params: Document) -> Object:
    return {"apiVersion": "v1", "kind": params["kind"], "metadata": {"name": params["name"]}}


def _set(item: Object, path: Sequence[str], values: Document) -> None:
    """The values at `path`, without changing what `item` shares with others."""
    for step in path:
        item[step] = dict(item.get(step) or {})
        item = item[step]
    item.update(values)
