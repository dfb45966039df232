"""`dataclasses.dataclass`, with methods that all classes share.

The standard library writes the source of up to six methods for every class, and compiles each when the class is
defined: a tenth of the CPU time of a command that has nothing to do, as it imports more than a hundred classes. Here
only `__init__` is made so; the others find the fields of an object when they are called.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, TypeVar

from acksm.json_types import Untyped

T = TypeVar("T")


@cache
def _values(cls: Untyped) -> Callable[[object], object]:
    """What of an object of `cls` is compared, as a function of the object."""
    names = [one.name for one in dataclasses.fields(cls) if one.compare]
    return attrgetter(*names) if names else lambda _: None


def _is_equal(self: Untyped, other: object) -> Untyped:
    values = _values(self.__class__)
    if other.__class__ is not self.__class__:
        return NotImplemented
    return values(self) == values(other)


def _hash(self: Untyped) -> int:
    return hash(_values(self.__class__)(self))


@recursive_repr()
def _repr(self: Untyped) -> str:
    shown = [f"{one.name}={getattr(self, one.name)!r}" for one in dataclasses.fields(self) if one.repr]
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _set_once(self: Untyped, name: str, value: object) -> None:
    """`__init__` gives each field its value; there is no other."""
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _refuse(_: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _completed(cls: type[T], frozen: bool) -> type[T]:
    made = dataclasses.dataclass(repr=False, eq=False)(cls)
    methods: dict[str, object] = {"__eq__": _is_equal, "__repr__": _repr, "__hash__": _hash if frozen else None}
    if frozen:
        methods |= {"__setattr__": _set_once, "__delattr__": _refuse}
    for name, method in methods.items():
        if name not in vars(cls):  # as the standard library, which keeps those of the class itself
            setattr(made, name, method)
    return made


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, **others):
        """As `dataclasses.dataclass`, which also makes the classes with `others` of its options."""
        if others:
            return dataclasses.dataclass(cls, frozen=frozen, **others)
        return (lambda one: _completed(one, frozen)) if cls is None else _completed(cls, frozen)
