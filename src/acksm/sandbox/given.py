"""What was given when an AWS resource was created, and is described with it: moto keeps a part of it only.

By botocore's models: whatever a Describe call's answer has a member for, and the Create or Update call took. A
controller takes a missing member for a change in AWS, and tries to undo it.
"""

from __future__ import annotations

import re
from functools import cache

from acksm.json_types import Document, Json, Untyped, Value

_KEPT = "acksm_given"  # attribute of moto's backend, which a reset removes


def remember(backend: Untyped, verb: str, params: Document, answer: Document) -> None:
    """A call that succeeded."""
    kind = re.sub(r"^(Create|Update)", "", verb)
    if kind == verb:
        return
    arn = next((str(value) for key, value in answer.items() if key.endswith("Arn")), "")
    if not arn:
        path = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind).lower()
        arn = f"arn:{backend.partition}:sagemaker:{backend.region_name}:{backend.account_id}:{path}/"
        arn += str(params.get(f"{kind}Name", ""))
    kept: dict[str, Json] = backend.__dict__.setdefault(_KEPT, {})
    kept[arn] = {**(kept.get(arn, {}) if verb.startswith("Update") else {}), **params}


def completed(backend: Untyped, verb: str, answer: Json) -> Json:
    """A Describe call's answer with what it lacks."""
    kept: dict[str, Json] = backend.__dict__.get(_KEPT, {})
    params = next((kept[value] for value in answer.values() if isinstance(value, str) and value in kept), {})
    members = _members(verb)
    return _filled(answer, {key: value for key, value in params.items() if key in members})


def _filled(answer: Json, params: Document) -> Json:
    """Nothing of the answer is changed; structures in it are filled as well."""
    return {**answer, **{key: _fill(answer.get(key), value) for key, value in params.items()}}


def _fill(found: Value, given: Value) -> Value:
    if isinstance(found, dict) and isinstance(given, dict):
        return _filled(found, given)
    if isinstance(found, list) and isinstance(given, list) and len(found) == len(given):
        return [_fill(one, other) for one, other in zip(found, given, strict=True)]
    return given if found is None else found


@cache
def _members(verb: str) -> frozenset[str]:
    from moto.core.utils import get_service_model

    model = get_service_model("sagemaker")
    shape = model.operation_model(verb).output_shape if verb in model.operation_names else None
    return frozenset(shape.members if shape else ())


@cache
def list_member(verb: str) -> str:
    """The member of a List call's answer that has the objects, "" where the call has no pages."""
    from moto.core.utils import get_service_model

    model = get_service_model("sagemaker")
    if not verb.startswith("List") or verb not in model.operation_names:
        return ""
    operation = model.operation_model(verb)
    if "MaxResults" not in operation.input_shape.members:
        return ""
    return next((name for name, shape in operation.output_shape.members.items() if shape.type_name == "list"), "")
