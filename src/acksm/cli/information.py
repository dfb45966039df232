"""`acksm explain`, `acksm config show`, `acksm version`: what needs no cluster."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from acksm.cli.options import CONTROLLERS, OUTPUT, ROLE, RUN, TARGET, command


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    id_argument = inspect.Parameter(
        "id",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[str | None, typer.Argument(help="An id from error[…], a check or a change.")],
    )
    list_option = inspect.Parameter(
        "list_all",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--list", help="All ids with their titles.")],
    )

    @command(
        app,
        "explain",
        {"output": OUTPUT["output"]},
        extra=[id_argument, list_option],
        settings=False,
        help="What an id means, why it happens and what puts it right; offline.",
    )
    def explain(_resolved: Any, ui: Any, id: str | None, list_all: bool) -> int:
        from acksm.explain import explain as described

        data, text = described(id, list_all)
        ui.result("explain", data, text)
        return 0

    config_app = typer.Typer(
        name="config", help="Where settings come from.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(config_app)

    @command(config_app, "show", TARGET, CONTROLLERS, ROLE, RUN, help="Every setting, its value and its origin.")
    def show(resolved: Any, ui: Any) -> int:
        values = resolved.settings.model_dump()
        rows = [(key.replace("_", "-"), shown(value), resolved.origins[key]) for key, value in values.items()]
        text = ui.table(("SETTING", "VALUE", "ORIGIN"), rows)
        ui.result("config show", {"settings": values, "origins": dict(resolved.origins)}, text)
        return 0

    @command(app, "version", {"output": OUTPUT["output"]}, settings=False, help="The version of acksm.")
    def version(_resolved: Any, ui: Any) -> int:
        from acksm import __version__

        ui.result("version", {"version": __version__}, __version__)
        return 0


def shown(value: Any) -> str:
    """A setting as it is written on the command line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"{len(value)} declared" if value and isinstance(value[0], Mapping) else ", ".join(map(str, value))
    return "" if value is None else str(value)
