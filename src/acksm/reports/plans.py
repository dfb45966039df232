"""The plan files of `acksm plan -o` and `acksm apply`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.common import Change, Target


class PlannedChange(TypedDict):
    change: Change
    fingerprint: str
    """sha256 over the change with its call's parameters."""


class PlanShowReport(TypedDict):
    """A plan file as it is."""

    file: str
    plan: PlanFile


class PlanFile(TypedDict):
    """What `acksm apply` reads; docs/schemas/plan.json."""

    schema: str
    """Schema of this document: acksm.dev/plan/v1."""
    acksm: str
    """The version that wrote it."""
    made: str
    """When, RFC 3339."""
    command: list[str]
    """The command as typed after `acksm plan`, without plan's own options."""
    settings: Json
    """Its settings where they differ from the default, from wherever they came."""
    target: Target
    notes: list[str]
    result: Json
    """The facts of the command's report, such as versions, as planned."""
    changes: list[PlannedChange]
    digest: str
    """sha256 over all other fields."""
