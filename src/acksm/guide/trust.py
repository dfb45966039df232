"""Trust policies, compared by meaning: a scalar is a list of one, order does not count.

One statement is ours: it lets service accounts of one OIDC provider in, with `aud` and `sub`. Everything else in the
document is its owner's and stays as it is, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

ACTION = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"

Statement = Mapping[str, Any]


def as_list(value: Any) -> list[Any]:
    """IAM's grammar lets a list of one be written without brackets."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def subject(namespace: str, service_account: str) -> str:
    return f"system:serviceaccount:{namespace}:{service_account}"


def statement(provider_arn: str, subjects: Sequence[str]) -> dict[str, Any]:
    """Our statement: StringEquals on `<issuer>:aud` and `<issuer>:sub` (ack-facts.md §4.1 #3)."""
    issuer = provider_arn.partition(":oidc-provider/")[2]
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": ACTION,
        "Condition": {"StringEquals": {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": sorted(subjects)}},
    }


def statements(document: Mapping[str, Any] | None) -> list[Statement]:
    return [item for item in as_list((document or {}).get("Statement")) if isinstance(item, Mapping)]


def _provider(item: Statement) -> str:
    principal = item.get("Principal")
    federated = as_list(principal.get("Federated")) if isinstance(principal, Mapping) else []
    one_action = [str(action).lower() for action in as_list(item.get("Action"))] == [ACTION.lower()]
    return str(federated[0]) if len(federated) == 1 and one_action and item.get("Effect") == "Allow" else ""


def _condition(item: Statement) -> dict[str, dict[str, frozenset[str]]]:
    """Operators and keys in lower case (both are case-insensitive), values as sets."""
    condition = item.get("Condition")
    if not isinstance(condition, Mapping):
        return {}
    return {
        str(operator).lower(): {str(key).lower(): frozenset(map(str, as_list(values))) for key, values in pairs.items()}
        for operator, pairs in condition.items()
        if isinstance(pairs, Mapping)
    }


def admitted(item: Statement, provider_arn: str) -> frozenset[str] | None:
    """The subjects that a well-formed statement of this provider lets in, or None when it is not one."""
    if _provider(item) != provider_arn:
        return None
    issuer = provider_arn.partition(":oidc-provider/")[2].lower()
    condition = _condition(item)
    keys = condition.get("stringequals", {})
    exact = set(condition) == {"stringequals"} and set(keys) == {f"{issuer}:aud", f"{issuer}:sub"}
    return keys[f"{issuer}:sub"] if exact and keys[f"{issuer}:aud"] == {AUDIENCE} else None


def lets_in(document: Mapping[str, Any] | None, provider_arn: str, subject: str) -> bool:
    """Whether a statement of this provider lets `subject` in with AUDIENCE: exactly, or by a pattern of its owner's.
    Conditions on anything else count as not met."""
    issuer = provider_arn.partition(":oidc-provider/")[2].lower()
    told = {f"{issuer}:sub": subject, f"{issuer}:aud": AUDIENCE}
    for item in statements(document):
        principal = item.get("Principal")
        federated = as_list(principal.get("Federated")) if isinstance(principal, Mapping) else []
        if item.get("Effect") != "Allow" or provider_arn not in federated:
            continue
        actions = [str(action).lower() for action in as_list(item.get("Action"))]
        if not {ACTION.lower(), "sts:*", "*"} & set(actions):
            continue
        if all(_met(operator, pairs, told) for operator, pairs in _condition(item).items()):
            return True
    return False


def _met(operator: str, pairs: Mapping[str, frozenset[str]], told: Mapping[str, str]) -> bool:
    """Whether what a token says meets one operator of a condition."""
    if operator == "stringequals":
        return all(told.get(key) in values for key, values in pairs.items())
    if operator == "stringlike":
        return all(
            any(fnmatchcase(told.get(key, ""), value.replace("[", "[[]")) for value in values)
            for key, values in pairs.items()
        )
    return False


def merge(
    document: Mapping[str, Any] | None, provider_arn: str, subjects: Sequence[str], *, drop_stale: bool
) -> dict[str, Any]:
    """`document` with exactly what is missing: `subjects` of `provider_arn` let in.

    Subjects that are admitted already stay. A statement of this provider that is malformed is replaced. With
    `drop_stale` (the role is ours) statements of another cluster's life are replaced too: a cluster made again under
    the same name has a new issuer, and the old statement lets nobody in (kubeflow-manifests#743).
    """
    kept: list[Statement] = []
    wanted = set(subjects)
    for item in statements(document):
        provider = _provider(item)
        let_in = admitted(item, provider_arn)
        if let_in is not None:
            if set(subjects) <= let_in:
                return dict(document or {})
            wanted |= let_in
        elif (provider == provider_arn and drop_stale) or (
            drop_stale and provider and _same_family(provider, provider_arn) and admitted(item, provider) is not None
        ):
            continue
        else:
            kept.append(item)
    version = (document or {}).get("Version", "2012-10-17")
    return {"Version": version, "Statement": [*kept, statement(provider_arn, sorted(wanted))]}


def _same_family(one: str, other: str) -> bool:
    """Both are EKS issuers of the same region and account; only the id behind the last slash differs."""
    return ".eks." in one and one.rpartition("/")[0] == other.rpartition("/")[0]
