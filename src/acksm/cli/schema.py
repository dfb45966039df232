"""The JSON Schema (2020-12) of acksm.yaml, with the help of the options."""

from __future__ import annotations

import json
from collections.abc import Iterator

from acksm.json_types import Untyped

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def of_settings(root: Untyped) -> str:
    """The schema of the settings under the options' own names, as text; `root` is the command line's."""
    from acksm.config import FILE_ONLY
    from acksm.settings import Flat

    schema, told = Flat.model_json_schema(), _help(root)
    properties = {
        name.replace("_", "-"): untitled(item) | ({"description": told[name]} if name in told else {})
        for name, item in schema["properties"].items()
    }
    document = {
        "$schema": DIALECT,
        "title": "acksm.yaml",
        "description": "Settings of acksm; every one but "
        + ", ".join(sorted(FILE_ONLY))
        + " is also an option and an ACKSM_ variable.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": {name: untitled(item) for name, item in schema.get("$defs", {}).items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def untitled(value: Untyped) -> Untyped:
    """Without the titles that pydantic makes from names."""
    if isinstance(value, list):
        return [untitled(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: untitled(item) for name, item in inner.items()} if key == "properties" else untitled(inner)
        for key, inner in value.items()
        if not (key == "title" and isinstance(inner, str))
    }


def split(help: str) -> tuple[str, str]:
    """ "Namespace of the controllers [ack-system]." as its text and the default in the brackets."""
    text = help.strip().removesuffix(".")
    if text.endswith("]") and "[" in text:
        text, _, default = text[:-1].rpartition("[")
        return text.strip() + ".", default
    return help.strip(), ""


def _help(root: Untyped) -> dict[str, str]:
    """What the command line says of each setting, by field name."""
    from acksm.config import FILE_ONLY
    from acksm.settings import Flat

    settings = Flat.model_fields.keys() - FILE_ONLY
    found: dict[str, str] = {}
    for command in _commands(root):
        for parameter in command.params:
            if parameter.name in settings:
                found.setdefault(parameter.name, split(str(parameter.help or ""))[0])
    return found


def _commands(command: Untyped) -> Iterator[Untyped]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield command
        return
    for sub in inner.values():
        yield from _commands(sub)
