"""What every command has: the options of all, help in sections, and a hint at the command that was meant.

Help is plain text as kubectl, helm and gh print it: the options of a command first, then those that it shares, by
their panels (`rich_help_panel`, see `acksm.cli.options`), as wide as the terminal up to 120 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandFunctionType, CommandInfo

from acksm.cli import completion
from acksm.json_types import Untyped

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
QUIET, VERBOSE, DEBUG = (
    "acksm.quiet",
    "acksm.verbose",
    "acksm.debug",
)  # keys of a context's meta, which its parents and children share
_GLOBAL = "Every command"
# Sections of the root's help
SETUP, OBJECTS, OPERATE = "Install and uninstall", "Objects and accounts", "Observe and repair"
PLANS, OTHER = "Plans as files", "Other"
# Words of other tools, for those who try them first: helm and flux uninstall, eksctl deletes, terraform destroys.
_OTHER_NAMES = {
    **dict.fromkeys(("uninstall", "delete", "destroy", "remove", "rm", "purge"), "cleanup"),
    **dict.fromkeys(("list", "ls", "get", "info", "ps"), "status"),
    **dict.fromkeys(("check", "verify", "diagnose", "lint", "validate"), "doctor"),
    **dict.fromkeys(("create", "deploy", "setup", "bootstrap", "up"), "install"),
    **dict.fromkeys(("update", "rollout"), "upgrade"),
    **dict.fromkeys(("import",), "adopt"),
    **dict.fromkeys(("diff", "preview", "template"), "plan"),
    **dict.fromkeys(("role", "iam"), "iam-role"),
    **dict.fromkeys(("get-token",), "token"),
    **dict.fromkeys(("configure", "new"), "init"),
    **dict.fromkeys(("errors", "describe", "why"), "explain"),
    **dict.fromkeys(("support", "support-bundle", "bundle"), "report"),
}

# Options that had another meaning elsewhere; each has one now.
_RENAMED = {
    "--cluster-region": "--region",
    "--region": "--object-region",
    "--role-arn": "--assume-role-arn",
    "--namespace": "--delete-namespaces",
    "--tag": "--tag-filter",
}
_UsageError: Untyped = typer.BadParameter.__mro__[1]  # typer exports only this subclass


def meant(word: str) -> str | None:
    """The command that a word of another tool means."""
    return _OTHER_NAMES.get(word)


def _remember(key: str) -> Callable[[typer.Context, bool], bool]:
    def set_(ctx: typer.Context, value: bool) -> bool:
        if value:
            ctx.meta[key] = True
        return value

    return set_


def _of_every_command(
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print results, warnings and errors only.",
            callback=_remember(QUIET),
            expose_value=False,
            rich_help_panel=_GLOBAL,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Print each change by itself.",
            callback=_remember(VERBOSE),
            expose_value=False,
            rich_help_panel=_GLOBAL,
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            help="Print each request to AWS and Kubernetes, and each call of helm, without secrets.",
            callback=_remember(DEBUG),
            expose_value=False,
            rich_help_panel=_GLOBAL,
        ),
    ] = False,
) -> None:
    """Only its options are of use."""


@cache
def _options() -> list[Untyped]:
    """The parameters of `_of_every_command`, which all commands share."""
    app = typer.Typer(add_completion=False)
    app.command()(_of_every_command)
    found: list[Untyped] = list(typer.main.get_command(app).params)
    return found


class App(typer.Typer):
    """A typer application whose commands and groups have the options and the help of this module."""

    def __init__(self, *, panel: str | None = None, **words: Untyped) -> None:
        super().__init__(cls=Group, rich_markup_mode=None, context_settings=CONTEXT, **words)
        if panel:
            self.info.rich_help_panel = panel  # typer ignores its own parameter for it

    def command(
        self, name: str | None = None, *, panel: str | None = None, examples: Sequence[str] = (), **words: Untyped
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """As typer's decorator; `panel` is the section of the command in its group's help."""
        words["context_settings"] = CONTEXT | words.get("context_settings", {})
        epilog = "\n".join(examples) or None

        def register(function: CommandFunctionType) -> CommandFunctionType:
            def described() -> None:
                """Has the name and the help of `function`, and no parameters that typer would read."""

            described.__name__, described.__doc__ = function.__name__, function.__doc__
            made: Untyped = partial(Command, function)
            super(App, self).command(name, cls=made, rich_help_panel=panel, epilog=epilog, **words)(described)
            return function

        return register


class _WhereGiven:
    """Typer's conversion of a parameter, by pydantic, where there is anything to convert: few parameters are given, and
    none before TAB mostly."""

    def __init__(self, made: Callable[[], Untyped]) -> None:
        self._made = made

    def coerce(self, value: Untyped, param: Untyped, ctx: Untyped) -> Untyped:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if isinstance(value, str) and param.type_descriptor.annotation is str and param.nargs == 1:
            return value
        return self._made().coerce(value, param=param, ctx=ctx)


class _Shared:
    """Parameters and help of commands and groups alike."""

    params: list[Untyped]

    def get_params(self, ctx: Untyped) -> list[Untyped]:
        own: list[Untyped] = super().get_params(ctx)  # type: ignore[misc]
        found = [*own[:-1], *_options(), *own[-1:]]
        for parameter in found:
            if "get_runtime_param" not in vars(parameter):
                parameter.get_runtime_param = partial(_WhereGiven, parameter.get_runtime_param)
        return found

    def format_options(self, ctx: Untyped, formatter: Untyped) -> None:
        for title, rows in _sections(self.get_params(ctx), ctx):
            with formatter.section(title):
                formatter.write_dl(rows)


class Command(_Shared, TyperCommand):
    """A command of acksm. Its epilog is its examples, one for each line.

    Its parameters are read from `function` when they are first needed: a process runs one command, and reading those of
    all takes longer than the imports of the command line.
    """

    def __init__(self, function: Callable[..., object], **words: Untyped) -> None:
        super().__init__(**words)
        self._function = function
        del self.params, self.callback

    def __getattr__(self, name: str) -> Untyped:
        if name not in {"params", "callback"}:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        info = CommandInfo(callback=self._function)
        whole = typer.main.get_command_from_info(info, pretty_exceptions_short=False, rich_markup_mode=None)
        for parameter in whole.params:
            completion.attach(parameter)
        self.params, self.callback = whole.params, whole.callback
        return getattr(self, name)

    def parse_args(self, ctx: Untyped, args: list[str]) -> list[str]:
        """As typer's; an option that was renamed is refused with its new name."""
        try:
            return super().parse_args(ctx, args)
        except _UsageError as error:
            new = _RENAMED.get(getattr(error, "option_name", ""))
            if new and any(new in parameter.opts for parameter in self.params):
                ctx.fail(f"No such option: {error.option_name}; it is {new} in this command")
            raise

    def format_epilog(self, ctx: Untyped, formatter: Untyped) -> None:
        if self.epilog:
            with formatter.section("Examples"):
                for example in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(_Shared, TyperGroup):
    """A group of commands; the root is one."""

    def format_options(self, ctx: Untyped, formatter: Untyped) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Untyped, formatter: Untyped) -> None:
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in (SETUP, OBJECTS, OPERATE, PLANS, OTHER)}
        for name, command in self.commands.items():
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                panels.setdefault(str(panel), []).append((name, command.get_short_help_str(limit=200)))
        width = max(len(name) for rows in panels.values() for name, _ in rows)
        for title, rows in panels.items():
            if not rows:
                continue
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])

    def list_commands(self, ctx: Untyped) -> list[str]:
        return [name for name in super().list_commands(ctx) if " " not in name]

    def resolve_command(self, ctx: Untyped, args: list[str]) -> Untyped:
        if (name := " ".join(args[:2])) in self.commands:  # "plan show", beside `plan COMMAND…`
            return name, self.commands[name], args[2:]
        found = meant(args[0]) if args else None
        if found in self.commands and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {found!r}?")
        return super().resolve_command(ctx, args)


def _sections(parameters: Iterable[Untyped], ctx: Untyped) -> Sequence[tuple[str, list[tuple[str, str]]]]:
    """Arguments, the command's own options, then each panel in the order of its first option."""
    found: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
    for parameter in parameters:
        if (record := parameter.get_help_record(ctx)) is None:
            continue
        if parameter.param_type_name == "argument":
            title = "Arguments"
        elif parameter.name == "help":
            title = _GLOBAL
        else:
            title = parameter.rich_help_panel or "Options"
        name, text = record  # typer adds the Python type of an argument: KIND <str>
        found.setdefault(title, []).append((name.partition(" <")[0], text))
    return [(title, rows) for title, rows in found.items() if rows]
