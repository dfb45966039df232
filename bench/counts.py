"""Counting a tool's requests out of the sandbox's own logs, the same way for every tool.

Only requests by the tool's identity count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Counts:
    """Requests by action ("iam:GetRole") and by verb and path ("get /api/v1/nodes")."""

    aws: Counter[str]
    kube: Counter[str]
    helm: int = 0  # those of `kube` that helm made

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
