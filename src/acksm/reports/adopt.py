"""`adopt`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json
from acksm.reports.common import Changes


class AdoptedObject(TypedDict):
    """An object in AWS and what became of its adoption."""

    kind: str
    namespace: str
    name: str
    """Its name in the cluster."""
    arn: str
    """Empty where AWS does not tell one."""
    fields: dict[str, str]
    """By which the controller finds it in AWS."""
    account: str
    region: str
    way: str
    """annotations or adopted-resource."""
    retain: bool
    """Whether its deletion in the cluster leaves it in AWS."""
    read_only: bool
    state: str
    """planned, written (not waited for), waiting (time was over), adopted, up-to-date or failed."""
    id: str
    """Of what went wrong, or empty; `acksm explain ID` tells more."""
    message: str
    """What went wrong, or what the object's conditions say."""
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
