"""The values of an installed release, as edits of the chart that it is to have.

What a live release has is never refused for its key: what no template reads never had an effect and is dropped, and
the caller says so. What the user writes now is checked by `acksm.helm.values`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from dataclasses import replace
from functools import lru_cache

from acksm import yaml_reader
from acksm.archive import Chart
from acksm.helm.values import Edit, Path, flatten, is_open, plain
from acksm.json_types import Document
from acksm.words import counted

ORIGIN = "what is installed"
_READ = re.compile(r"\.Values((?:\.[A-Za-z_]\w*)+)")
_INDEXED = re.compile(r"index \$?\.Values((?: \"[^\"\n]{0,200}\"){1,20})")


def edits(installed: Document, chart: Chart) -> list[Edit]:
    """The installed values that have an effect in `chart`, in its types."""
    default = plain(chart.values_text)
    read = references(chart)
    return [
        replace(edit, value=_typed(edit.value, _default(default, edit.path)), kept=True)
        for edit in flatten(installed, default, ORIGIN)
        if not _is_unknown(edit.path, default, read)
    ]


def unknown(installed: Document, chart: Chart) -> list[str]:
    """Values, as "a.b", that the chart does not have and no template of it reads: helm and the chart's schema accept
    them (docs/ack/versions.md#unknown-values)."""
    default, read = plain(chart.values_text), references(chart)
    paths = (edit.path for edit in flatten(installed, default, ""))
    return [".".join(path) for path in paths if _is_unknown(path, default, read)]


def note(installed: Document, chart: Chart, before: Document, managed: Container[Path] = ()) -> str:
    """What is dropped of the release's values, "" for nothing. `before` are the values of the chart that it had;
    those `managed` are set from options."""
    dropped = [path for path in unknown(installed, chart) if tuple(path.split(".")) not in managed]
    lost = [path for path in dropped if _has(before, tuple(path.split(".")))]
    never = [path for path in dropped if path not in lost]
    parts = [f"{', '.join(never)} (never had an effect)"] if never else []
    parts += [f"{', '.join(lost)} (not in {chart.name} {chart.version})"] if lost else []
    return f"dropped {counted(len(dropped), 'value')} of the release: {'; '.join(parts)}" if dropped else ""


def references(chart: Chart) -> frozenset[Path]:
    """The values that the templates read, such as ("aws", "region")."""
    return _references(tuple(raw for name, raw in chart.files.items() if name.startswith("templates/")))


@lru_cache(maxsize=8)
def _references(templates: tuple[bytes, ...]) -> frozenset[Path]:
    found: set[Path] = set()
    for raw in templates:
        text = raw.decode("utf-8", "replace")
        found |= {tuple(match[1][1:].split(".")) for match in _READ.finditer(text)}
        found |= {tuple(re.findall(r'"([^"]*)"', match[1])) for match in _INDEXED.finditer(text)}
    return frozenset(found)


def _is_unknown(path: Path, default: object, read: frozenset[Path]) -> bool:
    """Whether the chart has no such value and its templates read neither it nor all that it is part of."""
    node = default
    for depth, key in enumerate(path):
        if is_open(path[:depth], node):
            return False
        if not isinstance(node, Mapping) or key not in node:
            break
        node = node[key]
    else:
        return False
    return not any(path[: len(one)] == one or one[: len(path)] == path for one in read)


def _has(values: object, path: Path) -> bool:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


def _default(values: object, path: Path) -> object:
    """The chart's default, None below a map whose keys are the user's own: values there have any type."""
    for depth, key in enumerate(path):
        if is_open(path[:depth], values):
            return None
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _typed(value: object, default: object) -> object:
    """A value in the type of the chart's default, where it is only written differently: `"2"`, `"[]"`, `5` for a text.
    Schemas of newer charts refuse what older ones accepted."""
    if default is None or value is None or type(value) is type(default):
        return value
    if isinstance(default, str):
        return json.dumps(value) if isinstance(value, bool | int | float) else value
    if isinstance(value, str):
        try:
            read = yaml_reader.load(value)
        except yaml_reader.YamlError:
            return value
        if read is None and isinstance(default, list):
            return []
        return read if type(read) is type(default) else value
    return value
