"""IAM's decision on identity policies, as far as practice needs it.

moto enforces nothing for web identities and takes a condition that it does not know for a denial, so the gate decides
itself: action and resource patterns, conditions, Deny over Allow, boundaries, sessions' policies and SCPs. What a
statement needs and the request does not say is not met in an Allow, and met in a Deny: practice never allows more than
AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from acksm.globs import pattern
from acksm.json_types import Document, Json, Value

if TYPE_CHECKING:
    from moto.iam.models import Group, IAMBackend, ManagedPolicy, Role, User

ALLOWED, DENIED, NOT_ALLOWED = "allowed", "explicitDeny", "implicitDeny"
IDENTITY, BOUNDARY, SCP = "identity-based policy", "permissions boundary", "service control policy"
Context = Mapping[str, str]
_VARIABLE = re.compile(r"\$\{([^}]{1,128})\}")


def decide(documents: Iterable[Document], action: str, resource: str, context: Context | None = None) -> str:
    """One of ALLOWED, DENIED (by a statement) and NOT_ALLOWED (by none). `resource` "*" is a text as any other: a
    pattern of one ARN does not match it."""
    answer, known = NOT_ALLOWED, context or {}
    for statement in _applying(documents, action, resource, known):
        denies = statement.get("Effect") == "Deny"
        if not conditions_hold(statement.get("Condition") or {}, known, unknown=denies):
            continue
        if denies:
            return DENIED
        answer = ALLOWED
    return answer


def missing(documents: Iterable[Document], action: str, resource: str, context: Context) -> list[str]:
    """Condition keys that statements on this action and resource use, and `context` lacks."""
    lower = {key.lower() for key in context}
    keys = {
        str(key)
        for statement in _applying(documents, action, resource, context)
        for pairs in (statement.get("Condition") or {}).values()
        for key in pairs
    }
    return sorted(key for key in keys if key.lower() not in lower)


def _applying(documents: Iterable[Document], action: str, resource: str, context: Context) -> Iterable[Document]:
    for document in documents:
        for statement in listed(document.get("Statement")):
            if matches(statement, "Action", action, fold=True) and matches(
                statement, "Resource", resource, context=context
            ):
                yield statement


def listed(value: object) -> list[Value]:
    """IAM's grammar allows a list of one to be written without brackets."""
    return value if isinstance(value, list) else [] if value is None else [value]


def matches(
    statement: Document, element: str, value: str, *, fold: bool = False, context: Context | None = None
) -> bool:
    """Whether a statement's Action or Resource (or its Not…) has `value`."""
    inverted = f"Not{element}" in statement
    items = listed(statement.get(f"Not{element}" if inverted else element))
    wanted = [filled(str(item), context or {}) for item in items]
    return inverted != any(pattern(item, fold=fold).fullmatch(value) for item in wanted)


def filled(text: str, context: Context) -> str:
    """A policy's text with its variables replaced; an unknown one is kept, and matches nothing."""
    lower = {key.lower(): value for key, value in context.items()}
    return _VARIABLE.sub(lambda match: lower.get(match[1].lower(), match[0]), text)


def conditions_hold(conditions: Document, context: Context, *, unknown: bool = False) -> bool:
    """All operators over all keys. `unknown` is the answer of an operator that practice does not know."""
    lower = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, lower.get(key.lower()), [filled(str(item), context) for item in listed(wanted)], unknown)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, value: str | None, wanted: list[str], unknown: bool) -> bool:
    prefix, _, name = operator.rpartition(":")
    name = name.lower()
    if name.endswith("ifexists"):
        if value is None:
            return True
        name = name.removesuffix("ifexists")
    if name == "null":
        return (value is None) == (wanted == ["true"])
    negative = "not" in name
    name = name.replace("not", "")
    if value is None:
        return negative or prefix.lower() == "forallvalues"
    if name == "stringequals":
        found = value in wanted
    elif name in {"stringequalsignorecase", "bool"}:
        found = value.lower() in [item.lower() for item in wanted]
    elif name in {"stringlike", "arnlike", "arnequals"}:
        found = any(pattern(item).fullmatch(value) for item in wanted)
    else:
        return unknown
    return found != negative


