"""`adopt`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.common import Changes


class AdoptedObject(TypedDict):
    """An AWS resource and the result of its adoption."""

    kind: str
    namespace: str
    name: str
    """Its name in the cluster."""
    arn: str
    """Empty where AWS has none."""
    fields: dict[str, str]
    """By which the controller finds it in AWS."""
    account: str
    region: str
    method: str
    """annotations or adopted-resource."""
    retain: bool
    """Whether deleting the object keeps the AWS resource."""
    read_only: bool
    state: str
    """planned, written (not waited for), waiting (deadline exceeded), adopted, up-to-date or failed."""
    id: str
    """Id of the error, or empty; `acksm explain ID` has its cause."""
    message: str
    """The error's message, or the object's conditions."""
    conditions: list[Json]
    """As the object has them."""
    spec: Json | None
    """As the controller filled it in; null before."""


class AdoptFacts(TypedDict):
    """Result of `acksm adopt`."""

    objects: list[AdoptedObject]
    manifests: NotRequired[list[Json]]
    """Only with --print: what would be created."""


class AdoptReport(Changes):
    result: AdoptFacts
