"""Reading the YAML of charts as helm and kubectl do: by libyaml, into JSON types.

ruamel.yaml is for files that are written again with their comments. It takes half a second for the CRDs of one chart,
libyaml a sixth of that; PyYAML is a dependency of the kubernetes library anyway.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

from acksm.json_types import Json, Untyped, Value

MAX_DEPTH = 60
_TOO_DEEP = "maximum nesting depth"  # libyaml's own limit
_remembered: dict[str, list[Value]] = {}  # by text


class YamlError(ValueError):
    """Not YAML, or YAML that no chart needs. `unsafe`: aliases (a few lines can expand to gigabytes) and
    nesting deeper than MAX_DEPTH."""

    def __init__(self, message: str, *, unsafe: bool = False) -> None:
        super().__init__(message)
        self.unsafe = unsafe


def load_all(text: str) -> list[Value]:
    """Every document of `text`: mappings, lists, texts, numbers, true, false and null. What is remembered is
    shared, and may not be changed. Error: YamlError."""
    if text in _remembered:
        return list(_remembered[text])
    import yaml

    loader = _loader()
    try:
        _check(text, loader)
        return list(yaml.load_all(text, Loader=loader))
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError) as error:
        # libyaml has a limit of its own, and reaches it when it reads ahead
        raise YamlError(str(error), unsafe=_TOO_DEEP in str(error)) from error


def remember(text: str, documents: list[Value]) -> None:
    """What `load_all` has read of `text`, for its next caller."""
    _remembered[text] = documents


def load(text: str) -> Value:
    """The only document of `text`; None for an empty one. Error: YamlError."""
    documents = load_all(text)
    if len(documents) > 1:
        raise YamlError(f"{len(documents)} documents; expected one")
    return documents[0] if documents else None


def first(text: str) -> Value:
    """The first document, None for an empty text: as Go reads a file of one document. The last of duplicate keys
    counts, and aliases are followed: the result may need `acksm.bounded.check`. Error: YamlError."""
    import yaml

    try:
        return next(iter(yaml.load_all(text, Loader=_loader(unique=False))), None)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise YamlError(str(error)) from error


def not_deep(text: str) -> str:
    """`text` for ruamel.yaml, whose time grows with the square of the depth of brackets. Error: YamlError."""
    if text.count("[") + text.count("{") > MAX_DEPTH:
        import yaml

        try:
            _check(text, _loader(), aliases=True)
        except yaml.YAMLError as error:  # ruamel says in which line
            if _TOO_DEEP in str(error):
                raise YamlError(str(error), unsafe=True) from error
    return text


def _check(text: str, loader: Untyped, *, aliases: bool = False) -> None:
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or (isinstance(event, yaml.AliasEvent) and not aliases):
            raise YamlError("YAML aliases or too deep nesting", unsafe=True)


@cache
def _loader(*, unique: bool = True) -> Untyped:
    """PyYAML's safe loader without the types that JSON and Go's YAML lack: times, base-60 numbers, `=`."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, list[Untyped]]] = {}

        def construct_mapping(self, node: Untyped, deep: bool = False) -> Json:
            found: Json = super().construct_mapping(node, deep=deep)
            if unique and len(found) != len(node.value):
                raise YamlError(f"duplicate key in a mapping, line {node.start_mark.line + 1}")
            return found

    for tag, pattern, first in (
        ("merge", r"<<", ["<"]),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", list("yYnNtTfFoO")),
        ("int", r"[-+]?(?:0b[0-1_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)", list("-+0123456789")),
        (
            "float",
            r"[-+]?(?:[0-9][0-9_]*)?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+"
            r"|[-+]?[0-9][0-9_]*\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
            list("-+0123456789."),
        ),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)
    return Loader
