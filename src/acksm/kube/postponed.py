"""Parts of the kubernetes library that acksm does not use, and whose import takes as long as that of the rest.

`import kubernetes` imports all of it, with requests, oauthlib and websocket. A part that is postponed is imported at
the first use of one of its attributes, in acksm or in any other code of the process.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from acksm.json_types import Untyped

PARTS = ("config", "stream", "informer", "leaderelection")


class _Postponed(ModuleType):
    """A module that is not imported until one of its attributes is needed."""

    def __getattr__(self, name: str) -> Untyped:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def postpone() -> None:
    """Before the first import of kubernetes; does nothing after it."""
    if "kubernetes" not in sys.modules:
        for part in PARTS:
            sys.modules.setdefault(f"kubernetes.{part}", _Postponed(f"kubernetes.{part}"))
