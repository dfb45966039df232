"""docs/schemas: the JSON Schemas (2020-12) of report documents and of acksm.yaml."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from acksm import reports
from acksm.cli.schema import DIALECT, of_settings, untitled
from acksm.engine.plan_file import SCHEMA as PLAN_SCHEMA
from acksm.exits import ExitCode
from acksm.fleet.file import OF_THE_RUN, File
from acksm.ui import SCHEMA
from generator.cli import click_group, commands

_REF = "#/$defs/{model}"
Json = dict[str, Any]
_OTHERS = {*reports.VERBATIM, *reports.PASSED_ON}


def report() -> str:
    """Schema of the document of every command: a failure, or the command's own report."""
    _use_docstrings()
    shapes = _shapes()
    inputs = [(name, "serialization", TypeAdapter(shape)) for name, shape in {**shapes, "": reports.Envelope}.items()]
    found, document = TypeAdapter.json_schemas(inputs, ref_template=_REF)  # type: ignore[arg-type]
    definitions = document["$defs"]
    envelope = definitions.pop("Envelope")
    envelope["properties"]["schema"]["const"] = SCHEMA
    envelope["properties"]["exit_code"]["enum"] = [int(code) for code in ExitCode]
    failure = {
        "description": "A command that ended without a result.",
        "properties": {"error": {"$ref": "#/$defs/Error"}, "exit_code": {"not": {"const": 0}}},
    }
    commands_of = {name: found[(name, "serialization")] for name in shapes}
    choices = [failure] + [
        {"properties": {"command": {"const": name}, "error": {"type": "null"}}, **ref}
        for name, ref in commands_of.items()
    ]
    return _text(
        {
            "$schema": DIALECT,
            "title": "What acksm prints with -o json and -o yaml",
            "description": "Fields may be added within v1; none goes or changes its meaning. "
            + " ".join(
                f"`acksm {name}` prints {what}." for name, what in {**reports.VERBATIM, **reports.PASSED_ON}.items()
            ),
            **{key: envelope[key] for key in ("type", "properties", "required")},
            "oneOf": choices,
            "$defs": definitions,
        }
    )


def settings() -> str:
    """Schema of acksm.yaml: the settings under the options' own names."""
    return of_settings(click_group())


def plan_file() -> str:
    """Schema of the files of `acksm plan -o`."""
    _use_docstrings()
    schema = TypeAdapter(reports.PlanFile).json_schema(ref_template=_REF)
    schema["properties"]["schema"]["const"] = PLAN_SCHEMA
    return _text({"$schema": DIALECT, **schema, "title": "The plan file of acksm plan and acksm apply"})


def fleet() -> str:
    """Schema of fleet.yaml: the fleet's own keys, and in an entry every setting of acksm.yaml."""
    schema = File.model_json_schema(ref_template=_REF)
    entry = json.loads(settings())["properties"]
    definitions = {name: untitled(shape) for name, shape in schema.pop("$defs").items()}
    for name in ("Entry", "Defaults"):
        own = definitions[name]["properties"]
        own |= {option.replace("-", "_"): shape for option, shape in entry.items() if option.replace("-", "_") in own}
        for option in OF_THE_RUN:
            del own[option]
    for shape in (schema, *(definitions[name] for name in ("Entry", "Defaults", "Discovery", "Wave"))):
        shape["properties"] = {name.replace("_", "-"): value for name, value in shape["properties"].items()}
        shape["required"] = [name.replace("_", "-") for name in shape.get("required", ())]
    return _text({"$schema": DIALECT, **untitled(schema), "title": "fleet.yaml", "$defs": definitions})


def complaints() -> list[str]:
    """Commands that nobody has given a report shape."""
    known = {*reports.REPORTS, *_OTHERS}
    return [f"acksm {c.name} has no line in acksm.reports.REPORTS" for c in commands() if c.name not in known]


def _shapes() -> dict[str, Any]:
    """The report of each command; any object for one that has none yet (`complaints` tells)."""
    return {c.name: reports.REPORTS.get(c.name, dict[str, Any]) for c in commands() if c.name not in _OTHERS}


def _use_docstrings() -> None:
    for item in vars(reports).values():
        if isinstance(item, type) and item.__module__.startswith(reports.__name__ + "."):
            item.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)  # type: ignore[attr-defined]


def _text(schema: Json) -> str:
    top = {key: schema[key] for key in ("$schema", "title", "description") if key in schema}
    rest = {
        key: untitled(item) if key != "properties" else {k: untitled(v) for k, v in item.items()}
        for key, item in schema.items()
        if key not in top
    }
    return json.dumps({**top, **rest}, indent=2, ensure_ascii=False) + "\n"
