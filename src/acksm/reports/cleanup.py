"""`cleanup`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes


class CleanupObject(TypedDict):
    """An object of the services."""

    object: str
    """Kind namespace/name."""
    service: str
    account: str
    """The account that it is in, or empty before it is synced."""
    region: str
    arn: str
    state: str
    """State of the AWS resource, in AWS's words, or empty."""
    policy: str
    """delete or retain."""
    policy_source: str
    """Where that comes from: object, namespace, controller, or version (too old to retain)."""
    effect: str
    """What deleting it as it is would do in AWS: deletes, stops, leaves or nothing."""
    fate: str
    """The same, once this plan's policies are set."""
    terminating: bool


class CleanupKept(TypedDict):
    """Something that is kept."""

    what: str
    why: str


class CleanupFacts(TypedDict):
    """Result of `acksm cleanup`."""

    objects: list[CleanupObject]
    """Every object of the services as it was found."""
    kept_in_aws: list[str]
    """ARNs of AWS resources that still exist and no longer have an object."""
    kept: list[CleanupKept]
    """What is kept, and why."""
    left: list[str]
    """What was to be deleted and still exists; the exit code is then 4. Empty in a dry run."""
    unchecked: list[str]
    """What could not be checked, with the command that does; the exit code is then 7."""


class CleanupReport(Changes):
    result: CleanupFacts
