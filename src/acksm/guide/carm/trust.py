"""The policies of both accounts, read and merged by meaning.

The controller role (A) may assume exactly the target roles (B), never "*"; a target role trusts exactly the controller
role. One statement on each side is this cluster's, known by its Sid; every other one is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from acksm.aws.documents import Statement
from acksm.guide.identity.judged import (
    GONE,
    Judged,
    Verdict,
    as_list,
    decide,
    inverted,
    matches,
    met,
    statements,
    with_statements,
)
from acksm.json_types import Document, Json

SID = "AcksmCarm"  # shared by all clusters in earlier versions, and the prefix of each cluster's own
POLICY = "acksm-carm"  # account A's inline policy
ASSUME, TAG = "sts:AssumeRole", "sts:TagSession"
EXTERNAL_ID = "sts:externalid"


def sid(cluster_arn: str) -> str:
    """The Sid of a cluster's own statement; IAM allows letters and digits in one."""
    return SID + hashlib.sha256(cluster_arn.encode()).hexdigest()[:8]


def actions(pod_identity: bool) -> list[str]:
    """EKS Pod Identity's session tags are passed on, so both sides have to allow them (EKS user guide, "Access AWS
    resources using EKS Pod Identity target IAM roles")."""
    return [ASSUME, TAG] if pod_identity else [ASSUME]


def trust_statement(principals: Sequence[str], pod_identity: bool, own: str) -> Statement:
    """B's statement with Sid `own`. A single principal is written without brackets, as IAM gives it back."""
    return {
        "Sid": own,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_many(sorted(set(principals)))},
        "Action": _one_or_many(actions(pod_identity)),
    }


