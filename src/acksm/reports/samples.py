"""`samples list|show|apply`."""

from __future__ import annotations

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.reports.common import Changes


class SampleParameter(TypedDict):
    name: str
    kind: str
    """What a value may be: name, role, bucket, path, image, int, …"""
    about: str
    default: str | None
    sample: str
    """The sample whose object's name or field is the default, or empty."""
    required: bool
    """Whether it is required."""


class SampleRow(TypedDict):
    name: str
    about: str
    kind: str
    service: str
    since: str
    """First chart version with the kind, or empty: all have it."""
    sandbox: bool
    """Whether the sandbox supports it."""
    needs: list[str]
    """Samples that are created before it."""
    parameters: list[SampleParameter]


class SampleListReport(TypedDict):
    """Every sample."""

    samples: list[SampleRow]


class SampleShowReport(TypedDict):
    """One sample with its parameters filled in."""

    sample: SampleRow
    manifest: str
    """YAML, with comments."""
    open: list[str]
    """Parameters without a value; the manifest has <NAME> instead."""


class SampleObject(TypedDict):
    sample: str
    kind: str
    name: str
    state: str
    """State in AWS, or `synced` where it has none; empty without a wait."""
    arn: str
    """ARN of the AWS resource; empty until the controller has created it."""


class SampleFacts(TypedDict):
    """Result of `acksm samples apply`."""

    sample: str
    namespace: str
    region: str
    """Region of the AWS resources."""
    account: str
    """12 digits; empty where only the account map has it."""
    role_arn: str
    """The execution role that was given or created, or empty."""
    objects: list[SampleObject]
    """In the order of their creation."""
    cost: str
    """What is charged, and until when, or empty."""


class SampleApplyReport(Changes):
    result: SampleFacts


class SampleDeleteFacts(TypedDict):
    """Result of `acksm samples delete`."""

    namespace: str
    objects: list[str]
    """What was deleted, in order."""


class SampleDeleteReport(Changes):
    result: SampleDeleteFacts
