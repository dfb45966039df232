"""Classes of acksm.dataclass do what those of the standard library do."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from acksm.dataclass import dataclass

SOURCE = Path(__file__).parent.parent / "src" / "acksm"
Decorator = Callable[..., Any]
both = pytest.mark.parametrize("made_by", [dataclass, dataclasses.dataclass], ids=["acksm", "standard"])


@dataclass(frozen=True)
class Point:
    """Of the module, so that it can be pickled."""

    x: int
    y: int = 0


def _frozen(made_by: Decorator) -> Any:
    @made_by(frozen=True)
    class Frozen:
        """Every kind of field."""

        name: str
        secret: str = field(default="", repr=False)
        note: str = field(default="", compare=False)
        parts: tuple[str, ...] = ()
        more: dict[str, int] = field(default_factory=dict)

        @cached_property
        def length(self) -> int:
            return len(self.name)

    return Frozen


@both
def test_what_is_compared_and_hashed(made_by: Decorator) -> None:
    made = _frozen(made_by)
    assert made("a") == made("a", note="other")
    assert made("a") != made("b")
    assert made("a") != made("a", more={"x": 1})
    assert made("a") != ("a", "", (), {})
    assert made("a").__eq__("a") is NotImplemented
    assert Point(1) in {Point(1, 0)}
    assert Point(1) not in {Point(1, 2)}
    with pytest.raises(TypeError):
        hash(made("a"))  # of a dict in it


@both
def test_what_is_shown(made_by: Decorator) -> None:
    found = repr(_frozen(made_by)("a", "hidden", parts=("x",)))
    assert found.endswith("Frozen(name='a', note='', parts=('x',), more={})")

    @made_by
    class Node:
        inner: Any = None

    node: Any = Node()
    node.inner = node
    assert repr(node).endswith("Node(inner=...)")


@both
def test_a_frozen_object_does_not_change(made_by: Decorator) -> None:
    one = _frozen(made_by)("a")
    for name in ("name", "parts", "unknown"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(one, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del one.name
    assert one.length == 1
    assert replace(one, name="bcd").length == 3
    assert (one.name, one.parts) == ("a", ())


@both
def test_an_object_that_is_not_frozen_changes_and_has_no_hash(made_by: Decorator) -> None:
    @made_by
    class Open:
        count: int
        start: float = field(init=False)

        def __post_init__(self) -> None:
            self.start = 1.0

    made: Any = Open
    one = made(1)
    one.count += 1
    assert one == made(2)
    with pytest.raises(TypeError):
        hash(one)


@both
def test_own_methods_stay_and_are_inherited(made_by: Decorator) -> None:
    @made_by(frozen=True)
    class Own:
        name: str
        other: int = 0

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return self.name

    @made_by(frozen=True)
    class Derived(Own):
        last: str = ""

    own: Any = Own
    derived: Any = Derived
    assert (hash(own("a")), repr(own("a"))) == (7, "a")
    assert derived("a", 1, "z") == derived("a", 1, "z")
    assert derived("a", 1, "z") != derived("a", 1, "y")
    assert own("a") != derived("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        derived("a").last = "b"


@both
def test_a_class_without_fields(made_by: Decorator) -> None:
    @made_by(frozen=True)
    class Empty:
        """Nothing."""

    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_copies() -> None:
    one = Point(1, 2)
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert dataclasses.asdict(one) == {"x": 1, "y": 2}
    match one:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_other_options_are_the_standard_librarys() -> None:
    @dataclass(frozen=True, order=True)
    class Ordered:
        rank: int

    assert sorted([Ordered(2), Ordered(1)]) == [Ordered(1), Ordered(2)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Ordered(1).rank = 2  # type: ignore[misc]


def test_every_command_uses_it() -> None:
    """One class made by the standard library would be easy to overlook; the sandbox is a program of its own."""
    by_standard = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        if "dataclass" in {name.name for name in node.names} and "sandbox" not in path.parts
    ]
    assert by_standard == ["dataclass.py"]
