"""Waiting until objects are deleted: one list of their kind, then one watch of what changes, however many they are
(kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing

from acksm.engine.waits import Deadline, Progress, wait_until
from acksm.errors import AcksmError
from acksm.events import Emit, silent
from acksm.kube.api import Follower
from acksm.kube.paths import Ref

WATCH_SECONDS = 2.0  # then progress is reported, and an interrupted command ends


def await_deleted(
    kube: Follower,
    kind: Ref,
    names: Collection[str],
    deadline: Deadline,
    *,
    what: str,
    text: Callable[[list[str]], str],
    emit: Emit = silent,
) -> None:
    """Until no object of the kind has one of `names`; `text` is about those that are left. Error: `timed-out`."""
    left, version = set(names), ""

    def check() -> Progress:
        nonlocal version
        if not version:
            existing, version = kube.snapshot(kind)
            left.intersection_update(str(item["metadata"]["name"]) for item in existing)
        else:
            version = _follow(kube, kind, version, left, deadline)
        return Progress(not left, text(sorted(left)))

    wait_until(check, deadline, what=what, emit=emit)


def _follow(kube: Follower, kind: Ref, version: str, left: set[str], deadline: Deadline) -> str:
    """Take what is deleted out of `left`; the version from which to continue, "" to list again."""
    try:
        with closing(kube.changes(kind, version, seconds=int(min(WATCH_SECONDS, deadline.remaining)))) as changes:
            for change, item in changes:
                version = str(item["metadata"]["resourceVersion"])
                if change == "DELETED":
                    left.discard(str(item["metadata"]["name"]))
                if not left:
                    break
    except AcksmError as error:
        if error.id not in {"kube-gone", "kube-forbidden"}:  # an identity that may only list lists again and again
            raise
        return ""
    return version
