"""Which commands have a plan."""

from __future__ import annotations

from acksm.json_types import Untyped

_PLANLESS = {"apply", "config show"}  # their --dry-run is another command's, or a setting that is shown


def has_plan(name: str, command: Untyped) -> bool:
    """Whether `acksm plan` takes this command, by the name that is typed after `acksm`."""
    return name not in _PLANLESS and any(parameter.name == "dry_run" for parameter in command.params)
