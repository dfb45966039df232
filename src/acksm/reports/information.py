"""`explain`, `config show`, `init`, `version`."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic reads no other on Python 3.11

from acksm.json_types import Json


class CatalogEntry(TypedDict):
    """An id of the catalogue."""

    id: str
    title: str
    cause: str
    remedy: str
    exit_code: int


class ExplainReport(TypedDict):
    """One of the two, by whether an id was given."""

    entry: NotRequired[CatalogEntry]
    entries: NotRequired[list[CatalogEntry]]


class ConfigReport(TypedDict):
    """Every setting."""

    settings: Json
    """By name; their types are those of docs/schemas/settings.json."""
    origins: dict[str, str]
    """Where each came from: `flag --X`, `variable X`, `file X` or `default`."""


class InitReport(TypedDict):
    """The settings file that was written."""

    file: str
    """Its path; empty with --print."""
    settings: Json
    """What it has, by the options' own names."""


class VersionReport(TypedDict):
    version: str
