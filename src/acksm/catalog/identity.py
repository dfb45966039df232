"""Ids of `acksm identity`: how pods get their role, and the way to EKS Pod Identity and back."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R = ExitCode.REFUSED

_STATUS = (
    Entry(
        "identity-missing",
        "a service account has neither an association nor a role annotation",
        "Its pods have the node's role or none. The annotation or the association was removed, or never created.",
        "acksm install",
        _R,
    ),
    Entry(
        "identity-roles-differ",
        "the association and the annotation name different roles",
        "A pod keeps what it got when it was created: older pods have the annotation's role, the next ones have the "
        "association's (docs/ack/identity.md#pod-identity).",
        "aws eks list-pod-identity-associations --cluster-name CLUSTER --region REGION   (then update or delete the "
        "wrong one)",
        _R,
    ),
    Entry(
        "identity-not-trusted",
        "the role does not trust the way in use",
        "IRSA needs the cluster's OIDC provider and a statement for it, EKS Pod Identity one for "
        "pods.eks.amazonaws.com, with sts:TagSession unless session tags are off. Running pods lose their credentials "
        "within hours.",
        "acksm identity migrate --to irsa   (or: --to pod-identity; the one that is in use)",
    ),
    Entry(
        "identity-pod-older",
        "a pod is older than the association of its service account",
        "What EKS's webhook gives a pod is decided when it is created, and nothing restarts it "
        "(docs/ack/identity.md#pod-identity).",
        "kubectl -n ack-system rollout restart deployment NAME",
    ),
    Entry(
        "identity-association-deleted",
        "a pod has the credentials of an association that was deleted",
        "EKS gives it no new ones, so that it works until those that it has expire.",
        "kubectl -n ack-system rollout restart deployment NAME",
    ),
    Entry(
        "identity-pod-differs",
        "a pod has another role than its service account is annotated with",
        "It was created before the annotation was set, changed or removed.",
        "kubectl -n ack-system rollout restart deployment NAME",
    ),
    Entry(
        "identity-static",
        "a pod has credentials of its own",
        "SDKs use keys and profiles of a container's variables before any role "
        "(docs/ack/identity.md#order-of-the-sdk).",
        "kubectl -n ack-system get deployment NAME -o yaml",
    ),
)
_MIGRATE = (
    Entry(
        "identity-role-account",
        "the role is not in the cluster account",
        "EKS associates only roles of the cluster's own account, and acksm changes no role of another one.",
        "acksm install --role-name NAME",
        _R,
    ),
    Entry(
        "identity-role-unread",
        "a role in another account could not be read",
        "Sessions of EKS Pod Identity have tags that are passed on, so each role that the controllers assume has to "
        "allow sts:TagSession. Without it they would silently lose the other account.",
        "acksm identity migrate --to pod-identity --target-profile PROFILE",
        _R,
    ),
    Entry(
        "identity-target-role",
        "the association has a target role, which an annotation cannot name",
        "EKS assumes the target role through the association's. With an annotation a pod has one role, and assumes "
        "others as `acksm carm` sets them up.",
        "acksm carm setup --target-account ID --target-profile PROFILE",
        _R,
    ),
)
ENTRIES = (*_STATUS, *_MIGRATE)
