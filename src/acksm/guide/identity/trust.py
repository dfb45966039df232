"""Trust policies, compared by meaning: a scalar is a list of one, order does not count.

One statement is acksm's own: it trusts service accounts of one OIDC provider, by `aud` and `sub`. Everything else in
the document is kept, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from acksm.aws.documents import Statement
from acksm.guide.identity.judged import (
    Judged,
    applies,
    as_list as as_list,
    condition_of,
    decide,
    matches,
    statements as statements,
    with_statements,
)
from acksm.json_types import Document, Json

ACTION = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"
_SUBJECT = "system:serviceaccount:"


def subject(namespace: str, service_account: str) -> str:
    return f"{_SUBJECT}{namespace}:{service_account}"


def account_of(subject: str) -> tuple[str, str] | None:
    """(namespace, service account) of a subject; None for a pattern, and for what is not a service account."""
    namespace, colon, name = subject.removeprefix(_SUBJECT).partition(":")
    exact = subject.startswith(_SUBJECT) and colon and not set("*?") & set(subject)
    return (namespace, name) if exact and namespace and name else None


def statement(provider_arn: str, subjects: Sequence[str]) -> Statement:
    """acksm's statement: StringEquals on `<issuer>:aud` and `<issuer>:sub` (EKS user guide, "Assign IAM roles to
    Kubernetes service accounts")."""
    issuer = _issuer(provider_arn)
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": ACTION,
        "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": sorted(subjects)}},
    }


def _issuer(provider_arn: str) -> str:
    return provider_arn.partition(":oidc-provider/")[2]


def _federated(item: Statement) -> list[str]:
    principal = item.get("Principal")
    return [str(name) for name in as_list(principal.get("Federated"))] if isinstance(principal, Mapping) else []


def issuers(document: Document | None) -> list[str]:
    """The OIDC issuers of EKS whose tokens a trust policy names, sorted, without https://."""
    named = {
        _issuer(name) for item in statements(document) if item.get("Effect") == "Allow" for name in _federated(item)
    }
    return sorted(name for name in named if name.startswith("oidc.eks"))


def without_issuer(document: Document, issuer: str) -> Json:
    """`document` without the providers of an issuer; a statement that names no other is removed."""
    kept: list[Statement] = []
    for item in statements(document):
        others = [name for name in _federated(item) if _issuer(name) != issuer]
        if len(others) == len(_federated(item)):
            kept.append(item)
        elif others:
            kept.append({**item, "Principal": {**item["Principal"], "Federated": others}})
    return with_statements(document, kept)


def _provider(item: Statement) -> str:
    """The one provider of a statement that allows web identities and nothing else; "" for any other."""
    federated = _federated(item)
    one_action = [str(action).lower() for action in as_list(item.get("Action"))] == [ACTION.lower()]
    return federated[0] if len(federated) == 1 and one_action and item.get("Effect") == "Allow" else ""


def trusted_subjects(item: Statement, provider_arn: str) -> frozenset[str] | None:
    """The subjects that a well-formed statement of this provider trusts, or None when it is not one."""
    if _provider(item) != provider_arn:
        return None
    issuer = _issuer(provider_arn).lower()
    condition = condition_of(item)
    keys = condition.get("stringequals", {})
    exact = set(condition) == {"stringequals"} and set(keys) == {f"{issuer}:aud", f"{issuer}:sub"}
    return keys[f"{issuer}:sub"] if exact and keys[f"{issuer}:aud"] == {AUDIENCE} else None


def subjects_of(document: Document | None, provider_arn: str) -> frozenset[str]:
    """Every subject that statements of this provider trust: exact ones and patterns, "*" without a condition on it."""
    found: set[str] = set()
    key = f"{_issuer(provider_arn)}:sub".lower()
    for item in statements(document):
        if item.get("Effect") != "Allow" or not _of_provider(item, provider_arn):
            continue
        bound = [pairs[key] for operator, pairs in condition_of(item).items() if key in pairs and "not" not in operator]
        found |= bound[0] if bound else {"*"}
    return frozenset(found)


def _of_provider(item: Statement, provider_arn: str) -> bool:
    """Whether the statement is about web identities of this provider."""
    return provider_arn in _federated(item) and matches(item.get("Action"), ACTION, fold=True)


