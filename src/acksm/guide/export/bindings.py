"""The layer of bindings."""

from __future__ import annotations

from acksm.guide.connect.target import Target
from acksm.json_types import Object
from acksm.settings import Declared, Settings


def check(declared: Declared) -> Declared:
    return declared


def objects(target: Target, declared: Declared, settings: Settings) -> list[Object]:
    return []
