"""The conditions in an object's status."""

from __future__ import annotations

from acksm.json_types import Manifest, Object


def listed(manifest: Manifest | None) -> list[Object]:
    """All of them; [] for an object that has none, or does not exist."""
    return list(((manifest or {}).get("status") or {}).get("conditions") or [])


def by_type(manifest: Manifest | None) -> dict[str, Object]:
    """All of them by type."""
    return {str(item.get("type")): item for item in listed(manifest)}


def holds(manifest: Manifest | None, kind: str) -> bool:
    """Whether the object has a condition of this type that is True."""
    return any(item.get("type") == kind and item.get("status") == "True" for item in listed(manifest))


def describe(condition: Manifest) -> str:
    """A condition's message and reason, as far as it has them; controllers sometimes set both to the same text."""
    parts = [str(condition[key]) for key in ("message", "reason") if condition.get(key)]
    return ": ".join(dict.fromkeys(parts))
