"""boto3 without the texts of `help(client)` and without transfers of files to S3: half of what its import takes beyond
botocore's, and acksm uses neither.

As `acksm.kube.postponed`, but here functions are taken out of the modules while boto3 is imported: they are given
functions that import the real module when they are called. Once boto3 is imported, the real modules are imported by
whoever needs them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from acksm.json_types import Untyped

_PACKAGES = ("botocore.docs", "boto3.docs")  # their own code imports all of their modules
_MODULES = (
    *(f"botocore.docs.{name}" for name in ("bcdoc.restdoc", "method", "paginator", "waiter")),
    *(f"boto3.docs.{name}" for name in ("action", "attr", "collection", "subresource", "waiter")),
    "s3transfer.manager",  # asked whether it knows the CRT, which no function does
)


class _Postponed(ModuleType):
    """A module whose functions are not imported until one of them is called."""

    def __getattr__(self, name: str) -> Callable[..., Untyped]:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def call(*arguments: Untyped, **words: Untyped) -> Untyped:
            return getattr(importlib.import_module(self.__name__), name)(*arguments, **words)

        return call


def load() -> None:
    """Import boto3; does nothing where it is imported."""
    if "boto3" in sys.modules:
        return
    made: dict[str, ModuleType] = {name: _Postponed(name) for name in _MODULES if name not in sys.modules}
    for name in _PACKAGES:
        top, _, rest = name.partition(".")
        spec = find_spec(top)
        if name not in sys.modules and spec and spec.origin:
            made[name] = ModuleType(name)
            made[name].__path__ = [str(Path(spec.origin).parent / rest)]
    sys.modules.update(made)
    try:
        import boto3  # noqa: F401
    finally:
        for name, module in made.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
