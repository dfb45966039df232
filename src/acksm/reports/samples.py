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
    """The sample whose object's name or field is the value where none is given, or empty."""
    required: bool
    """Whether it is required."""


class SampleRow(TypedDict):
    name: str
    about: str
    kind: str
    service: str
    since: str
    """The first chart version with the kind; empty: all have it."""
    sandbox: bool
    """Whether the sandbox can create it."""
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
    """Parameters without a value; the manifest has <NAME> in their place."""


class SampleObject(TypedDict):
    sample: str
    kind: str
    name: str
    state: str
    """In AWS, or `synced` where it has none; empty where nothing was waited for."""


class SampleFacts(TypedDict):
    """Result of `acksm samples apply`."""

    sample: str
    namespace: str
    region: str
    """Where the objects are made in AWS."""
    account: str
    """12 digits; empty where only the controllers' map knows it."""
    role_arn: str
    """The execution role that was given or made, or empty."""
    objects: list[SampleObject]
    """In the order in which they are made."""


class SampleApplyReport(Changes):
    result: SampleFacts
