"""The values.yaml patcher, instead of the guide's yq steps.

Comments, order and quoting of the chart's file are kept; only keys that the chart has are set; twelve digits are
always quoted, because `{{ … | quote }}` of a number becomes "1.23456789012e+11" (G3; helm#12195). Same inputs, same
bytes.
"""

from __future__ import annotations

import difflib
import io
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import takewhile

from acksm import bounded, yaml_reader
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Document, Untyped, Value

Path = tuple[str, ...]
# Maps whose keys are the user's own, although the chart shows some.
OPEN: tuple[Path, ...] = (
    ("deployment", "nodeSelector"),
    ("deployment", "affinity"),
    ("deployment", "strategy"),
    ("resources",),
    ("serviceAccount", "annotations"),
    ("role", "labels"),
)
_NUMBER_LIKE = re.compile(r"^[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?$|^0[xob][0-9a-fA-F]+$")
# YAML 1.1, which Go's libraries read, takes these for booleans and null.
_OTHER_THAN_TEXT = {"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}
MAX_FILE = 4 * 1024 * 1024
MAX_DEPTH = 60  # keys of one --set


@dataclass(frozen=True)
class Edit:
    """One value to set and where it comes from: "acksm", "--set", or a file's name. None removes the chart's default,
    as helm does. `kept`: an installed release has it, so that neither its key nor its type is refused. `explicit`: the
    release has it also where it is the chart's default, as the next chart may have another."""

    path: Path
    value: object
    origin: str
    kept: bool = False
    explicit: bool = False


@dataclass(frozen=True)
class Patched:
    """The chart's values with edits, as plain data. `explicit`: as in Edit. The file and its diff are made when they
    are needed: a run that changes nothing shows neither."""

    chart_text: str
    edits: tuple[Edit, ...]
    values: Document
    chart_values: Document

    @property
    def explicit(self) -> frozenset[Path]:
        return frozenset(edit.path for edit in self.edits if edit.explicit)

    @cached_property
    def text(self) -> str:
        """The chart's values.yaml with the edits; reads as `values`."""

        def change(tree: Untyped) -> None:
            for edit in self.edits:
                _set(tree, self.chart_values, edit, "values.yaml")

        return _as_written(self.chart_text, _round_trip(self.chart_text, change)) if self.edits else self.chart_text

    @cached_property
    def diff(self) -> tuple[str, ...]:
        """The lines of a unified diff of the chart's own file and `text`."""
        found = difflib.unified_diff(self.chart_text.splitlines(), self.text.splitlines(), lineterm="", n=1)
        return tuple(line for line in found if not line.startswith(("---", "+++")))


@lru_cache(maxsize=8)
def plain(text: str) -> Untyped:
    """The chart's values.yaml as helm reads it; shared by all callers, who must not change it."""
    return yaml_reader.load(text)


def patch(text: str, edits: Sequence[Edit], where: str = "values.yaml") -> Patched:
    """`text` with `edits` applied in order. Errors: values-unknown-key, values-type."""
    chart = plain(text)
    values = _copied(chart)
    for edit in edits:
        _set(values, chart, edit, where)
    return Patched(text, tuple(edits), values, chart)


def _copied(value: Value) -> Untyped:
    """The value as YAML would give it back."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _round_trip(text: str, change: Callable[[Untyped], None] | None = None) -> str:
    """`text` loaded, changed and written again. (One of ruamel's trees cannot be written twice.)"""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    if _indents_lists(text):  # ruamel does not keep the indentation of lists; the real charts indent all of theirs
        yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(text)
    if change:
        change(tree)
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def _indents_lists(text: str) -> bool:
    """Whether a list's items are indented two deeper than its key."""
    item = ""
    for line in text.split("\n"):
        bare = line.lstrip(" ")
        if not bare or bare.startswith("#"):
            continue
        if item and line.startswith(item):
            return True
        is_key = bare.partition(" #")[0].rstrip(" ").endswith(":") and not bare.startswith("-")
        item = " " * (len(line) - len(bare)) + "  - " if is_key else ""
    return False


@lru_cache(maxsize=8)
def _untouched(text: str) -> str:
    """`text` after a round trip without edits: ruamel drops or changes insignificant spaces."""
    return _round_trip(text)


def _as_written(text: str, patched: str) -> str:
    """`patched`, with the lines that no edit changed as they are in `text`."""
    written, before, after = text.split("\n"), _untouched(text).split("\n"), patched.split("\n")
    if before == written:
        return patched
    locations = [0] * (len(before) + 1)  # where the line of `before` is in `written`
    for _, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, written, autojunk=False).get_opcodes():
        for index in range(i1, i2 + 1):
            locations[index] = min(j1 + index - i1, j2) if index < i2 else j2
    locations[0] = 0
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += written[locations[i1] : locations[i2]]
        else:  # empty lines below a changed one, which ruamel dropped, were outside of it
            lines += after[j1:j2]
            below = min(locations[i2 - 1] + 1, locations[i2]) if i2 > i1 else locations[i2]
            lines += takewhile(lambda line: not line.strip(), written[below : locations[i2]])
    return "\n".join(lines)


def _set(tree: Untyped, plain: object, edit: Edit, where: str) -> None:
    """Set one value in the round-trip tree; `plain` is the chart's own data, which says what exists."""
    node, chart, path = tree, plain, edit.path
    for depth, key in enumerate(path[:-1]):
        open_here = edit.kept or is_open(path[:depth], chart)
        if not open_here and (not isinstance(chart, Mapping) or key not in chart):
            raise _unknown(path, depth, chart, edit, where)
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
        chart = chart.get(key) if isinstance(chart, Mapping) else None
    if not edit.kept and not is_open(path[:-1], chart):
        if not isinstance(chart, Mapping) or path[-1] not in chart:
            raise _unknown(path, len(path) - 1, chart, edit, where)
        _check_type(chart[path[-1]], edit, where)
    if not hasattr(node, "ca"):  # plain data
        node[path[-1]] = _copied(edit.value)
        return
    if not (isinstance(edit.value, Mapping | list) and edit.value):
        _comments_before(node, path[-1])
    node[path[-1]] = _quoted(edit.value)


def _comments_before(node: Untyped, key: str) -> None:
    """Move the comments below a key above it: ruamel writes a value without lines of its own below them, wrongly."""
    slots = node.ca.items.get(key)
    if slots and slots[3]:
        slots[1], slots[3] = [*(slots[1] or []), *slots[3]], None


def is_open(path: Path, chart: object) -> bool:
    """Whether keys below `path` are the user's own: listed in OPEN, or a map that the chart leaves empty."""
    return any(path[: len(known)] == known for known in OPEN) or (bool(path) and chart in ({}, None))


def _unknown(path: Path, depth: int, chart: object, edit: Edit, where: str) -> AcksmError:
    keys = [str(key) for key in chart] if isinstance(chart, Mapping) else []
    near = difflib.get_close_matches(path[depth], keys, n=1, cutoff=0.4)
    prefix = ".".join(path[:depth])
    hint = (
        f"; did you mean {'.'.join([*path[:depth], near[0]])}?"
        if near
        else (f"; {prefix or 'the chart'} has: {', '.join(keys[:20])}" if keys else "")
    )
    return AcksmError(
        "values-unknown-key", f"the chart has no value {'.'.join(path)}{hint}", where=f"{edit.origin} → {where}"
    )


def _without_nulls(value: Value) -> Value:
    """The values as templates and schema get them: helm drops keys whose value is null."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _check_type(default: object, edit: Edit, where: str) -> None:
    if edit.value is None:
        return
    kinds: dict[type, str] = {
        bool: "true or false",
        int: "an integer",
        str: "a string",
        list: "a list",
        dict: "a mapping",
    }
    for kind, name in kinds.items():
        if type(default) is kind:
            # an empty string in the chart means "not set"
            if not isinstance(edit.value, kind) or (kind is int and isinstance(edit.value, bool)):
                raise AcksmError(
                    "values-type",
                    f"{'.'.join(edit.path)} must be {name}, not {edit.value!r}",
                    where=f"{edit.origin} → {where}",
                )
            return


def _quoted(value: object) -> object:
    """Strings that YAML could take for another type get double quotes, at any depth."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, str):
        plain = value.isprintable() and not _NUMBER_LIKE.match(value) and value.lower() not in _OTHER_THAN_TEXT
        return value if plain else DoubleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return {key: _quoted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    return value


def validate(values: Document, schema: Document | None, where: str) -> None:
    """Against the chart's schema (draft 7), where it has one, as helm does. Errors: values-schema, chart-invalid."""
    if not schema:
        return
    import jsonschema

    if any(not ref.startswith("#") for ref in _references(schema)):  # the library would fetch it from any URL
        raise AcksmError("chart-invalid", "values.schema.json refers to another file", where=where)
    try:
        jsonschema.Draft7Validator.check_schema(schema)
        errors = sorted(
            jsonschema.Draft7Validator(schema).iter_errors(_without_nulls(values)),
            key=lambda error: list(map(str, error.path)),
        )
    except Exception as error:  # whatever the library raises for an invalid schema: not acksm's defect
        raise AcksmError("chart-invalid", f"values.schema.json is invalid: {error}"[:300], where=where) from error
    if errors:
        problems = "; ".join(
            f"{'.'.join(map(str, error.path)) or '(top)'}: {error.message}"[:300] for error in errors[:5]
        )
        paths = [[str(key) for key in error.path] for error in errors]
        raise AcksmError("values-schema", problems, where=where, details={"paths": paths})


def _references(schema: object) -> Iterator[str]:
    """Every `$ref` of a JSON schema, at any depth."""
    if isinstance(schema, Mapping):
        yield from [str(schema["$ref"])] if "$ref" in schema else []
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def parse_set(text: str, chart_values: Document) -> Edit:
    """`a.b=c` (a dot in a key is `\\.`) as an Edit; the chart's own value decides the type, JSON is accepted for lists
    and mappings. Error: `values-type`."""
    left, equals, right = text.partition("=")
    path = tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", left))
    if not equals or not all(path) or len(path) > MAX_DEPTH:
        raise AcksmError("values-type", f'"{text}" is not in the form KEY=VALUE', where="--set")
    default: object = chart_values
    for key in path:
        default = default.get(key) if isinstance(default, Mapping) else None
    return Edit(path, _typed(right, default, text), "--set", explicit=True)


def _typed(text: str, default: object, whole: str) -> object:
    if isinstance(default, bool) or (default is None and text in {"true", "false"}):
        if text not in {"true", "false"}:
            raise AcksmError("values-type", f'"{whole}": expected true or false', where="--set")
        return text == "true"
    if isinstance(default, int):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise AcksmError("values-type", f'"{whole}": expected an integer', where="--set")
        return int(text)
    if isinstance(default, list | dict):
        try:
            return bounded.check(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise AcksmError("values-type", f'"{whole}": expected JSON: {error}', where="--set") from error
    return text


def flatten(values: Document, chart_values: Document, origin: str) -> Iterator[Edit]:
    """A mapping (a file's, or an installed release's) as edits, one for each leaf; lists are leaves.

    An empty mapping over one of the chart's changes nothing, as in helm: `labels: {}` in a file does not clear labels.
    """

    def walk(node: Document, chart: object, path: Path) -> Iterator[Edit]:
        for key, value in node.items():
            here = (*path, str(key))
            below = chart.get(key) if isinstance(chart, Mapping) else None
            if isinstance(value, Mapping) and (value or isinstance(below, Mapping)):
                yield from walk(value, below, here)
            else:
                yield Edit(here, value, origin)

    yield from walk(values, chart_values, ())


def leaves(edit: Edit, chart_values: Document) -> Iterator[Edit]:
    """An edit of a whole mapping (`--set a={"b": 1}`) as edits of its leaves: acksm merges, as helm does."""
    nested: Document = {edit.path[-1]: edit.value}
    for key in reversed(edit.path[:-1]):
        nested = {key: nested}
    return (replace(leaf, explicit=edit.explicit) for leaf in flatten(nested, chart_values, edit.origin))


def read_file(path: str) -> Document:
    """A user's values file. Error: `values-file` with line and column."""
    from pathlib import Path as File

    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        raw = bounded.read(File(path), MAX_FILE)
        loaded: object = bounded.check(YAML(typ="safe", pure=True).load(yaml_reader.not_deep(raw.decode("utf-8"))))
    except OSError as error:
        remedy = f"ls {shlex.quote(path.rpartition('/')[0] or '.')}   (the path is wrong, or the file cannot be read)"
        raise AcksmError("values-file", f"cannot read the file: {error.strerror}", where=path, remedy=remedy) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise AcksmError(
            "values-file",
            f"not YAML: {error.problem}",
            where=f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path,
        ) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise AcksmError("values-file", f"not YAML: {error}"[:300], where=path) from error
    found = loaded or {}
    if not isinstance(found, Mapping):
        raise AcksmError("values-file", "the file is not a mapping", where=path)
    return found
