"""`mirror`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Change


class MirroredArtifact(TypedDict):
    """A chart or an image of the mirror."""

    service: str
    kind: str
    """image or chart."""
    source: str
    """HOST/REPOSITORY:TAG."""
    target: str
    """HOST/REPOSITORY:TAG."""
    digest: str
    """sha256 of the manifest or index, the same in both registries."""
    platforms: list[str]
    """Platforms of an image's index, such as linux/amd64."""


class MirrorFacts(TypedDict):
    """Result of `acksm mirror`."""

    artifacts: list[MirroredArtifact]
    """Everything that the mirror has after it, also what it had before."""


class MirrorReport(TypedDict):
    source: str
    """HOST/PATH that is copied from."""
    registry: str
    """HOST/PATH that is copied to."""
    dry_run: bool
    changes: list[Change]
    digest: NotRequired[str]
    """Only with dry_run: sha256 of the plan."""
    result: MirrorFacts
