"""What `acksm export` reports."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.fleet import FleetRow


class ExportedFile(TypedDict):
    """One file of an export."""

    path: str
    """Relative to the directory."""
    change: str
    """created, updated or deleted; with --check, what would happen to it. Empty where it is unchanged."""


class ExportReport(TypedDict):
    to: str
    """argocd, flux, kustomize or cloudformation."""
    offline: bool
    directory: str
    cluster: str
    """The cluster's ARN; with --fleet empty, as role_arn."""
    role_arn: str
    """The role of the controllers."""
    files: list[ExportedFile]
    """With --fleet those beside the clusters' own directories."""
    left: list[str]
    """Files of an earlier export that are no longer written, and were changed since: they are kept."""
    notes: list[str]
    diff: list[str]
    """Only with --check: lines of a unified diff, empty when the directory is up to date."""
    clusters: list[FleetRow]
    """With --fleet: a row for each cluster with its own report, in the order of the waves; else empty."""
    incomplete: list[str]
    """With --fleet: where clusters could not be discovered."""
