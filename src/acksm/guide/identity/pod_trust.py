"""Trust policies for EKS Pod Identity, beside those of IRSA (`trust`): compared by meaning, added and never replaced.

acksm's own statements trust EKS for service accounts of one cluster, one statement for each namespace, by the keys that
EKS sends (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html). Subjects are those of `trust.subject`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from acksm.aws.documents import Statement
from acksm.guide.identity.judged import (
    Judged,
    Verdict,
    applies,
    as_list,
    condition_of,
    decide,
    statements,
    with_statements,
)
from acksm.guide.identity.trust import account_of, subject
from acksm.json_types import Document, Json

SERVICE = "pods.eks.amazonaws.com"
ASSUME, TAG = "sts:AssumeRole", "sts:TagSession"
_ACCOUNT, _ARN = "aws:SourceAccount", "aws:SourceArn"
_CLUSTER, _NAMESPACE, _SERVICE_ACCOUNT = (
    f"aws:RequestTag/{name}" for name in ("eks-cluster-arn", "kubernetes-namespace", "kubernetes-service-account")
)
_NAME = "aws:RequestTag/eks-cluster-name"
# Of each pod: what they are is not known before.
_OF_PODS = ("aws:RequestTag/kubernetes-pod-name", "aws:RequestTag/kubernetes-pod-uid")


def statement(cluster_arn: str, subjects: Sequence[str], *, tags: bool = True) -> Statement:
    """acksm's statement for service accounts of one namespace of a cluster. Without session `tags` EKS sends no name
    of a service account, so that the whole cluster is trusted."""
    equals: dict[str, object] = {_ACCOUNT: cluster_arn.split(":")[4], _ARN: cluster_arn}
    if tags:
        accounts = [account for one in sorted(subjects) if (account := account_of(one))]
        equals |= {
            _CLUSTER: cluster_arn,
            _NAMESPACE: accounts[0][0],
            _SERVICE_ACCOUNT: [name for _, name in accounts],
        }
    return {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": [ASSUME, TAG],
        "Condition": {"StringEquals": equals},
    }


def statements_for(cluster_arn: str, subjects: Iterable[str], *, tags: bool = True) -> list[Statement]:
    """Those for `subjects`, () for no statement."""
    ordered = sorted(subjects)
    if not tags:
        return [statement(cluster_arn, ordered, tags=False)] if ordered else []
    named = groupby(ordered, lambda one: (account_of(one) or ("", ""))[0])
    return [statement(cluster_arn, list(of)) for namespace, of in named if namespace]


def _services(item: Statement) -> list[str]:
    principal = item.get("Principal")
    return [str(name) for name in as_list(principal.get("Service"))] if isinstance(principal, Mapping) else []


def trusted_subjects(item: Statement, cluster_arn: str) -> frozenset[str] | None:
    """The subjects that a well-formed statement of this cluster trusts, "*" for all of them; None for another one."""
    principal = item.get("Principal")
    if not isinstance(principal, Mapping) or set(principal) != {"Service"} or _services(item) != [SERVICE]:
        return None
    if item.get("Effect") != "Allow" or {str(one).lower() for one in as_list(item.get("Action"))} != _ACTIONS:
        return None
    condition = condition_of(item)
    keys = condition.get("stringequals", {})
    whole = {_ACCOUNT: frozenset({cluster_arn.split(":")[4]}), _ARN: frozenset({cluster_arn})}
    if set(condition) != {"stringequals"} or any(keys.get(key.lower()) != values for key, values in whole.items()):
        return None
    rest = {key: values for key, values in keys.items() if key not in {_ACCOUNT.lower(), _ARN.lower()}}
    if not rest:
        return frozenset({"*"})
    if set(rest) != {_CLUSTER.lower(), _NAMESPACE.lower(), _SERVICE_ACCOUNT.lower()}:
        return None
    if rest[_CLUSTER.lower()] != {cluster_arn}:
        return None
    return frozenset(
        subject(namespace, name) for namespace in rest[_NAMESPACE.lower()] for name in rest[_SERVICE_ACCOUNT.lower()]
    )


_ACTIONS = {ASSUME.lower(), TAG.lower()}


def subjects_of(document: Document | None, cluster_arn: str) -> frozenset[str]:
    """Every subject that acksm's own statements of this cluster trust."""
    found = (trusted_subjects(item, cluster_arn) for item in statements(document))
    return frozenset[str]().union(*(one or () for one in found))


