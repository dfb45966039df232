"""Adoption by annotation: what the annotations request, and the object with the key from its adoption fields."""

from __future__ import annotations

import copy
import json

from acksm.ack.kinds import Kind
from acksm.json_types import Object
from acksm.sandbox.controllers.standin.resolve import PREFIX
from acksm.sandbox.controllers.standin.versions import Release

ADOPT, ADOPT_OR_CREATE = "adopt", "adopt-or-create"


class TerminalError(Exception):
    """The annotations are invalid; the text is the terminal condition's message."""


def notes(obj: Object) -> dict[str, str]:
    return dict(obj["metadata"].get("annotations") or {})


def says(obj: Object, name: str) -> bool:
    """Whether an annotation of the object is "true"; `name` without its prefix."""
    return notes(obj).get(PREFIX + name, "").lower() == "true"


def policy_of(obj: Object, release: Release) -> str:
    """The adoption policy, "" for none. Raises TerminalError for an unknown one."""
    if not release.has("ResourceAdoption"):
        return ""
    policy = notes(obj).get(f"{PREFIX}adoption-policy", "")
    if policy not in {"", ADOPT, ADOPT_OR_CREATE}:
        raise TerminalError(
            f'unrecognized adoption policy {policy}. Supported policies are "{ADOPT}" and "{ADOPT_OR_CREATE}"'
        )
    return policy


def populated(obj: Object, kind: Kind, policy: str) -> Object:
    """The object with its key filled in from adoption-fields. Raises TerminalError."""
    try:
        fields = _fields(notes(obj).get(f"{PREFIX}adoption-fields", ""))
    except ValueError as error:
        if policy == ADOPT_OR_CREATE:
            return obj  # the spec has the key
        raise TerminalError(f"unmarshalling adoption-fields annotation: {error}") from error
    try:
        return with_key(obj, kind, fields)
    except TerminalError as error:
        if policy == ADOPT_OR_CREATE:
            return obj
        raise TerminalError(f"Error populating adoption fields: {error}") from error


def with_key(obj: Object, kind: Kind, fields: dict[str, str]) -> Object:
    """The object with its kind's key fields set from `fields`. Raises TerminalError when one is missing."""
    found = copy.deepcopy(obj)
    spec, status = found.setdefault("spec", {}), found.setdefault("status", {})
    if kind.by_arn:
        if "arn" not in fields:
            raise TerminalError("required field missing: arn")
        status.setdefault("ackResourceMetadata", {})["arn"] = fields["arn"]
        return found
    for key in kind.key:
        if key in fields:
            (status if kind.name == "Domain" else spec)[key] = fields[key]
        elif key not in kind.optional:
            raise TerminalError(f"required field missing: {key}")
    return found


def _fields(text: str) -> dict[str, str]:
    """A flat JSON object of strings. Raises ValueError in the words of Go's decoder."""
    if not text.strip():
        raise ValueError("unexpected end of JSON input")
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"invalid character at offset {error.pos}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"json: cannot unmarshal {type(loaded).__name__} into Go value of type map[string]string")
    for value in loaded.values():
        if not isinstance(value, str):
            raise ValueError(f"json: cannot unmarshal {type(value).__name__} into Go value of type string")
    return loaded
