"""Commands by what is typed, and which of them have a plan."""

from __future__ import annotations

from collections.abc import Sequence

from acksm.json_types import Untyped

_PLANLESS = {"apply", "config show"}  # their --dry-run is another command's, or a setting that is shown


def has_plan(name: str, command: Untyped) -> bool:
    """Whether `acksm plan` takes this command, by the name that is typed after `acksm`."""
    return name not in _PLANLESS and any(parameter.name == "dry_run" for parameter in command.params)


def typed(root: Untyped, words: Sequence[str]) -> tuple[list[str], Untyped, list[str]]:
    """The names of the command that `words` begin with, the command or group itself, and the words that follow."""
    found, names, rest = root, list[str](), list(words)
    while rest and rest[0] in getattr(found, "commands", {}):
        names.append(rest.pop(0))
        found = found.commands[names[-1]]
    return names, found, rest