def documents_of(backend: IAMBackend, kind: str, name: str) -> list[Json]:
    """The policy documents of a user or role ("user", "role") of moto's IAM backend. KeyError for a missing one."""
    found: list[str | Json] = []
    if kind == "role":
        role = role_named(backend, name)
        if role is None:
            raise KeyError(name)
        found = [*role.policies.values(), *(_default(policy) for policy in role.managed_policies.values())]
    else:
        user = backend.users[name]
        groups = [group for group in backend.groups.values() if user in group.users]
        holders: list[User | Group] = [user, *groups]
        for holder in holders:
            found += [*holder.policies.values(), *(_default(policy) for policy in holder.managed_policies.values())]
    return [json.loads(item) if isinstance(item, str) else dict(item) for item in found]


def role_named(backend: IAMBackend, name: str) -> Role | None:
    """moto's role of that name, None when none exists."""
    return next((role for role in backend.roles.values() if role.name == name), None)


def boundary_of(backend: IAMBackend, kind: str, name: str) -> list[Json] | None:
    """The boundary of a role as a list of one, None where it has none. One that was deleted allows nothing."""
    role = role_named(backend, name) if kind == "role" else None
    if role is None or not role.permissions_boundary_arn:
        return None
    policy = backend.managed_policies.get(role.permissions_boundary_arn)
    return [json.loads(_default(policy))] if policy else []


Layers = list[tuple[str, list[Json]]]


def layers(backend: IAMBackend, arn: str, scps: Sequence[Document] | None = None, session: str = "") -> Layers:
    """The policies of a user or role, by what IAM calls their kind: each has to allow, and none may deny
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html). `session` is the
    policy of its session, as text."""
    who = principal(arn)
    try:
        found: Layers = [(IDENTITY, documents_of(backend, *who))]
    except KeyError:
        found = [(IDENTITY, [])]
    if scps is not None:
        found.insert(0, (SCP, [dict(document) for document in scps]))
    boundary = boundary_of(backend, *who)
    if boundary is not None:
        found.append((BOUNDARY, boundary))
    if session:
        found.append(("session policy", [json.loads(session)]))
    return found


def allowed(layers: Layers, action: str, resource: str, context: Context) -> tuple[str, str]:
    """`decide` over all layers, and the kind of policy that decides: any denial before what is not allowed."""
    answers = [(decide(documents, action, resource, context), kind) for kind, documents in layers]
    for worst in (DENIED, NOT_ALLOWED):
        for answer, kind in answers:
            if answer == worst:
                return answer, kind
    return ALLOWED, IDENTITY


def unconditional(documents: Iterable[Document]) -> list[Json]:
    """Service control policies as IAM's simulator takes them, which evaluates none of their conditions: each Deny
    applies, and no Allow that has one (https://github.com/aws/aws-sdk/issues/102)."""
    found = []
    for document in documents:
        kept = []
        for statement in listed(document.get("Statement")):
            if statement.get("Effect") == "Deny" or not statement.get("Condition"):
                kept.append({key: value for key, value in statement.items() if key != "Condition"})
        found.append({**document, "Statement": kept})
    return found


def _default(policy: ManagedPolicy) -> str:
    return next(str(version.document) for version in policy.versions if version.is_default)


def principal(arn: str) -> tuple[str, str]:
    """("user" or "role", name) of an IAM ARN, or of an STS one of an assumed role; ("", "") for any other."""
    match = re.fullmatch(r"arn:[^:]+:(?:iam|sts)::\d{12}:(user|role|assumed-role)/(.+)", arn)
    if not match:
        return "", ""
    if match[1] == "assumed-role":
        return "role", match[2].split("/")[0]
    return match[1], match[2].rpartition("/")[2]
