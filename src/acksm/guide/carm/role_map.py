"""Guide §6.2: the ConfigMaps that map an account or a team to a role, in each namespace with a controller.

A binding and a removal may run at once: a bind reads the map again after its annotation is written, a removal reads the
namespaces again after its entry is removed. The second one sees the other's write and restores the entry
(test_carm.py, "meet").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack.charts import SERVICES
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.json_types import Json
from acksm.kube.api import Getter, Lister, Writer
from acksm.kube.keys import DATA, Moves, managers_at, set_keys, values_at
from acksm.kube.owners import OWNED_LABEL, is_owned
from acksm.kube.paths import ref
from acksm.live import bindings
from acksm.live.bindings import OWNER, TEAM
from acksm.words import counted

ACCOUNT_MAP, TEAM_MAP = "ack-role-account-map", "ack-role-team-map"
STEP = "carm"


@dataclass(frozen=True, order=True)
class Subject:
    """Whose objects a namespace's are: an account (`level` "account") or a team ("team")."""

    level: str
    id: str

    @property
    def annotation(self) -> str:
        return TEAM if self.level == "team" else OWNER

    @property
    def map(self) -> str:
        return TEAM_MAP if self.level == "team" else ACCOUNT_MAP

    def key(self, service: str = "") -> str:
        """The key in the map, for one service (gate ServiceLevelCARM) or for all."""
        return f"{service}.{self.id}" if service else self.id

    @property
    def keys(self) -> list[str]:
        """All keys that may be this subject's."""
        return [self.key(service) for service in ("", *SERVICES)]

    def __str__(self) -> str:
        return f"{self.level} {self.id}"


def is_key(text: str) -> bool:
    """Whether a ConfigMap can have this key."""
    return bool(re.fullmatch(r"[-._a-zA-Z0-9]{1,240}", text)) and text not in {".", ".."}


@dataclass(frozen=True)
class Map:
    """A map as it is. `data` is None when it does not exist."""

    namespace: str
    name: str
    data: Mapping[str, str] | None = None
    owned: bool = False
    managers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        return (self.data or {}).get(key)

    def __str__(self) -> str:
        return f"ConfigMap {self.namespace}/{self.name}"


Maps = Mapping[tuple[str, str], Map]  # by (namespace, name)


def observe(kube: Getter, namespaces: Iterable[str]) -> dict[tuple[str, str], Map]:
    """Both maps of each of the namespaces."""
    desired = [(namespace, name) for namespace in sorted(set(namespaces)) for name in (ACCOUNT_MAP, TEAM_MAP)]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(desired, pool.map(lambda item: _map(kube, *item), desired), strict=True))


def _map(kube: Getter, namespace: str, name: str) -> Map:
    live = kube.get(ref("ConfigMap", name, namespace))
    if live is None:
        return Map(namespace, name)
    owned = is_owned(live)
    return Map(namespace, name, values_at(live, DATA), owned, managers_at(live, DATA))


