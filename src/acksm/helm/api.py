"""What acksm needs of helm and the charts' registry; `acksm.helm.releases` and `acksm.helm.registry` implement it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from acksm.json_types import Document, Object

if TYPE_CHECKING:
    from acksm.helm.registry import Described, Pulled


class Operations(Protocol):
    """Releases rendered, created, changed and removed. `seconds` is the time left."""

    def template(
        self, release: str, namespace: str, chart: str, values: Document, *, seconds: float
    ) -> list[Object]: ...

    def install(self, release: str, namespace: str, chart: str, values: Document, *, seconds: float) -> None: ...

    def upgrade(
        self,
        release: str,
        namespace: str,
        chart: str,
        values: Document,
        *,
        take_back: bool,
        seconds: float,
        description: str = "",
    ) -> None: ...

    def recover(self, release: str, namespace: str, action: str, revision: int, *, seconds: float) -> None: ...

    def rollback(self, release: str, namespace: str, revision: int, *, seconds: float) -> None: ...

    def uninstall(self, release: str, namespace: str, *, seconds: float) -> None: ...


class Charts(Protocol):
    """The services' charts by version."""

    def tags(self, service: str) -> list[str]: ...

    def find(self, service: str, requested: str) -> Described: ...

    def pull(self, service: str, requested: str) -> Pulled: ...

    def image(self, service: str, tag: str) -> Described | None: ...

    def manifest(self, repository: str, reference: str) -> Described: ...

    def repository(self, name: str) -> str: ...
