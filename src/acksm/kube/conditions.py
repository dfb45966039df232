"""The conditions in an object's status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def listed(manifest: Json | None) -> list[dict[str, Any]]:
    """All of them; [] for an object that has none, or is not there."""
    return list(((manifest or {}).get("status") or {}).get("conditions") or [])


def by_type(manifest: Json | None) -> dict[str, dict[str, Any]]:
    """All of them by type."""
    return {str(item.get("type")): item for item in listed(manifest)}


def holds(manifest: Json | None, kind: str) -> bool:
    """Whether there is a condition of this type that is True."""
    return any(item.get("type") == kind and item.get("status") == "True" for item in listed(manifest))


def told(condition: Json) -> str:
    """A condition's message and reason, as far as it has them; controllers give the same text for both at times."""
    said = [str(condition[key]) for key in ("message", "reason") if condition.get(key)]
    return ": ".join(dict.fromkeys(said))
