"""What every command would read or build again, done once in a process that runs many: the parser, botocore's
files, the names of its events and the signatures of its handlers, and helm's version. None of them changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import botocore.hooks
import botocore.loaders
import typer.main
import typer.testing

from acksm.helm.runner import Helm

COMPILED = 1 << 20  # bytes: a helm of fewer is a test's own script, which may answer anything


def apply() -> None:
    """Before the first command."""
    typer.main.get_command = lru_cache(typer.main.get_command)
    typer.testing._get_command = typer.main.get_command  # type: ignore[attr-defined]
    read = lru_cache(maxsize=None)(botocore.loaders.JSONFileLoader().load_file)

    def load_file(_: botocore.loaders.JSONFileLoader, file_path: str) -> object:
        return read(file_path)

    botocore.loaders.JSONFileLoader.load_file = load_file  # type: ignore[assignment, method-assign]

    hooks: Any = botocore.hooks
    names: dict[str, str] = {}
    begin = hooks.EventAliaser.__init__

    def with_names(aliaser: Any, emitter: object, aliases: object = None) -> None:
        begin(aliaser, emitter, aliases)
        if aliaser._event_aliases == hooks.EVENT_ALIASES:
            aliaser._alias_name_cache = names

    hooks.EventAliaser.__init__ = with_names
    accepts = lru_cache(hooks.accepts_kwargs)
    hooks.accepts_kwargs = lambda handler: accepts(getattr(handler, "__func__", handler))
    helms: Any = Helm
    version: Callable[[Helm], tuple[int, int]] = helms.version.fget
    versions: dict[tuple[object, ...], tuple[int, int]] = {}

    def known(helm: Helm) -> tuple[int, int]:
        found = os.stat(helm.path) if os.path.exists(helm.path) else None
        if found is None or found.st_size < COMPILED:
            return version(helm)
        key = (helm.path, found.st_ino, found.st_size, found.st_mtime_ns)
        if key not in versions:
            versions[key] = version(helm)
        return versions[key]

    helms.version = property(known)
