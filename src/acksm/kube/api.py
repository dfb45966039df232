"""What acksm needs of a cluster, in parts: a function takes the part that it needs, so that its signature says whether
it writes, and a test can replace the apiserver with something small. `acksm.kube.client.Kube` is all of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol

from acksm.json_types import Manifest, Object
from acksm.kube.paths import Ref


class Getter(Protocol):
    def get(self, ref: Ref, /) -> Object | None: ...


Keep = Callable[[Object], Object]


def whole(item: Object) -> Object:
    """A `Keep`: the object as it is."""
    return item


class Lister(Protocol):
    """`keep` makes of each object what is kept of it while further pages are read: thousands have a lot."""

    def list(
        self, ref: Ref, /, *, selector: str = "", field: str = "", metadata_only: bool = False, keep: Keep = whole
    ) -> list[Object]: ...


class Reader(Getter, Lister, Protocol):
    """Objects, one or all of a collection."""


class LogReader(Lister, Protocol):
    """Pods and their logs."""

    def logs(self, namespace: str, pod: str, container: str, /, *, previous: bool = False, lines: int = 20) -> str: ...


class LogStreamer(Protocol):
    """A log as it is written."""

    def log_lines(
        self,
        namespace: str,
        pod: str,
        container: str,
        /,
        *,
        previous: bool = False,
        tail: int | None = None,
        since: int | None = None,
        follow: bool = False,
    ) -> Iterator[str]: ...


class Watcher(Protocol):
    def watch(self, ref: Ref, /, *, name: str = "", selector: str = "", seconds: int = 30) -> Iterator[Object]: ...


class Follower(Protocol):
    """What a wait for deletions reads: `snapshot` is a list of metadata and its version, `changes` what came after."""

    def snapshot(self, ref: Ref, /) -> tuple[list[Object], str]: ...

    def changes(self, ref: Ref, version: str, /, *, seconds: int = 30) -> Generator[tuple[str, Object], None, None]: ...


class Observer(Reader, LogReader, Watcher, Protocol):
    """What a wait for a rollout reads."""


class RestartingObserver(Observer, Protocol):
    """What a wait for a rollout reads that starts another one where it has to."""

    def restart(self, namespace: str, deployment: str) -> None: ...


class Reviewer(Reader, Protocol):
    """Objects, and who may do what."""

    def can(
        self,
        verb: str,
        group: str,
        resource: str,
        namespace: str = "",
        /,
        *,
        account: tuple[str, str] | None = None,
        name: str = "",
    ) -> bool: ...


class Documents(Protocol):
    """What the apiserver serves, by its discovery documents."""

    def read(self, path: str, accept: str = "application/json", /) -> Object: ...


class Discovery(Lister, Documents, Protocol):
    """Objects, and what the apiserver serves."""


class Patcher(Protocol):
    def patch(self, ref: Ref, body: Manifest, /) -> Object: ...


class Applier(Getter, Protocol):
    """Server-side apply; with `dry_run` only what it would lead to."""

    def apply(self, manifest: Manifest, force: bool = False, dry_run: bool = False) -> Object: ...


class ManagerApplier(Protocol):
    """Server-side apply as another field manager than acksm's."""

    def apply(self, manifest: Manifest, force: bool = False, *, manager: str = ...) -> Object: ...


class Editor(Getter, Patcher, Protocol):
    """Single objects, changed only as they were read."""

    def create(self, manifest: Manifest, /, *, dry_run: bool = False) -> Object: ...

    def delete(self, ref: Ref, resource_version: str = "", uid: str = "") -> None: ...


class Writer(Editor, Applier, Lister, Protocol):
    """What bindings are created with."""


class Apiserver(Observer, Follower, Reviewer, Discovery, Writer, LogStreamer, Protocol):
    """All that commands need of a cluster."""

    def apply(
        self, manifest: Manifest, force: bool = False, dry_run: bool = False, *, manager: str = ...
    ) -> Object: ...

    def version(self) -> str: ...

    def restart(self, namespace: str, deployment: str) -> None: ...

    def token(self, namespace: str, service_account: str, audience: str, /) -> str: ...
