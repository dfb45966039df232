"""An apiserver as one observation reads it: what several parts need is requested once, and a list takes the place of
the gets of its objects.

Nothing is remembered for longer than the observation, and nothing that is written is read through it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from copy import copy
from typing import Protocol, TypeVar

from acksm.errors import AcksmError
from acksm.json_types import Manifest, Object, Untyped
from acksm.kube.api import Apiserver, Applier, Keep, Reviewer, whole
from acksm.kube.client import FIELD_MANAGER
from acksm.kube.owners import BY_HELM
from acksm.kube.paths import Ref, ref
from acksm.live import bindings
from acksm.live.unread import unless_forbidden

T = TypeVar("T")
# Kinds whose objects one observation of everything needs whole, so that a list of their metadata is made of them.
_WHOLE = frozenset({"CustomResourceDefinition"})
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


class Answers:
    """Answers by what was asked. Thread-safe: who asks for what another thread has requested waits for its answer."""

    def __init__(self) -> None:
        self._lock, self._answers = threading.Lock(), dict[Hashable, Future[Untyped]]()

    def of(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` returned or raised when `key` was asked first."""
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


def once(calls: T, *names: str) -> T:
    """A copy of `calls` (of AWS) whose methods `names`, which only read, call once for each of their arguments."""
    found, answers = copy(calls), Answers()

    def remembering(name: str) -> Callable[..., Untyped]:
        method = getattr(calls, name)
        return lambda *given: answers.of((name, given), lambda: method(*given))

    for name in names:
        setattr(found, name, remembering(name))
    return found


class Once:
    """`kube`, of which every answer counts for the whole observation. Thread-safe. What an identity may not list is
    read one by one."""

    def __init__(self, kube: Observed) -> None:
        self._kube, self._answers = kube, Answers()
        self.can = kube.can

    def apply(self, manifest: Manifest, force: bool = False, dry_run: bool = False) -> Object:
        """Passed on, as all that is not read."""
        return self._kube.apply(manifest, force, dry_run)

    def get(self, one: Ref, /) -> Object | None:
        """The object, from a list where its kind is one of a release."""
        if one.kind in _LISTED:
            where = ref(one.kind, namespace=one.namespace)
            items = unless_forbidden(lambda: self.list(where, selector=_LISTED[one.kind]), None)
            found = next((item for item in items or () if item["metadata"]["name"] == one.name), None)
            if found is not None:
                return found
        return self._answers.of(("get", one), lambda: self._kube.get(one))

    def list(
        self, of: Ref, /, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Object]:
        """As that of `kube`; the Deployments of a namespace are taken from those of the cluster."""
        if of.kind == "Deployment" and not field and not metadata_only:
            return [keep(item) for item in self._deployments(of.namespace) if _has(item, selector)]
        return [
            *self._answers.of(
                (of, selector, field, metadata_only, keep),
                lambda: self._kube.list(of, selector=selector, field=field, metadata_only=metadata_only, keep=keep),
            )
        ]

    def _deployments(self, namespace: str) -> Sequence[Object]:
        """Every Deployment, or those of a namespace."""
        everywhere, here = ref("Deployment"), ref("Deployment", namespace=namespace)
        try:
            every = self._answers.of(everywhere, lambda: self._kube.list(everywhere))
        except AcksmError as error:
            if error.id != "kube-forbidden" or not namespace:
                raise
            return self._answers.of(here, lambda: self._kube.list(here))
        return [item for item in every if namespace in {"", item["metadata"].get("namespace")}]


class WholeOnce(Once):
    """An observation of everything, as the apiserver of a `Target`. What is not a list or an object is passed on."""

    def __init__(self, kube: Apiserver) -> None:
        super().__init__(kube)
        self._whole = kube
        self.logs, self.log_lines, self.watch, self.token = kube.logs, kube.log_lines, kube.watch, kube.token
        self.snapshot, self.changes, self.read, self.version = kube.snapshot, kube.changes, kube.read, kube.version
        self.create, self.patch, self.delete, self.restart = kube.create, kube.patch, kube.delete, kube.restart

    def apply(
        self, manifest: Manifest, force: bool = False, dry_run: bool = False, *, manager: str = FIELD_MANAGER
    ) -> Object:
        """Passed on."""
        return self._whole.apply(manifest, force, dry_run, manager=manager)

    def list(
        self, of: Ref, /, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Object]:
        """As that of `kube`. What a part keeps in a way of its own, as of thousands of objects, is not remembered."""
        metadata_only = metadata_only and of.kind not in _WHOLE
        if keep is not whole and keep is not bindings.observed:
            return self._kube.list(of, selector=selector, field=field, metadata_only=metadata_only, keep=keep)
        return super().list(of, selector=selector, field=field, metadata_only=metadata_only, keep=keep)


def _has(item: Manifest, selector: str) -> bool:
    """Whether an object has the labels of `selector`, "KEY=VALUE[,KEY=VALUE]"."""
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, _, value in (one.partition("=") for one in selector.split(",") if one))
