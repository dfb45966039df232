"""An apiserver as one observation reads it: what several parts need is requested once, and a list takes the place of
the gets of its objects.

Nothing is remembered for longer than the observation, and nothing that is written is read through it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object, Untyped
from acksm.kube.api import Applier, Keep, Reviewer, whole
from acksm.kube.owners import BY_HELM
from acksm.kube.paths import Ref, ref
from acksm.live.unread import unless_forbidden

T = TypeVar("T")
# The kinds of a release's objects, and the label by which those of releases are listed: of a whole cluster it may have
# thousands of others.
_LISTED = {
    "Deployment": "",
    "ServiceAccount": "",
    "Role": "",
    "RoleBinding": "",
    "ClusterRole": BY_HELM,
    "ClusterRoleBinding": BY_HELM,
}


class Observed(Reviewer, Applier, Protocol):
    """What an observation needs."""


class Once:
    """`kube`, of which every answer counts for the whole observation. Thread-safe: who asks for what another thread has
    requested waits for that answer. What an identity may not list is read one by one."""

    def __init__(self, kube: Observed) -> None:
        self._kube, self._lock = kube, threading.Lock()
        self.can, self.apply = kube.can, kube.apply  # what is not read is passed on
        self._answers: dict[Hashable, Future[Untyped]] = {}

    def get(self, one: Ref, /) -> Object | None:
        """The object, from a list where its kind is one of a release."""
        if one.kind in _LISTED:
            where = ref(one.kind, namespace=one.namespace)
            items = unless_forbidden(lambda: self.list(where, selector=_LISTED[one.kind]), None)
            found = next((item for item in items or () if item["metadata"]["name"] == one.name), None)
            if found is not None:
                return found
        return self._once(("get", one), lambda: self._kube.get(one))

    def list(
        self, of: Ref, /, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Object]:
        """As that of `kube`; the Deployments of a namespace are taken from those of the cluster."""
        if of.kind == "Deployment" and not field and not metadata_only:
            return [keep(item) for item in self._deployments(of.namespace) if _has(item, selector)]
        return [
            *self._once(
                (of, selector, field, metadata_only, keep),
                lambda: self._kube.list(of, selector=selector, field=field, metadata_only=metadata_only, keep=keep),
            )
        ]

    def _deployments(self, namespace: str) -> Sequence[Object]:
        """Every Deployment, or those of a namespace."""
        everywhere, here = ref("Deployment"), ref("Deployment", namespace=namespace)
        try:
            every = self._once(everywhere, lambda: self._kube.list(everywhere))
        except AcksmError as error:
            if error.id != "kube-forbidden" or not namespace:
                raise
            return self._once(here, lambda: self._kube.list(here))
        return [item for item in every if namespace in {"", item["metadata"].get("namespace")}]

    def _once(self, key: Hashable, read: Callable[[], T]) -> T:
        with self._lock:
            answer = self._answers.get(key)
            if first := answer is None:
                answer = self._answers[key] = Future()
        if first:
            try:
                answer.set_result(read())
            except BaseException as error:
                answer.set_exception(error)
        found: T = answer.result()
        return found


def _has(item: Manifest, selector: str) -> bool:
    """Whether an object has the labels of `selector`, "KEY=VALUE[,KEY=VALUE]"."""
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, _, value in (one.partition("=") for one in selector.split(",") if one))
