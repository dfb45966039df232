"""The published schema of report documents, closed: what is not in it is not allowed. For every test that has one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[1] / "docs" / "schemas"


def load(name: str) -> dict[str, Any]:
    """A published schema as it is."""
    schema: dict[str, Any] = json.loads((SCHEMAS / name).read_text("utf-8"))
    return schema


@cache
def closed() -> Draft202012Validator:
    """report.json with every object closed, so that a field nobody published is found."""
    schema = load("report.json")
    reports = {
        one.get("$ref", "").rpartition("/")[2]
        for choice in schema["oneOf"]
        for one in (choice, *choice.get("anyOf", ()))
    }
    for name, shape in schema["$defs"].items():
        if name not in reports:  # the envelope's own fields stand beside those of a report
            shape["additionalProperties"] = False
    return Draft202012Validator(schema | {"unevaluatedProperties": False})


def complaints(document: Any) -> list[str]:
    """What in `document` is not as published; [] for a good one."""
    found = list(closed().iter_errors(document))
    deep = [inner for error in found for inner in (error.context or [error])]
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"[:300] for error in deep]
