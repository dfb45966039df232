"""Counting a tool's requests out of the sandbox's own logs, the same way for every tool.

Only requests by the tool's identity count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from distance import Span


@dataclass(frozen=True)
class Trips:
    """How a run used the network to one side: its connections, and its sequential round trips
    (`distance.longest_chain`)."""

    connections: int
    sequential: int


@dataclass(frozen=True)
class Counts:
    """Requests by action ("iam:GetRole") and by verb and path ("get /api/v1/nodes"). `to_aws` and `to_kube` are known
    at a distance only."""

    aws: Counter[str]
    kube: Counter[str]
    helm: int = 0  # those of `kube` that helm made
    to_aws: Trips | None = None
    to_kube: Trips | None = None

    @property
    def total(self) -> int:
        return self.aws.total() + self.kube.total()


def aws(lines: Iterable[str], key: str) -> Counter[str]:
    """Requests of the access key `key` in the sandbox's aws.log."""
    rows = [json.loads(line) for line in lines if line.strip()]
    return Counter(row["action"] for row in rows if row["key"] == key)


def kube(lines: Iterable[str], user: str) -> Counter[str]:
    """Requests of `user` in an apiserver's audit log; one that has several stages is one."""
    seen = {}
    for line in lines:
        if line.strip():
            event = json.loads(line)
            if event["user"]["username"] == user:
                seen[event["auditID"]] = f"{event['verb']} {event['requestURI'].partition('?')[0]}"
    return Counter(seen.values())


def helm(lines: Iterable[str], user: str) -> int:
    """How many of `kube`'s requests helm made, as it names itself."""
    events = [json.loads(line) for line in lines if line.strip()]
    return len({e["auditID"] for e in events if e["user"]["username"] == user and e["userAgent"].startswith("Helm/")})


def spans(lines: Iterable[str], user: str, half: float) -> list[Span]:
    """The requests of `user` in an apiserver's audit log as their client saw them, `half` of a round trip away."""
    found = {}
    for line in lines:
        if line.strip():
            event = json.loads(line)
            if event["user"]["username"] == user:
                began, ended = (_seconds(event[key]) for key in ("requestReceivedTimestamp", "stageTimestamp"))
                found[event["auditID"]] = Span(began - half, ended + half)
    return list(found.values())


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


class Log:
    """A growing log: what was added since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size

    def added(self) -> list[str]:
        """Whole lines since the last call (or since this object was made)."""
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode("utf-8", "replace").splitlines()
