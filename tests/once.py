"""What every command would read or build again, done once in a process that runs many: the parser, and botocore's
files. Neither changes."""

from __future__ import annotations

from functools import lru_cache

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
