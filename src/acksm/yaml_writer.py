"""Writing Kubernetes objects and other documents as YAML that every reader understands alike.

By libyaml, as `acksm.yaml_reader` reads: the CRDs of one chart take ruamel.yaml seconds. Texts that YAML 1.1
(kubectl, kustomize, CloudFormation) or 1.2 would read as something else are quoted, `no` and an account's digits too.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acksm.json_types import Untyped

# What no version of YAML reads as anything but a text, unless it is one of the words below.
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+=,%-]*(:+[A-Za-z0-9_./@+=,%*-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
_STRING = "tag:yaml.org,2002:str"


def dump(document: object) -> str:
    """One document; the order of keys is kept. The same text for the same document, and a newline at its end."""
    import yaml

    text: str = yaml.dump(
        document, Dumper=_dumper(), sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**31 - 1
    )
    return text


def readable(document: object) -> str:
    """For people who compare two documents: sorted keys, texts of one line, quoted only where YAML asks for it."""
    import yaml

    text: str = yaml.dump(document, Dumper=_reader(), allow_unicode=True, default_flow_style=False, width=4096)
    return text


@cache
def _unaliased() -> Untyped:
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Without aliases: equal parts of a document are written each time."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    return Dumper


@cache
def _reader() -> Untyped:
    class Dumper(_unaliased()):  # type: ignore[misc]
        """With quotes for the numbers of YAML 1.2 too, such as an account's digits."""

    def text(dumper: Untyped, value: str) -> Untyped:
        style = '"' if "\n" in value else "'" if _NUMBER.fullmatch(value) else None
        return dumper.represent_scalar(_STRING, value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


@cache
def _dumper() -> Untyped:
    class Dumper(_unaliased()):  # type: ignore[misc]
        """With quotes for every text that some reader takes for something else."""

    def text(dumper: Untyped, value: str) -> Untyped:
        if "\n" in value and _is_block(value):
            return dumper.represent_scalar(_STRING, value, style="|")
        plain = bool(_PLAIN.fullmatch(value)) and value.lower() not in _WORDS
        return dumper.represent_scalar(_STRING, value, style=None if plain else '"')

    Dumper.add_representer(str, text)
    return Dumper


def _is_block(value: str) -> bool:
    """Whether a literal block keeps every character of `value`."""
    lines = value.split("\n")
    return not value.startswith((" ", "\n")) and all(line.isprintable() and line == line.rstrip() for line in lines)
