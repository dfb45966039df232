"""`region bind|unbind|list|explain`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes, Target
from acksm.reports.controllers import RunningController


class RegionBinding(TypedDict):
    namespace: str
    region: str | None
    """null: no region of its own."""


class RegionFacts(TypedDict):
    """Result of `acksm region bind` and `unbind`."""

    regions: list[RegionBinding]


class RegionReport(Changes):
    result: RegionFacts


class RegionRow(TypedDict):
    """A namespace with a default region."""

    namespace: str
    region: str
    """Empty where only `problem` is reported."""
    problem: str
    """Id of why it has no effect, or empty."""


class RegionListReport(TypedDict):
    target: Target
    regions: list[RegionRow]
    controllers: list[RunningController]


class RegionSource(TypedDict):
    """A place where an object's region may stand."""

    name: str
    region: str
    """The value of the source, or empty."""
    ignored: str
    """Why it does not apply, or empty."""
    decides: bool


class RegionExplainReport(TypedDict):
    """Where an object's region comes from."""

    target: Target
    object: str
    region: str
    """The region that applies, or empty."""
    sources: list[RegionSource]
    """In the controller's order."""
    notes: list[str]
    controller: RunningController | None