def trusts(document: Document | None, provider_arn: str, subject: str) -> Judged:
    """Whether `subject` of this provider is trusted with AUDIENCE: exactly, or by a pattern of the role's owner."""
    issuer = _issuer(provider_arn).lower()
    context = {f"{issuer}:sub": subject, f"{issuer}:aud": AUDIENCE}
    named = {provider_arn, "*"}
    return decide(
        (item, applies(item, bool(named & set(_federated(item))), ACTION, context)) for item in statements(document)
    )


def merge(
    document: Document | None,
    provider_arn: str,
    subjects: Sequence[str],
    *,
    ours: bool,
    shared: bool = False,
    keep: Collection[str] = (),
) -> Json:
    """`document` with `subjects` of `provider_arn` trusted; unchanged when they are.

    In a role with another owner what is missing is added, and nothing is removed. In one that is `ours`, statements of
    this provider become one that trusts exactly `subjects` and those of `keep` that are trusted already; and the
    statement of another issuer of this account and region is removed, unless the role is `shared` with other clusters:
    a cluster that was recreated under its name has a new issuer, and the old statement trusts no one
    (kubeflow-manifests#743).
    """
    found = statements(document)
    if not ours:
        return _extended(document, found, provider_arn, subjects)
    kept: list[Statement] = []
    mine: list[Statement] = []
    for item in found:
        if item.get("Effect") == "Allow" and _of_provider(item, provider_arn):
            mine.append(item)
            if others := [name for name in _federated(item) if name != provider_arn]:
                kept.append({**item, "Principal": {**item["Principal"], "Federated": others}})
        elif shared or not _is_former(item, provider_arn):
            kept.append(item)
    trusted = frozenset[str]().union(*(trusted_subjects(item, provider_arn) or () for item in mine))
    desired = frozenset(subjects) | (trusted & set(keep))
    if len(mine) == 1 and len(kept) + 1 == len(found) and trusted_subjects(mine[0], provider_arn) == desired:
        return dict(document or {})
    return with_statements(document, [*kept, statement(provider_arn, sorted(desired))])


def _extended(
    document: Document | None, found: Sequence[Statement], provider_arn: str, subjects: Sequence[str]
) -> Json:
    """With what is missing added, to the first well-formed statement of this provider or as a new one."""
    trusted = [trusted_subjects(item, provider_arn) for item in found]
    missing = set(subjects) - frozenset[str]().union(*(one or () for one in trusted))
    if not missing:
        return dict(document or {})
    at = next((index for index, one in enumerate(trusted) if one is not None), None)
    if at is None:
        return with_statements(document, [*found, statement(provider_arn, sorted(missing))])
    wider = statement(provider_arn, sorted(missing | (trusted[at] or set())))
    return with_statements(document, [*found[:at], {**found[at], "Condition": wider["Condition"]}, *found[at + 1 :]])


def _is_former(item: Statement, provider_arn: str) -> bool:
    """A well-formed statement of another EKS issuer of the same region and account."""
    other = _provider(item)
    same = ".eks." in other and other.rpartition("/")[0] == provider_arn.rpartition("/")[0]
    return same and other != provider_arn and trusted_subjects(item, other) is not None


def without(document: Document, provider_arn: str, subjects: Collection[str]) -> Json:
    """`document` without these subjects of the provider; a statement that would trust no one is removed."""
    key, kept = f"{_issuer(provider_arn)}:sub".lower(), list[Statement]()
    for item in statements(document):
        if item.get("Effect") != "Allow" or not _of_provider(item, provider_arn):
            kept.append(item)
            continue
        condition, bound, left = dict(item.get("Condition") or {}), False, False
        for operator, pairs in condition.items():
            if "not" in str(operator).lower() or not isinstance(pairs, Mapping):
                continue
            for name in [name for name in pairs if str(name).lower() == key]:
                names = [one for one in as_list(pairs[name]) if one not in subjects]
                bound, left = True, left or bool(names)
                condition[operator] = {**pairs, name: names[0] if len(names) == 1 else names}
        if left or (not bound and "*" not in subjects):
            kept.append({**item, "Condition": condition} if bound else item)
    return with_statements(document, kept)