def trusts(document: Document | None, cluster_arn: str, subject: str, *, tags: bool = True) -> Judged:
    """Whether EKS may give pods of `subject` in the cluster the role. `tags`: whether its sessions have tags, which
    need `sts:TagSession` too."""
    answers = [
        _trusts(document, cluster_arn, subject, action, tags) for action in ([ASSUME, TAG] if tags else [ASSUME])
    ]
    order = (Verdict.NO, Verdict.UNKNOWN, Verdict.YES)
    return min(answers, key=lambda one: order.index(one.verdict))


def _trusts(document: Document | None, cluster_arn: str, subject: str, action: str, tags: bool) -> Judged:
    account, cluster = cluster_arn.split(":")[4], cluster_arn.rpartition("/")[2]
    namespace, name = account_of(subject) or ("", "")
    context = {_ACCOUNT: account, _ARN: cluster_arn}
    sent = {_CLUSTER: cluster_arn, _NAME: cluster, _NAMESPACE: namespace, _SERVICE_ACCOUNT: name}
    absent = () if tags else [key.lower() for key in (*sent, *_OF_PODS)]
    known = {key.lower(): value for key, value in (context | (sent if tags else {})).items()}
    named = {SERVICE, "*"}
    found = (
        (item, applies(item, bool(named & set(_services(item))), action, known, absent))
        for item in statements(document)
    )
    judged = decide(found)
    return Judged(judged.verdict, judged.why or (action if judged.verdict is Verdict.NO else ""))


def merge(
    document: Document | None,
    cluster_arn: str,
    subjects: Collection[str],
    *,
    ours: bool,
    keep: Collection[str] = (),
    tags: bool = True,
) -> Json:
    """`document` with `subjects` of the cluster trusted by EKS Pod Identity; unchanged when they are.

    Statements of others, of other clusters and of IRSA are kept, byte for byte. In a role that is `ours`, acksm's
    statements of this cluster become those that trust exactly `subjects` and what of `keep` is trusted already; in one
    with another owner what is missing is added. Without `subjects` there is none of them.
    """
    found = statements(document)
    trusted = [trusted_subjects(item, cluster_arn) for item in found]
    had = frozenset[str]().union(*(one or () for one in trusted))
    if not ours:
        missing = {one for one in subjects if trusts(document, cluster_arn, one, tags=tags).verdict is not Verdict.YES}
        if not missing:
            return dict(document or {})
        return _replaced(document, found, trusted, statements_for(cluster_arn, missing | (had - {"*"}), tags=tags))
    desired = frozenset(subjects) | (had & set(keep))
    fresh = statements_for(cluster_arn, desired, tags=tags)
    mine = [trusted_subjects(item, cluster_arn) for item in fresh]
    if sorted(map(sorted, (one for one in trusted if one is not None))) == sorted(map(sorted, filter(None, mine))):
        return dict(document or {})
    return _replaced(document, found, trusted, fresh)


def _replaced(
    document: Document | None,
    found: Sequence[Statement],
    trusted: Sequence[frozenset[str] | None],
    fresh: Sequence[Statement],
) -> Json:
    """With `fresh` instead of acksm's own statements."""
    kept = [item for item, own in zip(found, trusted, strict=True) if own is None]
    return with_statements(document, [*kept, *fresh])


def without(document: Document, cluster_arn: str, subjects: Collection[str] | None = None) -> Json:
    """`document` without these subjects in acksm's own statements of the cluster; None: without those statements."""
    found = statements(document)
    trusted = [trusted_subjects(item, cluster_arn) for item in found]
    if all(own is None for own in trusted):
        return dict(document)
    kept: list[Statement] = []
    for item, own in zip(found, trusted, strict=True):
        if own is None:
            kept.append(item)
        elif subjects is not None:
            left = own - set(subjects)
            kept += [item] if left == own else statements_for(cluster_arn, left, tags="*" not in own)
    return with_statements(document, kept)
