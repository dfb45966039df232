"""What policies say, as far as documents alone show: yes, no, or unknown.

A statement applies when its elements match; a condition on anything but what a controller's call is known to have, and
every NotAction, NotPrincipal and NotResource, makes it one that may apply. What may apply is never a yes, and with a
Deny that may apply there is no yes (IAM User Guide, "Policy evaluation logic").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, cast

from acksm.aws.documents import Statement
from acksm.globs import pattern
from acksm.json_types import Document, Json, Value

# Elements whose reach depends on what is not written in them.
INVERTED = ("NotAction", "NotPrincipal", "NotResource")

# What IAM shows instead of the ARN of a deleted principal: AROA…, AIDA… (IAM User Guide, "IAM identifiers").
GONE = re.compile(r"A[A-Z0-9]{15,}")


class Verdict(StrEnum):
    """`UNKNOWN` is never a yes: only the real call, or IAM's simulation, shows it."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Judged(NamedTuple):
    """A verdict and why: what cannot be evaluated, or for NO what is missing; "" for no reason."""

    verdict: Verdict
    why: str = ""


def as_list(value: object) -> list[Value]:
    """IAM's grammar allows a list of one without brackets."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def statements(document: Document | None) -> list[Statement]:
    return [cast(Statement, item) for item in as_list((document or {}).get("Statement")) if isinstance(item, Mapping)]


def with_statements(document: Document | None, kept: Iterable[Statement]) -> Json:
    """`document` with other statements; its Id and every other top-level key are kept."""
    return {"Version": "2012-10-17", **(document or {}), "Statement": list(kept)}


def matches(patterns: object, value: str, *, fold: bool = False) -> bool:
    """Whether one of `patterns` (one or a list) has `value`."""
    return any(pattern(str(text), fold=fold).fullmatch(value) for text in as_list(patterns))


def inverted(item: Statement) -> str:
    """The element of the statement that cannot be evaluated, "" for none."""
    return next((name for name in INVERTED if name in item), "")


def condition_of(item: Statement) -> dict[str, dict[str, frozenset[str]]]:
    """Operators and keys in lower case (both are case-insensitive), values as sets."""
    condition = item.get("Condition")
    if not isinstance(condition, Mapping):
        return {}
    return {
        str(operator).lower(): {str(key).lower(): frozenset(map(str, as_list(values))) for key, values in pairs.items()}
        for operator, pairs in condition.items()
        if isinstance(pairs, Mapping)
    }


_EXACT = {"stringequals", "arnequals"}
_PATTERN = {"stringlike", "arnlike", "arnequals"}  # ArnEquals behaves as ArnLike (IAM User Guide, "ARN condition")


def met(item: Statement, context: Mapping[str, str], absent: Iterable[str] = ()) -> Judged:
    """Whether the statement's conditions hold for a request with `context` (keys in lower case). Keys in `absent` are
    known not to be sent; any other key, and an operator that is not known here, is UNKNOWN."""
    missing, unknown = set(absent), ""
    for operator, pairs in condition_of(item).items():
        for key, values in pairs.items():
            answer = _holds(operator, context.get(key), values, key in missing)
            if answer is Verdict.NO:
                return Judged(Verdict.NO, key)
            if answer is Verdict.UNKNOWN:
                unknown = unknown or f"a condition on {key}"
    return Judged(Verdict.UNKNOWN, unknown) if unknown else Judged(Verdict.YES)


def _holds(operator: str, value: str | None, desired: frozenset[str], absent: bool) -> Verdict:
    optional = operator.endswith("ifexists")
    name = operator.removesuffix("ifexists")
    negative = "not" in name
    name = name.replace("not", "", 1)
    if value is None and not absent:
        return Verdict.UNKNOWN
    if name == "null":
        return _verdict((value is None) == (desired == {"true"})) if desired <= {"true", "false"} else Verdict.UNKNOWN
    if name not in _EXACT | _PATTERN | {"bool"} or (name == "bool" and negative):
        return Verdict.UNKNOWN
    if value is None:
        return _verdict(optional or negative)
    if any("${" in text for text in desired):  # a policy variable
        return Verdict.UNKNOWN
    found = any(pattern(text).fullmatch(value) for text in desired) if name in _PATTERN else value in desired
    if name == "bool":
        found = value in {text.lower() for text in desired}
    return _verdict(found != negative)


def _verdict(holds: bool) -> Verdict:
    return Verdict.YES if holds else Verdict.NO


def applies(
    item: Statement, named: bool, action: str, context: Mapping[str, str], absent: Iterable[str] = ()
) -> Judged:
    """Whether a statement of a trust policy applies to `action` by a principal that it has `named`; a denial of
    everyone applies to all. `context` and `absent` as in `met`."""
    principal = item.get("Principal")
    everyone = principal == "*" or (isinstance(principal, Mapping) and "*" in as_list(principal.get("AWS")))
    denied_to_all = everyone and item.get("Effect") == "Deny"
    if not (named or denied_to_all or "NotPrincipal" in item):
        return Judged(Verdict.NO)
    if "NotAction" not in item and not matches(item.get("Action"), action, fold=True):
        return Judged(Verdict.NO)
    holds = met(item, context, absent)
    if holds.verdict is not Verdict.NO and (name := inverted(item)):
        return Judged(Verdict.UNKNOWN, name)
    return holds


def decide(found: Iterable[tuple[Statement, Judged]]) -> Judged:
    """All statements together, each with whether it applies to the request: a Deny wins, then an Allow."""
    allowed = False
    doubts: list[str] = []
    denied: list[str] = []
    for item, judged in found:
        denies = item.get("Effect") == "Deny"
        if judged.verdict is Verdict.YES and denies:
            return Judged(Verdict.NO, "denied")
        if judged.verdict is Verdict.UNKNOWN:
            (denied if denies else doubts).append(f"{'a Deny' if denies else 'an Allow'} with {judged.why}")
        allowed = allowed or (judged.verdict is Verdict.YES and item.get("Effect") == "Allow")
    if denied and (allowed or doubts):
        return Judged(Verdict.UNKNOWN, denied[0])
    if allowed:
        return Judged(Verdict.YES)
    return Judged(Verdict.UNKNOWN, doubts[0]) if doubts else Judged(Verdict.NO)


def trusted_principals(document: Document | None) -> frozenset[str]:
    """Whom a trust policy's Allow statements trust, in words: principals, and with a web identity its subjects. Deleted
    principals (AROA…) are omitted."""
    found: set[str] = set()
    for item in statements(document):
        named = item.get("Principal", item.get("NotPrincipal"))
        names = [name for kind in named.values() for name in as_list(kind)] if isinstance(named, Mapping) else [named]
        subjects = sorted(
            text
            for pairs in condition_of(item).values()
            for key, values in pairs.items()
            if key.endswith(":sub")
            for text in values
        )
        for name in map(str, names) if item.get("Effect") == "Allow" else ():
            if GONE.fullmatch(name):
                continue
            by_token = ":oidc-provider/" in name
            found |= {f"{one} of {name}" for one in subjects or ["everyone"]} if by_token else {name}
    return frozenset(found)
