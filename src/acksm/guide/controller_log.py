"""Failures that never become a condition: found in the controller's log (ack-facts.md §2.4, §2.5, §4.4)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from acksm.errors import AcksmError
from acksm.guide.running import Running
from acksm.kube.client import Kube
from acksm.kube.paths import Ref, ref

if TYPE_CHECKING:
    from acksm.guide.synced import Silent

LINES = 3000
Json = Mapping[str, Any]

# What a line says -> the id that explains it.
_SILENT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.I), name)
    for pattern, name in (
        (r"(adopted|read-only) resource not found", "object-not-in-aws"),
        (r"multiple \(\d+\) matching IAMRoleSelectors", "object-many-selectors"),
        (r"Resource already exists in (region|account)", "object-moved"),
        (r"resource manager factory not found|resource not adoptable", "object-not-adoptable"),
    )
)


def silent_failure(text: str, one: Ref, created: str) -> AcksmError | None:
    """The last thing that a log says of an object, when it is of the kind that no condition tells.

    `created` is the object's creationTimestamp: older lines are about another object of that name.
    """
    found = None
    for fields in lines_about(text, one, created):
        told = " ".join(str(fields.get(key, "")) for key in ("msg", "error") if fields.get(key))
        name = next((name for pattern, name in _SILENT if pattern.search(told)), "")
        if name:
            found = AcksmError(name, told[:2000], where=str(one))
    return found


def lines_about(text: str, one: Ref, created: str) -> Iterator[Json]:
    """The lines of a log about an object, parsed: JSON lines, or tabs with JSON at the end (development logging)."""
    born = _moment(created)
    for line in text.splitlines():
        if one.name not in line:
            continue
        head, brace, rest = line.partition("{")
        try:
            fields = json.loads(brace + rest)
        except ValueError:
            continue
        if not isinstance(fields, dict):
            continue
        columns = head.strip().split("\t")
        fields.setdefault("ts", columns[0])
        fields.setdefault("msg", columns[-1] if len(columns) > 2 else "")
        kind = str(fields.get("controllerKind") or fields.get("kind") or one.kind)
        if (kind, fields.get("namespace"), fields.get("name")) != (one.kind, one.namespace, one.name):
            continue
        moment = _moment(fields["ts"])
        if born is None or moment is None or moment >= born:
            yield fields


def _moment(value: object) -> datetime | None:
    """A time in whole seconds, as Kubernetes and as both of zap's encoders write it."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(int(value), UTC)
        return datetime.fromisoformat(str(value).replace("Z", "+00:00")).replace(microsecond=0)
    except ValueError:
        return None


def read(kube: Kube, controllers: Sequence[Running], service: str, namespace: str) -> str:
    """The logs of the pods of the service's controllers that watch `namespace`; "" where there are none to be had."""
    parts = []
    for item in controllers:
        if item.service != service or not item.watches(namespace):
            continue
        selector = f"app.kubernetes.io/instance={item.release}"
        for pod in kube.list(ref("Pod", namespace=item.namespace), selector=selector):
            parts.append(kube.logs(item.namespace, str(pod["metadata"]["name"]), "controller", lines=LINES))
    return "\n".join(parts)


def looker(kube: Kube, controllers: Sequence[Running]) -> Silent:
    """A `synced.Silent` over the logs of these controllers."""

    def look(one: Ref, manifest: Json) -> AcksmError | None:
        service = one.api_version.partition(".")[0]
        text = read(kube, controllers, service, one.namespace)
        return silent_failure(text, one, str(manifest["metadata"].get("creationTimestamp", "")))

    return look
