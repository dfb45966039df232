"""What IAM refuses of a request by itself: lengths, patterns, numbers and enums, as botocore's model of IAM has them.

botocore sends most of what its model does not allow; moto accepts it. The messages are AWS's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from acksm.json_types import Document

# Java's classes of letters, separators and digits, which Python's patterns do not have
_CLASSES = {"\\p{L}": "\\w", "\\p{Z}": "\\s", "\\p{N}": "\\d"}


@lru_cache(maxsize=1)
def _model() -> Document:
    from botocore.loaders import create_loader

    found: Document = create_loader(None).load_service_model("iam", "service-2")
    return found


def fault(verb: str, params: Mapping[str, str]) -> str:
    """Why IAM refuses the parameters of `verb`, "" where it does not."""
    operation = _model()["operations"].get(verb)
    if operation is None:
        return f"Could not find operation {verb} for version 2010-05-08"
    wrong = list(_structure(operation["input"]["shape"], "", params)) if "input" in operation else []
    count = f"{len(wrong)} validation error{'s' if len(wrong) > 1 else ''} detected: "
    return count + "; ".join(wrong) if wrong else ""


def _structure(shape: str, prefix: str, params: Mapping[str, str]) -> Iterator[str]:
    found = _model()["shapes"][shape]
    for member, of in found["members"].items():
        path = f"{prefix}{member}"
        given = [key for key in params if key == path or key.startswith(f"{path}.")]
        if given:
            yield from _value(str(of["shape"]), path, params)
        elif member in found.get("required", ()):
            yield f"Value null at '{_told(path)}' failed to satisfy constraint: Member must not be null"


def _value(shape: str, path: str, params: Mapping[str, str]) -> Iterator[str]:
    found = _model()["shapes"][shape]
    if found["type"] == "structure":
        yield from _structure(shape, f"{path}.", params)
    elif found["type"] == "list":
        pattern = re.compile(re.escape(path) + r"\.member\.(\d{1,4})(?=\.|$)")
        indexes = {match[1] for key in params if (match := pattern.match(key))}
        yield from lengths(found, len(indexes), path, f"[{len(indexes)} members]")
        for index in sorted(indexes, key=int):
            yield from _value(str(found["member"]["shape"]), f"{path}.member.{index}", params)
    elif found["type"] in {"integer", "long"}:
        number = int(params[path]) if re.fullmatch(r"-?\d{1,18}", params[path]) else -1
        if not found.get("min", number) <= number <= found.get("max", number):
            limits = f"between {found.get('min')} and {found.get('max')}"
            yield _refused(params[path], path, f"Member must have value {limits}")
    elif found["type"] == "string":
        yield from string(found, path, params[path])


def string(shape: Document, path: str, text: str) -> Iterator[str]:
    yield from lengths(shape, len(text), path, text)
    pattern = str(shape.get("pattern", ""))
    if pattern:
        flags = re.RegexFlag(0) if "\\p{" in pattern else re.ASCII
        python = pattern
        for java, own in _CLASSES.items():
            python = python.replace(java, own)
        if not re.fullmatch(python, text, flags):
            yield _refused(text, path, f"Member must satisfy regular expression pattern: {pattern}")
    if "enum" in shape and text not in shape["enum"]:
        yield _refused(text, path, f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")


def lengths(shape: Document, length: int, path: str, text: str) -> Iterator[str]:
    if length > shape.get("max", length):
        yield _refused(text, path, f"Member must have length less than or equal to {shape['max']}")
    if length < shape.get("min", length):
        yield _refused(text, path, f"Member must have length greater than or equal to {shape['min']}")


def _refused(text: str, path: str, constraint: str) -> str:
    return f"Value '{text}' at '{_told(path)}' failed to satisfy constraint: {constraint}"


def _told(path: str) -> str:
    """A parameter as AWS names it: roleName, tags.1.member.value."""
    parts = re.sub(r"\.member\.(\d{1,4})", r".\1.member", path).split(".")
    return ".".join(part[:1].lower() + part[1:] for part in parts)
