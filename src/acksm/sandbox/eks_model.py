"""Requests to EKS that moto has no answer for: their parameters, and what botocore's model does not allow of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from acksm.json_types import Json, Value
from acksm.sandbox import actions, iam_model

if TYPE_CHECKING:
    from botocore.model import ServiceModel, Shape


@lru_cache(maxsize=1)
def model() -> ServiceModel:
    """botocore's model of EKS."""
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel

    return ServiceModel(create_loader(None).load_service_model("eks", "service-2"), "eks")


def parameters(verb: str, path: str, query: str, body: bytes) -> Json:
    """The request's parameters by the names of their members, wherever the protocol puts each."""
    operation = model().operation_model(verb)
    route = str(operation.http["requestUri"]).partition("?")[0]
    pairs = zip(actions.segments(route), actions.segments(path), strict=True)
    in_path = {own.strip("{}"): given for own, given in pairs if own.startswith("{")}
    in_query = {name: values[0] for name, values in parse_qs(query).items()}
    loaded = json.loads(body) if body else {}
    found: Json = {}
    for name, shape in (operation.input_shape.members if operation.input_shape else {}).items():
        where = shape.serialization.get("location", "body")
        source = {"uri": in_path, "querystring": in_query}.get(where, loaded)
        wire = str(shape.serialization.get("name", name))
        if isinstance(source, Mapping) and source.get(wire) is not None:
            number = shape.type_name in {"integer", "long"} and isinstance(source[wire], str)
            found[name] = int(source[wire]) if number else source[wire]
    return found


def fault(verb: str, params: Mapping[str, Value]) -> str:
    """Why EKS refuses the parameters of `verb`, "" where it does not."""
    shape = model().operation_model(verb).input_shape
    return next(_faults(shape, params, ""), "") if shape else ""


_TYPES = {"string": str, "boolean": bool, "integer": int, "long": int, "structure": dict, "map": dict, "list": list}


def _is(kind: str, value: object) -> bool:
    return isinstance(value, _TYPES.get(kind, object))


def _faults(shape: Shape, value: Value, path: str) -> Iterator[str]:
    from botocore.model import ListShape, MapShape, StructureShape

    kind = shape.type_name
    if not _is(kind, value):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must be of type {kind}"
    elif isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            if value.get(name) is not None:
                yield from _faults(member, value[name], below)
            elif name in shape.required_members:
                yield f"Value null at '{below}' failed to satisfy constraint: Member must not be null"
    elif isinstance(shape, ListShape):
        yield from iam_model.lengths(shape.metadata, len(value), path, f"[{len(value)} members]")
        for index, item in enumerate(value):
            yield from _faults(shape.member, item, f"{path}.{index + 1}")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _faults(shape.key, key, f"{path}.key")
            yield from _faults(shape.value, item, f"{path}.{key}")
    elif kind == "string":
        yield from iam_model.string(shape.metadata, path, value)
