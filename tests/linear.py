"""Whether a regular expression takes time that is linear in the length of the text, told from its form.

Python's engine backtracks. A pattern is taken for linear when each repeat in it without a small bound

- has no other such repeat inside that could split the same text in two ways,
- is the end of the pattern, so that nothing after it can fail, or is followed by what it cannot take itself, and
- begins at few places of the text that it runs over: at the start of the text, or behind something that it cannot
  take itself.

Repeats with a bound of at most LIMIT (FROM_THE_START where there is one place to begin) cost a factor and no power.
What the rule does not understand, it refuses.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

LIMIT, FROM_THE_START = 512, 2048
_parser: Any = importlib.import_module("re._parser")
_SAMPLES = [*map(chr, range(256)), "\u2028", "\u0660", "é", "中"]
_known: dict[tuple[str, int], frozenset[str] | None] = {}
_ANCHORS = {"AT_BEGINNING", "AT_BEGINNING_STRING"}
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
ANY, NONE = frozenset(_SAMPLES), frozenset[str]()


def _chars(item: Any, flags: int) -> frozenset[str] | None:
    """The characters that an item of one character takes, None for other items."""
    if str(item[0]) not in {"LITERAL", "NOT_LITERAL", "IN", "ANY"}:
        return None
    key = (repr(item), flags)
    if key not in _known:
        _known[key] = _read(item, flags)
    return _known[key]


def _read(item: Any, flags: int) -> frozenset[str]:
    op, value = str(item[0]), item[1]
    if op == "ANY":
        return frozenset(c for c in _SAMPLES if flags & re.S or c != "\n")
    if op in {"LITERAL", "NOT_LITERAL"}:
        found = {c for c in _SAMPLES if c == chr(value) or (flags & re.I and c.lower() == chr(value).lower())}
        return frozenset(found if op == "LITERAL" else ANY - found)
    taken: set[str] = set()
    for inner, what in value:
        name = str(inner)
        if name == "LITERAL":
            taken |= _chars((inner, what), flags) or NONE
        elif name == "RANGE":
            low, high = what
            taken |= {c for c in _SAMPLES if low <= ord(c) <= high}
            if flags & re.I:
                taken |= {c for c in _SAMPLES if {ord(c.lower()), ord(c.upper()[:1])} & set(range(low, high + 1))}
        elif name == "CATEGORY":
            taken |= {c for c in _SAMPLES if re.match(_category(str(what)), c)}
    return ANY - taken if str(value[0][0]) == "NEGATE" else frozenset(taken)


def _category(name: str) -> str:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[name.removeprefix("CATEGORY_").removeprefix("NOT_")]
    return "\\" + (letter.upper() if "NOT_" in name else letter)


def _firsts(items: Sequence[Any], flags: int) -> tuple[frozenset[str], bool, bool]:
    """What a match of `items` may begin with, whether it may be empty, and whether it may fail when it is empty."""
    found: set[str] = set()
    asserts = False
    for item in items:
        op, value = str(item[0]), item[1]
        single = _chars(item, flags)
        if single is not None:
            return frozenset(found | single), False, asserts
        if op == "AT" or op in {"ASSERT", "ASSERT_NOT"}:
            asserts = True
            if op == "ASSERT" and value[0] == 1:  # a lookahead says what comes next
                inner, _, _ = _firsts(value[1], flags)
                return frozenset(found | inner), False, asserts
            if op == "AT" and str(value) in {"AT_END", "AT_END_STRING"}:
                continue
            if op == "AT" or value[0] == 1:  # a word boundary, what must not follow: not understood
                return ANY, False, asserts
            continue
        empty = False
        if op in {"SUBPATTERN", "ATOMIC_GROUP"}:
            inner, empty, may_fail = _firsts(value[3] if op == "SUBPATTERN" else value, flags)
        elif op == "BRANCH":
            parts = [_firsts(branch, flags) for branch in value[1]]
            inner = frozenset[str]().union(*(part[0] for part in parts))
            empty, may_fail = any(part[1] for part in parts), any(part[2] for part in parts)
        elif op in _REPEATS:
            inner, empty, may_fail = _firsts(value[2], flags)
            empty = empty or value[0] == 0
        else:  # a back reference
            return ANY, False, True
        found |= inner
        asserts = asserts or may_fail
        if not empty:
            return frozenset(found), False, asserts
    return frozenset(found), True, asserts


def _inner(item: Any) -> list[Sequence[Any]]:
    """The sequences inside an item."""
    op, value = str(item[0]), item[1]
    if op == "SUBPATTERN":
        return [value[3]]
    if op == "ATOMIC_GROUP":
        return [value]
    if op == "BRANCH":
        return list(value[1])
    if op in _REPEATS:
        return [value[2]]
    return [value[1]] if op in {"ASSERT", "ASSERT_NOT"} else []


def _must_have(items: Sequence[Any], flags: int) -> list[frozenset[str]]:
    """Characters that each match of `items` has to have, in order."""
    found: list[frozenset[str]] = []
    for item in items:
        op, value = str(item[0]), item[1]
        single = _chars(item, flags)
        if single is not None:
            found.append(single)
        elif op == "BRANCH":
            found += [] if any(not _must_have(branch, flags) for branch in value[1]) else [_any_of(value[1], flags)]
        elif op == "ASSERT_NOT" or (op in _REPEATS and value[0] == 0):
            continue
        else:
            found += [part for inner in _inner(item) for part in _must_have(inner, flags)]
    return found


def _any_of(branches: Sequence[Any], flags: int) -> frozenset[str]:
    """One character for all branches: outside of a class only where each of them has one outside of it. The union of
    their first ones is a safe stand-in."""
    return frozenset[str]().union(*(_must_have(branch, flags)[0] for branch in branches))


def _problems(items: Sequence[Any], flags: int, before: list[frozenset[str]], after: Any, anchored: bool) -> list[str]:
    found: list[str] = []
    for index, item in enumerate(items):
        op, value = str(item[0]), item[1]
        if op == "AT" and str(value) in _ANCHORS and not (flags & re.M):
            anchored = True
        rest = [*items[index + 1 :], *after]
        if op in _REPEATS and value[1] > (FROM_THE_START if anchored else LIMIT):
            found += _repeat(value, flags, before, rest, anchored)
        elif op in {"ASSERT", "ASSERT_NOT"}:
            found += [part for inner in _inner(item) for part in _problems(inner, flags, before, [_FAILS], anchored)]
        elif op in _REPEATS and value[1] > 1:  # what follows a turn may be the next one
            found += _problems(value[2], flags, before, [*_optional(value[2]), *rest], anchored)
        else:
            found += [part for inner in _inner(item) for part in _problems(inner, flags, before, rest, anchored)]
        before = [*before, *_must_have([item], flags)]
    return found


_FAILS: Any = _parser.parse(r"(?=\b)")[0]


def _optional(items: Sequence[Any]) -> list[Any]:
    return [(importlib.import_module("re._constants").MAX_REPEAT, (0, 1, items))]


def _repeat(value: Any, flags: int, before: list[frozenset[str]], rest: Sequence[Any], anchored: bool) -> list[str]:
    found = []
    turn = value[2]
    while len(turn) == 1 and str(turn[0][0]) == "SUBPATTERN":
        turn = turn[0][1][3]
    single = _chars(turn[0], flags) if len(turn) == 1 else None
    if single is None:
        first, empty, _ = _firsts(turn, flags)
        if empty:
            return ["a repeat of what may be empty"]
        # the next turn has to begin with what no turn has inside, such as the "-" of (-[a-z]+)+
        found += _problems(turn, flags, before, [*_optional(turn), *rest], anchored)
        taken = frozenset[str]().union(*_all_chars(turn, flags))
        inside = frozenset[str]().union(*_all_chars(turn[1:], flags))
        if first & inside or any(str(part[0]) == "BRANCH" for part in turn[:1]):
            found.append("a turn of a repeat can be split in two")
    else:
        taken = single
    follow, may_be_empty, may_fail = _firsts(rest, flags)
    if (may_fail or not may_be_empty) and follow & taken:
        found.append(f"what follows a repeat could be a part of it: {_shown(follow & taken)}")
    ends = may_be_empty and not may_fail  # nothing after it can fail: what was taken is never looked at again
    if not anchored and not ends and not any(not (must & taken) for must in before):
        found.append("a repeat can begin anywhere in the text that it runs over")
    return found


def _all_chars(items: Sequence[Any], flags: int) -> Iterator[frozenset[str]]:
    for item in items:
        if str(item[0]) in {"ASSERT", "ASSERT_NOT"}:  # takes nothing
            continue
        single = _chars(item, flags)
        if single is not None:
            yield single
        for inner in _inner(item):
            yield from _all_chars(inner, flags)


def _shown(chars: frozenset[str]) -> str:
    return repr("".join(sorted(chars))[:8])


def problems(pattern: str, flags: int = 0, *, anchored: bool = False) -> list[str]:
    """Why `pattern` may take more than linear time, [] when it does not. `anchored`: match and fullmatch."""
    parsed = _parser.parse(pattern, flags)
    return _problems(list(parsed), parsed.state.flags, [], [], anchored)


def in_source(root: Path) -> Iterator[tuple[str, str, int, bool]]:
    """(place, pattern, flags, anchored) of every expression that the code under `root` gives to `re`. A pattern that is
    put together when it runs has the text "" and is for a test of its own."""
    for path in sorted(root.rglob("*.py")):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re" and node.args):
                continue
            if node.func.attr == "escape":
                continue
            first = node.args[0]
            location = f"{path.relative_to(root)}:{node.lineno}"
            written = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
            named = "" if node.func.attr != "compile" else _name_of(text, node.lineno)
            anchored = node.func.attr in {"match", "fullmatch"} or bool(named and _only_from_the_start(text, named))
            flags = 0
            for argument in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
                for part in ast.walk(argument):
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "re":
                        flags |= int(getattr(re, part.attr, 0))
            yield location, written, flags, anchored


def _name_of(text: str, line: int) -> str:
    found = re.match(r"(\w+) = re\.compile\(", text.splitlines()[line - 1])
    return found[1] if found else ""


def _only_from_the_start(text: str, name: str) -> bool:
    """Whether a module uses its compiled pattern by match and fullmatch alone."""
    used = set(re.findall(rf"\b{name}\.(\w+)\(", text))
    return bool(used) and used <= {"match", "fullmatch"}
