"""The command line as typer has it: commands with their parameters, and what the settings say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer

from acksm.cli import app
from acksm.cli.schema import split
from acksm.config import FILE_ONLY
from acksm.settings import Flat, Settings

# A parameter of this name is a setting (acksm.cli.options): a variable and the file can give it as well.
_SETTINGS = Flat.model_fields.keys() - FILE_ONLY


@dataclass(frozen=True)
class Parameter:
    """An option or argument. `default` is "" for none; `variable` is "" where there is none."""

    spelling: str
    variable: str
    default: str
    meaning: str
    panel: str
    is_argument: bool


@dataclass(frozen=True)
class Command:
    """A command; `name` is what is typed after `acksm`."""

    name: str
    help: str
    examples: tuple[str, ...]
    parameters: tuple[Parameter, ...]


def click_group() -> Any:
    """The root of the parser, as typer builds it."""
    return typer.main.get_command(app)


@cache
def commands() -> tuple[Command, ...]:
    """All commands, in the order in which `--help` lists them."""
    return tuple(_walk(click_group(), ()))


def _paths(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, sub in inner.items():
        yield from _paths(sub, (*path, name))


def _walk(root: Any, path: tuple[str, ...]) -> Iterator[Command]:
    for names, command in _paths(root, path):
        if command.hidden:
            continue
        parameters = [_parameter(item) for item in command.params if item.name != "help"]
        examples = tuple((command.epilog or "").splitlines())
        yield Command(" ".join(names), str(command.help or "").strip(), examples, tuple(parameters))


def _parameter(item: Any) -> Parameter:
    is_argument = item.param_type_name == "argument"
    meaning, told = split(str(item.help or ""))
    if item.multiple and "repeatable" not in meaning:
        meaning = meaning.removesuffix(".") + ", repeatable."
    default = told or ("" if item.default in (None, "", False) else str(item.default))
    variable = ""
    if item.name == "file":
        variable = "ACKSM_CONFIG"
    elif item.name in _SETTINGS:
        variable = f"ACKSM_{item.name.upper()}"
        default = default_of(item.name, told)
    elif item.envvar:
        variable = str(item.envvar)
    return Parameter(_spelling(item, is_argument), variable, default, meaning, item.rich_help_panel or "", is_argument)


def default_of(name: str, told: str) -> str:
    """The default of the setting. Help that names another one is a mistake and raises ValueError."""
    default = Flat.model_fields[name].get_default(call_default_factory=True)
    if isinstance(default, bool):
        return told or ("yes" if default else "no")
    if default in (None, "", [], {}):
        return told
    if told and isinstance(default, str | float) and Settings.of(**{name: told}) != Settings.of():
        raise ValueError(f"--{name} has the default {default!r}, and its help says [{told}]")
    return told or str(default)


def _spelling(item: Any, is_argument: bool) -> str:
    if is_argument:
        name = item.metavar or item.name.upper()
        return name if item.required else f"[{name}]"
    names = [*item.opts, *item.secondary_opts]
    names.sort(key=lambda name: (not name.startswith("--"), name in item.secondary_opts))
    if item.is_flag:
        return ", ".join(names)
    return f"{', '.join(names)} {item.metavar or item.name.rpartition('_')[2].upper()}"
