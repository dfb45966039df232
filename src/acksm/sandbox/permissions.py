"""IAM's decision over identity policies, as far as practice needs it.

moto enforces nothing for web identities and takes a condition that it does not know for a denial, so the gate decides
itself: action and resource patterns, Deny over Allow. A resource that the request does not tell matches every pattern;
conditions of an Allow count as met, those of a Deny as not met.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from acksm.globs import pattern

ALLOWED, DENIED, NOT_ALLOWED = "allowed", "explicitDeny", "implicitDeny"


def decide(documents: Iterable[Mapping[str, Any]], action: str, resource: str = "") -> str:
    """One of ALLOWED, DENIED (by a statement) and NOT_ALLOWED (by none)."""
    answer = NOT_ALLOWED
    for document in documents:
        for statement in _list(document.get("Statement")):
            if not (matches(statement, "Action", action, fold=True) and matches(statement, "Resource", resource)):
                continue
            if statement.get("Effect") == "Deny" and not statement.get("Condition"):
                return DENIED
            if statement.get("Effect") == "Allow":
                answer = ALLOWED
    return answer


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def matches(statement: Mapping[str, Any], element: str, value: str, *, fold: bool = False) -> bool:
    """Whether a statement's Action or Resource (or its Not…) has `value`; "" stands for one that is not told."""
    if not value:
        return True
    if f"Not{element}" in statement:
        return not any(pattern(str(item), fold=fold).fullmatch(value) for item in _list(statement[f"Not{element}"]))
    return any(pattern(str(item), fold=fold).fullmatch(value) for item in _list(statement.get(element)))


def documents_of(backend: Any, kind: str, name: str) -> list[dict[str, Any]]:
    """The policy documents of a user or role ("user", "role") of moto's IAM backend. KeyError when it is not there."""
    found: list[Any] = []
    if kind == "role":
        role = next((role for role in backend.roles.values() if role.name == name), None)
        if role is None:
            raise KeyError(name)
        found = [*role.policies.values(), *(_default(policy) for policy in role.managed_policies.values())]
    else:
        user = backend.users[name]
        groups = [group for group in backend.groups.values() if user in group.users]
        for holder in (user, *groups):
            found += [*holder.policies.values(), *(_default(policy) for policy in holder.managed_policies.values())]
    return [json.loads(item) if isinstance(item, str) else dict(item) for item in found]


def _default(policy: Any) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def principal(arn: str) -> tuple[str, str]:
    """("user" or "role", name) of an IAM ARN, or of an STS one of an assumed role; ("", "") for any other."""
    match = re.fullmatch(r"arn:[^:]+:(?:iam|sts)::\d{12}:(user|role|assumed-role)/(.+)", arn)
    if not match:
        return "", ""
    if match[1] == "assumed-role":
        return "role", match[2].split("/")[0]
    return match[1], match[2].rpartition("/")[2]