def _manifest(namespace: str, name: str) -> Json:
    metadata = {"name": name, "namespace": namespace, "labels": {OWNED_LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def entries(now: Map, desired: Mapping[str, str], used_by: Mapping[str, int]) -> list[Change]:
    """One change that gives `now` the desired keys; [] when it has them. `used_by`: key to bound namespaces.

    Error: `binding-managed`.
    """
    moves = {key: [now.get(key), role] for key, role in sorted(desired.items()) if now.get(key) != role}
    if not moves:
        return []
    replaced = [key for key, (before, _) in moves.items() if before is not None]
    for key in replaced:
        bindings.check_manager(now.managers.get(key, ()), f"entry {key}", str(now))
    affected = sum(used_by.get(key, 0) for key in replaced)
    return [
        Change(
            id="carm.map",
            step=STEP,
            op=Op.CREATE if now.data is None else Op.UPDATE,
            system="kubernetes",
            target=str(now),
            call="kube.set_keys",
            params={
                "kind": "ConfigMap",
                "name": now.name,
                "namespace": now.namespace,
                "keys": moves,
                "field": list(DATA),
                "create": _manifest(now.namespace, now.name),
            },
            before={key: before for key, (before, _) in moves.items() if before is not None} or None,
            after={key: after for key, (_, after) in moves.items()},
            reason=f"another role for {counted(affected, 'bound namespace')}" if affected else "",
            danger=Danger.MILD if replaced else Danger.NONE,
            guide=f"kubectl edit -n {now.namespace} configmap {now.name}",
        )
    ]


def release(now: Map, ids: Mapping[str, str], annotation: str) -> tuple[list[Change], list[str]]:
    """Changes that remove the keys of `ids` (key to subject's id) that acksm wrote; and notes on those it did not.

    They are checked again on execution: an entry that a namespace uses by then is kept.
    """
    existing = {key: subject for key, subject in ids.items() if now.get(key) is not None}
    owned = {key: subject for key, subject in existing.items() if bindings.made_by_acksm(now.managers.get(key, ()))}
    notes = [f"entry {key} of {now} is kept: acksm did not create it" for key in existing if key not in owned]
    if not owned:
        return [], notes
    params = {
        "name": now.name,
        "namespace": now.namespace,
        "keys": {key: [now.get(key), None] for key in sorted(owned)},
        "ids": dict(sorted(owned.items())),
        "annotation": annotation,
    }
    changes = [
        Change(
            id="carm.release",
            step=STEP,
            op=Op.DELETE,
            system="kubernetes",
            target=f"{bindings.shortened(sorted(owned))} in {now}",
            call="carm.release",
            params=params,
            before={key: now.get(key) for key in sorted(owned)},
            reason="no longer used by any namespace",
            guide=f"kubectl edit -n {now.namespace} configmap {now.name}",
        )
    ]
    if now.owned and set(now.data or {}) == set(owned):
        changes.append(
            Change(
                id="carm.map-empty",
                step=STEP,
                op=Op.DELETE,
                system="kubernetes",
                target=str(now),
                call="kube.delete_when_empty",
                params={"kind": "ConfigMap", "name": now.name, "namespace": now.namespace, "field": list(DATA)},
                before={"data": {}},
                reason="created by acksm, and empty",
                guide=f"kubectl delete -n {now.namespace} configmap {now.name}",
            )
        )
    return changes, notes


def calls(kube: Writer) -> dict[str, Callable[..., object]]:
    """The calls of these changes."""
    return {
        "carm.confirm": lambda **params: _confirm(kube, **params),
        "carm.release": lambda **params: _release(kube, **params),
    }


def confirm(desired: Mapping[tuple[str, str], Mapping[str, str]]) -> Change:
    """The wait after the annotations: the entries are read again. `desired`: (namespace, map) to keys."""
    return Change(
        id="carm.confirm",
        step=STEP,
        op=Op.WAIT,
        system="kubernetes",
        target="the map's entries",
        call="carm.confirm",
        params={
            "desired": [[namespace, name, dict(keys)] for (namespace, name), keys in sorted(desired.items()) if keys]
        },
    )


def _confirm(kube: Writer, desired: Sequence[tuple[str, str, Mapping[str, str]]]) -> None:
    """Restore an entry that another run's unbind removed between our read and our annotation."""
    for namespace, name, keys in desired:
        live = values_at(kube.get(ref("ConfigMap", name, namespace)) or {}, DATA)
        missing: Moves = {key: [None, role] for key, role in keys.items() if key not in live}
        if missing:
            set_keys(
                kube, "ConfigMap", name, missing, field=DATA, namespace=namespace, create=_manifest(namespace, name)
            )


def _release(kube: Writer, name: str, namespace: str, keys: Moves, ids: Mapping[str, str], annotation: str) -> None:
    """Remove keys that no namespace uses; restore those that one uses by then."""
    used = _used(kube, annotation)
    removed: Moves = {key: move for key, move in keys.items() if not {ids[key], key} & used}
    if removed:
        set_keys(kube, "ConfigMap", name, removed, field=DATA, namespace=namespace)
    used = _used(kube, annotation)
    restored: Moves = {key: [None, before] for key, (before, _) in removed.items() if {ids[key], key} & used}
    if restored:
        create = _manifest(namespace, name)
        set_keys(kube, "ConfigMap", name, restored, field=DATA, namespace=namespace, create=create)


def _used(kube: Lister, annotation: str) -> set[str]:
    return {item.annotations[annotation] for item in bindings.observe(kube).values() if annotation in item.annotations}
