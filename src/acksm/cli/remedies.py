"""Remedies that can be pasted: with the command as it was typed, and the options that say which cluster it is for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

import typer

from acksm.json_types import Untyped
from acksm.remedies import KNOWN

ROOT = "acksm"
TYPED = "…"  # in a remedy: the command as it was typed
_PRINT_RBAC = "--print-rbac COMMAND"
# Settings that say where a command works; their options are named alike in every command, or by the parameter
_KNOWN = re.compile(r"\b(?:CLUSTER|REGION|PARTITION|PRINCIPAL_ARN)\b")  # what is known once a command is connected
_TARGET = ("cluster", "region", "profile", "kubeconfig", "context", "controller_namespace", "file")


def filled(ctx: typer.Context, remedy: str) -> str:
    """`remedy` with its first command made whole. Three spaces separate a command from a note on it
    (docs/glossary.md#how-messages-are-written)."""
    text, gap, note = _of_command(ctx, remedy).partition("   ")
    text = _named(ctx, text)
    remedy = text + gap + note
    if not text.startswith(f"{ROOT} "):
        return remedy
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        return remedy
    named, after = (words[: words.index(TYPED)], words[words.index(TYPED) + 1 :]) if TYPED in words else (words, [])
    path, command = _walk(ctx.find_root().command, named)
    typed_path = _path(ctx)
    if TYPED in words and typed_path[: len(path)] == path:
        path, command, parts = typed_path, ctx.command, list(_typed(ctx))
    else:
        parts, after = [], [*named[len(path) :], *after]
    if after == ["--help"]:
        return shlex.join([ROOT, *path, *after]) + gap + note
    if not _fits(command, after) and not named:  # doctor names what install would meet
        path, command, parts = *_walk(ctx.find_root().command, ["install"]), []
    if not _fits(command, after):
        return remedy
    for option, values in _pairs(after, command):
        _set(parts, option, values)
    given = {word for _, tokens in parts for word in tokens}
    before = len(parts)
    for name, value in _target(ctx):
        found = next((item for item in _options(command) if item.name == name), None)
        if found is not None and not given & {*found.opts}:
            parts.append((found.opts, [_long(found.opts), value]))
    if TYPED not in words and len(parts) == before:
        return remedy
    return shlex.join([ROOT, *path, *(word for _, tokens in parts for word in tokens)]) + gap + note


def _of_command(ctx: typer.Context, remedy: str) -> str:
    """`remedy` with this command as COMMAND; an administrator's needs rights that no Role of its own can have."""
    if "COMMAND" not in remedy:
        return remedy
    from acksm.catalog import lookup
    from acksm.guide.doctor import caller_policies
    from acksm.guide.rbac import table

    name = " ".join(_path(ctx))
    if _PRINT_RBAC in remedy and name in table.ADMINISTRATORS and not _object(ctx):
        return lookup("rbac-administrator").remedy
    known = table.COMMANDS if _PRINT_RBAC in remedy else caller_policies.ALL
    if name not in known and not _object(ctx):
        return remedy
    spelt = "doctor-object" if _object(ctx) else name.replace(" ", "-")
    if _PRINT_RBAC in remedy and ctx.params.get("namespace"):
        spelt += f" -n {shlex.quote(str(ctx.params['namespace']))}"
    return remedy.replace("COMMAND", spelt)


def _object(ctx: typer.Context) -> bool:
    """Whether it is `doctor KIND/NAME`."""
    return _path(ctx) == ["doctor"] and any(
        item.param_type_name == "argument" and ctx.params.get(item.name or "") for item in ctx.command.params
    )


def _named(ctx: typer.Context, text: str) -> str:
    """`text` with what the command line names, instead of the words in capitals: NAMESPACE, KIND/NAME, SAMPLE."""
    known = {}
    for item in ctx.command.params:
        value: Untyped = ctx.params.get(item.name or "")
        if item.param_type_name == "argument" and value:
            metavar = str(item.metavar).replace("[/NAME]", "/NAME").partition("|")[0]
            known[metavar] = shlex.join(value) if isinstance(value, list | tuple) else shlex.quote(str(value))
    known |= {name.upper(): shlex.quote(value) for name, value in _target(ctx) if name in {"cluster", "region"}}
    if ctx.params.get("namespace"):
        known["NAMESPACE"] = shlex.quote(str(ctx.params["namespace"]))
    found = KNOWN.get()
    text = _KNOWN.sub(lambda match: found.get(match[0], match[0]), text)
    return " ".join(known.get(word, word) for word in text.split(" "))


def _path(ctx: typer.Context) -> list[str]:
    return ctx.command_path.removeprefix(ctx.find_root().command_path).split()


def _walk(root: Untyped, words: Sequence[str]) -> tuple[list[str], Untyped]:
    """The command that words begin with, and its path."""
    path, found = list[str](), root
    for word in words:
        if word not in getattr(found, "commands", {}):
            break
        found = found.commands[word]
        path.append(word)
    return path, found


def _options(command: Untyped) -> list[Untyped]:
    return [item for item in command.params if item.param_type_name == "option"]


def _fits(command: Untyped, words: Sequence[str]) -> bool:
    """Whether words can be options and arguments of the command, and are no sentence."""
    free = [words[0] for option, words in _pairs(words, command) if option is None]
    arguments = [item.nargs for item in command.params if item.param_type_name == "argument"]
    return not any(word.startswith("-") for word in free) and (-1 in arguments or len(free) <= sum(arguments))


def _typed(ctx: typer.Context) -> Iterator[tuple[list[str], list[str]]]:
    """The options and arguments of the command line: the names of each option, and its words."""
    for item in ctx.command.params:
        source = str(getattr(ctx.get_parameter_source(item.name or ""), "name", ""))
        if source != "COMMANDLINE" or item.name == "output":
            continue
        value: Untyped = ctx.params.get(item.name or "")
        values = list(value) if isinstance(value, list | tuple) else [value]
        if item.param_type_name == "argument":
            yield [], [str(one) for one in values if one is not None]
        elif isinstance(value, bool):
            yield [*item.opts, *item.secondary_opts], [_long(item.opts if value else item.secondary_opts or item.opts)]
        else:
            yield item.opts, [word for one in values for word in (_long(item.opts), str(one))]


def _target(ctx: typer.Context) -> Iterator[tuple[str, str]]:
    for name in _TARGET:
        source = ctx.get_parameter_source(name)
        if ctx.params.get(name) and str(getattr(source, "name", "")) == "COMMANDLINE":
            yield name, str(ctx.params[name])


def _long(names: Sequence[str]) -> str:
    return next((name for name in names if name.startswith("--")), names[0])


def _pairs(words: Sequence[str], command: Untyped) -> Iterator[tuple[Untyped, list[str]]]:
    """Each option with its value, and each other word with None."""
    options = _options(command)
    by_name = {name: item for item in options for name in (*item.opts, *item.secondary_opts)}
    by_setting = {f"--{item.name.replace('_', '-')}": item for item in options}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option = by_name.get(word) or by_setting.get(word)
        name = word if option is None or word in by_name else _long(option.opts)
        yield option, [name, *([rest.pop(0)] if option is not None and not option.is_flag and rest else [])]


def _set(parts: list[tuple[list[str], list[str]]], option: Untyped, words: list[str]) -> None:
    """Add an option to the command line, instead of the same one unless it is repeatable."""
    if option is not None and not option.multiple:
        for index, (names, _) in enumerate(parts):
            if set(names) & {*option.opts, *option.secondary_opts}:
                parts[index] = (names, words)
                return
    if words not in [tokens for _, tokens in parts]:
        parts.append((list(option.opts) if option is not None else [], words))
