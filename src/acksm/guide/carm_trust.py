"""Policies on both sides of a border between accounts, read and merged by meaning.

Account A's role may assume exactly the roles of B (never "*"); B's role trusts exactly A's role. One statement on each
side is acksm's, known by its Sid; every other statement is its owner's and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acksm import globs
from acksm.guide.trust import as_list, statements

SID = "AcksmCarm"
POLICY = "acksm-carm"  # account A's inline policy
ASSUME, TAG = "sts:AssumeRole", "sts:TagSession"
EXTERNAL_ID = "sts:externalid"

Document = Mapping[str, Any]


def actions(pod_identity: bool) -> list[str]:
    """EKS Pod Identity's session tags are handed on, so both sides have to allow them (ack-facts.md §2.2)."""
    return [ASSUME, TAG] if pod_identity else [ASSUME]


def trust_statement(principals: Sequence[str], pod_identity: bool) -> dict[str, Any]:
    """B's statement. A single principal is written without brackets, as IAM gives it back."""
    names = sorted(set(principals))
    allowed = actions(pod_identity)
    return {
        "Sid": SID,
        "Effect": "Allow",
        "Principal": {"AWS": names[0] if len(names) == 1 else names},
        "Action": allowed[0] if len(allowed) == 1 else allowed,
    }


def merge_trust(document: Document | None, principals: Sequence[str], pod_identity: bool) -> dict[str, Any]:
    """`document` with acksm's statement in it; unchanged when its statements admit all `principals` already.

    A statement that carries acksm's Sid is replaced: it may name a role that was made anew (IAM then shows an id in
    the place of the ARN).
    """
    if document and all(admits(document, principal, pod_identity, exact=True) == "" for principal in principals):
        return dict(document)
    kept = [item for item in statements(document) if item.get("Sid") != SID]
    version = (document or {}).get("Version", "2012-10-17")
    return {"Version": version, "Statement": [*kept, trust_statement(principals, pod_identity)]}


def admits(document: Document | None, principal: str, pod_identity: bool, *, exact: bool = False) -> str:
    """Why `principal` is not let in: "" (it is), "external-id", "tag-session" or "not-named".

    With `exact` only statements count that name the role itself, not its whole account.
    """
    needed = set(actions(pod_identity))
    found: set[str] = set()
    external = False
    for item in statements(document):
        if not _names(item, principal, exact and item.get("Effect") == "Allow"):
            continue
        allowed = {action for action in needed if _matches(item.get("Action"), action, fold=True)}
        if item.get("Effect") == "Deny":
            if not item.get("Condition") and ASSUME in allowed:
                return "not-named"
        elif _external_id(item):
            external = external or ASSUME in allowed
        else:
            found |= allowed
    if needed <= found:
        return ""
    if external and ASSUME not in found:
        return "external-id"
    return "tag-session" if ASSUME in found else "not-named"


def _names(item: Mapping[str, Any], principal: str, exact: bool) -> bool:
    """Whether the statement is about this role: by its ARN, or (not `exact`) by its account or everyone."""
    named = item.get("Principal")
    names = as_list(named.get("AWS")) if isinstance(named, Mapping) else as_list(named)
    account, partition = principal.split(":")[4], principal.split(":")[1]
    wider = set() if exact else {account, f"arn:{partition}:iam::{account}:root", "*"}
    return bool(({principal} | wider) & set(map(str, names)))


def _external_id(item: Mapping[str, Any]) -> bool:
    condition = item.get("Condition")
    pairs = condition.values() if isinstance(condition, Mapping) else ()
    return any(str(key).lower() == EXTERNAL_ID for each in pairs if isinstance(each, Mapping) for key in each)


def _matches(patterns: Any, value: str, *, fold: bool = False) -> bool:
    return any(globs.pattern(str(text), fold=fold).fullmatch(value) for text in as_list(patterns))


def merge_policy(document: Document | None, roles: Iterable[str], pod_identity: bool) -> dict[str, Any]:
    """A's policy with `roles` among the roles that may be assumed; unchanged when they are.

    Roles of other accounts in acksm's statement stay, wildcards in it do not.
    """
    mine = next((item for item in statements(document) if item.get("Sid") == SID), {})
    before = [str(role) for role in as_list(mine.get("Resource"))]
    wanted = sorted({role for role in before if "*" not in role and "?" not in role} | set(roles))
    needed = actions(pod_identity)
    held = [str(action) for action in as_list(mine.get("Action"))]
    if mine and sorted(before) == wanted and {a.lower() for a in needed} <= {a.lower() for a in held}:
        return dict(document or {})
    kept = [item for item in statements(document) if item.get("Sid") != SID]
    statement = {
        "Sid": SID,
        "Effect": "Allow",
        "Action": sorted({*needed, *(action for action in held if action in (ASSUME, TAG))}),
        "Resource": wanted,
    }
    return {"Version": (document or {}).get("Version", "2012-10-17"), "Statement": [*kept, statement]}


def allows(documents: Iterable[Document], role: str, action: str = ASSUME) -> bool | None:
    """Whether identity policies let `action` on `role` through: True, False by a Deny, None where none says so."""
    answer = None
    for document in documents:
        for item in statements(document):
            if not _matches(item.get("Action"), action, fold=True) or not _matches(item.get("Resource"), role):
                continue
            if item.get("Effect") == "Deny" and not item.get("Condition"):
                return False
            if item.get("Effect") == "Allow":
                answer = True
    return answer


def wide_open(documents: Mapping[str, Document]) -> list[str]:
    """Names of policies that let every role be assumed, as guide §6.1 wrote it (G8)."""
    return [
        name
        for name, document in documents.items()
        for item in statements(document)
        if item.get("Effect") == "Allow"
        and _matches(item.get("Action"), ASSUME, fold=True)
        and "*" in as_list(item.get("Resource"))
    ]
