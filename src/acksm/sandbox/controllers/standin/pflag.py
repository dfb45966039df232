"""A command line as Go's pflag reads it (pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax), which the
controllers use: a word without a dash is ignored, as is everything after "--"; the last of repeated flags wins, and
lists collect them; the first fault ends the program with exit code 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

TRUE = {"1", "t", "T", "true", "TRUE", "True"}
FALSE = {"0", "f", "F", "false", "FALSE", "False"}
_INTEGER = re.compile(r"[0-9][0-9A-Za-z_]*")
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([^0-9.]*)")
_UNITS = {"ns", "us", "µs", "μs", "ms", "s", "m", "h"}
_PLAIN = re.compile(r"[^,\n]*")
Set = Callable[[str, list[str]], list[str]]  # a flag's new values, from the text and those that it had; ValueError


class FlagError(Exception):
    """The program does not start with these flags; `code` is its exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def parse(arguments: Sequence[str], flags: Mapping[str, str]) -> dict[str, list[str]]:
    """The values of each flag that is named. `flags` has the type of each that exists, a key of TYPES. Booleans are
    "true" or "false". Raises FlagError, with code 0 where help is requested."""
    found: dict[str, list[str]] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            continue
        if word == "--":
            break
        name, value = _long(word, rest, flags) if word.startswith("--") else _short(word)
        try:
            found[name] = TYPES[flags[name]](value, found.get(name, []))
        except ValueError as error:
            raise FlagError(f'invalid argument {_quoted(value)} for "--{name}" flag: {error}', 2) from error
    return found


def _long(word: str, rest: list[str], flags: Mapping[str, str]) -> tuple[str, str]:
    """Name and value of a flag with two dashes; takes the value out of `rest` where that has it."""
    text = word[2:]
    if text[0] in "-=":
        raise FlagError(f"bad flag syntax: {word}", 2)
    name, equals, value = text.partition("=")
    if name not in flags:
        raise FlagError("pflag: help requested", 0) if name == "help" else FlagError(f"unknown flag: --{name}", 2)
    if equals:
        return name, value
    if flags[name] == "bool":  # never takes the next word: "--flag false" is true
        return name, "true"
    if not rest:
        raise FlagError(f"flag needs an argument: --{name}", 2)
    return name, rest.pop(0)


def _short(word: str) -> tuple[str, str]:
    """No flag of the controllers has a short form: one dash is a fault, or help."""
    if word[1] == "h":
        raise FlagError("pflag: help requested", 0)
    raise FlagError(f"unknown shorthand flag: '{word[1]}' in {word}", 2)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _bool(text: str, _had: list[str]) -> list[str]:
    if text not in TRUE | FALSE:
        raise ValueError(f"strconv.ParseBool: parsing {_quoted(text)}: invalid syntax")
    return ["true" if text in TRUE else "false"]


def _int(text: str, _had: list[str]) -> list[str]:
    """In Go's notations of an integer (go.dev/ref/spec#Integer_literals): Python's, and octal ones without an o."""
    digits = text.removeprefix(text[:1]) if text[:1] in {"+", "-"} else text
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "_01234567"
    fault = "" if _INTEGER.fullmatch(digits) else "invalid syntax"
    try:
        number = 0 if fault else int(f"0o{digits[1:]}" if octal else digits, 0)
    except ValueError:
        number, fault = 0, "invalid syntax"
    number = -number if text.startswith("-") else number
    if not -(2**63) <= number < 2**63:
        fault = "value out of range"
    if fault:
        raise ValueError(f"strconv.ParseInt: parsing {_quoted(text)}: {fault}")
    return [str(number)]


def _duration(text: str, _had: list[str]) -> list[str]:
    """As Go's time.ParseDuration."""
    rest = text.removeprefix(text[:1]) if text[:1] in {"+", "-"} else text
    position, fault = 0, "" if rest else "invalid"
    while position < len(rest) and rest != "0" and not fault:
        amount = _AMOUNT.match(rest, position)
        unit = amount[2] if amount else ""
        if unit not in _UNITS:
            fault = "invalid" if amount is None else f"unknown unit {_quoted(unit)} in" if unit else "missing unit in"
        position = amount.end() if amount else position
    if fault:
        raise ValueError(f"time: {fault} duration {_quoted(text)}")
    return [text]


def _slice(text: str, had: list[str]) -> list[str]:
    """The first line of a CSV, added to what there was."""
    if not text:
        return had
    found: list[str] = []
    start = len(text) - len(text.lstrip("\n"))
    if start == len(text):
        raise ValueError("EOF")
    while start <= len(text) and (not found or text[start - 1] != "\n"):
        field, start = _field(text, start)
        found.append(field)
    return [*had, *found]


def _field(text: str, start: int) -> tuple[str, int]:
    """A field of a CSV, and where the next one starts."""
    if not text.startswith('"', start):
        plain = _PLAIN.match(text, start)
        field = plain[0] if plain else ""
        if '"' in field:
            raise ValueError('parse error on line 1: bare " in non-quoted field')
        return field, start + len(field) + 1
    end = start + 1
    while text.startswith('""', end := text.find('"', end)):
        end += 2
    if end < 0 or text[end + 1 : end + 2] not in {"", ",", "\n"}:
        raise ValueError('parse error on line 1: extraneous or missing " in quoted-field')
    return text[start + 1 : end].replace('""', '"'), end + 2


def _policy(text: str, _had: list[str]) -> list[str]:
    if text not in {"delete", "retain"}:
        raise ValueError(f"invalid DeletionPolicy value: {text}")
    return [text]


TYPES: dict[str, Set] = {
    "string": lambda text, _had: [text],
    "bool": _bool,
    "int": _int,
    "duration": _duration,
    "slice": _slice,
    "array": lambda text, had: [*had, text],
    "policy": _policy,
}
