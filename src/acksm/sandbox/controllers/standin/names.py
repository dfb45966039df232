"""Field names and values between an object's spec and the API: roleARN and RoleArn, modelDataURL and ModelDataUrl.

Into the API, names are matched by letters alone, against the shapes of botocore's model; out of it, words that ACK
writes in capitals are capitalised (compared with the CRDs of sagemaker 1.9.1 and applicationautoscaling 1.4.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from acksm.json_types import Untyped, Value

_CAPITALS = {
    "acl": "ACL",
    "ami": "AMI",
    "api": "API",
    "arn": "ARN",
    "arns": "ARNs",
    "aws": "AWS",
    "cpu": "CPU",
    "dns": "DNS",
    "ebs": "EBS",
    "efs": "EFS",
    "gpu": "GPU",
    "iam": "IAM",
    "id": "ID",
    "ids": "IDs",
    "ip": "IP",
    "kms": "KMS",
    "sns": "SNS",
    "sqs": "SQS",
    "ssl": "SSL",
    "ui": "UI",
    "uid": "UID",
    "uri": "URI",
    "uris": "URIs",
    "url": "URL",
    "urls": "URLs",
    "vpc": "VPC",
}
_WORD = re.compile(r"[A-Z]{1,64}[0-9]{0,64}(?=[A-Z][a-z])|[A-Z][a-z0-9]*|[A-Z]+[0-9]*|[a-z0-9]+")


@lru_cache(maxsize=4096)
def field_name(member: str, *, nested: bool = False) -> str:
    """The spec's name of an API member: the first word in lower case, ACK's capitals in the others."""
    if member == "Type" and nested:
        return "type_"  # a keyword of Go
    words = _WORD.findall(member)
    rest = [_CAPITALS.get(word.lower(), word) for word in words[1:]]
    return "".join([words[0].lower(), *rest])


def letters(name: str) -> str:
    """The part of a name that is compared: roleARN and RoleArn are the same."""
    return name.rstrip("_").lower()


def to_api(value: Value, shape: Untyped) -> Value:
    """A spec's value as the API takes it; `shape` is botocore's. What the API does not know is left out."""
    if value is None:
        return None
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {letters(name): (name, inner) for name, inner in shape.members.items()}
        found = {}
        for key, item in value.items():
            if letters(key) in members and item is not None:
                name, inner = members[letters(key)]
                found[name] = to_api(item, inner)
        return found
    if shape.type_name == "list" and isinstance(value, list):
        return [to_api(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: to_api(item, shape.value) for key, item in value.items()}
    if shape.type_name in {"integer", "long"} and isinstance(value, float):
        return int(value)
    if shape.type_name in {"float", "double"} and isinstance(value, int):
        return float(value)
    return value


def to_fields(value: Value, shape: Untyped, *, nested: bool = False) -> Value:
    """An API answer's value as ACK writes it into an object."""
    if value is None:
        return None
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {
            field_name(name, nested=nested): to_fields(value[name], inner, nested=True)
            for name, inner in shape.members.items()
            if value.get(name) is not None
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [to_fields(item, shape.member, nested=True) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: to_fields(item, shape.value, nested=True) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def differs(desired: object, observed: object) -> bool:
    """Whether AWS differs from the spec. What the spec leaves out is for AWS to choose."""
    if desired is None or desired in ({}, []):
        return False
    if isinstance(desired, Mapping):
        if not isinstance(observed, Mapping):
            return True
        return any(differs(item, observed.get(key)) for key, item in desired.items())
    if isinstance(desired, list):
        if not isinstance(observed, list) or len(desired) != len(observed):
            return True
        return any(differs(one, two) for one, two in zip(desired, observed, strict=True))
    if isinstance(desired, int | float) and isinstance(observed, int | float):
        return float(desired) != float(observed)
    return bool(desired != observed)
