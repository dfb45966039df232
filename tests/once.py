"""What every command would read or build again, done once in a process that runs many: the parser, botocore's
files, the names of its events and the signatures of its handlers. None of them changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import botocore.hooks
import botocore.loaders
import typer.main
import typer.testing


def apply() -> None:
    """Before the first command."""
    typer.main.get_command = lru_cache(typer.main.get_command)
    typer.testing._get_command = typer.main.get_command  # type: ignore[attr-defined]
    read = lru_cache(maxsize=None)(botocore.loaders.JSONFileLoader().load_file)

    def load_file(_: botocore.loaders.JSONFileLoader, file_path: str) -> object:
        return read(file_path)

    botocore.loaders.JSONFileLoader.load_file = load_file  # type: ignore[assignment, method-assign]

    names: dict[str, str] = {}
    begin = botocore.hooks.EventAliaser.__init__

    def with_names(aliaser: botocore.hooks.EventAliaser, emitter: object, aliases: object = None) -> None:
        begin(aliaser, emitter, aliases)
        if aliaser._event_aliases == botocore.hooks.EVENT_ALIASES:
            aliaser._alias_name_cache = names

    botocore.hooks.EventAliaser.__init__ = with_names
    accepts = lru_cache(botocore.hooks.accepts_kwargs)

    def accepts_kwargs(handler: Callable[..., object]) -> bool:
        return accepts(getattr(handler, "__func__", handler))

    botocore.hooks.accepts_kwargs = accepts_kwargs
