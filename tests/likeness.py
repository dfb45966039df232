"""Two worlds compared whole: snapshots without what differs between two lives of the same thing.

Left out, each because the control plane or helm makes it up anew every time: random parts of names, hashes of pods'
templates, uids, cluster addresses, helm's times and count of revisions (an operation that was undone leaves one more),
and whatever is on its way out with its namespace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import snapshot
from acksm.helm import records
from world import World

_API_ACCESS = re.compile(r"kube-api-access-\w+")
_MADE_UP = {"deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history"}
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_HASH = "pod-template-hash"
_ADDRESSES = {"clusterIP", "clusterIPs", "nodeName"}


def seen(world: World, accounts: Sequence[str]) -> snapshot.Snapshot:
    """The cluster and the accounts, with the world's own names in the place of this one's."""
    whole = snapshot.whole(world, accounts)
    ending = {
        item["metadata"]["name"]
        for key, item in whole["cluster"].items()
        if key.startswith("v1/namespaces ") and item["metadata"].get("ending")
    }
    cluster: dict[str, Any] = {}
    for key, item in whole["cluster"].items():
        location = item["metadata"].get("namespace", "")
        if location in ending or (key.startswith("v1/namespaces ") and item["metadata"]["name"] in ending):
            continue
        for name, alike in _alike(key.partition(" ")[0], item):
            cluster[name] = alike
    staying = [item for item in whole["cluster"].values() if item["metadata"].get("namespace", "") not in ending]
    for release, told in _newest(staying).items():
        cluster[f"release {release}"] = told
    found = json.dumps({**whole, "cluster": cluster}, sort_keys=True, default=str).replace(world.namespace, "HOME")
    named: snapshot.Snapshot = json.loads(found)
    return named


def _alike(kind: str, item: Any) -> list[tuple[str, Any]]:
    """The object under a name that another life has too; [] for what is history."""
    metadata, name = item["metadata"], item["metadata"]["name"]
    location = metadata.get("namespace", "")
    if item.get("type") == "helm.sh/release.v1":  # see _newest
        return []
    owners = [owner["kind"] for owner in metadata.get("ownerReferences") or []]
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    if kind.endswith(("/pods", "/replicasets")) and owners:
        if metadata.get("ending") or (kind.endswith("/replicasets") and not item["spec"].get("replicas")):
            return []
        name = f"{labels.get('app.kubernetes.io/instance', '')} of {owners}"
    notes = {
        key: "T" if key == _RESTARTED else value
        for key, value in (metadata.get("annotations") or {}).items()
        if key not in _MADE_UP
    }
    more = {"name": name, "labels": labels, "annotations": notes, "ownerReferences": owners}
    kept = {**item, "metadata": {**metadata, **more}}
    text = _API_ACCESS.sub("kube-api-access", json.dumps(_without(kept, _ADDRESSES | {_HASH, _RESTARTED})))
    return [(f"{kind} {location}/{name}", json.loads(text))]


def _newest(items: Iterable[Any]) -> dict[str, list[Any]]:
    """Each release as its newest record tells it. Older records are history; a helm that was left running beside its
    successor may leave one of them pending, which neither helm nor acksm looks at."""
    found: dict[str, tuple[int, list[Any]]] = {}
    for item in items:
        if item.get("type") != "helm.sh/release.v1":
            continue
        one = records.decode(item)
        told = [one.chart, one.version, one.status, one.values, one.manifest]
        location = f"{one.namespace}/{one.name}"
        found[location] = max(found.get(location, (0, [])), (one.revision, told), key=lambda row: row[0])
    return {location: told for location, (_, told) in found.items()}


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, keys) for key, inner in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(inner, keys) for inner in value]
    return value


def difference(desired: snapshot.Snapshot, found: snapshot.Snapshot) -> list[str]:
    """What came, went or changed, in words, with both sides of a change; [] for two equal worlds."""
    lines = snapshot.difference(desired, found)
    for index, line in enumerate(lines):
        part, mark, key = line.split(" ", 2)
        if mark == "~":
            one, other = (json.dumps(side[part.rstrip(":")][key], sort_keys=True) for side in (desired, found))
            at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            lines[index] += f"\n    {one[max(0, at - 80) : at + 160]}\n    {other[max(0, at - 80) : at + 160]}"
    return lines
