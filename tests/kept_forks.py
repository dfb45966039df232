"""The processes of all fleets that a test runs, however few clusters they have, as forks of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from acksm.fleet import children
from acksm.fleet.forks import Forks


class Kept(Forks):
    """One that the end of a fleet's run does not close."""

    def close(self) -> None:
        pass


@contextmanager
def kept(program: str = children.PROGRAM) -> Iterator[None]:
    """Inside, a cluster is `program`, in the directory and with the variables of now besides its own."""
    found = Kept(program, children.IMPORTS, os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "SEVERAL", 1)
        patch.setattr(children, "Forks", lambda *_: found)
        yield
    Forks.close(found)
