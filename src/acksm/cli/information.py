"""`acksm explain`, `acksm config show`, `acksm version`: what needs no cluster."""

from __future__ import annotations

import inspect
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
        help="What an id means, why it happens and what puts it right; offline.",
    )
    def explain(_resolved: Any, ui: Any, id: str | None, list_all: bool) -> int:
        from acksm.catalog import explain as described

        data, text = described(id, list_all)
        ui.result("explain", data, text)
        return 0

    config_app = typer.Typer(help="Where settings come from.", no_args_is_help=True, rich_markup_mode=None)
    app.add_typer(config_app, name="config")

    @command(config_app, "show", TARGET, CONTROLLERS, ROLE, RUN, help="Every setting, its value and its origin.")
    def show(resolved: Any, ui: Any) -> int:
        values = resolved.settings.model_dump()
        rows = [f"{key.replace('_', '-'):22} {values[key]!s:40} {resolved.origins[key]}" for key in values]
        ui.result("config show", {"settings": values, "origins": dict(resolved.origins)}, "\n".join(rows))
        return 0

    @app.command("version", help="The version of acksm.")
    def version() -> None:
        from acksm import __version__
        from acksm.ui import Ui

        Ui().result("version", {"version": __version__}, __version__)