def _one_or_many(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def principals_of(item: Statement) -> list[str]:
    """The AWS principals that a statement names."""
    named = item.get("Principal")
    return [str(name) for name in as_list(named.get("AWS"))] if isinstance(named, Mapping) else []


def merge_trust(document: Document | None, principals: Sequence[str], pod_identity: bool, own: str) -> Json:
    """`document` with the statement `own`, which trusts exactly `principals`; unchanged when it or other statements do.

    Conditions and further actions of the statement are kept. `principals` move to it from the statement SID, which all
    clusters once shared; the others remain there. A deleted principal (AROA…) is removed from both.
    """
    found = statements(document)
    marked = [item for item in found if item.get("Sid") in {own, SID}]
    if document and not marked and all(_names_exactly(document, one, pod_identity) for one in principals):
        return dict(document)
    base = next((item for item in found if item.get("Sid") == own), Statement())
    kept: list[Statement] = []
    for item in found:
        if item.get("Sid") == own:
            continue
        if item.get("Sid") == SID:
            named = principals_of(item)
            left = [name for name in named if name not in principals and not GONE.fullmatch(name)]
            if not base and set(named) - set(left):
                base = item
            if not left:
                continue
            if left != named:
                item = {**item, "Principal": {**item["Principal"], "AWS": _one_or_many(left)}}
        kept.append(item)
    fresh = trust_statement(principals, pod_identity, own)
    if base:
        fresh = {**base, **fresh, "Action": _one_or_many(_united(actions(pod_identity), base))}
        if base.get("Sid") == own and _same_reach(base, fresh):
            fresh = base
    if [item for item in found if item in [*kept, fresh]] == found and fresh in found:
        return dict(document or {})
    return with_statements(document, [*kept, fresh])


def _names_exactly(document: Document, principal: str, pod_identity: bool) -> bool:
    return trusts(document, principal, pod_identity, exact=True).verdict is Verdict.YES


def _united(needed: Sequence[str], base: Statement) -> list[str]:
    """The needed actions, and those that the statement has."""
    held = [str(action) for action in as_list(base.get("Action"))]
    folded = {action.lower() for action in held}
    return [*held, *(action for action in needed if action.lower() not in folded)]


def _same_reach(one: Statement, other: Statement) -> bool:
    return sorted(principals_of(one)) == sorted(principals_of(other)) and sorted(
        map(str, as_list(one.get("Action")))
    ) == sorted(map(str, as_list(other.get("Action"))))


def without(document: Document, own: str, principals: Iterable[str] = ()) -> Json | None:
    """`document` without the statement `own`, and without `principals` in the statement SID; None when nothing is
    left, unchanged when it had none of them."""
    removed = set(principals)
    kept: list[Statement] = []
    for item in statements(document):
        named = principals_of(item)
        left = [name for name in named if name not in removed]
        if item.get("Sid") == own or (item.get("Sid") == SID and named and not left):
            continue
        if item.get("Sid") == SID and left != named:
            item = {**item, "Principal": {**item["Principal"], "AWS": _one_or_many(left)}}
        kept.append(item)
    if kept == statements(document):
        return dict(document)
    return with_statements(document, kept) if kept else None


def trusts(document: Document | None, principal: str, pod_identity: bool, *, exact: bool = False) -> Judged:
    """Whether `principal` is trusted; for NO the reason is "external-id", "tag-session" or "not-named".

    With `exact` only statements count that name the role itself, not its whole account.
    """
    answers = {action: _trusts(document, principal, action, exact) for action in actions(pod_identity)}
    assume = answers[ASSUME]
    if assume.verdict is Verdict.NO:
        return Judged(Verdict.NO, "external-id" if _requires_external_id(document, principal, exact) else "not-named")
    if any(answer.verdict is Verdict.NO for answer in answers.values()):
        return Judged(Verdict.NO, "tag-session")
    return next((one for one in answers.values() if one.verdict is Verdict.UNKNOWN), Judged(Verdict.YES))


def _trusts(document: Document | None, principal: str, action: str, exact: bool) -> Judged:
    return decide((item, _applies(item, principal, action, exact)) for item in statements(document))


def _applies(item: Statement, principal: str, action: str, exact: bool) -> Judged:
    if "NotPrincipal" not in item and not _names(item, principal, exact and item.get("Effect") == "Allow"):
        return Judged(Verdict.NO)
    if "NotAction" not in item and not matches(item.get("Action"), action, fold=True):
        return Judged(Verdict.NO)
    holds = met(item, _context(principal), (EXTERNAL_ID,))
    if holds.verdict is not Verdict.NO and (name := inverted(item)):
        return Judged(Verdict.UNKNOWN, name)
    return holds


def _context(principal: str) -> dict[str, str]:
    """What is known of a controller's call: its principal, and that it uses TLS. It sends no ExternalId
    (aws-controllers-k8s/community#2175)."""
    return {
        "aws:principalarn": principal,
        "aws:principalaccount": principal.split(":")[4],
        "aws:securetransport": "true",
    }


def _requires_external_id(document: Document | None, principal: str, exact: bool) -> bool:
    """Whether an Allow would count if an ExternalId were sent."""
    return any(
        item.get("Effect") == "Allow"
        and _names(item, principal, exact)
        and matches(item.get("Action"), ASSUME, fold=True)
        and met(item, _context(principal), (EXTERNAL_ID,)) == Judged(Verdict.NO, EXTERNAL_ID)
        for item in statements(document)
    )


def _names(item: Statement, principal: str, exact: bool) -> bool:
    """Whether the statement is about this role: by its ARN, or (not `exact`) by its account or everyone."""
    named = item.get("Principal")
    names = as_list(named.get("AWS")) if isinstance(named, Mapping) else as_list(named)
    account, partition = principal.split(":")[4], principal.split(":")[1]
    wider = set() if exact else {account, f"arn:{partition}:iam::{account}:root", "*"}
    return bool(({principal} | wider) & set(map(str, names)))


def merge_policy(
    document: Document | None, roles: Iterable[str], pod_identity: bool, own: str, *, sole: bool = True
) -> Json:
    """A's policy with `roles` among those that the statement `own` allows assuming; unchanged when they are.

    Roles of other accounts, conditions and further actions of the statement are kept, wildcards are not. From the
    statement SID, which a role's clusters once shared, everything moves where only this cluster uses the role (`sole`),
    else only `roles`.
    """
    found, desired = statements(document), set(roles)
    base = next((item for item in found if item.get("Sid") == own), Statement())
    kept: list[Statement] = []
    for item in found:
        if item.get("Sid") not in {own, SID}:
            kept.append(item)
            continue
        named = [str(role) for role in as_list(item.get("Resource"))]
        plain = {role for role in named if "*" not in role and "?" not in role}
        mine = item.get("Sid") == own or sole
        desired |= plain if mine else set()
        if mine or set(named) & desired:
            base = base or item
        left = [] if mine else [role for role in named if role not in desired]
        if left:
            kept.append({**item, "Resource": left} if left != named else item)
    held = _united(actions(pod_identity), base)
    fresh: Statement = {**base, "Sid": own, "Effect": "Allow", "Action": sorted(held), "Resource": sorted(desired)}
    if base.get("Sid") == own and _as_sets(base) == _as_sets(fresh):
        fresh = base
    if found == [item for item in found if item in [*kept, fresh]] and fresh in found:
        return dict(document or {})
    return with_statements(document, [*kept, fresh])


def _as_sets(item: Statement) -> tuple[list[str], list[str]]:
    return sorted(map(str, as_list(item.get("Action")))), sorted(map(str, as_list(item.get("Resource"))))


def assumable(document: Document | None) -> frozenset[str]:
    """The roles that a policy's Allow statements allow assuming, patterns included."""
    return frozenset(
        str(role)
        for item in statements(document)
        if item.get("Effect") == "Allow" and matches(item.get("Action"), ASSUME, fold=True)
        for role in as_list(item.get("Resource"))
    )


def without_policy(document: Document, own: str, *, sole: bool) -> Json | None:
    """`document` without this cluster's statement, and with `sole` without SID; None when nothing is left, unchanged
    when it had none of them."""
    marked = {own, SID} if sole else {own}
    kept = [item for item in statements(document) if item.get("Sid") not in marked]
    if len(kept) == len(statements(document)):
        return dict(document)
    return with_statements(document, kept) if kept else None


def allows(
    documents: Iterable[Document], role: str, action: str = ASSUME, context: Mapping[str, str] | None = None
) -> Judged:
    """Whether these identity policies allow `action` on `role`; `context` has condition keys in lower case. NO
    also where none mentions it, although another policy of the same identity may allow it."""
    known = {"aws:securetransport": "true", **(context or {})}
    found = [item for document in documents for item in statements(document)]
    return decide((item, _permits(item, role, action, known)) for item in found)


def _permits(item: Statement, role: str, action: str, context: Mapping[str, str]) -> Judged:
    if "NotAction" not in item and not matches(item.get("Action"), action, fold=True):
        return Judged(Verdict.NO)
    if "NotResource" not in item and not matches(item.get("Resource"), role):
        return Judged(Verdict.NO)
    holds = met(item, context)
    if holds.verdict is not Verdict.NO and (name := inverted(item)):
        return Judged(Verdict.UNKNOWN, name)
    return holds


def wide_open(documents: Mapping[str, Document]) -> list[str]:
    """Names of policies that allow assuming every role, as in guide §6.1 (G8)."""
    return [
        name
        for name, document in documents.items()
        for item in statements(document)
        if item.get("Effect") == "Allow"
        and matches(item.get("Action"), ASSUME, fold=True)
        and "*" in as_list(item.get("Resource"))
    ]
