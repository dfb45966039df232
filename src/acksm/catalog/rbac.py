"""Ids of rights in the cluster: who gets which, and which each command needs."""

from acksm.catalog import Entry
from acksm.exits import ExitCode

_R, _U, _OK = ExitCode.REFUSED, ExitCode.USAGE, ExitCode.OK

ENTRIES = (
    Entry(
        "rbac-unknown",
        "no such command with rights in the cluster",
        "The name is misspelt, or the command sends nothing to the apiserver.",
        'acksm doctor --print-rbac "samples apply"',
        _U,
    ),
    Entry(
        "rbac-administrator",
        "the command needs a cluster administrator",
        "It creates or deletes CRDs and ClusterRoles, or reads all that install would change. RBAC allows no one to "
        "create a role with more rights than their own, so a Role of its own would grant as much as cluster-admin.",
        "aws eks associate-access-policy --cluster-name CLUSTER --region REGION --principal-arn PRINCIPAL_ARN "
        "--access-scope type=cluster --policy-arn arn:PARTITION:eks::aws:cluster-access-policy/"
        "AmazonEKSClusterAdminPolicy   (as an administrator of the cluster; or a ClusterRoleBinding to cluster-admin)",
        _U,
    ),
    Entry(
        "rbac-subject",
        "no valid group or user",
        "A grant needs one at least. Names that begin with `system:` are reserved for Kubernetes itself; "
        "only service accounts, `system:serviceaccount:NAMESPACE:NAME`, get rights as users.",
        "acksm rbac grant NAMESPACE --group GROUP",
        _U,
    ),
    Entry(
        "rbac-not-ours",
        "a Role of that name exists",
        "Another user or tool created it; acksm changes only Roles and RoleBindings that it created.",
        "kubectl get roles,rolebindings -n NAMESPACE --show-labels",
        _R,
    ),
    Entry("rbac.role", "a Role is created or updated", "It is missing, or has other rules.", "", _OK),
    Entry("rbac.bind", "a RoleBinding is created or updated", "A group or user gets a Role.", "", _OK),
    Entry(
        "rbac.revoke",
        "a Role or RoleBinding of acksm is deleted",
        "Its group or user is revoked, or no one has the Role.",
        "",
        _OK,
    ),
)
